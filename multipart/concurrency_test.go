package multipart_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// The link of these tests: 20 ms, and 25 KiB a second for each connection. With parts of 8 KiB everything takes as long
// as with 25 MiB a second and the default of 8 MiB.
const (
	linkLatency = 20 * time.Millisecond
	linkRate    = 25 << 10 // bytes a second
	linkPart    = 8 << 10  // bytes
)

var asLink = osstest.Fault{Op: "UploadPart",
	Effect: osstest.Together(osstest.Slow(linkRate), osstest.Delay(linkLatency))}

// A link is one Uploader at work, without end, and what it carries.
type link struct {
	srv    *osstest.Server
	up     *multipart.Uploader
	fault  *osstest.Injection // what makes the link what it is
	stored atomic.Int64       // bytes
	now    atomic.Int64       // parts in flight
	most   atomic.Int64
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// newLink begins the uploads, each from its own source, of parts of linkPart. Transports can be changed.
func newLink(t *testing.T, opts multipart.Options, change func(*http.Transport), sources ...io.Reader) *link {
	t.Helper()
	l := &link{srv: osstest.NewServer(&osstest.Options{MinPartSize: 1})}
	t.Cleanup(l.srv.Close)
	l.fault = l.srv.Inject(asLink)
	c := client(t, l.srv, func(cfg *oss.Config) {
		cfg.Retry = oss.Retry{}
		cfg.Hooks.OnEnd = func(_ context.Context, op oss.Operation, err error) {
			if op.Name == "UploadPart" && err == nil {
				l.stored.Add(op.Size)
			}
		}
		if change != nil {
			own := cfg.HTTPClient.Transport.(*http.Transport).Clone()
			change(own)
			t.Cleanup(own.CloseIdleConnections)
			cfg.HTTPClient = &http.Client{Transport: own}
		}
		next := cfg.HTTPClient.Transport
		cfg.HTTPClient = &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.Method == http.MethodPut {
				n := l.now.Add(1)
				defer l.now.Add(-1)
				l.most.Store(max(l.most.Load(), n))
			}
			return next.RoundTrip(req)
		})}
	})
	opts.PartSize = linkPart
	l.up = multipart.NewUploader(c, &opts)
	ctx, cancel := context.WithCancel(t.Context())
	l.cancel = cancel
	for i, src := range sources {
		l.done.Go(func() {
			if _, err := l.up.Upload(ctx, bucket, fmt.Sprint(key, i), src, nil); !errors.Is(err, context.Canceled) {
				t.Errorf("upload %d ended with %v", i, err)
			}
		})
	}
	return l
}

// end cancels the uploads and checks that nothing is left of them.
func (l *link) end(t *testing.T) {
	t.Helper()
	l.cancel()
	l.done.Wait()
	if slots, bytes := l.up.InUse(); slots != 0 || bytes != 0 {
		t.Errorf("%d slots and %d bytes of buffers are in use", slots, bytes)
	}
	if left := l.srv.Uploads(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// during lets d pass and returns the bytes a second that were stored meanwhile, and the mean of the bound.
func (l *link) during(d time.Duration) (rate, bound float64) {
	const step = 10 * time.Millisecond
	before := l.stored.Load()
	for range d / step {
		time.Sleep(step) // in the bubble
		bound += float64(l.up.Bound())
	}
	return float64(l.stored.Load()-before) / d.Seconds(), bound / float64(d/step)
}

// suffer has f strike first for a while.
func (l *link) suffer(f osstest.Fault, while func()) {
	l.fault.Remove()
	i := l.srv.Inject(f)
	l.fault = l.srv.Inject(asLink)
	while()
	i.Remove()
}

// endless is a source that is read in place and does not end within a test.
func endless() io.Reader { return io.NewSectionReader(zeros{}, 0, 9999*linkPart) }

// shared makes all connections share so many bytes a second on their way out.
func shared(l *limiter) func(*http.Transport) {
	return func(tr *http.Transport) {
		dial := tr.DialTLSContext
		tr.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dial(ctx, network, addr)
			return sharedConn{c, l}, err
		}
	}
}

type sharedConn struct {
	net.Conn
	limiter *limiter
}

func (c sharedConn) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		step := p[n:min(len(p), n+c.limiter.burst)]
		if err = c.limiter.WaitN(context.Background(), len(step)); err != nil {
			break
		}
		var m int
		m, err = c.Conn.Write(step)
		n += m
	}
	return n, err
}

func TestAnUploaderFindsTheConcurrencyOfALinkWithinThreeSeconds(t *testing.T) {
	t.Parallel()
	rates := make(map[int]float64)
	for _, fixed := range []int{0, 1, 4, 8, 16, 32, 64} {
		if testing.Short() && fixed > 0 && fixed < 64 {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			l := newLink(t, multipart.Options{Concurrency: fixed}, nil, endless())
			first, _ := l.during(3 * time.Second)
			rate, bound := l.during(3 * time.Second)
			rates[fixed] = rate
			l.end(t)
			t.Logf("concurrency %d: %.0f KiB/s in the first three seconds, %.0f in the three after them with "+
				"%.1f parts", fixed, first/1024, rate/1024, bound)
			if fixed != 0 && l.most.Load() != int64(fixed) {
				t.Errorf("%d parts were in flight, want %d", l.most.Load(), fixed)
			}
		})
	}
	for _, fixed := range []int{1, 4, 8, 16, 32, 64} {
		if rates[0] < 0.9*rates[fixed] {
			t.Errorf("it carries %.0f KiB/s, less than nine tenths of the %.0f of %d parts",
				rates[0]/1024, rates[fixed]/1024, fixed)
		}
	}
}

