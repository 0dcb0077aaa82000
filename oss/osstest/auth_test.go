package osstest_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
	"github.com/ossmultipart/go-oss/signer"
)

// noon is the clock of the servers whose tests need one.
var noon = time.Date(2026, 6, 17, 12, 0, 0, 0, time.UTC)

func atNoon() time.Time { return noon }

func TestGoodSignaturesAreTaken(t *testing.T) {
	srv := start(t, nil)
	schemes := map[string]signer.Signer{
		"V1": signer.V1{}, "V4": signer.V4{},
		"V4 with host": signer.V4{AdditionalHeaders: []string{"host", "range", "content-length"}},
	}
	for name, s := range schemes {
		for _, ttl := range []time.Duration{0, time.Hour} {
			for i, c := range []call{
				{method: "PUT", key: "a//../b %2F+?&=\n\U0001F600", body: "x",
					header: map[string]string{"Content-Type": "text/plain", "x-oss-meta-a": " b "}},
				{method: "GET", key: "a//../b %2F+?&=\n\U0001F600",
					query:  "response-content-type=a%2Fb&unknown=%2B+%20",
					header: map[string]string{"Range": "bytes=0-0"}},
				{method: "GET", query: "uploads&prefix=a%2Fb&encoding-type=url"},
			} {
				c.signer, c.ttl = s, ttl
				if got := send(t, srv, c); got.status >= 300 {
					t.Errorf("%s, ttl %v, request %d: %v: %s", name, ttl, i, got, got.body)
				}
			}
		}
	}
}

func TestV4SeparatorMayHaveASpace(t *testing.T) {
	srv := start(t, nil)
	for _, s := range []signer.V4{{}, {AdditionalHeaders: []string{"host"}}} {
		got := send(t, srv, call{method: "DELETE", key: "key", signer: s, change: func(req *http.Request) {
			auth := req.Header.Get("Authorization")
			req.Header.Set("Authorization", strings.ReplaceAll(auth, ",", ", "))
		}})
		if got.status != 204 {
			t.Errorf("got %v: %s", got, got.body)
		}
	}
}

func TestV4DateMayBeInDate(t *testing.T) {
	srv := start(t, &osstest.Options{Now: atNoon})
	const date = "Wed, 17 Jun 2026 12:00:00 GMT"
	for _, tt := range []struct{ name, header, date, day, want string }{
		{"in the form of V4", "Date", "20260617T120000Z", "20260617", "204"},
		{"in the form of HTTP", "Date", date, "20260617", "204"},
		{"in the form of HTTP, of another day than the scope", "Date", date, "20260618",
			"400 InvalidArgument 0002-00000212"},
		{"in the form of HTTP in x-oss-date", "x-oss-date", date, "20260617", "400 InvalidArgument 0002-00000212"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := send(t, srv, call{method: "DELETE", key: "key", unsigned: true, change: func(req *http.Request) {
				p := signer.Params{Bucket: "bucket", Key: "key", Region: "cn-hangzhou", Time: noon,
					Credentials: osstest.TestCredentials()}
				req.Header.Set(tt.header, tt.date)
				req.Header.Set("Authorization", "OSS4-HMAC-SHA256 Credential="+osstest.AccessKeyID+"/"+tt.day+
					"/cn-hangzhou/oss/aliyun_v4_request,Signature="+signer.V4{}.Signature(req, p))
			}})
			if got.String() != tt.want {
				t.Errorf("got %v, want %s: %s", got, tt.want, got.body)
			}
		})
	}
}

