package multipart

import (
	"slices"
	"sync"
	"time"
)

// A ledger says of an Uploader how long parts take, and how many bytes may be sent in vain: at most a twentieth of those
// of its parts.
type ledger struct {
	mu     sync.Mutex
	latest [16]timing // parts, round and round
	parts  int        // so many ever
	sent   int64      // bytes of parts that are confirmed, or under way for the first time
	spent  int64      // bytes sent in vain, or set aside for that
	pairs  int64      // parts that are being sent twice

	share int64 // one byte of so many may be sent in vain
}

// A timing is how long a part took.
type timing struct {
	size int64
	took time.Duration
}

const (
	leastKnown  = 3  // parts, before any is typical
	vainShare   = 20 // one byte of so many may be sent in vain
	pairsInMany = 8  // one part of so many in flight may be sent twice, and always one
)

// typical returns how long a part of that size takes, 0 while that is unknown, and else no less than can be seen. A
// smaller part is given as much time as the others took, for not all of that is the bytes' share.
func (l *ledger) typical(size int64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.parts < leastKnown {
		return 0
	}
	var buf [len(l.latest)]time.Duration
	took := buf[:0]
	for _, t := range l.latest[:min(l.parts, len(l.latest))] {
		took = append(took, time.Duration(float64(t.took)*max(1, float64(size)/float64(t.size))))
	}
	slices.Sort(took)
	return max(took[len(took)/2], leastLook)
}

// begin takes note of a part that is about to be sent.
func (l *ledger) begin(size int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent += size
}

// affords reports whether so many bytes may be in vain, besides what is set aside for others; with take, they are set
// aside.
func (l *ledger) affords(bytes, inFlight int64, take bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes <= 0 || l.pairs >= max(1, inFlight/pairsInMany) || l.spent+bytes > l.sent/l.share {
		return false
	}
	if take {
		l.spent += bytes
		l.pairs++
	}
	return true
}

// finish takes note of a part that has ended.
func (l *ledger) finish(r *race, first, second bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	size := r.first.Size()
	if r.running {
		vain := &r.second
		if !first && second {
			vain = &r.first
		}
		l.pairs--
		l.spent += vain.handed.Load() - r.allowed
	} else if first {
		l.latest[l.parts%len(l.latest)] = timing{size, time.Since(r.began)}
		l.parts++
	}
	if !first && !(r.running && second) {
		l.sent -= size
	}
}
