package osstest_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// ask sends "METHOD bucket/key?query" by an oss.Client, with headers, names and values by turns, and
// returns the body of the reply. A body is sent with "body" for a name.
func ask(t testing.TB, srv *osstest.Server, what string, header ...string) (string, http.Header, error) {
	t.Helper()
	method, target, _ := strings.Cut(what, " ")
	target, query, _ := strings.Cut(target, "?")
	bucket, key, _ := strings.Cut(target, "/")
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	r := &oss.Request{Op: what, Method: method, Bucket: bucket, Key: key, Query: values, Header: make(http.Header)}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "body" {
			r.Body = strings.NewReader(header[i+1])
		} else {
			r.Header.Set(header[i], header[i+1])
		}
	}
	resp, err := srv.Client().Do(t.Context(), r)
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body), resp.Header, nil
}

// outcome is what came of ask, in short.
func outcome(err error) string {
	var refused *oss.ServiceError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &refused):
		return strings.TrimSpace(fmt.Sprintf("%d %s %s", refused.StatusCode, refused.Code, refused.EC))
	}
	return err.Error()
}

// wants asks, and compares the outcome.
func wants(t testing.TB, srv *osstest.Server, what, want string, header ...string) {
	t.Helper()
	if _, _, err := ask(t, srv, what, header...); outcome(err) != want {
		t.Errorf("%s: %s, want %s", what, outcome(err), want)
	}
}

// read asks for a document.
func read(t testing.TB, srv *osstest.Server, what string, doc any) {
	t.Helper()
	body, header, err := ask(t, srv, what)
	if err != nil {
		t.Fatal(err)
	}
	if got := header.Get("Content-Type"); got != "application/xml" {
		t.Errorf("%s: Content-Type %q", what, got)
	}
	if err := ossxml.Decode(strings.NewReader(body), doc); err != nil {
		t.Fatalf("%s: %v: %s", what, err, body)
	}
}

func TestBucketLivesFromPutToDelete(t *testing.T) {
	srv := start(t, &osstest.Options{Buckets: []string{"given"}})
	const missing = "404 NoSuchBucket 0015-00000101"
	wants(t, srv, "GET made?bucketInfo", missing)
	wants(t, srv, "DELETE made", missing)
	body, header, err := ask(t, srv, "PUT made", "x-oss-acl", "public-read",
		"body",
		"<CreateBucketConfiguration><StorageClass>IA</StorageClass><DataRedundancyType>ZRS</DataRedundancyType>"+
			"</CreateBucketConfiguration>")
	if err != nil || body != "" || header.Get("Location") != "/made" || header.Get("Content-Type") != "" {
		t.Errorf("PutBucket = %q, %v, %v", body, header, err)
	}
	var info ossxml.BucketInfo
	read(t, srv, "GET made?bucketInfo", &info)
	b := info.Bucket
	const want = "madeIAZRSpublic-readoss-cn-hangzhouoss-cn-hangzhou.aliyuncs.comoss-cn-hangzhou-internal.aliyuncs.com"
	if got := fmt.Sprint(b.Name, b.StorageClass, b.Redundancy, b.Grant, b.Location,
		b.ExtranetEndpoint, b.IntranetEndpoint); got != want {
		t.Errorf("GetBucketInfo = %+v", b)
	}
	wants(t, srv, "PUT made/key", "ok")
	wants(t, srv, "DELETE made", "409 BucketNotEmpty 0015-00000301")
	wants(t, srv, "DELETE made/key", "ok")
	wants(t, srv, "DELETE made", "ok")
	wants(t, srv, "PUT made/key", missing)
	wants(t, srv, "DELETE given", "ok")
	wants(t, srv, "GET given/key", missing)
	wants(t, srv, "PUT given", "ok")
	wants(t, srv, "GET given/key", "404 NoSuchKey 0026-00000001")
}

