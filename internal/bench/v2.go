package main

import (
	"context"
	"io"

	ossv2 "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
)

// v2 is the second official Go SDK.
type v2 struct {
	*ossv2.Client
	up  *ossv2.Uploader
	job job
}

func newV2(j job) (client, error) {
	c := ossv2.NewClient(ossv2.LoadDefaultConfig().
		WithCredentialsProvider(credentials.NewStaticCredentialsProvider(keyID, secret)).
		WithRegion(region).WithEndpoint(j.URL).WithUsePathStyle(true))
	up := c.NewUploader(func(o *ossv2.UploaderOptions) { o.PartSize, o.ParallelNum = j.Part, j.Workers })
	return v2{c, up, j}, nil
}

func (c v2) request(key string) *ossv2.PutObjectRequest {
	return &ossv2.PutObjectRequest{Bucket: ossv2.Ptr(bucket), Key: ossv2.Ptr(key)}
}

func (c v2) file(ctx context.Context, key, path string) error {
	_, err := c.up.UploadFile(ctx, c.request(key), path)
	return err
}

func (c v2) stream(ctx context.Context, key string, r io.Reader) error {
	_, err := c.up.UploadFrom(ctx, c.request(key), r)
	return err
}

func (c v2) put(ctx context.Context, key string, body *io.SectionReader) error {
	req := c.request(key)
	req.Body = body
	_, err := c.PutObject(ctx, req)
	return err
}
