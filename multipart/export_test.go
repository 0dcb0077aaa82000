package multipart

import (
	"context"
	"io"
	"os"
)

// InUse returns what uploads of u hold at the moment: slots for parts in flight, and bytes of
// buffers. Both are zero when none is going on.
func (u *Uploader) InUse() (slots, bytes int64) {
	counted, own, _ := u.Memory()
	return u.governor.InFlight(), counted + own
}

// Memory returns the bytes of buffers that count against the limit, those in the allowances of streams, and the bytes
// that the allowances of the streams going on may have.
func (u *Uploader) Memory() (counted, own, allowed int64) {
	p := u.memory
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limit.Held(), p.own, int64(len(p.streams)) * p.chunk
}

// PartSizes returns the sizes of the parts of a stream of known size, which are freed as soon as they are read.
func PartSizes(ctx context.Context, u *Uploader, r io.Reader, size int64) (sizes []int64) {
	s := newStream(ctx, u.memory, input{stream: r, size: size}, u.opts.PartSize, func() {})
	defer s.close()
	for {
		p, err := s.next(ctx)
		if err != nil {
			return sizes
		}
		sizes = append(sizes, p.Size)
		p.free()
	}
}

// Bound returns how many parts u allows in flight at the moment.
func (u *Uploader) Bound() int { return int(u.governor.Limit()) }

// NoHedging has u never send a part twice.
func (u *Uploader) NoHedging() { u.hedges = nil }

// HedgeFreely makes u expect fast parts from the start, and send as many bytes twice as once.
func (u *Uploader) HedgeFreely() {
	if l := u.hedges; l != nil {
		l.share, l.parts = 1, minKnown
		for i := range l.parts {
			l.latest[i].size = 1
		}
	}
}

// ChangeTime returns when the inode of a file was last changed, the zero time where the system does not tell.
var ChangeTime = changeTime

// TreePath returns the path that a key becomes.
var TreePath = treePath

// IgnoreCase has DownloadTree take the file system for one that ignores the case of names, until the function it
// returns is called.
func IgnoreCase() (restore func()) {
	really := ignoresCase
	ignoresCase = func(*os.Root) (bool, error) { return true, nil }
	return func() { ignoresCase = really }
}
