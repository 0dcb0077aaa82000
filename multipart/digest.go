package multipart

import (
	"context"
	"crypto/md5"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/internal/md5lanes"
	"github.com/ossmultipart/go-oss/oss"
)

// This file computes what a body is known by before it is sent. It is read a second time to be sent, never
// kept; a change in between is refused by OSS.

// A digest is what a body is known by.
type digest struct {
	md5 [md5.Size]byte
	crc uint64 // CRC-64, ECMA
}

// hashStep is how much of a body is hashed at once, between two looks at the context. It suits the second
// cache of a processor that hashes 32 bodies side by side.
const hashStep = 64 << 10 // bytes

// digestOf reads body once.
func (u *Uploader) digestOf(ctx context.Context, body oss.Body) (*digest, error) {
	h := md5.New()
	d := new(digest)
	err := u.readAll(ctx, body, func(p []byte) {
		h.Write(p)
		d.crc = crc64.Update(d.crc, p)
	})
	if err != nil {
		return nil, err
	}
	h.Sum(d.md5[:0])
	return d, nil
}

// crcOf reads body once and returns its CRC-64 alone.
func (u *Uploader) crcOf(ctx context.Context, body oss.Body) (crc uint64, err error) {
	err = u.readAll(ctx, body, func(p []byte) { crc = crc64.Update(crc, p) })
	return crc, err
}

// readAll reads body once, in small steps.
func (u *Uploader) readAll(ctx context.Context, body oss.Body, use func([]byte)) error {
	buf := u.scratch.Get().(*[]byte)
	defer u.scratch.Put(buf)
	for off := int64(0); off < body.Size(); {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := body.ReadAt((*buf)[:min(hashStep, body.Size()-off)], off)
		use((*buf)[:n])
		if off += int64(n); off < body.Size() && err != nil {
			return err
		}
	}
	return nil
}

// sideBySide is the fewest bodies that are worth hashing together. Fewer are left to those who send them, of whom
// there are several.
const sideBySide = 3

// digests reads all bodies once, side by side. One that cannot be read has none: whoever sends it will find out
// and say so. It takes a step of memory for each body that does not lie in memory already.
func (u *Uploader) digests(ctx context.Context, bodies []oss.Body) []*digest {
	all := make([]*digest, len(bodies))
	steps := make([]*[]byte, len(bodies))
	slices := make([][]byte, len(bodies))
	var longest int64
	for i, memory := 0, make([]digest, len(bodies)); i < len(all); i++ {
		all[i] = &memory[i]
		longest = max(longest, bodies[i].Size())
	}
	h, ok := u.hashers.Get().(*md5lanes.Hasher)
	if ok {
		h.Reset(len(bodies))
	} else {
		h = md5lanes.New(len(bodies))
	}
	defer u.hashers.Put(h)
	for off := int64(0); off < longest; off += hashStep {
		if ctx.Err() != nil {
			clear(all)
			break
		}
		for i, b := range bodies {
			slices[i] = nil
			if all[i] == nil || off >= b.Size() {
				continue
			}
			if slices[i] = inPlace(b, off); slices[i] == nil {
				if steps[i] == nil {
					steps[i] = u.scratch.Get().(*[]byte)
				}
				slices[i] = (*steps[i])[:min(hashStep, b.Size()-off)]
				if n, _ := b.ReadAt(slices[i], off); n < len(slices[i]) {
					all[i], slices[i] = nil, nil
					continue
				}
			}
			all[i].crc = crc64.Update(all[i].crc, slices[i])
		}
		h.Write(slices)
	}
	for i, sum := range h.Sum() {
		if all[i] != nil {
			all[i].md5 = sum
		}
		if steps[i] != nil {
			u.scratch.Put(steps[i])
		}
	}
	return all
}

// inPlace returns the step of b at off without copying it, or nil if it does not lie in memory in one piece.
func inPlace(b oss.Body, off int64) []byte {
	m, ok := b.(*buffer)
	if !ok {
		return nil
	}
	return m.at(off, min(hashStep, m.size-off))
}
