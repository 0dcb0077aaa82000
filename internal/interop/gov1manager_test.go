package interop

import (
	"io"

	ossv1 "github.com/aliyun/aliyun-oss-go-sdk/oss"
)

func (c *goV1) makeBucket(name string) error { return c.Client.CreateBucket(name) }
func (c *goV1) dropBucket(name string) error { return c.Client.DeleteBucket(name) }

func (c *goV1) buckets() ([]string, error) {
	res, err := c.Client.ListBuckets()
	var names []string
	for _, b := range res.Buckets {
		names = append(names, b.Name)
	}
	return names, err
}

func (c *goV1) removeAll(keys []string) ([]string, error) {
	res, err := c.DeleteObjects(keys)
	return res.DeletedObjects, err
}

func (c *goV1) setTags(key string, tags map[string]string) error {
	var t ossv1.Tagging
	for k, v := range tags {
		t.Tags = append(t.Tags, ossv1.Tag{Key: k, Value: v})
	}
	return c.PutObjectTagging(key, t)
}

func (c *goV1) tags(key string) (map[string]string, error) {
	res, err := c.GetObjectTagging(key)
	tags := make(map[string]string)
	for _, t := range res.Tags {
		tags[t.Key] = t.Value
	}
	return tags, err
}

func (c *goV1) setACL(key, acl string) error { return c.SetObjectACL(key, ossv1.ACLType(acl)) }

func (c *goV1) acl(key string) (string, error) {
	res, err := c.GetObjectACL(key)
	return res.ACL, err
}

func (c *goV1) keepVersions() error {
	return c.Client.SetBucketVersioning(c.BucketName, ossv1.VersioningConfig{Status: string(ossv1.VersionEnabled)})
}

func (c *goV1) versions(prefix string, page int) ([]version, error) {
	var all, markers []version
	for key, id := "", ""; ; {
		res, err := c.ListObjectVersions(ossv1.Prefix(prefix), ossv1.MaxKeys(page),
			ossv1.KeyMarker(key), ossv1.VersionIdMarker(id))
		if err != nil {
			return nil, err
		}
		for _, v := range res.ObjectVersions {
			all = append(all, version{Key: v.Key, ID: v.VersionId})
		}
		for _, v := range res.ObjectDeleteMarkers {
			markers = append(markers, version{v.Key, v.VersionId, true})
		}
		if !res.IsTruncated {
			return append(all, markers...), nil
		}
		key, id = res.NextKeyMarker, res.NextVersionIdMarker
	}
}

func (c *goV1) getVersion(key, id string) ([]byte, error) {
	body, err := c.GetObject(key, ossv1.VersionId(id))
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}
