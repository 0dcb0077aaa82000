package osstest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

var putKey = call{method: "PUT", key: "key", body: "content"}

func TestFaultsMatch(t *testing.T) {
	tests := []struct {
		name  string
		fault osstest.Fault
		want  string // which of the four requests below fail
	}{
		{"everything", osstest.Fault{}, "0123"},
		{"operation", osstest.Fault{Op: "UploadPart"}, "23"},
		{"bucket", osstest.Fault{Bucket: "other"}, "1"},
		{"key", osstest.Fault{Key: "key"}, "0123"},
		{"other key", osstest.Fault{Key: "other"}, ""},
		{"part", osstest.Fault{PartNumber: 2}, "3"},
		{"operation and part", osstest.Fault{Op: "UploadPart", PartNumber: 1}, "2"},
		{"skip", osstest.Fault{Skip: 3}, "3"},
		{"times", osstest.Fault{Times: 2}, "01"},
		{"skip and times", osstest.Fault{Skip: 1, Times: 1}, "1"},
		{"skip counts matches", osstest.Fault{Op: "UploadPart", Skip: 1}, "3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := start(t, nil)
			id := initiate(t, srv, nil)
			tt.fault.Effect = osstest.Fail(503, "ServiceUnavailable")
			i := srv.Inject(tt.fault)
			got := ""
			for n, c := range []call{
				{method: "PUT", key: "key"},
				{method: "PUT", bucket: "other", key: "key"},
				{method: "PUT", key: "key", query: "partNumber=1&uploadId=" + id},
				{method: "PUT", key: "key", query: "partNumber=2&uploadId=" + id},
			} {
				if send(t, srv, c).status == 503 {
					got += fmt.Sprint(n)
				}
			}
			if got != tt.want || i.Fired() != len(tt.want) {
				t.Errorf("requests %q failed, fault fired %d times, want %q", got, i.Fired(), tt.want)
			}
			i.Remove()
			if got := send(t, srv, putKey); got.status != 200 {
				t.Errorf("after Remove: %v", got)
			}
		})
	}
}

func TestFirstFaultThatStrikesWins(t *testing.T) {
	srv := start(t, nil)
	first := srv.Inject(osstest.Fault{Skip: 1, Times: 1, Effect: osstest.Fail(500, "First")})
	second := srv.Inject(osstest.Fault{Times: 2, Effect: osstest.Fail(500, "Second")})
	got := ""
	for range 4 {
		got += send(t, srv, putKey).err.Code + " "
	}
	if got != "Second First Second  " || first.Fired() != 1 || second.Fired() != 2 {
		t.Errorf("got %q, fired %d and %d", got, first.Fired(), second.Fired())
	}
}

func TestInjectPanicsOnAFaultThatCannotStrike(t *testing.T) {
	srv := start(t, nil)
	for name, f := range map[string]osstest.Fault{
		"misspelled":           {Op: "UploadParts", Effect: osstest.Drop()},
		"no effect":            {Op: "UploadPart"},
		"nothing to corrupt":   {Op: "AbortMultipartUpload", Effect: osstest.Corrupt()},
		"only a document":      {Op: "ListParts", Effect: osstest.Corrupt()},
		"nothing to truncate":  {Op: "HeadObject", Effect: osstest.Truncate(1)},
		"nothing to slow":      {Op: "DeleteObject", Effect: osstest.Slow(1)},
		"no parts":             {Op: "PutObject", PartNumber: 1, Effect: osstest.Drop()},
		"part below the first": {PartNumber: -1, Effect: osstest.Drop()},
		"part above the last":  {Op: "UploadPart", PartNumber: 10001, Effect: osstest.Drop()},
		"share of nothing":     {Share: math.NaN(), Effect: osstest.Drop()},
		"nothing for both": {
			Effect: osstest.Together(osstest.FailAfter(1, 500, "InternalError"), osstest.ShortReply(1)),
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			srv.Inject(f)
		}()
	}
	for _, bad := range []func(){func() { osstest.Slow(0) }, func() { osstest.Truncate(-1) }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("an impossible effect was made")
				}
			}()
			bad()
		}()
	}
	if got := send(t, srv, putKey); got.status != 200 {
		t.Errorf("after no injections: %v", got)
	}
}

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

func TestCloseEndsWhatWaits(t *testing.T) {
	before := runtime.NumGoroutine()
	for name, effect := range map[string]osstest.Effect{"hang": osstest.Hang(), "delay": osstest.Delay(time.Hour),
		"slow": osstest.Slow(1), "nothing": osstest.Truncate(1 << 40)} {
		for _, network := range []string{"memory", "TCP"} {
			t.Run(name+" "+network, func(t *testing.T) {
				srv := osstest.NewServer(nil)
				i := srv.Inject(osstest.Fault{Effect: effect})
				client, host := srv.HTTPClient(), "10.0.0.1"
				if network == "TCP" {
					real := httptest.NewServer(srv)
					defer real.Close()
					client, host = real.Client(), strings.TrimPrefix(real.URL, "http://")
				}
				body, feed := io.Pipe() // never ends by itself
				req := call{method: "PUT", key: "key"}.request(t)
				req.Body, req.ContentLength = body, 100
				req.URL.Scheme, req.URL.Host, req.Host = "http", host, ""
				req.URL.Path, req.URL.RawPath = "/bucket/key", ""
				var wg sync.WaitGroup
				wg.Go(func() {
					if resp, err := client.Do(req); err == nil {
						resp.Body.Close()
						t.Errorf("got %d", resp.StatusCode)
					}
				})
				feed.Write([]byte("x"))
				for i.Fired() == 0 {
					runtime.Gosched()
				}
				srv.Close()
				feed.Close()
				wg.Wait()
			})
		}
	}
	wantGoroutines(t, before)
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

// A program that takes faults from its user has no use for a panic.
func TestAFaultIsValidatedWithoutAServer(t *testing.T) {
	for _, tt := range []struct {
		fault osstest.Fault
		want  string // "" if it is valid
	}{
		{osstest.Fault{Effect: osstest.Drop()}, ""},
		{osstest.Fault{Op: "UploadPart", PartNumber: 3, Effect: osstest.Corrupt()}, ""},
		{osstest.Fault{}, "there is no Effect"},
		{osstest.Fault{Op: "HeadNothing", Effect: osstest.Drop()}, `"HeadNothing" is not an operation`},
		{osstest.Fault{Op: "HeadObject", Effect: osstest.Corrupt()}, "Corrupt does not apply to HeadObject"},
		{osstest.Fault{Op: "PutObject", PartNumber: 1, Effect: osstest.Drop()}, "part 1: PutObject has no parts"},
		{osstest.Fault{PartNumber: 10001, Effect: osstest.Drop()}, "part 10001 is not between 1 and 10000"},
		{osstest.Fault{Share: 2, Effect: osstest.Drop()}, "a share of 2 is not between 0 and 1"},
		{osstest.Fault{Times: -1, Effect: osstest.Drop()}, "a number or a duration is negative"},
	} {
		got := ""
		if err := tt.fault.Validate(); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.fault, got, tt.want)
		}
	}
}