func TestBadSignaturesAreRefused(t *testing.T) {
	set := func(name, value string) func(*http.Request) {
		return func(req *http.Request) { req.Header.Set(name, value) }
	}
	replace := func(old, repl string) func(*http.Request) {
		return func(req *http.Request) {
			req.Header.Set("Authorization", strings.Replace(req.Header.Get("Authorization"), old, repl, 1))
		}
	}
	inQuery := func(old, repl string) func(*http.Request) {
		return func(req *http.Request) {
			if !strings.Contains(req.URL.RawQuery, old) {
				panic(req.URL.RawQuery + " has no " + old)
			}
			req.URL.RawQuery = strings.Replace(req.URL.RawQuery, old, repl, 1)
		}
	}
	day := "/20260617/"
	tests := []struct {
		name   string
		signer signer.Signer
		ttl    time.Duration
		signed time.Time // default noon
		change func(*http.Request)
		want   string
	}{
		{name: "none", change: func(r *http.Request) { r.Header.Del("Authorization") },
			want: "403 AccessDenied 0003-00000905"},
		{name: "another scheme", change: set("Authorization", "AWS a:b"), want: "400 InvalidArgument"},
		{name: "header and query", ttl: time.Hour, change: set("Authorization", "OSS a:b"),
			want: "400 InvalidArgument"},
		{name: "V1 header and query", signer: signer.V1{}, ttl: time.Hour, change: set("Authorization", "OSS a:b"),
			want: "400 InvalidArgument"},

		{name: "V1 wrong", signer: signer.V1{}, change: set("x-oss-meta-new", "x"),
			want: "403 SignatureDoesNotMatch 0002-00000040"},
		{name: "V1 without colon", signer: signer.V1{}, change: set("Authorization", "OSS ab"),
			want: "400 InvalidArgument"},
		{name: "V1 without key", signer: signer.V1{}, change: set("Authorization", "OSS :ab"),
			want: "400 InvalidArgument"},
		{name: "V1 without date", signer: signer.V1{}, change: func(r *http.Request) { r.Header.Del("Date") },
			want: "403 AccessDenied"},
		{name: "V1 with a bad date", signer: signer.V1{}, change: set("Date", "today"), want: "403 AccessDenied"},
		{name: "V1 fifteen minutes late", signer: signer.V1{}, signed: noon.Add(-15 * time.Minute), want: "204"},
		{name: "V1 more than fifteen minutes late", signer: signer.V1{},
			signed: noon.Add(-15*time.Minute - time.Second), want: "403 RequestTimeTooSkewed 0002-00000504"},
		{name: "V1 URL wrong", signer: signer.V1{}, ttl: time.Hour, change: set("x-oss-meta-new", "x"),
			want: "403 SignatureDoesNotMatch 0002-00000040"},
		{name: "V1 URL expired", signer: signer.V1{}, ttl: time.Hour, signed: noon.Add(-time.Hour - time.Second),
			want: "403 AccessDenied 0002-00000069"},
		{name: "V1 URL at its last second", signer: signer.V1{}, ttl: time.Hour,
			signed: noon.Add(-time.Hour), want: "204"},
		{name: "V1 URL without Expires", signer: signer.V1{}, ttl: time.Hour,
			change: inQuery("Expires=", "expires="), want: "403 AccessDenied"},
		{name: "V1 URL without Signature", signer: signer.V1{}, ttl: time.Hour,
			change: inQuery("Signature=", "signature="), want: "403 AccessDenied"},
		{name: "V1 URL without key", signer: signer.V1{}, ttl: time.Hour,
			change: inQuery("OSSAccessKeyId=", "id="), want: "403 AccessDenied"},
		{name: "V1 URL with Expires that is no number", signer: signer.V1{}, ttl: time.Hour,
			change: inQuery("Expires=", "Expires=x"), want: "403 AccessDenied"},

		{name: "V4 wrong", change: set("x-oss-meta-new", "x"), want: "403 SignatureDoesNotMatch 0002-00000201"},
		{name: "V4 without credential", change: replace("Credential=", "Cred="),
			want: "400 InvalidArgument 0002-00000202"},
		{name: "V4 without signature", change: replace("Signature=", "Sig="),
			want: "400 InvalidArgument 0002-00000202"},
		{name: "V4 bad date", change: set("x-oss-date", "Wed, 17 Jun 2026 12:00:00 GMT"),
			want: "400 InvalidArgument 0002-00000212"},
		{name: "V4 no date", change: func(r *http.Request) { r.Header.Del("x-oss-date") },
			want: "400 InvalidArgument 0002-00000212"},
		{name: "V4 date of another day", change: replace(day, "/20260616/"), want: "400 InvalidArgument 0002-00000212"},
		{name: "V4 short credential", change: replace(day, "/"), want: "400 InvalidArgument 0002-00000213"},
		{name: "V4 other terminator", change: replace("aliyun_v4_request", "aws4_request"),
			want: "400 InvalidArgument 0002-00000213"},
		{name: "V4 odd key", change: replace("osstest-", "osstest!"), want: "400 InvalidArgument 0002-00000206"},
		{name: "V4 short region", change: replace("cn-hangzhou", "hangzhou"),
			want: "400 InvalidArgument 0002-00000226"},
		{name: "V4 OSS region", change: replace("cn-hangzhou", "oss-cn-hangzhou"),
			want: "400 InvalidArgument 0002-00000226"},
		{name: "V4 internal region", change: replace("cn-hangzhou", "cn-hangzhou-internal"),
			want: "400 InvalidArgument 0002-00000226"},
		{name: "V4 other region", change: replace("cn-hangzhou", "cn-beijing"),
			want: "400 InvalidArgument 0002-00000228"},
		{name: "V4 other product", change: replace("/oss/", "/ecs/"), want: "400 InvalidArgument 0002-00000227"},
		{name: "V4 hashed body", change: set("x-oss-content-sha256", strings.Repeat("0", 64)),
			want: "400 InvalidArgument"},
		{name: "V4 fifteen minutes early", signed: noon.Add(15 * time.Minute), want: "204"},
		{name: "V4 more than fifteen minutes early", signed: noon.Add(15*time.Minute + time.Second),
			want: "403 RequestTimeTooSkewed 0002-00000504"},
		{name: "V4 URL wrong", ttl: time.Hour, change: inQuery("x-oss-expires=3600", "x-oss-expires=3601"),
			want: "403 SignatureDoesNotMatch 0002-00000201"},
		{name: "V4 URL expired", ttl: time.Hour, signed: noon.Add(-time.Hour - time.Second),
			want: "403 AccessDenied 0002-00000069"},
		{name: "V4 URL at its last second", ttl: time.Hour, signed: noon.Add(-time.Hour), want: "204"},
		{name: "V4 URL long before its time", ttl: time.Hour, signed: noon.Add(48 * time.Hour), want: "204"},
		{name: "V4 URL without version", ttl: time.Hour, change: inQuery("x-oss-signature-version", "version"),
			want: "400 InvalidArgument"},
		{name: "V4 URL without expires", ttl: time.Hour, change: inQuery("x-oss-expires", "expires"),
			want: "400 InvalidArgument 0002-00000215"},
		{name: "V4 URL without credential", ttl: time.Hour, change: inQuery("x-oss-credential", "credential"),
			want: "400 InvalidArgument 0002-00000217"},
		{name: "V4 URL without signature", ttl: time.Hour, change: inQuery("x-oss-signature=", "signature="),
			want: "400 InvalidArgument"},
		{name: "V4 URL bad date", ttl: time.Hour, change: inQuery("x-oss-date=", "x-oss-date=x"),
			want: "400 InvalidArgument 0002-00000223"},
		{name: "V4 URL of too long a life", ttl: time.Hour,
			change: inQuery("x-oss-expires=3600", "x-oss-expires=604801"), want: "400 InvalidArgument"},
		{name: "V4 URL bad credential", ttl: time.Hour, change: inQuery("%2Foss%2F", "%2F"),
			want: "400 InvalidArgument 0002-00000213"},
	}
	srv := start(t, &osstest.Options{Now: atNoon})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.signed.IsZero() {
				tt.signed = noon
			}
			got := send(t, srv, call{method: "DELETE", key: "key", signer: tt.signer, ttl: tt.ttl,
				time: tt.signed, change: tt.change})
			if got.String() != tt.want {
				t.Errorf("got %v, want %s: %s", got, tt.want, got.body)
			}
		})
	}
}

