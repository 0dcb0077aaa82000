package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	ossv2 "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// goV2 is the second official Go SDK.
type goV2 struct {
	*ossv2.Client
	ctx    context.Context
	bucket *string
}

func newGoV2(t *testing.T, srv *server, s setup) client {
	return &goV2{goV2Client(t, srv, s), t.Context(), &s.bucket}
}

// goV2Client makes the SDK's own client. With an IP endpoint it keeps the HTTP client it makes itself.
func goV2Client(t *testing.T, srv *server, s setup) *ossv2.Client {
	cfg := ossv2.LoadDefaultConfig().
		WithCredentialsProvider(credentials.NewStaticCredentialsProvider(osstest.AccessKeyID, s.secret)).
		WithRegion(region).
		WithEndpoint(srv.endpoint(s.wiring)).
		WithRetryMaxAttempts(1) // a fault is to be seen
	if !s.v4 {
		cfg.WithSignatureVersion(ossv2.SignatureVersionV1)
	}
	if s.hosted {
		cfg.WithHttpClient(srv.dial(t))
	}
	return ossv2.NewClient(cfg)
}

// text returns nil for the empty string, which the SDK would send.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (x extras) forbidden() *string {
	if x.forbid {
		return ossv2.Ptr("true")
	}
	return nil
}

func (x extras) metadata() map[string]string {
	if x.color == "" {
		return nil
	}
	return map[string]string{"color": x.color}
}

func (c *goV2) trait() traits { return traits{} }

func (c *goV2) put(key string, data []byte, x extras) error {
	_, err := c.PutObject(c.ctx, &ossv2.PutObjectRequest{
		Bucket: c.bucket, Key: &key, Body: bytes.NewReader(data), ContentMD5: text(x.md5),
		ForbidOverwrite: x.forbidden(), ContentType: text(x.kind), Metadata: x.metadata(),
	})
	return err
}

func (c *goV2) get(key string) ([]byte, error) {
	res, err := c.GetObject(c.ctx, &ossv2.GetObjectRequest{Bucket: c.bucket, Key: &key})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return io.ReadAll(res.Body)
}

func (c *goV2) head(key string) (info, error) {
	res, err := c.HeadObject(c.ctx, &ossv2.HeadObjectRequest{Bucket: c.bucket, Key: &key})
	if err != nil {
		return info{}, err
	}
	return info{res.ContentLength, ossv2.ToString(res.ETag), ossv2.ToString(res.ContentType), res.Metadata["color"]},
		nil
}

func (c *goV2) remove(key string) error {
	_, err := c.DeleteObject(c.ctx, &ossv2.DeleteObjectRequest{Bucket: c.bucket, Key: &key})
	return err
}

func (c *goV2) copy(from, to string) error {
	_, err := c.CopyObject(c.ctx, &ossv2.CopyObjectRequest{Bucket: c.bucket, Key: &to, SourceKey: &from})
	return err
}

func (c *goV2) append(key string, position int64, data []byte) (int64, error) {
	res, err := c.AppendObject(c.ctx, &ossv2.AppendObjectRequest{
		Bucket: c.bucket, Key: &key, Position: &position, Body: bytes.NewReader(data),
	})
	if err != nil {
		return 0, err
	}
	return res.NextPosition, nil
}

func (c *goV2) initiate(key string, x extras) (string, error) {
	res, err := c.InitiateMultipartUpload(c.ctx, &ossv2.InitiateMultipartUploadRequest{
		Bucket: c.bucket, Key: &key, ForbidOverwrite: x.forbidden(), ContentType: text(x.kind), Metadata: x.metadata(),
	})
	if err != nil {
		return "", err
	}
	return ossv2.ToString(res.UploadId), nil
}

func (c *goV2) part(key, id string, number int, data []byte, x extras) (string, error) {
	res, err := c.UploadPart(c.ctx, &ossv2.UploadPartRequest{
		Bucket: c.bucket, Key: &key, UploadId: &id, PartNumber: int32(number),
		Body: bytes.NewReader(data), ContentMD5: text(x.md5),
	})
	if err != nil {
		return "", err
	}
	return ossv2.ToString(res.ETag), nil
}

func (c *goV2) copyPart(key, id string, number int, from string, offset, size int) (string, error) {
	res, err := c.UploadPartCopy(c.ctx, &ossv2.UploadPartCopyRequest{
		Bucket: c.bucket, Key: &key, UploadId: &id, PartNumber: int32(number), SourceKey: &from,
		Range: ossv2.Ptr(fmt.Sprintf("bytes=%d-%d", offset, offset+size-1)),
	})
	if err != nil {
		return "", err
	}
	return ossv2.ToString(res.ETag), nil
}

