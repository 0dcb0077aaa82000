package multipart_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// hedgePart takes a quarter of a second on the lines of the tests below; one of them is stuck.
const hedgePart, hedgeRate = 256 << 10, 1 << 20 // bytes, bytes a second

// onALink runs f on a server whose connections all have the same rate, apart from the given faults. The source has 40
// parts, and four are in flight.
func onALink(t *testing.T, f func(*testing.T, *osstest.Server, *multipart.Uploader,
	*bytes.Reader), faults ...osstest.Fault) {
	t.Helper()
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		for _, fault := range faults {
			srv.Inject(fault)
		}
		srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Slow(hedgeRate)})
		c := client(t, srv, func(cfg *oss.Config) { cfg.Retry = oss.Retry{} })
		f(t, srv, multipart.NewUploader(c, &multipart.Options{PartSize: hedgePart, Concurrency: 4}),
			bytes.NewReader(data(40*hedgePart)))
	})
}

// stuckPart strikes the first request for the part, after n bytes at a fiftieth of the rate.
func stuckPart(number int, n int64, code oss.Code) osstest.Fault {
	return osstest.Fault{Op: "UploadPart", PartNumber: number, Times: 1,
		Effect: osstest.Together(osstest.FailAfter(n, 403, code), osstest.Slow(hedgeRate/50))}
}

func requestsFor(srv *osstest.Server, number int) (n int) {
	for _, r := range srv.Requests("UploadPart") {
		if r.PartNumber == number {
			n++
		}
	}
	return n
}

func aPartBothOfWhoseRequestsFailHasTheErrorOfTheFirst(t *testing.T) {
	onALink(t, func(t *testing.T, srv *osstest.Server, up *multipart.Uploader, src *bytes.Reader) {
		_, err := up.Upload(t.Context(), bucket, key, src, nil)
		ue := wantNothing(t, srv, err, oss.Code("First"))
		if n := requestsFor(srv, 30); n != 2 || len(ue.Failed) != 1 || ue.Failed[0].Number != 30 {
			t.Errorf("%d requests for part 30, failed are %v", n, ue.Failed)
		}
	}, stuckPart(30, 20<<10, "First"),
		osstest.Fault{Op: "UploadPart", PartNumber: 30, Effect: osstest.Fail(403, "Second")})
}

func aPartSucceedsWithItsSecondRequestAlsoWhenTheFirstFails(t *testing.T) {
	onALink(t, func(t *testing.T, srv *osstest.Server, up *multipart.Uploader, src *bytes.Reader) {
		res, err := up.Upload(t.Context(), bucket, key, src, nil)
		wantObject(t, srv, data(40*hedgePart), res, err)
		if n := requestsFor(srv, 30); n != 2 {
			t.Errorf("%d requests for part 30", n)
		}
	}, stuckPart(30, 30<<10, oss.ErrAccessDenied)) // refused while the second is on its way
}

func cancellingEndsBothRequestsOfAPart(t *testing.T) {
	stuck := osstest.Fault{Op: "UploadPart", PartNumber: 30, Effect: osstest.Slow(hedgeRate / 50)}
	onALink(t, func(t *testing.T, srv *osstest.Server, up *multipart.Uploader, src *bytes.Reader) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(4*time.Second, cancel)
		began := time.Now()
		_, err := up.Upload(ctx, bucket, key, src, nil)
		wantNothing(t, srv, err, context.Canceled)
		if took := time.Since(began); took > 4*time.Second+abortTime || requestsFor(srv, 30) != 2 {
			t.Errorf("it ended after %v, with %d requests for part 30", took, requestsFor(srv, 30))
		}
	}, stuck)
}

// A request that comes to itself again when the second is under way: now both run, until one gives up.
func TestOfTwoRequestsForAPartTheOneBehindGivesUp(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Slow(hedgeRate)})
		c := client(t, srv, func(cfg *oss.Config) {
			cfg.HTTPClient = &http.Client{Transport: &dozing{RoundTripper: cfg.HTTPClient.Transport, number: "30"}}
		})
		up := multipart.NewUploader(c, &multipart.Options{PartSize: hedgePart, Concurrency: 4})
		res, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(40*hedgePart)), nil)
		wantObject(t, srv, data(40*hedgePart), res, err)
		var sent int64
		for _, r := range srv.Requests("UploadPart") {
			if r.PartNumber == 30 {
				sent += r.Size
			}
		}
		if n := requestsFor(srv, 30); n != 2 || sent == hedgePart || sent > hedgePart*3/2 {
			t.Errorf("%d requests for part 30 brought %d bytes of %d", n, sent, hedgePart)
		}
	})
}

