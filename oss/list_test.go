package oss_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// begin initiates an upload of key and stores parts of one byte with the given numbers.
func begin(t testing.TB, c *oss.Client, key string, numbers ...int) oss.Upload {
	t.Helper()
	up, err := c.InitiateMultipartUpload(t.Context(), "bucket", key, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range numbers {
		if _, err := c.UploadPart(t.Context(), up, n, strings.NewReader("x"), nil); err != nil {
			t.Fatal(err)
		}
	}
	return up
}

func TestPartsAreListedPageByPage(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	up := begin(t, c, "a b+%/\U0001F600", 9, 1, 10000, 2, 3)
	for _, tt := range []struct {
		name  string
		opts  *oss.ListPartsOptions
		want  []int
		pages int
	}{
		{"all", nil, []int{1, 2, 3, 9, 10000}, 1},
		{"one a page", &oss.ListPartsOptions{PageSize: 1}, []int{1, 2, 3, 9, 10000}, 5},
		{"two a page", &oss.ListPartsOptions{PageSize: 2}, []int{1, 2, 3, 9, 10000}, 3},
		{"five a page", &oss.ListPartsOptions{PageSize: 5}, []int{1, 2, 3, 9, 10000}, 1},
		{"after", &oss.ListPartsOptions{PageSize: 2, After: 2}, []int{3, 9, 10000}, 2},
		{"after the last", &oss.ListPartsOptions{After: 10000}, nil, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(srv.Requests("ListParts"))
			all := c.Parts(t.Context(), up, tt.opts)
			for range 2 { // a second range starts again
				var got []int
				for p, err := range all {
					if err != nil {
						t.Fatal(err)
					}
					if p.Size != 1 || p.ETag != etag("x") || fmt.Sprint(p.CRC64) != crc("x") ||
						p.LastModified.IsZero() {
						t.Errorf("part is %+v", p)
					}
					got = append(got, p.Number)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("parts (-want +got):\n%s", diff)
				}
			}
			if n := len(srv.Requests("ListParts")) - before; n != 2*tt.pages {
				t.Errorf("%d requests for two rounds, want %d", n, 2*tt.pages)
			}
		})
	}
}

