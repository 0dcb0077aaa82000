package multipart

import (
	"slices"
	"sync"
	"time"
)

// A hedgeBudget records recent durations of the parts of an Uploader, and limits the bytes that hedging wastes to a
// share of the bytes of its parts.
type hedgeBudget struct {
	mu     sync.Mutex
	latest [16]duration // of parts, as a ring
	parts  int          // number of parts ever recorded
	sent   int64        // bytes of parts that are confirmed, or in flight for the first time
	wasted int64        // bytes sent twice, or reserved for that
	hedged int64        // parts that are being sent twice

	share int64 // one of this many bytes may be wasted
}

// A duration is the time that a part of a certain size took.
type duration struct {
	size int64
	took time.Duration
}

const (
	minKnown    = 3  // parts that must be recorded before there is an expected time
	wastedShare = 20 // one of this many bytes may be wasted
	hedgeShare  = 8  // one of this many parts in flight may be sent twice, and always one
)

// expectedTime returns the expected duration of a part of that size, at least hedgeInterval, or 0 while it is unknown.
// A smaller part gets as much time as larger ones, because some of the time does not depend on the size.
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

// begin records a part that is about to be sent.
func (b *hedgeBudget) begin(size int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent += size
}

// reserve reserves bytes that may be wasted, and reports whether the budget allows it.
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

// finish records a part that has ended, and the bytes that its hedge has wasted.
func (b *hedgeBudget) finish(h *hedge, first, second bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	size := h.size
	if h.running {
		wasted := &h.second
		if !first && second {
			wasted = &h.first
		}
		b.hedged--
		b.wasted += wasted.read.Load() - h.second.from - h.wasted
	} else if first {
		b.latest[b.parts%len(b.latest)] = duration{size, time.Since(h.began)}
		b.parts++
	}
	if !first && !(h.running && second) {
		b.sent -= size
	}
}