func TestBucketsThatWereNotCreatedCanBeCreatedAndDeleted(t *testing.T) {
	srv := start(t, nil) // every name exists
	wants(t, srv, "PUT any/key", "ok")
	wants(t, srv, "DELETE any/key", "ok")
	wants(t, srv, "DELETE any", "ok")
	wants(t, srv, "PUT any/key", "404 NoSuchBucket 0015-00000101")
	wants(t, srv, "PUT any", "ok", "x-oss-storage-class", "Archive")
	wants(t, srv, "PUT any/key", "ok")
	wants(t, srv, "PUT any", "409 BucketAlreadyExists 0015-00000104", "x-oss-storage-class", "IA")
	wants(t, srv, "PUT never-used", "ok")
	srv.PutObject("used", "key", nil)
	var list ossxml.BucketList
	read(t, srv, "GET ", &list)
	var names []string
	for _, b := range list.Buckets.Buckets {
		names = append(names, b.Name+" "+b.StorageClass)
	}
	if diff := cmp.Diff([]string{"any Archive", "never-used Standard", "used Standard"}, names); diff != "" {
		t.Errorf("ListBuckets (-want +got):\n%s", diff)
	}
}

func TestPutBucketAgainChangesOnlyTheACL(t *testing.T) {
	srv := start(t, &osstest.Options{Buckets: []string{"given"}, RequesterPays: []string{"theirs"}})
	const exists = "409 BucketAlreadyExists 0015-00000104"
	class := func(elements string) []string {
		return []string{"body", "<CreateBucketConfiguration>" + elements + "</CreateBucketConfiguration>"}
	}
	wants(t, srv, "PUT given", "ok", class("<StorageClass>Standard</StorageClass>")...)
	wants(t, srv, "PUT given", exists, class("<StorageClass>IA</StorageClass>")...)
	wants(t, srv, "PUT given", exists, class("<DataRedundancyType>ZRS</DataRedundancyType>")...)
	wants(t, srv, "PUT given", "ok", "x-oss-acl", "public-read-write")
	wants(t, srv, "PUT given", "ok")
	var acl ossxml.AccessControl
	read(t, srv, "GET given?acl", &acl)
	if acl.Grant != "public-read-write" {
		t.Errorf("ACL is %q", acl.Grant)
	}
	wants(t, srv, "PUT theirs", exists)
}

func TestPutBucketRefusesWhatCannotBe(t *testing.T) {
	srv := start(t, nil)
	body := func(s string) []string { return []string{"body", s} }
	wants(t, srv, "PUT bucket", "400 InvalidArgument 0015-00000204", "x-oss-acl", "public")
	wants(t, srv, "PUT bucket", "400 MalformedXML 0015-00000231", body("<CreateBucketConfiguration>")...)
	wants(t, srv, "PUT bucket", "400 MalformedXML 0015-00000231", body("<Create/>")...)
	wants(t, srv, "PUT bucket", "400 MalformedXML 0015-00000231",
		body("<CreateBucketConfiguration><StorageClass>Gold</StorageClass></CreateBucketConfiguration>")...)
	wants(t, srv, "PUT bucket", "400 MalformedXML 0015-00000231",
		body("<CreateBucketConfiguration><DataRedundancyType>RAID</DataRedundancyType></CreateBucketConfiguration>")...)
	wants(t, srv, "PUT bucket", "400 InvalidLocationConstraint",
		body("<CreateBucketConfiguration><LocationConstraint>oss-us-west-1</LocationConstraint>"+
			"</CreateBucketConfiguration>")...)
	wants(t, srv, "PUT bucket", "ok",
		body("<CreateBucketConfiguration><LocationConstraint>oss-cn-hangzhou</LocationConstraint>"+
			"</CreateBucketConfiguration>")...)
	if got := send(t, srv, call{method: "PUT", bucket: "ab"}); got.String() != "400 InvalidBucketName 0015-00000001" {
		t.Errorf("two letters: %v", got)
	}
}

