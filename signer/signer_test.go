package signer

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	_ Signer = V1{}
	_ Signer = V4{}
)

var noon = time.Date(2026, 6, 17, 12, 0, 0, 0, time.UTC)

// testParams returns Params that both schemes accept.
func testParams() Params {
	return Params{
		Bucket: "photos", Key: "2026/cat.jpg", Region: "cn-hangzhou", Time: noon,
		Credentials: Credentials{AccessKeyID: "LTAIexampleid", AccessKeySecret: "hushhush", SecurityToken: "sts-token"},
	}
}

// testRequest returns a request as package oss would build it.
func testRequest() *http.Request {
	const address = "https://photos.oss-cn-hangzhou.aliyuncs.com/2026/cat.jpg?partNumber=1&uploadId=A0"
	req, err := http.NewRequest("PUT", address, nil)
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", "image/jpeg")
	req.Header.Set("x-oss-forbid-overwrite", "true")
	return req
}

func TestRefusedBeforeAnythingIsSigned(t *testing.T) {
	const minute = time.Minute
	both := []Signer{V1{}, V4{}}
	onlyV4 := []Signer{V4{}}
	tests := []struct {
		name    string
		signers []Signer
		change  func(*Params)
		query   string
		ttl     time.Duration // zero: Sign is tried too
		want    string
	}{
		{"no key id", both, func(p *Params) { p.Credentials.AccessKeyID = "" }, "", 0, "signer: AccessKeyID is empty"},
		{"no secret", both, func(p *Params) { p.Credentials.AccessKeySecret = "" }, "", 0,
			"signer: AccessKeySecret is empty"},
		{"no time", both, func(p *Params) { p.Time = time.Time{} }, "", 0, "signer: time is zero"},
		{"key without bucket", both, func(p *Params) { p.Bucket = "" }, "", 0, "signer: a key needs a bucket"},
		{"bad escape", both, nil, "a=%zz", 0, `signer: query: invalid URL escape "%zz"`},
		{"no region", onlyV4, func(p *Params) { p.Region = "" }, "", 0, "signer: V4 needs a region"},
		{"region of an endpoint", onlyV4, func(p *Params) { p.Region = "oss-cn-hangzhou" }, "", 0,
			`signer: region "oss-cn-hangzhou": drop "oss-", the region is "cn-hangzhou"`},
		{"V1 ttl too short", []Signer{V1{}}, nil, "", time.Second - 1, "signer: ttl 999.999999ms is less than 1s"},
		{"V4 ttl negative", onlyV4, nil, "", -minute, "signer: ttl -1m0s is not between 1s and 168h0m0s"},
		{"V4 ttl too long", onlyV4, nil, "", MaxPresign + 1,
			"signer: ttl 168h0m0.000000001s is not between 1s and 168h0m0s"},
	}
	for _, tt := range tests {
		for _, s := range tt.signers {
			t.Run(fmt.Sprintf("%s/%T", tt.name, s), func(t *testing.T) {
				p := testParams()
				if tt.change != nil {
					tt.change(&p)
				}
				req := testRequest()
				req.URL.RawQuery = tt.query
				req.Header.Set("Authorization", "as it was")
				before := req.Clone(t.Context())
				ttl := tt.ttl
				if ttl == 0 {
					ttl = minute
					if got := fmt.Sprint(s.Sign(req, p)); got != tt.want {
						t.Errorf("Sign = %q, want %q", got, tt.want)
					}
				}
				if got := fmt.Sprint(s.Presign(req, p, ttl)); got != tt.want {
					t.Errorf("Presign = %q, want %q", got, tt.want)
				}
				if diff := cmp.Diff(before.Header, req.Header); diff != "" || req.URL.RawQuery != tt.query {
					t.Errorf("request has changed: query %q, header (-want +got):\n%s", req.URL.RawQuery, diff)
				}
			})
		}
	}
}

