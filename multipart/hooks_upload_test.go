package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A hookLog records what Hooks are told.
type hookLog struct {
	mu     sync.Mutex
	starts []multipart.Progress
	waits  []multipart.Progress
	ends   []multipart.Progress
	stats  []multipart.Stats
	errs   []error
	spans  int // requests whose context is that of OnStart
}

type spanKey struct{}

func (l *hookLog) hooks() multipart.Hooks {
	return multipart.Hooks{
		OnStart: func(ctx context.Context, p multipart.Progress) context.Context {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.starts = append(l.starts, p)
			return context.WithValue(ctx, spanKey{}, l)
		},
		OnWait: func(ctx context.Context, p multipart.Progress) {
			l.mu.Lock()
			defer l.mu.Unlock()
			if ctx.Value(spanKey{}) == any(l) {
				l.waits = append(l.waits, p)
			}
		},
		OnEnd: func(ctx context.Context, p multipart.Progress, s multipart.Stats, err error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			if ctx.Value(spanKey{}) == any(l) {
				l.ends, l.stats, l.errs = append(l.ends, p), append(l.stats, s), append(l.errs, err)
			}
		},
	}
}

// request counts the requests of an upload that have its context.
func (l *hookLog) request(ctx context.Context, _ oss.Operation) context.Context {
	if ctx.Value(spanKey{}) == any(l) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.spans++
	}
	return ctx
}

// Issue 16.1: traces and metrics of uploads as a whole.
func TestHooksTellEveryKindOfUploadAsAWhole(t *testing.T) {
	want := data(950)
	for name, c := range map[string]struct {
		upload        func(t *testing.T, u *multipart.Uploader) (*multipart.Result, error)
		bytes         int64
		parts, reused int
		requests      int64
	}{
		"parts": {func(t *testing.T, u *multipart.Uploader) (*multipart.Result, error) {
			return u.Upload(t.Context(), bucket, key, bytes.NewReader(want), nil)
		}, 950, 10, 0, 12},
		"stream": {func(t *testing.T, u *multipart.Uploader) (*multipart.Result, error) {
			return u.Upload(t.Context(), bucket, key, plainReader{bytes.NewReader(want)}, nil)
		}, 950, 10, 0, 12},
		"one request": {func(t *testing.T, u *multipart.Uploader) (*multipart.Result, error) {
			return u.Upload(t.Context(), bucket, key, bytes.NewReader(want[:90]), nil)
		}, 90, 0, 0, 1},
		"copy": {func(t *testing.T, u *multipart.Uploader) (*multipart.Result, error) {
			return u.Copy(t.Context(), bucket, key, oss.CopySource{Bucket: bucket, Key: "source"}, nil)
		}, 950, 10, 0, 12},
		"Writer": {func(t *testing.T, u *multipart.Uploader) (*multipart.Result, error) {
			w := u.NewWriter(t.Context(), bucket, key, nil)
			w.Write(want)
			err := w.Close()
			return w.Result(), err
		}, 950, 10, 0, 12},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				srv.PutObject(bucket, "source", want)
				var log hookLog
				cl := client(t, srv, func(cfg *oss.Config) { cfg.Hooks.OnStart = log.request })
				u := multipart.NewUploader(cl, &multipart.Options{PartSize: 100, Hooks: log.hooks(), PartList: true})
				res, err := c.upload(t, u)
				if err != nil || len(log.starts) != 1 || len(log.ends) != 1 {
					t.Fatalf("%v, %d starts, %d ends", err, len(log.starts), len(log.ends))
				}
				s := res.Stats
				wantStats := multipart.Stats{Bytes: c.bytes, Parts: c.parts, Requests: c.requests, Complete: true}
				if s.Duration = 0; s != wantStats || len(res.PartList) != res.Parts || log.spans != int(c.requests) {
					t.Errorf("Stats = %+v, want %+v; %d parts listed of %d; %d requests in the context",
						s, wantStats, len(res.PartList), res.Parts, log.spans)
				}
				if got := log.stats[0]; got != res.Stats || log.errs[0] != nil {
					t.Errorf("OnEnd got %+v, %v, and the Result %+v", got, log.errs[0], res.Stats)
				}
				if p := log.ends[0]; p.Bucket != bucket || p.Key != key || p.Done != c.bytes ||
					log.starts[0].Done != 0 {
					t.Errorf("OnStart got %+v, OnEnd %+v", log.starts[0], p)
				}
			})
		})
	}
}

