package oss_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func init() {
	operations["ListObjects"] = func(ctx context.Context, c *oss.Client) error {
		page, err := c.ListObjects(ctx, "bucket", &oss.ListObjectsOptions{After: "a", Delimiter: "/"})
		if err != nil {
			return err
		}
		last := "a"
		for _, e := range page.Entries {
			if e.Key <= last || len(e.Key) > 1023 || e.Size < 0 {
				return impossible("ListObjects = %+v after %q", e, last)
			}
			last = e.Key
		}
		if len(page.Entries) > 1000 || len(page.Next) > 8<<10 {
			return impossible("ListObjects has %d entries and continues at %q", len(page.Entries), page.Next)
		}
		return nil
	}
	operations["ListObjectVersions"] = func(ctx context.Context, c *oss.Client) error {
		after := oss.ObjectID{Key: "a", VersionID: "1"}
		page, err := c.ListObjectVersions(ctx, "bucket", &oss.ListVersionsOptions{After: after})
		if err != nil {
			return err
		}
		last := "a"
		for _, v := range page.Versions {
			if v.Key < last || v.Size < 0 || v.VersionID == "" && !v.IsPrefix {
				return impossible("ListObjectVersions = %+v after %q", v, last)
			}
			last = v.Key
		}
		if page.Next == after || page.Next.Key == "" && page.Next.VersionID != "" {
			return impossible("ListObjectVersions continues at %+v", page.Next)
		}
		return nil
	}
	lists["Objects"] = func(ctx context.Context, c *oss.Client) error {
		last := ""
		for e, err := range c.Objects(ctx, "bucket", nil) {
			if err != nil {
				return err
			}
			if e.Key <= last {
				return impossible("Objects gives %+v after %q", e, last)
			}
			last = e.Key
		}
		return nil
	}
	lists["ObjectVersions"] = func(ctx context.Context, c *oss.Client) error {
		for v, err := range c.ObjectVersions(ctx, "bucket", nil) {
			if err != nil {
				return err
			}
			if v.Key == "" || v.VersionID == "" && !v.IsPrefix {
				return impossible("ObjectVersions gives %+v", v)
			}
		}
		return nil
	}
}

// entries returns what a listing yields, common prefixes with a star.
func entries(t *testing.T, all iter.Seq2[oss.ObjectEntry, error]) []string {
	t.Helper()
	var got []string
	for e, err := range all {
		if err != nil {
			t.Fatal(err)
		}
		if e.IsPrefix {
			e.Key += "*"
		}
		got = append(got, e.Key)
	}
	return got
}

func TestObjectsAreListedInOrderWithTheirCommonPrefixes(t *testing.T) {
	srv := newServer(t, nil)
	for _, key := range []string{"a", "b/1", "b/2", "b/3/4", "b0", "c", "d/1", "e\x0c", "e+%20 ", "\u4e2d/\U0001F600"} {
		srv.PutObject("bucket", key, []byte(key))
	}
	c := srv.Client()
	for _, tt := range []struct {
		name string
		opts oss.ListObjectsOptions
		want []string
	}{
		{"all", oss.ListObjectsOptions{},
			[]string{"a", "b/1", "b/2", "b/3/4", "b0", "c", "d/1", "e\x0c", "e+%20 ", "\u4e2d/\U0001F600"}},
		{"delimiter", oss.ListObjectsOptions{Delimiter: "/"},
			[]string{"a", "b/*", "b0", "c", "d/*", "e\x0c", "e+%20 ", "\u4e2d/*"}},
		{"prefix", oss.ListObjectsOptions{Prefix: "b"}, []string{"b/1", "b/2", "b/3/4", "b0"}},
		{"prefix and delimiter", oss.ListObjectsOptions{Prefix: "b/", Delimiter: "/"}, []string{"b/1", "b/2", "b/3/*"}},
		{"after", oss.ListObjectsOptions{After: "b/2"},
			[]string{"b/3/4", "b0", "c", "d/1", "e\x0c", "e+%20 ", "\u4e2d/\U0001F600"}},
		{"after a key below a prefix", oss.ListObjectsOptions{After: "b/2", Delimiter: "/"},
			[]string{"b/*", "b0", "c", "d/*", "e\x0c", "e+%20 ", "\u4e2d/*"}},
		{"after the last key below a prefix", oss.ListObjectsOptions{After: "b/3/4", Delimiter: "/"},
			[]string{"b0", "c", "d/*", "e\x0c", "e+%20 ", "\u4e2d/*"}},
		{"nothing", oss.ListObjectsOptions{Prefix: "z"}, nil},
	} {
		for _, size := range []int{0, 1, 2, 3} {
			t.Run(fmt.Sprintf("%s by %d", tt.name, size), func(t *testing.T) {
				opts := tt.opts
				opts.PageSize = size
				all := c.Objects(t.Context(), "bucket", &opts)
				for range 2 { // a second range starts again
					if diff := cmp.Diff(tt.want, entries(t, all)); diff != "" {
						t.Errorf("entries (-want +got):\n%s", diff)
					}
				}
				for i, position := range tt.want {
					opts.After = strings.TrimSuffix(position, "*")
					var rest []string // as a listing without entries has it
					rest = append(rest, tt.want[i+1:]...)
					if diff := cmp.Diff(rest, entries(t, c.Objects(t.Context(), "bucket", &opts))); diff != "" {
						t.Errorf("entries after %q (-want +got):\n%s", position, diff)
					}
				}
			})
		}
	}
}

