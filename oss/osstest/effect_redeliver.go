package osstest

import (
	"sync"
	"time"
)

// Redeliver lets a part take effect and be acknowledged as usual, and delivers it a second time, d
// later, as a line does that has held back a duplicate. What it replaces by then is replaced. If the
// upload was aborted meanwhile it is back, with that part alone, until it is aborted again: OSS warns
// of parts that survive an abort which they cross. After a complete nothing happens.
//
// For a part that was not acknowledged combine it with LoseReply, see Together. Only operations that
// make a part match.
//
// See https://help.aliyun.com/en/oss/developer-reference/abortmultipartupload
func Redeliver(d time.Duration) Effect {
	makesPart := func(op *operation) bool { return op.name == "UploadPart" || op.name == "UploadPartCopy" }
	return newEffect("Redeliver", makesPart, func(x *exchange) error {
		x.onReply = append(x.onReply, func(rep *reply) error {
			if rep.refusal == nil {
				x.redeliver(d)
			}
			return nil
		})
		return nil
	}, d)
}

// redeliver takes the part that x has just stored and stores it again, d later.
func (x *exchange) redeliver(d time.Duration) {
	u, p, ok := x.objects.OpenPart(x.name(), x.entry.UploadID, x.entry.PartNumber)
	if !ok { // aborted or completed since
		return
	}
	if u.Sequential { // which refuses a part that exists
		p.Content.Release()
		return
	}
	s := x.Server
	s.faults.redeliveries.add(u.ID)
	s.handlers.running.Go(func() { // this handler is running, so Close is waiting already
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-s.closing.Done():
			p.Content.Release()
			return
		}
		again := *p
		again.Modified = s.now()
		if err := s.objects.Redeliver(u, &again, s.faults.redeliveries.finish(u.ID)); err != nil {
			s.opts.Logger.Error("osstest: storing a redelivered part: " + err.Error())
		}
	})
}

// redeliveries remembers which of the uploads that still wait for a part were aborted.
type redeliveries struct {
	mu      sync.Mutex
	pending map[string]*pendingUpload
}

type pendingUpload struct {
	parts   int
	aborted bool
}

// add is told that a part is on its way.
func (l *redeliveries) add(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pending == nil {
		l.pending = make(map[string]*pendingUpload)
	}
	if l.pending[id] == nil {
		l.pending[id] = new(pendingUpload)
	}
	l.pending[id].parts++
}

// finish is told that a part is there, and reports whether its upload was aborted.
func (l *redeliveries) finish(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.pending[id]
	if u.parts--; u.parts == 0 {
		delete(l.pending, id)
	}
	return u.aborted
}

// markAborted is told of every abort.
func (l *redeliveries) markAborted(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if u := l.pending[id]; u != nil {
		u.aborted = true
	}
}