func TestStatsCountWhatWasRepeatedAndHowLongAnUploadWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
		defer srv.Close()
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2, Times: 2, Effect: osstest.Fail(500, "InternalError")})
		srv.Inject(osstest.Fault{After: 5 * time.Second, For: 20 * time.Second, Effect: osstest.Drop()})
		for _, op := range []string{"CompleteMultipartUpload", "HeadObject"} { // which probes
			srv.Inject(osstest.Fault{Op: op, After: 27 * time.Second, For: 30 * time.Second, Effect: osstest.Drop()})
		}
		srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Delay(time.Second)}) // 10 parts, one after the other
		var log hookLog
		u := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 100, Concurrency: 1, Hooks: log.hooks()})
		began := time.Now()
		res, err := u.Upload(t.Context(), bucket, key, bytes.NewReader(data(950)), nil)
		if err != nil {
			t.Fatal(err)
		}
		s := res.Stats
		if s.Retries < 3 || s.Requests < s.Retries+12 || s.Duration != time.Since(began) {
			t.Errorf("%+v after %v", s, time.Since(began))
		}
		if s.Waited < 35*time.Second || s.Waited > s.Duration {
			t.Errorf("waited %v of %v", s.Waited, s.Duration)
		}
		n := len(log.waits)
		if n < 2 || n%2 != 0 || log.waits[0].WaitingFor == nil || !log.waits[n-1].WaitingSince.IsZero() {
			t.Errorf("OnWait got %+v", log.waits)
		}
	})
}

func TestHooksTellLegsAndFailures(t *testing.T) {
	withSessions(t, func(t *testing.T, srv *osstest.Server) {
		var log hookLog
		u := anUploader(srv, multipart.Options{Hooks: log.hooks()})
		cp := suspended(t, u.NewWriter(t.Context(), bucket, key, nil), data(300))
		if s := log.stats[0]; len(log.ends) != 1 || s.Complete || s.Bytes != 256 || log.errs[0] != nil {
			t.Errorf("a suspended leg: %+v, %v", s, log.errs)
		}
		w, err := u.ContinueWriter(t.Context(), cp, nil)
		if err != nil {
			t.Fatal(err)
		}
		write(t, w, data(300))
		err = w.Close()
		if s := log.stats[1]; err != nil || !s.Complete || s.Reused != 1 || s.Parts != 2 || s.Bytes != 344 ||
			s != w.Result().Stats {
			t.Errorf("the last leg: %+v, %v, %v", s, err, fmt.Sprint(w.Result()))
		}
		if p := log.ends[1]; p.Done != 600 || log.starts[1].Done != 256 {
			t.Errorf("the last leg goes from %+v to %+v", log.starts[1], p)
		}
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 3, Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		_, err = u.Upload(t.Context(), bucket, key, bytes.NewReader(data(2000)), nil)
		if s := log.stats[2]; !errors.Is(err, oss.ErrAccessDenied) || log.errs[2] != err || s.Complete {
			t.Errorf("a failure: %+v, %v, %v", s, log.errs[2], err)
		}
		if _, err := u.Upload(t.Context(), bucket, "", bytes.NewReader(nil), nil); err == nil || len(log.starts) != 3 {
			t.Errorf("a refused call: %v, %d starts", err, len(log.starts))
		}
	})
}
