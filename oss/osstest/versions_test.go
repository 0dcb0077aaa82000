package osstest_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// startVersioned returns a Server whose bucket "bucket" keeps versions.
func startVersioned(t testing.TB) *osstest.Server {
	t.Helper()
	srv := start(t, &osstest.Options{MinPartSize: 1})
	srv.SetVersioning("bucket", true)
	return srv
}

// putVersion stores a version of "bucket/key" and returns its ID.
func putVersion(t testing.TB, srv *osstest.Server, body string) string {
	t.Helper()
	return send(t, srv, call{method: "PUT", key: "key", body: body}).header.Get("x-oss-version-id")
}

func TestEveryVersionCanBeRead(t *testing.T) {
	srv := startVersioned(t)
	bodies := []string{"first", "second", "third"}
	var ids []string
	for _, body := range bodies {
		ids = append(ids, putVersion(t, srv, body))
	}
	for i, body := range bodies {
		for _, c := range []call{{method: "GET"}, {method: "HEAD"}, {method: "HEAD", query: "objectMeta&"}} {
			c.key, c.query = "key", c.query+"versionId="+ids[i]
			got := send(t, srv, c)
			if got.header.Get("x-oss-version-id") != ids[i] || got.header.Get("x-oss-hash-crc64ecma") != crcOf(body) {
				t.Errorf("%s ?%s: version %q with CRC %s, want %q of %q", c.method, c.query,
					got.header.Get("x-oss-version-id"), got.header.Get("x-oss-hash-crc64ecma"), ids[i], body)
			}
			if c.method == "GET" && got.body != body {
				t.Errorf("version %d is %q, want %q", i, got.body, body)
			}
		}
	}
	if got := send(t, srv, call{method: "GET", key: "key"}); got.body != "third" ||
		got.header.Get("x-oss-version-id") != ids[2] {
		t.Errorf("the newest is %q, version %s", got.body, got.header.Get("x-oss-version-id"))
	}
	kept := srv.Versions("bucket", "key")
	if len(kept) != 3 || kept[0].VersionID != ids[2] || kept[2].VersionID != ids[0] || kept[0].DeleteMarker {
		t.Errorf("Versions = %+v", kept)
	}
}

func TestVersionIDsLookAsRecordedAndAscend(t *testing.T) {
	now := time.Date(2026, 5, 21, 21, 57, 42, 0, time.UTC) // the moment of a recording
	srv := start(t, &osstest.Options{Now: func() time.Time { return now }})
	srv.SetVersioning("bucket", true)
	form := regexp.MustCompile(`^CAEQigEY[0-9A-Za-z._]{58}--$`)
	last := ""
	for range 50 {
		srv.PutObject("bucket", "key", nil)
		id := srv.Versions("bucket", "key")[0].VersionID
		if !form.MatchString(id) || id == last {
			t.Fatalf("version ID %q after %q", id, last)
		}
		last = id
	}
}

func TestCompleteAndCopyMakeVersions(t *testing.T) {
	srv := startVersioned(t)
	old := putVersion(t, srv, "old")
	id := initiate(t, srv, nil)
	etag := put(t, srv, id, 1, "new")
	done := complete(t, srv, id, nil, 1, etag)
	version := done.header.Get("x-oss-version-id")
	if version == "" || version == old {
		t.Errorf("CompleteMultipartUpload made version %q", version)
	}
	copied := send(t, srv, call{method: "PUT", key: "copy",
		header: map[string]string{"x-oss-copy-source": "/bucket/key?versionId=" + old}})
	if got := copied.header.Get("x-oss-copy-source-version-id"); got != old ||
		copied.header.Get("x-oss-version-id") == "" {
		t.Errorf("CopyObject copied version %q, header %v", got, copied.header)
	}
	if o, _ := srv.Object("bucket", "copy"); string(o.Data) != "old" {
		t.Errorf("the copy is %q", o.Data)
	}
	id = initiate(t, srv, nil)
	part := send(t, srv, call{method: "PUT", key: "key", query: "partNumber=1&uploadId=" + id,
		header: map[string]string{"x-oss-copy-source": "/bucket/key?versionId=" + version}})
	if part.header.Get("x-oss-copy-source-version-id") != version || part.header.Get("x-oss-version-id") != "" {
		t.Errorf("UploadPartCopy: %v", part.header)
	}
	if got := srv.Uploads()[0].Parts[0].Size; got != 3 {
		t.Errorf("the part has %d bytes", got)
	}
}

