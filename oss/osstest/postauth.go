package osstest

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/signer"
)

// A postClaim is the access key and the signature of a form. The signature is that of the field policy.
type postClaim struct {
	keyID, signature string
	sign             func(keys oss.Credentials) string
	v4               bool
}

// v4Fields are the fields of a V4 signature, on which the policy must have conditions.
var v4Fields = []string{"x-oss-signature-version", "x-oss-credential", "x-oss-date"}

// authenticatePost checks the signature and the policy of a form. A form without any such field is anonymous, and has
// an empty policy.
func (x *exchange) authenticatePost(f *postForm) (*postPolicy, error) {
	signed := []string{"OSSAccessKeyId", "Signature", "policy", "x-oss-signature", "x-oss-signature-version",
		"x-oss-credential"}
	if !slices.ContainsFunc(signed, f.has) {
		if !x.allowsAnonymous() {
			return nil, accessDenied("0003-00000905", "Anonymous access is forbidden for this operation.")
		}
		return new(postPolicy), nil
	}
	if !f.has("policy") { // see https://help.aliyun.com/en/oss/user-guide/0002-00000702
		return nil, invalidArgument("0002-00000702", "Post request policy is empty.", "policy", "")
	}
	c, err := x.claimPost(f)
	if err != nil {
		return nil, err
	}
	token := f.get("x-oss-security-token")
	if code := x.faults.refusedTokens.code(token); code != "" {
		return nil, tokenRefusal(code)
	}
	keys, err := x.keys.find(c.keyID, token, x.opts.Now())
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(c.sign(keys)), []byte(c.signature)) == 0 {
		return nil, refuse(http.StatusForbidden, oss.ErrSignatureMismatch, "0002-00000705",
			"The request signature we calculated does not match the signature you provided. Check "+
				"your key and signing method.",
			append([]string{"OSSAccessKeyId", c.keyID, "SignatureProvided", c.signature},
				withBytes("StringToSign", f.get("policy"))...)...)
	}
	policy, err := parsePolicy(f.get("policy"))
	if err != nil {
		return nil, err
	}
	for _, field := range v4Fields {
		if c.v4 && !policy.hasCondition(field) {
			return nil, badPolicy("", "conditions has none on "+field+".")
		}
	}
	return policy, policy.check(x, f)
}

// claimPost parses the fields of a V1 or V4 signature.
//
// See https://help.aliyun.com/en/oss/user-guide/0002-00000703 and 0002-00000704 for a signature that is missing.
func (x *exchange) claimPost(f *postForm) (postClaim, error) {
	v4 := f.has("x-oss-signature") || f.has("x-oss-signature-version") || f.has("x-oss-credential")
	name := "Signature"
	if v4 {
		name = "x-oss-signature"
	}
	c := postClaim{keyID: f.get("OSSAccessKeyId"), signature: f.get(name), v4: v4}
	if c.signature == "" {
		ec := "0002-00000703"
		if f.has(name) {
			ec = "0002-00000704"
		}
		return c, invalidArgument(ec, "Post request signature is empty.", name, "")
	}
	if v4 {
		return x.claimPostV4(f, c)
	}
	switch {
	case c.keyID == "":
		return c, invalidArgument("", "Post request accessKeyId is empty.", "OSSAccessKeyId", "")
	case x.opts.RefuseV1:
		return c, accessDenied("0002-00000080",
			"Signature version 1 is not supported for this bucket. Please use signature version 4.")
	}
	c.sign = func(keys oss.Credentials) string {
		h := hmac.New(sha1.New, []byte(keys.AccessKeySecret))
		h.Write([]byte(f.get("policy")))
		return base64.StdEncoding.EncodeToString(h.Sum(nil))
	}
	return c, nil
}

// claimPostV4 parses the fields of a V4 signature, which is valid for seven days.
//
// See https://help.aliyun.com/en/oss/developer-reference/signature-version-4-recommend
func (x *exchange) claimPostV4(f *postForm, c postClaim) (postClaim, error) {
	if version := f.get("x-oss-signature-version"); version != v4Scheme {
		return c, invalidArgument("", "Invalid signature version in form.", "x-oss-signature-version", version)
	}
	signed, err := time.Parse(v4TimeFormat, f.get("x-oss-date"))
	if err != nil {
		return c, invalidArgument("0002-00000223", "Invalid signing date in form.", "x-oss-date", f.get("x-oss-date"))
	}
	credential := f.get("x-oss-credential")
	scope, err := x.parseScope(credential, signed, "0002-00000223", func(ec, message string) error {
		return invalidArgument(ec, message, "x-oss-credential", credential)
	})
	if err != nil {
		return c, err
	}
	now := x.opts.Now()
	switch {
	case signed.Sub(now) > maxSkew:
		return c, tooSkewed(signed, now)
	case now.Sub(signed) > signer.MaxPresign:
		return c, x.checkExpiry(signed.Add(signer.MaxPresign))
	}
	c.keyID = scope.keyID
	c.sign = func(keys oss.Credentials) string {
		key := []byte("aliyun_v4" + keys.AccessKeySecret)
		for _, step := range []string{scope.day, scope.region, scope.product, "aliyun_v4_request"} {
			key = sha256Of(key, step)
		}
		return hex.EncodeToString(sha256Of(key, f.get("policy")))
	}
	return c, nil
}

// sha256Of returns the HMAC-SHA256 of a text.
func sha256Of(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
