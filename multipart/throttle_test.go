package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A gate stands before a server. It answers those requests with 503 that refuse picks, and notes
// when each came.
type gate struct {
	inner  http.RoundTripper
	refuse func(n int) bool // the n-th request, from 0

	mu    sync.Mutex
	times []time.Time
}

func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	g.mu.Lock()
	n := len(g.times)
	g.times = append(g.times, time.Now())
	g.mu.Unlock()
	if !g.refuse(n) {
		return g.inner.RoundTrip(req)
	}
	if req.Body != nil {
		req.Body.Close()
	}
	return replied(req, 503, "<Error><Code>ServiceUnavailable</Code></Error>"), nil
}

// gated returns a client of srv, with the retrying that users have by default, behind g.
func gated(t *testing.T, srv *osstest.Server, g *gate) *oss.Client {
	return client(t, srv, func(cfg *oss.Config) {
		cfg.Retry = oss.Retry{}
		g.inner = cfg.HTTPClient.Transport
		cfg.HTTPClient = &http.Client{Transport: g}
	})
}

func aServerThatThrottlesHalfOfAllRequestsIsNotFlooded(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		g := &gate{refuse: func(n int) bool { return n*7919%101 < 50 }} // half of them, in no order
		want := data(40_000)
		up := multipart.NewUploader(gated(t, srv, g), &multipart.Options{PartSize: 100, Concurrency: 8})
		res, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(want), nil)
		wantObject(t, srv, want, res, err)
		const least = 1 + 400 + 1
		if n := len(g.times); n > 25*least/10 {
			t.Errorf("%d requests, more than 2.5 times the %d needed", n, least)
		}
	})
}

func aServerThatThrottlesEverythingForHalfAMinute(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		began := time.Now()
		g := &gate{refuse: func(n int) bool { return n > 20 && time.Since(began) < 30*time.Second }}
		srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Delay(10 * time.Millisecond)})
		want := data(40_000)
		up := multipart.NewUploader(gated(t, srv, g), &multipart.Options{PartSize: 100, Concurrency: 8})
		res, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(want), nil)
		wantObject(t, srv, want, res, err)
		during := 0
		for _, at := range g.times {
			if at.Sub(began) < 30*time.Second {
				during++
			}
		}
		if during > 100 {
			t.Errorf("%d requests in the 30 seconds that all were refused", during)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("it took %v, long after throttling had ended", took)
		}
	})
}

func parallelismFallsUnderThrottlingAndRecovers(t *testing.T) {
	if testing.Short() {
		t.Skip("sends 4,000 parts; TestConcurrencyFallsUnderThrottlingAndRecovers sends fewer")
	}
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		began := time.Now()
		throttling := func() bool { s := time.Since(began); return s > 2*time.Second && s < 12*time.Second }
		g := &gate{refuse: func(int) bool { return throttling() }}
		var mu sync.Mutex
		var now int
		most := make(map[bool]int) // after throttling began, and after it had been over for a while
		count := func(by int) {
			mu.Lock()
			defer mu.Unlock()
			now += by
			if s := time.Since(began); s > 6*time.Second && s < 12*time.Second {
				most[false] = max(most[false], now)
			} else if s > 30*time.Second {
				most[true] = max(most[true], now)
			}
		}
		c := client(t, srv, func(cfg *oss.Config) {
			cfg.Retry = oss.Retry{}
			g.inner = cfg.HTTPClient.Transport
			cfg.HTTPClient = &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
				count(1)
				defer count(-1)
				return g.RoundTrip(req)
			})}
		})
		srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Delay(100 * time.Millisecond)})
		want := data(400_000)
		up := multipart.NewUploader(c, &multipart.Options{PartSize: 100, Concurrency: 8})
		res, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(want), nil)
		wantObject(t, srv, want, res, err)
		if most[false] > 2 || most[true] != 8 {
			t.Errorf("at most %d parts were in flight under throttling, and %d after it, want 2 and 8", most[false],
				most[true])
		}
	})
}

func throttlingThatNeverEndsIsAnErrorAtLast(t *testing.T) {
	for _, size := range []int{50, 950} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			began := time.Now()
			g := &gate{refuse: func(int) bool { return true }}
			_, err := multipart.NewUploader(gated(t, srv, g), settings(100)).Upload(t.Context(), bucket, key,
				bytes.NewReader(data(size)), nil)
			var refused *oss.ServiceError
			if !errors.As(err, &refused) || refused.StatusCode != 503 || errors.Is(err, multipart.ErrOutcomeUnknown) {
				t.Errorf("error is %v", err)
			}
			if took := time.Since(began); took < 5*time.Minute || took > 6*time.Minute || len(g.times) > 200 {
				t.Errorf("given up after %v and %d requests", took, len(g.times))
			}
		})
	}
}

// What an earlier upload met with says nothing of one that begins long after.
func TestPatienceWithThrottlingBeginsWithTheUpload(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		var began time.Time
		g := &gate{refuse: func(int) bool { return time.Since(began) < 30*time.Second }}
		up := multipart.NewUploader(gated(t, srv, g), settings(100))
		for _, patience := range []time.Duration{10 * time.Second, time.Hour} {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			began = time.Now()
			res, err := up.Upload(ctx, bucket, key, bytes.NewReader(data(950)), nil)
			if patience < 30*time.Second {
				wantNothing(t, srv, err, context.DeadlineExceeded)
			} else {
				wantObject(t, srv, data(950), res, err)
			}
			time.Sleep(time.Hour) // in the bubble
		}
	})
}

func aSlowLinkThatMovesIsNeverGivenUp(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		const rate = 50_000 // bytes per second over all connections
		size := int64(effort.Of(40, 100, 100)) << 20
		srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Slow(rate / multipart.DefaultConcurrency)})
		c := client(t, srv, func(cfg *oss.Config) { cfg.Retry = oss.Retry{} })
		began := time.Now()
		up := multipart.NewUploader(c, &multipart.Options{Concurrency: multipart.DefaultConcurrency})
		res, err := up.UploadFile(t.Context(), bucket, key, sparseFile(t, size), nil)
		if err != nil || res.Size != size {
			t.Fatalf("UploadFile = %+v, %v", res, err)
		}
		if n := len(srv.Requests("UploadPart")); n != res.Parts {
			t.Errorf("%d requests for %d parts: some were given up", n, res.Parts)
		}
		if took := time.Since(began); took < time.Duration(size/rate)*time.Second {
			t.Errorf("it took only %v", took)
		}
	})
}
