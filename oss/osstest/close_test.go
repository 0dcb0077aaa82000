package osstest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// everyEffect returns one of each kind, those that wait with times no test would.
func everyEffect() []osstest.Effect {
	all := []osstest.Effect{
		osstest.Delay(time.Hour), osstest.Hang(), osstest.Slow(1), osstest.SlowConnections(50, 0.5),
		osstest.Redeliver(time.Hour),
		osstest.Throttle(&osstest.ThrottleOptions{Hold: time.Hour}),
		osstest.Together(osstest.Slow(10), osstest.CutReply(1000)),
		osstest.ShortReply(10), osstest.WrongETag(), osstest.WrongCRC64(),
		osstest.ClockOff(time.Hour), osstest.ExpireToken(),
		osstest.RevokeToken(), osstest.Together(osstest.LoseReply(), osstest.Redeliver(time.Hour)),
		osstest.CutReply(1 << 40),
		osstest.Fail(404, "NoSuchKey"), osstest.FailAfter(10, 503, "ServiceUnavailable"),
		osstest.Corrupt(), osstest.Truncate(10),
	}
	for _, r := range osstest.BadDay() {
		all = append(all, r.Effect)
	}
	return append(all, osstest.Chaos(1))
}

// A request that is cut off with much of its body unsent must not hold up Close: net/http would
// linger on its connection for half a second.
func TestCloseIsPromptAfterRequestsThatWereCutOff(t *testing.T) {
	effects := map[string]osstest.Effect{"nothing": nil, "half-way": osstest.FailAfter(1000, 500, "InternalError"),
		"slow": osstest.Slow(1 << 20)}
	for name, effect := range effects {
		for _, size := range []int64{300 << 10, 1 << 20, 100 << 20} {
			t.Run(fmt.Sprint(name, " ", size), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv := osstest.NewServer(nil)
					if effect != nil {
						srv.Inject(osstest.Fault{Effect: effect})
					}
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					body, feed := io.Pipe()
					req := call{method: "PUT", key: "key"}.request(t).WithContext(ctx)
					req.Body, req.ContentLength = body, size
					begin := time.Now()
					var wg sync.WaitGroup
					wg.Go(func() {
						resp, err := srv.HTTPClient().Do(req)
						if err == nil {
							resp.Body.Close()
						}
					})
					feed.Write(make([]byte, 5000))
					cancel()
					feed.CloseWithError(context.Canceled)
					wg.Wait()
					synctest.Wait()
					srv.Close()
					if took := time.Since(begin); took > 10*time.Millisecond {
						t.Errorf("cut off and closed in %v", took)
					}
				})
			})
		}
	}
}

// Refusing a body unread is over at once, too, and does not disturb the next request.
func TestUnreadBodiesDelayNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(nil)
		begin := time.Now()
		huge := call{method: "PUT", key: "key", change: func(req *http.Request) {
			req.Body, req.ContentLength = io.NopCloser(io.LimitReader(zeros{}, 6<<30)), 6<<30
		}}
		for range 3 {
			if got := send(t, srv, huge); got.String() != "400 EntityTooLarge" {
				t.Errorf("6 GiB: %v", got)
			}
			if got := send(t, srv, putKey); got.status != 200 {
				t.Errorf("afterwards: %v", got)
			}
		}
		srv.Close()
		if took := time.Since(begin); took != 0 {
			t.Errorf("it took %v", took)
		}
	})
}

// Whatever fault is active, and over every kind of connection, Close ends what goes on, and nothing
// is left running.
func TestCloseEndsEveryFault(t *testing.T) {
	before := runtime.NumGoroutine()
	for i, effect := range everyEffect() {
		for j, network := range []string{"memory", "TCP"} {
			if testing.Short() && (i+j)%2 != 0 {
				continue
			}
			t.Run(fmt.Sprint(effect, " ", network), func(t *testing.T) {
				srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
				srv.PutObject("bucket", "key", []byte(strings.Repeat("content", 100_000)))
				id := initiate(t, srv, nil)
				srv.Inject(osstest.Fault{Effect: effect})
				client, host := srv.HTTPClient(), "10.0.0.1"
				if network == "TCP" {
					real := httptest.NewServer(srv)
					defer real.Close()
					client, host = real.Client(), strings.TrimPrefix(real.URL, "http://")
				}
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				calls := []call{
					{method: "PUT", key: "key", query: "partNumber=1&uploadId=" + id, body: "content"},
					{method: "PUT", key: "other", body: strings.Repeat("x", 1<<17)},
					{method: "GET", key: "key"},
					{method: "GET", key: "key", query: "uploadId=" + id},
					{method: "HEAD", key: "key"},
				}
				var returned atomic.Int64
				var wg sync.WaitGroup
				for _, c := range calls {
					req := c.request(t).WithContext(ctx)
					req.URL.Scheme, req.URL.Host, req.Host = "http", host, ""
					req.URL.Path, req.URL.RawPath = "/bucket/"+c.key, ""
					wg.Go(func() {
						defer returned.Add(1)
						if resp, err := client.Do(req); err == nil {
							resp.Body.Close() // unread: the server may be in the middle of it
						}
					})
				}
				// One that finds its connection closed by another's fault may never arrive.
				for len(srv.Requests()) < 1+len(calls) && returned.Load() < int64(len(calls)) {
					runtime.Gosched()
				}
				begin := time.Now()
				srv.Close()
				// of real time; what an effect waits for takes an hour
				if took := time.Since(begin); took > time.Minute {
					t.Errorf("Close took %v", took)
				}
				cancel()
				wg.Wait()
			})
		}
	}
	wantGoroutines(t, before)
}

// A client that takes its time over a reply that is to be cut does not hold up Close.
func TestCloseEndsARepliesStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(nil)
		srv.PutObject("bucket", "key", make([]byte, 1<<20))
		srv.Inject(osstest.Fault{Effect: osstest.CutReply(1 << 19)})
		resp, err := srv.HTTPClient().Do(call{method: "GET", key: "key"}.request(t))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // the server has filled what is between them
		srv.Close()
		if _, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("the body ends with %v", err)
		}
		resp.Body.Close()
	})
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