func TestDeleteMarkerHidesAnObject(t *testing.T) {
	srv := startVersioned(t)
	version := putVersion(t, srv, "body")
	deleted := send(t, srv, call{method: "DELETE", key: "key"})
	marker := deleted.header.Get("x-oss-version-id")
	if deleted.status != 204 || deleted.header.Get("x-oss-delete-marker") != "true" ||
		marker == "" || marker == version {
		t.Fatalf("DELETE: %v, %v", deleted, deleted.header)
	}
	for _, method := range []string{"GET", "HEAD"} {
		got := send(t, srv, call{method: method, key: "key"})
		if got.String() != "404 NoSuchKey 0026-00000001" || got.header.Get("x-oss-delete-marker") != "true" ||
			got.header.Get("x-oss-version-id") != marker {
			t.Errorf("%s: %v, %v", method, got, got.header)
		}
		got = send(t, srv, call{method: method, key: "key", query: "versionId=" + marker})
		if got.String() != "405 MethodNotAllowed 0003-00000016" || got.header.Get("Allow") != "DELETE" ||
			got.err.Get("ResourceType") != "DeleteMarker" ||
			got.header.Get("x-oss-delete-marker") != "true" || got.header.Get("x-oss-version-id") != marker {
			t.Errorf("%s of the marker: %v, %v", method, got, got.header)
		}
	}
	copied := send(t, srv, call{method: "PUT", key: "copy",
		header: map[string]string{"x-oss-copy-source": "/bucket/key"}})
	if copied.String() != "404 NoSuchKey 0026-00000001" {
		t.Errorf("copy of what is hidden: %v", copied)
	}
	copied = send(t, srv, call{method: "PUT", key: "copy",
		header: map[string]string{"x-oss-copy-source": "/bucket/key?versionId=" + marker}})
	if copied.String() != "400 InvalidArgument 0016-00000307" {
		t.Errorf("copy of the marker: %v", copied)
	}
	if got := send(t, srv, call{method: "GET", key: "key", query: "versionId=" + version}); got.body != "body" {
		t.Errorf("the version behind the marker is %q, %v", got.body, got)
	}
	if _, ok := srv.Object("bucket", "key"); ok || len(srv.Objects("bucket")) != 0 {
		t.Error("a deleted object is among the objects")
	}
	undone := send(t, srv, call{method: "DELETE", key: "key", query: "versionId=" + marker})
	if undone.status != 204 || undone.header.Get("x-oss-delete-marker") != "true" ||
		undone.header.Get("x-oss-version-id") != marker {
		t.Errorf("DELETE of the marker: %v, %v", undone, undone.header)
	}
	if got := send(t, srv, call{method: "GET", key: "key"}); got.body != "body" {
		t.Errorf("without the marker the object is %q", got.body)
	}
}

func TestDeletingAVersionIsForGood(t *testing.T) {
	srv := startVersioned(t)
	first, second := putVersion(t, srv, "first"), putVersion(t, srv, "second")
	for range 2 { // the second time there is nothing left to delete
		got := send(t, srv, call{method: "DELETE", key: "key", query: "versionId=" + second})
		if got.status != 204 || got.header.Get("x-oss-version-id") != second ||
			got.header.Get("x-oss-delete-marker") != "" {
			t.Errorf("DELETE: %v, %v", got, got.header)
		}
	}
	got := send(t, srv, call{method: "GET", key: "key", query: "versionId=" + second})
	if got.String() != "404 NoSuchVersion 0012-00000203" || got.err.Get("Key") != "key" ||
		got.err.Get("VersionId") != second {
		t.Errorf("GET: %v, %+v", got, got.err.Extra)
	}
	if got := send(t, srv, call{method: "GET", key: "key"}); got.body != "first" {
		t.Errorf("GET of the newest: %q", got.body)
	}
	send(t, srv, call{method: "DELETE", key: "key", query: "versionId=" + first})
	if left := srv.Versions("bucket", "key"); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
	if got := send(t, srv, call{method: "GET", key: "key"}); got.String() != "404 NoSuchKey 0026-00000001" ||
		got.header.Get("x-oss-delete-marker") != "" {
		t.Errorf("GET of nothing: %v, %v", got, got.header)
	}
	if got := send(t, srv, call{method: "DELETE", key: "never"}); got.header.Get("x-oss-delete-marker") != "true" {
		t.Errorf("a key that never was gets no marker: %v", got.header) // as recorded of DeleteMultipleObjects
	}
}

func TestSuspendedBucketReplacesTheNullVersion(t *testing.T) {
	srv := start(t, nil)
	srv.PutObject("bucket", "key", []byte("before"))
	if got := send(t, srv, call{method: "PUT", key: "key",
		body: "unversioned"}); got.header.Get("x-oss-version-id") != "" {
		t.Errorf("a bucket without versions tells version %q", got.header.Get("x-oss-version-id"))
	}
	srv.SetVersioning("bucket", true)
	kept := putVersion(t, srv, "kept")
	if got := send(t, srv, call{method: "GET", key: "key", query: "versionId=null"}); got.body != "unversioned" ||
		got.header.Get("x-oss-version-id") != "null" {
		t.Errorf("the null version is %q, %v", got.body, got.header)
	}
	srv.SetVersioning("bucket", false)
	for _, body := range []string{"suspended", "suspended again"} {
		if id := putVersion(t, srv, body); id != "null" {
			t.Errorf("%q has version %q", body, id)
		}
	}
	var have []string
	for _, v := range srv.Versions("bucket", "key") {
		have = append(have, fmt.Sprint(v.VersionID, v.Size))
	}
	if got, want := strings.Join(have, " "), "null15 "+kept+"4"; got != want {
		t.Errorf("versions = %s, want %s", got, want)
	}
	deleted := send(t, srv, call{method: "DELETE", key: "key"})
	if deleted.header.Get("x-oss-version-id") != "null" || deleted.header.Get("x-oss-delete-marker") != "true" {
		t.Errorf("DELETE: %v", deleted.header)
	}
	if left := srv.Versions("bucket", "key"); len(left) != 2 || !left[0].DeleteMarker || left[1].VersionID != kept {
		t.Errorf("versions after DELETE: %+v", left)
	}
}

