package interop

import (
	"bytes"
	"encoding/base64"
	"encoding/json"

	ossv1 "github.com/aliyun/aliyun-oss-go-sdk/oss"
)

// encoded returns the two headers as the Go SDKs want them from their user.
func (n notice) encoded() (callback, vars string) {
	named := make(map[string]string)
	for name, value := range n.Vars {
		named["x:"+name] = value
	}
	encode := func(v any) string {
		text, _ := json.Marshal(v) // of strings only
		return base64.StdEncoding.EncodeToString(text)
	}
	spec := map[string]string{"callbackUrl": n.URL, "callbackBody": n.Body, "callbackBodyType": n.Type}
	return encode(spec), encode(named)
}

func (n notice) goV1(answer *[]byte) []ossv1.Option {
	callback, vars := n.encoded()
	return []ossv1.Option{ossv1.Callback(callback), ossv1.CallbackVar(vars), ossv1.CallbackResult(answer)}
}

func (c *goV1) putNotified(key string, data []byte, n notice) (string, error) {
	var answer []byte
	err := c.PutObject(key, bytes.NewReader(data), n.goV1(&answer)...)
	return string(answer), err
}

func (c *goV1) completeNotified(key, id string, parts []part, n notice) (string, error) {
	var answer []byte
	_, err := c.CompleteMultipartUpload(c.begun(key, id), goV1Parts(parts), n.goV1(&answer)...)
	return string(answer), err
}

func (c *goV1) link(key, target string) error { return c.PutSymlink(key, target) }

func (c *goV1) target(key string) (string, error) {
	h, err := c.GetSymlink(key)
	if err != nil {
		return "", err
	}
	return h.Get(ossv1.HTTPHeaderOssSymlinkTarget), nil
}

func (c *goV1) archive(key string, data []byte) error {
	return c.PutObject(key, bytes.NewReader(data), ossv1.ObjectStorageClass(ossv1.StorageArchive))
}

func (c *goV1) restore(key string) error { return c.RestoreObject(key) }