func TestAnEntryDescribesItsObject(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	if _, err := c.PutObject(t.Context(), "bucket", "key", strings.NewReader("data"),
		&oss.ObjectOptions{StorageClass: "IA"}); err != nil {
		t.Fatal(err)
	}
	for _, owner := range []bool{false, true} {
		page, err := c.ListObjects(t.Context(), "bucket", &oss.ListObjectsOptions{Owner: owner})
		if err != nil || len(page.Entries) != 1 || page.Next != "" {
			t.Fatalf("ListObjects = %+v, %v, want one object", page, err)
		}
		got := page.Entries[0]
		if got.LastModified.IsZero() || (got.Owner.ID != "") != owner {
			t.Errorf("entry is %+v, want its time, and its owner: %t", got, owner)
		}
		got.LastModified, got.Owner = got.LastModified.AddDate(-5000, 0, 0), oss.Owner{}
		want := oss.ObjectEntry{Key: "key", Size: 4, ETag: etag("data"), Type: oss.TypeNormal, StorageClass: "IA",
			LastModified: got.LastModified}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("entry (-want +got):\n%s", diff)
		}
	}
}

// Bug: a PageSize of 0 left the number to OSS, which lists 100 entries in a page and not the documented 1,000.
func TestPagesHave1000EntriesByDefault(t *testing.T) {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	c := srv.Client()
	if err := c.PutBucketVersioning(t.Context(), "bucket", oss.VersioningEnabled, nil); err != nil {
		t.Fatal(err)
	}
	for i := range 1001 {
		srv.PutObject("bucket", fmt.Sprintf("%04d", i), nil)
	}
	objects, err := c.ListObjects(t.Context(), "bucket", nil)
	if err != nil || len(objects.Entries) != 1000 || objects.Next == "" {
		t.Errorf("ListObjects: %d entries, %v", len(objects.Entries), err)
	}
	versions, err := c.ListObjectVersions(t.Context(), "bucket", nil)
	if err != nil || len(versions.Versions) != 1000 || versions.Next.Key == "" {
		t.Errorf("ListObjectVersions: %d entries, %v", len(versions.Versions), err)
	}
}

