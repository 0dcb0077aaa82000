package interop

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"testing"

	ossv1 "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// goV1 is the first official Go SDK.
type goV1 struct{ *ossv1.Bucket }

func newGoV1(t *testing.T, srv *server, s setup) client { return &goV1{goV1Bucket(t, srv, s)} }

// goV1Bucket makes the SDK's own client. With an IP endpoint it keeps the HTTP client it makes itself.
func goV1Bucket(t *testing.T, srv *server, s setup) *ossv1.Bucket {
	t.Helper()
	var opts []ossv1.ClientOption
	if s.v4 {
		opts = append(opts, ossv1.AuthVersion(ossv1.AuthV4), ossv1.Region(region))
	}
	if s.hosted {
		opts = append(opts, ossv1.HTTPClient(srv.dial(t)))
	}
	c, err := ossv1.New(srv.endpoint(s.wiring), osstest.AccessKeyID, s.secret, opts...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Bucket(s.bucket)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (x extras) goV1() []ossv1.Option {
	var opts []ossv1.Option
	if x.md5 != "" {
		opts = append(opts, ossv1.ContentMD5(x.md5))
	}
	if x.forbid {
		opts = append(opts, ossv1.ForbidOverWrite(true))
	}
	if x.kind != "" {
		opts = append(opts, ossv1.ContentType(x.kind))
	}
	if x.color != "" {
		opts = append(opts, ossv1.Meta("color", x.color))
	}
	return opts
}

func (c *goV1) trait() traits { return traits{} }

func (c *goV1) put(key string, data []byte, x extras) error {
	return c.PutObject(key, bytes.NewReader(data), x.goV1()...)
}

func (c *goV1) get(key string) ([]byte, error) {
	body, err := c.GetObject(key)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

func (c *goV1) head(key string) (info, error) {
	h, err := c.GetObjectDetailedMeta(key)
	if err != nil {
		return info{}, err
	}
	size, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	return info{size, h.Get("ETag"), h.Get("Content-Type"), h.Get("X-Oss-Meta-Color")}, err
}

func (c *goV1) remove(key string) error { return c.DeleteObject(key) }

func (c *goV1) copy(from, to string) error {
	_, err := c.CopyObject(from, to)
	return err
}

func (c *goV1) append(key string, position int64, data []byte) (int64, error) {
	return c.AppendObject(key, bytes.NewReader(data), position)
}

// begun names an upload in the SDK's way.
func (c *goV1) begun(key, id string) ossv1.InitiateMultipartUploadResult {
	return ossv1.InitiateMultipartUploadResult{Bucket: c.BucketName, Key: key, UploadID: id}
}

func (c *goV1) initiate(key string, x extras) (string, error) {
	up, err := c.InitiateMultipartUpload(key, x.goV1()...)
	return up.UploadID, err
}

func (c *goV1) part(key, id string, number int, data []byte, x extras) (string, error) {
	p, err := c.UploadPart(c.begun(key, id), bytes.NewReader(data), int64(len(data)), number, x.goV1()...)
	return p.ETag, err
}

func (c *goV1) copyPart(key, id string, number int, from string, offset, size int) (string, error) {
	p, err := c.UploadPartCopy(c.begun(key, id), c.BucketName, from, int64(offset), int64(size), number)
	return p.ETag, err
}

func goV1Parts(parts []part) []ossv1.UploadPart {
	var list []ossv1.UploadPart
	for _, p := range parts {
		list = append(list, ossv1.UploadPart{PartNumber: p.Number, ETag: p.ETag})
	}
	return list
}

func (c *goV1) complete(key, id string, parts []part, x extras) error {
	_, err := c.CompleteMultipartUpload(c.begun(key, id), goV1Parts(parts), x.goV1()...)
	return err
}

func (c *goV1) abort(key, id string) error { return c.AbortMultipartUpload(c.begun(key, id)) }

func (c *goV1) parts(key, id string, page int) ([]part, error) {
	var all []part
	for after := 0; ; {
		res, err := c.ListUploadedParts(c.begun(key, id), ossv1.MaxParts(page), ossv1.PartNumberMarker(after))
		if err != nil {
			return nil, err
		}
		for _, p := range res.UploadedParts {
			all = append(all, part{p.PartNumber, p.ETag, int64(p.Size)})
		}
		if !res.IsTruncated {
			return all, nil
		}
		if after, err = strconv.Atoi(res.NextPartNumberMarker); err != nil {
			return nil, err
		}
	}
}

func (c *goV1) uploads(prefix string, page int) ([]upload, error) {
	var all []upload
	for key, id := "", ""; ; {
		res, err := c.ListMultipartUploads(ossv1.Prefix(prefix), ossv1.MaxUploads(page),
			ossv1.KeyMarker(key), ossv1.UploadIDMarker(id))
		if err != nil {
			return nil, err
		}
		for _, u := range res.Uploads {
			all = append(all, upload{u.Key, u.UploadID})
		}
		if !res.IsTruncated {
			return all, nil
		}
		key, id = res.NextKeyMarker, res.NextUploadIDMarker
	}
}

func (c *goV1) list(prefix string, page int, v2 bool) ([]string, error) {
	var keys []string
	for after := ""; ; {
		var objects []ossv1.ObjectProperties
		var more bool
		if v2 {
			opts := []ossv1.Option{ossv1.Prefix(prefix), ossv1.MaxKeys(page)}
			if after != "" {
				opts = append(opts, ossv1.ContinuationToken(after))
			}
			res, err := c.ListObjectsV2(opts...)
			if err != nil {
				return nil, err
			}
			objects, more, after = res.Objects, res.IsTruncated, res.NextContinuationToken
		} else {
			res, err := c.ListObjects(ossv1.Prefix(prefix), ossv1.MaxKeys(page), ossv1.Marker(after))
			if err != nil {
				return nil, err
			}
			objects, more, after = res.Objects, res.IsTruncated, res.NextMarker
		}
		for _, o := range objects {
			keys = append(keys, o.Key)
		}
		if !more {
			return keys, nil
		}
	}
}

func (c *goV1) presign(method, key, id string, number int) (string, http.Header, error) {
	var opts []ossv1.Option
	if id != "" {
		opts = append(opts, ossv1.AddParam("uploadId", id), ossv1.AddParam("partNumber", strconv.Itoa(number)))
	}
	signed, err := c.SignURL(key, ossv1.HTTPMethod(method), 60, opts...)
	return signed, nil, err
}

func (c *goV1) refusal(err error) (refusal, bool) {
	var e ossv1.ServiceError
	ok := errors.As(err, &e)
	return refusal{e.StatusCode, e.Code, e.RequestID, e.Ec}, ok
}
