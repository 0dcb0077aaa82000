package main

import (
	"context"
	"io"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

// ours is package multipart, with all its checks.
type ours struct {
	up     *multipart.Uploader
	client *oss.Client
	job    job
}

func newOurs(j job) (client, error) { return newOursWith(j, oss.ChecksumMD5) }

// newOursCRC64 checks what the second official SDK checks.
func newOursCRC64(j job) (client, error) { return newOursWith(j, oss.ChecksumCRC64) }

func newOursWith(j job, sum oss.Checksum) (client, error) {
	cfg := oss.Config{Region: region, Endpoint: j.URL, Addressing: oss.PathStyle,
		Credentials: oss.Credentials{AccessKeyID: keyID, AccessKeySecret: secret}}
	if j.Part != 0 && j.Part < oss.MinPartSize {
		cfg.MinPartSize = j.Part
	}
	c, err := oss.NewClient(cfg)
	if err != nil {
		return nil, err
	}
	up := multipart.NewUploader(c, &multipart.Options{PartSize: j.Part, Concurrency: j.Workers, Checksum: sum})
	return ours{up, c, j}, nil
}

func (c ours) file(ctx context.Context, key, path string) error {
	_, err := c.up.UploadFile(ctx, bucket, key, path, nil)
	return err
}

func (c ours) stream(ctx context.Context, key string, r io.Reader) error {
	_, err := c.up.Upload(ctx, bucket, key, r, nil)
	return err
}

func (c ours) put(ctx context.Context, key string, body *io.SectionReader) error {
	return c.stream(ctx, key, body)
}
