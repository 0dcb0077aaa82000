package oss_test

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
	"github.com/ossmultipart/go-oss/signer"
)

func TestEveryOperationCanBePresigned(t *testing.T) {
	token := oss.Credentials{AccessKeyID: "id", AccessKeySecret: "secret", SecurityToken: "to/ken+=",
		Expires: time.Now().Add(time.Hour)}
	for _, tt := range []struct {
		name   string
		signer signer.Signer
		creds  oss.Credentials
	}{
		{"V1", signer.V1{}, osstest.TestCredentials()},
		{"V4", signer.V4{}, osstest.TestCredentials()},
		{"V4 with the host", signer.V4{AdditionalHeaders: []string{"host"}}, osstest.TestCredentials()},
		{"V1 with a token", signer.V1{}, token},
		{"V4 with a token", signer.V4{}, token},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t, &osstest.Options{Credentials: []oss.Credentials{tt.creds}, MinPartSize: 1})
			cfg := srv.Config()
			cfg.Signer = tt.signer
			testPresigned(t, srv, newClient(t, cfg))
			if left := srv.Uploads(); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// testPresigned uploads, reads and deletes with presigned requests alone.
func testPresigned(t *testing.T, srv *osstest.Server, c *oss.Client) {
	const key = "a b/\U0001F600"
	signed := func(p *oss.Presigned, err error) func(body string) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return func(body string) string {
			t.Helper()
			resp, reply, err := exchange(srv, p, body)
			if err != nil {
				t.Fatalf("%v: %v", p, err)
			}
			return resp.Header.Get("ETag") + reply
		}
	}
	do := func(method, query string, header ...string) func(body string) string {
		t.Helper()
		r := &oss.Request{Method: method, Bucket: "bucket", Key: key, Query: make(map[string][]string),
			Header: make(http.Header)}
		for pair := range strings.SplitSeq(query, "&") {
			name, value, _ := strings.Cut(pair, "=")
			if name != "" {
				r.Query.Set(name, value)
			}
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		if strings.HasPrefix(query, "uploads") && method == http.MethodGet {
			r.Key = ""
		}
		return signed(c.Presign(t.Context(), r, time.Minute))
	}
	begin := func() oss.Upload {
		t.Helper()
		id := regexp.MustCompile("<UploadId>(.*)</UploadId>").FindStringSubmatch(do("POST", "uploads", "Content-Type",
			"text/plain")(""))
		if id == nil {
			t.Fatal("no upload ID")
		}
		return oss.Upload{Bucket: "bucket", Key: key, ID: id[1]}
	}
	has := func(what, reply, want string) {
		t.Helper()
		if !strings.Contains(reply, want) {
			t.Errorf("%s: %q, want it to have %q", what, reply, want)
		}
	}

	signed(c.PresignPut(t.Context(), "bucket", key, time.Minute,
		&oss.ObjectOptions{Metadata: map[string]string{"a": "b"}}))("0123456789")
	has("Get", signed(c.PresignGet(t.Context(), "bucket", key, time.Minute, &oss.GetOptions{Offset: 2, Length: 3}))(""),
		"234")
	has("Head", do("HEAD", "")(""), etag("0123456789"))

	up := begin()
	one := signed(c.PresignPart(t.Context(), up, 1, time.Minute))("body")
	has("UploadPart", one, etag("body"))
	do("PUT", "partNumber=2&uploadId="+up.ID, "x-oss-copy-source", "/bucket/a%20b/%F0%9F%98%80")("")
	has("ListParts", do("GET", "uploadId="+up.ID+"&max-parts=9&encoding-type=url")(""), "<PartNumber>2</PartNumber>")
	has("ListMultipartUploads", do("GET", "uploads&prefix=a b/")(""), up.ID)
	do("POST", "uploadId="+up.ID, "x-oss-complete-all", "yes")("")
	if obj, _ := srv.Object("bucket", key); string(obj.Data) == "0123456789" {
		t.Error("Complete did nothing")
	}
	do("DELETE", "uploadId="+begin().ID)("")
	do("DELETE", "")("")
	if _, ok := srv.Object("bucket", key); ok {
		t.Error("Delete did nothing")
	}
}

func TestPresignedRequestHoldsTheSenderToItsHeaders(t *testing.T) {
	srv := newServer(t, nil)
	p, err := srv.Client().PresignPut(t.Context(), "bucket", "key.html", time.Minute,
		&oss.ObjectOptions{ContentType: "text/html", ACL: "private", ForbidOverwrite: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Header.Get("Content-Type"); got != "text/html" || p.Header.Get("x-oss-object-acl") != "private" {
		t.Errorf("headers are %v", p.Header)
	}
	for name := range p.Header {
		changed := *p
		changed.Header = p.Header.Clone()
		changed.Header.Del(name)
		if err := sendSigned(srv, &changed, ""); err == nil || !strings.Contains(err.Error(), "SignatureDoesNotMatch") {
			t.Errorf("without %s: %v, want SignatureDoesNotMatch", name, err)
		}
	}
	changed := *p
	changed.Method = http.MethodDelete
	if err := sendSigned(srv, &changed, ""); err == nil {
		t.Error("the request was accepted with another method")
	}
	if err := sendSigned(srv, p, ""); err != nil {
		t.Errorf("as signed: %v", err)
	}
}

// TestPresignPutSignsWhatWasAskedFor is R10: it signed a Content-Type by the extension, and curl -T, which sends none,
// got 403.
func TestPresignPutSignsWhatWasAskedFor(t *testing.T) {
	for _, s := range []signer.Signer{signer.V1{}, signer.V4{}} {
		srv := newServer(t, nil)
		cfg := srv.Config()
		cfg.Signer = s
		p, err := newClient(t, cfg).PresignPut(t.Context(), "bucket", "page.html", time.Minute, nil)
		if err != nil || len(p.Header) != 0 {
			t.Fatalf("%T: headers %v, %v, want none", s, p.Header, err)
		}
		if err := sendSigned(srv, p, "body"); err != nil {
			t.Errorf("%T: %v", s, err)
		}
		if obj, _ := srv.Object("bucket", "page.html"); string(obj.Data) != "body" ||
			obj.Header.Get("Content-Type") != "" {
			t.Errorf("%T: the object is %q with %v", s, obj.Data, obj.Header)
		}
	}
}

func TestPresignedRequestEndsInTime(t *testing.T) {
	for _, s := range []signer.Signer{signer.V1{}, signer.V4{}} {
		synctest.Test(t, func(t *testing.T) {
			srv := newServer(t, nil)
			srv.PutObject("bucket", "key", []byte("body"))
			cfg := srv.Config()
			cfg.Signer = s
			time.Sleep(700 * time.Millisecond) // dates in signatures have whole seconds only
			p, err := newClient(t, cfg).PresignGet(t.Context(), "bucket", "key", time.Hour, nil)
			if err != nil {
				t.Fatal(err)
			}
			if want := time.Now().Truncate(time.Second).Add(time.Hour); !p.Expires.Equal(want) {
				t.Errorf("%T: expires %v, want %v", s, p.Expires, want)
			}
			time.Sleep(time.Until(p.Expires))
			if err := sendSigned(srv, p, ""); err != nil {
				t.Errorf("%T: at its end: %v", s, err)
			}
			time.Sleep(3 * time.Second)
			if err := sendSigned(srv, p, ""); err == nil || !strings.Contains(err.Error(), "403") {
				t.Errorf("%T: after its end: %v, want a refusal", s, err)
			}
		})
	}
}

func TestPresignedRequestEndsWithItsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		creds := keys
		creds.Expires = time.Now().Add(10 * time.Minute)
		c := play(stores).client(t, oss.Config{Credentials: creds})
		for ttl, want := range map[time.Duration]time.Duration{time.Hour: 10 * time.Minute, time.Minute: time.Minute} {
			p, err := c.PresignGet(t.Context(), "bucket", "key", ttl, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := time.Until(p.Expires); got != want {
				t.Errorf("ttl %v expires in %v, want %v", ttl, got, want)
			}
		}
	})
}

// The URL itself must end with the token (C5): it said to be valid for an hour where the token was for ten minutes.
func TestPresignedURLSaysWhenItsTokenEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(700 * time.Millisecond) // dates in signatures have whole seconds only
		creds := keys
		creds.SecurityToken, creds.Expires = "token", time.Now().Add(10*time.Minute+300*time.Millisecond)
		now := time.Now().Truncate(time.Second)
		for name, tt := range map[string]struct {
			signer signer.Signer
			param  string
			begin  int64 // what the parameter counts from
		}{
			"V1": {signer.V1{}, "Expires", 0},
			"V4": {signer.V4{}, "x-oss-expires", now.Unix()},
		} {
			c := play(stores).client(t, oss.Config{Credentials: creds, Region: "cn-hangzhou", Signer: tt.signer})
			p, err := c.PresignGet(t.Context(), "bucket", "key", time.Hour, nil)
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(p.URL)
			if err != nil {
				t.Fatal(err)
			}
			n, err := strconv.ParseInt(u.Query().Get(tt.param), 10, 64)
			if end := time.Unix(tt.begin+n, 0); err != nil || end.After(creds.Expires) || !end.Equal(p.Expires) {
				t.Errorf("%s: the URL ends at %v, the token at %v, Expires is %v", name, end.UTC(), creds.Expires,
					p.Expires)
			}
		}
		creds.Expires = now.Add(-time.Minute)
		c := play(stores).client(t, oss.Config{Credentials: creds})
		if _, err := c.PresignGet(t.Context(), "bucket", "key", time.Hour, nil); err == nil ||
			!strings.Contains(err.Error(), "the security token expires at ") {
			t.Errorf("with a token that has expired: %v", err)
		}
	})
}

func TestPresignSendsNothing(t *testing.T) {
	s := play(breaks(errors.New("network")))
	if _, err := s.client(t, oss.Config{}).PresignGet(t.Context(), "bucket", "key", time.Hour, nil); err != nil ||
		len(s.messages()) != 0 {
		t.Errorf("PresignGet: %v with %d requests", err, len(s.messages()))
	}
}
