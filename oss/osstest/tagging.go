package osstest

import (
	"iter"
	"net/http"
	"net/url"
	"strings"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// putTagging is PutObjectTagging, which replaces all tags.
//
// See https://help.aliyun.com/en/oss/developer-reference/putobjecttagging
func (x *exchange) putTagging() (*reply, error) {
	body, err := x.readBody(maxDocument)
	if err != nil {
		return nil, err
	}
	var doc ossxml.Tagging
	if err := ossxml.DecodeControl(body.Bytes(), &doc); err != nil {
		return nil, malformedXML()
	}
	if len(doc.Set.Tags) > maxTags {
		return nil, tooManyTags()
	}
	var pairs []string
	seen := make(map[string]bool)
	for _, t := range doc.Set.Tags {
		if seen[t.Key] {
			return nil, invalidTag("Cannot provide multiple Tags with the same key")
		}
		seen[t.Key] = true
		if err := checkTag(t.Key, t.Value); err != nil {
			return nil, err
		}
		pairs = append(pairs, escape(t.Key, "")+"="+escape(t.Value, ""))
	}
	return x.setTags(http.StatusOK, strings.Join(pairs, "&"))
}

// deleteTagging is DeleteObjectTagging.
//
// See https://help.aliyun.com/en/oss/developer-reference/deleteobjecttagging
func (x *exchange) deleteTagging() (*reply, error) { return x.setTags(http.StatusNoContent, "") }

// setTags sets the tags of the object, in the form of x-oss-tagging.
func (x *exchange) setTags(status int, tags string) (*reply, error) {
	return x.changeObject(status, func(o *store.Object) error {
		o.Header = o.Header.Clone()
		o.Header.Del("x-oss-tagging")
		if tags != "" {
			o.Header.Set("x-oss-tagging", tags)
		}
		return nil
	})
}

// tagging is GetObjectTagging.
//
// See https://help.aliyun.com/en/oss/developer-reference/getobjecttagging
func (x *exchange) tagging() (*reply, error) {
	o, err := x.openObject()
	if err != nil {
		return nil, err
	}
	defer o.Content.Release()
	var doc ossxml.Tagging
	for key, value := range tagsOf(o.Header) {
		doc.Set.Tags = append(doc.Set.Tags, ossxml.Tag{Key: key, Value: value})
	}
	rep := xmlReply(http.StatusOK, doc)
	x.setVersion(rep.header, o)
	return rep, nil
}

// tagsOf returns the tags in the headers of an object, in their order.
func tagsOf(h http.Header) iter.Seq2[string, string] {
	return func(yield func(key, value string) bool) {
		for _, t := range parseTags(h.Get("x-oss-tagging")) {
			key, _ := url.QueryUnescape(t.key) // both were checked when they were set
			value, _ := url.QueryUnescape(t.value)
			if !yield(key, value) {
				return
			}
		}
	}
}
