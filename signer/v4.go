package signer

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// V4 is the HMAC-SHA256 scheme, scoped to a day, a region and the product "oss".
//
// It covers the method, bucket and key, the whole query, Content-Type, Content-MD5, the x-oss-*
// headers, and what AdditionalHeaders names.
type V4 struct {
	// AdditionalHeaders names further headers to cover, for example "host"; nil covers none.
	// Case and order do not matter. Names that are covered anyway or that a request does not
	// have are left out for that request, and a Content-Length of zero counts as absent.
	// Authorization cannot be covered.
	AdditionalHeaders []string

	// Product is the service signed for; empty means "oss". A CloudBox is "oss-cloudbox", and
	// the region is then the id of the box.
	Product string
}

const (
	v4Algorithm   = "OSS4-HMAC-SHA256"
	v4Terminator  = "aliyun_v4_request"
	v4TimeFormat  = "20060102T150405Z"
	v4DayLength   = len("20060102")
	v4NoHash      = "UNSIGNED-PAYLOAD"
	queryV4Date   = "x-oss-date"
	queryV4Result = "x-oss-signature"
)

// Sign sets x-oss-date, x-oss-content-sha256, Authorization and, with a token,
// x-oss-security-token. The body is not covered: the hash says UNSIGNED-PAYLOAD.
//
// See https://help.aliyun.com/en/oss/developer-reference/recommend-to-use-signature-version-4
func (s V4) Sign(req *http.Request, p Params) error {
	if err := s.check(p); err != nil {
		return err
	}
	var room somePairs
	if _, err := unsign(room[:0], req); err != nil {
		return err
	}
	values := make(headerValues, 0, 4)
	values.set(req.Header, headerOSSDate, p.Time.UTC().Format(v4TimeFormat))
	values.set(req.Header, headerOSSHash, v4NoHash)
	if token := p.Credentials.SecurityToken; token != "" {
		values.set(req.Header, headerOSSToken, token)
	}
	values.set(req.Header, headerAuthorization, s.authorization(req, p))
	return nil
}

// authorization returns the value of the Authorization header.
func (s V4) authorization(req *http.Request, p Params) string {
	b := make([]byte, 0, 512)
	b = append(b, v4Algorithm+" Credential="...)
	b = s.appendCredential(b, p, v4Date(req, p))
	if names := s.coveredNames(req); names != "" {
		b = append(b, ",AdditionalHeaders="...)
		b = append(b, names...)
	}
	b = append(b, ",Signature="...)
	return string(s.appendSignature(b, req, p))
}

// Presign sets the x-oss-* parameters in the query; ttl is at most MaxPresign and at least a
// second, and fractions of a second are dropped. A URL made with a token dies with the token.
// An x-oss-content-sha256 header counts only if the caller has set it.
//
// See https://help.aliyun.com/en/oss/developer-reference/add-signatures-to-urls
func (s V4) Presign(req *http.Request, p Params, ttl time.Duration) error {
	if err := s.check(p); err != nil {
		return err
	}
	if ttl < time.Second || ttl > MaxPresign {
		return fmt.Errorf("signer: ttl %v is not between %v and %v", ttl, time.Second, MaxPresign)
	}
	var room somePairs
	query, err := unsign(room[:0], req)
	if err != nil {
		return err
	}
	req.Header.Del(headerOSSDate) // the date is in the query
	date := p.Time.UTC().Format(v4TimeFormat)
	query = append(query,
		pair{"x-oss-signature-version", v4Algorithm},
		pair{"x-oss-credential", string(s.appendCredential(nil, p, date))},
		pair{queryV4Date, date},
		pair{"x-oss-expires", strconv.FormatInt(int64(ttl/time.Second), 10)})
	if names := s.coveredNames(req); names != "" {
		query = append(query, pair{"x-oss-additional-headers", names})
	}
	if token := p.Credentials.SecurityToken; token != "" {
		query = append(query, pair{"x-oss-security-token", token})
	}
	req.URL.RawQuery = encodeQuery(query)
	req.URL.RawQuery += "&" + queryV4Result + "=" + s.Signature(req, p)
	return nil
}

