package multipart

import (
	"bytes"
	"runtime"
	"strings"
	"sync"

	"github.com/ossmultipart/go-oss/oss"
)

// A combiner hashes bodies that several goroutines submit at about the same time, and that can be read without waiting:
// objects, parts of streams, and files in the page cache. This is flat combining: the first caller hashes for all that
// wait, one chunk of each body per step, and hands the token on when its own bodies are done. Bodies that are submitted
// later get a free lane at the next step. A caller that is alone never waits.
type combiner struct {
	mu      sync.Mutex
	busy    bool // a caller has the token
	waiting []*hashRequest

	group *laneGroup // of the caller that has the token
}

// A hashCall is a call of serve.
type hashCall struct {
	left  int       // requests that have not ended; of the caller that has the token
	token chan bool // receives true when all have ended, or false with the token
}

// serve hashes the bodies of the requests, which combines accepted.
func (c *combiner) serve(u *Uploader, requests []hashRequest) {
	call := &hashCall{left: len(requests), token: make(chan bool, 1)}
	c.mu.Lock()
	for i := range requests {
		requests[i].call = call
		c.waiting = append(c.waiting, &requests[i])
	}
	first := !c.busy
	c.busy = true
	c.mu.Unlock()
	if !first && <-call.token {
		return
	}
	runtime.Gosched() // lets concurrent callers join
	for call.left > 0 {
		c.admit(u)
		c.step(call)
	}
	c.handOff()
}

// admit assigns free lanes to waiting requests.
func (c *combiner) admit(u *Uploader) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.group == nil {
		c.group = newLaneGroup(u.lanes, &u.scratch)
	}
	for len(c.waiting) > 0 && c.group.admit(c.waiting[0]) {
		c.waiting[0] = nil
		c.waiting = c.waiting[1:]
	}
}

// step hashes a chunk of each body. It wakes the other callers whose bodies are done.
func (c *combiner) step(own *hashCall) {
	for _, r := range c.group.step() {
		if r.call.left--; r.call.left == 0 && r.call != own {
			r.call.token <- true // never blocks, as handOff does not: each call receives once
		}
	}
}

// handOff gives the token to a caller whose bodies are not done.
func (c *combiner) handOff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.group.lanes {
		if r != nil {
			r.call.token <- false
			return
		}
	}
	if c.busy = len(c.waiting) > 0; c.busy {
		c.waiting[0].call.token <- false
	}
}

// Sizes of objects that are read into memory to be hashed together with others.
const (
	leastSmall = 16 << 10 // bytes; for smaller objects combining costs more than it saves
	mostSmall  = 1 << 20  // bytes
)

// toCombine returns what the combiner should hash and what should be sent for body, and a function that releases its
// memory. It is body itself, or a copy of a small body that cannot be sent from where it is. It is nil if the combiner
// should not hash it. toCombine never waits for memory, because body can be hashed without.
func (u *Uploader) toCombine(body oss.Body) (near oss.Body, free func()) {
	size := body.Size()
	if size < leastSmall || u.lanes < minGroup {
		return nil, nil
	}
	if size <= mostSmall && !u.sentInPlace(body) {
		if b := u.memory.load(body); b != nil {
			return b, b.free
		}
	}
	if !u.combines(body) {
		return nil, nil
	}
	return body, func() {}
}

// sentInPlace reports whether body is sent from where it is: a buffer, or a file in the page cache.
func (u *Uploader) sentInPlace(body oss.Body) bool {
	switch b := body.(type) {
	case *buffer:
		return true
	case sectionBody:
		return u.ahead.cached(b)
	}
	return false
}

// combines reports whether the combiner may hash body: others would have to wait if body came from a disk.
func (u *Uploader) combines(body oss.Body) bool {
	if w, ok := body.(sectionBody); ok {
		switch w.r.(type) {
		case *bytes.Reader, *strings.Reader:
			return u.lanes >= minGroup
		}
	}
	return u.lanes >= minGroup && u.sentInPlace(body)
}
