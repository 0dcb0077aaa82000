package oss

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/ossmultipart/go-oss/internal/ossxml"
)

// ObjectACL is the access setting of an object, and its owner.
type ObjectACL struct {
	ACL   ACL // ACLDefault if the object has that of its bucket
	Owner Owner
}

// PutObjectACL sets the ACL of an object.
//
// See https://help.aliyun.com/en/oss/developer-reference/putobjectacl
func (c *Client) PutObjectACL(ctx context.Context, bucket, key string, acl ACL, opts *VersionOptions) error {
	r, err := opts.request("PutObjectACL", http.MethodPut, bucket, key, "acl", "")
	if err != nil {
		return err
	}
	if acl == "" {
		return fmt.Errorf("oss: the ACL for %s is empty", resource(bucket, key))
	}
	if err := acl.check(); err != nil {
		return err
	}
	r.Header.Set("X-Oss-Object-Acl", string(acl))
	_, err = c.sendEmpty(ctx, r)
	return err
}

// GetObjectACL returns the ACL of an object.
//
// See https://help.aliyun.com/en/oss/developer-reference/getobjectacl
func (c *Client) GetObjectACL(ctx context.Context, bucket, key string, opts *VersionOptions) (*ObjectACL, error) {
	r, err := opts.request("GetObjectACL", http.MethodGet, bucket, key, "acl", "")
	if err != nil {
		return nil, err
	}
	var acl ObjectACL
	if _, err := sendXML(ctx, c, r, func(doc *ossxml.AccessControl) error {
		acl = ObjectACL{ACL: ACL(doc.Grant), Owner: ownerOf(&doc.Owner)}
		if doc.Grant == "" {
			return errNoGrant
		}
		return nil
	}); err != nil {
		return nil, err
	}
	return &acl, nil
}

var errNoGrant = errors.New("it has no grant")
