package multipart

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/internal/reqstats"
	"github.com/ossmultipart/go-oss/oss"
)

// This file is the engine that moves the pieces of a source side by side. It does not know what becomes of a piece:
// uploads, copies and downloads each have a sender. It is the only file that imports errgroup.

// A transfer moves the pieces of one source. Its permits are those of the Governor of an Uploader or a Downloader, so
// that all transfers of one of these share a limit.
type transfer struct {
	governor  *flow.Governor
	hedges    *hedgeBudget // nil: no piece is sent twice
	limiter   Limiter      // nil: the bytes are not paced
	meter     *meter       // nil: progress is not reported
	guard     *guard       // of the caller's code
	hedged    func()       // called when a piece is sent a second time
	fixedRate bool         // OSS limits the speed of each request, as the caller asked
	maxInHand int64        // pieces that have begun and have not ended
	parts     int          // expected; 0 if unknown
	noParts   bool         // the result has no parts: a Reader may have any number of them
}

// A sender makes a part of one piece. It is called once for each piece, by several goroutines at a time, while the
// permit of the piece is held.
type sender func(ctx context.Context, p admitted) (oss.Part, error)

// An admitted piece holds a permit.
type admitted struct {
	piece
	permit   *flow.Permit
	transfer *transfer
	metered  oss.Body // the body, paced and counted while it is sent
}

// transferResult describes the parts of a transfer that has ended.
type transferResult struct {
	mu     sync.Mutex
	parts  []oss.Part  // stored and confirmed
	failed []PartError // failed, other than because another part had failed
	cut    bool        // a request for a part got no answer, and may arrive late
	crc    uint64      // of the whole object, where the parts do not tell; 0 if unknown

	noParts bool // parts stays empty
}

// stored returns the bytes that OSS confirmed.
func (r *transferResult) stored() (n int64) {
	for _, part := range r.parts {
		n += part.Size
	}
	return n
}

func (r *transferResult) anyFailed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.failed) > 0
}

// add records how a piece ended. ctx is the context of the transfer.
func (r *transferResult) add(ctx context.Context, s Section, part oss.Part, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		if !r.noParts {
			r.parts = append(r.parts, part)
		}
		return
	}
	var answer *oss.ServiceError
	r.cut = r.cut || !errors.As(err, &answer) || answer.Code == ""
	if ended := ctx.Err(); ended == nil || !errors.Is(err, ended) {
		r.failed = append(r.failed, PartError{Section: s, Err: err})
	}
}

// run calls send for each piece of the source that open returns. The goroutines of the source end with the context
// given to open; the function that open returns waits for them.
//
// The first failure cancels the other parts. run returns it once all of them have ended. run acquires the permit of a
// piece before it hands the piece to a worker, so that a transfer has one place in the queue for permits, however many
// parts it has. There are no more workers than pieces in hand.
func (t *transfer) run(
	ctx context.Context, open func(context.Context) (source, func()), send sender,
) (*transferResult, error) {
	res := &transferResult{parts: make([]oss.Part, 0, t.parts), noParts: t.noParts}
	ctx, count := reqstats.NewContext(ctx)
	g, gctx := errgroup.WithContext(ctx)
	src, end := open(gctx)
	defer end()
	inHand := flow.NewSemaphore(t.maxInHand)
	next := make(chan admitted) // to an idle worker
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
			if permit, err = t.admit(gctx, inHand); err != nil {
				p.free()
			}
		}
		if err == nil && res.anyFailed() { // the permit came from a part that failed, before gctx ended
			permit.Release()
			p.free()
			break
		}
		if err != nil {
			if gctx.Err() == nil { // otherwise a part has failed, or the caller has cancelled
				g.Go(func() error { return err })
			}
			break
		}
		e := admitted{piece: p, permit: permit, transfer: t, metered: t.metered(p.body)}
		select {
		case next <- e:
		default:
			g.Go(func() (err error) {
				defer t.guard.catch(&err)
				for more := true; more; e, more = <-next {
					err := t.runPart(gctx, e, send, res)
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
	res.cut = res.cut || count.Unanswered.Load() > 0
	slices.SortFunc(res.parts, byNumber)
	slices.SortFunc(res.failed, func(a, b PartError) int { return cmp.Compare(a.Number, b.Number) })
	return res, err
}

// admit waits until another piece may begin, and returns its permit.
func (t *transfer) admit(ctx context.Context, inHand *flow.Semaphore) (*flow.Permit, error) {
	if err := inHand.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	return t.governor.Acquire(ctx, t.meter.waits)
}

// runPart sends one piece, and releases what the piece holds. Its operation waits while OSS throttles or cannot be
// reached.
func (t *transfer) runPart(ctx context.Context, e admitted, send sender, res *transferResult) error {
	defer e.permit.Release()
	defer e.free()
	var part oss.Part
	err := e.permit.Do(ctx, t.tunable(e.Size), func(ctx context.Context) (err error) {
		part, err = send(ctx, e)
		return err
	})
	if err == nil {
		t.meter.stored(e.Size)
	}
	res.add(ctx, e.Section, part, err)
	return err
}

// tunable returns the size of a request for the Governor, which finds the concurrency by throughput. It returns 0,
// which is not measured, where OSS limits the speed of each request: more requests would only evade that limit.
func (t *transfer) tunable(size int64) int64 {
	if t.fixedRate {
		return 0
	}
	return size
}

// inParallel calls f for each item, in at most n goroutines. The first error cancels the context of the others, and is
// returned.
func inParallel[T any](ctx context.Context, n int, items []T, f func(context.Context, T) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(n)
	for _, item := range items {
		g.Go(func() error { return f(ctx, item) })
	}
	return g.Wait()
}

func byNumber(a, b oss.Part) int { return cmp.Compare(a.Number, b.Number) }