func TestMismatchShowsWhatTheServerHashed(t *testing.T) {
	srv := start(t, nil)
	var sent *http.Request
	keep := func(req *http.Request) { sent = req }
	wrong := oss.Credentials{AccessKeyID: osstest.AccessKeyID, AccessKeySecret: "wrong"}
	p := signer.Params{Bucket: "bucket", Key: "a b", Region: "cn-hangzhou", Time: time.Now()}

	got := send(t, srv, call{method: "PUT", key: "a b", keys: wrong, change: keep})
	for name, want := range map[string]string{
		"OSSAccessKeyId": osstest.AccessKeyID, "StringToSign": signer.V4{}.StringToSign(sent, p),
		"CanonicalRequest": signer.V4{}.CanonicalRequest(sent, p),
	} {
		if got.err.Get(name) != want {
			t.Errorf("V4 %s = %q, want %q", name, got.err.Get(name), want)
		}
	}
	got = send(t, srv, call{method: "PUT", key: "a b", keys: wrong, signer: signer.V1{}, change: keep})
	want := signer.V1{}.StringToSign(sent, p)
	if got.err.Get("StringToSign") != want || got.err.Get("StringToSignBytes") != fmt.Sprintf("% X", want) {
		t.Errorf("V1 StringToSign = %q, want %q", got.err.Get("StringToSign"), want)
	}
	if sum, _ := strings.CutPrefix(sent.Header.Get("Authorization"),
		"OSS "+osstest.AccessKeyID+":"); got.err.Get("SignatureProvided") != sum {
		t.Errorf("SignatureProvided = %q, want %q", got.err.Get("SignatureProvided"), sum)
	}
	if strings.Contains(got.body, osstest.AccessKeySecret) {
		t.Error("the reply has the secret")
	}
}

