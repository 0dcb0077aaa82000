package multipart

import (
	"context"
	"runtime"
	"sync"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/internal/md5lanes"
	"github.com/ossmultipart/go-oss/oss"
)

// A desk is where bodies in memory are hashed side by side: small objects that are uploaded at the same time, and parts
// of streams that are not hashed ahead. Who comes when nobody is at work there begins at once; who comes later takes a
// lane beside those under way. The work is done by one of those who wait, a step of each body at a time, and goes on to
// another when his own is done; so one that comes alone never waits.
type desk struct {
	mu      sync.Mutex
	busy    bool // somebody is at work
	waiting []*errand

	// For whoever is at work.
	hasher *md5lanes.Hasher
	seats  []*errand // one for each lane, nil where it is free
	slices [][]byte  // what each lane is given
}

// An errand is a body that waits for its digest.
type errand struct {
	ctx    context.Context
	body   *buffer
	off    int64   // of what is to be hashed next
	copied *[]byte // a step of memory, once some does not lie in one piece
	digest *digest
	ended  bool
	turn   chan bool // whether it has ended; if not, it is this one's turn to work
}

// digest returns the digest of b, hashed beside others that are hashed at this time.
func (u *Uploader) digestTogether(ctx context.Context, b *buffer) (*digest, error) {
	d := &u.desk
	e := &errand{ctx: ctx, body: b, digest: new(digest), turn: make(chan bool, 1)}
	d.mu.Lock()
	d.waiting = append(d.waiting, e)
	first := !d.busy
	d.busy = true
	d.mu.Unlock()
	if first || !<-e.turn {
		runtime.Gosched() // lets those come who are about to
		for !e.ended {
			d.seat(u)
			d.step(u, e)
		}
		d.pass()
	}
	return e.digest, ctx.Err()
}

// seat gives free lanes to those who wait.
func (d *desk) seat(u *Uploader) {
	if d.hasher == nil {
		d.hasher, d.seats, d.slices = md5lanes.New(u.lanes), make([]*errand, u.lanes), make([][]byte, u.lanes)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.seats {
		if d.seats[i] == nil && len(d.waiting) > 0 {
			d.seats[i], d.waiting = d.waiting[0], d.waiting[1:]
			d.hasher.Restart(i)
		}
	}
}

// step hashes a step of each body that has a lane, and sends home whose are done. own is that of the one at work.
func (d *desk) step(u *Uploader, own *errand) {
	for i, e := range d.seats {
		if d.slices[i] = nil; e != nil && e.ctx.Err() == nil {
			d.slices[i] = u.nextStep(e)
		}
	}
	d.hasher.Write(d.slices)
	for i, e := range d.seats {
		if e == nil || e.off < e.body.size && e.ctx.Err() == nil {
			continue
		}
		e.digest.md5 = d.hasher.SumOf(i)
		if e.copied != nil {
			u.scratch.Put(e.copied)
		}
		d.seats[i], e.ended = nil, true
		if e != own {
			e.turn <- true
		}
	}
}

// nextStep returns what is to be hashed next of a body.
func (u *Uploader) nextStep(e *errand) []byte {
	p := inPlace(e.body, e.off)
	if p == nil {
		if e.copied == nil {
			e.copied = u.scratch.Get().(*[]byte)
		}
		n, _ := e.body.ReadAt((*e.copied)[:min(hashStep, e.body.size-e.off)], e.off) // of memory: it cannot fail
		p = (*e.copied)[:n]
	}
	e.off += int64(len(p))
	e.digest.crc = crc64.Update(e.digest.crc, p)
	return p
}

// pass leaves the work to one of those who are not done.
func (d *desk) pass() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.seats {
		if e != nil {
			e.turn <- false
			return
		}
	}
	if d.busy = len(d.waiting) > 0; d.busy {
		d.waiting[0].turn <- false
	}
}

// Sizes of objects that are hashed together with others. They are read into memory for that.
const (
	leastSmall = 16 << 10 // bytes; below, meeting costs more than it saves
	mostSmall  = 1 << 20  // bytes
)

// inMemory returns body in memory, to be hashed together with others, and a function that gives the memory back. It
// returns nil if that would cost more than it saves, or if there is no memory at this moment: it never waits, as body
// can be hashed where it is.
func (u *Uploader) inMemory(body oss.Body) (b *buffer, free func()) {
	size := body.Size()
	if size < leastSmall || u.lanes < sideBySide {
		return nil, nil
	}
	if b, ok := body.(*buffer); ok {
		return b, func() {}
	}
	if size > mostSmall {
		return nil, nil
	}
	if b = u.memory.load(body); b == nil {
		return nil, nil
	}
	return b, b.free
}
