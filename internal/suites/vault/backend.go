// Package vault is a storage backend of HashiCorp Vault in a bucket. Vault's own suite of tests for backends runs
// against it, as a judge of package oss that others wrote.
package vault

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"

	"github.com/hashicorp/vault/sdk/physical"

	"github.com/ossmultipart/go-oss/oss"
)

// A Backend is a physical.Backend. The key of an entry is that of its object.
type Backend struct {
	Client *oss.Client
	Bucket string
}

// Put replaces an entry.
func (b *Backend) Put(ctx context.Context, e *physical.Entry) error {
	_, err := b.Client.PutObject(ctx, b.Bucket, e.Key, bytes.NewReader(e.Value), nil)
	return err
}

// Get returns an entry, or nil if there is none.
func (b *Backend) Get(ctx context.Context, key string) (*physical.Entry, error) {
	object, err := b.Client.GetObject(ctx, b.Bucket, key, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer object.Body.Close()
	value, err := io.ReadAll(object.Body)
	return &physical.Entry{Key: key, Value: value}, err
}

// Delete deletes an entry, which may not exist.
func (b *Backend) Delete(ctx context.Context, key string) error {
	return b.Client.DeleteObject(ctx, b.Bucket, key, nil)
}

// List returns what follows prefix in the keys that begin with it, up to the next slash.
func (b *Backend) List(ctx context.Context, prefix string) (keys []string, err error) {
	for e, err := range b.Client.Objects(ctx, b.Bucket, &oss.ListObjectsOptions{Prefix: prefix, Delimiter: "/"}) {
		if err != nil {
			return nil, err
		}
		keys = append(keys, strings.TrimPrefix(e.Key, prefix))
	}
	return keys, nil
}
