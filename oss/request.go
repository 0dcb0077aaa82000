package oss

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// A Request is any OSS call, before signing. The named methods below are built on it.
type Request struct {
	Op          string      // name for errors, logs and hooks, for example "PutObjectACL"
	Method      string      // HTTP method; "" means GET
	Bucket, Key string      // addressed resource; Key is not escaped
	Query       url.Values  // subresources and parameters
	Header      http.Header // extra headers; one that signing, the body or the address sets is an error
	Body        Body        // nil means none

	Repeat Repeat // whether an attempt is repeated whose outcome is unknown; Presign ignores it

	// SendMD5 sends the MD5 of Body, which is read once more for it, as Content-MD5: OSS refuses other bytes with
	// ErrInvalidDigest and stores nothing.
	SendMD5 bool
	// CheckCRC64 compares the CRC-64 that the reply reports of the object with that of Body; a difference, or a reply
	// that reports none, is an error. It points to the CRC-64 (ECMA) of the bytes before Body: 0, or for AppendObject
	// that of the object so far. Nil compares nothing.
	CheckCRC64 *uint64
}

// Repeat says which attempts of a Request are repeated, within the limits of Config.Retry.
type Repeat int

const (
	// RepeatByMethod repeats any failed attempt of GET, HEAD, PUT, DELETE and OPTIONS, which have the same effect when
	// done twice. An attempt of any other method, such as the POST of AppendObject, is repeated only if OSS cannot have
	// done its work: no connection was made, or OSS itself refused the request. An operation whose reply was lost
	// fails.
	RepeatByMethod Repeat = iota
	RepeatAlways          // any failed attempt: for a POST that has the same effect when done twice
	RepeatNever           // no attempt: one request at most
)

func (r Repeat) check() error {
	if r < RepeatByMethod || r > RepeatNever {
		return fmt.Errorf("oss: Request.Repeat %d is none of RepeatByMethod, RepeatAlways and RepeatNever", r)
	}
	return nil
}

// Do sends r signed, for operations this package does not wrap. Failed attempts are repeated as r.Repeat says. A status
// of 300 or more is a *ServiceError, and so is 203, with which OSS reports a failed callback; otherwise the
// caller closes the response body. Its TLS field is nil unless Config.HTTPClient is set.
func (c *Client) Do(ctx context.Context, r *Request) (*http.Response, error) {
	if r == nil {
		return nil, errNilRequest
	}
	if err := r.checkSums(); err != nil {
		return nil, err
	}
	r = r.clone()
	t := sendOptions{custom: true}
	if r.SendMD5 {
		if err := c.checkRequest(r); err != nil {
			return nil, err
		}
		sum, err := contentMD5(ctx, r.Body)
		if err != nil {
			return nil, fmt.Errorf("oss: %s %s: %w", r.operation().Name, resource(r.Bucket, r.Key), err)
		}
		t.md5 = sum
	}
	if r.CheckCRC64 != nil {
		t.computeCRC, t.initialCRC, t.check = true, *r.CheckCRC64, requireCRC64
	}
	return c.send(ctx, r, t)
}

var (
	errNilRequest = errors.New("oss: request is nil")
	errNoClient   = errors.New("oss: the Client was not made by NewClient")
)

// checkSums refuses to check what is not there.
func (r *Request) checkSums() error {
	switch {
	case r.SendMD5 && r.Body == nil:
		return errors.New("oss: Request.SendMD5 is set without a Body")
	case r.CheckCRC64 != nil && r.Body == nil:
		return errors.New("oss: Request.CheckCRC64 is set without a Body")
	}
	for name := range r.Header {
		if r.SendMD5 && http.CanonicalHeaderKey(name) == "Content-Md5" {
			return errors.New("oss: Request.SendMD5 is set beside Content-MD5 in Header")
		}
	}
	return nil
}

// repeatable reports whether the attempt that failed with err may be made again as far as its effect is concerned.
func (r *Request) repeatable(err error) bool {
	switch r.Repeat {
	case RepeatAlways:
		return true
	case RepeatNever:
		return false
	}
	switch cmp.Or(r.Method, http.MethodGet) {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions:
		return true
	}
	if refused, ok := err.(*ServiceError); ok {
		// An InternalError comes from the middle of the work.
		return refused.Code != "" && (refused.StatusCode < 500 || refused.StatusCode == http.StatusServiceUnavailable)
	}
	var dial *net.OpError
	return errors.As(err, &dial) && dial.Op == "dial"
}

// terms are what an operation asks of the road besides its request.
type sendOptions struct {
	verifyStored bool          // the reply is to prove that OSS holds the body
	md5          []byte        // the body's MD5, for OSS to check; nil where nobody knows
	computeCRC   bool          // compute the CRC-64 of the body while sending it
	knownCRC     *uint64       // that CRC-64 if the caller knows it
	initialCRC   uint64        // the CRC-64 of what stands before the body in the object
	slow         bool          // OSS may work for minutes before it replies
	verifyRead   bool          // compare the CRC-64 of a whole object while it is read
	custom       bool          // the operation is of the caller's own choice, so that nothing is known of it
	check        responseCheck // inspects a reply before it counts as a success; nil accepts
}

