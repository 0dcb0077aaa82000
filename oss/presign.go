package oss

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/signer"
)

// A Presigned request can be sent by anyone, without keys, until Expires.
type Presigned struct {
	Method  string      // to use
	URL     string      // a secret until it expires
	Header  http.Header // signed headers the sender must repeat unchanged
	Expires time.Time   // the ttl, or the end of the STS token if sooner
}

// String masks the signature, so that logging a Presigned gives nothing away.
func (p Presigned) String() string {
	address, _, _ := strings.Cut(p.URL, "?")
	return p.Method + " " + address + "?[signed until " + p.Expires.UTC().Format(time.RFC3339) + "]"
}

// Format masks it for all verbs.
func (p Presigned) Format(f fmt.State, _ rune) { io.WriteString(f, p.String()) }

// LogValue masks it for log/slog.
func (p Presigned) LogValue() slog.Value { return slog.StringValue(p.String()) }

// Presign presigns any Request: those of the methods below, and by its Method, Query and Header any other, such as
// {Method: "POST", Query: {"uploads": {""}}} for InitiateMultipartUpload. The body is not part of a signature, unless
// Header has its Content-MD5. The URL leads to Config.PresignEndpoint. With signature V4 ttl is at most
// signer.MaxPresign, seven days. A URL signed with temporary keys expires with them if that is sooner. Anonymous
// credentials cannot presign.
//
// See https://help.aliyun.com/en/oss/developer-reference/add-signatures-to-urls
func (c *Client) Presign(ctx context.Context, r *Request, ttl time.Duration) (*Presigned, error) {
	if r == nil {
		return nil, errNilRequest
	}
	if err := cmp.Or(r.check(), c.checkHeader(r, true)); err != nil {
		return nil, err
	}
	if r.SendMD5 || r.CheckCRC64 != nil {
		return nil, errors.New("oss: Request.SendMD5 and CheckCRC64 are for Do: a presigned request has no body here")
	}
	if c.credentials == nil {
		return nil, errNoClient
	}
	if ttl < time.Second {
		return nil, fmt.Errorf("oss: presigned lifetime %v is less than a second", ttl)
	}
	creds, err := keysAt(ctx, c.credentials, c.Now())
	if err != nil {
		return nil, fmt.Errorf("oss: presigning %s %s: no credentials: %w", r.operation().Name, resource(r.Bucket, r.Key), err)
	}
	now := c.Now()
	expires := now.Truncate(time.Second).Add(ttl.Truncate(time.Second)) // as signatures know time
	if end := creds.Expires.Truncate(time.Second); !creds.Expires.IsZero() && end.Before(expires) {
		expires, ttl = end, end.Sub(now.Truncate(time.Second))
		if ttl < time.Second {
			return nil, fmt.Errorf("oss: presigning %s %s: the security token expires at %s, in less than a second",
				r.operation().Name, resource(r.Bucket, r.Key), creds.Expires.UTC().Format(time.RFC3339))
		}
	}
	header := c.header.Clone()
	addHeader(header, r.Header)
	address := r.at(c.presignEndpoint)
	req := (&http.Request{Method: r.Method, URL: &address, Header: header}).WithContext(ctx)
	req.Host = req.URL.Host
	if req.Method == "" {
		req.Method = http.MethodGet
	}
	err = c.signer.Presign(req, signer.Params{
		Bucket: r.Bucket, Key: r.Key, Region: c.region, Time: now, Credentials: creds,
	}, ttl)
	if err != nil {
		return nil, fmt.Errorf("oss: presigning %s %s: %w", r.operation().Name, resource(r.Bucket, r.Key), err)
	}
	return &Presigned{Method: req.Method, URL: req.URL.String(), Header: req.Header, Expires: expires}, nil
}

// PresignGet presigns a download.
func (c *Client) PresignGet(ctx context.Context, bucket, key string, ttl time.Duration, opts *GetOptions) (*Presigned, error) {
	r, err := getRequest(bucket, key, opts)
	if err == nil {
		err = r.checkApplicable()
	}
	if err != nil {
		return nil, err
	}
	return c.Presign(ctx, r, ttl)
}

// PresignPut presigns a single-request upload. What opts asks for is signed, and the sender must repeat it; without a
// ContentType the sender must send no Content-Type, which some HTTP clients add by themselves, and the object has that
// of OSS, application/octet-stream.
func (c *Client) PresignPut(ctx context.Context, bucket, key string, ttl time.Duration, opts *ObjectOptions) (*Presigned, error) {
	if err := CheckObjectName(bucket, key); err != nil {
		return nil, err
	}
	if err := opts.checkNoBody("a presigned PutObject"); err != nil {
		return nil, err
	}
	h, err := opts.explicitHeaders()
	if err != nil {
		return nil, err
	}
	r := &Request{Op: "PutObject", Method: http.MethodPut, Bucket: bucket, Key: key, Header: h}
	if err := r.checkApplicable(); err != nil {
		return nil, err
	}
	return c.Presign(ctx, r, ttl)
}

// PresignPart presigns one part, so that a machine without keys can send it. The sender must send no
// Content-Type, which some HTTP clients add by themselves: OSS would take the signature for a wrong one.
// The ETag of the reply is what CompleteMultipartUpload wants of it; ListParts has it too. It is the part's MD5 in
// quotes and upper case: comparing that is up to the sender, and nothing else notices damage on the way, as no
// Content-MD5 is sent. To have OSS notice, Presign an UploadPart with that header.
func (c *Client) PresignPart(ctx context.Context, up Upload, number int, ttl time.Duration) (*Presigned, error) {
	if err := up.check(); err != nil {
		return nil, err
	}
	if err := checkPartNumber(number); err != nil {
		return nil, err
	}
	return c.Presign(ctx, up.request("UploadPart", http.MethodPut, "partNumber", strconv.Itoa(number)), ttl)
}
