package interop

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/ossmultipart/go-oss/oss"
)

// Package oss wraps none of these operations: Do has to carry them, documents and all.

func (c *ours) on(name string) *ours { return &ours{c.Client, c.ctx, name} }

func (c *ours) makeBucket(name string) error {
	_, err := c.on(name).do(&oss.Request{Op: "PutBucket", Method: http.MethodPut}, nil)
	return err
}

func (c *ours) dropBucket(name string) error {
	_, err := c.on(name).do(&oss.Request{Op: "DeleteBucket", Method: http.MethodDelete}, nil)
	return err
}

func (c *ours) buckets() ([]string, error) {
	var doc struct {
		Names []string `xml:"Buckets>Bucket>Name"`
	}
	_, err := c.on("").do(&oss.Request{Op: "ListBuckets"}, &doc)
	return doc.Names, err
}

// post sends a document, with its digest.
func (c *ours) post(r *oss.Request, doc, result any) error {
	text, err := xml.Marshal(doc)
	if err != nil {
		return err
	}
	sum := md5.Sum(text)
	r.Body = bytes.NewReader(text)
	r.Header = http.Header{"Content-Md5": {base64.StdEncoding.EncodeToString(sum[:])},
		"Content-Type": {"application/xml"}}
	_, err = c.do(r, result)
	return err
}

func (c *ours) removeAll(keys []string) ([]string, error) {
	type object struct{ Key string }
	var req struct {
		XMLName xml.Name `xml:"Delete"`
		Quiet   bool
		Object  []object
	}
	for _, key := range keys {
		req.Object = append(req.Object, object{key})
	}
	var doc struct {
		Keys []string `xml:"Deleted>Key"`
	}
	err := c.post(&oss.Request{Op: "DeleteMultipleObjects", Method: http.MethodPost, Query: url.Values{"delete": {""}}},
		req, &doc)
	return doc.Keys, err
}

// tagging is the document of both operations on tags.
type tagging struct {
	XMLName xml.Name `xml:"Tagging"`
	Tags    []tag    `xml:"TagSet>Tag"`
}

type tag struct{ Key, Value string }

func (c *ours) setTags(key string, tags map[string]string) error {
	var doc tagging
	for k, v := range tags {
		doc.Tags = append(doc.Tags, tag{k, v})
	}
	return c.post(&oss.Request{Op: "PutObjectTagging", Method: http.MethodPut, Key: key,
		Query: url.Values{"tagging": {""}}}, doc, nil)
}

func (c *ours) tags(key string) (map[string]string, error) {
	var doc tagging
	_, err := c.do(&oss.Request{Op: "GetObjectTagging", Key: key, Query: url.Values{"tagging": {""}}}, &doc)
	tags := make(map[string]string)
	for _, t := range doc.Tags {
		tags[t.Key] = t.Value
	}
	return tags, err
}

func (c *ours) setACL(key, acl string) error {
	_, err := c.do(&oss.Request{
		Op: "PutObjectACL", Method: http.MethodPut, Key: key, Query: url.Values{"acl": {""}},
		Header: http.Header{"X-Oss-Object-Acl": {acl}},
	}, nil)
	return err
}

func (c *ours) acl(key string) (string, error) {
	var doc struct {
		Grant string `xml:"AccessControlList>Grant"`
	}
	_, err := c.do(&oss.Request{Op: "GetObjectACL", Key: key, Query: url.Values{"acl": {""}}}, &doc)
	return doc.Grant, err
}

func (c *ours) keepVersions() error {
	doc := struct {
		XMLName xml.Name `xml:"VersioningConfiguration"`
		Status  string
	}{Status: "Enabled"}
	return c.post(&oss.Request{Op: "PutBucketVersioning", Method: http.MethodPut,
		Query: url.Values{"versioning": {""}}}, doc, nil)
}

func (c *ours) versions(prefix string, page int) ([]version, error) {
	type listed struct{ Key, VersionId string }
	var all, markers []version
	for q := (url.Values{"versions": {""}, "prefix": {prefix}, "max-keys": {strconv.Itoa(page)}}); ; {
		var doc struct {
			IsTruncated                        bool
			NextKeyMarker, NextVersionIdMarker string
			Version, DeleteMarker              []listed
		}
		if _, err := c.do(&oss.Request{Op: "ListObjectVersions", Query: q}, &doc); err != nil {
			return nil, err
		}
		for _, v := range doc.Version {
			all = append(all, version{Key: v.Key, ID: v.VersionId})
		}
		for _, v := range doc.DeleteMarker {
			markers = append(markers, version{v.Key, v.VersionId, true})
		}
		if !doc.IsTruncated {
			return append(all, markers...), nil
		}
		q.Set("key-marker", doc.NextKeyMarker)
		q.Set("version-id-marker", doc.NextVersionIdMarker)
	}
}

func (c *ours) getVersion(key, id string) ([]byte, error) {
	o, err := c.GetObject(c.ctx, c.bucket, key, &oss.GetOptions{VersionID: id})
	if err != nil {
		return nil, err
	}
	defer o.Body.Close()
	return io.ReadAll(o.Body)
}
