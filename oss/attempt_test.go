package oss_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/signer"
)

func TestCatalogueR7EveryAttemptIsSignedAnew(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cfg    oss.Config
		date   string // the header that has it
		layout string
	}{
		{"V4", oss.Config{Region: "cn-hangzhou"}, "x-oss-date", "20060102T150405Z"},
		{"V1", oss.Config{Endpoint: "oss-cn-hangzhou.aliyuncs.com", Signer: signer.V1{}}, "Date", http.TimeFormat},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				tt.cfg.Credentials = steps(&calls,
					oss.Credentials{AccessKeyID: "first", AccessKeySecret: "a"},
					oss.Credentials{AccessKeyID: "second", AccessKeySecret: "b", SecurityToken: "token"})
				s := play(refuses(503, "ServiceUnavailable", "Retry-After", "90"), says(200, ""))
				if _, err := s.client(t, tt.cfg).HeadObject(t.Context(), "bucket", "key", nil); err != nil {
					t.Fatal(err)
				}
				for i, want := range []string{"first", "second"} {
					m := s.messages()[i]
					if date := m.Time.UTC().Format(tt.layout); m.Header.Get(tt.date) != date {
						t.Errorf("attempt %d has %s %q, want %q", i+1, tt.date, m.Header.Get(tt.date), date)
					}
					if !strings.Contains(m.Header.Get("Authorization"), want) {
						t.Errorf("attempt %d is signed %q, want key %s", i+1, m.Header.Get("Authorization"), want)
					}
				}
				if got := s.messages()[1].Header.Get("x-oss-security-token"); got != "token" {
					t.Errorf("token is %q", got)
				}
				if a, b := s.messages()[0].Header["Authorization"],
					s.messages()[1].Header["Authorization"]; len(a) != 1 || len(b) != 1 || a[0] == b[0] {
					t.Errorf("signatures are %q and %q", a, b)
				}
			})
		})
	}
}

func TestBodiesHaveALength(t *testing.T) {
	file := io.NewSectionReader(strings.NewReader("0123456789"), 3, 4)
	half := strings.NewReader("0123456789")
	_, _ = half.Seek(5, io.SeekStart)
	for _, tt := range []struct {
		name string
		body oss.Body
		want string
	}{
		{"section", file, "3456"},
		{"reader with an offset of its own", half, "0123456789"},
		{"empty", strings.NewReader(""), ""},
		{"large", strings.NewReader(content(200_000)), content(200_000)},
	} {
		for _, s := range []oss.Checksum{oss.ChecksumMD5, oss.ChecksumCRC64, oss.ChecksumNone} {
			t.Run(tt.name, func(t *testing.T) {
				srv := newServer(t, nil)
				if _, err := srv.Client().PutObject(t.Context(), "bucket", "key", tt.body,
					&oss.ObjectOptions{Checksum: s}); err != nil {
					t.Fatal(err)
				}
				r := srv.Requests()[0]
				if r.Header.Get("Transfer-Encoding") != "" || r.Size != int64(len(tt.want)) {
					t.Errorf("%d bytes arrived with %v", r.Size, r.Header)
				}
				if obj, _ := srv.Object("bucket", "key"); string(obj.Data) != tt.want {
					t.Errorf("stored %d bytes %.20q, want %.20q", len(obj.Data), obj.Data, tt.want)
				}
			})
		}
	}
}

// lagging is a transport that goes on reading the first body after it has answered, as net/http does.
type lateReader struct {
	*script
	resume  chan struct{} // when to go on
	readers sync.WaitGroup
}

func (l *lateReader) RoundTrip(r *http.Request) (*http.Response, error) {
	if len(l.messages()) > 0 {
		return l.script.RoundTrip(r)
	}
	body := r.Body
	first := make([]byte, 10)
	if _, err := io.ReadFull(body, first); err != nil {
		return nil, err
	}
	l.readers.Go(func() {
		<-l.resume
		_, _ = io.Copy(io.Discard, body)
	})
	r = r.Clone(r.Context())
	r.Body = nil
	return l.script.RoundTrip(r)
}

func TestCatalogueR3RetryWhileTheLastBodyIsStillRead(t *testing.T) {
	body := content(256 << 10)
	for range 10 {
		l := &lateReader{script: play(refuses(503, "ServiceUnavailable", "Retry-After", "0"), stores),
			resume: make(chan struct{})}
		close(l.resume)
		c := newClient(t, oss.Config{Region: "cn-hangzhou", Credentials: keys, HTTPClient: &http.Client{Transport: l}})
		part, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader(body), nil)
		if err != nil || part.ETag != etag(body) {
			t.Errorf("UploadPart = %+v, %v", part, err)
		}
		if got := l.messages()[1].Body; got != body {
			t.Errorf("the second attempt sent %d bytes", len(got))
		}
		l.readers.Wait()
	}
}