// The first request has given way to the second, which has one attempt only: when that fails, the part is sent again,
// with all attempts of an operation.
func aPartIsSentAgainWhenTheRequestFailsThatWasAhead(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 30, Skip: 1, Times: 2, Effect: osstest.Together(
			osstest.Slow(hedgeRate), osstest.FailAfter(hedgePart-1000, 500, "InternalError"))})
		srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Slow(hedgeRate)})
		c := client(t, srv, func(cfg *oss.Config) {
			cfg.HTTPClient = &http.Client{
				Transport: &dozing{RoundTripper: cfg.HTTPClient.Transport, number: "30", behind: true},
			}
		})
		up := multipart.NewUploader(c, &multipart.Options{PartSize: hedgePart, Concurrency: 4})
		res, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(40*hedgePart)), nil)
		wantObject(t, srv, data(40*hedgePart), res, err)
		if n := requestsFor(srv, 30); n != 4 {
			t.Errorf("%d requests for part 30, want 4", n)
		}
	})
}

// The error is that of the context, and not that the first request has given way.
func TestCancellingEndsAPartWhoseFirstRequestHasGivenWay(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Slow(hedgeRate)})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c := client(t, srv, func(cfg *oss.Config) {
			doze := &dozing{RoundTripper: cfg.HTTPClient.Transport, number: "30", behind: true}
			cfg.HTTPClient = &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
				if req.URL.Query().Get("partNumber") == "30" && doze.count.Load() == 1 {
					time.AfterFunc(200*time.Millisecond, cancel) // the second is at four fifths of the part
				}
				return doze.RoundTrip(req)
			})}
		})
		up := multipart.NewUploader(c, &multipart.Options{PartSize: hedgePart, Concurrency: 4})
		_, err := up.Upload(ctx, bucket, key, bytes.NewReader(data(40*hedgePart)), nil)
		wantNothing(t, srv, err, context.Canceled)
		if n := requestsFor(srv, 30); n != 2 || strings.Contains(err.Error(), "ahead") {
			t.Errorf("%d requests for part 30: %v", n, err)
		}
	})
}

// What was ahead is no measure any more once it has failed.
func TestTheSecondRequestForAPartGoesOnWhenTheFirstFailsAheadOfIt(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Slow(hedgeRate)})
		c := client(t, srv, func(cfg *oss.Config) {
			cfg.HTTPClient = &http.Client{
				Transport: &dozing{RoundTripper: cfg.HTTPClient.Transport, number: "30", refused: true},
			}
		})
		up := multipart.NewUploader(c, &multipart.Options{PartSize: hedgePart, Concurrency: 4})
		res, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(40*hedgePart)), nil)
		wantObject(t, srv, data(40*hedgePart), res, err)
	})
}

// dozing sends a little of the first request for a part, and the rest when the second has begun to move: as fast as
// that, or at a third of its speed if it is to fall behind. If it is to be refused, all of the rest is read at once.
type dozing struct {
	http.RoundTripper
	number  string
	refused bool
	behind  bool
	count   atomic.Int64
}

func (d *dozing) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Query().Get("partNumber") != d.number || d.count.Add(1) > 1 {
		if d.refused && d.count.Load() == 2 {
			time.Sleep(20 * time.Millisecond) // in the bubble: the first needs it to get ahead
		}
		return d.RoundTripper.RoundTrip(req)
	}
	if !d.refused {
		req.Body = &dozingBody{ReadCloser: req.Body, d: d}
		return d.RoundTripper.RoundTrip(req)
	}
	io.CopyN(io.Discard, req.Body, 32<<10)
	for d.count.Load() < 2 {
		time.Sleep(10 * time.Millisecond) // in the bubble
	}
	io.Copy(io.Discard, req.Body)
	return &http.Response{StatusCode: 403, Header: make(http.Header), Body: http.NoBody, Request: req}, nil
}

type dozingBody struct {
	io.ReadCloser
	d *dozing
	n int
}

func (b *dozingBody) Read(p []byte) (int, error) {
	for b.n > 32<<10 && b.d.count.Load() < 2 {
		time.Sleep(10 * time.Millisecond) // in the bubble
	}
	n, err := b.ReadCloser.Read(p)
	if b.n += n; b.n > 32<<10 {
		pause := time.Duration(n) * time.Second / hedgeRate
		if b.d.behind {
			pause *= 3
		}
		time.Sleep(pause)
	}
	return n, err
}

