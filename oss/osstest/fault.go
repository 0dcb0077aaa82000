package osstest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// A Fault makes matching requests go wrong. Empty fields match anything.
type Fault struct {
	Op          string        // "UploadPart"; Inject panics on a name that is no operation
	Bucket, Key string        // exact names
	PartNumber  int           // exact number
	After, For  time.Duration // match only from After on, counted from Inject, and then For so long; 0 means for ever
	Skip        int           // let this many matches pass first
	Times       int           // then strike this often; 0 means always
	Share       float64       // strike only this share of the requests, drawn by Seed; 0 means all
	Seed        uint64        // of Share
	Above       int           // strike only what exceeds this many requests in a second; 0 means all
	Effect      Effect        // what happens
}

// Validate returns an error for a Fault that can never strike, or that makes no sense: one without an Effect, or with one
// that can do nothing to Op, a PartNumber where there are no parts, a name that is no operation, a share that is none.
func (f Fault) Validate() error {
	switch {
	case f.Effect == nil:
		return errors.New("the Fault has no Effect")
	case !(f.Share >= 0 && f.Share <= 1):
		return fmt.Errorf("a share of %v is not between 0 and 1", f.Share)
	case f.PartNumber < 0 || f.PartNumber > oss.MaxPartNumber:
		return fmt.Errorf("there is no part %d: the last number is %d", f.PartNumber, oss.MaxPartNumber)
	case f.PartNumber > 0 && f.Op != "" && f.Op != "UploadPart" && f.Op != "UploadPartCopy":
		return fmt.Errorf("part %d: %s has no parts", f.PartNumber, f.Op)
	case min(f.Skip, f.Times, f.Above) < 0, min(f.After, f.For) < 0:
		return errors.New("a number or a time of the Fault is negative")
	case f.Op == "":
		if !slices.ContainsFunc(operations, f.Effect.applies) {
			return fmt.Errorf("%v can do nothing to any operation", f.Effect)
		}
		return nil
	}
	op := operationNamed(f.Op)
	switch {
	case op == unknownOperation:
		return fmt.Errorf("no operation is called %q", f.Op)
	case !f.Effect.applies(op):
		return fmt.Errorf("%v can do nothing to %s", f.Effect, f.Op)
	}
	return nil
}

// Inject adds f. Faults are tried in the order they were added; the first that strikes wins.
//
// It strikes before the request is looked at in any other way, signature included. Inject panics with the error of
// Validate: a fault that never strikes would make a test that never fails. Without an Op, only operations match to
// which the Effect can do something.
//
// After, For and Above go by the Server's clock. Share strikes the same requests whenever the same
// requests are made, in whatever order they arrive: see Chaos.
func (s *Server) Inject(f Fault) *Injection {
	if err := f.Validate(); err != nil {
		panic("osstest: Inject: " + err.Error())
	}
	i := &Injection{faults: &s.faults, fault: f, begin: s.opts.Now(), seen: make(map[requestKey]*attempts)}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.active = append(s.faults.active, i)
	return i
}

// An Injection is an active Fault.
type Injection struct {
	faults  *faults
	fault   Fault
	begin   time.Time
	matched int
	fired   int
	seen    map[requestKey]*attempts
	recent  []time.Time // when the last requests came that Above let pass
	strikes []Strike
}

// Fired returns how often it struck.
func (i *Injection) Fired() int {
	i.faults.mu.Lock()
	defer i.faults.mu.Unlock()
	return i.fired
}

// A Strike says what was done to which request.
type Strike struct {
	Arrival     int    // place of the request among those the Server received since its first Inject, from 1
	Op          string // "" if the Server does not know it
	Bucket, Key string // as in the request
	PartNumber  int    // 0 if there is none
	Try         int    // how often this same request had come since Inject, from 1
	Effect      string // "Drop", "Delay(1s)"
}

// String returns one line: "request 7, UploadPart oss://bucket/key part 3, try 2: Drop".
func (s Strike) String() string {
	what := fmt.Sprintf("request %d, %s oss://%s/%s", s.Arrival, s.Op, s.Bucket, s.Key)
	if s.PartNumber != 0 {
		what += fmt.Sprintf(" part %d", s.PartNumber)
	}
	return fmt.Sprintf("%s, try %d: %s", what, s.Try, s.Effect)
}

// Strikes returns what it did, in the order the requests arrived; the first 100,000 are kept.
func (i *Injection) Strikes() []Strike {
	i.faults.mu.Lock()
	defer i.faults.mu.Unlock()
	return slices.Clone(i.strikes)
}

// Remove ends it. What it has already struck goes on: a request that hangs keeps hanging.
func (i *Injection) Remove() {
	i.faults.mu.Lock()
	defer i.faults.mu.Unlock()
	i.faults.active = slices.DeleteFunc(i.faults.active, func(j *Injection) bool { return i == j })
}

// faults are those of one Server, and what they leave behind.
type faults struct {
	mu      sync.Mutex
	active  []*Injection
	arrived int

	refusedTokens refusedTokens
	redeliveries  redeliveries
}

// next returns what is to happen to x, or nil.
func (f *faults) next(x *exchange) Effect {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.arrived > 0 || len(f.active) > 0 {
		f.arrived++
	}
	for _, i := range f.active {
		if e := i.next(x); e != nil {
			return e
		}
	}
	return nil
}

// next counts a match and returns what is to happen to x, or nil.
func (i *Injection) next(x *exchange) Effect {
	if !i.matches(x) {
		return nil
	}
	same := x.requestKey()
	h := i.seen[same]
	if h == nil {
		h = new(attempts)
		i.seen[same] = h
	}
	h.total++
	f := i.fault
	if i.matched < f.Skip {
		i.matched++
		return nil
	}
	switch {
	case f.Times > 0 && i.fired >= f.Times,
		f.Share > 0 && same.share(f.Seed, h.total) >= f.Share,
		f.Above > 0 && i.allows(x.entry.Time):
		return nil
	}
	e := f.Effect
	if c, ok := e.(*chaos); ok {
		if e = c.draw(x.op, same, h); e == nil {
			return nil
		}
	}
	i.fired++
	if len(i.strikes) < logSize {
		i.strikes = append(i.strikes, Strike{
			Arrival: i.faults.arrived, Op: x.op.name, Bucket: x.bucket, Key: x.key, PartNumber: x.entry.PartNumber,
			Try: h.total, Effect: fmt.Sprint(e),
		})
	}
	return e
}

// matches reports whether x is one of the requests that the Fault is about.
func (i *Injection) matches(x *exchange) bool {
	f, since := i.fault, x.entry.Time.Sub(i.begin)
	switch {
	case f.Op != "" && f.Op != x.op.name, !f.Effect.applies(x.op),
		f.Bucket != "" && f.Bucket != x.bucket,
		f.Key != "" && f.Key != x.key,
		f.PartNumber != 0 && f.PartNumber != x.entry.PartNumber,
		since < f.After, f.For > 0 && since >= f.After+f.For:
		return false
	}
	return true
}

// allows reports whether fewer than Above requests passed in the second before now, and counts
// this one if so.
func (i *Injection) allows(now time.Time) bool {
	i.recent = slices.DeleteFunc(i.recent, func(t time.Time) bool { return now.Sub(t) >= time.Second })
	if len(i.recent) >= i.fault.Above {
		return false
	}
	i.recent = append(i.recent, now)
	return true
}
