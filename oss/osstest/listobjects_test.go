package osstest_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// stamp is when an object was last modified, as a document has it.
func stamp(t testing.TB, srv *osstest.Server, key string) string {
	t.Helper()
	o, ok := srv.Stat("bucket", key)
	if !ok {
		t.Fatalf("no object %q", key)
	}
	return o.Time.UTC().Format(ossxml.TimeFormat)
}

// ownerLines is the owner of an object as a list has it.
const ownerLines = `    <Owner>
      <ID>1000000000000000</ID>
      <DisplayName>1000000000000000</DisplayName>
    </Owner>
`

func TestListObjectsHasTheFormOfOSS(t *testing.T) {
	srv := start(t, nil)
	srv.PutObject("bucket", "dir/prefix-1", []byte("x"))
	srv.PutObject("bucket", "dir/prefix-2", []byte("x"))
	srv.PutObject("bucket", "dir/prefix_3", []byte("x"))
	contents := func(key, owner string) string {
		return `  <Contents>
    <Key>` + key + `</Key>
    <LastModified>` + stamp(t, srv, "dir/prefix_3") + `</LastModified>
    <ETag>"9DD4E461268C8034F5C8564E155C67A6"</ETag>
    <Type>Normal</Type>
    <Size>1</Size>
    <StorageClass>Standard</StorageClass>
` + owner + `  </Contents>
`
	}
	for query, want := range map[string]string{
		"prefix=dir/prefix&delimiter=-": `  <Name>bucket</Name>
  <Prefix>dir/prefix</Prefix>
  <Marker></Marker>
  <MaxKeys>100</MaxKeys>
  <Delimiter>-</Delimiter>
  <IsTruncated>false</IsTruncated>
` + contents("dir/prefix_3", ownerLines) + `  <CommonPrefixes>
    <Prefix>dir/prefix-</Prefix>
  </CommonPrefixes>
`,
		"marker=dir/prefix-1&max-keys=1&encoding-type=url": `  <EncodingType>url</EncodingType>
  <Name>bucket</Name>
  <Prefix></Prefix>
  <Marker>dir%2Fprefix-1</Marker>
  <MaxKeys>1</MaxKeys>
  <Delimiter></Delimiter>
  <IsTruncated>true</IsTruncated>
  <NextMarker>dir%2Fprefix-2</NextMarker>
` + contents("dir%2Fprefix-2", ownerLines),
		"list-type=2&start-after=dir/prefix-2": `  <Name>bucket</Name>
  <Prefix></Prefix>
  <StartAfter>dir/prefix-2</StartAfter>
  <MaxKeys>100</MaxKeys>
  <Delimiter></Delimiter>
  <IsTruncated>false</IsTruncated>
` + contents("dir/prefix_3", "") + `  <KeyCount>1</KeyCount>
`,
		"list-type=2&max-keys=1&fetch-owner=true": `  <Name>bucket</Name>
  <Prefix></Prefix>
  <MaxKeys>1</MaxKeys>
  <Delimiter></Delimiter>
  <IsTruncated>true</IsTruncated>
  <NextContinuationToken>CgxkaXIvcHJlZml4LTE-</NextContinuationToken>
` + contents("dir/prefix-1", ownerLines) + `  <KeyCount>1</KeyCount>
`,
		"list-type=2&delimiter=/": `  <Name>bucket</Name>
  <Prefix></Prefix>
  <MaxKeys>100</MaxKeys>
  <Delimiter>/</Delimiter>
  <IsTruncated>false</IsTruncated>
  <CommonPrefixes>
    <Prefix>dir/</Prefix>
  </CommonPrefixes>
  <KeyCount>1</KeyCount>
`,
	} {
		got, _, err := ask(t, srv, "GET bucket?"+query)
		want = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult>\n" + want + "</ListBucketResult>\n"
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", query, err, diff)
		}
	}
}

// A lister reads one page: its lines, and the parameter that leads to the next one, "" after the last.
type lister func(query string) (lines []string, next string)

