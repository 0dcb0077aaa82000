package osstest

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/signer"
)

// maxSkew is the maximum difference between the clocks of a client and the Server.
const maxSkew = 15 * time.Minute

// A credentialClaim is the access key, token and signature of a request, before they are checked.
type credentialClaim struct {
	keyID, token, signature string
	sign                    func(oss.Credentials) []string // the valid signatures for these credentials
	explain                 func(oss.Credentials) []string // names and values for a SignatureDoesNotMatch
	ec                      string                         // of a SignatureDoesNotMatch
}

// authenticate checks the signature of the request; an anonymous request needs a public bucket or object. It checks
// form, time, access key, token and signature in that order.
//
// See https://help.aliyun.com/en/oss/developer-reference/authentication-overview
func (x *exchange) authenticate() error {
	header, q := x.r.Header.Get("Authorization"), x.query
	inV1 := q.Has("OSSAccessKeyId") || q.Has("Signature")
	inV4 := q.Has("x-oss-signature-version") || q.Has("x-oss-signature") || q.Has("x-oss-credential")
	var c credentialClaim
	var err error
	switch {
	case header != "" && (inV1 || inV4):
		return invalidArgument("", "The signature must be in the Authorization header or in the query, not in both.",
			"Authorization", header)
	case inV4:
		c, err = x.claimV4Query()
	case inV1:
		c, err = x.claimV1Query()
	case strings.HasPrefix(header, v4Scheme+" "):
		c, err = x.claimV4Header(strings.TrimPrefix(header, v4Scheme+" "))
	case strings.HasPrefix(header, "OSS "):
		c, err = x.claimV1Header(strings.TrimPrefix(header, "OSS "))
	case header != "":
		return invalidArgument("", "Authorization header is invalid.", "Authorization", header)
	case x.allowsAnonymous():
		return nil
	default:
		return accessDenied("0003-00000905", "Anonymous access is forbidden for this operation.")
	}
	if err != nil {
		return err
	}
	keys, err := x.keys.find(c.keyID, c.token, x.opts.Now())
	if err != nil {
		return err
	}
	for _, signature := range c.sign(keys) {
		if subtle.ConstantTimeCompare([]byte(signature), []byte(c.signature)) == 1 {
			return nil
		}
	}
	return refuse(http.StatusForbidden, oss.ErrSignatureMismatch, c.ec,
		"The request signature we calculated does not match the signature you provided. Check "+
			"your key and signing method.",
		append([]string{"OSSAccessKeyId", c.keyID, "SignatureProvided", c.signature}, c.explain(keys)...)...)
}

// params returns the parameters of a signer that are not part of the request.
func (x *exchange) params(keys oss.Credentials) signer.Params {
	return signer.Params{Bucket: x.bucket, Key: x.key, Region: x.opts.Region, Time: x.opts.Now(), Credentials: keys}
}

// claimV1 completes a claim of V1, of either form.
func (x *exchange) claimV1(keyID, signature, token string) (credentialClaim, error) {
	if x.opts.RefuseV1 {
		return credentialClaim{}, accessDenied("0002-00000080",
			"Signature version 1 is not supported for this bucket. Please use signature version 4.")
	}
	return credentialClaim{
		keyID: keyID, token: token, signature: signature, ec: "0002-00000040",
		sign: x.signaturesV1,
		explain: func(keys oss.Credentials) []string {
			return withBytes("StringToSign", signer.V1{}.StringToSign(x.r, x.params(keys)))
		},
	}, nil
}

// signaturesV1 returns the valid V1 signatures. The documented resource of a bucket ends with a slash. At an IP address
// the C SDK and aliyun-sdk for Node omit it in the path and in the resource.
func (x *exchange) signaturesV1(keys oss.Credentials) []string {
	documented := signer.V1{}.Signature(x.r, x.params(keys))
	if !x.noSlash {
		return []string{documented}
	}
	// Without a bucket the resource is "/" and the signed parameters: the bucket belongs between the two.
	p := x.params(keys)
	with := signer.V1{}.StringToSign(x.r, p)
	p.Bucket = ""
	text := signer.V1{}.StringToSign(x.r, p)
	slash := 0
	for slash < len(text) && text[slash] == with[slash] {
		slash++
	}
	mac := hmac.New(sha1.New, []byte(keys.AccessKeySecret))
	io.WriteString(mac, text[:slash]+x.bucket+text[slash:])
	return []string{documented, base64.StdEncoding.EncodeToString(mac.Sum(nil))}
}

