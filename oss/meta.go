package oss

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
)

// Exists reports whether an object exists. A bucket that does not exist is an error, and so is a missing permission.
//
// See https://help.aliyun.com/en/oss/developer-reference/headobject
func (c *Client) Exists(ctx context.Context, bucket, key string, opts *HeadOptions) (bool, error) {
	_, err := c.HeadObject(ctx, bucket, key, opts)
	if errors.Is(err, ErrNoSuchKey) || errors.Is(err, Code("NoSuchVersion")) {
		return false, nil
	}
	return err == nil, err
}

// SetMetaOptions are the options of SetObjectMeta. The zero value and nil are the defaults.
type SetMetaOptions struct {
	Header http.Header // further headers of the copy
}

// SetObjectMeta changes the headers and the metadata of an object. It calls change once, with the present ones.
// Everything that change does not modify stays as it is, including the ACL, the tags, the storage class and the
// encryption. The fields ACL and Tags are empty when change is called, and a value replaces the old one. If the object
// is replaced in the meantime, the new object is not changed, and the error is a *ChangedError.
//
// OSS has no operation for this, so the object is copied onto itself. It must have at most MaxCopySize bytes, and must
// not be Appendable. An archived object must have been restored. In a versioned bucket the copy is a new version.
// Uploader.Copy of package multipart copies larger objects.
//
// See https://help.aliyun.com/en/oss/developer-reference/copyobject
func (c *Client) SetObjectMeta(
	ctx context.Context, bucket, key string, change func(*ObjectOptions), opts *SetMetaOptions,
) (*PutResult, error) {
	var o SetMetaOptions
	if opts != nil {
		o = *opts
	}
	if change == nil {
		return nil, errors.New("oss: SetObjectMeta has no change")
	}
	info, err := c.HeadObject(ctx, bucket, key, nil)
	if err != nil {
		return nil, err
	}
	switch kind := ObjectType(info.Header.Get("x-oss-object-type")); {
	case kind == TypeSymlink:
		return nil, fmt.Errorf("oss: SetObjectMeta %s: the object is a symbolic link: use PutSymlink",
			resource(bucket, key))
	case kind == TypeAppendable:
		return nil, fmt.Errorf("oss: SetObjectMeta %s: the object is Appendable, which OSS does not copy",
			resource(bucket, key))
	case info.Size > MaxCopySize:
		return nil, fmt.Errorf("oss: SetObjectMeta %s: the object has %d bytes, more than %d: "+
			"use Uploader.Copy of package multipart", resource(bucket, key), info.Size, MaxCopySize)
	}
	object := info.options()
	change(object)
	if object.ACL == "" { // a copy has the default, whatever its source had
		acl, err := c.GetObjectACL(ctx, bucket, key, nil)
		if err != nil {
			return nil, err
		}
		object.ACL = acl.ACL
	}
	result, err := c.CopyObject(ctx, bucket, key, CopySource{Bucket: bucket, Key: key},
		&CopyOptions{Object: object, IfMatch: info.ETag, Header: o.Header})
	if err == nil {
		return result, nil
	}
	var refused *ServiceError
	if errors.As(err, &refused) && refused.Code == "PreconditionFailed" && refused.Attempts > 1 {
		// The reply to an attempt was lost, which may have changed the object, and so its ETag.
		if now, headErr := c.HeadObject(ctx, bucket, key, nil); headErr == nil && now.isLike(info, object) {
			return putResult(&http.Response{Header: now.Header}), nil
		}
	}
	return nil, asChanged(err, info, 0)
}

// options returns what a new object must be given to be like this one. Tags are copied without being named.
func (i *ObjectInfo) options() *ObjectOptions {
	h := i.Header
	o := &ObjectOptions{
		ContentType: i.ContentType, ContentEncoding: h.Get("Content-Encoding"),
		ContentDisposition: h.Get("Content-Disposition"), ContentLanguage: h.Get("Content-Language"),
		CacheControl: h.Get("Cache-Control"), Metadata: maps.Clone(i.Metadata),
		StorageClass: StorageClass(h.Get("x-oss-storage-class")),
		Encryption: Encryption{
			Algorithm: h.Get("x-oss-server-side-encryption"), KeyID: h.Get("x-oss-server-side-encryption-key-id"),
			DataAlgorithm: h.Get("x-oss-server-side-data-encryption"),
		},
	}
	if expires := h.Get("Expires"); expires != "" {
		if at, err := http.ParseTime(expires); err == nil {
			o.Expires = at
		} else {
			o.Header = http.Header{"Expires": {expires}}
		}
	}
	return o
}

// isLike reports whether i is the object before, with the headers that o asks for.
func (i *ObjectInfo) isLike(before *ObjectInfo, o *ObjectOptions) bool {
	want, err := o.header(i.Key)
	if err != nil || i.Size != before.Size || i.CRC64 != before.CRC64 {
		return false
	}
	now, err := i.options().header(i.Key)
	if err != nil {
		return false
	}
	for _, h := range []http.Header{want, now} {
		h.Del("x-oss-object-acl") // HEAD does not tell these
		h.Del("x-oss-tagging")
	}
	return maps.EqualFunc(want, now, func(a, b []string) bool { return len(a) == 1 && len(b) == 1 && a[0] == b[0] })
}
