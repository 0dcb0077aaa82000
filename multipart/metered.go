package multipart

import (
	"context"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/internal/zerocopy"
	"github.com/ossmultipart/go-oss/oss"
)

// metered returns a body that is paced by the Limiter and reports its progress, or body itself if there is neither a
// Limiter nor a meter.
func (t *transfer) metered(body oss.Body) oss.Body {
	if !t.meter.reports() && t.limiter == nil {
		return body
	}
	return &meteredBody{Body: body, pacer: pacer{t.limiter, t.guard}, meter: t.meter}
}

// A meteredBody waits for the Limiter before each read, and reports the bytes read to the meter. It is an
// oss.ContextBody, so that the end of an attempt ends the wait.
type meteredBody struct {
	oss.Body
	pacer
	meter *meter

	mu   sync.Mutex
	seen int64 // the end of the furthest byte sent; bytes sent again are not counted
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

// Region implements zerocopy.Source. It returns nothing if there is a Limiter.
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

// pace waits until the Limiter permits some bytes of p, and returns those.
func (w *meteredBody) pace(ctx context.Context, p []byte, off int64) (allowed []byte, err error) {
	rest := max(min(w.Size()-off, int64(len(p))), 0)
	if rest == 0 {
		return p, nil
	}
	n, err := w.wait(ctx, int(rest))
	return p[:n], err
}

// A pacer asks the Limiter of the caller.
type pacer struct {
	limiter Limiter
	guard   *guard
}

// wait waits until the Limiter permits up to n bytes, at least one, and returns how many. A *rate.Limiter refuses more
// than its burst, which may be lowered between Burst and WaitN: then wait tries again with fewer bytes.
func (p pacer) wait(ctx context.Context, n int) (allowed int, err error) {
	defer p.guard.catch(&err)
	burst := func() int {
		if b, ok := p.limiter.(interface{ Burst() int }); ok {
			return b.Burst()
		}
		return 0 // no limit
	}
	for {
		if most := burst(); most > 0 {
			n = min(n, most)
		}
		err := p.limiter.WaitN(endless{ctx}, n)
		if most := burst(); err != nil && ctx.Err() == nil && 0 < most && most < n {
			continue
		}
		return n, err
	}
}

// endless hides the deadline of a context. If a wait would outlast the deadline, a *rate.Limiter fails at once with its
// own error. Without one it waits until the deadline, and fails with the error of the context.
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
