package conformance_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss/osstest"
	"github.com/ossmultipart/go-oss/signer"
)

// A clock is moved by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 6, 17, 20, 30, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// clockAssumptions are about skew, expiry, temporary keys and the end of V1.
func clockAssumptions() []assumption {
	const op = "GetObject"
	schemes := func(t *testing.T, e *env) []signer.Signer {
		if e.Fake != nil {
			return []signer.Signer{signer.V1{}, signer.V4{}}
		}
		return []signer.Signer{e.signer(request{})}
	}
	temporary := signer.Credentials{AccessKeyID: "STS.temporary", AccessKeySecret: "secret", SecurityToken: "token+/="}
	return []assumption{
		{
			ID: "A215", Source: documented, Where: "error page EC 0002-00000504", Ops: []string{op, "PutObject"},
			Claim: "A header signed more than 15 minutes off, before or after, is 403 RequestTimeTooSkewed, EC " +
				"0002-00000504, with the limit and both times.",
			check: func(t *testing.T, e *env) {
				for _, s := range schemes(t, e) {
					for _, shift := range []time.Duration{-20 * time.Minute, 20 * time.Minute} {
						r := e.send(t, request{method: "GET", key: e.key("object"), signer: s, shift: shift})
						doc := e.refused(t, r, 403, "RequestTimeTooSkewed", "0002-00000504",
							"MaxAllowedSkewMilliseconds", "900000", "RequestTime", "*", "ServerTime", "*")
						matches(t, "RequestTime", doc.get("RequestTime"), docTime)
						matches(t, "ServerTime", doc.get("ServerTime"), docTime)
						asked, _ := time.Parse(time.RFC3339, doc.get("RequestTime"))
						server, _ := time.Parse(time.RFC3339, doc.get("ServerTime"))
						if off := asked.Sub(server) - shift; off.Abs() > time.Minute {
							t.Errorf("RequestTime is %v off ServerTime, want about %v", asked.Sub(server), shift)
						}
					}
				}
			},
		},
		{
			ID: "A216", Source: documented, Where: "error page EC 0002-00000504", Ops: []string{op},
			Claim: "A header signed less than 15 minutes off is good.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, nil)
				for _, s := range schemes(t, e) {
					for _, shift := range []time.Duration{-14 * time.Minute, 14 * time.Minute} {
						e.send(t, request{method: "GET", key: key, signer: s, shift: shift}).wants(t, 200)
					}
				}
			},
		},
		{
			ID: "A217", Source: inferred, Where: "MaxAllowedSkewMilliseconds is 900000", Ops: []string{op},
			Claim:    "A header is valid for 15 minutes and not for a second more.",
			FakeOnly: "the clock must stand still",
			check: func(t *testing.T, _ *env) {
				e := &env{system: fakeSystemWith(t, osstest.Options{Now: newClock().now}), id: "A217"}
				key := e.key("object")
				e.put(t, key, nil)
				for _, s := range schemes(t, e) {
					for _, sign := range []time.Duration{-1, 1} {
						e.send(t, request{method: "GET", key: key, signer: s, shift: sign * 15 * time.Minute}).wants(t,
							200)
						e.send(t, request{method: "GET", key: key, signer: s,
							shift: sign * (15*time.Minute + time.Second)}).wants(t, 403)
					}
				}
			},
		},
		{
			ID: "A218", Source: documented, Where: "docs: Add V4 signature to the URL", Ops: []string{op},
			Claim:    "A URL is good up to the second it expires at, that second included.",
			FakeOnly: "the clock is moved",
			check: func(t *testing.T, _ *env) {
				clock := newClock()
				e := &env{system: fakeSystemWith(t, osstest.Options{Now: clock.now}), id: "A218"}
				key := e.key("object")
				e.put(t, key, nil)
				for _, s := range schemes(t, e) {
					r := request{method: "GET", key: key, signer: s, shift: -time.Minute, presign: time.Minute}
					e.send(t, r).wants(t, 200)
					r.shift -= time.Second
					e.send(t, r).wants(t, 403)
				}
			},
		},
		{
			ID: "A219", Source: documented, Where: "docs: Use temporary access credentials",
			Ops:      []string{op, "PutObject"},
			Claim:    "Temporary keys are good with their token, in header and in query, and not without it.",
			FakeOnly: "the test keys may be permanent ones",
			check: func(t *testing.T, _ *env) {
				e := &env{system: fakeSystemWith(t, osstest.Options{Credentials: []signer.Credentials{temporary}}),
					id: "A219"}
				bare := temporary
				bare.SecurityToken = ""
				wrong := temporary
				wrong.SecurityToken = "other"
				for _, s := range schemes(t, e) {
					e.presigned(t, s)
					e.send(t, request{method: "PUT", key: e.key("object"), signer: s}).wants(t, 200)
					r := request{method: "PUT", key: e.key("object"), signer: s, keys: &bare}
					e.refused(t, e.send(t, r), 403, "InvalidAccessKeyId", "")
					r.keys = &wrong
					e.refused(t, e.send(t, r), 403, "InvalidSecurityToken", "")
				}
			},
		},
		{
			ID: "A220", Source: documented, Where: "docs: HTTP 403 status code", Ops: []string{op, "PutObject"},
			Claim: "Temporary keys that have expired are 403 SecurityTokenExpired, and end " +
				"the URLs signed with them.",
			FakeOnly: "the clock is moved",
			check: func(t *testing.T, _ *env) {
				clock, keys := newClock(), temporary
				keys.Expires = clock.now().Add(time.Hour)
				e := &env{system: fakeSystemWith(t,
					osstest.Options{Credentials: []signer.Credentials{keys}, Now: clock.now}), id: "A220"}
				key := e.key("object")
				e.put(t, key, nil)
				url := request{method: "GET", key: key, presign: 24 * time.Hour}
				e.send(t, url).wants(t, 200)
				clock.advance(time.Hour)
				e.refused(t, e.send(t, request{method: "PUT", key: key}), 403, "SecurityTokenExpired", "")
				url.shift = -time.Hour
				e.refused(t, e.send(t, url), 403, "SecurityTokenExpired", "")
			},
		},
		{
			ID: "A221", Source: documented,
			Where: "error page EC 0002-00000080; notice: Discontinuation of the OSS V1 signature algorithm",
			Ops:   []string{op, "PutObject"},
			Claim: "Buckets for which V1 has ended refuse it with 403, EC 0002-00000080, in header " +
				"and in query, and take V4.",
			FakeOnly: "it depends on the age of the bucket",
			check: func(t *testing.T, _ *env) {
				e := &env{system: fakeSystemWith(t, osstest.Options{RefuseV1: true}), id: "A221"}
				for _, life := range []time.Duration{0, time.Minute} {
					r := e.send(t, request{method: http.MethodPut, key: e.key("object"),
						signer: signer.V1{}, presign: life})
					equal(t, "EC", r.wants(t, 403).xml(t).get("EC"), "0002-00000080")
					e.send(t, request{method: http.MethodPut, key: e.key("object"), signer: signer.V4{},
						presign: life}).wants(t, 200)
				}
			},
		},
	}
}
