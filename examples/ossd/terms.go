package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A term is all that is known of one: the same row reads it and explains it in -help.
type term struct {
	form, means string // form is an example, with a value if it takes one
	read        func(*osstest.Fault, *values)
}

// conditions are all there are, in the order of -help.
var conditions = []term{
	{"bucket=photos", "only in this bucket", func(f *osstest.Fault, v *values) { f.Bucket = v.name() }},
	{"key=cats/tom.jpg", "only for this object; a colon is %3A, a percent sign %25", func(f *osstest.Fault, v *values) { f.Key = v.name() }},
	{"part=3", "only for the part of this number", func(f *osstest.Fault, v *values) { f.PartNumber = v.number() }},
	{"after=10s", "only when so much time has passed since the start", func(f *osstest.Fault, v *values) { f.After = v.time(1) }},
	{"for=1m", "and then for so long and no longer", func(f *osstest.Fault, v *values) { f.For = v.time(1) }},
	{"skip=1", "lets so many requests pass first", func(f *osstest.Fault, v *values) { f.Skip = v.number() }},
	{"times=2", "strikes so often and no more", func(f *osstest.Fault, v *values) { f.Times = v.number() }},
	{"share=0.1", "strikes this share of the requests", func(f *osstest.Fault, v *values) { f.Share = v.share() }},
	{"seed=7", "which of them follows from this number", func(f *osstest.Fault, v *values) { f.Seed = v.seed() }},
	{"above=5", "strikes only what exceeds so many requests in a second", func(f *osstest.Fault, v *values) { f.Above = v.number() }},
}

// effects are all there are, in the order of -help.
var effects = []term{
	{"fail=503/ServiceUnavailable", "answers with that status and code; the request has no effect",
		effect(func(v *values) osstest.Effect { return osstest.Fail(v.number(), v.code()) })},
	{"fail-after=64KiB/500/InternalError", "answers so when that much of the body has come; the request has no effect",
		effect(func(v *values) osstest.Effect { return osstest.FailAfter(v.bytes(), v.number(), v.code()) })},
	{"throttle", "answers 503 TotalQpsLimitExceeded; the request has no effect",
		plain(func() osstest.Effect { return osstest.Throttle(nil) })},
	{"throttle=429/QpsLimitExceeded/1s/5s", "answers so after a second, with Retry-After: 5; 0s is none",
		effect(func(v *values) osstest.Effect {
			return osstest.Throttle(&osstest.ThrottleOptions{Status: v.number(), Code: v.code(), Hold: v.time(0), RetryAfter: v.time(0)})
		})},
	{"proxy-reply=502/<html></html>", "answers with that status and page, or none, and not as OSS; no effect",
		effect(func(v *values) osstest.Effect { return osstest.ProxyReply(v.number(), v.text()) })},
	{"delay=2s", "does the work, answers that much later",
		effect(func(v *values) osstest.Effect { return osstest.Delay(v.time(1)) })},
	{"hang", "never answers; the request has no effect", plain(osstest.Hang)},
	{"drop", "cuts the connection before the request has an effect", plain(osstest.Drop)},
	{"lose-reply", "does the work, then cuts the connection", plain(osstest.LoseReply)},
	{"cut-reply=30", "does the work, cuts the connection after so many bytes of the reply",
		effect(func(v *values) osstest.Effect { return osstest.CutReply(v.bytes()) })},
	{"short-reply=100", "does the work, sends so many bytes of the reply's body as if they were all",
		effect(func(v *values) osstest.Effect { return osstest.ShortReply(v.bytes()) })},
	{"wrong-etag", "does the work, changes the ETags in the reply", plain(osstest.WrongETag)},
	{"wrong-crc64", "does the work, changes the CRC-64s in the reply", plain(osstest.WrongCRC64)},
	{"corrupt", "flips a bit of what is stored, or of what is read back", plain(osstest.Corrupt)},
	{"truncate=64KiB", "cuts the connection after so many bytes of the body",
		effect(func(v *values) osstest.Effect { return osstest.Truncate(v.bytes()) })},
	{"slow=50KiB/s", "moves the body at that rate",
		effect(func(v *values) osstest.Effect { return osstest.Slow(v.rate()) })},
	{"slow-connections=1MiB/s/0.2", "moves it at that rate, on this share of the connections at a fiftieth of it",
		effect(func(v *values) osstest.Effect { return osstest.SlowConnections(v.rate(), v.share()) })},
	{"redeliver=1s", "stores the part once more, that much later",
		effect(func(v *values) osstest.Effect { return osstest.Redeliver(v.time(1)) })},
	{"expire-token", "lets the security token of the request expire, for later ones too", plain(osstest.ExpireToken)},
	{"revoke-token", "makes it invalid", plain(osstest.RevokeToken)},
	{"clock-off=-20m", "makes the server's clock wrong by that much",
		effect(func(v *values) osstest.Effect { return osstest.ClockOff(v.time(math.MinInt64)) })},
	{"chaos=7", "strikes a quarter of the requests, with what follows from that number; see -chaos",
		effect(func(v *values) osstest.Effect { return osstest.Chaos(v.seed()) })},
}

// plain is effect for one without a value.
func plain(e func() osstest.Effect) func(*osstest.Fault, *values) {
	return effect(func(*values) osstest.Effect { return e() })
}

// effect returns how to read an effect. One that follows another strikes together with it.
func effect(read func(*values) osstest.Effect) func(*osstest.Fault, *values) {
	return func(f *osstest.Fault, v *values) {
		e := read(v)
		if f.Effect != nil {
			e = osstest.Together(f.Effect, e)
		}
		f.Effect = e
	}
}

// readTerm takes one term into f.
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