func TestListObjectsPagesHoldEveryKeyOnce(t *testing.T) {
	srv := start(t, nil)
	var all []string // as rollUp wants them, with a word behind
	for _, key := range []string{"a", "b", "b/1", "b/1/x", "b/2", "b/2/", "c d", "c+d",
		"\u4e2d", "z\x0c", "b-", "b//"} {
		srv.PutObject("bucket", key, nil)
		all = append(all, key+" x")
	}
	slices.Sort(all)
	srv.PutObject("other", "a", nil)
	listers := map[string]lister{
		"V1": func(query string) (lines []string, next string) {
			var doc ossxml.ObjectList
			read(t, srv, "GET bucket?encoding-type=url&"+query, &doc)
			if doc.IsTruncated {
				next = "&marker=" + doc.NextMarker // it is escaped already
			}
			return plainLines(t, doc.Contents, doc.CommonPrefixes), next
		},
		"V2": func(query string) (lines []string, next string) {
			var doc ossxml.ObjectListV2
			read(t, srv, "GET bucket?encoding-type=url&list-type=2&"+query, &doc)
			if doc.IsTruncated {
				next = "&start-after=zzz&continuation-token=" + doc.NextContinuationToken
			}
			lines = plainLines(t, doc.Contents, doc.CommonPrefixes)
			if doc.KeyCount != len(lines) {
				t.Errorf("%s: KeyCount is %d of %d", query, doc.KeyCount, len(lines))
			}
			return lines, next
		},
	}
	for name, list := range listers {
		for _, tt := range []struct{ prefix, delimiter string }{{"", ""}, {"b", ""}, {"", "/"}, {"b", "/"},
			{"b/", "/"}, {"none", ""}, {"", "b/"}} {
			want := rollUp(all, tt.prefix, tt.delimiter)
			for i := range want {
				want[i] = strings.TrimSuffix(want[i], " x")
			}
			slices.Sort(want)
			for size := 1; size <= len(all)+1; size++ {
				query := fmt.Sprintf("max-keys=%d&prefix=%s&delimiter=%s", size, url.QueryEscape(tt.prefix),
					url.QueryEscape(tt.delimiter))
				var got []string
				pages := 0
				for next := "&"; next != ""; pages++ {
					var lines []string
					if lines, next = list(query + next); len(lines) > size {
						t.Errorf("%s: page of %d lines, want at most %d", name, len(lines), size)
					}
					got = append(got, lines...)
				}
				slices.Sort(got)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: prefix %q, delimiter %q, pages of %d (-want +got):\n%s", name,
						tt.prefix, tt.delimiter, size, diff)
				}
				if least := max(1, (len(want)+size-1)/size); pages != least {
					t.Errorf("%s: prefix %q, delimiter %q: %d pages of %d, want %d", name, tt.prefix,
						tt.delimiter, pages, size, least)
				}
			}
		}
	}
}

func plainLines(t *testing.T, contents []ossxml.Object, prefixes []ossxml.CommonPrefix) []string {
	t.Helper()
	var lines []string
	for _, o := range contents {
		lines = append(lines, o.Key)
	}
	for _, p := range prefixes {
		lines = append(lines, p.Prefix)
	}
	for i, line := range lines {
		plain, err := ossxml.Unescape("url", line)
		if err != nil {
			t.Error(err)
		}
		lines[i] = plain
	}
	return lines
}

func TestListObjectsRefusesWhatItCannotPage(t *testing.T) {
	srv := start(t, nil)
	long := strings.Repeat("p", 1024)
	for _, query := range []string{
		"max-keys=0", "max-keys=1001", "max-keys=-1", "max-keys=x", "marker=" + long,
		"prefix=" + long, "delimiter=" + long, "list-type=2&max-keys=1001", "list-type=2&start-after=" + long,
		"list-type=2&continuation-token=abc", "list-type=2&continuation-token=Cgxk",
		"list-type=2&continuation-token=EgA-",
	} {
		wants(t, srv, "GET bucket?"+query, "400 InvalidArgument")
	}
}

func TestListObjectsShowsOnlyWhatIsCurrent(t *testing.T) {
	srv := start(t, nil)
	wants(t, srv, "PUT bucket?versioning", "ok", "body",
		"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
	for _, what := range []string{"PUT bucket/a", "PUT bucket/a", "PUT bucket/b",
		"DELETE bucket/b", "POST bucket/c?uploads"} {
		wants(t, srv, what, "ok")
	}
	complete(t, srv, initiate(t, srv, nil), nil, 1, "none") // refused, so there is no object "key"
	id := initiate(t, srv, nil)
	if got := complete(t, srv, id, nil, 1, put(t, srv, id, 1, "x")); got.status != 200 {
		t.Fatal(got)
	}
	var doc ossxml.ObjectList
	read(t, srv, "GET bucket", &doc)
	var got []string
	for _, o := range doc.Contents {
		got = append(got, o.Key+" "+o.Type)
	}
	if diff := cmp.Diff([]string{"a Normal", "key Multipart"}, got); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
}