func TestDeleteBucketWantsItEmpty(t *testing.T) {
	srv := start(t, nil)
	const full = "409 BucketNotEmpty 0015-00000301"
	id := initiate(t, srv, nil)
	wants(t, srv, "DELETE bucket", full)
	wants(t, srv, "DELETE bucket/key?uploadId="+id, "ok")
	wants(t, srv, "PUT bucket?versioning", "ok", "body",
		"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
	_, put, err := ask(t, srv, "PUT bucket/key")
	if err != nil {
		t.Fatal(err)
	}
	_, deleted, err := ask(t, srv, "DELETE bucket/key")
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []http.Header{put, deleted} {
		wants(t, srv, "DELETE bucket", full)
		wants(t, srv, "DELETE bucket/key?versionId="+url.QueryEscape(h.Get("x-oss-version-id")), "ok")
	}
	wants(t, srv, "DELETE bucket", "ok")
	if _, _, err := ask(t, srv, "DELETE bucket"); !errors.Is(err, oss.ErrNoSuchBucket) ||
		!errors.Is(err, fs.ErrNotExist) {
		t.Errorf("second DeleteBucket: %v", err)
	}
}

func TestListBucketsHasTheFormOfOSS(t *testing.T) {
	noon := time.Date(2026, 6, 17, 12, 0, 0, 0, time.UTC)
	srv := start(t, &osstest.Options{Buckets: []string{"b-2", "b-1", "a"}, PublicBuckets: []string{"b-3"},
		RequesterPays: []string{"b-4"}, Now: func() time.Time { return noon }})
	entry := func(name string) string {
		return `    <Bucket>
      <Comment></Comment>
      <CreationDate>2026-06-17T12:00:00.000Z</CreationDate>
      <ExtranetEndpoint>oss-cn-hangzhou.aliyuncs.com</ExtranetEndpoint>
      <IntranetEndpoint>oss-cn-hangzhou-internal.aliyuncs.com</IntranetEndpoint>
      <Location>oss-cn-hangzhou</Location>
      <Name>` + name + `</Name>
      <Region>cn-hangzhou</Region>
      <StorageClass>Standard</StorageClass>
    </Bucket>
`
	}
	document := func(page string, names ...string) string {
		s := "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListAllMyBucketsResult>\n" + page +
			"  <Owner>\n    <ID>1000000000000000</ID>\n    <DisplayName>1000000000000000</DisplayName>\n  </Owner>\n"
		if len(names) == 0 {
			return s + "  <Buckets></Buckets>\n</ListAllMyBucketsResult>\n"
		}
		s += "  <Buckets>\n"
		for _, name := range names {
			s += entry(name)
		}
		return s + "  </Buckets>\n</ListAllMyBucketsResult>\n"
	}
	for query, want := range map[string]string{
		"": document("", "a", "b-1", "b-2", "b-3"),
		"?prefix=b&max-keys=2": document(
			"  <Prefix>b</Prefix>\n  <MaxKeys>2</MaxKeys>\n  <IsTruncated>true</IsTruncated>\n  "+
				"<NextMarker>b-2</NextMarker>\n", "b-1", "b-2"),
		"?prefix=b&marker=b-2": document(
			"  <Prefix>b</Prefix>\n  <Marker>b-2</Marker>\n  <MaxKeys>100</MaxKeys>\n  "+
				"<IsTruncated>false</IsTruncated>\n", "b-3"),
		"?prefix=z": document("  <Prefix>z</Prefix>\n  <MaxKeys>100</MaxKeys>\n  <IsTruncated>false</IsTruncated>\n"),
	} {
		got, _, err := ask(t, srv, "GET "+query)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", query, err, diff)
		}
	}
	wants(t, srv, "GET ?max-keys=1001", "400 InvalidArgument")
}

