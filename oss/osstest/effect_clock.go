package osstest

import "time"

// ClockOff moves the clock of the Server by d for the request: in the Date of the reply, and for the age of signatures
// and credentials. If d is beyond 15 minutes either way, the reply is RequestTimeTooSkewed until the client corrects
// its signatures by the Date. To a client this looks like a clock of its own that is wrong by -d.
//
// Times of stored objects and parts come from the unmodified clock.
func ClockOff(d time.Duration) Effect {
	return newEffect("ClockOff", anyOperation, func(x *exchange) error {
		opts := *x.opts
		opts.Now = func() time.Time { return x.Server.opts.Now().Add(d) }
		x.opts = &opts
		return nil
	}, d)
}
