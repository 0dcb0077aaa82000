package osstest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// A Fault applies an Effect to the requests that match it. Empty fields match every request.
type Fault struct {
	Op          string // name of an operation: see Operations
	Bucket, Key string // exact names
	PartNumber  int    // exact number

	After time.Duration // match only after this time, counted from Inject
	For   time.Duration // match only for this time, counted from After; 0 is no limit
	Skip  int           // number of matches that pass first
	Times int           // number of matches that are struck then; 0 is no limit
	Share float64       // share of the matches that are struck, from 0 to 1; 0 means all
	Seed  uint64        // selects the matches that Share strikes
	Above int           // strike only matches beyond this number in one second; 0 means all

	Effect Effect // what happens to the request
}

// Validate returns an error for a Fault that can never strike a request: without an Effect, or with one that does not
// apply to Op; with an Op that is not an operation, or has no parts although PartNumber is set; with a number, a time
// or a share out of range.
func (f Fault) Validate() error {
	switch {
	case f.Effect == nil:
		return errors.New("there is no Effect")
	case !(f.Share >= 0 && f.Share <= 1):
		return fmt.Errorf("a share of %v is not between 0 and 1", f.Share)
	case f.PartNumber < 0 || f.PartNumber > oss.MaxPartNumber:
		return fmt.Errorf("part %d is not between 1 and %d", f.PartNumber, oss.MaxPartNumber)
	case f.PartNumber > 0 && f.Op != "" && f.Op != "UploadPart" && f.Op != "UploadPartCopy":
		return fmt.Errorf("part %d: %s has no parts", f.PartNumber, f.Op)
	case min(f.Skip, f.Times, f.Above) < 0, min(f.After, f.For) < 0:
		return errors.New("a number or a duration is negative")
	case f.Op == "":
		if !slices.ContainsFunc(operations, f.Effect.applies) {
			return fmt.Errorf("%v applies to no operation", f.Effect)
		}
		return nil
	}
	op := operationNamed(f.Op)
	switch {
	case op == unknownOperation:
		return fmt.Errorf("%q is not an operation", f.Op)
	case !f.Effect.applies(op):
		return fmt.Errorf("%v does not apply to %s", f.Effect, f.Op)
	}
	return nil
}

// Inject adds f. For each request the Faults are asked in the order in which they were added, and the first that
// strikes ends the search. That happens before anything else is checked, signatures included. Without an Op, f matches
// only operations that the Effect applies to.
//
// After, For and Above use the clock of the Server. Share strikes the same requests in every run, in whatever order
// they arrive: see Chaos.
//
// Inject panics with the error of Validate, because a test with a Fault that never strikes would never fail.
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
	recent  []time.Time // of the requests that Above let pass in the last second
	strikes []Strike
}

// Fired returns the number of requests it struck.
func (i *Injection) Fired() int {
	i.faults.mu.Lock()
	defer i.faults.mu.Unlock()
	return i.fired
}

// A Strike is one use of an Effect.
type Strike struct {
	Arrival     int    // number of the request, from 1, among those that the Server received since its first Inject
	Op          string // "" for an unknown operation
	Bucket, Key string // of the request
	PartNumber  int    // 0 if there is none
	Try         int    // number of this attempt, from 1, among those of the same request since Inject
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

// Strikes returns the first 100,000 uses of the Effect, in the order in which the requests arrived.
func (i *Injection) Strikes() []Strike {
	i.faults.mu.Lock()
	defer i.faults.mu.Unlock()
	return slices.Clone(i.strikes)
}

// Remove ends the Injection. Requests that it struck before are not affected: one that hangs keeps hanging.
func (i *Injection) Remove() {
	i.faults.mu.Lock()
	defer i.faults.mu.Unlock()
	i.faults.active = slices.DeleteFunc(i.faults.active, func(j *Injection) bool { return i == j })
}

// faults are the Injections of a Server, and the state that effects keep for later requests.
type faults struct {
	mu      sync.Mutex
	active  []*Injection
	arrived int // requests since the first Inject

	refusedTokens refusedTokens
	redeliveries  redeliveries
}

// next returns the effect to apply to x, or nil.
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

// next counts x if it matches, and returns the effect to apply to it, or nil.
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

// matches reports whether x matches the fields of the Fault other than Skip, Times, Share and Above.
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

// allows reports whether fewer than Above requests passed in the second before now, and then counts this one.
func (i *Injection) allows(now time.Time) bool {
	i.recent = slices.DeleteFunc(i.recent, func(t time.Time) bool { return now.Sub(t) >= time.Second })
	if len(i.recent) >= i.fault.Above {
		return false
	}
	i.recent = append(i.recent, now)
	return true
}
