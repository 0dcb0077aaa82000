package osstest_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/internal/ossxml"
)

func TestListPartsHasTheFormOfOSS(t *testing.T) {
	srv := start(t, nil)
	id := initiate(t, srv, map[string]string{"x-oss-storage-class": "IA"})
	list := func() string {
		return send(t, srv, call{method: "GET", key: "key", query: "encoding-type=url&uploadId=" + id}).body
	}
	head := `<?xml version="1.0" encoding="UTF-8"?>
<ListPartsResult>
  <EncodingType>url</EncodingType>
  <Bucket>bucket</Bucket>
  <Key>key</Key>
  <UploadId>` + id + `</UploadId>
  <StorageClass>IA</StorageClass>
  <PartNumberMarker>0</PartNumberMarker>
`
	want := head + `  <NextPartNumberMarker></NextPartNumberMarker>
  <MaxParts>1000</MaxParts>
  <IsTruncated>false</IsTruncated>
</ListPartsResult>
`
	if diff := cmp.Diff(want, list()); diff != "" {
		t.Errorf("no parts (-want +got):\n%s", diff)
	}
	etag := put(t, srv, id, 2, "body")
	p := srv.Uploads()[0].Parts[0]
	want = head + `  <NextPartNumberMarker>2</NextPartNumberMarker>
  <MaxParts>1000</MaxParts>
  <IsTruncated>false</IsTruncated>
  <Part>
    <PartNumber>2</PartNumber>
    <LastModified>` + p.LastModified.UTC().Format(ossxml.TimeFormat) + `</LastModified>
    <ETag>` + etag + `</ETag>
    <HashCrc64ecma>` + fmt.Sprint(p.CRC64) + `</HashCrc64ecma>
    <Size>4</Size>
  </Part>
</ListPartsResult>
`
	if diff := cmp.Diff(want, list()); diff != "" {
		t.Errorf("one part (-want +got):\n%s", diff)
	}
}

func TestListPartsPages(t *testing.T) {
	srv := start(t, nil)
	id := initiate(t, srv, nil)
	for _, number := range []int{9, 1, 4, 7, 10000} {
		put(t, srv, id, number, "x")
	}
	tests := []struct {
		query string
		want  string // numbers, next, truncated
	}{
		{"", "[1 4 7 9 10000] 10000 false"},
		{"&max-parts=2", "[1 4] 4 true"},
		{"&max-parts=2&part-number-marker=4", "[7 9] 9 true"},
		{"&max-parts=2&part-number-marker=8", "[9 10000] 10000 false"},
		{"&part-number-marker=10000", "[]  false"},
	}
	for _, tt := range tests {
		var doc ossxml.PartList
		decode(t, send(t, srv, call{method: "GET", key: "key", query: "uploadId=" + id + tt.query}), &doc)
		numbers := []int{}
		for _, p := range doc.Parts {
			numbers = append(numbers, p.Number)
		}
		if got := fmt.Sprint(numbers, " ", doc.NextPartNumberMarker, " ", doc.IsTruncated); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.query, got, tt.want)
		}
	}
	for _, query := range []string{"max-parts=0", "max-parts=1001", "max-parts=x",
		"part-number-marker=-1", "part-number-marker=x"} {
		if got := send(t, srv, call{method: "GET", key: "key",
			query: "uploadId=" + id + "&" + query}); got.String() != "400 InvalidArgument" {
			t.Errorf("%s: %v", query, got)
		}
	}
}

