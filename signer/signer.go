package signer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A Signer authenticates requests. Implementations are safe for concurrent use.
//
// Both methods overwrite what an earlier signing left in req. After an error req is as it was.
type Signer interface {
	// Sign sets the Authorization header of req and the headers that go with it.
	Sign(req *http.Request, p Params) error
	// Presign puts the signature in the query of req, good for ttl from p.Time.
	Presign(req *http.Request, p Params, ttl time.Duration) error
}

// MaxPresign is the longest ttl OSS accepts in a V4 presigned URL: seven days.
const MaxPresign = 7 * 24 * time.Hour

// Params are the facts a signature covers that the request itself does not show.
type Params struct {
	Bucket      string      // bucket addressed, whatever the URL style; empty for service calls
	Key         string      // object key, not escaped; empty for bucket calls
	Region      string      // V4 only, for example "cn-hangzhou"
	Time        time.Time   // moment of signing; becomes the Date header
	Credentials Credentials // who signs
}

// check refuses what no scheme can sign.
func (p Params) check() error {
	if p.Bucket == "" && p.Key != "" {
		return errors.New("signer: a key needs a bucket")
	}
	if p.Time.IsZero() {
		return errors.New("signer: time is zero")
	}
	return p.Credentials.check()
}

// Credentials are the keys a request is signed with; printing or logging one shows no secret.
//
// The mask covers fmt and every handler of log/slog, given the Credentials themselves, a pointer
// to them, or a value that holds them in exported fields, elements or by embedding. It cannot
// cover what calls no methods:
//
//   - fmt on an unexported field; a struct that keeps Credentials in one needs a Format method
//     of its own, or keeps a *Credentials, which fmt prints as an address
//   - fmt's complaint about %w or %p given a value they are not for; go vet finds the first
//   - a type converted from Credentials
//   - encoding/json, also where a slog.JSONHandler uses it for a struct; it writes all fields
type Credentials struct {
	AccessKeyID     string    // public half of the key pair
	AccessKeySecret string    // private half
	SecurityToken   string    // STS token; empty for long-term keys
	Expires         time.Time // when the keys stop working; zero means never
}

// Credentials returns c, so that fixed keys are a provider as they stand; empty keys are an error, and so is a field
// with a blank, a line break or another character that no key has. Expires is not looked at: whether keys still work is
// for OSS and its clock to say.
func (c Credentials) Credentials(ctx context.Context) (Credentials, error) {
	if err := c.check(); err != nil {
		return Credentials{}, err
	}
	return c, nil
}

// check makes sure that forgotten keys are an error and not an anonymous request, and that what was read with a line
// break or a blank around it is an error and not a wrong signature. It shows none of them.
func (c Credentials) check() error {
	for _, f := range [...]struct{ name, value string }{
		{"AccessKeyID", c.AccessKeyID}, {"AccessKeySecret", c.AccessKeySecret}, {"SecurityToken", c.SecurityToken},
	} {
		switch {
		case f.value == "" && f.name != "SecurityToken":
			return fmt.Errorf("signer: %s is empty", f.name)
		case strings.TrimRight(f.value, "\r\n") != f.value:
			return fmt.Errorf("signer: %s ends with a line break: trim what is read from a file", f.name)
		case strings.ContainsFunc(f.value, isForeign):
			return fmt.Errorf("signer: %s has a blank, a control character or one that is not ASCII", f.name)
		}
	}
	return nil
}

// isForeign reports whether no key has the character c.
func isForeign(c rune) bool { return c <= ' ' || c >= 0x7f }

// String masks the secret and the token.
func (c Credentials) String() string {
	return fmt.Sprintf("{AccessKeyID:%s AccessKeySecret:%s SecurityToken:%s Expires:%s}",
		c.AccessKeyID, mask(c.AccessKeySecret), mask(c.SecurityToken), c.expires())
}

// GoString masks them for %#v too.
func (c Credentials) GoString() string {
	return fmt.Sprintf("signer.Credentials{AccessKeyID:%q, AccessKeySecret:%q, SecurityToken:%q, Expires:%#v}",
		c.AccessKeyID, mask(c.AccessKeySecret), mask(c.SecurityToken), c.Expires)
}

// Format masks them for the other verbs: without it %d, for one, would print the fields as they are.
func (c Credentials) Format(f fmt.State, verb rune) {
	switch {
	case verb == 'v' && f.Flag('#'):
		io.WriteString(f, c.GoString())
	case verb == 'q':
		fmt.Fprintf(f, "%q", c.String())
	default:
		io.WriteString(f, c.String())
	}
}

// LogValue masks them for log/slog.
func (c Credentials) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("access_key_id", c.AccessKeyID),
		slog.String("access_key_secret", mask(c.AccessKeySecret)),
		slog.String("security_token", mask(c.SecurityToken)),
		slog.String("expires", c.expires()),
	)
}

// expires returns Expires for people.
func (c Credentials) expires() string {
	if c.Expires.IsZero() {
		return "never"
	}
	return c.Expires.UTC().Format(time.RFC3339)
}

// mask tells a secret that is set from one that is not, and nothing more: no length, no prefix.
func mask(secret string) string {
	if secret == "" {
		return ""
	}
	return "***"
}

// Headers that signing sets, spelled as http.Header keeps them.
const (
	headerAuthorization = "Authorization"
	headerDate          = "Date"
	headerOSSDate       = "X-Oss-Date"
	headerOSSToken      = "X-Oss-Security-Token"
	headerOSSHash       = "X-Oss-Content-Sha256"
)

// headerValues are the values of headers that are set together, in one piece of memory.
type headerValues []string

// set is h.Set for a name that is spelled as http.Header keeps it.
func (v *headerValues) set(h http.Header, name, value string) {
	n := len(*v)
	*v = append(*v, value)
	h[name] = (*v)[n : n+1 : n+1]
}

// unsign takes back what any earlier Sign or Presign did to req, except Date, which a header
// signature overwrites and a query signature ignores. It appends the query that is left to one
// without parameters. That of req is rewritten only if something has to go.
func unsign(query []pair, req *http.Request) ([]pair, error) {
	query, err := parseQuery(query, req.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("signer: query: %w", err)
	}
	all := len(query)
	query = slices.DeleteFunc(query, func(p pair) bool { return isSigning(p.name) })
	if len(query) < all {
		req.URL.RawQuery = encodeQuery(query)
	}
	if req.Header == nil {
		req.Header = make(http.Header)
	}
	req.Header.Del(headerAuthorization)
	req.Header.Del(headerOSSToken)
	// An x-oss-date in the form of V4 was set by V4.Sign. In the form of V1 it is the caller's.
	if isV4Date(req.Header.Get(headerOSSDate)) {
		req.Header.Del(headerOSSDate)
		req.Header.Del(headerOSSHash)
	}
	return query, nil
}

// isSigning reports whether a query parameter carries a signature, of whichever scheme.
func isSigning(name string) bool {
	switch name {
	case "OSSAccessKeyId", "Expires", "Signature", "security-token",
		"x-oss-signature-version", "x-oss-credential", "x-oss-date", "x-oss-expires",
		"x-oss-additional-headers", "x-oss-security-token", "x-oss-signature":
		return true
	}
	return false
}
