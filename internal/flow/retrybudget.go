package flow

import "sync"

// A RetryBudget bounds how much load the retries of many concurrent operations add while a service fails. It is a token
// bucket without a clock: retries take tokens, and successes give them back. While all goes well it is full and bounds
// nothing; while everything fails it runs empty, and each operation makes one attempt only.
//
// It is safe for concurrent use.
type RetryBudget struct {
	mu       sync.Mutex
	left     int // tenths of a token
	capacity int // tenths of a token
}

// tenths is the worth of a token. A success that took none gives back one tenth, so that retries are at most a tenth
// of the load once the bucket is empty.
const tenths = 10

// NewRetryBudget returns a full bucket of the given tokens.
func NewRetryBudget(tokens int) *RetryBudget {
	return &RetryBudget{left: tokens * tenths, capacity: tokens * tenths}
}

// Take takes a token for one retry, and reports whether there was one.
func (b *RetryBudget) Take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left < tenths {
		return false
	}
	b.left -= tenths
	return true
}

// Succeeded says that an operation has succeeded which took the given tokens. It gives them back, or a tenth of a
// token if there are none.
func (b *RetryBudget) Succeeded(taken int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = min(b.left+max(taken*tenths, 1), b.capacity)
}

// Left returns the whole tokens that are left.
func (b *RetryBudget) Left() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left / tenths
}