func TestPresignAcceptsItsLimits(t *testing.T) {
	for _, ttl := range []time.Duration{time.Second, 1500 * time.Millisecond, MaxPresign} {
		req := testRequest()
		if err := (V4{}).Presign(req, testParams(), ttl); err != nil {
			t.Errorf("V4.Presign(%v) = %v", ttl, err)
		}
		got, want := req.URL.Query().Get("x-oss-expires"), fmt.Sprint(int(ttl.Seconds()))
		if got != want {
			t.Errorf("V4.Presign(%v) expires in %s s, want %s", ttl, got, want)
		}
	}
	if err := (V1{}).Presign(testRequest(), testParams(), 10*MaxPresign); err != nil {
		t.Errorf("V1.Presign = %v, want no upper limit", err)
	}
}

// TestSigningAgainLeavesNoTraceOfTheFirst signs with a token, then a minute later without one, in
// every combination of scheme and form. The result is that of signing a fresh request.
func TestSigningAgainLeavesNoTraceOfTheFirst(t *testing.T) {
	sign := map[string]func(*http.Request, Params) error{
		"V1.Sign":    V1{}.Sign,
		"V4.Sign":    V4{AdditionalHeaders: []string{"host"}}.Sign,
		"V1.Presign": func(req *http.Request, p Params) error { return V1{}.Presign(req, p, time.Hour) },
		"V4.Presign": func(req *http.Request, p Params) error {
			return V4{AdditionalHeaders: []string{"host"}}.Presign(req, p, time.Hour)
		},
	}
	for first := range maps.Keys(sign) {
		for second := range maps.Keys(sign) {
			t.Run(first+" then "+second, func(t *testing.T) {
				p := testParams()
				got := testRequest()
				if err := sign[first](got, p); err != nil {
					t.Fatal(err)
				}
				p.Time = p.Time.Add(time.Minute)
				p.Credentials.SecurityToken = ""
				want := testRequest()
				if err := sign[second](want, p); err != nil {
					t.Fatal(err)
				}
				if err := sign[second](got, p); err != nil {
					t.Fatal(err)
				}
				if second != "V1.Sign" {
					got.Header.Del("Date") // of V1.Sign, which nothing else looks at
				}
				if diff := cmp.Diff(want.Header, got.Header); diff != "" {
					t.Errorf("header (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(want.URL.Query(), got.URL.Query()); diff != "" {
					t.Errorf("query (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestSignKeepsTheQueryAsTheCallerWroteIt(t *testing.T) {
	const raw = "uploads=&b=%2f+x&a"
	for _, s := range []Signer{V1{}, V4{}} {
		req := testRequest()
		req.URL.RawQuery = raw
		if err := s.Sign(req, testParams()); err != nil || req.URL.RawQuery != raw {
			t.Errorf("%T: query %q, %v, want %q", s, req.URL.RawQuery, err, raw)
		}
	}
}

func TestSignMakesAMissingHeaderMap(t *testing.T) {
	for _, s := range []Signer{V1{}, V4{}} {
		req := &http.Request{URL: &url.URL{Host: "h"}}
		if err := s.Sign(req, testParams()); err != nil || req.Header.Get("Authorization") == "" {
			t.Errorf("%T.Sign = %v, header %v", s, err, req.Header)
		}
	}
}

func TestV1CallersOSSDateWins(t *testing.T) {
	const date = "Wed, 17 Jun 2026 11:59:00 GMT"
	req := testRequest()
	req.Header.Set("x-oss-date", date)
	for range 2 { // it outlives a retry
		if err := (V1{}).Sign(req, testParams()); err != nil {
			t.Fatal(err)
		}
		want := "PUT\n\nimage/jpeg\n" + date + "\nx-oss-date:" + date +
			"\nx-oss-forbid-overwrite:true\nx-oss-security-token:sts-token\n" +
			"/photos/2026/cat.jpg?partNumber=1&uploadId=A0"
		equal(t, "StringToSign", V1{}.StringToSign(req, testParams()), want)
	}
}

// The first SDK for Go signs with V4 and sends its date in Date only, in the form of HTTP.
func TestV4HashesADateInTheFormOfHTTPAsItCame(t *testing.T) {
	const date = "Wed, 17 Jun 2026 23:59:59 GMT"
	req, p := testRequest(), testParams()
	req.Header.Set("Date", date)
	p.Time = noon.AddDate(0, 0, 1)
	got := V4{}.StringToSign(req, p)
	want := "OSS4-HMAC-SHA256\n" + date + "\n20260617/" + p.Region + "/oss/aliyun_v4_request\n"
	if !strings.HasPrefix(got, want) {
		t.Errorf("StringToSign = %q, want it to begin with %q", got, want)
	}
}

func TestCanonicalResource(t *testing.T) {
	tests := []struct{ name, bucket, key, v1, v4 string }{
		{"service", "", "", "/", "/"},
		{"bucket", "b", "", "/b/", "/b/"},
		{"object", "b", "k", "/b/k", "/b/k"},
		{"key with slashes and dots", "b", "/a//../b/", "/b//a//../b/", "/b//a//../b/"},
		{"key to be escaped", "b", "a b+c%?&=", "/b/a b+c%?&=", "/b/a%20b%2Bc%25%3F%26%3D"},
		{"key in UTF-8", "b", "\u732b", "/b/\u732b", "/b/%E7%8C%AB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := Params{Bucket: tt.bucket, Key: tt.key, Time: noon}
			req := &http.Request{URL: new(url.URL)}
			v1 := strings.SplitN(V1{}.StringToSign(req, p), "\n", 5)[4]
			v4 := strings.SplitN(V4{}.CanonicalRequest(req, p), "\n", 3)[1]
			equal(t, "V1", v1, tt.v1)
			equal(t, "V4", v4, tt.v4)
		})
	}
}

// The values lie side by side in memory.
func TestWhatSignSetsCanBeAddedTo(t *testing.T) {
	for _, s := range []Signer{V1{}, V4{}} {
		req := testRequest()
		if err := s.Sign(req, testParams()); err != nil {
			t.Fatal(err)
		}
		signed := req.Header.Clone()
		for name := range signed {
			req.Header.Add(name, "more")
		}
		for name, values := range signed {
			if got, want := req.Header[name], append(values, "more"); !slices.Equal(got, want) {
				t.Errorf("%T: %s is %q, want %q", s, name, got, want)
			}
		}
	}
}

func TestCanonicalHeaders(t *testing.T) {
	req := testRequest()
	req.ContentLength = 7
	req.Header = http.Header{
		"Authorization":   {"never covered"},
		"Content-Type":    nil, // net/http sends no such header
		"Range":           {"bytes=0-6"},
		"X-Oss-Meta-A":    {"2"},
		"x-oss-meta-a":    {"1"},
		"X-Oss-Meta-Ab":   {"0"},
		"X-Oss-Meta-_":    {"before letters"},
		"X-Oss-Meta-List": {" a ", "b\t"},
		"x-oss-meta-Raw":  {"not in canonical form"},
		"X-Oss-Unset":     nil,
		"User-Agent":      {"test"},
	}
	s := V4{AdditionalHeaders: []string{
		"Range", "range", "HOST", "Content-Length", "Content-Type", "Authorization", "If-Match", "x-oss-meta-list",
	}}
	got := string(appendHeaders(nil, s.signedHeaders(nil, req)))
	want := "content-length:7\nhost:photos.oss-cn-hangzhou.aliyuncs.com\nrange:bytes=0-6\n" +
		"x-oss-meta-_:before letters\nx-oss-meta-a:1\nx-oss-meta-a:2\nx-oss-meta-ab:0\n" +
		"x-oss-meta-list:a,b\nx-oss-meta-raw:not in canonical form\n"
	equal(t, "headers", got, want)
	equal(t, "names", s.coveredNames(req), "content-length;host;range")
}

func TestEmptyKeysAreNoProvider(t *testing.T) {
	full := testParams().Credentials
	if got, err := full.Credentials(context.Background()); err != nil || got != full {
		t.Errorf("Credentials = %v, %v, want the same", got, err)
	}
	for _, c := range []Credentials{{}, {AccessKeyID: "id"}, {AccessKeySecret: "hushhush"}} {
		if got, err := c.Credentials(context.Background()); err == nil || got != (Credentials{}) {
			t.Errorf("%v.Credentials = %v, %v, want an error", c, got, err)
		}
	}
}

func TestCredentialsPrintUsefully(t *testing.T) {
	c := Credentials{AccessKeyID: "LTAI", AccessKeySecret: "hushhush", Expires: noon}
	equal(t, "%v", fmt.Sprintf("%v", c),
		"{AccessKeyID:LTAI AccessKeySecret:*** SecurityToken: Expires:2026-06-17T12:00:00Z}")
	equal(t, "%#v", fmt.Sprintf("%#v", c), `signer.Credentials{AccessKeyID:"LTAI", AccessKeySecret:"***", `+
		`SecurityToken:"", Expires:time.Date(2026, time.June, 17, 12, 0, 0, 0, time.UTC)}`)
	equal(t, "%q", fmt.Sprintf("%q", Credentials{}),
		`"{AccessKeyID: AccessKeySecret: SecurityToken: Expires:never}"`)
}

// shown prints c in every way the mask is meant to cover.
func shown(c Credentials) string {
	type embedding struct {
		Credentials
		Note string
	}
	type holding struct {
		Keys Credentials
		Ptr  *Credentials
		Any  any
	}
	formats := []string{"no verb"}                // fmt prints what is left over
	for _, verb := range "vsqxXdobcUeEfFgGtTz!" { // not %p and %w: see Credentials
		for _, flags := range []string{"", "+", "#", "+#", " ", "-40", "0.99"} {
			formats = append(formats, "%"+flags+string(verb))
		}
	}
	var out bytes.Buffer
	values := []any{
		c, &c, Params{Credentials: c}, &Params{Credentials: c}, embedding{c, ""}, &embedding{c, ""},
		holding{c, nil, c}, []Credentials{c}, map[string]any{"k": c}, [1]*Credentials{nil},
	}
	for _, v := range values {
		for _, format := range formats {
			fmt.Fprintf(&out, format, v)
		}
		fmt.Fprintln(&out, v)
	}
	fmt.Fprintln(&out, c.String(), c.GoString(), c.LogValue())
	drop := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	for _, h := range []slog.Handler{
		slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: drop}),
		slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: drop}),
	} {
		slog.New(h).Info("test", "credentials", c, "pointer", &c, slog.Group("g", "c", c))
	}
	return out.String()
}

func TestMaskTellsSetFromUnset(t *testing.T) {
	set, unset := Credentials{SecurityToken: "x"}, Credentials{}
	if set.String() == unset.String() {
		t.Errorf("%v with and without a token", set)
	}
}

// Keys are kept from one signature to the next; each must be that of its own secret, day, region and product.
func TestV4KeysAreThoseOfTheirScope(t *testing.T) {
	change := []func(s *V4, p *Params){
		func(*V4, *Params) {},
		func(_ *V4, p *Params) { p.Credentials.AccessKeySecret = "another" },
		func(_ *V4, p *Params) { p.Time = p.Time.AddDate(0, 0, 1) },
		func(_ *V4, p *Params) { p.Region = "cn-beijing" },
		func(s *V4, _ *Params) { s.Product = "oss-cloudbox" },
	}
	sign := func(i int) string {
		s, p, req := V4{}, testParams(), testRequest()
		change[i](&s, &p)
		if err := s.Sign(req, p); err != nil {
			t.Error(err)
		}
		return req.Header.Get("Authorization")
	}
	alone := make([]string, len(change))
	for i := range change {
		runtime.GC() // twice empties a pool
		runtime.GC()
		alone[i] = sign(i)
	}
	if n := len(slices.Compact(slices.Sorted(slices.Values(alone)))); n != len(change) {
		t.Errorf("%d different signatures, want %d", n, len(change))
	}
	var workers sync.WaitGroup
	for w := range 4 {
		workers.Go(func() {
			for n := range 200 {
				if i := (n*n + w) % len(change); sign(i) != alone[i] {
					t.Errorf("signature %d depends on those before it", i)
				}
			}
		})
	}
	workers.Wait()
}