// check refuses what V4 cannot sign, and the region OSS would answer with a puzzle.
func (s V4) check(p Params) error {
	if p.Region == "" {
		return errors.New("signer: V4 needs a region")
	}
	if id, ok := strings.CutPrefix(p.Region, "oss-"); ok {
		return fmt.Errorf("signer: region %q: drop \"oss-\", the region is %q", p.Region, id)
	}
	return p.check()
}

// Signature returns what Sign and Presign call Signature, for req as it stands: the hex of an
// HMAC-SHA256 over StringToSign under the key of day, region and product. It changes and checks
// nothing, so that a server can hold it against the signature it received; s then names the
// additional headers that the request claims to cover.
func (s V4) Signature(req *http.Request, p Params) string {
	var sum [2 * sha256.Size]byte
	return string(s.appendSignature(sum[:0], req, p))
}

func (s V4) appendSignature(b []byte, req *http.Request, p Params) []byte {
	scope := v4Scope{p.Credentials.AccessKeySecret, v4Day(v4Date(req, p)), p.Region, s.product()}
	key := v4Keys.Get().(*v4Key)
	defer v4Keys.Put(key)
	key.derive(scope)
	key.mac.Reset()
	key.text = s.appendStringToSign(key.text[:0], req, p)
	key.mac.Write(key.text)
	key.text = key.mac.Sum(key.text[:0])
	return hex.AppendEncode(b, key.text)
}

// A v4Scope is what a key is derived from.
type v4Scope struct{ secret, day, region, product string }

// A v4Key is an HMAC under the key of a scope. It takes four HMACs to derive, and the scope is the same all day.
type v4Key struct {
	scope v4Scope
	mac   hash.Hash // nil while there is no scope
	text  []byte    // what was hashed last; kept for its memory
}

// v4Keys are those of the last signatures. No two goroutines have the same one.
var v4Keys = sync.Pool{New: func() any { return new(v4Key) }}

// derive makes k the key of scope.
func (k *v4Key) derive(scope v4Scope) {
	if k.mac != nil && k.scope == scope {
		return
	}
	key := []byte("aliyun_v4" + scope.secret)
	for _, text := range [...]string{scope.day, scope.region, scope.product, v4Terminator} {
		mac := hmac.New(sha256.New, key)
		io.WriteString(mac, text)
		key = mac.Sum(nil)
	}
	k.scope, k.mac = scope, hmac.New(sha256.New, key)
}

// StringToSign returns the text V4 hashes with the derived key.
//
// It describes req as it stands, so call it after Sign or Presign. The date is the x-oss-date
// parameter, else the x-oss-date header, else a Date header, in the same form or in that of HTTP: some
// SDKs send nothing else, and OSS hashes its text as it came. Else it is p.Time.
func (s V4) StringToSign(req *http.Request, p Params) string {
	return string(s.appendStringToSign(nil, req, p))
}

func (s V4) appendStringToSign(b []byte, req *http.Request, p Params) []byte {
	var text [1024]byte
	sum := sha256.Sum256(s.appendCanonicalRequest(text[:0], req, p))
	date := v4Date(req, p)
	b = append(b, v4Algorithm+"\n"...)
	b = append(b, date...)
	b = append(b, '\n')
	b = s.appendScope(b, p, date)
	b = append(b, '\n')
	return hex.AppendEncode(b, sum[:])
}

// CanonicalRequest returns the request as V4 sees it, the part that is usually wrong.
// The Authorization header and the x-oss-signature parameter do not matter.
func (s V4) CanonicalRequest(req *http.Request, p Params) string {
	return string(s.appendCanonicalRequest(nil, req, p))
}

func (s V4) appendCanonicalRequest(b []byte, req *http.Request, p Params) []byte {
	b = append(b, verb(req)...)
	b = append(b, "\n/"...)
	if p.Bucket != "" {
		b = appendEscaped(b, p.Bucket, true)
		b = append(b, '/')
		b = appendEscaped(b, p.Key, true)
	}
	b = append(b, '\n')
	var room somePairs
	query, _ := parseQuery(room[:0], req.URL.RawQuery) // Sign has refused a bad one
	query = slices.DeleteFunc(query, func(q pair) bool { return q.name == queryV4Result })
	b = appendQuery(b, escaped(query))
	b = append(b, '\n')
	b = appendHeaders(b, s.signedHeaders(room[:0], req)) // the query is done with
	b = append(b, '\n')
	b = append(b, s.coveredNames(req)...)
	b = append(b, '\n')
	return append(b, cmp.Or(textproto.TrimString(req.Header.Get(headerOSSHash)), v4NoHash)...)
}

