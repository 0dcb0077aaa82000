package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A term is a condition or an effect of a fault: how it is parsed, and what -help says.
type term struct {
	form, means string // an example, with a value if there is one, and its meaning
	read        func(*osstest.Fault, *values)
}

// conditions are all conditions, in the order of -help.
var conditions = []term{
	{"bucket=photos", "only in this bucket", func(f *osstest.Fault, v *values) { f.Bucket = v.name() }},
	{"key=cats/tom.jpg", "only for this object; a colon is %3A, a percent sign %25",
		func(f *osstest.Fault, v *values) { f.Key = v.name() }},
	{"part=3", "only for the part with this number", func(f *osstest.Fault, v *values) { f.PartNumber = v.number() }},
	{"after=10s", "only after this time since the start",
		func(f *osstest.Fault, v *values) { f.After = v.time(1) }},
	{"for=1m", "only for this time from then on", func(f *osstest.Fault, v *values) { f.For = v.time(1) }},
	{"skip=1", "lets this number of requests pass first", func(f *osstest.Fault, v *values) { f.Skip = v.number() }},
	{"times=2", "applies to this number of requests, and then ends", func(f *osstest.Fault, v *values) {
		f.Times = v.number()
	}},
	{"share=0.1", "applies to this share of the requests", func(f *osstest.Fault, v *values) { f.Share = v.share() }},
	{"seed=7", "selects the requests of that share", func(f *osstest.Fault, v *values) { f.Seed = v.seed() }},
	{"above=5", "applies to requests beyond this number in one second",
		func(f *osstest.Fault, v *values) { f.Above = v.number() }},
}

// effects are all effects, in the order of -help.
var effects = []term{
	{"fail=503/ServiceUnavailable", "replies with that error instead of executing the request",
		effect(func(v *values) osstest.Effect { return osstest.Fail(v.number(), v.code()) })},
	{"fail-after=64KiB/500/InternalError", "likewise, after that much of the body",
		effect(func(v *values) osstest.Effect { return osstest.FailAfter(v.bytes(), v.number(), v.code()) })},
	{"throttle", "replies 503 TotalQpsLimitExceeded instead of executing the request",
		plain(func() osstest.Effect { return osstest.Throttle(nil) })},
	{"throttle=429/QpsLimitExceeded/1s/5s", "likewise, after one second, with Retry-After: 5; 0s is none",
		effect(func(v *values) osstest.Effect {
			return osstest.Throttle(&osstest.ThrottleOptions{
				Status: v.number(), Code: v.code(), Hold: v.time(0), RetryAfter: v.time(0),
			})
		})},
	{"proxy-reply=502/<html></html>", "replies like a proxy, with that page or none, instead of executing the request",
		effect(func(v *values) osstest.Effect { return osstest.ProxyReply(v.number(), v.text()) })},
	{"delay=2s", "executes the request, delays the reply",
		effect(func(v *values) osstest.Effect { return osstest.Delay(v.time(1)) })},
	{"hang", "never replies, and does not execute the request", plain(osstest.Hang)},
	{"drop", "closes the connection instead of executing the request", plain(osstest.Drop)},
	{"lose-reply", "executes the request, closes the connection without a reply", plain(osstest.LoseReply)},
	{"cut-reply=30", "executes the request, closes the connection after that many bytes of the reply",
		effect(func(v *values) osstest.Effect { return osstest.CutReply(v.bytes()) })},
	{"short-reply=100", "executes the request, shortens the body of the reply",
		effect(func(v *values) osstest.Effect { return osstest.ShortReply(v.bytes()) })},
	{"wrong-etag", "executes the request, changes the ETags in the reply", plain(osstest.WrongETag)},
	{"wrong-crc64", "executes the request, changes the CRC-64s in the reply", plain(osstest.WrongCRC64)},
	{"corrupt", "inverts a bit of the content that is stored or read", plain(osstest.Corrupt)},
	{"truncate=64KiB", "closes the connection after that many bytes of the body",
		effect(func(v *values) osstest.Effect { return osstest.Truncate(v.bytes()) })},
	{"slow=50KiB/s", "limits the rate of the body",
		effect(func(v *values) osstest.Effect { return osstest.Slow(v.rate()) })},
	{"slow-connections=1MiB/s/0.2", "likewise, and to a fiftieth on this share of the connections",
		effect(func(v *values) osstest.Effect { return osstest.SlowConnections(v.rate(), v.share()) })},
	{"redeliver=1s", "stores the part once more, after that time",
		effect(func(v *values) osstest.Effect { return osstest.Redeliver(v.time(1)) })},
	{"expire-token", "makes the security token of the request expire, for later ones too", plain(osstest.ExpireToken)},
	{"revoke-token", "makes that token invalid", plain(osstest.RevokeToken)},
	{"clock-off=-20m", "moves the clock of the server",
		effect(func(v *values) osstest.Effect { return osstest.ClockOff(v.time(math.MinInt64)) })},
	{"chaos=7", "applies random faults to a quarter of the requests; see -chaos",
		effect(func(v *values) osstest.Effect { return osstest.Chaos(v.seed()) })},
}

// plain returns the parser of an effect without a value.
func plain(e func() osstest.Effect) func(*osstest.Fault, *values) {
	return effect(func(*values) osstest.Effect { return e() })
}

// effect returns the parser of an effect. Several effects of a fault are combined by Together.
func effect(read func(*values) osstest.Effect) func(*osstest.Fault, *values) {
	return func(f *osstest.Fault, v *values) {
		e := read(v)
		if f.Effect != nil {
			e = osstest.Together(f.Effect, e)
		}
		f.Effect = e
	}
}

// readTerm parses one term and adds it to f.
func readTerm(f *osstest.Fault, text string) error {
	name, value, hasValue := strings.Cut(text, "=")
	var like *term
	for _, terms := range [][]term{conditions, effects} {
		for _, t := range terms {
			known, _, takesValue := strings.Cut(t.form, "=")
			if known == name && (like == nil || takesValue == hasValue) {
				like = &t
			}
		}
	}
	if like == nil {
		return fmt.Errorf("%q is neither a condition nor an effect", name)
	}
	v := &values{rest: value, more: hasValue}
	err := try(func() { like.read(f, v) })
	if v.bad || v.more {
		return fmt.Errorf("%s: want it like %s, %s", text, like.form, like.means)
	}
	return err
}