// send is the one road every operation takes: it checks r, whose headers are canonical and no caller's,
// then signs, tries, verifies and retries it. What it returns is a success whose body the caller closes.
func (c *Client) send(ctx context.Context, r *Request, t sendOptions) (*http.Response, error) {
	if c == nil || c.credentials == nil {
		return nil, errNoClient
	}
	if err := c.checkRequest(r); err != nil {
		return nil, err
	}
	if !t.custom {
		if err := r.checkApplicable(); err != nil {
			return nil, err
		}
	}
	k := &call{client: c, options: t, op: r.operation(), request: *r, url: c.address(r)}
	ctx = c.hooks.start(ctx, k.op)
	resp, err := k.run(ctx)
	c.hooks.end(ctx, k.op, err)
	return resp, err
}

// sendXML is send for operations whose reply is a document, of which take gets what it needs. One that take refuses is
// no reply of OSS.
func sendXML[T any](ctx context.Context, c *Client, r *Request, take func(*T) error) (*http.Response, error) {
	return c.sendAndClose(ctx, r, sendOptions{check: decodeXML(take)})
}

// finish is send for operations whose reply is used up by the check: it closes the body.
func (c *Client) sendAndClose(ctx context.Context, r *Request, t sendOptions) (*http.Response, error) {
	resp, err := c.send(ctx, r, t)
	if err != nil {
		return nil, err
	}
	drain(resp.Body)
	return resp, nil
}

// checkRequest refuses what cannot be sent, before it is.
func (c *Client) checkRequest(r *Request) error { return cmp.Or(r.check(), c.checkHeader(r, false)) }

// check refuses what cannot become an HTTP request. Headers are checked by checkHeader.
func (r *Request) check() error {
	if r.Bucket != "" || r.Key != "" {
		if err := checkBucket(r.Bucket); err != nil {
			return err
		}
	}
	if r.Key != "" {
		if err := checkKey(r.Key); err != nil {
			return err
		}
	}
	if err := r.checkNewBucket(); err != nil {
		return err
	}
	if !isToken(cmp.Or(r.Method, http.MethodGet)) {
		return fmt.Errorf("oss: method %q is not an HTTP method", r.Method)
	}
	if err := r.Repeat.check(); err != nil {
		return err
	}
	if strings.ContainsFunc(r.Op, unicode.IsControl) {
		return fmt.Errorf("oss: Request.Op %q has a control character", r.Op)
	}
	if r.Body != nil && isNil(r.Body) {
		return fmt.Errorf("oss: body is a nil %T", r.Body)
	}
	if r.Body != nil && r.Body.Size() < 0 {
		return fmt.Errorf("oss: size %d of the body is negative", r.Body.Size())
	}
	return nil
}

// isNil reports whether v is nil, or an interface that holds a nil pointer or function.
func isNil(v any) bool {
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Func:
		return r.IsNil()
	}
	return false
}

// operation names the call for errors, logs and hooks.
func (r *Request) operation() Operation {
	number, _ := strconv.Atoi(r.Query.Get("partNumber")) // 0 where there is none
	op := Operation{
		Name: cmp.Or(r.Op, r.Method, http.MethodGet), Bucket: r.Bucket, Key: r.Key,
		UploadID: r.Query.Get("uploadId"), PartNumber: number,
	}
	if r.Body != nil {
		op.Size = r.Body.Size()
	}
	return op
}

// address returns the URL of r.
func (c *Client) address(r *Request) url.URL {
	return r.at(c.endpoint)
}

// at returns the URL of r at an endpoint.
func (r *Request) at(e endpoint) url.URL {
	u := e.url(r.Bucket, r.Key)
	u.RawQuery = strings.ReplaceAll(r.Query.Encode(), "+", "%20")
	return u
}

// headers returns those of an attempt. A signature may replace some; the values of the others are shared by all
// attempts and never written.
func (k *call) headers() http.Header {
	h := make(http.Header) // most requests have no more headers than the smallest map takes
	maps.Copy(h, k.client.header)
	maps.Copy(h, k.request.Header)
	if sum := k.options.md5; sum != nil {
		h.Set("Content-Md5", base64.StdEncoding.EncodeToString(sum))
	}
	h["User-Agent"] = k.client.userAgent
	// OSS compresses some types on the fly for those who ask; then neither the length nor the CRC-64
	// it reports is that of the bytes that arrive. net/http asks unless told not to.
	if h.Get("Accept-Encoding") == "" {
		h["Accept-Encoding"] = asStored
	}
	return h
}

var asStored = []string{"identity"}

// query makes the parameters of a request from pairs.
func query(pairs ...string) url.Values {
	q := make(url.Values)
	for i := 0; i < len(pairs); i += 2 {
		q[pairs[i]] = pairs[i+1 : i+2 : i+2]
	}
	return q
}

// clone returns r with headers and query of its own, so that a caller's maps are never written.
func (r *Request) clone() *Request {
	v := *r
	v.Header, v.Query = make(http.Header), maps.Clone(r.Query)
	addHeader(v.Header, r.Header)
	if v.Query == nil {
		v.Query = make(url.Values)
	}
	return &v
}