// signedHeaders appends every header V4 covers.
func (s V4) signedHeaders(headers []pair, req *http.Request) []pair {
	headers = ossHeaders(headers, req.Header)
	headers = append(headers, s.covered(req)...)
	for _, name := range [...]string{"Content-Type", "Content-Md5"} {
		if values := req.Header[name]; len(values) > 0 {
			headers = append(headers, pair{name, joinValues(values)})
		}
	}
	return headers
}

// covered returns the additional headers that req has, sorted.
func (s V4) covered(req *http.Request) []pair {
	var covered []pair
	for _, name := range s.AdditionalHeaders {
		name = strings.ToLower(name)
		if name == "content-type" || name == "content-md5" || name == "authorization" || isOSSHeader(name) {
			continue
		}
		if value, ok := headerValue(req, name); ok {
			covered = append(covered, pair{name, value})
		}
	}
	slices.SortFunc(covered, pair.compare)
	return slices.Compact(covered)
}

// coveredNames returns the names of the additional headers that req has, as they are sent.
func (s V4) coveredNames(req *http.Request) string {
	if len(s.AdditionalHeaders) == 0 {
		return ""
	}
	covered := s.covered(req)
	names := make([]string, len(covered))
	for i, p := range covered {
		names[i] = p.name
	}
	return strings.Join(names, ";")
}

// headerValue returns a header of req, and whether there is one. Two of them net/http keeps
// elsewhere: the host always, and the length on its way out.
func headerValue(req *http.Request, name string) (string, bool) {
	switch {
	case name == "host":
		host := req.Host
		if host == "" {
			host = req.URL.Host
		}
		return host, host != ""
	case name == "content-length" && req.ContentLength > 0:
		return strconv.FormatInt(req.ContentLength, 10), true
	}
	values := req.Header.Values(name)
	return joinValues(values), len(values) > 0
}

// appendCredential appends who signs and for what.
func (s V4) appendCredential(b []byte, p Params, date string) []byte {
	b = append(b, p.Credentials.AccessKeyID...)
	b = append(b, '/')
	return s.appendScope(b, p, date)
}

// appendScope appends what a signature is limited to.
func (s V4) appendScope(b []byte, p Params, date string) []byte {
	for _, part := range [...]string{v4Day(date), p.Region, s.product()} {
		b = append(b, part...)
		b = append(b, '/')
	}
	return append(b, v4Terminator...)
}

func (s V4) product() string { return cmp.Or(s.Product, "oss") }

// v4Date returns the signing time of req as it stands in the text V4 hashes.
func v4Date(req *http.Request, p Params) string {
	if date, ok := queryValue(req.URL.RawQuery, queryV4Date); ok {
		return date
	}
	if date := textproto.TrimString(req.Header.Get(headerOSSDate)); date != "" {
		return date
	}
	if date := textproto.TrimString(req.Header.Get(headerDate)); isV4Date(date) || isHTTPDate(date) {
		return date
	}
	return p.Time.UTC().Format(v4TimeFormat)
}

// v4Day returns the day of a date. What a server receives may be too short to hold one.
func v4Day(date string) string {
	if isHTTPDate(date) {
		t, _ := time.Parse(http.TimeFormat, date)
		return t.Format("20060102")
	}
	return date[:min(v4DayLength, len(date))]
}

// isV4Date reports whether date is in the form of V4. Both forms have one length; time.Parse makes an error of some size
// of what is in neither.
func isV4Date(date string) bool {
	if len(date) != len(v4TimeFormat) {
		return false
	}
	_, err := time.Parse(v4TimeFormat, date)
	return err == nil
}

// isHTTPDate reports whether date is in the form of HTTP.
func isHTTPDate(date string) bool {
	if len(date) != len(http.TimeFormat) {
		return false
	}
	_, err := time.Parse(http.TimeFormat, date)
	return err == nil
}
