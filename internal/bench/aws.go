package main

import (
	"context"
	"io"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// awsManager is the transfer manager of the AWS SDK, which came after its feature/s3/manager.
type awsManager struct {
	*transfermanager.Client
	s3 *s3.Client
}

func newAWS(j job) (client, error) {
	c := s3.New(s3.Options{
		BaseEndpoint: aws.String(j.URL), UsePathStyle: true, Region: region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}, nil
		}),
	})
	return awsManager{s3: c, Client: transfermanager.New(c, func(o *transfermanager.Options) {
		if j.Part != 0 {
			o.PartSizeBytes, o.MultipartUploadThreshold, o.Concurrency = max(j.Part, 5<<20), j.Part+1, j.Workers
		}
	})}, nil
}

func (c awsManager) file(ctx context.Context, key, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return c.stream(ctx, key, f)
}

func (c awsManager) stream(ctx context.Context, key string, r io.Reader) error {
	_, err := c.UploadObject(ctx, &transfermanager.UploadObjectInput{Bucket: aws.String(bucket), Key: &key, Body: r})
	return err
}

// put does without the manager, which would read the object into memory first.
func (c awsManager) put(ctx context.Context, key string, body *io.SectionReader) error {
	_, err := c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: body})
	return err
}
