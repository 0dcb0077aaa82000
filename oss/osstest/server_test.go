package osstest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestCloseLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	srv := osstest.NewServer(nil)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			c := putKey
			c.key = fmt.Sprint(i)
			send(t, srv, c)
			send(t, srv, call{method: "GET", key: "none"})
		})
	}
	wg.Wait()
	srv.Close()
	srv.Close() // once more is no harm
	wantGoroutines(t, before)
	if _, err := trySend(t, srv, putKey); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("request after Close: %v", err)
	}
	if _, ok := srv.Object("bucket", "0"); !ok {
		t.Error("nothing can be looked at after Close")
	}
}

// Close comes at any moment: while connections are dialed, accepted, in use and idle.
func TestCloseAtAnyMoment(t *testing.T) {
	before := runtime.NumGoroutine()
	for i := range 200 {
		srv := osstest.NewServer(nil)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range i % 5 {
					trySend(t, srv, call{method: "PUT", key: "key", body: strings.Repeat("x", i*1000)})
				}
			})
		}
		for range i {
			runtime.Gosched()
		}
		srv.Close()
		wg.Wait()
	}
	wantGoroutines(t, before)
}

func TestClosedServerCutsConnectionsOfOthers(t *testing.T) {
	srv := osstest.NewServer(nil)
	real := httptest.NewServer(srv)
	defer real.Close()
	srv.Close()
	if resp, err := real.Client().Get(real.URL); err == nil {
		resp.Body.Close()
		t.Errorf("got %d", resp.StatusCode)
	}
}

func TestServersInBubblesNeedNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(nil)
		defer srv.Close()
		begin := time.Now()
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				if _, err := srv.Client().PutObject(t.Context(), "bucket", fmt.Sprint(i),
					strings.NewReader(strings.Repeat("x", 1<<18)), nil); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(begin); took != 0 {
			t.Errorf("eight objects took %v", took)
		}
		synctest.Wait()
	})
}

func TestConfigMakesAWorkingClient(t *testing.T) {
	keys := oss.Credentials{AccessKeyID: "id", AccessKeySecret: "secret", SecurityToken: "token"}
	srv := start(t, &osstest.Options{Region: "eu-central-1", MinPartSize: 7, Now: atNoon,
		Credentials: []oss.Credentials{keys}})
	cfg := srv.Config()
	if cfg.Region != "eu-central-1" || cfg.MinPartSize != 7 || cfg.Now == nil || !cfg.Now().Equal(noon) ||
		cfg.Credentials != oss.CredentialsProvider(keys) {
		t.Errorf("Config = %+v", cfg)
	}
	if cfg := start(t, nil).Config(); cfg.Now != nil || cfg.MinPartSize != oss.MinPartSize ||
		cfg.Region != "cn-hangzhou" {
		t.Errorf("Config of a default server = %+v", cfg)
	}
	res, err := srv.Client().PutObject(t.Context(), "bucket", "key", strings.NewReader("x"), nil)
	if err != nil || res.CRC64 == 0 {
		t.Errorf("PutObject = %+v, %v", res, err)
	}
	r := srv.Requests()[0]
	if r.Host != "bucket.oss-eu-central-1.aliyuncs.com" || !r.Time.Equal(noon) ||
		!strings.HasPrefix(r.Header.Get("Authorization"), "OSS4-HMAC-SHA256") {
		t.Errorf("request = %+v", r)
	}
	if o, _ := srv.Stat("bucket", "key"); !o.Time.Equal(noon) {
		t.Errorf("object is of %v", o.Time)
	}
}

func TestOptionsAreCopied(t *testing.T) {
	opts := &osstest.Options{Buckets: []string{"bucket"}, CNAME: map[string]string{"a.example.com": "bucket"}}
	srv := start(t, opts)
	opts.Buckets[0], opts.CNAME["a.example.com"] = "other", "other"
	if got := send(t, srv, putKey); got.status != 200 {
		t.Errorf("got %v", got)
	}
	c := putKey
	c.host = "a.example.com"
	if got := send(t, srv, c); got.status != 200 {
		t.Errorf("got %v", got)
	}
}

