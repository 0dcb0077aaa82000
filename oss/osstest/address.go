package osstest

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// A target is the bucket and the object that a request addresses.
type target struct {
	bucket, key string
	path        string   // of the request, decoded, including a bucket in the path
	base        string   // the host without the bucket, with its port
	noSlash     bool     // the path is the name of a bucket without a slash after it
	refusal     *refusal // nil if the address is valid
}

// locate returns the target of r, from its host and path. The path is decoded once, like a query, so a "+" is a space.
// It is not cleaned: "a//../b" is a valid key.
func (s *Server) locate(r *http.Request) target {
	path, err := url.QueryUnescape(r.URL.EscapedPath())
	if err != nil { // only if a test made the URL
		path = r.URL.Path
	}
	path = strings.TrimPrefix(path, "/")
	t := target{path: path, base: r.Host}
	host := hostName(r.Host)
	bucket, endpoint, style := s.splitHost(host)
	switch style {
	case virtualHost:
		t.bucket, t.key = bucket, path
		if endpoint != "" {
			_, t.base, _ = strings.Cut(r.Host, ".")
		}
		if right := s.endpoint(); strings.HasPrefix(endpoint, "oss-") &&
			!slices.Contains(s.regionEndpoints(), endpoint) {
			t.refusal = wrongEndpoint(bucket, right)
		}
	case pathStyle:
		var slash bool
		t.bucket, t.key, slash = strings.Cut(path, "/")
		t.noSlash = t.bucket != "" && !slash
	case pathRefused:
		if path != "" { // the root of an endpoint is the service itself
			t.refusal = refuse(http.StatusForbidden, "SecondLevelDomainForbidden", "",
				"The bucket you are attempting to access must be addressed using OSS third level domain.")
		}
	case unknownHost:
		t.refusal = refuse(http.StatusForbidden, "NonStandardHostForbidden", "",
			"The bucket you are visiting is not bound to the custom domain "+host+".")
	}
	return t
}

// parseQuery parses a query. Only "&" separates parameters; package net/url drops those with a semicolon. A malformed
// parameter is ignored, because no signature covers it.
func parseQuery(raw string) url.Values {
	values := make(url.Values)
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, nameErr := url.QueryUnescape(name)
		value, valueErr := url.QueryUnescape(value)
		if pair != "" && nameErr == nil && valueErr == nil {
			values.Add(name, value)
		}
	}
	return values
}

// addressing says where the name of the bucket is.
type addressing int

const (
	virtualHost addressing = iota // a label of the host, or the host is a custom domain
	pathStyle                     // the first segment of the path
	pathRefused                   // the path, which a public endpoint refuses
	unknownHost                   // the host is unknown
)

// splitHost splits a host into bucket and endpoint. Apart from the public endpoints of OSS, every name of three labels
// or more is a bucket and a private endpoint.
func (s *Server) splitHost(host string) (bucket, endpoint string, _ addressing) {
	if bound, ok := s.opts.CNAME[host]; ok {
		return bound, "", virtualHost
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return "", host, pathStyle
	}
	first, rest, dotted := strings.Cut(host, ".")
	switch {
	case !dotted: // "localhost", or a name in a container network
		return "", host, pathStyle
	case isEndpoint(host):
		return "", host, pathRefused
	case isEndpoint(rest), rest == "localhost", strings.Contains(rest, "."):
		return first, rest, virtualHost
	}
	return "", host, unknownHost
}

// isEndpoint reports whether host is a public endpoint of OSS, of any region.
func isEndpoint(host string) bool {
	label, ok := strings.CutSuffix(host, ".aliyuncs.com")
	if !ok {
		return false
	}
	region, dualStack := strings.CutSuffix(label, ".oss")
	return strings.HasPrefix(label, "oss-") && !strings.Contains(label, ".") ||
		dualStack && !strings.Contains(region, ".")
}

