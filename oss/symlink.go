package oss

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// PutSymlink makes key a symbolic link to the object target of the same bucket. Reading key reads target; whether
// target exists is not checked. Of opts, Encryption and Checksum do not apply.
//
// See https://help.aliyun.com/en/oss/developer-reference/putsymlink
func (c *Client) PutSymlink(ctx context.Context, bucket, key, target string, opts *ObjectOptions) (*PutResult, error) {
	if err := CheckObjectName(bucket, key); err != nil {
		return nil, err
	}
	if err := checkKey(target); err != nil {
		return nil, fmt.Errorf("target of a symbolic link: %w", err)
	}
	if err := opts.checkNoBody("PutSymlink"); err != nil {
		return nil, err
	}
	h, err := opts.explicitHeaders()
	if err != nil {
		return nil, err
	}
	h.Set("X-Oss-Symlink-Target", escapeKey(target))
	resp, err := c.sendEmpty(ctx, &Request{
		Op: "PutSymlink", Method: http.MethodPut, Bucket: bucket, Key: key, Query: query("symlink", ""), Header: h,
	})
	if err != nil {
		return nil, err
	}
	return putResult(resp), nil
}

// A Symlink describes a symbolic link.
type Symlink struct {
	Target          string    // key of the object it leads to
	ETag, VersionID string    // of the link itself
	LastModified    time.Time // to the second
	Header          http.Header
}

// GetSymlink returns the target of a symbolic link. If the object is not a symbolic link, the error is ErrNotSymlink.
//
// See https://help.aliyun.com/en/oss/developer-reference/getsymlink
func (c *Client) GetSymlink(ctx context.Context, bucket, key string, opts *VersionOptions) (*Symlink, error) {
	r, err := opts.request("GetSymlink", http.MethodGet, bucket, key, "symlink", "")
	if err != nil {
		return nil, err
	}
	var link *Symlink
	check := func(op Operation, resp *http.Response, sent *requestBody) error {
		target, err := url.PathUnescape(resp.Header.Get("x-oss-symlink-target"))
		if err == nil {
			err = checkKey(target)
		}
		if err != nil {
			return fmt.Errorf("status %d with the target %.80q: %w",
				resp.StatusCode, resp.Header.Get("x-oss-symlink-target"), err)
		}
		modified, _ := http.ParseTime(resp.Header.Get("Last-Modified"))
		link = &Symlink{
			Target: target, ETag: resp.Header.Get("ETag"), VersionID: resp.Header.Get("x-oss-version-id"),
			LastModified: modified, Header: resp.Header,
		}
		return requireOSS(op, resp, sent)
	}
	if _, err := c.sendAndClose(ctx, r, sendOptions{check: check}); err != nil {
		return nil, err
	}
	return link, nil
}