// A service may list the common prefix once more at which a page or an earlier listing ended: the client asks for what
// follows it in the order of bytes, and the keys below the prefix do.
func TestACommonPrefixIsListedOnce(t *testing.T) {
	page := func(next, body string) answer {
		truncated := fmt.Sprintf("<IsTruncated>%t</IsTruncated><NextContinuationToken>%s</NextContinuationToken>",
			next != "", next)
		return says(200, "<ListBucketResult>"+truncated+body+"</ListBucketResult>")
	}
	const prefix, object = "<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>", "<Contents><Key>b</Key></Contents>"
	s := play(page("1", prefix), page("2", prefix), page("", prefix+object))
	got := entries(t, s.client(t, oss.Config{}).Objects(t.Context(), "bucket", &oss.ListObjectsOptions{Delimiter: "/"}))
	if diff := cmp.Diff([]string{"a/*", "b"}, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestListingsThatOSSCannotHaveSentAreRefused(t *testing.T) {
	objects := func(inside string) answer { return says(200, "<ListBucketResult>"+inside+"</ListBucketResult>") }
	versions := func(inside string) answer { return says(200, "<ListVersionsResult>"+inside+"</ListVersionsResult>") }
	const b, more = "<Contents><Key>b</Key></Contents>", "<IsTruncated>true</IsTruncated>"
	for _, tt := range []struct {
		name, op string
		reply    answer
		want     string // in the error
	}{
		{"key that is not behind the position", "ListObjects", objects("<Contents><Key>a</Key></Contents>"),
			`"a" after "a"`},
		{"key twice", "ListObjects", objects(b + b), `"b" after "b"`},
		{"keys out of order", "ListObjects", objects("<Contents><Key>c</Key></Contents>" + b), `"b" after "c"`},
		{"no key", "ListObjects", objects("<Contents/>"), "not 1 to 1023 bytes"},
		{"long key", "ListObjects", objects("<Contents><Key>" + strings.Repeat("k", 1024) + "</Key></Contents>"),
			"not 1 to 1023 bytes"},
		{"key that is no UTF-8", "ListObjects",
			objects("<EncodingType>url</EncodingType><Contents><Key>b%FF</Key></Contents>"), "of UTF-8"},
		{"key that is not escaped", "ListObjects",
			objects("<EncodingType>url</EncodingType><Contents><Key>b%</Key></Contents>"), "escape"},
		{"negative size", "ListObjects", objects("<Contents><Key>b</Key><Size>-1</Size></Contents>"), "of -1 bytes"},
		{"truncated without a token", "ListObjects", objects(more + b), "continues at"},
		{"too many", "ListObjects", objects(strings.Repeat(b, 1001)), "1001 objects"},
		{"the same page for ever", "Objects", objects(more + "<NextContinuationToken>t</NextContinuationToken>" + b),
			"not from OSS"},
		{"version without an ID", "ListObjectVersions", versions("<Version><Key>b</Key><Size>1</Size></Version>"),
			"without an ID"},
		{"version without a size", "ListObjectVersions",
			versions("<Version><Key>b</Key><VersionId>v</VersionId></Version>"), "without a size"},
		{"versions out of order", "ListObjectVersions",
			versions("<DeleteMarker><Key>A</Key><VersionId>v</VersionId></DeleteMarker>"), `"A" after "a"`},
		{"entry of another kind", "ListObjectVersions", versions("<Other><Key>b</Key></Other>"), `"Other"`},
		{"versions without an end", "ListObjectVersions",
			versions(more + "<NextKeyMarker>a</NextKeyMarker><NextVersionIdMarker>1</NextVersionIdMarker>"),
			"continues at"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			op := operations[tt.op]
			if op == nil {
				op = lists[tt.op]
			}
			err := op(t.Context(), play(tt.reply).client(t, oss.Config{Retry: oss.Retry{Attempts: 1}}))
			if _, bad := err.(impossibleResult); bad || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want an error with %q", tt.op, err, tt.want)
			}
		})
	}
}

func TestListingsNameBadArgumentsBeforeAnyRequest(t *testing.T) {
	c := play(func(*http.Request, string) (*http.Response, error) { panic("a request is sent") }).client
	for _, tt := range []struct {
		name string
		opts oss.ListObjectsOptions
		want string
	}{
		{"page size", oss.ListObjectsOptions{PageSize: 1001}, "page size 1001"},
		{"negative page size", oss.ListObjectsOptions{PageSize: -1}, "page size -1"},
		{"long prefix", oss.ListObjectsOptions{Prefix: strings.Repeat("p", 1024)}, "ListObjectsOptions.Prefix"},
		{"position that is no UTF-8", oss.ListObjectsOptions{After: "\xff"}, "ListObjectsOptions.After"},
	} {
		_, err := c(t, oss.Config{}).ListObjects(t.Context(), "bucket", &tt.opts)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error with %q", tt.name, err, tt.want)
		}
	}
	_, err := c(t, oss.Config{}).ListObjectVersions(t.Context(), "bucket",
		&oss.ListVersionsOptions{After: oss.ObjectID{VersionID: "v"}})
	if err == nil || !strings.Contains(err.Error(), "no Key") {
		t.Errorf("a position without a key: %v", err)
	}
}