// claimV1Header reads "OSS AccessKeyId:Signature".
func (x *exchange) claimV1Header(value string) (credentialClaim, error) {
	keyID, signature, ok := strings.Cut(value, ":")
	if !ok || keyID == "" || signature == "" || strings.ContainsAny(value, " \t") {
		return credentialClaim{}, invalidArgument("", "Authorization header is invalid.", "Authorization", "OSS "+value)
	}
	c, err := x.claimV1(keyID, signature, x.r.Header.Get("x-oss-security-token"))
	if err != nil {
		return credentialClaim{}, err
	}
	date := x.r.Header.Get("x-oss-date")
	if date == "" {
		date = x.r.Header.Get("Date")
	}
	signed, err := time.Parse(http.TimeFormat, date)
	if err != nil {
		return credentialClaim{}, accessDenied("", "OSS authentication requires a valid Date.")
	}
	return c, x.checkSkew(signed)
}

// claimV1Query reads OSSAccessKeyId, Expires and Signature.
func (x *exchange) claimV1Query() (credentialClaim, error) {
	q := x.query
	if q.Get("OSSAccessKeyId") == "" || q.Get("Signature") == "" || q.Get("Expires") == "" {
		return credentialClaim{},
			accessDenied("",
				"Query-string authentication requires the Signature, Expires and OSSAccessKeyId parameters.")
	}
	c, err := x.claimV1(q.Get("OSSAccessKeyId"), q.Get("Signature"), q.Get("security-token"))
	if err != nil {
		return credentialClaim{}, err
	}
	expires, err := parseSeconds(q.Get("Expires"))
	if err != nil {
		return credentialClaim{}, accessDenied("", "Invalid date (should be seconds since epoch): "+q.Get("Expires"))
	}
	return c, x.checkExpiry(time.Unix(expires, 0))
}

// checkSkew refuses a signature of another time.
func (x *exchange) checkSkew(signed time.Time) error {
	now := x.opts.Now()
	if now.Sub(signed).Abs() > maxSkew {
		return tooSkewed(signed, now)
	}
	return nil
}

// checkExpiry refuses a presigned URL that is too old.
func (x *exchange) checkExpiry(expires time.Time) error {
	now := x.opts.Now()
	if !now.After(expires) {
		return nil
	}
	return accessDenied("0002-00000069", "Request has expired.",
		"Expires", formatTime(expires), "ServerTime", formatTime(now))
}

// withBytes gives a text twice: as it is, and in hex, which shows what cannot be seen.
func withBytes(name, text string) []string {
	return []string{name, text, name + "Bytes", fmt.Sprintf("% X", text)}
}

// A keyring holds the keys that are good.
type keyring struct {
	mu   sync.Mutex
	keys []oss.Credentials
}

func (k *keyring) set(keys []oss.Credentials) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys = slices.Clone(keys)
}

// first returns the keys that clients are given.
func (k *keyring) first() oss.Credentials {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.keys) == 0 {
		return TestCredentials() // which are refused, as all are
	}
	return k.keys[0]
}

// find returns the keys that a request claims. Temporary keys are known only together with their token.
func (k *keyring) find(id, token string, now time.Time) (oss.Credentials, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	known, temporary := false, false
	for _, keys := range k.keys {
		if keys.AccessKeyID != id {
			continue
		}
		known, temporary = true, temporary || keys.SecurityToken != ""
		if subtle.ConstantTimeCompare([]byte(keys.SecurityToken), []byte(token)) == 0 {
			continue
		}
		expired := !keys.Expires.IsZero() && !now.Before(keys.Expires)
		switch {
		case expired && token != "":
			return oss.Credentials{},
				refuse(http.StatusForbidden, "SecurityTokenExpired", "", messages["SecurityTokenExpired"])
		case expired:
			return oss.Credentials{}, invalidKey(id, "The OSS Access Key Id you provided is disabled.")
		}
		return keys, nil
	}
	if known && token != "" {
		return oss.Credentials{},
			refuse(http.StatusForbidden, "InvalidSecurityToken", "", messages["InvalidSecurityToken"])
	}
	return oss.Credentials{}, invalidKey(id, "The OSS Access Key Id you provided does not exist in our records.")
}

func invalidKey(id, message string) *refusal {
	return refuse(http.StatusForbidden, "InvalidAccessKeyId", "0002-00000002", message, "OSSAccessKeyId", id)
}
