package interop

import (
	"bytes"
	"io"
	"slices"
	"testing"

	ossv2 "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	cryptov2 "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/crypto"
)

type encrypterV2 struct {
	*ossv2.EncryptionClient
	*goV2
}

func newEncrypterV2(t *testing.T, srv *server, s setup, keys keyPair) encrypter {
	t.Helper()
	master, err := cryptov2.CreateMasterRsa(map[string]string{"key": "one"}, keys.public, keys.private)
	if err != nil {
		t.Fatal(err)
	}
	plain := &goV2{goV2Client(t, srv, s), t.Context(), &s.bucket}
	c, err := ossv2.NewEncryptionClient(plain.Client, master)
	if err != nil {
		t.Fatal(err)
	}
	return &encrypterV2{c, plain}
}

func (c *encrypterV2) put(key string, data []byte) error {
	_, err := c.EncryptionClient.PutObject(c.ctx, &ossv2.PutObjectRequest{
		Bucket: c.bucket, Key: &key, Body: bytes.NewReader(data),
	})
	return err
}

func (c *encrypterV2) putParts(key string, data ...[]byte) (string, error) {
	up, err := c.EncryptionClient.InitiateMultipartUpload(c.ctx, &ossv2.InitiateMultipartUploadRequest{
		Bucket: c.bucket, Key: &key, CSEPartSize: ossv2.Ptr(int64(partSize)),
		CSEDataSize: ossv2.Ptr(int64(len(slices.Concat(data...)))),
	})
	if err != nil {
		return "", err
	}
	id := ossv2.ToString(up.UploadId)
	var parts []ossv2.UploadPart
	for i, d := range data {
		p, err := c.EncryptionClient.UploadPart(c.ctx, &ossv2.UploadPartRequest{
			Bucket: c.bucket, Key: &key, UploadId: up.UploadId, PartNumber: int32(i + 1), Body: bytes.NewReader(d),
			CSEMultiPartContext: up.CSEMultiPartContext,
		})
		if err != nil {
			return id, err
		}
		parts = append(parts, ossv2.UploadPart{PartNumber: int32(i + 1), ETag: p.ETag})
	}
	_, err = c.EncryptionClient.CompleteMultipartUpload(c.ctx, &ossv2.CompleteMultipartUploadRequest{
		Bucket: c.bucket, Key: &key, UploadId: up.UploadId,
		CompleteMultipartUpload: &ossv2.CompleteMultipartUpload{Parts: parts},
	})
	return id, err
}

func (c *encrypterV2) get(key string) ([]byte, error) { return c.read(key, nil) }

func (c *encrypterV2) getRange(key string, from, to int64) ([]byte, error) {
	return c.read(key, (&ossv2.HTTPRange{Offset: from, Count: to - from + 1}).FormatHTTPRange())
}

func (c *encrypterV2) read(key string, span *string) ([]byte, error) {
	res, err := c.EncryptionClient.GetObject(c.ctx, &ossv2.GetObjectRequest{Bucket: c.bucket, Key: &key, Range: span})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return io.ReadAll(res.Body)
}

func (c *encrypterV2) refusal(err error) (refusal, bool) { return c.goV2.refusal(err) }
