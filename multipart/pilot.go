package multipart

import (
	"sync"
	"time"
)

// A pilot finds how many parts should be in flight when Options.Concurrency leaves it open: the smallest number,
// DefaultConcurrency times a power of two and at most MaxConcurrency, that carries about as much as any.
//
// Each part tells what the link carried while it was under way: its own speed, times the parts in flight with it. That
// holds at any moment, also while the number changes, and is nothing that buffers of the kernel could feign. The parts
// that begin one after the other make a round. The pilot puts a number on trial for a round, or for two, as the first
// still meets what was under way before. It keeps the number if that carried clearly more, or with fewer parts hardly
// less, and then goes on the same way; otherwise it returns to the number it had, and rests for some rounds. So it
// doubles from the first parts on, and later follows a link that changes.
//
// Decisions are taken when parts end: there is no goroutine and no timer. Throttling is the brake's business; the pilot
// goes back to what was proven, and looks away until the brake is off.
type pilot struct {
	slots *budget
	brake *brake

	mu      sync.Mutex
	number  int64     // parts that may be in flight
	since   time.Time // when it became so
	proven  int64     // the same, or what the number on trial is compared with
	carried float64   // bytes a second, by the proven number; 0 while unknown
	fewer   bool      // the next trial is of half the number rather than the double
	rest    int       // rounds until then
	again   bool      // the number on trial has had one round already
	round   *round

	flying int     // parts in flight
	flown  float64 // seconds of all parts together, up to now
	now    time.Time
}

// A round gathers what the parts tell that begin in it: not those that end first, which would be the fast ones.
type round struct {
	begun   time.Time // when the first did
	parts   int64     // of the round so far
	open    int64     // of them, those in flight
	seconds float64   // of all parts together
	company float64   // seconds of all that were in flight with them
	bytes   float64   // a second, times the seconds
	lost    int64     // parts of any round that met with silence while this one lasted
}

// The manners of a pilot.
const (
	clearGain  = 1.1  // by a double number: what it leaves out is less than a tenth
	littleLoss = 0.95 // by half the number
	atOnce     = 1.4  // a first round with so much more, or less, needs no second
	patience   = 20   // rounds between trials

	leastRound = 200 * time.Millisecond
	stragglers = 8    // one part of so many, and always one, is not waited for
	fullLanes  = 0.75 // of the number must have been in flight for a round to say something about it
	mostLost   = 8    // one lost part for so many in flight is too much
)

// newPilot returns a pilot that starts with DefaultConcurrency, as slots and brake are to have it.
func newPilot(slots *budget, brake *brake) *pilot {
	return &pilot{slots: slots, brake: brake, number: DefaultConcurrency, proven: DefaultConcurrency, rest: 1, round: new(round)}
}

// A flight is one part under way.
type flight struct {
	round *round // nil if it began too late for the last one
	begun time.Time
	flown float64 // by all parts at that time
}

func (p *pilot) takeOff() flight {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tick()
	p.flying++
	f := flight{begun: p.now, flown: p.flown}
	r := p.round
	if r.parts == 0 {
		r.begun = p.now
	}
	if !p.full(r) {
		r.parts++
		r.open++
		f.round = r
	}
	return f
}

// full reports whether a round has all its parts: half of what is in flight, and what begins in its first moments.
func (p *pilot) full(r *round) bool {
	return r.parts >= max(DefaultConcurrency, p.number/2) && p.now.Sub(r.begun) >= leastRound
}

// land takes note of a part that has ended.
func (p *pilot) land(f flight, size int64, throttled, lost bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tick()
	p.flying--
	if throttled || p.brake.on() {
		p.settle()
		return
	}
	r := p.round
	if lost && !f.begun.Before(p.since) {
		if r.lost++; r.lost*mostLost > p.number && p.number > DefaultConcurrency {
			if p.number == p.proven {
				p.proven, p.carried = max(p.number/2, DefaultConcurrency), 0
			}
			p.settle()
			return
		}
	}
	if f.round != r {
		return
	}
	r.open--
	if seconds := p.now.Sub(f.begun).Seconds(); size > 0 && seconds > 0 {
		company := p.flown - f.flown
		r.seconds += seconds
		r.company += company
		r.bytes += float64(size) / seconds * company
	}
	if p.full(r) && r.open <= max(1, r.parts/stragglers) {
		p.round = new(round)
		p.judge(r)
	}
}

// tick brings the clock up to date.
func (p *pilot) tick() {
	now := time.Now()
	if p.flying > 0 {
		p.flown += float64(p.flying) * now.Sub(p.now).Seconds()
	}
	p.now = now
}

// judge draws the conclusion of a round.
func (p *pilot) judge(r *round) {
	if r.seconds == 0 || r.company < fullLanes*float64(p.number)*r.seconds {
		return // the source, the memory for streams or the end of an upload was the limit
	}
	carried := r.bytes / r.seconds
	if p.number == p.proven {
		p.know(carried)
		return
	}
	if !p.again && carried < p.carried*atOnce && carried > p.carried/atOnce {
		p.again = true
		return
	}
	least := p.carried * clearGain
	if p.number < p.proven {
		least = p.carried * littleLoss
	}
	if carried < least {
		p.settle()
		return
	}
	p.proven, p.carried = p.number, carried
	p.try()
}

// know takes note of what the proven number carries now. If that has become another matter, the next round learns it
// anew, and then comes a trial.
func (p *pilot) know(carried float64) {
	p.rest--
	switch {
	case p.carried == 0:
		p.carried = carried
	case carried > p.carried*atOnce || carried < p.carried/atOnce:
		p.rest, p.fewer, p.carried = 1, carried < p.carried, 0
	default:
		p.carried += (carried - p.carried) / 4
	}
	if p.rest <= 0 {
		p.fewer = p.number == MaxConcurrency || p.fewer && p.number > DefaultConcurrency
		p.try()
	}
}

// try puts the next number on trial, unless this is the end of the road.
func (p *pilot) try() {
	next := min(p.number*2, MaxConcurrency)
	if p.fewer {
		next = max(p.number/2, DefaultConcurrency)
	}
	if p.rest = patience; next != p.number {
		p.set(next)
	}
}

// settle ends a trial that did not go well, and rests with the proven number.
func (p *pilot) settle() {
	if p.number != p.proven {
		p.fewer = p.number > p.proven
	}
	p.rest = patience
	p.set(p.proven)
}

func (p *pilot) set(number int64) {
	if number != p.number {
		p.since = p.now
	}
	p.number, p.again, p.round = number, false, new(round)
	p.slots.setBound(number)
	p.brake.setFull(number)
}
