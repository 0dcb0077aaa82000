package osstest

import (
	"fmt"
	"slices"
	"sync"
)

// A Fault makes matching requests go wrong. Empty fields match anything.
type Fault struct {
	Op          string // "UploadPart"; Inject panics on a name that is no operation
	Bucket, Key string // exact names
	PartNumber  int    // exact number
	Skip        int    // let this many matches pass first
	Times       int    // then strike this often; 0 means always
	Effect      Effect // what happens
}

// Inject adds f. Faults are tried in the order they were added; the first that strikes wins.
//
// It strikes before the request is looked at in any other way, signature included. Inject panics
// if f has no Effect, or one that can do nothing to f.Op: a fault that never strikes would make a
// test that never fails. Without an Op, only operations match to which the Effect can do something.
func (s *Server) Inject(f Fault) *Injection {
	if f.Effect == nil {
		panic("osstest: Inject: the Fault has no Effect")
	}
	if f.Op != "" {
		op := operationNamed(f.Op)
		if op == unknownOperation {
			panic(fmt.Sprintf("osstest: Inject: no operation is called %q", f.Op))
		}
		if !f.Effect.suits(op) {
			panic(fmt.Sprintf("osstest: Inject: %v can do nothing to %s", f.Effect, f.Op))
		}
	}
	i := &Injection{faults: &s.faults, fault: f}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.active = append(s.faults.active, i)
	return i
}

// An Injection is an active Fault.
type Injection struct {
	faults  *faults
	fault   Fault
	matched int
	fired   int
}

// Fired returns how often it struck.
func (i *Injection) Fired() int {
	i.faults.mu.Lock()
	defer i.faults.mu.Unlock()
	return i.fired
}

// Remove ends it. What it has already struck goes on: a request that hangs keeps hanging.
func (i *Injection) Remove() {
	i.faults.mu.Lock()
	defer i.faults.mu.Unlock()
	i.faults.active = slices.DeleteFunc(i.faults.active, func(j *Injection) bool { return i == j })
}

// faults are those of one Server.
type faults struct {
	mu     sync.Mutex
	active []*Injection
}

// strike returns what is to happen to x, or nil.
func (f *faults) strike(x *exchange) Effect {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.active {
		if i.strikes(x) {
			return i.fault.Effect
		}
	}
	return nil
}

// strikes counts a match and reports whether this is one to strike.
func (i *Injection) strikes(x *exchange) bool {
	f := i.fault
	switch {
	case f.Op != "" && f.Op != x.op.name, !f.Effect.suits(x.op),
		f.Bucket != "" && f.Bucket != x.bucket,
		f.Key != "" && f.Key != x.key,
		f.PartNumber != 0 && f.PartNumber != x.entry.PartNumber:
		return false
	}
	if i.matched < f.Skip {
		i.matched++
		return false
	}
	if f.Times > 0 && i.fired >= f.Times {
		return false
	}
	i.fired++
	return true
}
