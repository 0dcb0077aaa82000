package osstest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/internal/crc64"
)

func TestRanges(t *testing.T) {
	srv := start(t, nil)
	srv.PutObject("bucket", "key", []byte("0123456789"))
	srv.PutObject("bucket", "empty", nil)
	tests := []struct {
		rng      string
		plain    string // "body Content-Range"
		standard string // with x-oss-range-behavior: standard, if it differs
	}{
		{"bytes=0-9", "206 0123456789 bytes 0-9/10", ""},
		{"bytes=2-4", "206 234 bytes 2-4/10", ""},
		{"bytes=9-9", "206 9 bytes 9-9/10", ""},
		{"bytes=7-", "206 789 bytes 7-9/10", ""},
		{"bytes=-2", "206 89 bytes 8-9/10", ""},
		{"bytes=-10", "206 0123456789 bytes 0-9/10", ""},
		{"bytes=5-10", "200 0123456789 ", "206 56789 bytes 5-9/10"},
		{"bytes=-11", "200 0123456789 ", "206 0123456789 bytes 0-9/10"},
		{"bytes=10-", "200 0123456789 ", "416 InvalidRange"},
		{"bytes=10-12", "200 0123456789 ", "416 InvalidRange"},
		{"bytes=-0", "200 0123456789 ", "416 InvalidRange"},
		{"bytes=4-2", "200 0123456789 ", ""},
		{"bytes=-", "200 0123456789 ", ""},
		{"bytes=a-b", "200 0123456789 ", ""},
		{"bytes=0-99999999999999999999", "200 0123456789 ", ""},
		{"bytes=0-1,3-4", "200 0123456789 ", ""},
		{"lines=0-1", "200 0123456789 ", ""},
		{"0-1", "200 0123456789 ", ""},
	}
	for _, tt := range tests {
		if tt.standard == "" {
			tt.standard = tt.plain
		}
		for behavior, want := range map[string]string{"": tt.plain, "standard": tt.standard} {
			got := send(t, srv, call{method: "GET", key: "key",
				header: map[string]string{"Range": tt.rng, "x-oss-range-behavior": behavior}})
			text := fmt.Sprintf("%d %s %s", got.status, got.body, got.header.Get("Content-Range"))
			if got.status >= 400 {
				text = got.String()
			}
			if text != want {
				t.Errorf("%s %s: got %q, want %q", tt.rng, behavior, text, want)
			}
			if (got.header.Get("Content-MD5") != "") != (got.status == 200) {
				t.Errorf("%s: Content-MD5 = %q with %d", tt.rng, got.header.Get("Content-MD5"), got.status)
			}
			if got.status < 300 &&
				got.header.Get("x-oss-hash-crc64ecma") != fmt.Sprint(crc64.Checksum([]byte("0123456789"))) {
				t.Errorf("%s: CRC is not the whole object's", tt.rng)
			}
		}
	}
	if got := send(t, srv, call{method: "GET", key: "empty",
		header: map[string]string{"Range": "bytes=0-0"}}); got.status != 200 {
		t.Errorf("range of an empty object: %v", got)
	}
}

func TestConditions(t *testing.T) {
	srv := start(t, nil)
	srv.PutObject("bucket", "key", []byte("x"))
	o, _ := srv.Stat("bucket", "key")
	at, before := o.Time.Format(http.TimeFormat), o.Time.Add(-1e9).Format(http.TimeFormat)
	tests := []struct {
		name, value string
		want        string
	}{
		{"If-Match", o.ETag, "200"},
		{"If-Match", strings.ToLower(strings.Trim(o.ETag, `"`)), "200"},
		{"If-Match", "*", "200"},
		{"If-Match", "other", "412 PreconditionFailed"},
		{"If-None-Match", "other", "200"},
		{"If-None-Match", o.ETag, "304"},
		{"If-Modified-Since", before, "200"},
		{"If-Modified-Since", at, "304"},
		{"If-Modified-Since", "nonsense", "200"},
		{"If-Unmodified-Since", at, "200"},
		{"If-Unmodified-Since", before, "412 PreconditionFailed"},
	}
	for _, tt := range tests {
		for _, method := range []string{"GET", "HEAD"} {
			got := send(t, srv, call{method: method, key: "key", header: map[string]string{tt.name: tt.value}})
			if got.String() != tt.want {
				t.Errorf("%s %s: %s: got %v, want %s", method, tt.name, tt.value, got, tt.want)
			}
			if got.status == 304 && (got.body != "" || got.header.Get("x-oss-err") != "") {
				t.Errorf("304 says more: %v %q", got.header, got.body)
			}
		}
	}
}

func TestResponseHeadersCanBeOverridden(t *testing.T) {
	srv := start(t, nil)
	srv.PutObject("bucket", "key", []byte("x"))
	got := send(t, srv, call{method: "GET", key: "key", ttl: 1e9 * 60,
		query: "response-content-type=text%2Fcsv&response-content-disposition=attachment" +
			"&response-cache-control=no-store&response-content-language=fr&" +
			"response-content-encoding=y&response-expires=z"})
	for name, want := range map[string]string{
		"Content-Type": "text/csv", "Content-Disposition": "attachment", "Cache-Control": "no-store",
		"Content-Language": "fr", "Content-Encoding": "y", "Expires": "z",
	} {
		if got.header.Get(name) != want {
			t.Errorf("%s = %q, want %q", name, got.header.Get(name), want)
		}
	}
}
