package oss

import (
	"context"
	"crypto/md5"
	"fmt"
	"net/http"
	"strings"

	"github.com/ossmultipart/go-oss/internal/ossxml"
)

// This file holds what the operations that read or write a document, or have neither, share.

// VersionOptions are the options of operations on one version of an object. The zero value and nil are the defaults.
type VersionOptions struct {
	VersionID string      // empty means the current version
	Header    http.Header // further headers
}

// request begins the request of an operation on an object. The parameters are pairs.
func (o *VersionOptions) request(op, method, bucket, key string, parameters ...string) (*Request, error) {
	r, err := versionRequest(op, method, bucket, key, (*versionOptions)(o))
	if err != nil {
		return nil, err
	}
	for name, values := range query(parameters...) {
		r.Query[name] = values
	}
	return r, nil
}

// bucketRequest begins the request of an operation on a bucket. The parameters are pairs; those with an empty value
// are left out, unless they are the first, which names the operation.
func bucketRequest(op, method, bucket string, header http.Header, parameters ...string) (*Request, error) {
	if err := checkBucket(bucket); err != nil {
		return nil, err
	}
	r := &Request{Op: op, Method: method, Bucket: bucket, Query: query(), Header: make(http.Header)}
	addHeader(r.Header, header)
	for i := 0; i < len(parameters); i += 2 {
		if name, value := parameters[i], parameters[i+1]; value != "" || i == 0 {
			r.Query.Set(name, value)
		}
	}
	return r, nil
}

// sendEmpty sends r, whose reply has no document.
func (c *Client) sendEmpty(ctx context.Context, r *Request) (*http.Response, error) {
	return c.sendAndClose(ctx, r, sendOptions{check: requireOSS})
}

// sendDocument sends r with doc as its body, and with its Content-MD5, which some of these operations require.
func (c *Client) sendDocument(ctx context.Context, r *Request, doc any) (*http.Response, error) {
	sum, err := setDocument(r, doc)
	if err != nil {
		return nil, err
	}
	return c.sendAndClose(ctx, r, sendOptions{md5: sum, check: requireOSS})
}

// setDocument makes doc the body of r, and returns its MD5.
func setDocument(r *Request, doc any) (sum []byte, err error) {
	text, err := ossxml.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("oss: document of %s: %w", r.Op, err)
	}
	digest := md5.Sum([]byte(text))
	r.Body = strings.NewReader(text)
	if r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/xml")
	}
	return digest[:], nil
}
