package interop

import (
	"bytes"
	"encoding/json"
	"net/url"

	ossv2 "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
)

// goV2Answer undoes what the SDK makes of the answer to a callback.
func goV2Answer(answer map[string]any) string {
	text, _ := json.Marshal(answer) // what was JSON before
	return string(text)
}

func (c *goV2) putNotified(key string, data []byte, n notice) (string, error) {
	callback, vars := n.encoded()
	res, err := c.PutObject(c.ctx, &ossv2.PutObjectRequest{
		Bucket: c.bucket, Key: &key, Body: bytes.NewReader(data), Callback: &callback, CallbackVar: &vars,
	})
	if err != nil {
		return "", err
	}
	return goV2Answer(res.CallbackResult), nil
}

func (c *goV2) completeNotified(key, id string, parts []part, n notice) (string, error) {
	callback, vars := n.encoded()
	res, err := c.CompleteMultipartUpload(c.ctx, &ossv2.CompleteMultipartUploadRequest{
		Bucket: c.bucket, Key: &key, UploadId: &id, Callback: &callback, CallbackVar: &vars,
		CompleteMultipartUpload: &ossv2.CompleteMultipartUpload{Parts: goV2Parts(parts)},
	})
	if err != nil {
		return "", err
	}
	return goV2Answer(res.CallbackResult), nil
}

func (c *goV2) link(key, target string) error {
	_, err := c.PutSymlink(c.ctx, &ossv2.PutSymlinkRequest{
		Bucket: c.bucket, Key: &key, Target: ossv2.Ptr(url.QueryEscape(target)),
	})
	return err
}

func (c *goV2) target(key string) (string, error) {
	res, err := c.GetSymlink(c.ctx, &ossv2.GetSymlinkRequest{Bucket: c.bucket, Key: &key})
	if err != nil {
		return "", err
	}
	return url.QueryUnescape(ossv2.ToString(res.Target))
}

func (c *goV2) archive(key string, data []byte) error {
	_, err := c.PutObject(c.ctx, &ossv2.PutObjectRequest{
		Bucket: c.bucket, Key: &key, Body: bytes.NewReader(data), StorageClass: ossv2.StorageClassArchive,
	})
	return err
}

func (c *goV2) restore(key string) error {
	_, err := c.RestoreObject(c.ctx, &ossv2.RestoreObjectRequest{Bucket: c.bucket, Key: &key})
	return err
}
