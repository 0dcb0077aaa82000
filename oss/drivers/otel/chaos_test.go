package ossotel_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/multipart"
	ossotel "github.com/ossmultipart/go-oss/oss/drivers/otel"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// plain hides the methods of a reader, so that it is a stream.
type plain struct{ io.Reader }

// Law: whatever happens to their requests, all spans of concurrent transfers end, each within its parent, and what the
// metrics count is what the spans tell.
func TestSpansAreWellFormedInChaos(t *testing.T) {
	first, n := uint64(1), effort.Of(4, 20, 200)
	var failed, ok float64
	for seed := first; seed < first+uint64(n) && !t.Failed(); seed++ {
		synctest.Test(t, func(t *testing.T) {
			o := observe(t, ossotel.Options{}, nil)
			bad, good := o.undergo(seed)
			failed, ok = failed+bad, ok+good
		})
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}
	t.Logf("%v transfers succeeded, %v failed", ok, failed)
	if ok == 0 || failed == 0 {
		t.Error("the faults are too many or too few to show anything")
	}
}

// undergo runs transfers of every kind at the same time, with faults, and cancels some. It returns how many failed and
// how many succeeded.
func (o *observed) undergo(seed uint64) (failed, succeeded float64) {
	rnd := rand.New(rand.NewPCG(seed, 18))
	want := data(1500)
	o.srv.PutObject(bucket, "object", want)
	rates := append(osstest.BadDay(),
		osstest.Rate{Share: 0.05, Effect: osstest.Delay(20 * time.Second)}, // which is sent twice
		osstest.Rate{Share: 0.03, Effect: osstest.Hang()},
		osstest.Rate{Share: 0.03, Effect: osstest.Fail(403, "AccessDenied")})
	o.srv.Inject(osstest.Fault{After: time.Second, For: 10 * time.Second, Share: 0.3, Seed: seed,
		Effect: osstest.Drop()})
	o.srv.Inject(osstest.Fault{Effect: osstest.Chaos(seed, rates...)})
	up := o.uploader(multipart.Options{Patience: time.Minute})
	down := o.downloader(multipart.DownloadOptions{Patience: time.Minute})
	path := filepath.Join(o.t.TempDir(), "file")

	var all sync.WaitGroup
	for _, transfer := range []func(ctx context.Context) error{
		func(ctx context.Context) error {
			_, err := up.Upload(ctx, bucket, "parts", bytes.NewReader(want), nil)
			return err
		},
		func(ctx context.Context) error {
			_, err := up.Upload(ctx, bucket, "stream", plain{bytes.NewReader(want)}, nil)
			return err
		},
		func(ctx context.Context) error {
			_, err := up.Upload(ctx, bucket, "small", bytes.NewReader(want[:90]), nil)
			return err
		},
		func(ctx context.Context) error {
			w := up.NewWriter(ctx, bucket, "writer", nil)
			if _, err := w.Write(want); err != nil {
				return w.Abort()
			}
			return w.Close()
		},
		func(ctx context.Context) error {
			_, err := down.Download(ctx, bucket, "object", make(bytesAt, len(want)), nil)
			return err
		},
		func(ctx context.Context) error {
			_, err := down.DownloadFile(ctx, bucket, "object", path, nil)
			return err
		},
		func(ctx context.Context) error {
			r, err := down.NewReader(ctx, bucket, "object", nil)
			if err != nil {
				return err
			}
			defer r.Close()
			_, err = io.Copy(io.Discard, r)
			return err
		},
	} {
		ctx, cancel := context.WithCancel(o.t.Context())
		if rnd.IntN(8) == 0 {
			time.AfterFunc(time.Duration(rnd.IntN(5000))*time.Millisecond, cancel)
		}
		all.Go(func() {
			defer cancel()
			transfer(ctx) // its outcome is in the span
		})
	}
	all.Wait()

	o.checkSpans()
	checkKeys(o.t, o.spans.Ended())
	var roots, attempts, operations float64
	for _, span := range o.spans.Ended() {
		switch level(span) {
		case transfer:
			roots++
			if get(span, "error.type") == "" {
				succeeded++
			} else {
				failed++
			}
			continue
		case operation:
			operations++
		case attempt:
			attempts++
		}
		if !span.Parent().IsValid() {
			o.t.Errorf("%s is in no transfer", span.Name())
		}
	}
	if n := o.sum("oss_transfer_duration_seconds"); n != roots || roots != 7 {
		o.t.Errorf("7 transfers have %v spans, oss_transfer_duration_seconds counts %v", roots, n)
	}
	if n := o.sum("oss_transfer_duration_seconds", "error_type", ""); n != succeeded {
		o.t.Errorf("%v transfers have succeeded, oss_transfer_duration_seconds counts %v", succeeded, n)
	}
	if n := o.sum("rpc_client_call_duration_seconds"); n != operations {
		o.t.Errorf("%v operations, rpc_client_call_duration_seconds counts %v", operations, n)
	}
	if n := o.sum("oss_client_attempt_duration_seconds"); n != attempts {
		o.t.Errorf("%v attempts, oss_client_attempt_duration_seconds counts %v", attempts, n)
	}
	if a, w := o.sum("oss_transfer_active"), o.sum("oss_transfer_waiting"); a != 0 || w != 0 {
		o.t.Errorf("at the end %v transfers are active, %v wait", a, w)
	}
	return failed, succeeded
}
