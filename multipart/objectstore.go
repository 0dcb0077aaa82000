package multipart

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"

	"github.com/ossmultipart/go-oss/oss"
)

// An ObjectStore is a Store that keeps its records in OSS: each is a small object under a prefix of a bucket.
type ObjectStore struct {
	client *oss.Client
	bucket string
	prefix string
	key    func(id string) string
	header http.Header // of every request
}

// NewObjectStore returns a Store that keeps records as objects in bucket, with keys that begin with prefix.
func NewObjectStore(c *oss.Client, bucket, prefix string) (*ObjectStore, error) {
	if c == nil {
		return nil, errors.New("multipart: client is nil")
	}
	s := &ObjectStore{client: c, bucket: bucket, prefix: prefix}
	s.key = func(id string) string { return prefix + nameOf(id) + ".json" }
	if err := oss.CheckObjectName(bucket, s.key("")); err != nil {
		return nil, err
	}
	return s, nil
}

// nameOf returns a name for a record whose id may contain any characters.
func nameOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}

// maxRecord bounds a record, which has a tail of up to 12.5 MiB in base64.
const maxRecord = 32 << 20 // bytes

// Load implements Store.
func (s *ObjectStore) Load(ctx context.Context, id string) (Plan, error) {
	obj, err := s.client.GetObject(ctx, s.bucket, s.key(id), &oss.GetOptions{Header: s.header})
	if errors.Is(err, oss.ErrNoSuchBucket) {
		return Plan{}, fmt.Errorf("multipart: %v", err) // which is more than a missing record
	}
	if err != nil {
		return Plan{}, fmt.Errorf("multipart: %w", err)
	}
	defer obj.Body.Close()
	text, err := io.ReadAll(io.LimitReader(obj.Body, maxRecord))
	if err != nil {
		return Plan{}, fmt.Errorf("multipart: %w", err)
	}
	r, err := decodeRecord(text)
	if err == nil && r.ID != id {
		err = fs.ErrNotExist
	}
	if err != nil {
		return Plan{}, fmt.Errorf("multipart: oss://%s/%s is no record of %s: %w",
			s.bucket, oneLine(s.key(id)), oneLine(id), err)
	}
	return r.Plan, nil
}

// Save implements Store.
func (s *ObjectStore) Save(ctx context.Context, id string, p Plan) error {
	text, err := json.Marshal(recordFile{Version: recordVersion, ID: id, Plan: p})
	if err != nil {
		return fmt.Errorf("multipart: %w", err)
	}
	opts := &oss.ObjectOptions{ContentType: "application/json", Header: s.header}
	if _, err := s.client.PutObject(ctx, s.bucket, s.key(id), bytes.NewReader(text), opts); err != nil {
		return fmt.Errorf("multipart: %w", err)
	}
	return nil
}

// Delete implements Store.
func (s *ObjectStore) Delete(ctx context.Context, id string) error {
	if err := s.client.DeleteObject(ctx, s.bucket, s.key(id), &oss.DeleteOptions{Header: s.header}); err != nil {
		return fmt.Errorf("multipart: %w", err)
	}
	return nil
}
