package osstest

import (
	"strconv"
	"time"
)

// Limits of x-oss-traffic-limit, in bits per second. OSS accepts less than the documented minimum; a Server then uses
// the minimum.
//
// See https://help.aliyun.com/en/oss/user-guide/single-connection-bandwidth-throttling
const (
	minTraffic = 819_200
	maxTraffic = 838_860_800
)

// limitsTraffic reports whether an operation uses x-oss-traffic-limit. Others ignore it.
func (op *operation) limitsTraffic() bool {
	switch op.name {
	case "PutObject", "PostObject", "AppendObject", "CopyObject", "GetObject", "UploadPart", "UploadPartCopy":
		return true
	}
	return false
}

// limitTraffic limits the rate of the body to x-oss-traffic-limit. The reply reports the delay. For copies the value is
// only checked.
func (x *exchange) limitTraffic() error {
	if !x.op.limitsTraffic() {
		return nil
	}
	const name = "x-oss-traffic-limit"
	header, param := x.r.Header.Get(name), x.query.Get(name)
	limit := header + param
	switch {
	case limit == "":
		return nil
	case header != "" && param != "":
		return invalidArgument("", "The traffic limit must be in the header or in the query, not in both.", name,
			header)
	}
	n, err := strconv.ParseInt(limit, 10, 64)
	if err != nil || n < 0 || n > maxTraffic {
		return invalidArgument("0004-00000502", "The traffic limit must be an integer between 819200 and 838860800.",
			name, limit)
	}
	rate := max(n, minTraffic) / 8
	switch x.op.body {
	case contentRequest:
		began := time.Now()
		x.filter(throttleTo(rate))
		x.onReply = append(x.onReply, func(rep *reply) error {
			rep.setDelay(time.Since(began))
			return nil
		})
	case contentReply:
		x.filter(throttleTo(rate))
		x.onReply = append(x.onReply, func(rep *reply) error {
			rep.setDelay(time.Duration(float64(rep.size) / float64(rate) * float64(time.Second)))
			return nil
		})
	}
	return nil
}

// setDelay sets the header with the delay of a reply.
func (rep *reply) setDelay(d time.Duration) {
	if ms := d.Milliseconds(); ms > 0 && rep.refusal == nil {
		rep.header.Set("x-oss-qos-delay-time", strconv.FormatInt(ms, 10))
	}
}
