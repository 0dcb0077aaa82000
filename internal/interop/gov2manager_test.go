package interop

import (
	"io"

	ossv2 "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
)

func (c *goV2) makeBucket(name string) error {
	_, err := c.PutBucket(c.ctx, &ossv2.PutBucketRequest{Bucket: &name})
	return err
}

func (c *goV2) dropBucket(name string) error {
	_, err := c.DeleteBucket(c.ctx, &ossv2.DeleteBucketRequest{Bucket: &name})
	return err
}

func (c *goV2) buckets() ([]string, error) {
	var names []string
	for pages := c.NewListBucketsPaginator(&ossv2.ListBucketsRequest{}); pages.HasNext(); {
		res, err := pages.NextPage(c.ctx)
		if err != nil {
			return nil, err
		}
		for _, b := range res.Buckets {
			names = append(names, ossv2.ToString(b.Name))
		}
	}
	return names, nil
}

func (c *goV2) removeAll(keys []string) ([]string, error) {
	req := &ossv2.DeleteMultipleObjectsRequest{Bucket: c.bucket}
	for _, key := range keys {
		req.Objects = append(req.Objects, ossv2.DeleteObject{Key: ossv2.Ptr(key)})
	}
	res, err := c.DeleteMultipleObjects(c.ctx, req)
	if err != nil {
		return nil, err
	}
	var removed []string
	for _, d := range res.DeletedObjects {
		removed = append(removed, ossv2.ToString(d.Key))
	}
	return removed, nil
}

func (c *goV2) setTags(key string, tags map[string]string) error {
	set := &ossv2.TagSet{}
	for k, v := range tags {
		set.Tags = append(set.Tags, ossv2.Tag{Key: ossv2.Ptr(k), Value: ossv2.Ptr(v)})
	}
	_, err := c.PutObjectTagging(c.ctx,
		&ossv2.PutObjectTaggingRequest{Bucket: c.bucket, Key: &key, Tagging: &ossv2.Tagging{TagSet: set}})
	return err
}

func (c *goV2) tags(key string) (map[string]string, error) {
	res, err := c.GetObjectTagging(c.ctx, &ossv2.GetObjectTaggingRequest{Bucket: c.bucket, Key: &key})
	if err != nil {
		return nil, err
	}
	tags := make(map[string]string)
	for _, t := range res.Tags {
		tags[ossv2.ToString(t.Key)] = ossv2.ToString(t.Value)
	}
	return tags, nil
}

func (c *goV2) setACL(key, acl string) error {
	_, err := c.PutObjectAcl(c.ctx,
		&ossv2.PutObjectAclRequest{Bucket: c.bucket, Key: &key, Acl: ossv2.ObjectACLType(acl)})
	return err
}

func (c *goV2) acl(key string) (string, error) {
	res, err := c.GetObjectAcl(c.ctx, &ossv2.GetObjectAclRequest{Bucket: c.bucket, Key: &key})
	if err != nil {
		return "", err
	}
	return ossv2.ToString(res.ACL), nil
}

func (c *goV2) keepVersions() error {
	_, err := c.PutBucketVersioning(c.ctx, &ossv2.PutBucketVersioningRequest{
		Bucket: c.bucket, VersioningConfiguration: &ossv2.VersioningConfiguration{Status: ossv2.VersionEnabled},
	})
	return err
}

func (c *goV2) versions(prefix string, page int) ([]version, error) {
	var all, markers []version
	pages := c.NewListObjectVersionsPaginator(&ossv2.ListObjectVersionsRequest{Bucket: c.bucket,
		Prefix: &prefix, MaxKeys: int32(page)})
	for pages.HasNext() {
		res, err := pages.NextPage(c.ctx)
		if err != nil {
			return nil, err
		}
		for _, v := range res.ObjectVersions {
			all = append(all, version{Key: ossv2.ToString(v.Key), ID: ossv2.ToString(v.VersionId)})
		}
		for _, v := range res.ObjectDeleteMarkers {
			markers = append(markers, version{ossv2.ToString(v.Key), ossv2.ToString(v.VersionId), true})
		}
	}
	return append(all, markers...), nil
}

func (c *goV2) getVersion(key, id string) ([]byte, error) {
	res, err := c.GetObject(c.ctx, &ossv2.GetObjectRequest{Bucket: c.bucket, Key: &key, VersionId: &id})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return io.ReadAll(res.Body)
}