func TestVersionsAreListedWithTheirDeleteMarkers(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	srv.SetVersioning("bucket", true)
	for _, key := range []string{"a", "b/1", "b/2", "c"} {
		srv.PutObject("bucket", key, []byte("old"))
		srv.PutObject("bucket", key, []byte("newer"))
	}
	if err := c.DeleteObject(t.Context(), "bucket", "a", nil); err != nil {
		t.Fatal(err)
	}
	list := func(opts oss.ListVersionsOptions) (names []string, ids []oss.ObjectID) {
		t.Helper()
		for v, err := range c.ObjectVersions(t.Context(), "bucket", &opts) {
			if err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprintf("%s %d", v.Key, v.Size)
			switch {
			case v.IsPrefix:
				name = v.Key + "*"
			case v.IsDeleteMarker:
				name = v.Key + " deleted"
			case v.Owner.ID == "" || v.ETag == "" || v.LastModified.IsZero() ||
				v.Type != oss.TypeNormal || v.StorageClass != "Standard":
				t.Errorf("version is %+v", v)
			}
			if v.IsLatest {
				name += " latest"
			}
			names, ids = append(names, name), append(ids, v.ObjectID)
		}
		return names, ids
	}
	for _, size := range []int{0, 1, 2, 3} {
		want := []string{"a deleted latest", "a 5", "a 3", "b/1 5 latest", "b/1 3", "b/2 5 latest",
			"b/2 3", "c 5 latest", "c 3"}
		got, ids := list(oss.ListVersionsOptions{PageSize: size})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("versions by %d (-want +got):\n%s", size, diff)
		}
		for i, id := range ids {
			var rest []string
			rest = append(rest, want[i+1:]...)
			if got, _ := list(oss.ListVersionsOptions{PageSize: size, After: id}); cmp.Diff(rest, got) != "" {
				t.Errorf("versions after %v (-want +got):\n%s", id, cmp.Diff(rest, got))
			}
		}
		got, _ = list(oss.ListVersionsOptions{PageSize: size, Delimiter: "/"})
		want = []string{"a deleted latest", "a 5", "a 3", "b/*", "c 5 latest", "c 3"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("versions and prefixes by %d (-want +got):\n%s", size, diff)
		}
	}
}

// The listing of many keys is bounded by its decoding: see BenchmarkDecodeObjectList of package ossxml.
func BenchmarkListObjects(b *testing.B) {
	const n = 1000
	var doc strings.Builder
	doc.WriteString("<ListBucketResult><EncodingType>url</EncodingType>")
	for i := range n {
		fmt.Fprintf(&doc,
			"<Contents><Key>photos%%2F2026%%2F%08d.jpg</Key><LastModified>2026-05-21T03:17:54.000Z</LastModified>"+
				`<ETag>"%032X"</ETag><Type>Normal</Type><Size>29</Size>`+
				`<StorageClass>Standard</StorageClass></Contents>`, i, i)
	}
	doc.WriteString("</ListBucketResult>")
	c := play(says(200, doc.String())).client(b, oss.Config{})
	b.ReportAllocs()
	for b.Loop() {
		if page, err := c.ListObjects(b.Context(), "bucket", nil); err != nil || len(page.Entries) != n {
			b.Fatal(err)
		}
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "keys/s")
}

func ExampleClient_Objects() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	ctx, client := context.Background(), srv.Client()
	for _, key := range []string{"photos/1.jpg", "photos/2026/1.jpg", "photos/2026/2.jpg", "readme.txt"} {
		srv.PutObject("bucket", key, []byte("data"))
	}

	for e, err := range client.Objects(ctx, "bucket", &oss.ListObjectsOptions{Prefix: "photos/", Delimiter: "/"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(e.Key, e.IsPrefix, e.Size)
	}
	// Output:
	// photos/1.jpg false 4
	// photos/2026/ true 0
}

// OSS lists 100 objects, versions and buckets where a request does not say how many, and 1,000 where it asks for them.
func TestPagesAreAsLargeAsOSSAllows(t *testing.T) {
	s := play(says(500, ""))
	client := s.client(t, oss.Config{Retry: oss.Retry{Attempts: 1}})
	client.ListObjects(t.Context(), "bucket", nil)
	client.ListObjectVersions(t.Context(), "bucket", nil)
	client.ListBuckets(t.Context(), nil)
	client.ListObjects(t.Context(), "bucket", &oss.ListObjectsOptions{PageSize: 7})
	want := []string{"1000", "1000", "1000", "7"}
	var got []string
	for _, m := range s.sent {
		address, err := url.Parse(m.URL)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, address.Query().Get("max-keys"))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("max-keys (-want +got):\n%s", diff)
	}
}
