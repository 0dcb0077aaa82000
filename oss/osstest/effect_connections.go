package osstest

import (
	"math"
	"sync"
)

// slowFactor is the rate of SlowConnections divided by that of its slow connections.
const slowFactor = 50

// SlowConnections limits the rate of bodies as Slow does, and to a fiftieth of bytesPerSecond on a share of the
// connections. A share of 0.2 makes two of ten connections slow, spread evenly over the order of their first matching
// requests. A connection keeps its rate while it is open. Operations without any body do not match.
func SlowConnections(bytesPerSecond int64, share float64) Effect {
	switch {
	case bytesPerSecond < slowFactor:
		panic("osstest: SlowConnections: a fiftieth of the rate must be at least one byte per second")
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

// connectionSpeeds decides which connections are slow. It identifies them by the address of the client.
type connectionSpeeds struct {
	share float64
	mu    sync.Mutex
	slow  map[string]bool
}

// isSlow decides about a connection at its first request.
func (c *connectionSpeeds) isSlow(addr string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	slow, known := c.slow[addr]
	if !known {
		// slowOf returns how many of the first n are slow. 0.29 times 100 is a little below 29.
		slowOf := func(n int) float64 { return math.Floor(float64(n)*c.share + 1e-9) }
		n := len(c.slow) + 1
		slow = slowOf(n) > slowOf(n-1)
		c.slow[addr] = slow
	}
	return slow
}