func TestBucketLocationIsTheRegionInTheFormOfOSS(t *testing.T) {
	srv := start(t, &osstest.Options{Region: "cn-beijing"})
	got, _, err := ask(t, srv, "GET bucket?location")
	want := "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LocationConstraint>oss-cn-beijing</LocationConstraint>\n"
	if got != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestBucketStatCountsWhatIsThere(t *testing.T) {
	srv := start(t, nil)
	wants(t, srv, "PUT bucket/a", "ok", "body", "12345")
	wants(t, srv, "PUT bucket/b", "ok", "body", "123", "x-oss-storage-class", "IA")
	put(t, srv, initiate(t, srv, nil), 1, "1234567")
	var got ossxml.BucketStat
	read(t, srv, "GET bucket?stat", &got)
	want := ossxml.BucketStat{
		XMLName: got.XMLName, LastModifiedTime: got.LastModifiedTime, Storage: 15,
		ObjectCount: 2, MultipartUploadCount: 1,
		StandardStorage: 12, StandardObjectCount: 1, InfrequentAccessStorage: 64 << 10, InfrequentAccessRealStorage: 3,
		InfrequentAccessObjectCount: 1, MultipartPartCount: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("GetBucketStat (-want +got):\n%s", diff)
	}
	if got.LastModifiedTime == 0 {
		t.Error("LastModifiedTime is 0")
	}
}

func TestRequesterPaysWhereTheOwnerDoesNot(t *testing.T) {
	srv := start(t, &osstest.Options{Buckets: []string{"mine"}, RequesterPays: []string{"theirs"}})
	srv.PutObject("theirs", "key", nil)
	srv.PutObject("mine", "key", nil)
	const denied = "403 AccessDenied 0003-00000703"
	payer := []string{"x-oss-request-payer", "requester"}
	for _, what := range []string{"GET theirs/key", "PUT theirs/key", "GET theirs?list-type=2", "GET theirs?bucketInfo",
		"POST theirs/key?uploads"} {
		wants(t, srv, what, denied)
		wants(t, srv, what, denied, "x-oss-request-payer", "owner")
	}
	wants(t, srv, "GET theirs/key", "ok", payer...)
	wants(t, srv, "GET theirs/key?x-oss-request-payer=requester", "ok")
	wants(t, srv, "PUT theirs/key", "ok", payer...)
	wants(t, srv, "PUT mine/copy", denied, "x-oss-copy-source", "/theirs/key")
	wants(t, srv, "PUT mine/copy", "ok", append(payer, "x-oss-copy-source", "/theirs/key")...)
	wants(t, srv, "GET mine/key", "ok")
	wants(t, srv, "GET mine/key", "ok", payer...)
	for _, what := range []string{"DELETE theirs", "GET theirs?bucketInfo", "PUT theirs?acl"} {
		wants(t, srv, what, "403 AccessDenied 0003-00000001", payer...)
	}
}

func TestWhatIsSaidOfBucketsAndObjectsPersists(t *testing.T) {
	opts := &osstest.Options{Dir: t.TempDir(), Persist: true, Buckets: []string{"given"}}
	srv := osstest.NewServer(opts)
	for _, step := range [][]string{
		{"PUT bucket", "x-oss-acl", "public-read", "x-oss-storage-class", "IA"},
		{"POST bucket/log?append&position=0", "body", "one "},
		{"POST bucket/log?append&position=4", "body", "two "},
		{"PUT bucket/log?tagging", "body", tagSet("a", "1")},
		{"PUT bucket/log?acl", "x-oss-object-acl", "private"},
		{"DELETE given"},
	} {
		wants(t, srv, step[0], "ok", step[1:]...)
	}
	srv.Close()
	srv = osstest.NewServer(opts)
	defer srv.Close()
	wants(t, srv, "GET given/key", "404 NoSuchBucket 0015-00000101")
	wants(t, srv, "PUT bucket", "409 BucketAlreadyExists 0015-00000104", "x-oss-storage-class", "Standard")
	wants(t, srv, "POST bucket/log?append&position=8", "ok", "body", "three")
	for what, want := range map[string]string{
		"GET bucket?acl": policy("public-read"), "GET bucket/log?acl": policy("private"),
		"GET bucket/log?tagging": tagSet("a", "1"), "GET bucket/log": "one two three",
	} {
		got, _, err := ask(t, srv, what)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", what, err, diff)
		}
	}
}
