package osstest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestFailSendsTheDocumentOfOSS(t *testing.T) {
	srv := start(t, nil)
	srv.Inject(osstest.Fault{Effect: osstest.Fail(429, "QpsLimitExceeded")})
	big := putKey
	big.body = strings.Repeat("x", 1<<20) // more than any buffer on the way
	for _, c := range []call{big, {method: "GET", key: "key"}, {method: "HEAD", key: "key"}, {method: "GET"},
		{method: "PATCH", key: "k", unsigned: true}} {
		if got := send(t, srv, c); got.String() != "429 QpsLimitExceeded" ||
			got.err.RequestID != got.header.Get("x-oss-request-id") {
			t.Errorf("%s: %v: %+v", c.method, got, got.err)
		}
	}
	if r := srv.Requests("PutObject"); len(r) != 1 || r[0].Size != 1<<20 || r[0].StatusCode != 429 ||
		r[0].Code != "QpsLimitExceeded" {
		t.Errorf("requests = %+v", r)
	}
	if _, ok := srv.Object("bucket", "key"); ok {
		t.Error("the object was stored")
	}
	srv.Inject(osstest.Fault{Effect: osstest.Fail(304, "NotModified")}).Remove()
}

func TestCutsOnEveryNetwork(t *testing.T) {
	tests := []struct {
		name   string
		effect osstest.Effect
		stored bool
		size   int64
	}{
		{"drop", osstest.Drop(), false, 0},
		{"lose reply", osstest.LoseReply(), true, 7},
		{"truncate in the middle", osstest.Truncate(3), false, 3},
		{"truncate at the start", osstest.Truncate(0), false, 0},
		{"truncate at the end", osstest.Truncate(7), false, 7},
		{"truncate behind the end", osstest.Truncate(100), false, 7},
	}
	for _, tt := range tests {
		srv := start(t, nil)
		real, secure := httptest.NewServer(srv), httptest.NewTLSServer(srv)
		defer real.Close()
		defer secure.Close()
		for name, target := range map[string]struct {
			url    string
			client *http.Client
		}{"memory": {"http://127.0.0.1", srv.HTTPClient()}, "TCP": {real.URL, real.Client()},
			"TLS": {secure.URL, secure.Client()}} {
			t.Run(tt.name+" "+name, func(t *testing.T) {
				srv.Inject(osstest.Fault{Times: 1, Effect: tt.effect})
				key := strings.ReplaceAll(tt.name+name, " ", "-")
				c := putKey
				c.key = key
				req := c.request(t)
				// A reader net/http cannot rewind: it would send the request again by itself.
				req.Body, req.GetBody = io.NopCloser(strings.NewReader("content")), nil
				scheme, host, _ := strings.Cut(target.url, "://")
				req.URL.Scheme, req.URL.Host, req.Host = scheme, host, ""
				req.URL.Path, req.URL.RawPath = "/bucket/"+key, ""
				resp, err := target.client.Do(req)
				if err == nil {
					resp.Body.Close()
					t.Fatalf("got %d", resp.StatusCode)
				}
				if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) &&
					!errors.Is(err, syscall.EPIPE) && name != "TLS" {
					t.Errorf("error = %v, want a broken connection", err)
				}
				if _, ok := srv.Object("bucket", key); ok != tt.stored {
					t.Errorf("stored: %t, want %t", ok, tt.stored)
				}
				all := srv.Requests()
				if r := all[len(all)-1]; r.StatusCode != 0 || r.Size != tt.size {
					t.Errorf("request has status %d and %d bytes, want 0 and %d", r.StatusCode, r.Size, tt.size)
				}
			})
		}
	}
}

