package osstest_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// The C SDK and PHP's getBucketMeta ask for the head of a bucket (H14).
func TestHeadOfABucketTellsItsRegion(t *testing.T) {
	srv := start(t, &osstest.Options{Buckets: []string{"b"}})
	const host = "Host: 127.0.0.1"
	got := sendSigned(t, srv, "b", "", "", "HEAD /b/ HTTP/1.1", host)
	if wantWire(t, "a bucket", got, "200", ""); got.header["x-oss-bucket-region"] != "oss-cn-hangzhou" {
		t.Errorf("headers are %v", got.header)
	}
	for target, code := range map[string]string{"/none/": "NoSuchBucket", "/b/?policy": "NotImplemented",
		"/b/?acl": "NotImplemented"} {
		got := sendSigned(t, srv, strings.Split(target, "/")[1], "", "", "HEAD "+target+" HTTP/1.1", host)
		doc, err := base64.StdEncoding.DecodeString(got.header["x-oss-err"])
		if err != nil || !strings.Contains(string(doc), "<Code>"+code+"</Code>") || got.status()[0] != '4' {
			t.Errorf("HEAD %s: %s %v %s", target, got.line, got.header, doc)
		}
	}
	if _, ok := sendSigned(t, srv, "b", "", "", "HEAD /b/ HTTP/1.1", host,
		"x-oss-process: p").header["x-oss-err"]; !ok {
		t.Error("a refused header has no document")
	}
}
