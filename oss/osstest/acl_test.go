package osstest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// policy is the document of an ACL.
func policy(grant string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<AccessControlPolicy>
  <Owner>
    <ID>1000000000000000</ID>
    <DisplayName>1000000000000000</DisplayName>
  </Owner>
  <AccessControlList>
    <Grant>` + grant + `</Grant>
  </AccessControlList>
</AccessControlPolicy>
`
}

func TestACLsAreReadBackAsTheyWereSet(t *testing.T) {
	srv := start(t, nil)
	wants(t, srv, "PUT bucket/key", "ok", "body", "data")
	before, _ := srv.Object("bucket", "key")
	for _, step := range []struct{ put, acl, get, want string }{
		{"", "", "GET bucket?acl", "private"},
		{"PUT bucket?acl", "public-read", "GET bucket?acl", "public-read"},
		{"", "", "GET bucket/key?acl", "default"},
		{"PUT bucket/key?acl", "private", "GET bucket/key?acl", "private"},
		{"PUT bucket/key?acl", "default", "GET bucket/key?acl", "default"},
		{"PUT bucket/key", "public-read-write", "GET bucket/key?acl", "public-read-write"},
	} {
		if step.put != "" {
			wants(t, srv, step.put, "ok", "x-oss-acl", step.acl, "x-oss-object-acl", step.acl, "body", "data")
		}
		got, _, err := ask(t, srv, step.get)
		if diff := cmp.Diff(policy(step.want), got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", step.get, err, diff)
		}
	}
	after, _ := srv.Object("bucket", "key")
	if string(after.Data) != "data" || after.ETag != before.ETag || after.ACL != oss.ACL("public-read-write") {
		t.Errorf("object is now %+v", after)
	}
}

func TestACLsThatAreNoneAreRefused(t *testing.T) {
	srv := start(t, nil)
	srv.PutObject("bucket", "key", nil)
	wants(t, srv, "PUT bucket?acl", "400 InvalidArgument 0015-00000204")
	wants(t, srv, "PUT bucket?acl", "400 InvalidArgument 0015-00000204", "x-oss-acl", "default")
	wants(t, srv, "PUT bucket/key?acl", "400 MissingArgument")
	wants(t, srv, "PUT bucket/key?acl", "400 InvalidArgument", "x-oss-object-acl", "open")
	wants(t, srv, "PUT bucket/none?acl", "404 NoSuchKey 0026-00000001", "x-oss-object-acl", "private")
	wants(t, srv, "GET bucket/none?acl", "404 NoSuchKey 0026-00000001")
}

func TestACLsSayWhatAnybodyMayDo(t *testing.T) {
	srv := start(t, &osstest.Options{PublicBuckets: []string{"open"}})
	for _, tt := range []struct{ bucket, object string }{
		{"private", ""}, {"public-read", ""}, {"public-read-write", ""},
		{"private", "public-read"}, {"public-read-write", "private"},
		{"private", "public-read-write"}, {"public-read", "default"},
	} {
		wants(t, srv, "PUT bucket?acl", "ok", "x-oss-acl", tt.bucket)
		acl := tt.object
		if acl == "" {
			acl = "default"
		}
		wants(t, srv, "PUT bucket/key", "ok", "x-oss-object-acl", acl)
		effective := tt.object
		if acl == "default" {
			effective = tt.bucket
		}
		for what, allowed := range map[string]bool{
			"GET key":         effective != "private",
			"HEAD key":        effective != "private",
			"PUT key":         effective == "public-read-write",
			"GET ":            tt.bucket != "private",
			"PUT other":       tt.bucket == "public-read-write",
			"GET key?acl":     false,
			"PUT key?tagging": false,
			"PUT ?acl":        false,
			"GET ?bucketInfo": false,
			"DELETE ":         false,
		} {
			got := anonymous(t, srv, "bucket", what)
			if (got.status == 200) != allowed || !allowed && got.String() != "403 AccessDenied 0003-00000905" {
				t.Errorf("bucket %s, object %q: anonymous %s: %v, want allowed %t", tt.bucket,
					tt.object, what, got, allowed)
			}
			if what == "PUT key" && allowed { // the new object has no ACL of its own
				wants(t, srv, "PUT bucket/key", "ok", "x-oss-object-acl", acl)
			}
		}
	}
	if got := anonymous(t, srv, "open", "DELETE "); got.String() != "403 AccessDenied 0003-00000905" {
		t.Errorf("anonymous DeleteBucket of a public bucket: %v", got)
	}
}

// anonymous sends "METHOD key?query" without a signature.
func anonymous(t *testing.T, srv *osstest.Server, bucket, what string) *answer {
	t.Helper()
	c := call{bucket: bucket, unsigned: true}
	c.method, c.key, c.query = splitWhat(what)
	return send(t, srv, c)
}

func splitWhat(what string) (method, key, query string) {
	method, rest, _ := strings.Cut(what, " ")
	key, query, _ = strings.Cut(rest, "?")
	return method, key, query
}
