package interop

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
	"github.com/ossmultipart/go-oss/signer"
)

// ours is package oss.
type ours struct {
	*oss.Client
	ctx    context.Context
	bucket string
}

func newOurs(t *testing.T, srv *server, s setup) client {
	return &ours{oursClient(t, srv, s), t.Context(), s.bucket}
}

// oursClient makes a Client. With an IP endpoint it keeps the HTTP client it makes itself.
func oursClient(t *testing.T, srv *server, s setup) *oss.Client {
	t.Helper()
	cfg := oss.Config{
		Endpoint:    srv.endpoint(s.wiring),
		Signer:      signer.V1{}, // by itself it takes V4 where the endpoint names a region
		Credentials: oss.Credentials{AccessKeyID: osstest.AccessKeyID, AccessKeySecret: s.secret},
		Retry:       oss.Retry{MinWait: time.Millisecond, MaxWait: 10 * time.Millisecond},
	}
	if s.v4 {
		cfg.Region, cfg.Signer = region, signer.V4{}
	}
	if s.hosted {
		cfg.HTTPClient = srv.dial(t)
	}
	c, err := oss.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (x extras) ours() *oss.ObjectOptions {
	return &oss.ObjectOptions{ContentType: x.kind, Metadata: x.metadata(), ForbidOverwrite: x.forbid}
}

func (c *ours) trait() traits { return traits{} }

func (c *ours) put(key string, data []byte, x extras) error {
	_, err := c.PutObject(c.ctx, c.bucket, key, bytes.NewReader(data), x.ours())
	return err
}

func (c *ours) get(key string) ([]byte, error) {
	o, err := c.GetObject(c.ctx, c.bucket, key, nil)
	if err != nil {
		return nil, err
	}
	defer o.Body.Close()
	return io.ReadAll(o.Body)
}

func (c *ours) head(key string) (info, error) {
	o, err := c.HeadObject(c.ctx, c.bucket, key, nil)
	if err != nil {
		return info{}, err
	}
	return info{o.Size, o.ETag, o.ContentType, o.Metadata["color"]}, nil
}

func (c *ours) remove(key string) error { return c.DeleteObject(c.ctx, c.bucket, key, nil) }

func (c *ours) copy(from, to string) error {
	_, err := c.CopyObject(c.ctx, c.bucket, to, oss.CopySource{Bucket: c.bucket, Key: from}, nil)
	return err
}

func (c *ours) append(key string, position int64, data []byte) (int64, error) {
	res, err := c.AppendObject(c.ctx, c.bucket, key, position, bytes.NewReader(data), nil)
	if err != nil {
		return 0, err
	}
	return res.NextPosition, nil
}

func (c *ours) begun(key, id string) oss.Upload {
	return oss.Upload{Bucket: c.bucket, Key: key, ID: id}
}

func (c *ours) initiate(key string, x extras) (string, error) {
	up, err := c.InitiateMultipartUpload(c.ctx, c.bucket, key, x.ours())
	return up.ID, err
}

func (c *ours) part(key, id string, number int, data []byte, x extras) (string, error) {
	sum, err := base64.StdEncoding.DecodeString(x.md5)
	if err != nil {
		return "", err
	}
	opts := &oss.PartOptions{}
	if len(sum) > 0 {
		opts.MD5 = sum
	}
	p, err := c.UploadPart(c.ctx, c.begun(key, id), number, bytes.NewReader(data), opts)
	return p.ETag, err
}

func (c *ours) copyPart(key, id string, number int, from string, offset, size int) (string, error) {
	p, err := c.UploadPartCopy(c.ctx, c.begun(key, id), number,
		oss.CopySource{Bucket: c.bucket, Key: from, Offset: int64(offset), Length: int64(size)}, nil)
	return p.ETag, err
}

func oursParts(parts []part) []oss.Part {
	var list []oss.Part
	for _, p := range parts {
		list = append(list, oss.Part{Number: p.Number, ETag: p.ETag, Size: p.Size})
	}
	return list
}

func (c *ours) complete(key, id string, parts []part, x extras) error {
	_, err := c.CompleteMultipartUpload(c.ctx, c.begun(key, id), oursParts(parts),
		&oss.CompleteOptions{ForbidOverwrite: x.forbid})
	return err
}

func (c *ours) abort(key, id string) error { return c.AbortMultipartUpload(c.ctx, c.begun(key, id)) }

func (c *ours) parts(key, id string, page int) ([]part, error) {
	var all []part
	for p, err := range c.Parts(c.ctx, c.begun(key, id), &oss.ListPartsOptions{PageSize: page}) {
		if err != nil {
			return nil, err
		}
		all = append(all, part{p.Number, p.ETag, p.Size})
	}
	return all, nil
}

func (c *ours) uploads(prefix string, page int) ([]upload, error) {
	var all []upload
	for u, err := range c.Uploads(c.ctx, c.bucket, &oss.ListUploadsOptions{Prefix: prefix, PageSize: page}) {
		if err != nil {
			return nil, err
		}
		all = append(all, upload{u.Key, u.ID})
	}
	return all, nil
}

func (c *ours) list(prefix string, page int, v2 bool) ([]string, error) {
	if !v2 {
		return c.listV1(prefix, page)
	}
	var keys []string
	for o, err := range c.Objects(c.ctx, c.bucket, &oss.ListObjectsOptions{Prefix: prefix, PageSize: page}) {
		if err != nil {
			return nil, err
		}
		keys = append(keys, o.Key)
	}
	return keys, nil
}

// listV1 uses Do, because package oss has methods for the second version of the operation only.
func (c *ours) listV1(prefix string, page int) ([]string, error) {
	var keys []string
	for q := (url.Values{"prefix": {prefix}, "max-keys": {strconv.Itoa(page)}}); ; {
		resp, err := c.Do(c.ctx, &oss.Request{Op: "ListObjects", Bucket: c.bucket, Query: q})
		if err != nil {
			return nil, err
		}
		var doc struct {
			IsTruncated bool
			NextMarker  string
			Contents    []struct{ Key string }
		}
		err = xml.NewDecoder(resp.Body).Decode(&doc)
		resp.Body.Close()
		if err != nil {
			return nil, err
		}
		for _, o := range doc.Contents {
			keys = append(keys, o.Key)
		}
		if !doc.IsTruncated {
			return keys, nil
		}
		q.Set("marker", doc.NextMarker)
	}
}

func (c *ours) presign(method, key, id string, number int) (string, http.Header, error) {
	var p *oss.Presigned
	var err error
	switch {
	case id != "":
		p, err = c.PresignPart(c.ctx, c.begun(key, id), number, time.Minute)
	case method == http.MethodPut:
		p, err = c.PresignPut(c.ctx, c.bucket, key, time.Minute, nil)
	default:
		p, err = c.PresignGet(c.ctx, c.bucket, key, time.Minute, nil)
	}
	if err != nil {
		return "", nil, err
	}
	return p.URL, p.Header, nil
}

func (c *ours) refusal(err error) (refusal, bool) {
	var e *oss.ServiceError
	if !errors.As(err, &e) {
		return refusal{}, false
	}
	return refusal{e.StatusCode, string(e.Code), e.RequestID, e.EC}, true
}
