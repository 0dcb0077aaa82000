package signer

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// A Signer signs requests. Implementations must be safe for concurrent use.
//
// Both methods replace an earlier signature of req. After an error req is unchanged.
type Signer interface {
	// Sign sets the Authorization header of req, and the headers that belong to it.
	Sign(req *http.Request, p Params) error
	// Presign adds a signature to the query of req that is valid for ttl from p.Time.
	Presign(req *http.Request, p Params, ttl time.Duration) error
}

// MaxPresign is the longest ttl that OSS accepts in a URL presigned with V4: seven days.
const MaxPresign = 7 * 24 * time.Hour

// Params are the facts that a signature covers and that the request does not show.
type Params struct {
	Bucket      string      // bucket, for any form of the URL; "" for requests to the service
	Key         string      // object key, not escaped; "" for requests to a bucket
	Region      string      // V4 only, for example "cn-hangzhou"
	Time        time.Time   // time of signing, sent as Date or x-oss-date
	Credentials Credentials // keys to sign with
}

// check refuses parameters that no scheme can sign.
func (p Params) check() error {
	if p.Bucket == "" && p.Key != "" {
		return errors.New("signer: a key needs a bucket")
	}
	if p.Time.IsZero() {
		return errors.New("signer: time is zero")
	}
	return p.Credentials.check()
}

// Headers that signing sets, in canonical form.
const (
	headerAuthorization = "Authorization"
	headerDate          = "Date"
	headerOSSDate       = "X-Oss-Date"
	headerOSSToken      = "X-Oss-Security-Token"
	headerOSSHash       = "X-Oss-Content-Sha256"
)

// A headerSetter sets headers whose values share one allocation. Signing takes place in every attempt; this saves up to
// three allocations of it.
type headerSetter []string

// set is h.Set for a name in canonical form.
func (v *headerSetter) set(h http.Header, name, value string) {
	n := len(*v)
	*v = append(*v, value)
	h[name] = (*v)[n : n+1 : n+1]
}

// removeSignature removes an earlier signature from req, except Date, which Sign overwrites and Presign ignores. It
// appends the remaining query parameters to query, which has none, and rewrites the query of req only if it removes
// something.
func removeSignature(query []pair, req *http.Request) ([]pair, error) {
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
	// V4.Sign has set an x-oss-date in the form of V4. In the form of V1 it belongs to the caller.
	if isV4Date(req.Header.Get(headerOSSDate)) {
		req.Header.Del(headerOSSDate)
		req.Header.Del(headerOSSHash)
	}
	return query, nil
}

// isSigning reports whether a query parameter belongs to a signature of either scheme.
func isSigning(name string) bool {
	switch name {
	case "OSSAccessKeyId", "Expires", "Signature", "security-token",
		"x-oss-signature-version", "x-oss-credential", "x-oss-date", "x-oss-expires",
		"x-oss-additional-headers", "x-oss-security-token", "x-oss-signature":
		return true
	}
	return false
}
