package osstest

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// ThrottleOptions shape a Throttle. Nil and the zero value both mean the defaults.
type ThrottleOptions struct {
	Code       oss.Code      // default "TotalQpsLimitExceeded"
	Status     int           // default 503; 429 for the code QpsLimitExceeded
	Hold       time.Duration // the answer waits so long, and says so in x-oss-qos-delay-time
	RetryAfter time.Duration // for a Retry-After in full seconds; 0 sends none, as OSS does
}

// Throttle answers as OSS does to a client that asks for too much. The request has no effect.
//
// Which requests are too much is for the Fault to say: After and For make a window in time, Above a
// limit on the rate, Share a part of the requests.
//
// See https://www.alibabacloud.com/help/en/oss/user-guide/http-status-code-503
func Throttle(opts *ThrottleOptions) Effect {
	var o ThrottleOptions
	if opts != nil {
		o = *opts
	}
	o.Code = cmp.Or(o.Code, "TotalQpsLimitExceeded")
	if o.Status == 0 {
		o.Status = http.StatusServiceUnavailable
		if o.Code == "QpsLimitExceeded" {
			o.Status = http.StatusTooManyRequests
		}
	}
	checkStatus("Throttle", o.Status)
	return newEffect("Throttle", anyOperation, func(x *exchange) error {
		x.onReply = append(x.onReply, func(rep *reply) error {
			if o.Hold > 0 {
				rep.header.Set("x-oss-qos-delay-time", strconv.FormatInt(o.Hold.Milliseconds(), 10))
			}
			if o.RetryAfter > 0 {
				seconds := (o.RetryAfter + time.Second - 1) / time.Second
				rep.header.Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
			}
			return x.wait(o.Hold)
		})
		return failure(o.Status, o.Code)
	}, o.Status, o.Code)
}
