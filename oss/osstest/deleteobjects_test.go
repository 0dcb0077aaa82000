package osstest_test

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// deleteList deletes what a document says, and returns the reply.
func deleteList(t *testing.T, srv *osstest.Server, query, doc string) (string, error) {
	t.Helper()
	sum := md5.Sum([]byte(doc))
	body, _, err := ask(t, srv, "POST bucket?delete"+query, "body", doc, "Content-MD5",
		base64.StdEncoding.EncodeToString(sum[:]))
	return body, err
}

func TestDeleteMultipleObjectsDeletesAndTellsSo(t *testing.T) {
	srv := start(t, nil)
	for _, key := range []string{"a b", "c", "kept"} {
		srv.PutObject("bucket", key, nil)
	}
	list := "<Delete><Quiet>false</Quiet><Object><Key>a b</Key></Object><Object><Key>never was</Key></Object></Delete>"
	got, err := deleteList(t, srv, "&encoding-type=url", list)
	want := `<?xml version="1.0" encoding="UTF-8"?>
<DeleteResult>
  <EncodingType>url</EncodingType>
  <Deleted>
    <Key>a%20b</Key>
  </Deleted>
  <Deleted>
    <Key>never%20was</Key>
  </Deleted>
</DeleteResult>
`
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	sum := md5.Sum([]byte(list))
	got, _, err = ask(t, srv, "POST bucket?delete", "body", list, "encoding-type", "url", "Content-MD5",
		base64.StdEncoding.EncodeToString(sum[:]))
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("encoding-type in a header: %v (-want +got):\n%s", err, diff)
	}
	if got, err := deleteList(t, srv, "",
		"<Delete><Quiet>true</Quiet><Object><Key>c</Key></Object></Delete>"); got != "" || err != nil {
		t.Errorf("quiet: %q, %v", got, err)
	}
	if left := srv.Objects("bucket"); fmt.Sprint(left) != "[kept]" {
		t.Errorf("left are %q", left)
	}
}

func TestDeleteMultipleObjectsKnowsVersions(t *testing.T) {
	srv := start(t, nil)
	wants(t, srv, "PUT bucket?versioning", "ok", "body",
		"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
	_, h, err := ask(t, srv, "PUT bucket/key")
	if err != nil {
		t.Fatal(err)
	}
	version := h.Get("x-oss-version-id")
	deleted := func(object string) ossxml.DeletedObject {
		body, err := deleteList(t, srv, "", "<Delete><Object>"+object+"</Object></Delete>")
		var doc ossxml.Deleted
		if err == nil {
			err = ossxml.Decode(strings.NewReader(body), &doc)
		}
		if err != nil || len(doc.Objects) != 1 {
			t.Fatalf("%v: %s", err, body)
		}
		return doc.Objects[0]
	}
	marked := deleted("<Key>key</Key>")
	if !marked.DeleteMarker || marked.DeleteMarkerVersionID == "" || marked.VersionID != "" {
		t.Errorf("without a version: %+v", marked)
	}
	want := ossxml.DeletedObject{Key: "key", VersionID: version}
	if got := deleted("<Key>key</Key><VersionId>" + version + "</VersionId>"); got != want {
		t.Errorf("a version: %+v, want %+v", got, want)
	}
	want = ossxml.DeletedObject{Key: "key", VersionID: marked.DeleteMarkerVersionID, DeleteMarker: true,
		DeleteMarkerVersionID: marked.DeleteMarkerVersionID}
	if got := deleted("<Key>key</Key><VersionId>" + marked.DeleteMarkerVersionID + "</VersionId>"); got != want {
		t.Errorf("the marker: %+v, want %+v", got, want)
	}
	wants(t, srv, "DELETE bucket", "ok") // nothing is left
}

func TestDeleteMultipleObjectsRefusesTheWholeOfABadList(t *testing.T) {
	srv := start(t, nil)
	srv.PutObject("bucket", "key", nil)
	object := "<Object><Key>key</Key></Object>"
	for _, tt := range []struct{ doc, want string }{
		{"<Delete></Delete>", "400 MalformedXML 0042-00000205"},
		{"<Delete>" + object, "400 MalformedXML 0042-00000205"},
		{"<Delete>" + strings.Repeat(object, 1001) + "</Delete>", "400 MalformedXML 0042-00000205"},
		{"<Delete>" + object + "<Object><Key></Key></Object></Delete>", "400 InvalidObjectName"},
		{"<Delete>" + object + "<Object><Key>k</Key><VersionId>1</VersionId></Object></Delete>",
			"400 InvalidArgument 0012-00000202"},
	} {
		if _, err := deleteList(t, srv, "", tt.doc); outcome(err) != tt.want {
			t.Errorf("%.60s: %s, want %s", tt.doc, outcome(err), tt.want)
		}
	}
	doc := "<Delete>" + object + "</Delete>"
	wants(t, srv, "POST bucket?delete", "400 MissingArgument", "body", doc)
	wants(t, srv, "POST bucket?delete", "400 InvalidDigest 0017-00000503", "body", doc,
		"Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==")
	if _, ok := srv.Object("bucket", "key"); !ok {
		t.Error("the object is gone")
	}
	if _, err := deleteList(t, srv, "", "<Delete>"+strings.Repeat(object, 1000)+"</Delete>"); err != nil {
		t.Errorf("a thousand: %v", err)
	}
}
