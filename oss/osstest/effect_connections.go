package osstest

import (
	"math"
	"sync"
)

// slowFactor is how many times slower the slow ones of SlowConnections are.
const slowFactor = 50

// SlowConnections moves body bytes as Slow does, at the given rate on most connections, and at a
// fiftieth of it on a share of them: two of ten for a share of 0.2, spread evenly in the order in which
// connections bring their first matching request. A connection stays what it is for as long as it is
// open. Operations without a body to move do not match.
func SlowConnections(bytesPerSecond int64, share float64) Effect {
	switch {
	case bytesPerSecond < slowFactor:
		panic("osstest: SlowConnections: a fiftieth of the rate must be at least a byte a second")
	case !(share > 0 && share <= 1):
		panic("osstest: SlowConnections: the share must be above 0 and at most 1")
	}
	c := &connectionSpeeds{share: share, slow: make(map[string]bool)}
	return newEffect("SlowConnections", hasBody, func(x *exchange) error {
		rate := bytesPerSecond
		if c.isSlow(x.r.RemoteAddr) {
			rate /= slowFactor
		}
		x.filter(throttleTo(rate))
		return nil
	}, bytesPerSecond, share)
}

// connectionSpeeds are told apart by the address of the client.
type connectionSpeeds struct {
	share float64
	mu    sync.Mutex
	slow  map[string]bool
}

// isSlow decides when it sees a connection for the first time.
func (c *connectionSpeeds) isSlow(addr string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	slow, known := c.slow[addr]
	if !known {
		// So many of the first n are slow. The share times 100 of 0.29 is a little below 29.
		slowOf := func(n int) float64 { return math.Floor(float64(n)*c.share + 1e-9) }
		n := len(c.slow) + 1
		slow = slowOf(n) > slowOf(n-1)
		c.slow[addr] = slow
	}
	return slow
}
