package osstest

import (
	"strconv"
	"time"
)

// keepTrafficLimit moves the content of the request no faster than x-oss-traffic-limit says, if Options ask
// for that. How long the content of a request was held back is told in x-oss-qos-delay-time, in milliseconds.
//
// See https://help.aliyun.com/en/oss/user-guide/single-connection-bandwidth-throttling
func (x *exchange) keepTrafficLimit() {
	const name = "x-oss-traffic-limit"
	bits, err := strconv.ParseInt(x.r.Header.Get(name)+x.query.Get(name), 10, 64) // at most one of them is there
	if !x.opts.TrafficLimits || err != nil || bits < 8 || x.op.moves != received && x.op.moves != sent {
		return
	}
	x.filter(slowed(bits / 8))
	if x.op.moves == sent {
		return // by the time it is known, the headers are gone
	}
	began := time.Now()
	x.answer = append(x.answer, func(rep *reply) error {
		rep.header.Set("x-oss-qos-delay-time", strconv.FormatInt(time.Since(began).Milliseconds(), 10))
		return nil
	})
}
