// Package faults draws random faults of an osstest.Server, for tests that run many schedules of them. Everything
// follows from the random numbers that the caller passes, so a schedule can be run again from its seed.
package faults

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// Anywhere returns effects that every operation can meet.
func Anywhere(rnd *rand.Rand) []osstest.Effect {
	const page = "<html>proxy</html>"
	off := time.Duration(16+rnd.IntN(1000)) * time.Minute
	if rnd.IntN(2) == 0 {
		off = -off
	}
	return []osstest.Effect{
		osstest.Fail(500, "InternalError"), osstest.Fail(503, "ServiceUnavailable"),
		osstest.Fail(429, "TooManyRequests"),
		osstest.Fail(400, "RequestTimeout"), osstest.Fail(403, oss.ErrAccessDenied), osstest.Drop(), osstest.Drop(),
		osstest.LoseReply(), osstest.LoseReply(), osstest.LoseReply(), osstest.Delay(time.Second),
		osstest.Delay(time.Minute), osstest.Hang(), osstest.CutReply(rnd.Int64N(300)),
		osstest.CutReply(rnd.Int64N(300)),
		osstest.ProxyReply(502, page), osstest.ProxyReply(503, ""), osstest.ProxyReply(200, page),
		osstest.ProxyReply(404, page), osstest.Throttle(nil),
		osstest.Throttle(&osstest.ThrottleOptions{Code: "QpsLimitExceeded", Hold: time.Second,
			RetryAfter: 2 * time.Second}),
		osstest.ClockOff(off), osstest.ClockOff(off / 2), osstest.ExpireToken(), osstest.RevokeToken(),
	}
}

// Narrow restricts f, once in a while, to a part of its requests. It returns the name of the field that does so, if
// any.
func Narrow(rnd *rand.Rand, f *osstest.Fault) (name string) {
	switch rnd.IntN(16) {
	case 0, 1:
		f.After, name = time.Duration(1+rnd.IntN(1000))*time.Millisecond, "After"
	case 2, 3:
		f.For, name = time.Duration(1+rnd.IntN(5000))*time.Millisecond, "For"
	case 4, 5:
		f.Share, f.Seed, name = 0.1+0.8*rnd.Float64(), rnd.Uint64(), "Share"
		f.Times = 10 * rnd.IntN(2)
	case 6:
		f.Above, name = 1+rnd.IntN(10), "Above"
	}
	return name
}

// Names returns the names of the effects that e consists of, and "Together" if there are several: those of
// "LoseReply+Redeliver(1s)" are LoseReply, Redeliver and Together.
func Names(e osstest.Effect) []string {
	names := strings.Split(fmt.Sprint(e), "+")
	for i := range names {
		names[i], _, _ = strings.Cut(names[i], "(")
	}
	if len(names) > 1 {
		names = append(names, "Together")
	}
	return names
}
