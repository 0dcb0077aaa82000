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

// V4 is the scheme with HMAC-SHA256. A signature is valid for one day, one region and one product.
//
// It covers the method, bucket and key, the whole query, Content-Type, Content-MD5, the x-oss-* headers, and the
// headers that AdditionalHeaders names.
type V4 struct {
	// AdditionalHeaders names further headers to cover, for example "host"; nil covers none. Case and order do not
	// matter. Headers that a request does not have, or that are covered anyway, are left out; a Content-Length of zero
	// counts as absent. Authorization cannot be covered.
	AdditionalHeaders []string

	// Product is the service in the signature; "" means "oss". For a CloudBox it is "oss-cloudbox", and the region is
	// the ID of the CloudBox.
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

// Sign sets x-oss-date, x-oss-content-sha256, Authorization and, for keys with a token, x-oss-security-token. The body
// is not covered: the hash is UNSIGNED-PAYLOAD.
//
// See https://help.aliyun.com/en/oss/developer-reference/recommend-to-use-signature-version-4
func (s V4) Sign(req *http.Request, p Params) error {
	if err := s.check(p); err != nil {
		return err
	}
	var room pairBuffer
	if _, err := removeSignature(room[:0], req); err != nil {
		return err
	}
	values := make(headerSetter, 0, 4)
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

// Presign adds the x-oss-* parameters of a signature to the query. The ttl is at least one second and at most
// MaxPresign; fractions of a second are dropped. A URL that contains a token expires with the token if that is sooner.
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
	var room pairBuffer
	query, err := removeSignature(room[:0], req)
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

// check refuses parameters that V4 cannot sign, and a region for which the refusal of OSS would not name the cause.
func (s V4) check(p Params) error {
	if p.Region == "" {
		return errors.New("signer: V4 needs a region")
	}
	if id, ok := strings.CutPrefix(p.Region, "oss-"); ok {
		return fmt.Errorf("signer: region %q: drop \"oss-\", the region is %q", p.Region, id)
	}
	return p.check()
}

// Signature returns the signature of req as it stands, which Sign and Presign set: the hex of an HMAC-SHA256 of
// StringToSign, with the key of the day, region and product. It changes and checks nothing, so that a server can
// compare it with the signature that it received; s then names the additional headers that the request claims to cover.
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
	key.buf = s.appendStringToSign(key.buf[:0], req, p)
	key.mac.Write(key.buf)
	key.buf = key.mac.Sum(key.buf[:0])
	return hex.AppendEncode(b, key.buf)
}

// A v4Scope determines the key of a signature.
type v4Scope struct{ secret, day, region, product string }

// A v4Key is an HMAC with the key of a scope. Keeping it saves the four HMACs that derive the key; the scope is the
// same all day.
type v4Key struct {
	scope v4Scope
	mac   hash.Hash // nil if there is no scope yet
	buf   []byte    // the text to sign, then its HMAC; reused
}

// v4Keys are keys of recent signatures. A goroutine has its key to itself.
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

// StringToSign returns the text that V4 signs with the derived key, to compare with the one in a SignatureDoesNotMatch
// reply.
//
// It describes req as it stands, so call it after Sign or Presign. The date is the x-oss-date parameter, else the
// x-oss-date header, else a Date header in the form of V4 or of HTTP, else p.Time. Some SDKs send only a Date, and OSS
// hashes its text as received.
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

// CanonicalRequest returns the request in the form that V4 hashes. A difference from that of OSS explains most
// mismatches. It does not depend on the Authorization header and the parameter x-oss-signature.
func (s V4) CanonicalRequest(req *http.Request, p Params) string {
	return string(s.appendCanonicalRequest(nil, req, p))
}

func (s V4) appendCanonicalRequest(b []byte, req *http.Request, p Params) []byte {
	b = append(b, method(req)...)
	b = append(b, "\n/"...)
	if p.Bucket != "" {
		b = appendEscaped(b, p.Bucket, true)
		b = append(b, '/')
		b = appendEscaped(b, p.Key, true)
	}
	b = append(b, '\n')
	var room pairBuffer
	query, _ := parseQuery(room[:0], req.URL.RawQuery) // Sign refuses an invalid one
	query = slices.DeleteFunc(query, func(q pair) bool { return q.name == queryV4Result })
	b = appendQuery(b, escaped(query))
	b = append(b, '\n')
	b = appendHeaders(b, s.signedHeaders(room[:0], req)) // the query is not needed any more
	b = append(b, '\n')
	b = append(b, s.coveredNames(req)...)
	b = append(b, '\n')
	return append(b, cmp.Or(textproto.TrimString(req.Header.Get(headerOSSHash)), v4NoHash)...)
}

// signedHeaders appends all headers that V4 covers.
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

// headerValue returns a header of req, and whether it exists. net/http keeps two of them elsewhere: Host always, and
// Content-Length until the request is sent.
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

// appendCredential appends the key ID and the scope.
func (s V4) appendCredential(b []byte, p Params, date string) []byte {
	b = append(b, p.Credentials.AccessKeyID...)
	b = append(b, '/')
	return s.appendScope(b, p, date)
}

// appendScope appends the day, region and product of the signature.
func (s V4) appendScope(b []byte, p Params, date string) []byte {
	for _, part := range [...]string{v4Day(date), p.Region, s.product()} {
		b = append(b, part...)
		b = append(b, '/')
	}
	return append(b, v4Terminator...)
}

func (s V4) product() string { return cmp.Or(s.Product, "oss") }

// v4Date returns the time of signing as text, as StringToSign describes it.
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

// v4Day returns the day of a date. The date of a request that a server receives may be too short.
func v4Day(date string) string {
	if isHTTPDate(date) {
		t, _ := time.Parse(http.TimeFormat, date)
		return t.Format("20060102")
	}
	return date[:min(v4DayLength, len(date))]
}

// isV4Date reports whether date has the form of V4. The length is compared first because an error of time.Parse is
// expensive.
func isV4Date(date string) bool {
	if len(date) != len(v4TimeFormat) {
		return false
	}
	_, err := time.Parse(v4TimeFormat, date)
	return err == nil
}

// isHTTPDate reports whether date has the form of HTTP.
func isHTTPDate(date string) bool {
	if len(date) != len(http.TimeFormat) {
		return false
	}
	_, err := time.Parse(http.TimeFormat, date)
	return err == nil
}
