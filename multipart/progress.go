package multipart

import (
	"context"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/internal/reqstats"
)

// Progress is the state of an upload, or of a download: see DownloadOptions.Progress.
type Progress struct {
	Bucket, Key      string // of the object
	Done, Total      int64  // bytes OSS has confirmed; Total is -1 while unknown, and until an empty object exists
	PartsDone, Parts int    // Parts is -1 while unknown

	Sent int64 // bytes written to connections, confirmed or not; bytes that are sent again count once

	// WaitingSince is when the upload began to wait because OSS throttles or cannot be reached; WaitingFor says why.
	// They are zero while it does not wait. While it does, the progress function is called once a second.
	WaitingSince time.Time
	WaitingFor   error
}

// equal reports whether p and q are equal, apart from the errors, which may not be comparable.
func (p Progress) equal(q Progress) bool {
	sameWait := p.WaitingSince.Equal(q.WaitingSince)
	p.WaitingSince, p.WaitingFor, q.WaitingSince, q.WaitingFor = time.Time{}, nil, time.Time{}, nil
	return sameWait && p == q
}

// A meter collects the progress of one upload and reports it from its own goroutine. Calls of the callback do not
// overlap, its values never decrease, and each call gets the latest state. Workers never wait for the callback, so it
// may be slow, and may itself upload. Done reaches Total only once the object exists. Without a callback a meter only
// counts what Stats tells. The methods of a nil meter do nothing.
type meter struct {
	report func(Progress)          // nil: nothing is reported, and there is no goroutine
	guard  *guard                  // keeps a panic of report
	cancel context.CancelCauseFunc // ends the upload if report panics
	wake   chan struct{}           // holds a token when there is something to report
	ended  chan struct{}           // closed when the goroutine is gone
	began  time.Time
	count  *reqstats.Stats // of the requests

	mu       sync.Mutex
	state    Progress
	stats    Stats
	waiting  int  // requests that wait for OSS
	complete bool // the object exists
	closed   bool // the upload has ended
}

// start starts reporting. The caller must close the meter.
func (m *meter) start() {
	if m.report != nil {
		m.wake, m.ended = make(chan struct{}, 1), make(chan struct{})
		go m.run()
	}
}

// reports reports whether there is a callback.
func (m *meter) reports() bool { return m != nil && m.report != nil }

func (m *meter) run() {
	defer close(m.ended)
	if err := m.guard.do(m.reportAll); err != nil {
		m.cancel(err)
	}
}

// reportAll calls report until the upload has ended.
func (m *meter) reportAll() error {
	for last := (Progress{}); ; {
		ticked := m.await(!last.WaitingSince.IsZero())
		m.mu.Lock()
		now, closed := m.state, m.closed
		held := now.Done == now.Total && !m.complete
		if now.Total == 0 && !m.complete {
			now.Total = -1
		}
		m.mu.Unlock()
		now.Done, now.Sent = max(now.Done, last.Done), max(now.Sent, last.Sent)
		now.PartsDone = max(now.PartsDone, last.PartsDone)
		if held { // all parts are stored; of what follows only the waits are reported
			now.Done, now.PartsDone, now.Sent = last.Done, last.PartsDone, last.Sent
		}
		if ticked || !now.equal(last) {
			m.report(now)
			last = now
		}
		if closed {
			return nil
		}
	}
}

// await returns when there is something to report, or, while the upload waits, after a second: then ticked is true.
func (m *meter) await(waiting bool) (ticked bool) {
	if !waiting {
		<-m.wake
		return false
	}
	tick := time.NewTimer(time.Second)
	defer tick.Stop()
	select {
	case <-m.wake:
		return false
	case <-tick.C:
		return true
	}
}

// update changes the state and requests a report.
func (m *meter) update(change func(*Progress)) {
	if m == nil {
		return
	}
	m.mu.Lock()
	change(&m.state)
	m.mu.Unlock()
	m.signal()
}

func (m *meter) signal() {
	select {
	case m.wake <- struct{}{}:
	default: // a token is waiting already, or nothing is reported
	}
}

// sent counts n more bytes written to a connection.
func (m *meter) sent(n int64) {
	if m.reports() {
		m.update(func(p *Progress) { p.Sent += n })
	}
}

// stored counts a part of n bytes that OSS has confirmed.
func (m *meter) stored(n int64) {
	m.update(func(p *Progress) {
		p.Done += n
		p.PartsDone++
		m.stats.Bytes += n
		m.stats.Parts++
	})
}

// found counts a part that OSS holds from an earlier call.
func (m *meter) found(n int64) {
	m.update(func(p *Progress) {
		p.Done += n
		p.Sent += n
		p.PartsDone++
		m.stats.Reused++
	})
}

// whole counts an object of n bytes that one request has stored.
func (m *meter) whole(n int64) { m.update(func(*Progress) { m.stats.Bytes += n }) }

// hedged counts a part that is sent a second time.
func (m *meter) hedged() { m.update(func(*Progress) { m.stats.Hedges++ }) }

// waits notes that a request of the upload waits for OSS, or no longer does.
func (m *meter) waits(w flow.Wait) {
	m.update(func(p *Progress) {
		if w.Since.IsZero() {
			m.waiting--
		} else {
			m.waiting++
		}
		switch {
		case m.waiting == 0:
			m.stats.Waited += waited(p)
			p.WaitingSince, p.WaitingFor = time.Time{}, nil
		case p.WaitingSince.IsZero():
			p.WaitingSince, p.WaitingFor = w.Since, w.Why
		}
	})
}

// waited returns how long the wait of p has lasted.
func waited(p *Progress) time.Duration {
	if p.WaitingSince.IsZero() {
		return 0
	}
	return time.Since(p.WaitingSince)
}

// restart resets the counters, because the parts are lost. The reported values stay until the counters exceed them.
func (m *meter) restart() {
	m.update(func(p *Progress) { p.Done, p.Sent, p.PartsDone, m.stats.Reused = 0, 0, 0, 0 })
}

// finish records that the object exists, with its size in bytes and its number of parts.
func (m *meter) finish(size int64, parts int) {
	m.update(func(p *Progress) {
		m.complete = true
		p.Done, p.Total, p.Sent = size, size, size
		p.PartsDone, p.Parts = parts, parts
	})
}

// close waits for the last report.
func (m *meter) close() {
	if !m.reports() {
		return
	}
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.signal()
	<-m.ended
}
