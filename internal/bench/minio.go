package main

import (
	"context"
	"io"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// minioGo is minio-go, told to send Content-MD5, as our SDK does.
type minioGo struct {
	*minio.Client
	opts minio.PutObjectOptions
}

func newMinio(j job) (client, error) {
	host, secure := strings.CutPrefix(j.URL, "https://")
	c, err := minio.New(strings.TrimPrefix(host, "http://"), &minio.Options{
		Creds: credentials.NewStaticV4(keyID, secret, ""), Secure: secure, Region: region,
		BucketLookup: minio.BucketLookupPath,
	})
	opts := minio.PutObjectOptions{SendContentMd5: true}
	if j.Part != 0 {
		opts.ConcurrentStreamParts = true // else it sends one part after the other
		opts.PartSize, opts.NumThreads = max(uint64(j.Part), 5<<20), uint(j.Workers)
	}
	return minioGo{c, opts}, err
}

func (c minioGo) file(ctx context.Context, key, path string) error {
	_, err := c.FPutObject(ctx, bucket, key, path, c.opts)
	return err
}

func (c minioGo) stream(ctx context.Context, key string, r io.Reader) error {
	_, err := c.PutObject(ctx, bucket, key, r, -1, c.opts)
	return err
}

func (c minioGo) put(ctx context.Context, key string, body *io.SectionReader) error {
	_, err := c.PutObject(ctx, bucket, key, body, body.Size(), c.opts)
	return err
}