func TestConcurrencyStaysLowWhereMoreCarryNoMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t, multipart.Options{}, shared(&limiter{perSecond: 4 * linkRate, burst: 1024}), endless())
		rate, bound := l.during(30 * time.Second)
		l.end(t)
		t.Logf("%.0f KiB/s with %.1f parts", rate/1024, bound)
		if bound > 5 || rate < 0.9*4*linkRate {
			t.Errorf("%.0f KiB/s with %.1f parts, want about %d with about 4", rate/1024, bound, 4*linkRate/1024)
		}
	})
}

func TestConcurrencyFollowsALinkThatChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		narrow := &limiter{perSecond: 4 * linkRate, burst: 1024}
		l := newLink(t, multipart.Options{}, shared(narrow), endless())
		l.during(10 * time.Second)
		for _, tt := range []struct {
			share, least, most int
			wait               time.Duration
		}{{40, 32, 64, 25 * time.Second}, {4, 4, 10, 60 * time.Second}, {10, 8, 24, 30 * time.Second}} {
			if testing.Short() && tt.share != 10 { // the other tests see it fall
				continue
			}
			narrow.set(tt.share * linkRate)
			l.during(tt.wait)
			rate, bound := l.during(time.Duration(effort.Of(10, 20, 20)) * time.Second)
			t.Logf("shared by %d: %.0f KiB/s with %.1f parts", tt.share, rate/1024, bound)
			if rate < 0.85*float64(tt.share*linkRate) || bound < float64(tt.least) || bound > float64(tt.most) {
				t.Errorf("a link for %d connections carries %.0f KiB/s with %.1f parts, want about %d with %d to %d",
					tt.share, rate/1024, bound, tt.share*linkRate/1024, tt.least, tt.most)
			}
		}
		l.end(t)
	})
}

func TestConcurrencyFallsUnderThrottlingAndRecovers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t, multipart.Options{}, nil, endless(), endless())
		l.during(3 * time.Second)
		if n := l.up.Bound(); n != multipart.MaxConcurrency {
			t.Fatalf("after three seconds %d parts may be in flight", n)
		}
		l.suffer(osstest.Fault{Op: "UploadPart", Effect: osstest.Throttle(nil)}, func() {
			l.during(10 * time.Second)
			l.most.Store(0)
			l.during(5 * time.Second)
		})
		under := l.most.Load()
		l.during(30 * time.Second)
		rate, _ := l.during(5 * time.Second)
		l.end(t)
		t.Logf("at most %d parts under throttling, %.0f KiB/s after it", under, rate/1024)
		if under > 2 || rate < 48*linkRate {
			t.Errorf("at most %d parts under throttling, %.0f KiB/s after it", under, rate/1024)
		}
	})
}

func TestConcurrencyFallsWhenRequestsAreLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t, multipart.Options{}, nil, endless())
		l.during(3 * time.Second)
		l.suffer(osstest.Fault{Op: "UploadPart",
			Effect: osstest.Chaos(1, osstest.Rate{Share: 0.3, Effect: osstest.Drop()})}, func() {
			l.during(5 * time.Second)
			if n := l.up.Bound(); n > 8 {
				t.Errorf("%d parts may be in flight while three of ten requests are lost", n)
			}
		})
		l.during(20 * time.Second)
		if n := l.up.Bound(); n < 32 {
			t.Errorf("%d parts may be in flight long after that", n)
		}
		l.end(t)
	})
}

func TestConcurrencyThatWasGivenIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t, multipart.Options{Concurrency: multipart.DefaultConcurrency}, nil, endless())
		_, bound := l.during(10 * time.Second)
		l.end(t)
		if n := l.most.Load(); n != multipart.DefaultConcurrency || bound != multipart.DefaultConcurrency {
			t.Errorf("%d parts were in flight, and %v were allowed, want %d", n, bound, multipart.DefaultConcurrency)
		}
	})
}

func TestManyUploadsShareTheConcurrencyThatIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sources []io.Reader
		for range 10 {
			sources = append(sources, endless())
		}
		l := newLink(t, multipart.Options{}, nil, sources...)
		l.during(3 * time.Second)
		rate, _ := l.during(3 * time.Second)
		l.end(t)
		if n := l.most.Load(); n != multipart.MaxConcurrency || rate < 50*linkRate {
			t.Errorf("%d parts were in flight, want %d; %.0f KiB/s", n, multipart.MaxConcurrency, rate/1024)
		}
	})
}

func TestConcurrencyLeavesTheMemoryOfStreamsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t, multipart.Options{}, nil, plainReader{endless()})
		for range 500 {
			l.during(10 * time.Millisecond)
			if _, bytes := l.up.InUse(); bytes > (multipart.DefaultConcurrency+1)*linkPart {
				t.Fatalf("%d bytes of buffers are in use", bytes)
			}
		}
		l.end(t)
		if n := l.most.Load(); n > multipart.DefaultConcurrency+1 {
			t.Errorf("%d parts of a stream were in flight", n)
		}
	})
}

// More connections would only get round what was asked for.
func TestConcurrencyDoesNotGrowUnderATrafficLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
		defer srv.Close()
		srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Slow(linkRate)})
		up := multipart.NewUploader(srv.Client(), settings(linkPart))
		opts := &oss.ObjectOptions{Header: http.Header{"X-Oss-Traffic-Limit": {"819200"}}}
		if _, err := up.Upload(t.Context(), bucket, key, io.NewSectionReader(zeros{}, 0, 100*linkPart),
			opts); err != nil {
			t.Fatal(err)
		}
		if n := up.Bound(); n != multipart.DefaultConcurrency {
			t.Errorf("%d parts may be in flight, want %d", n, multipart.DefaultConcurrency)
		}
	})
}
