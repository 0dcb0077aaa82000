package osstest

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/signer"
)

const (
	v4Scheme     = "OSS4-HMAC-SHA256"
	v4TimeFormat = "20060102T150405Z"
	v4Unsigned   = "UNSIGNED-PAYLOAD"
	ecNoRegion   = "0002-00000226"
)

// claimV4 returns the claim of a V4 signature in a header or a query.
func (x *exchange) claimV4(scope v4Scope, signature, token, additional string) credentialClaim {
	v4 := signer.V4{}
	if additional != "" {
		v4.AdditionalHeaders = strings.Split(additional, ";")
	}
	return credentialClaim{
		keyID: scope.keyID, token: token, signature: signature, ec: "0002-00000201",
		sign: func(keys oss.Credentials) []string { return []string{v4.Signature(x.r, x.params(keys))} },
		explain: func(keys oss.Credentials) []string {
			p := x.params(keys)
			return slices.Concat(withBytes("StringToSign", v4.StringToSign(x.r, p)),
				withBytes("CanonicalRequest", v4.CanonicalRequest(x.r, p)))
		},
	}
}

// claimV4Header parses "Credential=...,AdditionalHeaders=a;b,Signature=...". Official SDKs separate with
// a comma, the documentation with a comma and a space.
func (x *exchange) claimV4Header(value string) (credentialClaim, error) {
	malformed := func(ec, message string) error {
		return invalidArgument(ec, message, "Authorization", v4Scheme+" "+value)
	}
	fields := make(map[string]string)
	for field := range strings.SplitSeq(value, ",") {
		name, v, _ := strings.Cut(strings.TrimSpace(field), "=")
		fields[name] = v
	}
	if fields["Credential"] == "" || fields["Signature"] == "" {
		return credentialClaim{}, malformed("0002-00000202", "Authorization header is invalid.")
	}
	if hash := x.r.Header.Get("x-oss-content-sha256"); hash != "" && hash != v4Unsigned {
		return credentialClaim{}, invalidArgument("", "The x-oss-content-sha256 header must be "+v4Unsigned+".",
			"x-oss-content-sha256", hash)
	}
	date := x.r.Header.Get("x-oss-date")
	if date == "" {
		date = x.r.Header.Get("Date") // as the SDK for Android sends it
	}
	signed, err := time.Parse(v4TimeFormat, date)
	if err != nil && x.r.Header.Get("x-oss-date") == "" {
		signed, err = time.Parse(http.TimeFormat, date) // as the first SDK for Go does
	}
	if err != nil {
		return credentialClaim{}, malformed("0002-00000212", "Invalid signing date in Authorization header.")
	}
	scope, err := x.parseScope(fields["Credential"], signed, "0002-00000212", malformed)
	if err != nil {
		return credentialClaim{}, err
	}
	additional, listed := fields["AdditionalHeaders"]
	if listed {
		if ec := x.additionalProblem(additional, "0002-00000209", "0002-00000210", "0002-00000211"); ec != "" {
			return credentialClaim{}, malformed(ec, "Invalid additional headers in Authorization header.")
		}
	}
	c := x.claimV4(scope, fields["Signature"], x.r.Header.Get("x-oss-security-token"), additional)
	return c, x.checkSkew(signed)
}

