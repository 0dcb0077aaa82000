package oss

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/internal/ossxml"
)

// A CORSRule lets scripts of other origins use a bucket.
type CORSRule struct {
	Origins []string      // that may use it, such as "https://example.com"; each may have one asterisk
	Methods []string      // GET, PUT, DELETE, POST and HEAD
	Headers []string      // that their requests may have; each may have one asterisk
	Expose  []string      // headers of replies that scripts may read, such as "ETag"; no asterisk
	MaxAge  time.Duration // how long a browser may remember the answer, in whole seconds; 0 leaves it to the browser
}

// BucketCORS are the CORS rules of a bucket. The first rule that matches a request counts.
type BucketCORS struct {
	Rules []CORSRule // 1 to 10
	Vary  bool       // reply with Vary: Origin always
}

// Limits of the rules.
//
// See https://help.aliyun.com/en/oss/developer-reference/putbucketcors
const (
	maxCORSRules = 10
	maxCORSAge   = 999_999_999 * time.Second
)

func (b *BucketCORS) check() error {
	if n := len(b.Rules); n < 1 || n > maxCORSRules {
		return fmt.Errorf("oss: BucketCORS has %d rules, not 1 to %d", n, maxCORSRules)
	}
	for i, r := range b.Rules {
		bad := func(field string, value any) error {
			return fmt.Errorf("oss: CORS rule %d: %s %q is not valid", i+1, field, value)
		}
		if len(r.Origins) == 0 || len(r.Methods) == 0 {
			return fmt.Errorf("oss: CORS rule %d needs Origins and Methods", i+1)
		}
		for _, m := range r.Methods {
			if !slices.Contains([]string{"GET", "PUT", "DELETE", "POST", "HEAD"}, m) {
				return bad("method", m)
			}
		}
		for _, v := range slices.Concat(r.Origins, r.Headers) {
			if v == "" || strings.Count(v, "*") > 1 {
				return bad("origin or header", v)
			}
		}
		for _, v := range r.Expose {
			if !isToken(v) || strings.ContainsAny(v, "*&'") {
				return bad("exposed header", v)
			}
		}
		if r.MaxAge < 0 || r.MaxAge > maxCORSAge || r.MaxAge%time.Second != 0 {
			return bad("MaxAge", r.MaxAge.String())
		}
	}
	return nil
}

// PutBucketCORS replaces the CORS rules of a bucket.
//
// See https://help.aliyun.com/en/oss/developer-reference/putbucketcors
func (c *Client) PutBucketCORS(ctx context.Context, bucket string, cors BucketCORS, opts *BucketOptions) error {
	r, err := opts.request("PutBucketCors", http.MethodPut, bucket, "cors")
	if err != nil {
		return err
	}
	if err := cors.check(); err != nil {
		return err
	}
	var doc ossxml.CORSConfiguration
	for _, r := range cors.Rules {
		rule := ossxml.CORSRule{
			AllowedOrigins: r.Origins, AllowedMethods: r.Methods, AllowedHeaders: r.Headers, ExposeHeaders: r.Expose,
		}
		if seconds := int64(r.MaxAge / time.Second); seconds > 0 {
			rule.MaxAgeSeconds = &seconds
		}
		doc.Rules = append(doc.Rules, rule)
	}
	if cors.Vary {
		doc.ResponseVary = &cors.Vary
	}
	_, err = c.sendDocument(ctx, r, doc)
	return err
}

// GetBucketCORS returns the CORS rules of a bucket. If it has none, the error is ErrNoSuchCORS.
//
// See https://help.aliyun.com/en/oss/developer-reference/getbucketcors
func (c *Client) GetBucketCORS(ctx context.Context, bucket string, opts *BucketOptions) (*BucketCORS, error) {
	r, err := opts.request("GetBucketCors", http.MethodGet, bucket, "cors")
	if err != nil {
		return nil, err
	}
	var cors *BucketCORS
	if _, err := sendXML(ctx, c, r, func(doc *ossxml.CORSConfiguration) error {
		cors = &BucketCORS{Vary: doc.ResponseVary != nil && *doc.ResponseVary}
		for _, r := range doc.Rules {
			rule := CORSRule{
				Origins: r.AllowedOrigins, Methods: r.AllowedMethods,
				Headers: r.AllowedHeaders, Expose: r.ExposeHeaders,
			}
			if r.MaxAgeSeconds != nil {
				if *r.MaxAgeSeconds < 0 || *r.MaxAgeSeconds > int64(maxCORSAge/time.Second) {
					return fmt.Errorf("it has a maximum age of %d seconds", *r.MaxAgeSeconds)
				}
				rule.MaxAge = time.Duration(*r.MaxAgeSeconds) * time.Second
			}
			cors.Rules = append(cors.Rules, rule)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	return cors, nil
}

// DeleteBucketCORS removes all CORS rules of a bucket. It returns nil if there are none.
//
// See https://help.aliyun.com/en/oss/developer-reference/deletebucketcors
func (c *Client) DeleteBucketCORS(ctx context.Context, bucket string, opts *BucketOptions) error {
	r, err := opts.request("DeleteBucketCors", http.MethodDelete, bucket, "cors")
	if err != nil {
		return err
	}
	_, err = c.sendEmpty(ctx, r)
	return err
}