func TestForbidOverwriteDoesNotCountWhereThereAreVersions(t *testing.T) {
	for _, enabled := range []bool{true, false} {
		srv := start(t, &osstest.Options{MinPartSize: 1})
		srv.PutObject("bucket", "key", []byte("old"))
		srv.SetVersioning("bucket", enabled)
		forbid := map[string]string{"x-oss-forbid-overwrite": "true"}
		id := initiate(t, srv, forbid)
		etag := put(t, srv, id, 1, "new")
		for what, got := range map[string]*answer{
			"complete": complete(t, srv, id, forbid, 1, etag),
			"put":      send(t, srv, call{method: "PUT", key: "key", header: forbid}),
			"copy": send(t, srv, call{method: "PUT", key: "key",
				header: map[string]string{"x-oss-forbid-overwrite": "true", "x-oss-copy-source": "/bucket/key"}}),
		} {
			if got.status != 200 {
				t.Errorf("enabled %t: %s: %v", enabled, what, got)
			}
		}
	}
}

func TestVersionIDsThatAreNone(t *testing.T) {
	srv := startVersioned(t)
	id := putVersion(t, srv, "x")
	for _, tt := range []struct{ query, want string }{
		{"versionId=fakeVersionId", "400 InvalidArgument 0012-00000202"},
		{"versionId=" + id[:len(id)-1], "400 InvalidArgument 0012-00000202"},
		{"versionId=", "400 InvalidArgument 0012-00000201"},
		{"versionId=null", "404 NoSuchVersion 0012-00000203"},
		// another bucket's
		{"versionId=CAEQMxiBgICbof2D0BYiIGRhZjgwMzJiMjA3MjQ0ODE5MWYxZDYwMzJlZjU1", "404 NoSuchVersion 0012-00000203"},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			if got := send(t, srv, call{method: method, key: "key", query: tt.query}); got.String() != tt.want {
				t.Errorf("%s ?%s: %v, want %s", method, tt.query, got, tt.want)
			}
		}
	}
	if got := send(t, srv, call{method: "DELETE", key: "key",
		query: "versionId=fakeVersionId"}); got.String() != "400 InvalidArgument 0012-00000202" {
		t.Errorf("DELETE: %v", got)
	}
	got := send(t, srv, call{method: "PUT", key: "copy",
		header: map[string]string{"x-oss-copy-source": "/bucket/key?versionId=x"}})
	if got.String() != "400 InvalidArgument 0012-00000202" || got.err.Get("ArgumentName") != "VersionId" ||
		got.err.Get("ArgumentValue") != "x" {
		t.Errorf("copy: %v, %+v", got, got.err.Extra)
	}
}

func TestVersioningOfABucketIsSetAndTold(t *testing.T) {
	srv := start(t, nil)
	configuration := func(status string) string {
		return "<VersioningConfiguration><Status>" + status + "</Status></VersioningConfiguration>"
	}
	want := ""
	for _, tt := range []struct{ body, want, state string }{
		{configuration("Stop"), "400 MalformedXML 0012-00000004", ""},
		{configuration(""), "400 MalformedXML 0012-00000003", ""},
		{"<VersioningConfiguration>", "400 MalformedXML 0012-00000002", ""},
		{configuration("Suspended"), "200", "Suspended"},
		{configuration("Enabled"), "200", "Enabled"},
		{"", "400 MalformedXML 0012-00000002", "Enabled"},
		{configuration("Suspended"), "200", "Suspended"},
	} {
		if got := send(t, srv, call{method: "PUT", query: "versioning", body: tt.body}); got.String() != tt.want {
			t.Errorf("PUT %q: %v, want %s", tt.body, got, tt.want)
		}
		var doc ossxml.VersioningConfiguration
		decode(t, send(t, srv, call{method: "GET", query: "versioning"}), &doc)
		if want = tt.state; doc.Status != want {
			t.Errorf("after %q the state is %q, want %q", tt.body, doc.Status, want)
		}
	}
	damaged := call{method: "PUT", query: "versioning", body: configuration("Enabled"),
		header: map[string]string{"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}}
	if got := send(t, srv, damaged); got.String() != "400 InvalidDigest 0017-00000503" {
		t.Errorf("damaged document: %v", got)
	}
}
