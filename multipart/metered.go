package multipart

import (
	"context"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/internal/zerocopy"
	"github.com/ossmultipart/go-oss/oss"
)

// metered returns body so that sending it asks the Limiter and is reported, or body itself where there is neither.
func (t *transfer) metered(body oss.Body) oss.Body {
	if t.meter == nil && t.limiter == nil {
		return body
	}
	return &meteredBody{Body: body, limiter: t.limiter, guard: t.guard, meter: t.meter}
}

// A meteredBody asks the Limiter before each read, and tells the meter how far sending has got. It is an
// oss.ContextBody, so that what ends an attempt ends its waiting.
type meteredBody struct {
	oss.Body
	limiter Limiter
	guard   *guard
	meter   *meter

	mu   sync.Mutex
	seen int64 // the furthest byte sent; one sent again is not counted again
}

func (w *meteredBody) ReadAt(p []byte, off int64) (int, error) {
	return w.ReadAtContext(context.Background(), p, off)
}

func (w *meteredBody) ReadAtContext(ctx context.Context, p []byte, off int64) (n int, err error) {
	for {
		step := p[n:]
		if w.limiter != nil {
			if step, err = w.pace(ctx, step, off+int64(n)); err != nil {
				return n, err
			}
		}
		m, err := w.Body.ReadAt(step, off+int64(n))
		n += m
		w.progress(off + int64(n))
		if err != nil || n == len(p) {
			return n, err
		}
	}
}

// Region implements zerocopy.Source, where no Limiter has to be asked.
func (w *meteredBody) Region(off, n int64, files bool) (zerocopy.Region, error) {
	lender, ok := w.Body.(zerocopy.Source)
	if !ok || w.limiter != nil {
		return zerocopy.Region{}, nil
	}
	lent, err := lender.Region(off, n, files)
	if !lent.IsZero() {
		w.progress(off + lent.Size)
	}
	return lent, err
}

// pace waits until the Limiter allows some of p, and returns that. A *rate.Limiter refuses more than
// its burst at once, which may be lowered between two looks at it.
func (w *meteredBody) pace(ctx context.Context, p []byte, off int64) (allowed []byte, err error) {
	defer w.guard.catch(&err)
	burst := func() int {
		if b, ok := w.limiter.(interface{ Burst() int }); ok {
			return b.Burst()
		}
		return 0 // there is none, or no bound
	}
	n := min(len(p), int(max(min(w.Size()-off, int64(len(p))), 0)))
	for {
		if most := burst(); most > 0 {
			n = min(n, most)
		}
		if n == 0 {
			return p, nil
		}
		err := w.limiter.WaitN(endless{ctx}, n)
		if most := burst(); err != nil && ctx.Err() == nil && 0 < most && most < n {
			continue
		}
		return p[:n], err
	}
}

// endless hides the deadline of a context. A *rate.Limiter fails at once, with an error of its own, when a wait would
// outlast the deadline; without one it fails at the deadline, with the context's error.
type endless struct{ context.Context }

func (endless) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }

func (w *meteredBody) progress(to int64) {
	w.mu.Lock()
	more := to - w.seen
	w.seen = max(w.seen, to)
	w.mu.Unlock()
	if more > 0 {
		w.meter.sent(more)
	}
}
