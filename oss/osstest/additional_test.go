package osstest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/signer"
)

// Go v2's live test sends a presigned URL without the headers it covers, and then with other values (H7).
func TestASignedHeaderThatIsMissingIsNoMismatch(t *testing.T) {
	srv := start(t, nil)
	v4 := signer.V4{AdditionalHeaders: []string{"email", "name", "host"}}
	for _, tt := range []struct {
		what         string
		email, name  string // sent; signed were "a" and "b"
		query, byURL string
		byHeader     string
	}{
		{"all of them", "a", "b", "", "200", "200"},
		{"one is missing", "a", "", "", "400 InvalidArgument 0002-00000078", "400 InvalidArgument 0002-00000211"},
		{"both are missing", "", "", "", "400 InvalidArgument 0002-00000078", "400 InvalidArgument 0002-00000211"},
		{"another value", "a", "c", "", "403 SignatureDoesNotMatch 0002-00000201",
			"403 SignatureDoesNotMatch 0002-00000201"},
		{"an empty list", "a", "b", "", "400 InvalidArgument 0002-00000076", "400 InvalidArgument 0002-00000209"},
		{"no name", "a", "b", ";email;host;name", "400 InvalidArgument 0002-00000077",
			"400 InvalidArgument 0002-00000210"},
		{"an underscore", "a", "b", "e_mail", "400 InvalidArgument 0002-00000078", "400 InvalidArgument 0002-00000211"},
	} {
		for _, ttl := range []time.Duration{0, time.Minute} {
			c := call{method: "PUT", key: "key", signer: v4, ttl: ttl,
				header: map[string]string{"email": "a", "name": "b"}}
			req := c.request(t)
			for name, value := range map[string]string{"email": tt.email, "name": tt.name} {
				if req.Header.Set(name, value); value == "" {
					req.Header.Del(name)
				}
			}
			list, want := tt.query, tt.byHeader
			if ttl > 0 {
				want = tt.byURL
				list = strings.ReplaceAll(list, ";", "%3B")
			}
			if tt.query != "" || tt.what == "an empty list" {
				req.URL.RawQuery = strings.Replace(req.URL.RawQuery, "email%3Bhost%3Bname", list, 1)
				auth := strings.Replace(req.Header.Get("Authorization"), "email;host;name", list, 1)
				if ttl == 0 {
					req.Header.Set("Authorization", auth)
				}
			}
			got := send(t, srv, call{method: "PUT", key: "key", unsigned: true, change: func(r *http.Request) {
				r.URL, r.Header = req.URL, req.Header
			}})
			if got.String() != want {
				t.Errorf("%s, presigned %t: %v, want %s", tt.what, ttl > 0, got, want)
			}
		}
	}
}
