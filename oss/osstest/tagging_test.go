package osstest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tagSet is the document of tags, names and values by turns.
func tagSet(pairs ...string) string {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Tagging>\n  <TagSet>")
	for i := 0; i < len(pairs); i += 2 {
		b.WriteString("\n    <Tag>\n      <Key>" + pairs[i] +
			"</Key>\n      <Value>" + pairs[i+1] + "</Value>\n    </Tag>")
	}
	if len(pairs) > 0 {
		b.WriteString("\n  ")
	}
	b.WriteString("</TagSet>\n</Tagging>\n")
	return b.String()
}

func TestTagsAreReplacedAsAWhole(t *testing.T) {
	srv := start(t, nil)
	wants(t, srv, "PUT bucket/key", "ok", "body", "data", "x-oss-tagging", "a=1&b%20c=%2B%3D")
	same := func(step, want, count string) {
		t.Helper()
		got, h, err := ask(t, srv, "GET bucket/key?tagging")
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", step, err, diff)
		}
		if got := h.Get("Content-Type"); got != "application/xml" {
			t.Errorf("%s: Content-Type %q", step, got)
		}
		_, h, err = ask(t, srv, "HEAD bucket/key")
		if got := h.Get("x-oss-tagging-count"); got != count || err != nil {
			t.Errorf("%s: count is %q, %v, want %q", step, got, err, count)
		}
	}
	same("sent with the object", tagSet("a", "1", "b c", "+="), "2")
	body, h, err := ask(t, srv, "PUT bucket/key?tagging", "body", tagSet("tag3", "value+3 /"))
	if body != "" || h.Get("Content-Type") != "" || err != nil {
		t.Errorf("PutObjectTagging = %q, %v, %v", body, h, err)
	}
	same("put", tagSet("tag3", "value+3 /"), "1")
	wants(t, srv, "DELETE bucket/key?tagging", "ok")
	same("deleted", tagSet(), "")
	wants(t, srv, "DELETE bucket/key?tagging", "ok")
	if o, _ := srv.Object("bucket", "key"); string(o.Data) != "data" {
		t.Errorf("object is %q", o.Data)
	}
}

func TestTagsThatCannotBeAreRefused(t *testing.T) {
	srv := start(t, nil)
	srv.PutObject("bucket", "key", nil)
	many := strings.Split(strings.Repeat("k v ", 11), " ")[:22]
	for i := 0; i < len(many); i += 2 {
		many[i] += string(rune('a' + i))
	}
	for _, tt := range []struct{ doc, want string }{
		{tagSet(many...), "400 BadRequest"},
		{tagSet("a", "1", "a", "2"), "400 InvalidTag"},
		{tagSet("", "1"), "400 InvalidTag"},
		{tagSet("a", strings.Repeat("v", 257)), "400 InvalidTag"},
		{"<Tagging>", "400 MalformedXML 0042-00000205"},
		{"", "400 MalformedXML 0042-00000205"},
	} {
		wants(t, srv, "PUT bucket/key?tagging", tt.want, "body", tt.doc)
	}
	wants(t, srv, "PUT bucket/key?tagging", "ok", "body", tagSet(many[:20]...))
	for _, method := range []string{"PUT", "GET", "DELETE"} {
		wants(t, srv, method+" bucket/none?tagging", "404 NoSuchKey 0026-00000001", "body", tagSet("a", "1"))
	}
}

