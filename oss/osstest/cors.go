package osstest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// A CORSRule permits scripts of other origins to use a bucket. Origins and Headers may contain one asterisk, which
// matches any text.
//
// See https://help.aliyun.com/en/oss/developer-reference/putbucketcors
type CORSRule struct {
	Origins []string      // such as "https://example.com"
	Methods []string      // GET, PUT, DELETE, POST and HEAD
	Headers []string      // of requests
	Expose  []string      // headers of replies that scripts may read
	MaxAge  time.Duration // for which a browser may cache a preflight reply, in whole seconds; 0 sends none
}

const maxCORSRules = 10

// corsDocument returns the document of rules.
func corsDocument(rules []CORSRule) *ossxml.CORSConfiguration {
	doc := new(ossxml.CORSConfiguration)
	for _, r := range rules {
		v := ossxml.CORSRule{AllowedOrigins: r.Origins, AllowedMethods: r.Methods, AllowedHeaders: r.Headers,
			ExposeHeaders: r.Expose}
		if r.MaxAge > 0 {
			seconds := int64(r.MaxAge / time.Second)
			v.MaxAgeSeconds = &seconds
		}
		doc.Rules = append(doc.Rules, v)
	}
	return doc
}

// corsRules returns the rules of a bucket, nil if there are none.
func (s *Server) corsRules(bucket string) *ossxml.CORSConfiguration {
	if own := s.objects.Bucket(bucket).CORS; own != nil || len(s.opts.CORS) == 0 {
		return own
	}
	return corsDocument(s.opts.CORS)
}

// putCORS is PutBucketCors.
//
// See https://help.aliyun.com/en/oss/developer-reference/putbucketcors
func (x *exchange) putCORS() (*reply, error) {
	var doc ossxml.CORSConfiguration
	if err := x.readConfig(&doc); err != nil {
		return nil, err
	}
	if err := checkCORS(&doc); err != nil {
		return nil, err
	}
	return x.changeConfig(http.StatusOK, func(b *store.Bucket) { b.CORS = &doc })
}

// checkCORS checks the rules of a bucket.
//
// See https://help.aliyun.com/en/oss/user-guide/0034-00000002, and -11 and -13 for the values.
func checkCORS(doc *ossxml.CORSConfiguration) error {
	switch {
	case len(doc.Rules) == 0:
		refused := malformedXML()
		refused.ec = "0034-00000002"
		return refused
	case len(doc.Rules) > maxCORSRules:
		return refuse(http.StatusBadRequest, "CORSRuleBeyondLimit", "", "The CORS Rules num is beyond limit.")
	}
	for _, r := range doc.Rules {
		if len(r.AllowedOrigins) == 0 || len(r.AllowedMethods) == 0 {
			return malformedBucketXML()
		}
		for _, m := range r.AllowedMethods {
			if !slices.Contains([]string{"GET", "PUT", "DELETE", "POST", "HEAD"}, m) {
				return invalidArgument("0034-00000011", "The AllowedMethod you specified is invalid.", "AllowedMethod",
					m)
			}
		}
		for _, h := range r.ExposeHeaders {
			if h == "" || strings.ContainsAny(h, `*<>&'"`) {
				return invalidArgument("0034-00000013", "The ExposeHeader you specified is invalid.", "ExposeHeader", h)
			}
		}
		for name, values := range map[string][]string{"AllowedOrigin": r.AllowedOrigins,
			"AllowedHeader": r.AllowedHeaders} {
			for _, v := range values {
				if v == "" || strings.Count(v, "*") > 1 {
					return invalidArgument("", "The "+name+" you specified is invalid.", name, v)
				}
			}
		}
		if age := r.MaxAgeSeconds; age != nil && (*age < 0 || *age > 999_999_999) {
			return invalidArgument("", "The MaxAgeSeconds you specified is invalid.", "MaxAgeSeconds",
				strconv.FormatInt(*age, 10))
		}
	}
	return nil
}

// getCORS is GetBucketCors.
//
// See https://help.aliyun.com/en/oss/developer-reference/getbucketcors
func (x *exchange) getCORS() (*reply, error) {
	doc := x.corsRules(x.bucket)
	if doc == nil { // see https://help.aliyun.com/en/oss/user-guide/0034-00000001
		return nil, refuse(http.StatusNotFound, "NoSuchCORSConfiguration", "0034-00000001",
			"The CORS Configuration does not exist.",
			"BucketName", x.bucket)
	}
	return xmlReply(http.StatusOK, doc), nil
}

