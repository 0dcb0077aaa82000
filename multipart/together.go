package multipart

import (
	"context"
	"io"
	"runtime"
	"slices"
	"sync"

	"github.com/ossmultipart/go-oss/oss"
)

// A desk is where small objects that are uploaded at the same time are hashed side by side. Who comes when nobody is
// at work there begins at once, and takes along those who have come meanwhile; so one that comes alone never waits.
type desk struct {
	mu      sync.Mutex
	busy    bool
	waiting []*errand
}

// An errand is a body that waits for its digest.
type errand struct {
	body   *buffer
	digest *digest
	turn   chan bool // whether the digest is there; if not, it is this one's turn to work
}

// Sizes of objects that are hashed together with others. They are read into memory for that.
const (
	leastSmall = 16 << 10 // bytes; below, meeting costs more than it saves
	mostSmall  = 1 << 20  // bytes
)

// inMemory returns a body that is to be hashed together with others, and a function that gives its memory back. Where
// that does not pay it returns nil.
func (u *Uploader) inMemory(ctx context.Context, body oss.Body) (b *buffer, free func(), err error) {
	size, chunk := body.Size(), u.memory.chunk
	if size < leastSmall || size > mostSmall || u.lanes < sideBySide {
		return nil, nil, nil
	}
	if b, ok := body.(*buffer); ok {
		return b, func() {}, nil
	}
	room := (size + chunk - 1) / chunk * chunk // what is reserved is what is taken
	if room > u.memory.budget.bound() {
		return nil, nil, nil
	}
	if b, err = u.memory.buffer(ctx, room); err != nil {
		return nil, nil, err
	}
	err = b.fill(io.NewSectionReader(body, 0, size))
	if b.size < size && (err == nil || err == io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if b.size < size {
		b.free()
		return nil, nil, err
	}
	return b, b.free, nil
}

// digest hashes b, or has it hashed by whoever is at work.
func (d *desk) digest(u *Uploader, b *buffer) *digest {
	e := &errand{body: b, turn: make(chan bool, 1)}
	d.mu.Lock()
	d.waiting = append(d.waiting, e)
	first := !d.busy
	d.busy = true
	d.mu.Unlock()
	if !first && <-e.turn {
		return e.digest
	}

	runtime.Gosched() // lets those come who are about to
	d.mu.Lock()
	n := min(len(d.waiting), u.lanes)
	group := slices.Clone(d.waiting[:n]) // e is the first of them
	d.waiting = slices.Delete(d.waiting, 0, n)
	d.mu.Unlock()
	bodies := make([]oss.Body, n)
	for i, e := range group {
		bodies[i] = e.body
	}
	for i, digest := range u.digests(context.Background(), bodies) { // of memory: it takes a moment, and not for e alone
		group[i].digest = digest
		if group[i] != e {
			group[i].turn <- true
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.busy = len(d.waiting) > 0; d.busy {
		d.waiting[0].turn <- false
	}
	return e.digest
}
