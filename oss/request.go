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

// A Request is any OSS request, before it is signed. All methods of a Client are built on it.
type Request struct {
	Op          string      // name for errors, logs and hooks, for example "PutObjectACL"
	Method      string      // HTTP method; "" means GET
	Bucket, Key string      // addressed resource; Key is not escaped
	Query       url.Values  // subresources and other parameters
	Header      http.Header // extra headers; an error if the signature, the body or the URL determines one of them
	Body        Body        // nil means no body

	// Repeat says whether an attempt whose outcome is unknown may be repeated. Presign ignores it.
	Repeat Repeat

	// SendMD5 sends the MD5 of Body as Content-MD5, for which Body is read once more. OSS then refuses corrupted bytes
	// with ErrInvalidDigest and stores nothing.
	SendMD5 bool
	// CheckCRC64 compares the CRC-64 (ECMA) of the object that the reply reports with that of the bytes sent; nil
	// compares nothing. It points to the CRC-64 of the bytes before Body: 0, or for AppendObject that of the object so
	// far. A difference is a *ChecksumError; a reply without a CRC-64 is an error.
	CheckCRC64 *uint64
}

// Repeat says which failed attempts of a Request are repeated, within the limits of Config.Retry.
type Repeat int

const (
	// RepeatByMethod repeats any failed attempt of GET, HEAD, PUT, DELETE and OPTIONS, which have the same effect when
	// done twice. Attempts of other methods, such as the POST of AppendObject, are repeated only if OSS has certainly
	// not carried them out: no connection was made, or OSS itself refused the request. If the reply to such an attempt
	// is lost, the operation fails.
	RepeatByMethod Repeat = iota
	// RepeatAlways repeats any failed attempt. It is for a POST that has the same effect when done twice.
	RepeatAlways
	// RepeatNever repeats no attempt: at most one request is sent.
	RepeatNever
)

func (r Repeat) check() error {
	if r < RepeatByMethod || r > RepeatNever {
		return fmt.Errorf("oss: Request.Repeat %d is none of RepeatByMethod, RepeatAlways and RepeatNever", r)
	}
	return nil
}

// Do signs and sends r, for operations without a method of their own. Failed attempts are repeated as r.Repeat says. A
// status of 300 or more is a *ServiceError, and so is 203, with which OSS reports a failed callback. Otherwise the
// caller closes the body of the response. Response.TLS is nil if NewTransport made the connection.
func (c *Client) Do(ctx context.Context, r *Request) (*http.Response, error) {
	if r == nil {
		return nil, errNilRequest
	}
	if err := r.checkSums(); err != nil {
		return nil, err
	}
	r = r.clone()
	o := sendOptions{custom: true}
	if r.SendMD5 {
		if err := c.checkRequest(r); err != nil {
			return nil, err
		}
		sum, err := contentMD5(ctx, r.Body)
		if err != nil {
			return nil, fmt.Errorf("oss: %s %s: %w", r.operation().Name, resource(r.Bucket, r.Key), err)
		}
		o.md5 = sum
	}
	if r.CheckCRC64 != nil {
		o.computeCRC, o.initialCRC, o.check = true, *r.CheckCRC64, requireCRC64
	}
	return c.send(ctx, r, o)
}

var (
	errNilRequest = errors.New("oss: request is nil")
	errNoClient   = errors.New("oss: the Client was not made by NewClient")
)

// checkSums refuses a checksum of a body that does not exist, or a second Content-MD5.
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

// repeatable reports whether the effect of r allows another attempt after one that failed with err.
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

// sendOptions say how a request is sent and how its response is checked.
type sendOptions struct {
	verifyStored bool          // compare the response with the body that was sent
	md5          []byte        // MD5 of the body, for Content-MD5; nil if it is not known
	computeCRC   bool          // compute the CRC-64 of the body while sending it
	knownCRC     *uint64       // that CRC-64, if the caller knows it
	initialCRC   uint64        // CRC-64 of the bytes before the body in the object
	slow         bool          // OSS may work for minutes before it replies
	custom       bool          // a Request of the caller's, whose headers are not checked against its operation
	check        responseCheck // checks the response; nil accepts it
}

