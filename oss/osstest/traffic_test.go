package osstest_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// H 9: with the option, content moves at the rate of x-oss-traffic-limit, which is in bits.
func TestTrafficLimitsAreKept(t *testing.T) {
	body := strings.Repeat("x", 204800)
	for _, keep := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			srv := osstest.NewServer(&osstest.Options{TrafficLimits: keep, PublicBuckets: []string{"bucket"}})
			defer srv.Close()
			limit := map[string]string{"x-oss-traffic-limit": "819200"}
			for _, tt := range []struct {
				name string
				send func() *answer
			}{
				{"PutObject", func() *answer { return send(t, srv, call{method: "PUT", key: "key", header: limit, body: body}) }},
				{"GetObject", func() *answer {
					return send(t, srv, call{method: "GET", key: "key", query: "x-oss-traffic-limit=819200"})
				}},
				{"PostObject", func() *answer {
					return submit(t, srv, form{file: body, fields: []string{"key", "key", "x-oss-traffic-limit", "819200"}})
				}},
				{"HeadObject", func() *answer { return send(t, srv, call{method: "HEAD", key: "key", header: limit}) }},
			} {
				began := time.Now()
				a := tt.send()
				took, want := time.Since(began).Round(time.Second/2), time.Duration(0)
				if keep && tt.name != "HeadObject" {
					want = 2 * time.Second
				}
				if a.status >= 300 || took != want {
					t.Errorf("%s is answered %v after %v, want %v", tt.name, a, took, want)
				}
				if held := a.header.Get("x-oss-qos-delay-time"); (held != "") != (want > 0 && tt.name != "GetObject") {
					t.Errorf("%s was held %q ms", tt.name, held)
				}
			}
		})
	}
}
