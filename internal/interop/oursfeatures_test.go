package interop

import (
	"bytes"
	"net/http"

	"github.com/ossmultipart/go-oss/oss"
)

func (n notice) ours() http.Header {
	callback, vars := n.encoded()
	return http.Header{"X-Oss-Callback": {callback}, "X-Oss-Callback-Var": {vars}}
}

func (c *ours) putNotified(key string, data []byte, n notice) (string, error) {
	res, err := c.PutObject(c.ctx, c.bucket, key, bytes.NewReader(data), &oss.ObjectOptions{Header: n.ours()})
	if err != nil {
		return "", err
	}
	return string(res.Callback), nil
}

func (c *ours) completeNotified(key, id string, parts []part, n notice) (string, error) {
	opts := &oss.CompleteOptions{Header: n.ours()}
	res, err := c.CompleteMultipartUpload(c.ctx, c.begun(key, id), oursParts(parts), opts)
	if err != nil {
		return "", err
	}
	return string(res.Callback), nil
}

func (c *ours) link(key, target string) error {
	_, err := c.PutSymlink(c.ctx, c.bucket, key, target, nil)
	return err
}

func (c *ours) target(key string) (string, error) {
	link, err := c.GetSymlink(c.ctx, c.bucket, key, nil)
	if err != nil {
		return "", err
	}
	return link.Target, nil
}

func (c *ours) archive(key string, data []byte) error {
	_, err := c.PutObject(c.ctx, c.bucket, key, bytes.NewReader(data), &oss.ObjectOptions{StorageClass: "Archive"})
	return err
}

func (c *ours) restore(key string) error { return c.RestoreObject(c.ctx, c.bucket, key, nil) }