// send validates, signs, sends, checks and retries r. The header of r must be canonical and not shared with the caller.
// The caller closes the body of the response.
func (c *Client) send(ctx context.Context, r *Request, o sendOptions) (*http.Response, error) {
	if c == nil || c.credentials == nil {
		return nil, errNoClient
	}
	if err := c.checkRequest(r); err != nil {
		return nil, err
	}
	if !o.custom {
		if err := r.checkApplicable(); err != nil {
			return nil, err
		}
	}
	k := &call{client: c, options: o, op: r.operation(), request: *r}
	k.op.URL = c.address(r)
	ctx = c.hooks.start(ctx, k.op)
	resp, err := k.run(ctx)
	c.hooks.end(ctx, k.op, err)
	return resp, err
}

// sendXML is send for operations whose response is a document, which is passed to take. A document that take refuses
// fails the attempt.
func sendXML[T any](ctx context.Context, c *Client, r *Request, take func(*T) error) (*http.Response, error) {
	return c.sendAndClose(ctx, r, sendOptions{check: decodeXML(take)})
}

// sendAndClose is send for operations whose responseCheck reads the body. It closes the body.
func (c *Client) sendAndClose(ctx context.Context, r *Request, o sendOptions) (*http.Response, error) {
	resp, err := c.send(ctx, r, o)
	if err != nil {
		return nil, err
	}
	drain(resp.Body)
	return resp, nil
}

// checkRequest refuses requests that cannot be sent.
func (c *Client) checkRequest(r *Request) error { return cmp.Or(r.check(), c.checkHeader(r, false)) }

// check refuses anything that cannot become an HTTP request, except headers, for which see checkHeader.
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

// operation describes r for errors, logs and hooks.
func (r *Request) operation() Operation {
	number, _ := strconv.Atoi(r.Query.Get("partNumber")) // 0 if there is none
	op := Operation{
		Name: cmp.Or(r.Op, r.Method, http.MethodGet), Bucket: r.Bucket, Key: r.Key,
		UploadID: r.Query.Get("uploadId"), PartNumber: number, Method: cmp.Or(r.Method, http.MethodGet),
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

// at returns the URL of r at endpoint e.
func (r *Request) at(e endpoint) url.URL {
	u := e.url(r.Bucket, r.Key)
	u.RawQuery = strings.ReplaceAll(r.Query.Encode(), "+", "%20")
	return u
}

// headers returns the headers of an attempt. A signature may replace some of them; the values of the others are shared
// by all attempts and never written.
func (k *call) headers() http.Header {
	h := make(http.Header) // most requests have no more headers than the smallest map holds
	maps.Copy(h, k.client.header)
	maps.Copy(h, k.request.Header)
	if sum := k.options.md5; sum != nil {
		h.Set("Content-Md5", base64.StdEncoding.EncodeToString(sum))
	}
	h["User-Agent"] = k.client.userAgent
	// OSS compresses some types on the fly for clients that ask for it. Then neither the length nor the CRC-64 that it
	// reports is that of the bytes received. net/http asks unless told otherwise.
	if h.Get("Accept-Encoding") == "" {
		h["Accept-Encoding"] = asStored
	}
	return h
}

var asStored = []string{"identity"}

// query makes the parameters of a request from pairs of name and value.
func query(pairs ...string) url.Values {
	q := make(url.Values)
	for i := 0; i < len(pairs); i += 2 {
		q[pairs[i]] = pairs[i+1 : i+2 : i+2]
	}
	return q
}

// clone returns r with its own header and query, so that the maps of a caller are never written.
func (r *Request) clone() *Request {
	v := *r
	v.Header, v.Query = make(http.Header), maps.Clone(r.Query)
	addHeader(v.Header, r.Header)
	if v.Query == nil {
		v.Query = make(url.Values)
	}
	return &v
}