func TestSkewIsExplained(t *testing.T) {
	srv := start(t, &osstest.Options{Now: atNoon})
	got := send(t, srv, call{method: "DELETE", key: "key", time: noon.Add(-time.Hour)})
	for name, want := range map[string]string{
		"MaxAllowedSkewMilliseconds": "900000", "RequestTime": "2026-06-17T11:00:00.000Z",
		"ServerTime": "2026-06-17T12:00:00.000Z",
	} {
		if got.err.Get(name) != want {
			t.Errorf("%s = %q, want %q", name, got.err.Get(name), want)
		}
	}
	if date := got.header.Get("Date"); date != noon.Format(http.TimeFormat) {
		t.Errorf("Date = %q, want the server's", date)
	}
	if id := got.header.Get("x-oss-request-id"); len(id) != 24 ||
		!strings.HasPrefix(id, strings.ToUpper(strconv.FormatInt(noon.Unix(), 16))) {
		t.Errorf("request ID = %q, want 24 digits that begin with the time", id)
	}
}

func TestTokensAndKeys(t *testing.T) {
	long := oss.Credentials{AccessKeyID: "long", AccessKeySecret: "s1"}
	temporary := oss.Credentials{AccessKeyID: "temporary", AccessKeySecret: "s2", SecurityToken: "token",
		Expires: noon.Add(time.Hour)}
	expired := oss.Credentials{AccessKeyID: "expired", AccessKeySecret: "s3", SecurityToken: "token", Expires: noon}
	disabled := oss.Credentials{AccessKeyID: "disabled", AccessKeySecret: "s4", Expires: noon.Add(-time.Hour)}
	srv := start(t, &osstest.Options{Now: atNoon, Credentials: []oss.Credentials{long, temporary, expired, disabled}})
	with := func(c oss.Credentials, token string) oss.Credentials { c.SecurityToken = token; return c }
	tests := []struct {
		name string
		keys oss.Credentials
		want string
	}{
		{"long-term", long, "204"},
		{"temporary", temporary, "204"},
		{"unknown", oss.Credentials{AccessKeyID: "unknown", AccessKeySecret: "s"},
			"403 InvalidAccessKeyId 0002-00000002"},
		{"test keys where there are others", osstest.TestCredentials(), "403 InvalidAccessKeyId 0002-00000002"},
		{"expired", expired, "403 SecurityTokenExpired"},
		{"disabled", disabled, "403 InvalidAccessKeyId 0002-00000002"},
		{"wrong token", with(temporary, "other"), "403 InvalidSecurityToken"},
		{"temporary without its token", with(temporary, ""), "403 InvalidAccessKeyId 0002-00000002"},
		{"long-term with a token", with(long, "token"), "403 InvalidSecurityToken"},
	}
	for _, tt := range tests {
		for _, s := range []signer.Signer{signer.V1{}, signer.V4{}} {
			for _, ttl := range []time.Duration{0, time.Hour} {
				t.Run(fmt.Sprintf("%s %T %v", tt.name, s, ttl), func(t *testing.T) {
					got := send(t, srv, call{method: "DELETE", key: "key", keys: tt.keys,
						signer: s, ttl: ttl, time: noon})
					if got.String() != tt.want {
						t.Errorf("got %v, want %s: %s", got, tt.want, got.body)
					}
					if got.status == 403 && strings.Contains(tt.want, "InvalidAccessKeyId") &&
						got.err.Get("OSSAccessKeyId") != tt.keys.AccessKeyID {
						t.Errorf("OSSAccessKeyId = %q", got.err.Get("OSSAccessKeyId"))
					}
				})
			}
		}
	}
	srv.SetCredentials(oss.Credentials{AccessKeyID: "new", AccessKeySecret: "s"})
	if got := send(t, srv, call{method: "DELETE", key: "key", keys: long, time: noon}); got.status != 403 {
		t.Errorf("long-term keys after SetCredentials: %v", got)
	}
	if keys, err := srv.Config().Credentials.Credentials(t.Context()); err != nil || keys.AccessKeyID != "new" {
		t.Errorf("Config has keys %v, %v", keys, err)
	}
}

