package interop

import (
	"io"

	"github.com/ossmultipart/go-oss/oss"
)

func (c *ours) makeBucket(name string) error { return c.PutBucket(c.ctx, name, nil) }

func (c *ours) dropBucket(name string) error { return c.DeleteBucket(c.ctx, name, nil) }

func (c *ours) buckets() ([]string, error) {
	var names []string
	for b, err := range c.Buckets(c.ctx, nil) {
		if err != nil {
			return nil, err
		}
		names = append(names, b.Name)
	}
	return names, nil
}

func (c *ours) removeAll(keys []string) ([]string, error) {
	var objects []oss.ObjectID
	for _, key := range keys {
		objects = append(objects, oss.ObjectID{Key: key})
	}
	results, err := c.DeleteObjects(c.ctx, c.bucket, objects, nil)
	var removed []string
	for _, r := range results {
		if r.Err == nil {
			removed = append(removed, r.Key)
		}
	}
	return removed, err
}

func (c *ours) setTags(key string, tags map[string]string) error {
	return c.PutObjectTagging(c.ctx, c.bucket, key, tags, nil)
}

func (c *ours) tags(key string) (map[string]string, error) {
	return c.GetObjectTagging(c.ctx, c.bucket, key, nil)
}

func (c *ours) setACL(key, acl string) error {
	return c.PutObjectACL(c.ctx, c.bucket, key, oss.ACL(acl), nil)
}

func (c *ours) acl(key string) (string, error) {
	res, err := c.GetObjectACL(c.ctx, c.bucket, key, nil)
	if err != nil {
		return "", err
	}
	return string(res.ACL), nil
}

func (c *ours) keepVersions() error {
	return c.PutBucketVersioning(c.ctx, c.bucket, oss.VersioningEnabled, nil)
}

func (c *ours) versions(prefix string, page int) ([]version, error) {
	var all, markers []version
	opts := &oss.ListVersionsOptions{Prefix: prefix, PageSize: page}
	for v, err := range c.ObjectVersions(c.ctx, c.bucket, opts) {
		if err != nil {
			return nil, err
		}
		if v.IsDeleteMarker {
			markers = append(markers, version{v.Key, v.VersionID, true})
		} else {
			all = append(all, version{Key: v.Key, ID: v.VersionID})
		}
	}
	return append(all, markers...), nil
}

func (c *ours) getVersion(key, id string) ([]byte, error) {
	o, err := c.GetObject(c.ctx, c.bucket, key, &oss.GetOptions{VersionID: id})
	if err != nil {
		return nil, err
	}
	defer o.Body.Close()
	return io.ReadAll(o.Body)
}