func TestTruncatedReplies(t *testing.T) {
	srv := start(t, nil)
	srv.PutObject("bucket", "key", []byte("0123456789"))
	id := initiate(t, srv, nil)
	etag := put(t, srv, id, 1, "part")
	srv.Inject(osstest.Fault{Effect: osstest.Truncate(4)})
	for _, tt := range []struct {
		c    call
		want string
	}{
		{call{method: "GET", key: "key"}, "0123"},
		{call{method: "GET", key: "key", query: "uploadId=" + id}, "<?xm"},
		{call{method: "POST", key: "key", query: "uploadId=" + id, body: partList(1, etag)}, "<?xm"},
		{call{method: "POST", key: "key", query: "uploads"}, "<?xm"},
	} {
		resp, err := srv.HTTPClient().Do(tt.c.request(t))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != tt.want || !errors.Is(err, io.ErrUnexpectedEOF) || resp.StatusCode != 200 {
			t.Errorf("%s %s: %d %q, %v", tt.c.method, tt.c.query, resp.StatusCode, body, err)
		}
	}
	if o, _ := srv.Object("bucket", "key"); string(o.Data) != "part" {
		t.Errorf("object = %q, want that of the complete whose reply was cut", o.Data)
	}
	if len(srv.Uploads()) != 1 {
		t.Errorf("uploads = %v, want that of the initiate whose reply was cut", srv.Uploads())
	}
}

func TestCorruptedBytesAreFoundByTheirDigest(t *testing.T) {
	srv := start(t, nil)
	id := initiate(t, srv, nil)
	i := srv.Inject(osstest.Fault{Effect: osstest.Corrupt()})
	with := map[string]string{"Content-MD5": "mgNkudXQKg/Q1JzZxVH84Q=="}
	for _, c := range []call{{method: "PUT", key: "key", body: "content"},
		{method: "PUT", key: "key", query: "partNumber=1&uploadId=" + id, body: "content"}} {
		c.header = with
		if got := send(t, srv, c); got.String() != "400 InvalidDigest 0017-00000503" {
			t.Errorf("with Content-MD5: %v", got)
		}
		c.header = nil
		got := send(t, srv, c)
		if want := crcOf("bontent"); got.status != 200 || got.header.Get("x-oss-hash-crc64ecma") != want {
			t.Errorf("without Content-MD5: %v with CRC %s, want %s", got, got.header.Get("x-oss-hash-crc64ecma"), want)
		}
	}
	i.Remove()
	if o, _ := srv.Object("bucket", "key"); string(o.Data) != "bontent" {
		t.Errorf("object = %q", o.Data)
	}
}

func TestCorruptReadsAndJoins(t *testing.T) {
	srv := start(t, &osstest.Options{MinPartSize: 1})
	srv.PutObject("bucket", "source", []byte("content"))
	id := initiate(t, srv, nil)
	a, b := put(t, srv, id, 1, "1234"), put(t, srv, id, 2, "5678")
	srv.Inject(osstest.Fault{Effect: osstest.Corrupt()})

	if got := send(t, srv, call{method: "GET", key: "source",
		header: map[string]string{"Range": "bytes=1-3"}}); got.body != "nnt" {
		t.Errorf("GET = %q", got.body)
	}
	if o, _ := srv.Object("bucket", "source"); string(o.Data) != "content" {
		t.Errorf("source = %q, want it whole", o.Data)
	}
	got := complete(t, srv, id, nil, 1, a, 2, b)
	if o, _ := srv.Object("bucket", "key"); string(o.Data) != "02345678" ||
		got.header.Get("x-oss-hash-crc64ecma") != crcOf("02345678") {
		t.Errorf("complete = %v %v, object %q", got, got.header, o.Data)
	}
	got = send(t, srv, call{method: "PUT", key: "copy",
		header: map[string]string{"x-oss-copy-source": "/bucket/source"}})
	if o, _ := srv.Object("bucket", "copy"); string(o.Data) != "bontent" ||
		got.header.Get("x-oss-hash-crc64ecma") != crcOf("bontent") {
		t.Errorf("copy = %v, object %q", got, o.Data)
	}
	id = initiate(t, srv, nil)
	send(t, srv, call{method: "PUT", key: "key", query: "partNumber=1&uploadId=" + id,
		header: map[string]string{"x-oss-copy-source": "/bucket/source", "x-oss-copy-source-range": "bytes=1-3"}})
	if p := srv.Uploads()[0].Parts[0]; fmt.Sprint(p.CRC64) != crcOf("nnt") || p.Size != 3 {
		t.Errorf("copied part = %+v", p)
	}
	// Nothing has no bit to flip.
	if got := send(t, srv, call{method: "PUT", key: "empty"}); got.header.Get("x-oss-hash-crc64ecma") != "0" {
		t.Errorf("empty: %v", got.header)
	}
}

func TestTimeOfSlowBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(nil)
		defer srv.Close()
		took := func(c call) time.Duration {
			begin := time.Now()
			if got := send(t, srv, c); got.status >= 300 {
				t.Errorf("%s: %v", c.method, got)
			}
			return time.Since(begin)
		}
		big := call{method: "PUT", key: "key", body: strings.Repeat("x", 1<<20)}
		if got := took(big); got != 0 {
			t.Errorf("PUT without fault took %v", got)
		}
		i := srv.Inject(osstest.Fault{Effect: osstest.Slow(64 << 10)})
		for name, c := range map[string]call{"PUT": big, "GET": {method: "GET", key: "key"},
			"copy": {method: "HEAD", key: "key"}} {
			want := 16 * time.Second
			if name == "copy" {
				want = 0 // no body moves
			}
			if got := took(c).Round(100 * time.Millisecond); got != want {
				t.Errorf("%s took %v, want %v", name, got, want)
			}
		}
		i.Remove()
		srv.Inject(osstest.Fault{Effect: osstest.Slow(1)})
		if got := took(call{method: "PUT", key: "key", body: "123"}); got != 3*time.Second {
			t.Errorf("three bytes took %v, want 3s", got)
		}
	})
}

func TestDelayedWorkIsDoneAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(nil)
		defer srv.Close()
		srv.Inject(osstest.Fault{Effect: osstest.Delay(time.Minute)})
		begin, done := time.Now(), make(chan *answer)
		go func() { done <- send(t, srv, putKey) }()
		synctest.Wait()
		if _, ok := srv.Object("bucket", "key"); !ok {
			t.Error("not stored while the answer waits")
		}
		if r := srv.Requests()[0]; r.StatusCode != 0 {
			t.Errorf("request = %+v while the answer waits", r)
		}
		got := <-done
		if took := time.Since(begin); got.status != 200 || took != time.Minute ||
			got.header.Get("x-oss-server-time") != "60000" {
			t.Errorf("got %v after %v, %v", got, took, got.header)
		}
	})
}

// What waits in a Server must end with the client, over every kind of connection, at once.
func TestWaitingEndsWithTheClient(t *testing.T) {
	effects := map[string]osstest.Effect{"hang": osstest.Hang(),
		"delay": osstest.Delay(time.Hour), "slow": osstest.Slow(1)}
	for name, effect := range effects {
		for _, body := range []string{"", "content", strings.Repeat("x", 1<<20)} {
			if name == "slow" && body == "" {
				continue
			}
			t.Run(fmt.Sprintf("%s %d", name, len(body)), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv := osstest.NewServer(nil)
					begin := time.Now()
					srv.Inject(osstest.Fault{Effect: effect})
					ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
					defer cancel()
					_, err := srv.HTTPClient().Do(
						call{method: "PUT", key: "key", body: body}.request(t).WithContext(ctx))
					if !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("error = %v", err)
					}
					synctest.Wait()
					if r := srv.Requests()[0]; r.StatusCode != 0 {
						t.Errorf("request = %+v", r)
					}
					srv.Close()
					if took := time.Since(begin); took != time.Second/2 {
						t.Errorf("took %v", took)
					}
				})
			})
		}
	}
}

func TestListsCanBeSlowAndLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(nil)
		defer srv.Close()
		srv.Inject(osstest.Fault{Op: "ListMultipartUploads", Effect: osstest.Slow(100)})
		begin := time.Now()
		var doc ossxml.UploadList
		a := send(t, srv, call{method: "GET", query: "uploads"})
		decode(t, a, &doc)
		if want := time.Duration(len(a.body)) * 10 * time.Millisecond; time.Since(begin) != want {
			t.Errorf("%d bytes took %v, want %v", len(a.body), time.Since(begin), want)
		}
	})
}