func TestTagsBelongToAVersion(t *testing.T) {
	srv := start(t, nil)
	wants(t, srv, "PUT bucket?versioning", "ok", "body",
		"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
	_, h, err := ask(t, srv, "PUT bucket/key", "x-oss-tagging", "v=1")
	if err != nil {
		t.Fatal(err)
	}
	old := h.Get("x-oss-version-id")
	wants(t, srv, "PUT bucket/key", "ok", "x-oss-tagging", "v=2")
	_, h, err = ask(t, srv, "PUT bucket/key?tagging&versionId="+old, "body", tagSet("v", "one"))
	if err != nil || h.Get("x-oss-version-id") != old {
		t.Errorf("PutObjectTagging = %v, %v", h, err)
	}
	for what, want := range map[string]string{
		"GET bucket/key?tagging":                  tagSet("v", "2"),
		"GET bucket/key?tagging&versionId=" + old: tagSet("v", "one"),
	} {
		if got, _, err := ask(t, srv, what); got != want || err != nil {
			t.Errorf("%s: %v %s, want %s", what, err, got, want)
		}
	}
}

func TestTaggingDirectiveSaysWhoseTagsACopyHas(t *testing.T) {
	srv := start(t, nil)
	wants(t, srv, "PUT bucket/src", "ok", "x-oss-tagging", "of=source")
	for _, tt := range []struct{ directive, want string }{
		{"", tagSet("of", "source")}, {"Copy", tagSet("of", "source")}, {"Replace", tagSet("of", "request")},
	} {
		wants(t, srv, "PUT bucket/copy", "ok", "x-oss-copy-source", "/bucket/src", "x-oss-tagging", "of=request",
			"x-oss-tagging-directive", tt.directive)
		if got, _, err := ask(t, srv, "GET bucket/copy?tagging"); got != tt.want || err != nil {
			t.Errorf("directive %q: %v %s, want %s", tt.directive, err, got, tt.want)
		}
	}
	wants(t, srv, "PUT bucket/copy", "400 InvalidArgument", "x-oss-copy-source", "/bucket/src",
		"x-oss-tagging-directive", "Keep")
}

// C++'s ObjectTaggingTest tells these refusals apart (H19).
func TestTagsAreRefusedByTheCodeOfTheirFault(t *testing.T) {
	srv := startOpen(t)
	srv.PutObject("open", "key", nil)
	eleven := strings.TrimSuffix(strings.Repeat("&k=v", 11), "&")[1:]
	for i := range 11 {
		eleven = strings.Replace(eleven, "k=v", fmt.Sprintf("k%d=v", i), 1)
	}
	const query = "URL query parameters without tag name duplicates."
	const key = "<Message>The TagKey you have provided is invalid<"
	const value = "<Message>The TagValue you have provided is invalid<"
	for _, tt := range []struct{ tags, code, message string }{
		{eleven, "BadRequest", "<Message>Object tags cannot be greater than 10<"},
		{"k=1&k=2", "InvalidArgument", query}, {"key1%26=v", "InvalidTag", key}, {"%25%40abc=v", "InvalidTag", key},
		{"k=%25abc", "InvalidTag", value}, {"=v", "InvalidTag", key},
	} {
		const tagging, source = "x-oss-tagging: ", "x-oss-copy-source: /open/key"
		for _, head := range [][]string{
			{"POST /k?uploads HTTP/1.1", tagging + tt.tags}, {"PUT /k HTTP/1.1", tagging + tt.tags},
			{"POST /k?append&position=0 HTTP/1.1", tagging + tt.tags}, {"PUT /k HTTP/1.1", tagging + tt.tags, source},
		} {
			got := sendWire(t, srv, "", append(head, "Content-Length: 0")...)
			wantWire(t, head[0]+" "+tt.tags, got, "400", "<Code>"+tt.code+"<")
			wantWire(t, head[0]+" "+tt.tags, got, "400", tt.message)
		}
	}
	for _, tt := range []struct {
		pairs         []string
		code, message string
	}{
		{[]string{"%@abc", "v"}, "InvalidTag", key}, {[]string{"k", "%abc"}, "InvalidTag", value},
		{[]string{"k", "1", "k", "2"}, "InvalidTag", "<Message>Cannot provide multiple Tags with the same key<"},
	} {
		doc := tagSet(tt.pairs...)
		length := fmt.Sprintf("Content-Length: %d", len(doc))
		got := sendSigned(t, srv, "open", "key", doc, "PUT /key?tagging HTTP/1.1", length)
		wantWire(t, doc, got, "400", "<Code>"+tt.code+"<")
		wantWire(t, doc, got, "400", tt.message)
	}
	sendWire(t, srv, "a", "POST /log?append&position=0 HTTP/1.1", "Content-Length: 1", "x-oss-tagging: a=1")
	got := sendWire(t, srv, "b", "POST /log?append&position=1 HTTP/1.1", "Content-Length: 1", "x-oss-tagging: "+eleven)
	wantWire(t, "a second append", got, "200", "")
}
