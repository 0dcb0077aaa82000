package osstest

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// ThrottleOptions are the options of Throttle. Nil and the zero value mean the defaults.
type ThrottleOptions struct {
	Code       oss.Code      // default "TotalQpsLimitExceeded"
	Status     int           // default 503, and 429 for the code QpsLimitExceeded
	Hold       time.Duration // delays the reply, which reports the delay in x-oss-qos-delay-time
	RetryAfter time.Duration // Retry-After of the reply, rounded up to seconds; 0 sends none, as OSS does
}

// Throttle replies as OSS does to a client that exceeds a rate limit. The request is not executed.
//
// The Fault says which requests exceed the limit: After and For by time, Above by rate, Share by chance.
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