// endpoint returns the public endpoint of the Server's region.
func (s *Server) endpoint() string { return "oss-" + s.opts.Region + ".aliyuncs.com" }

// regionEndpoints returns every endpoint beginning with "oss-" of the region of the Server.
func (s *Server) regionEndpoints() []string {
	return []string{
		s.endpoint(),
		"oss-" + s.opts.Region + "-internal.aliyuncs.com",
		"oss-accelerate.aliyuncs.com",
		"oss-accelerate-overseas.aliyuncs.com",
	}
}

// endpoints returns the endpoints for documents. A client may send its next request there, so for a host that is not
// one of OSS, such as an IP address, they are that host, with scheme and port.
func (x *exchange) endpoints() (extranet, intranet string) {
	if strings.HasSuffix(hostName(x.base), ".aliyuncs.com") {
		return x.endpoint(), "oss-" + x.opts.Region + "-internal.aliyuncs.com"
	}
	own := x.scheme() + x.base
	return own, own
}

// scheme returns "http://" or "https://", as the client sees the connection.
func (x *exchange) scheme() string {
	if isHTTPS(x.r) {
		return "https://"
	}
	return "http://"
}

// hostName returns the host without its port, in lower case.
func hostName(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// lowerHosts returns a copy of a CNAME table with normalized hosts.
func lowerHosts(table map[string]string) map[string]string {
	lower := make(map[string]string, len(table))
	for host, bucket := range table {
		lower[hostName(host)] = bucket
	}
	return lower
}

// checkBucket checks that the bucket has a valid name and exists. A name may be shorter than the three bytes that OSS
// requires.
//
// See https://help.aliyun.com/en/oss/user-guide/bucket-naming-conventions
func (s *Server) checkBucket(bucket string) error {
	if !isBucketName(bucket) {
		return refuse(http.StatusBadRequest, "InvalidBucketName", "0015-00000001",
			"The specified bucket is not valid.", "BucketName", bucket)
	}
	if s.exists(s.objects.Bucket(bucket)) {
		return nil
	}
	err := refuse(http.StatusNotFound, "NoSuchBucket", "0015-00000101",
		"The specified bucket does not exist.", "BucketName", bucket)
	err.noServerTime = true // the one refusal OSS sends without x-oss-server-time
	return err
}

// isBucketName reports whether bucket consists of a-z, 0-9 and inner hyphens.
func isBucketName(bucket string) bool {
	foreign := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' }
	return bucket != "" && len(bucket) <= 63 && !strings.ContainsFunc(bucket, foreign) &&
		bucket[0] != '-' && bucket[len(bucket)-1] != '-'
}

// checkKey checks that a key is valid.
//
// See https://help.aliyun.com/en/oss/user-guide/object-naming-conventions
func checkKey(key string) error {
	const code = "InvalidObjectName"
	switch {
	case key == "":
		return refuse(http.StatusBadRequest, code, "", "The Object name can not be empty.")
	case len(key) > 1023:
		return refuse(http.StatusBadRequest, code, "", "The Length of Object name must be less than 1024.",
			"ObjectName", key)
	case !utf8.ValidString(key): // see https://help.aliyun.com/en/oss/user-guide/0016-00000004
		return refuse(http.StatusBadRequest, "InvalidArgument", "0016-00000004",
			"The characters encoding must be utf-8.")
	case key[0] == '/', key[0] == '\\':
		return refuse(http.StatusBadRequest, code, "", "The specified object is not valid.", "ObjectName", key)
	}
	return nil
}

// checkReadKey is checkKey for a request that only reads: OSS does not refuse a leading slash there.
func checkReadKey(key string) error {
	if key[0] == '/' || key[0] == '\\' {
		return nil
	}
	return checkKey(key)
}

// escape percent-encodes every byte except the unreserved characters of RFC 3986 and the bytes of also.
func escape(s, also string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			strings.IndexByte("-_.~", c) >= 0, strings.IndexByte(also, c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}
