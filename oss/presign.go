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

// A Presigned is a request that can be sent without keys until Expires.
type Presigned struct {
	Method  string      // HTTP method
	URL     string      // secret until it expires, since it contains the signature
	Header  http.Header // signed headers, which the sender must repeat unchanged
	Expires time.Time   // after the ttl, or when the security token expires, whichever comes first
}

// String omits the query, which contains the signature, so that a Presigned can be logged.
func (p Presigned) String() string {
	address, _, _ := strings.Cut(p.URL, "?")
	return p.Method + " " + address + "?[signed until " + p.Expires.UTC().Format(time.RFC3339) + "]"
}

// Format prints String for all verbs.
func (p Presigned) Format(f fmt.State, _ rune) { io.WriteString(f, p.String()) }

// LogValue logs String.
func (p Presigned) LogValue() slog.Value { return slog.StringValue(p.String()) }

// Presign presigns any Request, including requests for which there is no method below. For example, {Method: "POST",
// Query: {"uploads": {""}}} with a Bucket and a Key is InitiateMultipartUpload.
//
// The signature covers the body only if Header has its Content-MD5. The URL leads to Config.PresignEndpoint. With
// signature V4 the ttl is at most signer.MaxPresign, seven days; with V1 it is unlimited. A URL signed with temporary
// keys expires with them if that is sooner. Anonymous credentials cannot presign.
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
		return nil, fmt.Errorf("oss: presigning %s %s: no credentials: %w",
			r.operation().Name, resource(r.Bucket, r.Key), err)
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

// PresignGet presigns a download, with the response headers and the process parameter of opts.
func (c *Client) PresignGet(
	ctx context.Context, bucket, key string, ttl time.Duration, opts *GetOptions,
) (*Presigned, error) {
	r, err := getRequest(bucket, key, opts)
	return c.presignRequest(ctx, r, err, ttl)
}

// PresignPut presigns an upload with one request. The headers that opts sets are signed, and the sender must repeat
// them. Without a ContentType the sender must not send a Content-Type, which some HTTP clients add on their own; the
// object then has the type application/octet-stream.
func (c *Client) PresignPut(
	ctx context.Context, bucket, key string, ttl time.Duration, opts *ObjectOptions,
) (*Presigned, error) {
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

// PresignPart presigns one part of an upload, so that a machine without keys can send it. The sender must not send a
// Content-Type, which some HTTP clients add on their own: OSS would reject the signature.
//
// CompleteMultipartUpload needs the ETag of the reply, which ListParts reports too. It is the MD5 of the part in upper
// case and quotes. The sender should compare it, because without a Content-MD5 OSS does not notice corruption in
// transit. To let OSS check it, Presign an UploadPart with that header.
func (c *Client) PresignPart(ctx context.Context, up Upload, number int, ttl time.Duration) (*Presigned, error) {
	if err := up.check(); err != nil {
		return nil, err
	}
	if err := checkPartNumber(number); err != nil {
		return nil, err
	}
	return c.Presign(ctx, up.request("UploadPart", http.MethodPut, "partNumber", strconv.Itoa(number)), ttl)
}

// PresignHead presigns a HeadObject.
func (c *Client) PresignHead(
	ctx context.Context, bucket, key string, ttl time.Duration, opts *HeadOptions,
) (*Presigned, error) {
	r, err := versionRequest("HeadObject", http.MethodHead, bucket, key, (*versionOptions)(opts))
	return c.presignRequest(ctx, r, err, ttl)
}

// PresignDelete presigns a DeleteObject.
func (c *Client) PresignDelete(
	ctx context.Context, bucket, key string, ttl time.Duration, opts *DeleteOptions,
) (*Presigned, error) {
	r, err := versionRequest("DeleteObject", http.MethodDelete, bucket, key, (*versionOptions)(opts))
	return c.presignRequest(ctx, r, err, ttl)
}

// PresignList presigns one page of ListObjects. The reply is the document of OSS, with its keys percent-encoded.
func (c *Client) PresignList(
	ctx context.Context, bucket string, ttl time.Duration, opts *ListObjectsOptions,
) (*Presigned, error) {
	o := valueOf(opts)
	r, err := o.request(bucket)
	return c.presignRequest(ctx, r, err, ttl)
}

// presignRequest presigns r, unless making it failed.
func (c *Client) presignRequest(ctx context.Context, r *Request, err error, ttl time.Duration) (*Presigned, error) {
	if err == nil {
		err = r.checkApplicable()
	}
	if err != nil {
		return nil, err
	}
	return c.Presign(ctx, r, ttl)
}
