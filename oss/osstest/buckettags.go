package osstest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// maxBucketTags is how many tags a bucket can have. An object can have fewer.
const maxBucketTags = 20

// putBucketTags is PutBucketTags, which replaces all tags.
//
// See https://help.aliyun.com/en/oss/developer-reference/putbuckettags
func (x *exchange) putBucketTags() (*reply, error) {
	var doc ossxml.Tagging
	if err := x.readConfig(&doc); err != nil {
		return nil, err
	}
	tags := doc.Set.Tags
	if len(tags) == 0 {
		return nil, malformedBucketXML()
	}
	if len(tags) > maxBucketTags {
		return nil, refuse(http.StatusBadRequest, "TooManyTags", "", "The bucket tags num is beyond limit.")
	}
	seen := make(map[string]bool)
	for _, t := range tags {
		if err := checkBucketTag(t); err != nil {
			return nil, err
		}
		if seen[t.Key] {
			return nil, refuse(http.StatusBadRequest, "RepeatedTags", "", "Tag keys must be unique.")
		}
		seen[t.Key] = true
	}
	return x.changeConfig(http.StatusOK, func(b *store.Bucket) { b.Tags = tags })
}

// checkBucketTag checks one tag. The limits are in bytes.
//
// See https://help.aliyun.com/en/oss/user-guide/0010-00000219 and 0010-00000207.
func checkBucketTag(t ossxml.Tag) error {
	lower := strings.ToLower(t.Key)
	for _, reserved := range []string{"http://", "https://", "aliyun", "acs:"} {
		if strings.HasPrefix(lower, reserved) {
			return refuse(http.StatusBadRequest, "InvalidTag", "0010-00000207",
				"The TagKey you have provided is invalid.")
		}
	}
	switch {
	case t.Key == "", len(t.Key) > 64:
		return refuse(http.StatusBadRequest, "InvalidTag", "0010-00000219", "The TagKey you have provided is invalid.")
	case len(t.Value) > 128:
		return refuse(http.StatusBadRequest, "InvalidTag", "0010-00000219",
			"The TagValue you have provided is invalid.")
	}
	return nil
}

// getBucketTags is GetBucketTags. A bucket without tags has an empty set of them.
//
// See https://help.aliyun.com/en/oss/developer-reference/getbuckettags
func (x *exchange) getBucketTags() (*reply, error) {
	return xmlReply(http.StatusOK, ossxml.Tagging{Set: ossxml.TagSet{Tags: x.objects.Bucket(x.bucket).Tags}}), nil
}

// deleteBucketTags is DeleteBucketTags, of the comma-separated tags in the parameter, or of all tags without one.
//
// See https://help.aliyun.com/en/oss/developer-reference/deletebuckettags
func (x *exchange) deleteBucketTags() (*reply, error) {
	named := x.query.Get("tagging")
	keys := strings.Split(named, ",")
	return x.changeConfig(http.StatusNoContent, func(b *store.Bucket) {
		left := slices.DeleteFunc(slices.Clone(b.Tags), func(t ossxml.Tag) bool { return slices.Contains(keys, t.Key) })
		if named == "" || len(left) == 0 {
			left = nil
		}
		b.Tags = left
	})
}

// isTagged reports whether a bucket has the tag that a ListBuckets asks for; true if it asks for none.
func (x *exchange) isTagged(b store.Bucket) bool {
	key, value := x.query.Get("tag-key"), x.query.Get("tag-value")
	return key == "" || slices.ContainsFunc(b.Tags, func(t ossxml.Tag) bool {
		return t.Key == key && (t.Value == value || !x.query.Has("tag-value"))
	})
}
