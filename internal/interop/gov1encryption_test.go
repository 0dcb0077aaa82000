package interop

import (
	"bytes"
	"io"
	"slices"
	"testing"

	ossv1 "github.com/aliyun/aliyun-oss-go-sdk/oss"
	cryptov1 "github.com/aliyun/aliyun-oss-go-sdk/oss/crypto"
)

type encrypterV1 struct{ *cryptov1.CryptoBucket }

func newEncrypterV1(t *testing.T, srv *server, s setup, keys keyPair) encrypter {
	t.Helper()
	master, err := cryptov1.CreateMasterRsa(map[string]string{"key": "one"}, keys.public, keys.private)
	if err != nil {
		t.Fatal(err)
	}
	plain := goV1Bucket(t, srv, s)
	b, err := cryptov1.GetCryptoBucket(&plain.Client, s.bucket, cryptov1.CreateAesCtrCipher(master))
	if err != nil {
		t.Fatal(err)
	}
	return &encrypterV1{b}
}

func (c *encrypterV1) put(key string, data []byte) error {
	return c.PutObject(key, bytes.NewReader(data))
}

func (c *encrypterV1) putParts(key string, data ...[]byte) (string, error) {
	cipher := cryptov1.PartCryptoContext{DataSize: int64(len(slices.Concat(data...))), PartSize: partSize}
	up, err := c.InitiateMultipartUpload(key, &cipher)
	if err != nil {
		return "", err
	}
	var parts []ossv1.UploadPart
	for i, d := range data {
		p, err := c.UploadPart(up, bytes.NewReader(d), int64(len(d)), i+1, cipher)
		if err != nil {
			return up.UploadID, err
		}
		parts = append(parts, p)
	}
	_, err = c.CompleteMultipartUpload(up, parts)
	return up.UploadID, err
}

func (c *encrypterV1) get(key string) ([]byte, error) { return c.read(key) }

func (c *encrypterV1) getRange(key string, from, to int64) ([]byte, error) {
	return c.read(key, ossv1.Range(from, to))
}

func (c *encrypterV1) read(key string, opts ...ossv1.Option) ([]byte, error) {
	body, err := c.GetObject(key, opts...)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

func (c *encrypterV1) refusal(err error) (refusal, bool) { return new(goV1).refusal(err) }
