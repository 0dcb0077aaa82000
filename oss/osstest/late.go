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
	return named("Redeliver", makesPart, func(x *exchange) error {
		x.answer = append(x.answer, func(rep *reply) error {
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
	s.faults.late.expect(u.ID)
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
		if err := s.objects.Redeliver(u, &again, s.faults.late.arrive(u.ID)); err != nil {
			s.opts.Logger.Error("osstest: storing a redelivered part: " + err.Error())
		}
	})
}

// lateParts remembers which of the uploads that still wait for a part were aborted.
type lateParts struct {
	mu      sync.Mutex
	waiting map[string]*lateUpload
}

type lateUpload struct {
	parts   int
	aborted bool
}

// expect is told that a part is on its way.
func (l *lateParts) expect(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting == nil {
		l.waiting = make(map[string]*lateUpload)
	}
	if l.waiting[id] == nil {
		l.waiting[id] = new(lateUpload)
	}
	l.waiting[id].parts++
}

// arrive is told that a part is there, and reports whether its upload was aborted.
func (l *lateParts) arrive(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.waiting[id]
	if u.parts--; u.parts == 0 {
		delete(l.waiting, id)
	}
	return u.aborted
}

// noteAbort is told of every abort.
func (l *lateParts) noteAbort(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if u := l.waiting[id]; u != nil {
		u.aborted = true
	}
}
