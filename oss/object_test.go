package oss_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ossmultipart/go-oss/oss"
)

func TestContentTypeFollowsTheKeyUnlessGiven(t *testing.T) {
	for _, tt := range []struct {
		name, key string
		opts      *oss.ObjectOptions
		want      string
	}{
		{"extension", "a/page.html", nil, "text/html"},
		{"no extension", "a.b/page", nil, "application/octet-stream"},
		{"unknown extension", "a.quux", nil, "application/octet-stream"},
		{"given", "page.html", &oss.ObjectOptions{ContentType: "text/plain"}, "text/plain"},
		{"given as a header", "page.html", &oss.ObjectOptions{Header: http.Header{"content-type": {"text/css"}}},
			"text/css"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := play(stores)
			if _, err := s.client(t, oss.Config{}).PutObject(t.Context(), "bucket", tt.key, strings.NewReader(""),
				tt.opts); err != nil {
				t.Fatal(err)
			}
			if got := s.messages()[0].Header.Get("Content-Type"); got != tt.want {
				t.Errorf("Content-Type is %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPutObjectResult(t *testing.T) {
	reply := func(r *http.Request, body string) (*http.Response, error) {
		return says(200, "answer", "ETag", etag(body), "x-oss-hash-crc64ecma", crc(body), "x-oss-version-id", "V",
			"x-oss-request-id", "ID")(r, body)
	}
	for name, header := range map[string]http.Header{"": nil, "answer": {"X-Oss-Callback": {"e30="}}} {
		res, err := play(reply).client(t, oss.Config{}).PutObject(t.Context(), "bucket", "key",
			strings.NewReader("body"), &oss.ObjectOptions{Header: header})
		if err != nil || res.ETag != etag("body") || res.VersionID != "V" || res.RequestID != "ID" || res.CRC64 == 0 ||
			string(res.Callback) != name {
			t.Errorf("PutObject = %+v, %v, want callback %q", res, err, name)
		}
	}
}

func TestObjectIsDescribed(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	_, err := c.PutObject(t.Context(), "bucket", "key", strings.NewReader("0123456789"), &oss.ObjectOptions{
		ContentType: "text/plain", Metadata: map[string]string{"Some-Name": "value"},
	})
	if err != nil {
		t.Fatal(err)
	}
	stored, _ := srv.Object("bucket", "key")
	want := oss.ObjectInfo{
		Bucket: "bucket", Key: "key", Size: 10, ETag: etag("0123456789"), CRC64: stored.CRC64,
		ContentType: "text/plain",
		Metadata:    map[string]string{"some-name": "value"},
	}
	describe := func(what string, got oss.ObjectInfo) {
		t.Helper()
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(oss.ObjectInfo{}, "LastModified", "Header")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
		if time.Since(got.LastModified).Abs() > time.Hour || got.Header.Get("x-oss-request-id") == "" {
			t.Errorf("%s: modified %v, header %v", what, got.LastModified, got.Header)
		}
	}
	info, err := c.HeadObject(t.Context(), "bucket", "key", nil)
	if err != nil {
		t.Fatal(err)
	}
	describe("HeadObject", *info)
	for _, opts := range []*oss.GetOptions{nil, {Offset: 3, Length: 4}, {Offset: 3, IfMatch: info.ETag}} {
		obj, err := c.GetObject(t.Context(), "bucket", "key", opts)
		if err != nil {
			t.Fatal(err)
		}
		describe("GetObject", obj.ObjectInfo)
		obj.Body.Close()
	}
}

func TestRangesAreRead(t *testing.T) {
	srv := newServer(t, nil)
	srv.PutObject("bucket", "key", []byte("0123456789"))
	for _, tt := range []struct {
		name   string
		opts   oss.GetOptions
		want   string
		status int // of the refusal
	}{
		{"whole", oss.GetOptions{}, "0123456789", 0},
		{"middle", oss.GetOptions{Offset: 2, Length: 3}, "234", 0},
		{"beginning", oss.GetOptions{Length: 3}, "012", 0},
		{"end", oss.GetOptions{Offset: 7}, "789", 0},
		{"beyond the end", oss.GetOptions{Offset: 7, Length: 100}, "789", 0},
		{"longer than the object", oss.GetOptions{Length: 100}, "0123456789", 0},
		{"behind the end", oss.GetOptions{Offset: 10}, "", 416},
		{"by header", oss.GetOptions{Header: http.Header{"Range": {"bytes=-2"}}}, "89", 0},
		{"another ETag", oss.GetOptions{IfMatch: `"A"`}, "", 412},
		{"not modified", oss.GetOptions{Header: http.Header{"If-None-Match": {etag("0123456789")}}}, "", 304},
	} {
		t.Run(tt.name, func(t *testing.T) {
			obj, err := srv.Client().GetObject(t.Context(), "bucket", "key", &tt.opts)
			var refused *oss.ServiceError
			if tt.status != 0 {
				if !errors.As(err, &refused) || refused.StatusCode != tt.status {
					t.Errorf("GetObject: %v, want status %d", err, tt.status)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer obj.Body.Close()
			if b, err := io.ReadAll(obj.Body); string(b) != tt.want || err != nil || obj.Length != int64(len(b)) {
				t.Errorf("read %q of length %d, %v, want %q", b, obj.Length, err, tt.want)
			}
		})
	}
}

func TestRangeThatWasNotHonouredIsAnError(t *testing.T) {
	for _, tt := range []struct {
		name  string
		opts  *oss.GetOptions
		reply answer
		ok    bool
	}{
		{"as asked", &oss.GetOptions{Offset: 2, Length: 3}, says(206, "234", "Content-Range", "bytes 2-4/10"), true},
		{"cut at the end", &oss.GetOptions{Offset: 8, Length: 3}, says(206, "89", "Content-Range", "bytes 8-9/10"),
			true},
		{"size unknown", &oss.GetOptions{Offset: 8, Length: 3}, says(206, "89", "Content-Range", "bytes 8-9/*"), true},
		{"elsewhere", &oss.GetOptions{Offset: 2, Length: 3}, says(206, "123", "Content-Range", "bytes 1-3/10"), false},
		{"longer", &oss.GetOptions{Offset: 2, Length: 3}, says(206, "23456", "Content-Range", "bytes 2-6/10"), false},
		{"not told", &oss.GetOptions{Offset: 2, Length: 3}, says(206, "234"), false},
		{"whole object", &oss.GetOptions{Offset: 2}, says(200, "0123456789"), false},
		{"whole object from the beginning", &oss.GetOptions{Length: 3}, says(200, "0123456789"), false},
		{"whole object of unknown size", &oss.GetOptions{Length: 30},
			func(r *http.Request, _ string) (*http.Response, error) {
				resp, err := says(200, content(40))(r, "")
				resp.ContentLength = -1
				return resp, err
			}, false},
		{"whole object that is shorter", &oss.GetOptions{Length: 30}, says(200, "0123456789"), true},
		{"range that was not requested", nil, says(206, "234", "Content-Range", "bytes=2-4/10"), false},
		{"range of one's own", &oss.GetOptions{Header: http.Header{"range": {"bytes=2-4"}}},
			says(206, "234", "Content-Range", "bytes 2-4/10"), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			obj, err := play(tt.reply).client(t, oss.Config{}).GetObject(t.Context(), "bucket", "key", tt.opts)
			if (err == nil) != tt.ok || err != nil && !strings.Contains(err.Error(), "bytes=") {
				t.Errorf("GetObject: %v", err)
			}
			if err == nil {
				obj.Body.Close()
			}
		})
	}
}

func TestVersionsAreAskedFor(t *testing.T) {
	s := play(says(200, ""), says(204, "", "x-oss-request-id", "5C3D9175B6FC201293AD4890"), says(200, ""))
	c := s.client(t, oss.Config{})
	extra := http.Header{"x-oss-request-payer": {"requester"}}
	if _, err := c.HeadObject(t.Context(), "bucket", "key",
		&oss.HeadOptions{VersionID: "V", Header: extra}); err != nil {
		t.Error(err)
	}
	if err := c.DeleteObject(t.Context(), "bucket", "key",
		&oss.DeleteOptions{VersionID: "V", Header: extra}); err != nil {
		t.Error(err)
	}
	if obj, err := c.GetObject(t.Context(), "bucket", "key",
		&oss.GetOptions{VersionID: "V", Header: extra}); err != nil {
		t.Error(err)
	} else {
		obj.Body.Close()
	}
	for _, m := range s.messages() {
		if !strings.HasSuffix(m.URL, "/key?versionId=V") || m.Header.Get("x-oss-request-payer") != "requester" {
			t.Errorf("%s %s with %v", m.Method, m.URL, m.Header)
		}
	}
}

func TestDeletingWhatIsGoneIsNoError(t *testing.T) {
	srv := newServer(t, nil)
	if err := srv.Client().DeleteObject(t.Context(), "bucket", "key", nil); err != nil {
		t.Error(err)
	}
	c := play(refuses(404, "NoSuchKey"), refuses(404, "NoSuchBucket")).client(t, oss.Config{})
	if err := c.DeleteObject(t.Context(), "bucket", "key", nil); err != nil {
		t.Errorf("NoSuchKey: %v", err)
	}
	if err := c.DeleteObject(t.Context(), "bucket", "key", nil); !errors.Is(err, oss.ErrNoSuchBucket) {
		t.Errorf("NoSuchBucket: %v, want it as an error", err)
	}
}

// A proxy that wants its user to log in may answer anything with its page and a status of 200.
func TestPageOfAProxyIsNoSuccess(t *testing.T) {
	page := func(*http.Request, string) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{},
			Body: io.NopCloser(strings.NewReader("<html>Please log in</html>"))}, nil
	}
	for name, call := range map[string]func(context.Context, *oss.Client) error{
		"abort":  func(ctx context.Context, c *oss.Client) error { return c.AbortMultipartUpload(ctx, upload) },
		"delete": func(ctx context.Context, c *oss.Client) error { return c.DeleteObject(ctx, "bucket", "key", nil) },
		"head": func(ctx context.Context, c *oss.Client) error {
			_, err := c.HeadObject(ctx, "bucket", "key", nil)
			return err
		},
		"get": func(ctx context.Context, c *oss.Client) error {
			_, err := c.GetObject(ctx, "bucket", "key", nil)
			return err
		},
		"complete with a callback": func(ctx context.Context, c *oss.Client) error {
			_, err := c.CompleteMultipartUpload(ctx, upload, nil,
				&oss.CompleteOptions{AllParts: true, Header: http.Header{"X-Oss-Callback": {"e30="}}})
			return err
		},
	} {
		err := call(t.Context(), play(page).client(t, oss.Config{Retry: oss.Retry{Attempts: 1}}))
		if err == nil || !strings.Contains(err.Error(), "not from OSS") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBare204IsNoSuccess: some networks answer every request so. OSS sends a request ID with every reply.
func TestBare204IsNoSuccess(t *testing.T) {
	bare := func(*http.Request, string) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody}, nil
	}
	for name, op := range operations {
		if name == "Do" { // which leaves it to its caller to check a success
			continue
		}
		err := op(t.Context(), play(bare).client(t, oss.Config{Retry: oss.Retry{Attempts: 1}}))
		if err == nil {
			t.Errorf("%s succeeds", name)
		}
	}
	for name, op := range map[string]func(*oss.Client) error{
		"PutBucketVersioning": func(c *oss.Client) error {
			return c.PutBucketVersioning(t.Context(), "bucket", oss.VersioningEnabled, nil)
		},
		"DeleteObject": func(c *oss.Client) error { return c.DeleteObject(t.Context(), "bucket", "key", nil) },
		"abort":        func(c *oss.Client) error { return c.AbortMultipartUpload(t.Context(), upload) },
		"get": func(c *oss.Client) error {
			_, err := c.GetObject(t.Context(), "bucket", "key", nil)
			return err
		},
	} {
		err := op(play(bare).client(t, oss.Config{Retry: oss.Retry{Attempts: 1}}))
		if err == nil || !strings.Contains(err.Error(), "not from OSS") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCompressionIsNotAskedFor(t *testing.T) {
	s := play(says(200, "body"))
	for _, tt := range []struct {
		header http.Header
		want   string
	}{{nil, "identity"}, {http.Header{"Accept-Encoding": {"gzip"}}, "gzip"}} {
		obj, err := s.client(t, oss.Config{}).GetObject(t.Context(), "bucket", "key",
			&oss.GetOptions{Header: tt.header})
		if err != nil {
			t.Fatal(err)
		}
		obj.Body.Close()
		all := s.messages()
		if got := all[len(all)-1].Header.Get("Accept-Encoding"); got != tt.want {
			t.Errorf("Accept-Encoding is %q, want %q", got, tt.want)
		}
	}
}
