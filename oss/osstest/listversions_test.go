package osstest_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestListObjectVersionsHasTheFormOfOSS(t *testing.T) {
	srv := start(t, &osstest.Options{Now: func() time.Time { return time.Date(2026, 6, 17, 20, 30, 0, 0, time.UTC) }})
	at := call{time: time.Date(2026, 6, 17, 20, 30, 0, 0, time.UTC)}
	srv.PutObject("bucket", "a&b", []byte("x"))
	srv.SetVersioning("bucket", true)
	at.method, at.key = "DELETE", "a&b"
	marker := send(t, srv, at).header.Get("x-oss-version-id")
	at.method, at.key, at.query = "GET", "", "versions"
	got := send(t, srv, at)
	want := `<?xml version="1.0" encoding="UTF-8"?>
<ListVersionsResult>
  <Name>bucket</Name>
  <Prefix></Prefix>
  <KeyMarker></KeyMarker>
  <VersionIdMarker></VersionIdMarker>
  <MaxKeys>100</MaxKeys>
  <Delimiter></Delimiter>
  <IsTruncated>false</IsTruncated>
  <DeleteMarker>
    <Key>a&amp;b</Key>
    <VersionId>` + marker + `</VersionId>
    <IsLatest>true</IsLatest>
    <LastModified>2026-06-17T20:30:00.000Z</LastModified>
    <Owner>
      <ID>1000000000000000</ID>
      <DisplayName>1000000000000000</DisplayName>
    </Owner>
  </DeleteMarker>
  <Version>
    <Key>a&amp;b</Key>
    <VersionId>null</VersionId>
    <IsLatest>false</IsLatest>
    <LastModified>2026-06-17T20:30:00.000Z</LastModified>
    <ETag>"9DD4E461268C8034F5C8564E155C67A6"</ETag>
    <Type>Normal</Type>
    <Size>1</Size>
    <StorageClass>Standard</StorageClass>
    <Owner>
      <ID>1000000000000000</ID>
      <DisplayName>1000000000000000</DisplayName>
    </Owner>
  </Version>
</ListVersionsResult>
`
	if diff := cmp.Diff(want, got.body); diff != "" || got.header.Get("Content-Type") != "application/xml" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
}

// history makes versions of several keys and returns all, in the order of a list, as lines of
// versionLines.
func history(t testing.TB, srv *osstest.Server) []string {
	t.Helper()
	keys := []string{"a", "dir/1", "dir/2", "dir/sub/3", "z z"}
	for round := range 3 {
		for _, key := range keys {
			if round == 1 && key == "dir/2" {
				send(t, srv, call{method: "DELETE", key: key})
				continue
			}
			send(t, srv, call{method: "PUT", key: key, body: key})
		}
	}
	var all []string
	for _, key := range keys {
		for i, v := range srv.Versions("bucket", key) {
			all = append(all, fmt.Sprintf("%s %s %t %t", key, v.VersionID, v.DeleteMarker, i == 0))
		}
	}
	return all
}

// listVersions asks for a page and returns its lines as well.
func listVersions(t testing.TB, srv *osstest.Server, query url.Values) (doc ossxml.VersionList, lines []string) {
	t.Helper()
	decode(t, send(t, srv, call{method: "GET", query: "versions&" + query.Encode()}), &doc)
	for _, v := range doc.Versions {
		key, err := ossxml.Unescape(doc.EncodingType, v.Key)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s %s %t %t", key, v.VersionID,
			v.XMLName.Local == "DeleteMarker", v.IsLatest))
	}
	return doc, lines
}

func TestPagesOfVersionsMakeTheList(t *testing.T) {
	srv := startVersioned(t)
	want := history(t, srv)
	for size := 1; size <= len(want)+1; size++ {
		query := url.Values{"max-keys": {fmt.Sprint(size)}, "encoding-type": {"url"}}
		var got []string
		for {
			doc, lines := listVersions(t, srv, query)
			got = append(got, lines...)
			if doc.IsTruncated != (len(got) < len(want)) || doc.IsTruncated && len(lines) != size {
				t.Fatalf("pages of %d: %d lines of %d, truncated %t", size, len(got), len(want), doc.IsTruncated)
			}
			if !doc.IsTruncated {
				if doc.NextKeyMarker != "" || doc.NextVersionIDMarker != "" {
					t.Errorf("the last page has markers %q, %q", doc.NextKeyMarker, doc.NextVersionIDMarker)
				}
				break
			}
			key, err := url.QueryUnescape(doc.NextKeyMarker)
			if err != nil {
				t.Fatal(err)
			}
			query.Set("key-marker", key)
			query.Set("version-id-marker", doc.NextVersionIDMarker)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("pages of %d (-want +got):\n%s", size, diff)
		}
	}
}

