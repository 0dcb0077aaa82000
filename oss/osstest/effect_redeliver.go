package osstest

import (
	"sync"
	"time"
)

// Redeliver stores a part and acknowledges it as usual, and stores it a second time after d, like a duplicate that was
// held up in the network. The duplicate replaces a newer part with the same number. If the upload was aborted before,
// it exists again, with this part only, until it is aborted again: the documentation warns of parts that arrive during
// an abort. After a CompleteMultipartUpload the duplicate is dropped.
//
// For a part that is not acknowledged, combine it with LoseReply: see Together. Only UploadPart and UploadPartCopy
// match.
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

// redeliver stores the part that x has just stored once more, after d.
func (x *exchange) redeliver(d time.Duration) {
	u, p, ok := x.objects.OpenPart(x.name(), x.entry.UploadID, x.entry.PartNumber)
	if !ok { // aborted or completed since
		return
	}
	if u.Sequential { // it does not accept a part twice
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

// redeliveries are the uploads whose parts are still to be redelivered.
type redeliveries struct {
	mu      sync.Mutex
	pending map[string]*pendingUpload // by upload ID
}

// A pendingUpload is an upload with parts to be redelivered.
type pendingUpload struct {
	parts   int
	aborted bool
}

// add counts a part that is to be redelivered.
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

// finish counts a part that is redelivered, and reports whether its upload was aborted.
func (l *redeliveries) finish(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.pending[id]
	if u.parts--; u.parts == 0 {
		delete(l.pending, id)
	}
	return u.aborted
}

// markAborted notes that an upload was aborted.
func (l *redeliveries) markAborted(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if u := l.pending[id]; u != nil {
		u.aborted = true
	}
}
