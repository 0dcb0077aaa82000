package osstest_test

import (
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// Where a link leads is looked at when it is read, and not when it is made.
func TestSymbolicLinksAreReadThrough(t *testing.T) {
	now := time.Date(2026, 6, 17, 20, 30, 0, 0, time.UTC)
	srv := start(t, &osstest.Options{Now: func() time.Time { return now }})
	wants(t, srv, "PUT bucket/link?symlink", "ok", "x-oss-symlink-target", "a%20b", "x-oss-meta-of", "link",
		"Content-Type", "text/plain")
	wants(t, srv, "GET bucket/link", "404 SymlinkTargetNotExist 0026-00000012")
	wants(t, srv, "HEAD bucket/link", "404 SymlinkTargetNotExist 0026-00000012")
	now = now.Add(time.Hour)
	wants(t, srv, "PUT bucket/a b", "ok", "body", "target", "x-oss-meta-of", "target")
	target, _ := srv.Object("bucket", "a b")

	body, got, err := ask(t, srv, "GET bucket/link")
	if err != nil || body != "target" {
		t.Errorf("read through the link %q, %v", body, err)
	}
	_, head, err := ask(t, srv, "HEAD bucket/link")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"ETag": target.ETag, "Content-Length": "6", "Content-MD5": got.Get("Content-MD5"),
		"x-oss-hash-crc64ecma": crcOf("target"),
		"Last-Modified":        "Wed, 17 Jun 2026 21:30:00 GMT", "x-oss-object-type": "Symlink",
		"x-oss-meta-of": "link", "Content-Type": "text/plain",
	} {
		if got.Get(name) != want || head.Get(name) != want {
			t.Errorf("%s: GET says %q, HEAD %q, want %q", name, got.Get(name), head.Get(name), want)
		}
	}
	if body, _, err := ask(t, srv, "GET bucket/link", "Range", "bytes=1-2"); body != "ar" || err != nil {
		t.Errorf("a range through the link is %q, %v", body, err)
	}
	_, told, err := ask(t, srv, "GET bucket/link?symlink")
	if err != nil || told.Get("x-oss-symlink-target") != "a%20b" || told.Get("ETag") == target.ETag ||
		told.Get("Content-Length") != "0" {
		t.Errorf("GetSymlink = %v, %v", told, err)
	}
	var list ossxml.ObjectList
	read(t, srv, "GET bucket", &list)
	if len(list.Contents) != 2 || list.Contents[1].Type != "Symlink" || list.Contents[1].Size != 0 {
		t.Errorf("listed %+v", list.Contents)
	}
}

func TestSymbolicLinksRefuseWhatOSSRefuses(t *testing.T) {
	srv := start(t, nil)
	wants(t, srv, "PUT bucket/file", "ok", "body", "1")
	wants(t, srv, "PUT bucket/link?symlink", "400 InvalidArgument 0043-00000001")
	wants(t, srv, "PUT bucket/link?symlink", "400 InvalidArgument", "x-oss-symlink-target", "100%")
	wants(t, srv, "PUT bucket/link?symlink", "400 InvalidObjectName", "x-oss-symlink-target", "%2Froot")
	wants(t, srv, "PUT bucket/link?symlink", "400 InvalidArgument", "x-oss-symlink-target",
		"file", "x-oss-storage-class", "Gold")
	wants(t, srv, "PUT bucket/link?symlink", "ok", "x-oss-symlink-target", "file")
	wants(t, srv, "PUT bucket/link?symlink", "409 FileAlreadyExists 0026-00000002", "x-oss-symlink-target", "file",
		"x-oss-forbid-overwrite", "true")
	wants(t, srv, "GET bucket/file?symlink", "400 NotSymlink 0043-00000101")
	wants(t, srv, "GET bucket/none?symlink", "404 NoSuchKey 0026-00000001")
	wants(t, srv, "PUT bucket/chain?symlink", "ok", "x-oss-symlink-target", "link")
	wants(t, srv, "GET bucket/chain", "400 InvalidTargetType")
	id := initiate(t, srv, nil)
	wants(t, srv, "PUT bucket/key?partNumber=1&uploadId="+id, "400 OperationNotSupported 0016-00000702",
		"x-oss-copy-source", "/bucket/link")
	wants(t, srv, "POST bucket/link?append&position=0", "409 ObjectNotAppendable 0026-00000017", "body", "2")
}

// CopyObject copies a link and not what it leads to.
func TestACopyOfALinkIsALink(t *testing.T) {
	srv := start(t, nil)
	wants(t, srv, "PUT bucket/link?symlink", "ok", "x-oss-symlink-target", "later")
	wants(t, srv, "PUT bucket/copy", "ok", "x-oss-copy-source", "/bucket/link")
	wants(t, srv, "PUT bucket/later", "ok", "body", "here")
	wants(t, srv, "DELETE bucket/link", "ok")
	if body, _, err := ask(t, srv, "GET bucket/copy"); body != "here" || err != nil {
		t.Errorf("read through the copy %q, %v", body, err)
	}
}

func TestALinkHasVersions(t *testing.T) {
	srv := start(t, nil)
	srv.SetVersioning("bucket", true)
	wants(t, srv, "PUT bucket/a", "ok", "body", "a")
	wants(t, srv, "PUT bucket/b", "ok", "body", "b")
	_, first, err := ask(t, srv, "PUT bucket/link?symlink", "x-oss-symlink-target", "a")
	if err != nil || first.Get("x-oss-version-id") == "" {
		t.Fatalf("PutSymlink = %v, %v", first, err)
	}
	wants(t, srv, "PUT bucket/link?symlink", "ok", "x-oss-symlink-target", "b")
	if body, _, _ := ask(t, srv, "GET bucket/link"); body != "b" {
		t.Errorf("the newest link leads to %q", body)
	}
	if body, _, _ := ask(t, srv, "GET bucket/link?versionId="+first.Get("x-oss-version-id")); body != "a" {
		t.Errorf("the first link leads to %q", body)
	}
}

// A public link gives no access to a private object.
func TestAnonymousReadersNeedBothLinkAndTarget(t *testing.T) {
	srv := start(t, nil)
	for target, want := range map[string]int{"public-read": 200, "private": 403} {
		wants(t, srv, "PUT bucket/file", "ok", "x-oss-object-acl", target, "body", "data")
		wants(t, srv, "PUT bucket/link?symlink", "ok", "x-oss-symlink-target", "file",
			"x-oss-object-acl", "public-read")
		if got := send(t, srv, call{method: "GET", key: "link", unsigned: true}); got.status != want {
			t.Errorf("a public link to a %s file is answered %v, want %d", target, got, want)
		}
	}
}
