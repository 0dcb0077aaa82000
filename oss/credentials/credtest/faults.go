package credtest

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// A Fault makes requests go wrong. Without Refuse, Drop and Status a request is served as usual after Delay.
type Fault struct {
	Times  int           // requests that it strikes; 0 means all until Clear
	Delay  time.Duration // before anything happens; a client that gives up ends it
	Refuse bool          // the connection is refused; on a real port it is cut
	Drop   bool          // the connection is cut without a reply
	Status int           // of a reply in place of the real one
	Body   string        // of that reply
}

var errRefuse = errors.New("credtest: connection refused")

// Faults are the faults and the count of requests that all stand-ins have.
type Faults struct {
	mu       sync.Mutex
	pending  []Fault
	requests int
}

// Inject adds a fault. If there are several, the first strikes until its Times are over.
func (f *Faults) Inject(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending = append(f.pending, fault)
}

// Clear removes all faults.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending = nil
}

// Requests returns how many requests have arrived, those that a fault struck included.
func (f *Faults) Requests() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests
}

// next counts a request and returns the fault that strikes it.
func (f *Faults) next() (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests++
	if len(f.pending) == 0 {
		return Fault{}, false
	}
	fault := f.pending[0]
	if fault.Times > 0 {
		if f.pending[0].Times--; f.pending[0].Times == 0 {
			f.pending = f.pending[1:]
		}
	}
	return fault, true
}

// struck reports whether a fault has dealt with the request, after its delay.
func (f *Faults) struck(w http.ResponseWriter, r *http.Request) bool {
	fault, ok := f.next()
	if !ok {
		return false
	}
	if fault.Delay > 0 {
		select {
		case <-time.After(fault.Delay):
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
	switch {
	case fault.Refuse && isReal(w):
		panic(http.ErrAbortHandler)
	case fault.Refuse:
		panic(errRefuse)
	case fault.Drop:
		panic(http.ErrAbortHandler)
	case fault.Status != 0:
		w.WriteHeader(fault.Status)
		io.WriteString(w, fault.Body)
		return true
	}
	return false
}

// isReal reports whether a reply goes to a socket.
func isReal(w http.ResponseWriter) bool {
	_, memory := w.(*recorder)
	return !memory
}
