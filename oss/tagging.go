package oss

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/ossmultipart/go-oss/internal/ossxml"
)

// PutObjectTagging replaces all tags of an object by these, at most 10. A key has 1 to 128 characters, a value up to
// 256.
//
// See https://help.aliyun.com/en/oss/developer-reference/putobjecttagging
func (c *Client) PutObjectTagging(
	ctx context.Context, bucket, key string, tags map[string]string, opts *VersionOptions,
) error {
	r, err := opts.request("PutObjectTagging", http.MethodPut, bucket, key, "tagging", "")
	if err != nil {
		return err
	}
	if _, err := encodeTags(tags); err != nil {
		return err
	}
	var doc ossxml.Tagging
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		doc.Set.Tags = append(doc.Set.Tags, ossxml.Tag{Key: name, Value: tags[name]})
	}
	_, err = c.sendDocument(ctx, r, doc)
	return err
}

// GetObjectTagging returns the tags of an object; the map is empty if it has none.
//
// See https://help.aliyun.com/en/oss/developer-reference/getobjecttagging
func (c *Client) GetObjectTagging(
	ctx context.Context, bucket, key string, opts *VersionOptions,
) (map[string]string, error) {
	r, err := opts.request("GetObjectTagging", http.MethodGet, bucket, key, "tagging", "")
	if err != nil {
		return nil, err
	}
	var tags map[string]string
	if _, err := sendXML(ctx, c, r, func(doc *ossxml.Tagging) error {
		tags = make(map[string]string, min(len(doc.Set.Tags), maxTags))
		for _, t := range doc.Set.Tags {
			tags[t.Key] = t.Value
		}
		if len(tags) < len(doc.Set.Tags) || len(tags) > maxListedTags {
			return fmt.Errorf("it has %d tags with %d different keys", len(doc.Set.Tags), len(tags))
		}
		return nil
	}); err != nil {
		return nil, err
	}
	return tags, nil
}

// maxListedTags is more than OSS lets an object have today.
const maxListedTags = 100

// DeleteObjectTagging removes all tags of an object. It returns nil if there are none.
//
// See https://help.aliyun.com/en/oss/developer-reference/deleteobjecttagging
func (c *Client) DeleteObjectTagging(ctx context.Context, bucket, key string, opts *VersionOptions) error {
	r, err := opts.request("DeleteObjectTagging", http.MethodDelete, bucket, key, "tagging", "")
	if err != nil {
		return err
	}
	_, err = c.sendEmpty(ctx, r)
	return err
}