func TestListMultipartUploadsPages(t *testing.T) {
	srv := start(t, nil)
	var all []string // "key id"
	for _, key := range []string{"b/2", "a", "b/1", "c d", "b/1", "b", "b/1/x"} {
		got := send(t, srv, call{method: "POST", key: key, query: "uploads"})
		var doc ossxml.Initiated
		decode(t, got, &doc)
		all = append(all, key+" "+doc.UploadID)
	}
	send(t, srv, call{method: "POST", bucket: "other", key: "a", query: "uploads"})
	slices.SortFunc(all, func(a, b string) int {
		i, j := strings.LastIndexByte(a, ' '), strings.LastIndexByte(b, ' ')
		if c := strings.Compare(a[:i], b[:j]); c != 0 {
			return c
		}
		return strings.Compare(a[i:], b[j:])
	})
	for _, encoding := range []string{"", "&encoding-type=url"} {
		for _, tt := range []struct{ prefix, delimiter string }{{"", ""}, {"b", ""}, {"", "/"}, {"b", "/"},
			{"b/", "/"}, {"none", ""}} {
			want := rollUp(all, tt.prefix, tt.delimiter)
			for size := 1; size <= len(all)+1; size++ {
				got, pages := listAll(t, func(marker, id string) *ossxml.UploadList {
					query := fmt.Sprintf("uploads&max-uploads=%d&prefix=%s&delimiter=%s%s", size,
						url.QueryEscape(tt.prefix), url.QueryEscape(tt.delimiter), encoding)
					if marker != "" {
						query += "&key-marker=" + strings.ReplaceAll(url.QueryEscape(marker), "+",
							"%20") + "&upload-id-marker=" + id
					}
					var doc ossxml.UploadList
					decode(t, send(t, srv, call{method: "GET", query: query}), &doc)
					if doc.MaxUploads != size || doc.Bucket != "bucket" ||
						len(doc.Uploads)+len(doc.CommonPrefixes) > size {
						t.Errorf("page = %+v", doc)
					}
					return &doc
				})
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("prefix %q, delimiter %q, pages of %d%s (-want +got):\n%s", tt.prefix,
						tt.delimiter, size, encoding, diff)
				}
				if least := max(1, (len(want)+size-1)/size); pages != least {
					t.Errorf("prefix %q, delimiter %q: %d pages of %d, want %d", tt.prefix,
						tt.delimiter, pages, size, least)
				}
			}
		}
	}
	for _, query := range []string{"max-uploads=0", "max-uploads=1001", "max-uploads=x"} {
		if got := send(t, srv, call{method: "GET", query: "uploads&" + query}); got.String() != "400 InvalidArgument" {
			t.Errorf("%s: %v", query, got)
		}
	}
}

// rollUp is what a listing of all, sorted, is to hold.
func rollUp(all []string, prefix, delimiter string) []string {
	var want []string
	for _, line := range all {
		key := line[:strings.LastIndexByte(line, ' ')]
		rest, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		if before, _, found := strings.Cut(rest, delimiter); found && delimiter != "" {
			line = prefix + before + delimiter
		}
		if !slices.Contains(want, line) {
			want = append(want, line)
		}
	}
	slices.Sort(want)
	return want
}

// listAll reads pages to the end.
func listAll(t *testing.T, page func(marker, id string) *ossxml.UploadList) (lines []string, pages int) {
	marker, id := "", ""
	for {
		pages++
		doc := page(marker, id)
		plain := func(s string) string {
			s, err := ossxml.Unescape(doc.EncodingType, s)
			if err != nil {
				t.Error(err)
			}
			return s
		}
		for _, u := range doc.Uploads {
			lines = append(lines, plain(u.Key)+" "+u.UploadID)
			if u.StorageClass != "Standard" || u.Initiated.IsZero() {
				t.Errorf("upload = %+v", u)
			}
		}
		for _, p := range doc.CommonPrefixes {
			lines = append(lines, plain(p.Prefix))
		}
		if (doc.NextKeyMarker == "") != (len(lines) == 0) {
			t.Errorf("NextKeyMarker = %q on page %d", doc.NextKeyMarker, pages)
		}
		if !doc.IsTruncated {
			slices.Sort(lines)
			return lines, pages
		}
		marker, id = plain(doc.NextKeyMarker), doc.NextUploadIDMarker
	}
}

func TestListMultipartUploadsMarkers(t *testing.T) {
	srv := start(t, nil)
	ids := make(map[string]string)
	for _, key := range []string{"a", "b", "c"} {
		send(t, srv, call{method: "POST", key: key, query: "uploads"})
	}
	for _, u := range srv.Uploads() {
		ids[u.Key] = u.ID
	}
	for query, want := range map[string]string{
		"": "abc", "&key-marker=a": "bc", "&key-marker=b": "c", "&key-marker=aa": "bc", "&key-marker=z": "",
		"&upload-id-marker=" + ids["b"]:              "abc",
		"&key-marker=b&upload-id-marker=" + ids["b"]: "c",
		"&key-marker=b&upload-id-marker=0":           "bc",
		"&key-marker=b&upload-id-marker=Z":           "c",
	} {
		var doc ossxml.UploadList
		decode(t, send(t, srv, call{method: "GET", query: "uploads" + query}), &doc)
		got := ""
		for _, u := range doc.Uploads {
			got += u.Key
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
}
