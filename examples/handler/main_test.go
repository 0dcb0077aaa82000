package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// put sends body to the handler at url and returns the status and the reply, or 0 and why there is none.
func put(ctx context.Context, t *testing.T, url, key string, body io.Reader) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url+"/"+key, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// serve returns a server of objects and the handler in front of it.
func serve(t *testing.T, opts *osstest.Options) (*osstest.Server, *httptest.Server) {
	t.Helper()
	srv := osstest.NewServer(opts)
	t.Cleanup(srv.Close)
	web := httptest.NewServer(newHandler(multipart.NewUploader(srv.Client(), nil), "b"))
	t.Cleanup(web.Close)
	return srv, web
}

func TestHandlerStoresBodies(t *testing.T) {
	srv, web := serve(t, nil)
	for _, size := range []int{0, 10, 3 << 20, 20 << 20} {
		want := bytes.Repeat([]byte("0123456789"), size/10)
		for name, body := range map[string]io.Reader{
			"known": bytes.NewReader(want), "chunked": io.MultiReader(bytes.NewReader(want)),
		} {
			status, text := put(t.Context(), t, web.URL, "dir/"+name, body)
			if obj, _ := srv.Object("b", "dir/"+name); status != http.StatusCreated || !bytes.Equal(obj.Data, want) {
				t.Errorf("PUT of %d bytes, length %s: %d %s", size, name, status, text)
			}
		}
	}
}

func TestHandlerTellsWhoseFaultItIs(t *testing.T) {
	srv, web := serve(t, nil)
	long := strings.Repeat("k", 2000)
	if status, text := put(t.Context(), t, web.URL, long, strings.NewReader("x")); status != http.StatusBadRequest {
		t.Errorf("PUT to a key that is too long: %d %s", status, text)
	}
	srv.Inject(osstest.Fault{Key: "forbidden", Effect: osstest.Fail(403, oss.ErrAccessDenied)})
	if status, text := put(t.Context(), t, web.URL, "forbidden",
		strings.NewReader("x")); status != http.StatusForbidden {
		t.Errorf("PUT without permission: %d %s", status, text)
	}
	srv.Inject(osstest.Fault{Key: "broken", Effect: osstest.Fail(404, oss.ErrNoSuchBucket)})
	if status, text := put(t.Context(), t, web.URL, "broken", strings.NewReader("x")); status != http.StatusBadGateway {
		t.Errorf("PUT without a bucket: %d %s", status, text)
	}
}

// A client that goes away leaves neither half an object nor parts.
func TestHandlerCleansUpAfterAClientThatGoesAway(t *testing.T) {
	srv, web := serve(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	go func() {
		w.Write(make([]byte, 12<<20)) // more than one request stores, so an upload has begun
		cancel()
		w.CloseWithError(context.Canceled)
	}()
	if status, text := put(ctx, t, web.URL, "k", r); status != 0 {
		t.Errorf("PUT that was cancelled: %d %s", status, text)
	}
	web.Close() // waits for the handler
	if _, ok := srv.Object("b", "k"); ok || len(srv.Uploads()) > 0 {
		t.Errorf("object made: %t; left unfinished: %v", ok, srv.Uploads())
	}
}

func TestRunServesUntilItIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, func(string) string { return "" }, "127.0.0.1:0", w)
		w.Close()
	}()
	var text strings.Builder
	for line := make([]byte, 1000); !strings.Contains(text.String(), "listening on "); {
		n, err := r.Read(line)
		if err != nil {
			t.Fatalf("run ended: %v", <-ended)
		}
		text.Write(line[:n])
	}
	_, url, _ := strings.Cut(text.String(), "listening on ")
	if status, text := put(ctx, t, strings.TrimSpace(url), "k",
		strings.NewReader("text")); status != http.StatusCreated {
		t.Errorf("PUT: %d %s", status, text)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}

var clients = flag.Int("clients", 0, "how many slow clients TestHandlerServesSlowClients has, for half a minute")

// The clients send 15 MB each at 500 kB/s, for 30 s if nothing keeps them waiting. 50 clients have 400 MB in first
// parts, ten times as much as the memory. Package multipart has the same test on a small scale, without sockets.
func TestHandlerServesSlowClients(t *testing.T) {
	if *clients == 0 {
		t.Skip("measures real time, half a minute of it, which a busy machine spoils; -clients 50 runs it")
	}
	const size, rate, step = 15_000_000, 500_000, 10_000
	const ideal = size / rate * time.Second
	_, web := serve(t, &osstest.Options{Dir: t.TempDir()})
	began := time.Now()
	var group sync.WaitGroup
	for i := range *clients {
		group.Go(func() {
			r, w := io.Pipe()
			unread := make(chan time.Duration, 1)
			go func() {
				defer w.Close()
				var longest time.Duration
				begin := time.Now()
				for sent := 0; sent < size; sent += step {
					time.Sleep(time.Until(begin.Add(time.Duration(sent) * time.Second / rate)))
					before := time.Now()
					w.Write(make([]byte, step))
					longest = max(longest, time.Since(before))
				}
				unread <- longest
			}()
			if status, text := put(t.Context(), t, web.URL, fmt.Sprint("k", i), r); status != http.StatusCreated {
				t.Errorf("PUT: %d %s", status, text)
			}
			if longest := <-unread; longest > 5*time.Second {
				t.Errorf("client %d was not read from for %v", i, longest)
			}
		})
	}
	group.Wait()
	took := time.Since(began)
	t.Logf("%d clients took %v, ideally %v", *clients, took, ideal)
	if took > ideal*12/10 {
		t.Errorf("%d clients took %v, ideally %v", *clients, took, ideal)
	}
}