// A third of all requests crawl, so that there is always one that would be worth sending again.
func TestAtMostFivePercentIsSentTwice(t *testing.T) {
	t.Parallel()
	for seed := range uint64(effort.Of(1, 3, 10)) {
		crawl := osstest.Fault{Op: "UploadPart", Share: 0.33, Seed: seed, Effect: osstest.Slow(hedgeRate / 5)}
		onALink(t, func(t *testing.T, srv *osstest.Server, up *multipart.Uploader, src *bytes.Reader) {
			var stored int64
			for i := range 3 {
				src.Seek(0, io.SeekStart)
				res, err := up.Upload(t.Context(), bucket, key, src, nil)
				wantObject(t, srv, data(40*hedgePart), res, err)
				stored += res.Size
				var sent int64
				for _, r := range srv.Requests("UploadPart") {
					sent += r.Size
				}
				again := float64(sent-stored) / float64(stored)
				if again > 0.05 || i == 2 && again < 0.005 {
					t.Errorf("seed %d: after %d uploads %.1f%% was sent again, want 0.5 to 5", seed, i+1, 100*again)
				}
				if i == 2 {
					t.Logf("seed %d: %.1f%% was sent again", seed, 100*again)
				}
			}
		}, crawl)
	}
}

func TestWhatMayNotBeSentTwiceIsNot(t *testing.T) {
	stuck := osstest.Fault{Times: 1, Skip: 30, Op: "UploadPart", Effect: osstest.Slow(hedgeRate / 50)}
	for name, change := range map[string]func(*multipart.Options, *oss.ObjectOptions){
		"under a Limiter": func(o *multipart.Options, _ *oss.ObjectOptions) {
			o.Limiter = &limiter{perSecond: 1 << 30, burst: 1 << 30}
		},
		"under a traffic limit": func(_ *multipart.Options, o *oss.ObjectOptions) {
			o.Header = http.Header{"x-oss-traffic-limit": {"819200"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				srv.Inject(stuck)
				srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Slow(hedgeRate)})
				opts, object := multipart.Options{PartSize: hedgePart, Concurrency: 4}, oss.ObjectOptions{}
				change(&opts, &object)
				res, err := multipart.NewUploader(srv.Client(), &opts).Upload(t.Context(), bucket, key,
					bytes.NewReader(data(40*hedgePart)), &object)
				wantObject(t, srv, data(40*hedgePart), res, err)
				if n := len(srv.Requests("UploadPart")); n != 40 {
					t.Errorf("%d requests for 40 parts", n)
				}
			})
		})
	}
}

func TestAPartThatIsRepeatedIsNotSentTwice(t *testing.T) {
	onALink(t, func(t *testing.T, srv *osstest.Server, up *multipart.Uploader, src *bytes.Reader) {
		res, err := up.Upload(t.Context(), bucket, key, src, nil)
		wantObject(t, srv, data(40*hedgePart), res, err)
		if n := requestsFor(srv, 30); n != 2 {
			t.Errorf("%d requests for part 30, want one that was lost and one that was stuck", n)
		}
	}, osstest.Fault{Op: "UploadPart", PartNumber: 30, Times: 1, Effect: osstest.Drop()},
		osstest.Fault{Op: "UploadPart", PartNumber: 30, Times: 1, Effect: osstest.Slow(hedgeRate / 50)})
}

// R10: a hook runs in the goroutine of the second request too, where a panic would end the process.
func TestAPanicOfAHookInTheSecondRequestReachesTheCaller(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(stuckPart(30, 30<<10, oss.ErrAccessDenied))
		srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Slow(hedgeRate)})
		var starts atomic.Int64
		c := client(t, srv, func(cfg *oss.Config) {
			cfg.Retry = oss.Retry{}
			cfg.Hooks.OnStart = func(ctx context.Context, op oss.Operation) context.Context {
				if op.PartNumber == 30 && starts.Add(1) == 2 {
					panic(errPanic)
				}
				return ctx
			}
		})
		defer func() {
			if v := recover(); v != errPanic || starts.Load() != 2 {
				t.Errorf("recovered %v after %d requests for the part, want the panic after two", v, starts.Load())
			}
			if _, ok := srv.Object(bucket, key); ok {
				t.Error("there is an object")
			}
		}()
		up := multipart.NewUploader(c, &multipart.Options{PartSize: hedgePart, Concurrency: 4})
		_, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(40*hedgePart)), nil)
		t.Errorf("it returned %v", err)
	})
}
