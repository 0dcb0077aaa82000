package main

import (
	"context"
	"errors"
	"io"

	ossv1 "github.com/aliyun/aliyun-oss-go-sdk/oss"
)

// v1 is the first official Go SDK.
type v1 struct {
	*ossv1.Bucket
	job job
}

func newV1(j job) (client, error) {
	c, err := ossv1.New(j.URL, keyID, secret, ossv1.AuthVersion(ossv1.AuthV4), ossv1.Region(region))
	if err != nil {
		return nil, err
	}
	b, err := c.Bucket(bucket)
	return v1{b, j}, err
}

func (c v1) file(ctx context.Context, key, path string) error {
	return c.UploadFile(key, path, c.job.Part, ossv1.Routines(c.job.Workers), ossv1.WithContext(ctx))
}

func (c v1) stream(context.Context, string, io.Reader) error {
	return errors.New("it has no uploader of streams")
}

func (c v1) put(ctx context.Context, key string, body *io.SectionReader) error {
	return c.PutObject(key, body, ossv1.ContentLength(body.Size()), ossv1.WithContext(ctx))
}
