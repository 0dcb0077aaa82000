package multipart

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/internal/reqstats"
	"github.com/ossmultipart/go-oss/internal/zerocopy"
	"github.com/ossmultipart/go-oss/oss"
)

// This file is the only one that knows errgroup: the one engine that sends parts side by side.

// transferResult are what came of a transfer.
type transferResult struct {
	mu     sync.Mutex
	parts  []oss.Part  // stored and confirmed
	failed []PartError // given up, other than for a failure elsewhere
	cut    bool        // one of those begun got no answer
}

// stored returns the bytes that OSS confirmed.
func (p *transferResult) stored() (n int64) {
	for _, part := range p.parts {
		n += part.Size
	}
	return n
}

func (p *transferResult) anyFailed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.failed) > 0
}

// transfer sends all pieces of src as parts of the job's upload. The first failure cancels the rest, and is the error
// returned when all have ended. It acquires the permit of a piece before it hands the piece to a worker, so that an
// upload has one place in the queue for permits, however many parts it has. There are no more workers than pieces in
// hand.
func (j *job) transfer(ctx context.Context, src source) (*transferResult, error) {
	done := &transferResult{parts: make([]oss.Part, 0, j.plan.NumParts())}
	ctx, count := reqstats.NewContext(ctx)
	g, gctx := errgroup.WithContext(ctx)
	src, end := j.hashAhead(gctx, src)
	defer end()
	inHand := flow.NewSemaphore(j.maxInHand())
	next := make(chan admitted) // to a worker that has nothing to do
	var starved error           // the source waited for memory when the upload was cancelled
	for {
		p, err := src.next(gctx)
		if errors.Is(err, errNoMemory) {
			starved = err
		}
		if err == io.EOF {
			break
		}
		var permit *flow.Permit
		if err == nil {
			if permit, err = j.admit(gctx, inHand); err != nil {
				p.free()
			}
		}
		if err == nil && done.anyFailed() { // the permit is that of a part whose failure is just being told
			permit.Release()
			p.free()
			break
		}
		if err != nil {
			if gctx.Err() == nil { // else a part has failed, or the caller has given up
				g.Go(func() error { return err })
			}
			break
		}
		e := admitted{p, permit}
		select {
		case next <- e:
		default:
			g.Go(func() (err error) {
				defer j.guard.catch(&err)
				for more := true; more; e, more = <-next {
					err := j.runPart(gctx, e, done)
					inHand.Release(1)
					if err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	close(next)
	err := g.Wait()
	if err == nil && ctx.Err() != nil {
		err = cmp.Or(starved, ctx.Err())
	}
	j.cut = j.cut || done.cut || count.Unanswered.Load() > 0
	slices.SortFunc(done.parts, byNumber)
	slices.SortFunc(done.failed, func(a, b PartError) int { return cmp.Compare(a.Number, b.Number) })
	return done, err
}

// maxInHand bounds the pieces that have been begun and have not ended: those in flight, and as many that wait to be
// sent again, because those have no permit.
func (j *job) maxInHand() int64 { return 2 * max(int64(j.u.opts.Concurrency), MaxConcurrency) }

// admit waits until another piece may be begun.
func (j *job) admit(ctx context.Context, inHand *flow.Semaphore) (*flow.Permit, error) {
	if err := inHand.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	return j.u.governor.Acquire(ctx, j.waits)
}

// An admitted piece comes with the permit to send it.
type admitted struct {
	piece
	permit *flow.Permit
}

// runPart sends one piece, and gives back what it holds.
func (j *job) runPart(ctx context.Context, e admitted, done *transferResult) error {
	defer e.permit.Release()
	defer e.free()
	part, err := j.sendThrottled(ctx, e)
	done.mu.Lock()
	defer done.mu.Unlock()
	if err != nil {
		var answer *oss.ServiceError
		done.cut = done.cut || !errors.As(err, &answer) || answer.Code == ""
		if ended := ctx.Err(); ended == nil || !errors.Is(err, ended) {
			done.failed = append(done.failed, PartError{Section: e.Section, Err: err})
		}
		return err
	}
	done.parts = append(done.parts, part)
	return nil
}

func byNumber(a, b oss.Part) int { return cmp.Compare(a.Number, b.Number) }

// verify returns those of the parts held that fit the plan and have the bytes of in. It reads in, and
// sends nothing.
func (j *job) verify(ctx context.Context, in input, held []oss.Part) ([]oss.Part, error) {
	var mu sync.Mutex
	var kept []oss.Part
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(j.u.opts.Concurrency)
	for _, part := range held {
		s, ok := j.section(part.Number)
		if !ok || s.Size != part.Size {
			continue
		}
		g.Go(func() error {
			equal, err := j.u.partMatches(gctx, part, sectionBody{r: in.at, base: in.base + s.Offset, size: s.Size})
			if equal && err == nil {
				mu.Lock()
				defer mu.Unlock()
				kept = append(kept, part)
			}
			return err
		})
	}
	err := g.Wait()
	slices.SortFunc(kept, byNumber)
	return kept, err
}

// sendThrottled sends one piece, however often its attempts fail for throttling or an outage.
func (j *job) sendThrottled(ctx context.Context, e admitted) (part oss.Part, err error) {
	send := j.send
	if send == nil {
		send = j.sendPart
	}
	e.metered = j.metered(e.body) // once, so that what is sent again is not counted again
	err = e.permit.Do(ctx, j.tunable(e.Size), func(ctx context.Context) (err error) {
		part, err = send(ctx, e)
		return err
	})
	if err == nil {
		j.meter.stored(e.Size)
	}
	return part, err
}

// tunable returns the size of what is sent, for the governor. Under a traffic limit each request is as slow as was
// asked for, and more of them would only get round it.
func (j *job) tunable(size int64) int64 {
	if j.options.part.Header.Get("X-Oss-Traffic-Limit") != "" {
		return 0
	}
	return size
}

// sendPart uploads one piece and returns the part that OSS confirmed, with our own CRC-64 if OSS told none.
func (j *job) sendPart(ctx context.Context, p admitted) (oss.Part, error) {
	opts := j.options.part
	opts.Checksum = j.u.opts.Checksum
	if opts.Checksum != oss.ChecksumMD5 {
		return j.sendHedged(ctx, p, opts)
	}
	sums := p.sums
	if sums == nil {
		var err error
		if sums, err = j.u.sumOf(ctx, p.toHash()); err != nil {
			return oss.Part{}, err
		}
	}
	opts.MD5, opts.CRC64 = sums.md5[:], &sums.crc
	part, err := j.sendHedged(ctx, p, opts)
	if part.CRC64 == 0 {
		part.CRC64 = sums.crc
	}
	return part, err
}

// metered returns body so that sending it is paced and seen, or body itself if nobody asks for that.
func (j *job) metered(body oss.Body) oss.Body {
	if j.meter == nil && j.u.opts.Limiter == nil {
		return body
	}
	return &meteredBody{Body: body, limiter: j.u.opts.Limiter, guard: &j.guard, meter: j.meter}
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