func TestRefuseV1(t *testing.T) {
	srv := start(t, &osstest.Options{RefuseV1: true})
	for _, ttl := range []time.Duration{0, time.Hour} {
		if got := send(t, srv, call{method: "DELETE", key: "key", signer: signer.V1{},
			ttl: ttl}); got.String() != "403 AccessDenied 0002-00000080" {
			t.Errorf("V1, ttl %v: %v", ttl, got)
		}
		if got := send(t, srv, call{method: "DELETE", key: "key", ttl: ttl}); got.status != 204 {
			t.Errorf("V4, ttl %v: %v", ttl, got)
		}
	}
}

func TestPublicBucketNeedsNoSignature(t *testing.T) {
	srv := start(t, &osstest.Options{Buckets: []string{"private"}, PublicBuckets: []string{"public"}})
	for bucket, want := range map[string]string{
		"public": "200", "private": "403 AccessDenied 0003-00000905", "none": "404 NoSuchBucket 0015-00000101",
	} {
		if got := send(t, srv, call{method: "PUT", bucket: bucket, key: "key", unsigned: true}); got.String() != want {
			t.Errorf("%s: %v, want %s", bucket, got, want)
		}
	}
	if got := send(t, srv, call{method: "PUT", bucket: "public", key: "key",
		keys: oss.Credentials{AccessKeyID: "x", AccessKeySecret: "y"}}); got.status != 403 {
		t.Errorf("bad keys for a public bucket: %v", got)
	}
}