func TestVersionsDeletedBetweenPagesHideNoOthers(t *testing.T) {
	srv := startVersioned(t)
	history(t, srv)
	srv.SetVersioning("bucket", false)
	send(t, srv, call{method: "PUT", key: "dir/1", body: "null"})
	query := url.Values{"max-keys": {"2"}}
	for pages := 0; ; pages++ { // as one empties a bucket
		doc, _ := listVersions(t, srv, query)
		for _, v := range doc.Versions {
			send(t, srv, call{method: "DELETE", key: v.Key, query: "versionId=" + v.VersionID})
		}
		if !doc.IsTruncated {
			break
		}
		if pages > 20 {
			t.Fatal("the list has no end")
		}
		query.Set("key-marker", doc.NextKeyMarker)
		query.Set("version-id-marker", doc.NextVersionIDMarker)
	}
	if _, left := listVersions(t, srv, nil); len(left) > 0 {
		t.Errorf("left:\n%s", strings.Join(left, "\n"))
	}
}

func TestVersionsArePickedAndRolledUp(t *testing.T) {
	srv := startVersioned(t)
	all := history(t, srv)
	of := func(prefix string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(line string) bool { return !strings.HasPrefix(line, prefix) })
	}
	for _, tt := range []struct {
		name   string
		query  url.Values
		want   []string
		common string
	}{
		{"prefix", url.Values{"prefix": {"dir/"}}, of("dir/"), ""},
		{"delimiter", url.Values{"delimiter": {"/"}}, append(of("a"), of("z")...), "dir/"},
		{"prefix and delimiter", url.Values{"prefix": {"dir/"}, "delimiter": {"/"}},
			append(of("dir/1"), of("dir/2")...), "dir/sub/"},
		{"key marker", url.Values{"key-marker": {"dir/1"}}, all[6:], ""},
		{"key marker that is no key", url.Values{"key-marker": {"b"}}, all[3:], ""},
		{"both markers", url.Values{"key-marker": {"dir/1"}, "version-id-marker": {strings.Fields(all[3])[1]}}, all[4:],
			""},
		{"nothing", url.Values{"prefix": {"none"}}, nil, ""},
	} {
		doc, got := listVersions(t, srv, tt.query)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		var common []string
		for _, c := range doc.CommonPrefixes {
			common = append(common, c.Prefix)
		}
		if got := strings.Join(common, " "); got != tt.common {
			t.Errorf("%s: common prefixes %q, want %q", tt.name, got, tt.common)
		}
	}
	page, lines := listVersions(t, srv, url.Values{"delimiter": {"/"}, "max-keys": {"4"}})
	if len(lines) != 3 || len(page.CommonPrefixes) != 1 || !page.IsTruncated {
		t.Fatalf("page of 4: %+v", page)
	}
	rest, lines := listVersions(t, srv,
		url.Values{"delimiter": {"/"}, "key-marker": {page.NextKeyMarker},
			"version-id-marker": {page.NextVersionIDMarker}})
	if diff := cmp.Diff(of("z"), lines); diff != "" || len(rest.CommonPrefixes) != 0 {
		t.Errorf("behind the common prefix: %+v (-want +got):\n%s", rest.CommonPrefixes, diff)
	}
}

func TestListObjectVersionsRefusesWhatOSSRefuses(t *testing.T) {
	srv := startVersioned(t)
	for _, query := range []string{
		"max-keys=0", "max-keys=1001", "max-keys=x", "version-id-marker=null",
		"key-marker=k&version-id-marker=none", "encoding-type=gzip",
	} {
		if got := send(t, srv, call{method: "GET", query: "versions&" + query}); got.status != 400 ||
			got.err.Code != "InvalidArgument" {
			t.Errorf("?%s: %v", query, got)
		}
	}
}
