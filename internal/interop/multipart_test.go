package interop

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// oddKey has what clients escape in different ways, in paths, in signatures and in lists.
const oddKey = "dir with space/a+b%20&c=d<e>/\u4e2d\u6587~(1)'.txt"

func TestPartsAreListedAndBecomeTheObject(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) {
		one, two, three, source := random(1, partSize), random(2, partSize+7), random(3, 11), random(4, 3*partSize)
		srv.PutObject(bucket, "source-"+odd(c), source)
		id, err := c.initiate(odd(c), extras{kind: "text/x-odd", color: "blue"})
		if err != nil {
			t.Fatal(err)
		}
		var want []part
		send := func(number int, data []byte) {
			t.Helper()
			etag, err := c.part(odd(c), id, number, data, extras{})
			if err != nil {
				t.Fatal(err)
			}
			want = append(slices.DeleteFunc(want, func(p part) bool { return p.Number == number }),
				part{number, etag, int64(len(data))})
		}
		send(9, three) // not in order, not without gaps, and one of them twice
		send(2, two)
		send(1, random(5, partSize))
		send(1, one)
		etag, err := c.copyPart(odd(c), id, 5, "source-"+odd(c), 1000, partSize)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, part{5, etag, partSize})
		slices.SortFunc(want, func(p, q part) int { return p.Number - q.Number })

		got, err := c.parts(odd(c), id, 3)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("parts: %v, or they differ (-want +got):\n%s", err, diff)
		}
		if err := c.complete(odd(c), id, got, extras{}); err != nil {
			t.Fatal(err)
		}
		whole := slices.Concat(one, two, source[1000:1000+partSize], three)
		if data, err := c.get(odd(c)); err != nil || !bytes.Equal(data, whole) {
			t.Errorf("get = %d bytes, %v, want the %d that were sent", len(data), err, len(whole))
		}
		o, _ := srv.Stat(bucket, odd(c))
		if got, err := c.head(odd(c)); err != nil || got != (info{int64(len(whole)), o.ETag, "text/x-odd", "blue"}) {
			t.Errorf("head = %+v, %v", got, err)
		}
	})
}

func TestAbortedUploadIsGone(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) {
		id, err := c.initiate("gone", extras{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.part("gone", id, 1, random(1, 10), extras{}); err != nil {
			t.Fatal(err)
		}
		if err := c.abort("gone", id); err != nil {
			t.Fatal(err)
		}
		if left := srv.Uploads(); len(left) > 0 {
			t.Errorf("after abort: %v", left)
		}
		if left, err := c.uploads("", 10); err != nil || len(left) > 0 {
			t.Errorf("uploads = %v, %v", left, err)
		}
		_, err = c.parts("gone", id, 10)
		if r, ok := c.refusal(err); !ok || r.Code != "NoSuchUpload" {
			t.Errorf("parts: %v, want NoSuchUpload", err)
		}
	})
}

func TestUploadsAreListedInPages(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) {
		var want []upload
		for _, key := range []string{"in/a", "in/a", "in/" + odd(c), "in/z", "out"} {
			id, err := c.initiate(key, extras{})
			if err != nil {
				t.Fatal(err)
			}
			defer c.abort(key, id)
			if key != "out" {
				want = append(want, upload{key, id})
			}
		}
		got, err := c.uploads("in/", 3)
		less := func(u, v upload) int { return strings.Compare(u.Key+u.ID, v.Key+v.ID) }
		slices.SortFunc(want, less)
		slices.SortFunc(got, less)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("uploads: %v, or they differ (-begun +listed):\n%s", err, diff)
		}
		if n := len(srv.Requests("ListMultipartUploads")); n != 2 {
			t.Errorf("%d pages, want 2", n)
		}
	})
}

func TestPresignedURLsNeedNoKeys(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) {
		anyone := srv.dial(t)
		one, two := random(1, partSize), random(2, 100)
		if etag := send(t, anyone, c, http.MethodPut, odd(c), "", 0, one); etag == "" {
			t.Error("the PUT got no ETag")
		}
		if data, err := c.get(odd(c)); err != nil || !bytes.Equal(data, one) {
			t.Errorf("get after a presigned PUT: %d bytes, %v", len(data), err)
		}
		id, err := c.initiate(odd(c), extras{})
		if err != nil {
			t.Fatal(err)
		}
		var parts []part
		for i, data := range [][]byte{one, two} {
			parts = append(parts,
				part{i + 1, send(t, anyone, c, http.MethodPut, odd(c), id, i+1, data), int64(len(data))})
		}
		if err := c.complete(odd(c), id, parts, extras{}); err != nil {
			t.Fatal(err)
		}
		signed, header, err := c.presign(http.MethodGet, odd(c), "", 0)
		if err != nil {
			t.Fatal(err)
		}
		if status, _, body := fetch(t, anyone, http.MethodGet, signed, header, nil); status != 200 ||
			!bytes.Equal(body, slices.Concat(one, two)) {
			t.Errorf("presigned GET: status %d and %d bytes", status, len(body))
		}
		if status, _, _ := fetch(t, anyone, http.MethodPut, signed, header, one); status != 403 {
			t.Errorf("PUT to the URL of a GET: status %d, want 403", status)
		}
	})
}