// claimV4Query parses the x-oss-* parameters of a presigned URL. It checks the expiry, and not the clock skew.
func (x *exchange) claimV4Query() (credentialClaim, error) {
	q := x.query
	malformed := func(ec, message string) error {
		if ec == ecNoRegion {
			message = "The signing region in credential is invalid."
		}
		message = strings.Replace(message, "Authorization header", "query", 1)
		return invalidArgument(ec, message, "x-oss-credential", q.Get("x-oss-credential"))
	}
	if version := q.Get("x-oss-signature-version"); version != v4Scheme {
		return credentialClaim{},
			invalidArgument("", "Invalid signature version in query.", "x-oss-signature-version", version)
	}
	for _, missing := range []struct{ name, ec string }{
		{"x-oss-expires", "0002-00000215"}, {"x-oss-credential", "0002-00000217"}, {"x-oss-signature", ""},
	} {
		if q.Get(missing.name) == "" {
			return credentialClaim{},
				invalidArgument(missing.ec, "A presigned URL needs the parameter "+missing.name+".", missing.name, "")
		}
	}
	date := q.Get("x-oss-date")
	signed, err := time.Parse(v4TimeFormat, date)
	if err != nil {
		return credentialClaim{}, invalidArgument("0002-00000223", "Invalid signing date in query.", "x-oss-date", date)
	}
	life, err := parseSeconds(q.Get("x-oss-expires"))
	if err != nil || life < 1 || life > int64(signer.MaxPresign/time.Second) {
		return credentialClaim{},
			invalidArgument("", "The parameter x-oss-expires must be between 1 and 604800 seconds.",
				"x-oss-expires", q.Get("x-oss-expires"))
	}
	scope, err := x.parseScope(q.Get("x-oss-credential"), signed, "0002-00000223", malformed)
	if err != nil {
		return credentialClaim{}, err
	}
	additional := q.Get("x-oss-additional-headers")
	if q.Has("x-oss-additional-headers") {
		if ec := x.additionalProblem(additional, "0002-00000076", "0002-00000077", "0002-00000078"); ec != "" {
			return credentialClaim{},
				invalidArgument(ec, "Invalid additional headers in query.", "x-oss-additional-headers", additional)
		}
	}
	c := x.claimV4(scope, q.Get("x-oss-signature"), q.Get("x-oss-security-token"), additional)
	return c, x.checkExpiry(signed.Add(time.Duration(life) * time.Second))
}

// additionalProblem returns the EC for an invalid list of additional signed headers: it is empty, has an empty name, or
// names a header that the request does not have.
//
// See https://help.aliyun.com/en/oss/user-guide/0002-00000078 and 0002-00000211.
func (x *exchange) additionalProblem(list, ecNone, ecNameless, ecAbsent string) string {
	if list == "" {
		return ecNone
	}
	for name := range strings.SplitSeq(list, ";") {
		switch {
		case strings.TrimSpace(name) == "":
			return ecNameless
		case strings.Contains(name, "_"):
			return ecAbsent
		case name == "host", name == "content-length" && x.r.ContentLength > 0: // which net/http may keep apart
		case len(x.r.Header.Values(name)) == 0:
			return ecAbsent
		}
	}
	return ""
}

// A v4Scope is the scope of a V4 signature.
type v4Scope struct{ keyID, day, region, product string }

var (
	keyForm    = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	regionForm = regexp.MustCompile(`^[a-z]+(-[a-z0-9]+)+$`)
)

// parseScope parses "AccessKeyId/20231216/cn-hangzhou/oss/aliyun_v4_request", and compares it with the date of the
// request and the region of the Server.
func (x *exchange) parseScope(credential string, signed time.Time, dateEC string,
	malformed func(ec, message string) error) (v4Scope, error) {
	f := strings.Split(credential, "/")
	if len(f) != 5 || f[0] == "" || f[4] != "aliyun_v4_request" {
		return v4Scope{}, malformed("0002-00000213", "Invalid credential in Authorization header.")
	}
	s := v4Scope{f[0], f[1], f[2], f[3]}
	// No region is called like another one with something behind, such as "-internal" or "-test-1".
	isEndpointName := strings.HasPrefix(s.region, "oss-") || strings.HasSuffix(s.region, "-internal") ||
		strings.HasPrefix(s.region, x.opts.Region+"-")
	switch {
	case !keyForm.MatchString(s.keyID):
		return s, malformed("0002-00000206", "Invalid access key id in Authorization header.")
	case s.day != signed.Format("20060102"):
		return s, malformed(dateEC, "Invalid signing date in Authorization header.")
	case isEndpointName || !regionForm.MatchString(s.region):
		return s, malformed(ecNoRegion, "Invalid signing region in Authorization header.")
	case s.product != "oss":
		return s, malformed("0002-00000227", "Invalid signing product in Authorization header.")
	case s.region != x.opts.Region:
		return s, malformed("0002-00000228",
			"The signing region is not the region of the bucket, which is "+x.opts.Region+".")
	}
	return s, nil
}

func parseSeconds(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) }
