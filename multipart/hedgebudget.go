package multipart

import (
	"slices"
	"sync"
	"time"
)

// A hedgeBudget records how long the parts of an Uploader take, and bounds the bytes that hedging wastes to a share of
// those of its parts.
type hedgeBudget struct {
	mu     sync.Mutex
	latest [16]duration // of parts, as a ring
	parts  int          // so many ever
	sent   int64        // bytes of parts that are confirmed, or under way for the first time
	wasted int64        // bytes sent twice, or reserved for that
	hedged int64        // parts that are being sent twice

	share int64 // one byte of so many may be wasted
}

// A duration is how long a part took.
type duration struct {
	size int64
	took time.Duration
}

const (
	minKnown    = 3  // parts, before there is an expected time
	wastedShare = 20 // one byte of so many may be wasted
	hedgeShare  = 8  // one part of so many in flight may be sent twice, and always one
)

// expectedTime returns how long a part of that size takes, 0 while that is unknown, and else no less than
// hedgeInterval. A smaller part gets as much time as the others took, because some of the time does not depend on the
// size.
func (b *hedgeBudget) expectedTime(size int64) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.parts < minKnown {
		return 0
	}
	var buf [len(b.latest)]time.Duration
	took := buf[:0]
	for _, d := range b.latest[:min(b.parts, len(b.latest))] {
		took = append(took, time.Duration(float64(d.took)*max(1, float64(size)/float64(d.size))))
	}
	slices.Sort(took)
	return max(took[len(took)/2], hedgeInterval)
}

// begin takes note of a part that is about to be sent.
func (b *hedgeBudget) begin(size int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent += size
}

// reserve sets so many bytes aside to be wasted, and reports whether the budget allows that.
func (b *hedgeBudget) reserve(bytes, inFlight int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if bytes <= 0 || b.hedged >= max(1, inFlight/hedgeShare) || b.wasted+bytes > b.sent/b.share {
		return false
	}
	b.wasted += bytes
	b.hedged++
	return true
}

// finish takes note of a part that has ended, and of what its hedge has wasted.
func (b *hedgeBudget) finish(h *hedge, first, second bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	size := h.first.Size()
	if h.running {
		wasted := &h.second
		if !first && second {
			wasted = &h.first
		}
		b.hedged--
		b.wasted += wasted.read.Load() - h.allowed
	} else if first {
		b.latest[b.parts%len(b.latest)] = duration{size, time.Since(h.began)}
		b.parts++
	}
	if !first && !(h.running && second) {
		b.sent -= size
	}
}
