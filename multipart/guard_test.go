package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

var errPanic = errors.New("the caller's code panics")

// panicsLater panics after some bytes.
type panicsLater struct{ left int }

func (p *panicsLater) Read(b []byte) (int, error) {
	if p.left -= len(b); p.left < 0 {
		panic(errPanic)
	}
	return len(b), nil
}

// panicsAt panics when it is read behind a byte.
type panicsAt struct {
	oss.Body
	from int64
}

func (p panicsAt) ReadAt(b []byte, off int64) (int, error) {
	if off+int64(len(b)) > p.from {
		panic(errPanic)
	}
	return p.Body.ReadAt(b, off)
}

// panicking is a Limiter and a Store that panics at its last turn.
type panicking struct {
	multipart.Store
	turns atomic.Int64
}

func (p *panicking) turn() {
	if p.turns.Add(-1) == 0 {
		panic(errPanic)
	}
}

func (p *panicking) WaitN(context.Context, int) error { p.turn(); return nil }
func (p *panicking) Save(ctx context.Context, id string, plan multipart.Plan) error {
	p.turn()
	return p.Store.Save(ctx, id, plan)
}

func newPanicking(turns int64, store multipart.Store) *panicking {
	p := &panicking{Store: store}
	p.turns.Store(turns)
	return p
}

// R10: a panic of the caller's code reaches the caller, whatever goroutine it was in, and after the clean-up.
func aPanicOfTheCallersCodeReachesTheCaller(t *testing.T) {
	body := func(from int64) oss.Body { return panicsAt{bytes.NewReader(data(950)), from} }
	for _, sum := range []oss.Checksum{oss.ChecksumMD5, oss.ChecksumCRC64} {
		for name, run := range map[string]func(t *testing.T, c *oss.Client, opts multipart.Options) error{
			"a reader at once": func(t *testing.T, c *oss.Client, opts multipart.Options) error {
				_, err := multipart.NewUploader(c, &opts).Upload(t.Context(), bucket, key, &panicsLater{}, nil)
				return err
			},
			"a reader in the middle": func(t *testing.T, c *oss.Client, opts multipart.Options) error {
				_, err := multipart.NewUploader(c, &opts).Upload(t.Context(), bucket, key,
					io.MultiReader(bytes.NewReader(data(350)), &panicsLater{}), nil)
				return err
			},
			"a body of one request": func(t *testing.T, c *oss.Client, opts multipart.Options) error {
				opts.PartSize = 1000
				_, err := multipart.NewUploader(c, &opts).UploadBody(t.Context(), bucket, key, body(500), nil)
				return err
			},
			"a body in parts": func(t *testing.T, c *oss.Client, opts multipart.Options) error {
				_, err := multipart.NewUploader(c, &opts).UploadBody(t.Context(), bucket, key, body(500), nil)
				return err
			},
			"a section of a ReaderAt": func(t *testing.T, c *oss.Client, opts multipart.Options) error {
				_, err := multipart.NewUploader(c, &opts).Upload(t.Context(), bucket, key,
					io.NewSectionReader(body(500), 0, 950), nil)
				return err
			},
			"a Limiter": func(t *testing.T, c *oss.Client, opts multipart.Options) error {
				opts.Limiter = newPanicking(5, nil)
				_, err := multipart.NewUploader(c, &opts).Upload(t.Context(), bucket, key,
					bytes.NewReader(data(950)), nil)
				return err
			},
			"a Store before Initiate": func(t *testing.T, c *oss.Client, opts multipart.Options) error {
				opts.Store = newPanicking(1, &memoryStore{plans: make(map[string]multipart.Plan)})
				_, err := multipart.NewUploader(c, &opts).UploadFile(t.Context(), bucket, key,
					tempFile(t, data(950)).Name(), nil)
				return err
			},
			"a Store after Initiate": func(t *testing.T, c *oss.Client, opts multipart.Options) error {
				opts.Store = newPanicking(2, &memoryStore{plans: make(map[string]multipart.Plan)})
				_, err := multipart.NewUploader(c, &opts).UploadFile(t.Context(), bucket, key,
					tempFile(t, data(950)).Name(), nil)
				return err
			},
			"a reader of a Writer": func(t *testing.T, c *oss.Client, opts multipart.Options) error {
				w := multipart.NewUploader(c, &opts).NewWriter(t.Context(), bucket, key, nil)
				defer w.Abort()
				_, err := w.ReadFrom(io.MultiReader(bytes.NewReader(data(350)), &panicsLater{}))
				return err
			},
		} {
			t.Run(fmt.Sprint(name, sum), func(t *testing.T) {
				inBubble(t, func(t *testing.T, srv *osstest.Server) {
					defer func() {
						if v := recover(); v != errPanic {
							t.Errorf("recovered %v, want the panic", v)
						}
						if _, ok := srv.Object(bucket, key); ok {
							t.Error("there is an object")
						}
					}()
					err := run(t, srv.Client(), multipart.Options{PartSize: 100, Checksum: sum})
					t.Errorf("it returned %v", err)
				})
			})
		}
	}
	inBubble(t, func(t *testing.T, srv *osstest.Server) { // Resume and UploadParts never abort
		up, p := begun(t, srv, data(950))
		for _, call := range []func() error{
			func() error { _, err := up.Resume(t.Context(), p, body(500)); return err },
			func() error { _, err := up.UploadParts(t.Context(), p, body(500), nil); return err },
		} {
			func() {
				defer func() {
					if v := recover(); v != errPanic {
						t.Errorf("recovered %v, want the panic", v)
					}
				}()
				t.Errorf("it returned %v", call())
			}()
		}
		srv.Client().AbortMultipartUpload(t.Context(), p.Upload)
	})
}

