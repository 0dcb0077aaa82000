package main

import (
	"math/rand/v2"
	"sync"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// strikes are the faults in force. They tell of every request which of them struck it.
//
// An osstest.Injection counts how often it struck, not whom. But a fault strikes before anything else
// is done to a request: so requests go through that first moment one by one, and what was counted
// meanwhile was theirs. The others wait, until the body or the reply is first touched; for a copy
// inside the server, which has no body, that is when it is done.
type strikes struct {
	server *osstest.Server
	none   bool       // there are no faults, and will be none
	chaos  *rand.Rand // nil if there is none

	turn  sync.Mutex // held by the request that is in its first moment
	asked []*strike  // those of -fault
	round []*strike  // those of chaos
}

// A strike is one fault in force.
type strike struct {
	*osstest.Injection
	name  string // as in the log
	fired int    // told so far
}

// newStrikes puts faults in force, and behind them chaos if there is a seed.
func newStrikes(srv *osstest.Server, faults []fault, seed *uint64) *strikes {
	s := &strikes{server: srv, none: len(faults) == 0 && seed == nil}
	for _, f := range faults {
		s.asked = append(s.asked, &strike{Injection: srv.Inject(f.fault()), name: f.String()})
	}
	if seed != nil {
		s.chaos = newChaos(*seed)
		s.nextRound()
	}
	return s
}

// nextRound lets the next faults of chaos take the place of the last.
func (s *strikes) nextRound() {
	for _, a := range s.round {
		a.Remove()
	}
	s.round = nil
	for _, f := range nextRound(s.chaos) {
		i := s.server.Inject(f.fault())
		f.skip, f.times = 0, 0 // of no interest in the log
		s.round = append(s.round, &strike{Injection: i, name: "chaos " + f.String()})
	}
}

// begin is called before a request is served. The function it returns must be called once that
// request's body or reply is touched, or it has ended; it names the fault that struck, if one did.
func (s *strikes) begin() (settle func() string) {
	if s.none { // then nobody need wait
		return func() string { return "" }
	}
	s.turn.Lock()
	return func() string {
		defer s.turn.Unlock()
		for _, a := range s.asked {
			if a.Fired() > a.fired {
				a.fired++
				return a.name
			}
		}
		for _, a := range s.round {
			if a.Fired() > 0 {
				s.nextRound()
				return a.name
			}
		}
		return ""
	}
}