func TestWhatIsLookedAtIsACopy(t *testing.T) {
	srv := start(t, nil)
	send(t, srv, call{method: "PUT", key: "key", query: "a=b", body: "content",
		header: map[string]string{"x-oss-meta-a": "b"}})
	id := initiate(t, srv, nil)
	put(t, srv, id, 1, "x")
	o, _ := srv.Object("bucket", "key")
	o.Data[0], o.Header["X-Oss-Meta-A"][0] = '!', "!"
	r := srv.Requests("PutObject")[0]
	r.Header.Set("X-Oss-Meta-A", "!")
	r.Query["a"][0] = "!"
	srv.Uploads()[0].Parts[0].Size = 9
	o, _ = srv.Object("bucket", "key")
	r = srv.Requests("PutObject")[0]
	if string(o.Data) != "content" || o.Header.Get("x-oss-meta-a") != "b" || r.Header.Get("x-oss-meta-a") != "b" ||
		r.Query.Get("a") != "b" || srv.Uploads()[0].Parts[0].Size != 1 {
		t.Errorf("object %+v, request %+v", o, r)
	}
}

func TestRequestsAreSelectedByOperation(t *testing.T) {
	srv := start(t, nil)
	id := initiate(t, srv, nil)
	put(t, srv, id, 1, "x")
	send(t, srv, call{method: "GET", key: "none"})
	ops := func(rs []osstest.Request) (ops []string) {
		for _, r := range rs {
			ops = append(ops, r.Op)
		}
		return ops
	}
	if got := ops(srv.Requests()); !slices.Equal(got, []string{"InitiateMultipartUpload", "UploadPart", "GetObject"}) {
		t.Errorf("all = %v", got)
	}
	if got := ops(srv.Requests("GetObject", "UploadPart")); !slices.Equal(got, []string{"UploadPart", "GetObject"}) {
		t.Errorf("two = %v", got)
	}
	if got := srv.Requests("HeadObject"); len(got) > 0 {
		t.Errorf("none = %v", got)
	}
}

func TestIDsFollowFromTheClock(t *testing.T) {
	ids := func(now time.Time) (ids [2]string) {
		srv := start(t, &osstest.Options{Now: func() time.Time { return now }})
		got := send(t, srv, call{method: "POST", key: "key", query: "uploads", time: now})
		return [2]string{got.header.Get("x-oss-request-id"), srv.Uploads()[0].ID}
	}
	first, again, later := ids(noon), ids(noon), ids(noon.Add(time.Nanosecond))
	if first != again || first == later {
		t.Errorf("ids are %v and %v at noon, %v later", first, again, later)
	}
	for _, id := range first {
		if strings.Trim(id, "0123456789ABCDEF") != "" || len(first[0]) != 24 || len(first[1]) != 32 {
			t.Errorf("ids = %v", first)
		}
	}
}

func TestLoggerGetsALineForEachRequestAndNoSecret(t *testing.T) {
	var log bytes.Buffer
	srv := start(t,
		&osstest.Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	send(t, srv, call{method: "PUT", key: "key", body: "x"})
	send(t, srv, call{method: "GET", key: "none"})
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "op=PutObject") || !strings.Contains(lines[1], "code=NoSuchKey") {
		t.Errorf("log:\n%s", log.String())
	}
	if s := log.String(); strings.Contains(s, osstest.AccessKeySecret) || strings.Contains(s, "Signature") {
		t.Errorf("log has a secret:\n%s", s)
	}
}

