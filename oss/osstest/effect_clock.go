package osstest

import "time"

// ClockOff makes the Server's clock wrong by d for the request: in the Date of the reply and in what
// depends on the time, which is the age of signatures and of keys. A d of more than 15 minutes either
// way is answered with RequestTimeTooSkewed, until the client has learned the difference from the Date.
// To a client this is the same as a clock of its own that is wrong by as much the other way.
//
// What is stored is dated by the right clock.
func ClockOff(d time.Duration) Effect {
	return newEffect("ClockOff", anyOperation, func(x *exchange) error {
		opts := *x.opts
		opts.Now = func() time.Time { return x.Server.opts.Now().Add(d) }
		x.opts = &opts
		return nil
	}, d)
}
