package oss_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/signer"
)

// fetch sends a presigned request and returns its status and body.
func fetch(t *testing.T, c *http.Client, p *oss.Presigned, err error) (int, string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), p.Method, p.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = p.Header.Clone()
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestReadingAndDeletingArePresigned(t *testing.T) {
	for _, s := range []signer.Signer{signer.V1{}, signer.V4{}} {
		srv := newServer(t, nil)
		cfg := srv.Config()
		cfg.Signer = s
		c, ctx := newClient(t, cfg), t.Context()
		srv.PutObject("bucket", "a b/+", []byte("0123456789"))
		sent := func(p *oss.Presigned, err error) (int, string) { return fetch(t, srv.HTTPClient(), p, err) }
		if status, _ := sent(c.PresignHead(ctx, "bucket", "a b/+", time.Minute, nil)); status != 200 {
			t.Errorf("%T: HEAD: status %d", s, status)
		}
		if status, body := sent(c.PresignGet(ctx, "bucket", "a b/+", time.Minute,
			&oss.GetOptions{Suffix: 3})); status != 206 || body != "789" {
			t.Errorf("%T: GET of a suffix: status %d, %q", s, status, body)
		}
		if status, body := sent(c.PresignList(ctx, "bucket", time.Minute,
			&oss.ListObjectsOptions{Prefix: "a b", Delimiter: "/"})); status != 200 ||
			!strings.Contains(body, "a%20b%2F") {
			t.Errorf("%T: list: status %d, %q", s, status, body)
		}
		if status, _ := sent(c.PresignDelete(ctx, "bucket", "a b/+", time.Minute, nil)); status != 204 ||
			len(srv.Objects("bucket")) != 0 {
			t.Errorf("%T: DELETE: status %d, %v", s, status, srv.Objects("bucket"))
		}
		for name, request := range map[string]*oss.Request{ // those without a method of their own
			"tags": {Bucket: "bucket", Key: "key", Query: map[string][]string{"tagging": {""}}},
			"ACL":  {Bucket: "bucket", Key: "key", Query: map[string][]string{"acl": {""}}},
			"symlink": {Method: "PUT", Bucket: "bucket", Key: "link", Query: map[string][]string{"symlink": {""}},
				Header: http.Header{"x-oss-symlink-target": {"key"}}},
			"append": {Method: "POST", Bucket: "bucket", Key: "log",
				Query: map[string][]string{"append": {""}, "position": {"0"}}},
		} {
			srv.PutObject("bucket", "key", nil)
			if status, body := sent(c.Presign(ctx, request, time.Minute)); status != 200 {
				t.Errorf("%T: %s: status %d, %s", s, name, status, body)
			}
		}
	}
}

// The process parameter is part of the signature, and its result is not the object.
func TestProcessIsAskedForAndItsResultNotVerified(t *testing.T) {
	const process = "image/resize,w_100/format,png"
	s := play(says(200, "small", "x-oss-hash-crc64ecma", "1"))
	c := s.client(t, oss.Config{})
	obj, err := c.GetObject(t.Context(), "bucket", "key", &oss.GetOptions{Process: process})
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Body.Close()
	if got, err := io.ReadAll(obj.Body); string(got) != "small" || err != nil || obj.Verified {
		t.Errorf("read %q, %v, verified %t", got, err, obj.Verified)
	}
	p, err := c.PresignGet(t.Context(), "bucket", "key", time.Minute,
		&oss.GetOptions{Process: process, Response: oss.ResponseHeaders{ContentType: "image/png"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{s.messages()[0].URL, p.URL} {
		if !strings.Contains(address, "x-oss-process=image%2Fresize%2Cw_100%2Fformat%2Cpng") {
			t.Errorf("%s lacks the process parameter", address)
		}
	}
	if !strings.Contains(p.URL, "response-content-type=image%2Fpng") {
		t.Errorf("%s lacks the response header", p.URL)
	}
}

func TestBadPresignedReadsAreErrors(t *testing.T) {
	c, ctx := newServer(t, nil).Client(), context.Background()
	_, headErr := c.PresignHead(ctx, "bucket", "", time.Minute, nil)
	_, deleteErr := c.PresignDelete(ctx, "", "key", time.Minute, nil)
	_, listErr := c.PresignList(ctx, "bucket", time.Minute, &oss.ListObjectsOptions{PageSize: -1})
	_, suffixErr := c.PresignGet(ctx, "bucket", "key", time.Minute, &oss.GetOptions{Suffix: 1, Offset: 1})
	for i, err := range []error{headErr, deleteErr, listErr, suffixErr} {
		if err == nil {
			t.Errorf("case %d is presigned", i)
		}
	}
}