// deleteCORS is DeleteBucketCors.
//
// See https://help.aliyun.com/en/oss/developer-reference/deletebucketcors
func (x *exchange) deleteCORS() (*reply, error) {
	return x.changeConfig(http.StatusNoContent, func(b *store.Bucket) { b.CORS = nil })
}

// preflight is OptionObject, with which a browser asks whether a request is permitted. It is not signed.
//
// See https://help.aliyun.com/en/oss/developer-reference/options
func (x *exchange) preflight() (*reply, error) {
	const names = "Access-Control-Request-"
	method, headers := x.r.Header.Get(names+"Method"), x.r.Header.Get(names+"Headers")
	switch doc := x.corsRules(x.bucket); {
	case x.r.Header.Get("Origin") == "":
		return nil, refuse(http.StatusBadRequest, "BadRequest", "",
			"Insufficient information. Origin request header needed.")
	case method == "":
		return nil, refuse(http.StatusBadRequest, "BadRequest", "",
			"Insufficient information. Request Access-Control-Request-Method header needed.")
	case doc == nil:
		return nil, refuse(http.StatusForbidden, "AccessForbidden", "",
			"CORSResponse: CORS is not enabled for this bucket.")
	case !x.allowOrigin(make(http.Header), method, headers):
		return nil, refuse(http.StatusForbidden, "AccessForbidden", "",
			"CORSResponse: This CORS request is not allowed. This is usually "+
				"because the evalution of Origin, request method / Access-Control-Request-Method or "+
				"Access-Control-Requet-Headers are not "+
				"whitelisted by the resource's CORS spec.")
	}
	return newReply(http.StatusOK), nil
}

// setCORS sets what a browser looks for in the reply to a request from another origin, an error reply too.
func (x *exchange) setCORS(h http.Header) {
	if x.bucket == "" {
		return
	}
	method, headers := x.r.Method, ""
	if method == http.MethodOptions {
		method, headers = x.r.Header.Get("Access-Control-Request-Method"),
			x.r.Header.Get("Access-Control-Request-Headers")
	}
	if x.r.Header.Get("Origin") != "" {
		x.allowOrigin(h, method, headers)
	}
	if doc := x.corsRules(x.bucket); doc != nil && doc.ResponseVary != nil && *doc.ResponseVary {
		h.Add("Vary", "Origin")
	}
}

// allowOrigin sets the headers of the first rule that permits a request from the origin with that method and these
// headers, and reports whether there is one.
func (x *exchange) allowOrigin(h http.Header, method, headers string) bool {
	doc := x.corsRules(x.bucket)
	if doc == nil {
		return false
	}
	origin := x.r.Header.Get("Origin")
	for _, r := range doc.Rules {
		if !slices.ContainsFunc(r.AllowedOrigins, func(p string) bool { return matchesPattern(p, origin) }) ||
			!slices.Contains(r.AllowedMethods, method) || !allowsHeaders(r, headers) {
			continue
		}
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Methods", method)
		if headers != "" {
			h.Set("Access-Control-Allow-Headers", headers)
		}
		if len(r.ExposeHeaders) > 0 {
			h.Set("Access-Control-Expose-Headers", strings.Join(r.ExposeHeaders, ", "))
		}
		if r.MaxAgeSeconds != nil {
			h.Set("Access-Control-Max-Age", strconv.FormatInt(*r.MaxAgeSeconds, 10))
		}
		return true
	}
	return false
}

// allowsHeaders reports whether a rule permits all headers in a comma-separated list.
func allowsHeaders(r ossxml.CORSRule, headers string) bool {
	for name := range strings.SplitSeq(headers, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "" && !slices.ContainsFunc(r.AllowedHeaders,
			func(p string) bool { return matchesPattern(strings.ToLower(p), name) }) {
			return false
		}
	}
	return true
}

// matchesPattern reports whether s matches pattern, in which one asterisk matches any text.
func matchesPattern(pattern, s string) bool {
	before, after, wild := strings.Cut(pattern, "*")
	if !wild {
		return s == pattern
	}
	return len(s) >= len(before)+len(after) && strings.HasPrefix(s, before) && strings.HasSuffix(s, after)
}