func goV2Parts(parts []part) []ossv2.UploadPart {
	list := make([]ossv2.UploadPart, len(parts))
	for i, p := range parts {
		list[i] = ossv2.UploadPart{PartNumber: int32(p.Number), ETag: ossv2.Ptr(p.ETag)}
	}
	return list
}

func (c *goV2) complete(key, id string, parts []part, x extras) error {
	_, err := c.CompleteMultipartUpload(c.ctx, &ossv2.CompleteMultipartUploadRequest{
		Bucket: c.bucket, Key: &key, UploadId: &id, ForbidOverwrite: x.forbidden(),
		CompleteMultipartUpload: &ossv2.CompleteMultipartUpload{Parts: goV2Parts(parts)},
	})
	return err
}

func (c *goV2) abort(key, id string) error {
	_, err := c.AbortMultipartUpload(c.ctx,
		&ossv2.AbortMultipartUploadRequest{Bucket: c.bucket, Key: &key, UploadId: &id})
	return err
}

func (c *goV2) parts(key, id string, page int) ([]part, error) {
	var all []part
	pages := c.NewListPartsPaginator(&ossv2.ListPartsRequest{Bucket: c.bucket, Key: &key,
		UploadId: &id, MaxParts: int32(page)})
	for pages.HasNext() {
		res, err := pages.NextPage(c.ctx)
		if err != nil {
			return nil, err
		}
		for _, p := range res.Parts {
			all = append(all, part{int(p.PartNumber), ossv2.ToString(p.ETag), p.Size})
		}
	}
	return all, nil
}

func (c *goV2) uploads(prefix string, page int) ([]upload, error) {
	var all []upload
	pages := c.NewListMultipartUploadsPaginator(&ossv2.ListMultipartUploadsRequest{Bucket: c.bucket,
		Prefix: &prefix, MaxUploads: int32(page)})
	for pages.HasNext() {
		res, err := pages.NextPage(c.ctx)
		if err != nil {
			return nil, err
		}
		for _, u := range res.Uploads {
			all = append(all, upload{ossv2.ToString(u.Key), ossv2.ToString(u.UploadId)})
		}
	}
	return all, nil
}

func (c *goV2) list(prefix string, page int, v2 bool) ([]string, error) {
	var keys []string
	add := func(objects []ossv2.ObjectProperties) {
		for _, o := range objects {
			keys = append(keys, ossv2.ToString(o.Key))
		}
	}
	if v2 {
		pages := c.NewListObjectsV2Paginator(&ossv2.ListObjectsV2Request{Bucket: c.bucket,
			Prefix: &prefix, MaxKeys: int32(page)})
		for pages.HasNext() {
			res, err := pages.NextPage(c.ctx)
			if err != nil {
				return nil, err
			}
			add(res.Contents)
		}
		return keys, nil
	}
	pages := c.NewListObjectsPaginator(&ossv2.ListObjectsRequest{Bucket: c.bucket,
		Prefix: &prefix, MaxKeys: int32(page)})
	for pages.HasNext() {
		res, err := pages.NextPage(c.ctx)
		if err != nil {
			return nil, err
		}
		add(res.Contents)
	}
	return keys, nil
}

func (c *goV2) presign(method, key, id string, number int) (string, http.Header, error) {
	var req any = &ossv2.GetObjectRequest{Bucket: c.bucket, Key: &key}
	switch {
	case id != "":
		req = &ossv2.UploadPartRequest{Bucket: c.bucket, Key: &key, UploadId: &id, PartNumber: int32(number)}
	case method == http.MethodPut:
		req = &ossv2.PutObjectRequest{Bucket: c.bucket, Key: &key}
	}
	res, err := c.Presign(c.ctx, req, ossv2.PresignExpires(time.Minute))
	if err != nil {
		return "", nil, err
	}
	h := make(http.Header)
	for name, value := range res.SignedHeaders {
		h.Set(name, value)
	}
	return res.URL, h, nil
}

func (c *goV2) refusal(err error) (refusal, bool) {
	var e *ossv2.ServiceError
	if !errors.As(err, &e) {
		return refusal{}, false
	}
	return refusal{e.StatusCode, e.Code, e.RequestID, e.EC}, true
}
