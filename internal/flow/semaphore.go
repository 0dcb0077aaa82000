package flow

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// A Semaphore bounds something that many share: requests in flight, or bytes in memory. Unlike
// golang.org/x/sync/semaphore its limit can change while permits are held. Waiters are served in order of arrival, so
// that small demands cannot starve a large one.
//
// It is safe for concurrent use.
type Semaphore struct {
	Name   string       // what the permits are of, for errors and logs
	Logger *slog.Logger // logs a wait of more than a second at Debug; nil logs nothing

	mu    sync.Mutex
	limit int64
	held  int64
	queue waiters
	spare []*waiter // for reuse, at most maxSpare
}

// maxSpare bounds the memory that a burst of waiters leaves behind.
const maxSpare = 64

// NewSemaphore returns a Semaphore of limit permits.
func NewSemaphore(limit int64) *Semaphore { return &Semaphore{Name: "a permit", limit: limit} }

// Acquire takes n permits. It waits until they are free or ctx is done, and returns ctx's error then. A demand above
// the limit is granted once no other permit is held.
func (s *Semaphore) Acquire(ctx context.Context, n int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.queue.first == nil && s.fits(n) {
		s.held += n
		s.mu.Unlock()
		return nil
	}
	w := s.newWaiter(n)
	s.queue.push(w)
	s.mu.Unlock()

	if s.await(ctx, w) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.recycle(w)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.queued {
		s.queue.remove(w)
	} else {
		<-w.granted // granted while the context ended
		s.held -= n
	}
	s.recycle(w)
	s.grant() // those behind may fit where this one did not
	return fmt.Errorf("%w, while waiting for %s", ctx.Err(), s.Name)
}

// longWait is how long a wait may take before it is logged.
const longWait = time.Second

// await reports whether w was granted before ctx ended.
func (s *Semaphore) await(ctx context.Context, w *waiter) bool {
	if s.Logger != nil && s.Logger.Enabled(ctx, slog.LevelDebug) {
		defer time.AfterFunc(longWait, func() {
			s.Logger.LogAttrs(ctx, slog.LevelDebug, "waiting for "+s.Name)
		}).Stop()
	}
	select {
	case <-w.granted:
		return true
	case <-ctx.Done():
		return false
	}
}

// TryAcquire takes n permits if they are free and no caller waits, and reports whether it did.
func (s *Semaphore) TryAcquire(n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queue.first != nil || !s.fits(n) {
		return false
	}
	s.held += n
	return true
}

// Release gives n permits back. It panics if fewer are held.
func (s *Semaphore) Release(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n > s.held {
		panic("flow: released more than held")
	}
	s.held -= n
	s.grant()
}

// Limit returns the limit.
func (s *Semaphore) Limit() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limit
}

// SetLimit changes the limit. Permits that are held in excess of it are not taken back.
func (s *Semaphore) SetLimit(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = n
	s.grant()
}

// Held returns how many permits are held.
func (s *Semaphore) Held() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

// Waiting returns how many callers of Acquire wait.
func (s *Semaphore) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queue.len
}

func (s *Semaphore) fits(n int64) bool { return n <= s.limit-s.held || s.held == 0 }

// grant serves the waiters that fit, in order.
func (s *Semaphore) grant() {
	for w := s.queue.first; w != nil && s.fits(w.n); w = s.queue.first {
		s.queue.remove(w)
		s.held += w.n
		w.granted <- struct{}{} // never blocks: the channel has room for the only token
	}
}

func (s *Semaphore) newWaiter(n int64) *waiter {
	if last := len(s.spare) - 1; last >= 0 {
		w := s.spare[last]
		s.spare = s.spare[:last]
		w.n = n
		return w
	}
	return &waiter{n: n, granted: make(chan struct{}, 1)}
}

func (s *Semaphore) recycle(w *waiter) {
	if len(s.spare) < maxSpare {
		s.spare = append(s.spare, w)
	}
}

// A waiter is one blocked call of Acquire.
type waiter struct {
	n          int64
	granted    chan struct{} // holds a token once the permits are taken
	queued     bool
	prev, next *waiter
}

// waiters is a queue from which any element can be removed.
type waiters struct {
	first, last *waiter
	len         int
}

func (q *waiters) push(w *waiter) {
	w.queued, w.prev, w.next = true, q.last, nil
	if q.last == nil {
		q.first = w
	} else {
		q.last.next = w
	}
	q.last = w
	q.len++
}

func (q *waiters) remove(w *waiter) {
	if w.prev == nil {
		q.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.queued, w.prev, w.next = false, nil, nil
	q.len--
}