func TestUploadsAreListedPageByPage(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	for _, key := range []string{"a/1", "a/2 +%", "b", "b", "c\U0001F600\n"} {
		begin(t, c, key)
	}
	list := func(opts *oss.ListUploadsOptions) (keys []string, ups []oss.Upload) {
		t.Helper()
		for u, err := range c.Uploads(t.Context(), "bucket", opts) {
			if err != nil {
				t.Fatal(err)
			}
			if u.Bucket != "bucket" || u.ID == "" || u.Initiated.IsZero() || u.StorageClass == "" {
				t.Errorf("upload is %+v", u)
			}
			keys, ups = append(keys, u.Key), append(ups, u.Upload)
		}
		return keys, ups
	}
	_, ups := list(nil)
	for _, tt := range []struct {
		name string
		opts *oss.ListUploadsOptions
		want []string
	}{
		{"all", nil, []string{"a/1", "a/2 +%", "b", "b", "c\U0001F600\n"}},
		{"one a page", &oss.ListUploadsOptions{PageSize: 1}, []string{"a/1", "a/2 +%", "b", "b", "c\U0001F600\n"}},
		{"two a page", &oss.ListUploadsOptions{PageSize: 2}, []string{"a/1", "a/2 +%", "b", "b", "c\U0001F600\n"}},
		{"prefix", &oss.ListUploadsOptions{Prefix: "a/2 +%", PageSize: 1}, []string{"a/2 +%"}},
		{"after a key", &oss.ListUploadsOptions{After: oss.Upload{Key: "a/2 +%"}}, []string{"b", "b", "c\U0001F600\n"}},
		{"after one of two", &oss.ListUploadsOptions{After: ups[2]}, []string{"b", "c\U0001F600\n"}},
		{"delimiter", &oss.ListUploadsOptions{Delimiter: "/"}, []string{"b", "b", "c\U0001F600\n"}},
		{"delimiter, one a page", &oss.ListUploadsOptions{Delimiter: "/", PageSize: 1},
			[]string{"b", "b", "c\U0001F600\n"}},
		{"nothing", &oss.ListUploadsOptions{Prefix: "z"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := list(tt.opts)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
		})
	}
	page, err := c.ListMultipartUploads(t.Context(), "bucket", &oss.ListUploadsOptions{Delimiter: "/"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a/"}, page.Prefixes); diff != "" || page.Next != (oss.Upload{}) {
		t.Errorf("page ends with %+v, prefixes (-want +got):\n%s", page.Next, diff)
	}
}

func TestBreakingOffAListAsksNoMore(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	up := begin(t, c, "key", 1, 2, 3, 4)
	for p := range c.Parts(t.Context(), up, &oss.ListPartsOptions{PageSize: 2}) {
		if p.Number == 2 {
			break
		}
	}
	for range c.Uploads(t.Context(), "bucket", &oss.ListUploadsOptions{PageSize: 1}) {
		break
	}
	if n := len(srv.Requests("ListParts", "ListMultipartUploads")); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

func TestListErrorIsTheLastPair(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	up := begin(t, c, "a", 1, 2, 3)
	begin(t, c, "b")
	srv.Inject(osstest.Fault{Op: "ListParts", Skip: 1, Effect: osstest.Fail(403, "AccessDenied")})
	srv.Inject(osstest.Fault{Op: "ListMultipartUploads", Skip: 1, Effect: osstest.Fail(403, "AccessDenied")})
	var got []string
	for p, err := range c.Parts(t.Context(), up, &oss.ListPartsOptions{PageSize: 2}) {
		got = append(got, fmt.Sprint(p.Number, " ", errors.Is(err, oss.ErrAccessDenied)))
	}
	for u, err := range c.Uploads(t.Context(), "bucket", &oss.ListUploadsOptions{PageSize: 1}) {
		got = append(got, fmt.Sprint(u.Key, " ", errors.Is(err, oss.ErrAccessDenied)))
	}
	want := []string{"1 false", "2 false", "0 true", "a false", " true"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pairs (-want +got):\n%s", diff)
	}
}

func TestBrokenMarkersDoNotLoop(t *testing.T) {
	parts := func(number, next string) answer {
		return says(200,
			"<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>"+next+"</NextPartNumberMarker>"+
				"<Part><PartNumber>"+number+"</PartNumber><ETag>e</ETag></Part></ListPartsResult>")
	}
	uploads := func(key, id string) answer {
		return says(200,
			"<ListMultipartUploadsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"+
				"<NextKeyMarker>"+key+"</NextKeyMarker><NextUploadIdMarker>"+id+"</NextUploadIdMarker>"+
				"</ListMultipartUploadsResult>")
	}
	for _, tt := range []struct {
		name    string
		answers []answer
		want    string // in the error
	}{
		{"parts: nothing", []answer{parts("1", "")}, `parts 1 to 1 continues at ""`},
		{"parts: no number", []answer{parts("1", "x")}, `continues at "x"`},
		{"parts: the same again", []answer{parts("1", "2"), parts("3", "2")}, `parts 3 to 3 continues at "2"`},
		{"parts: back", []answer{parts("1", "5"), parts("6", "4")}, `parts 6 to 6 continues at "4"`},
		{"parts: before its end", []answer{parts("7", "6")}, `parts 1 to 7 continues at "6"`},
		{"parts: beyond all parts", []answer{parts("1", "10001")}, `parts 1 to 1 continues at "10001"`},
		{"uploads: nothing", []answer{uploads("", "")}, `after "", "" continues at "", ""`},
		{"uploads: the same again", []answer{uploads("a", "1"), uploads("a", "1")},
			`after "a", "1" continues at "a", "1"`},
		{"uploads: back among those of a key", []answer{uploads("a", "2"), uploads("a", "1")},
			`after "a", "2" continues at "a", "1"`},
		{"uploads: back", []answer{uploads("b", "1"), uploads("a", "2")}, `after "b", "1" continues at "a", "2"`},
		{"uploads: back to the beginning", []answer{uploads("b", "1"), uploads("", "")},
			`after "b", "1" continues at "", ""`},
		{"uploads: escaped badly", []answer{uploads("%zz", "1")}, "%zz"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := play(tt.answers...)
			c := s.client(t, oss.Config{Retry: oss.Retry{Attempts: 1}})
			var err error
			if strings.HasPrefix(tt.name, "parts") {
				for _, err = range c.Parts(t.Context(), oss.Upload{Bucket: "bucket", Key: "a\nb", ID: "1"}, nil) {
				}
			} else {
				for _, err = range c.Uploads(t.Context(), "bucket", nil) {
				}
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("the list ended with %v, want one line with %s", err, tt.want)
			}
			if n := len(s.messages()); n != len(tt.answers) {
				t.Errorf("%d requests, want %d", n, len(tt.answers))
			}
		})
	}
}

func TestListOfACancelledContextEndsWithItsError(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	up := begin(t, c, "key", 1, 2)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range c.Parts(ctx, up, &oss.ListPartsOptions{PageSize: 1}) {
		cancel()
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("the list ended with %v", last)
	}
}

func TestListsTakeHeaders(t *testing.T) {
	s := play(says(200, "<ListPartsResult></ListPartsResult>"),
		says(200, "<ListMultipartUploadsResult></ListMultipartUploadsResult>"))
	c := s.client(t, oss.Config{})
	payer := http.Header{"x-oss-request-payer": {"requester"}}
	if _, err := c.ListParts(t.Context(), oss.Upload{Bucket: "bucket", Key: "key", ID: "ID"},
		&oss.ListPartsOptions{Header: payer}); err != nil {
		t.Error(err)
	}
	if _, err := c.ListMultipartUploads(t.Context(), "bucket", &oss.ListUploadsOptions{Header: payer}); err != nil {
		t.Error(err)
	}
	for _, m := range s.messages() {
		if m.Header.Get("x-oss-request-payer") != "requester" {
			t.Errorf("%s %s with %v", m.Method, m.URL, m.Header)
		}
	}
}
