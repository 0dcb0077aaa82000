package oss_test

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"flag"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// TestMain fails the run if a test has left a goroutine behind.
func TestMain(m *testing.M) {
	if flag.Parse(); testing.Short() {
		debug.SetGCPercent(400) // the tests make much garbage and keep little
	}
	before := runtime.NumGoroutine()
	code := m.Run()
	if flag.Lookup("test.fuzz").Value.String() != "" {
		os.Exit(code) // fuzzing leaves one of its own
	}
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > before && code == 0; {
		time.Sleep(time.Millisecond)
		if time.Now().After(deadline) {
			fmt.Fprintf(os.Stderr, "%d goroutines at the end, %d at the start\n", runtime.NumGoroutine(), before)
			pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
			code = 1
		}
	}
	os.Exit(code)
}

var (
	keys   = oss.Credentials{AccessKeyID: "TestAccessKeyID", AccessKeySecret: "TestAccessKeySecret"}
	upload = oss.Upload{Bucket: "bucket", Key: "dir/key", ID: "0123456789ABCDEF"}
)

// content is n bytes that are not all the same.
func content(n int) string { return strings.Repeat("0123456789abcdef", n/16+1)[:n] }

// newServer returns a Server that is closed when the test ends.
func newServer(t testing.TB, opts *osstest.Options) *osstest.Server {
	t.Helper()
	srv := osstest.NewServer(opts)
	t.Cleanup(srv.Close)
	return srv
}

// newClient returns a Client for cfg, or fails the test.
func newClient(t testing.TB, cfg oss.Config) *oss.Client {
	t.Helper()
	c, err := oss.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A script is a transport without a network: it answers each request with the next of its answers,
// from the last one on always with that, and keeps what it was sent.
type script struct {
	mu      sync.Mutex
	answers []answer
	sent    []message
	open    atomic.Int32 // replies whose body is not closed
}

// A replyBody counts itself out when it is closed for the first time.
type replyBody struct {
	io.Reader
	close func() error
}

func (b replyBody) Close() error { return b.close() }

// A message is a request as it was sent.
type message struct {
	Method, URL, Host, Body string
	Header                  http.Header
	Length                  int64 // as announced; -1 means chunked
	Time                    time.Time
}

// An answer replies to a request, whose body has been read.
type answer func(r *http.Request, body string) (*http.Response, error)

func play(answers ...answer) *script { return &script{answers: answers} }

// client returns a Client that speaks to s; a Region, keys and the transport are filled in. At the
// end of the test all replies must have been closed.
func (s *script) client(t testing.TB, cfg oss.Config) *oss.Client {
	t.Helper()
	if cfg.Region == "" && cfg.Endpoint == "" {
		cfg.Region = "cn-hangzhou"
	}
	if cfg.Credentials == nil {
		cfg.Credentials = keys
	}
	cfg.HTTPClient = &http.Client{Transport: s}
	t.Cleanup(func() {
		if n := s.open.Load(); n != 0 {
			t.Errorf("%d replies were not closed", n)
		}
	})
	return newClient(t, cfg)
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, fmt.Errorf("sending: %v", err) // not every transport keeps the cause
		}
		r.Body.Close()
	}
	s.mu.Lock()
	s.sent = append(s.sent, message{r.Method, r.URL.String(), r.Host, string(body), r.Header.Clone(), r.ContentLength,
		time.Now()})
	next := s.answers[min(len(s.sent), len(s.answers))-1]
	s.mu.Unlock()
	resp, err := next(r, string(body))
	if err == nil {
		s.open.Add(1)
		resp.Body = replyBody{resp.Body, sync.OnceValue(func() error { s.open.Add(-1); return nil })}
	}
	return resp, err
}

// messages returns what has been sent so far.
func (s *script) messages() []message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]message(nil), s.sent...)
}

// waits returns the times between the messages.
func (s *script) waits() []time.Duration {
	var waits []time.Duration
	for i, m := range s.messages() {
		if i > 0 {
			waits = append(waits, m.Time.Sub(s.sent[i-1].Time))
		}
	}
	return waits
}

// A transportFunc is a transport without more to it.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// says answers with a status, a body, and headers given as names and values by turns.
func says(status int, body string, header ...string) answer {
	return func(r *http.Request, _ string) (*http.Response, error) {
		resp := &http.Response{
			StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
			Header: make(http.Header), Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		}
		for i := 0; i < len(header); i += 2 {
			resp.Header.Add(header[i], header[i+1])
		}
		if (r.Method == http.MethodHead || r.Method == http.MethodGet) && status < 300 &&
			resp.Header.Get("ETag") == "" {
			resp.Header.Set("ETag", `"ABC"`) // as every object has one
		}
		return resp, nil
	}
}

// refuses answers as OSS refuses.
func refuses(status int, code oss.Code, header ...string) answer {
	doc := fmt.Sprintf("<Error>\n  <Code>%s</Code>\n  <Message>no."+
		"</Message>\n  <RequestId>5C3D9175B6FC201293AD4890</RequestId>\n  <HostId>host</HostId>\n</Error>\n", code)
	return says(status, doc, append(header, "Content-Type", "application/xml", "x-oss-request-id",
		"5C3D9175B6FC201293AD4890")...)
}

// breaks fails as a broken connection does.
func breaks(err error) answer {
	return func(*http.Request, string) (*http.Response, error) { return nil, err }
}

// stores answers as OSS does that has stored the body.
func stores(r *http.Request, body string) (*http.Response, error) {
	return says(http.StatusOK, "", "ETag", etag(body), "x-oss-hash-crc64ecma", crc(body))(r, "")
}

// etag is what OSS makes of content.
func etag(content string) string {
	return fmt.Sprintf("%q", fmt.Sprintf("%X", md5.Sum([]byte(content))))
}

// crc is the CRC-64 of content, as OSS writes it.
func crc(content string) string {
	return fmt.Sprint(crc64.Checksum([]byte(content), crc64.MakeTable(crc64.ECMA)))
}

// A bodyFunc is a Body that is read by a function.
type bodyFunc struct {
	size int64
	read func(p []byte, off int64) (int, error)
}

func (b bodyFunc) Size() int64                             { return b.size }
func (b bodyFunc) ReadAt(p []byte, off int64) (int, error) { return b.read(p, off) }

// steps is a provider that returns the next of its keys at each call, the last of them for ever.
func steps(calls *int, all ...oss.Credentials) oss.CredentialsProvider {
	return oss.CredentialsFunc(func(context.Context) (oss.Credentials, error) {
		*calls++
		return all[min(*calls, len(all))-1], nil
	})
}

// md5of is the Content-MD5 of content.
func md5of(content string) string {
	sum := md5.Sum([]byte(content))
	return base64.StdEncoding.EncodeToString(sum[:])
}