// R10: the cause of a context is as good as its error.
func theCauseOfACancellationIsInTheError(t *testing.T) {
	errCause := errors.New("the user has pressed stop")
	for op, size := range map[string]int{"InitiateMultipartUpload": 950, "UploadPart": 950,
		"CompleteMultipartUpload": 950, "PutObject": 50} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			srv.Inject(osstest.Fault{Op: op, Effect: osstest.Hang()})
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(errCause) })
			_, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(ctx, bucket, key,
				bytes.NewReader(data(size)), nil)
			if !errors.Is(err, errCause) || !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", op, err)
			}
		})
	}
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		src := original(t, srv, 950)
		for _, op := range []string{"HeadObject", "UploadPartCopy"} {
			hang := srv.Inject(osstest.Fault{Op: op, Effect: osstest.Hang()})
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errCause)
			_, err := multipart.NewUploader(srv.Client(), settings(100)).Copy(ctx, bucket, key, src, nil)
			if !errors.Is(err, errCause) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", op, err)
			}
			cancel()
			hang.Remove()
		}
	})
}

// strict is a Limiter as *rate.Limiter is one: it refuses more than its burst, and a wait that would outlast the
// deadline.
type strict struct {
	burst atomic.Int64
	lower func(*strict) // runs between Burst and WaitN
	wait  time.Duration
}

func (s *strict) Burst() int {
	b := int(s.burst.Load())
	if s.lower != nil {
		s.lower(s)
	}
	return b
}

func (s *strict) WaitN(ctx context.Context, n int) error {
	if burst := s.burst.Load(); int64(n) > burst {
		return fmt.Errorf("rate: Wait(n=%d) exceeds limiter's burst %d", n, burst)
	}
	if at, ok := ctx.Deadline(); ok && time.Until(at) < s.wait {
		return fmt.Errorf("rate: Wait(n=%d) would exceed context deadline", n)
	}
	timer := time.NewTimer(s.wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Rows 94, 58: a deadline that falls while a Limiter waits is the deadline, at the deadline.
func aDeadlineWhileALimiterWaitsIsTheDeadline(t *testing.T) {
	for _, size := range []int{50, 950} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			limiter := &strict{wait: time.Minute}
			limiter.burst.Store(1000)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			began := time.Now()
			up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 100, Limiter: limiter})
			_, err := up.Upload(ctx, bucket, key, bytes.NewReader(data(size)), nil)
			wantNothing(t, srv, err, context.DeadlineExceeded)
			if took := time.Since(began); took < 30*time.Second || took > 30*time.Second+abortTime {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// Bug 13: a burst that is lowered between Burst and WaitN is asked for again.
func aBurstThatIsLoweredUnderWayFailsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		limiter := &strict{lower: func(s *strict) { s.burst.Store(max(s.burst.Load()-7, 10)) }}
		limiter.burst.Store(100)
		up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 100, Limiter: limiter})
		res, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(950)), nil)
		wantObject(t, srv, data(950), res, err)
	})
}

// R10: a missing file is told from a missing bucket, although both are fs.ErrNotExist.
func TestAMissingFileIsToldFromAMissingBucket(t *testing.T) {
	srv := osstest.NewServer(&osstest.Options{Buckets: []string{"other"}})
	defer srv.Close()
	up := multipart.NewUploader(srv.Client(), nil)
	_, noFile := up.UploadFile(t.Context(), bucket, key, filepath.Join(t.TempDir(), "missing"), nil)
	_, noBucket := up.UploadFile(t.Context(), bucket, key, tempFile(t, data(10)).Name(), nil)
	for name, tt := range map[string]struct {
		err  error
		file bool
	}{"file": {noFile, true}, "bucket": {noBucket, false}} {
		var path *fs.PathError
		var ue *multipart.UploadError
		if !errors.Is(tt.err, fs.ErrNotExist) || errors.As(tt.err, &path) != tt.file ||
			errors.As(tt.err, &ue) == tt.file ||
			errors.Is(tt.err, oss.ErrNoSuchBucket) == tt.file {
			t.Errorf("no %s: %v", name, tt.err)
		}
	}
}