// Many do everything at once; the race detector watches, and what is left must be whole.
func TestConcurrentUseIsSafe(t *testing.T) {
	srv := start(t, &osstest.Options{MinPartSize: 1, Dir: t.TempDir()})
	c := srv.Client()
	var stored atomic.Int64
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			ctx := context.Background()
			for n := range 5 {
				up, err := c.InitiateMultipartUpload(ctx, "bucket", "shared", nil)
				if err != nil {
					t.Error(err)
					return
				}
				var parts []oss.Part
				for number := 1; number <= 3; number++ {
					p, err := c.UploadPart(ctx, up, number,
						strings.NewReader(strings.Repeat(string(rune('a'+i)), 1000)), nil)
					if err != nil {
						t.Error(err)
					}
					parts = append(parts, p)
				}
				if n%2 == 0 {
					c.AbortMultipartUpload(ctx, up)
				} else if _, err := c.CompleteMultipartUpload(ctx, up, parts, nil); err == nil {
					stored.Add(1)
				} else {
					t.Error(err)
				}
				if o, ok := srv.Object("bucket", "shared"); ok &&
					(len(o.Data) != 3000 || bytes.Count(o.Data, o.Data[:1]) != 3000) {
					t.Errorf("object of %d bytes is a mixture", len(o.Data))
				}
				srv.Uploads()
				srv.Requests("UploadPart")
			}
		})
	}
	wg.Wait()
	if left := srv.Uploads(); len(left) > 0 || stored.Load() != 32 {
		t.Errorf("%d uploads left, %d completed", len(left), stored.Load())
	}
}

// An upload is completed once, however many try at the same moment.
func TestCompleteHappensOnce(t *testing.T) {
	srv := start(t, nil)
	for range 20 {
		id := initiate(t, srv, nil)
		etag := put(t, srv, id, 1, "x")
		var done, gone atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				switch got := complete(t, srv, id, nil, 1, etag); got.status {
				case 200:
					done.Add(1)
				case 404:
					gone.Add(1)
				}
			})
		}
		wg.Wait()
		if done.Load() != 1 || gone.Load() != 7 {
			t.Errorf("%d completes succeeded, %d found nothing", done.Load(), gone.Load())
		}
	}
}

func TestHandlerWorksWithoutANetwork(t *testing.T) {
	srv := start(t, nil)
	for _, c := range []call{putKey, {method: "GET", key: "key"}, {method: "HEAD", key: "key"},
		{method: "GET", key: "none"}} {
		req := c.request(t)
		req.Header.Set("Content-Length", fmt.Sprint(req.ContentLength))
		rec := httptest.NewRecorder()
		srv.ServeHTTP(rec, req)
		const name = "x-oss-request-id" // as OSS spells it, which Get does not look for
		id := map[string][]string(rec.Header())[name]
		if want := map[string]int{"key": 200, "none": 404}[c.key]; rec.Code != want || len(id) == 0 {
			t.Errorf("%s %s: %d %v", c.method, c.key, rec.Code, rec.Header())
		}
	}
	srv.Inject(osstest.Fault{Effect: osstest.Drop()})
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("a cut without a connection is no http.ErrAbortHandler")
		}
	}()
	srv.ServeHTTP(httptest.NewRecorder(), putKey.request(t))
}

func TestNoKeysAreGood(t *testing.T) {
	srv := start(t, nil)
	srv.SetCredentials()
	if _, err := srv.Client().PutObject(t.Context(), "bucket", "key", strings.NewReader("x"), nil); err == nil {
		t.Error("some keys are")
	}
}

func TestUnreadBodyOfExpectContinueIsNotAskedFor(t *testing.T) {
	srv := start(t, nil)
	body := strings.NewReader("content")
	got := send(t, srv, call{method: "PUT", key: "key", change: func(req *http.Request) {
		req.Body, req.ContentLength = io.NopCloser(body), 7
		req.Header.Set("Expect", "100-continue")
		req.Header.Set("x-oss-meta-unsigned", "x")
	}})
	if got.String() != "403 SignatureDoesNotMatch 0002-00000201" || body.Len() != 7 {
		t.Errorf("got %v, %d bytes not sent", got, body.Len())
	}
	got = send(t, srv, call{method: "PUT", key: "key", body: "content",
		change: func(req *http.Request) { req.Header.Set("Expect", "100-continue") }})
	if got.status != 200 {
		t.Errorf("got %v", got)
	}
}