func TestBodyIsNotTouchedAfterTheCall(t *testing.T) {
	reads := 0
	body := bodyFunc{1 << 20, func(p []byte, off int64) (int, error) { reads++; return len(p), nil }}
	l := &lateReader{script: play(refuses(404, "NoSuchUpload")), resume: make(chan struct{})}
	c := newClient(t, oss.Config{Region: "cn-hangzhou", Credentials: keys, HTTPClient: &http.Client{Transport: l}})
	_, err := c.UploadPart(t.Context(), upload, 1, body, nil)
	before := reads
	close(l.resume)
	l.readers.Wait()
	if !errors.Is(err, oss.ErrNoSuchUpload) || reads != before {
		t.Errorf("UploadPart: %v; the body was read %d times after it", err, reads-before)
	}
}

func TestBodyAskedForAgainEndsTheFirst(t *testing.T) {
	c := newClient(t, oss.Config{Region: "cn-hangzhou", Credentials: keys, HTTPClient: &http.Client{
		Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
			again, err := r.GetBody()
			if err != nil {
				return nil, err
			}
			if n, err := r.Body.Read(make([]byte, 1)); n != 0 || err == nil {
				t.Errorf("the first body still gives %d bytes, %v", n, err)
			}
			b, err := io.ReadAll(again)
			if err != nil {
				return nil, err
			}
			return stores(r, string(b))
		}),
	}})
	if _, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader("body"),
		&oss.PartOptions{Checksum: oss.ChecksumCRC64}); err != nil {
		t.Error(err)
	}
}

func TestBodyThatCannotBeReadIsNotRetried(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, tt := range []struct {
		name string
		body oss.Body
		want error
		text string
	}{
		{"error in the middle", bodyFunc{100_000, func(p []byte, off int64) (int, error) {
			if off > 50_000 {
				return 0, broken
			}
			return min(len(p), 1000), nil
		}}, broken, "reading the body at byte"},
		{"short", bodyFunc{100_000, func(p []byte, off int64) (int, error) {
			return 0, io.EOF
		}}, io.ErrUnexpectedEOF, "body ended after 0 of 100000 bytes"},
		{"cut", bodyFunc{100_000, strings.NewReader(content(70_000)).ReadAt}, io.ErrUnexpectedEOF,
			"body ended after 70000 of 100000 bytes"},
	} {
		for _, sum := range []oss.Checksum{oss.ChecksumMD5, oss.ChecksumNone} {
			t.Run(tt.name, func(t *testing.T) {
				s := play(stores)
				attempts := 0
				c := s.client(t,
					oss.Config{Hooks: oss.Hooks{OnAttempt: func(context.Context, oss.Operation, oss.Attempt) {
						attempts++
					}}})
				_, err := c.UploadPart(t.Context(), upload, 1, tt.body, &oss.PartOptions{Checksum: sum})
				if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("UploadPart: %v, want %v", err, tt.text)
				}
				if attempts > 1 || len(s.messages()) > 0 {
					t.Errorf("%d attempts", attempts)
				}
			})
		}
	}
}

func TestDoSendsAnyOperation(t *testing.T) {
	s := play(refuses(503, "ServiceUnavailable", "Retry-After", "0"), says(200, "reply", "x-a", "b"))
	resp, err := s.client(t, oss.Config{}).Do(t.Context(), &oss.Request{
		Op: "PutObjectACL", Method: "PUT", Bucket: "bucket", Key: "a b",
		Query: map[string][]string{"acl": {""}, "x": {"1 +/2"}}, Header: http.Header{"x-oss-object-acl": {"private"}},
		Body: strings.NewReader("body"),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if string(b) != "reply" || err != nil || resp.Header.Get("x-a") != "b" {
		t.Errorf("read %q, %v", b, err)
	}
	m := s.messages()[1]
	got := []string{m.Method, m.URL, m.Host, m.Body, m.Header.Get("x-oss-object-acl")}
	const host = "bucket.oss-cn-hangzhou.aliyuncs.com"
	want := []string{"PUT", "https://" + host + "/a%20b?acl=&x=1%20%2B%2F2", host, "body", "private"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestDoNamesWhatHasNoName(t *testing.T) {
	s := play(refuses(403, "AccessDenied"))
	for _, tt := range []struct {
		request oss.Request
		want    string
	}{
		{oss.Request{}, "oss: GET oss:: 403 AccessDenied"},
		{oss.Request{Method: "DELETE", Bucket: "bucket"}, "oss: DELETE oss://bucket: 403 AccessDenied"},
		{oss.Request{Op: "Frobnicate", Bucket: "bucket", Key: "a\nb"},
			"oss: Frobnicate oss://bucket/a\\nb: 403 AccessDenied"},
	} {
		_, err := s.client(t, oss.Config{}).Do(t.Context(), &tt.request)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("Do: %v, want %s", err, tt.want)
		}
	}
}

func TestWaitingEndsWithTheContextOfOnStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(refuses(503, "ServiceUnavailable", "Retry-After", "60"))
		c := s.client(t,
			oss.Config{Hooks: oss.Hooks{OnStart: func(ctx context.Context, _ oss.Operation) context.Context {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(time.Second, cancel)
				return ctx
			}}})
		began := time.Now()
		_, err := c.HeadObject(t.Context(), "bucket", "key", nil)
		if !errors.Is(err, context.Canceled) || time.Since(began) != time.Second {
			t.Errorf("HeadObject: %v after %v", err, time.Since(began))
		}
	})
}
