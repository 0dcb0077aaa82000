package oss

import (
	"cmp"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Addressing is the place of the bucket name in a URL.
type Addressing int

const (
	VirtualHosted Addressing = iota // https://bucket.endpoint/key
	PathStyle                       // https://endpoint/bucket/key; implied by an IP endpoint
	CNAME                           // https://endpoint/key, the endpoint being bound to one bucket
)

// An endpoint is a parsed Config.Endpoint.
type endpoint struct {
	scheme, host string // host with its port, if any
	addressing   Addressing
}

// parseEndpoint reads a host or a URL; without a scheme it means https.
//
// See https://help.aliyun.com/en/oss/user-guide/regions-and-endpoints
func parseEndpoint(s string, a Addressing) (endpoint, error) {
	if a < VirtualHosted || a > CNAME {
		return endpoint{}, fmt.Errorf("oss: Config.Addressing %d is none of VirtualHosted, PathStyle and CNAME", a)
	}
	full := s
	if !strings.Contains(s, "://") {
		full = "https://" + s
	}
	u, err := url.Parse(full)
	bad := func(why string) (endpoint, error) {
		return endpoint{}, fmt.Errorf("oss: endpoint %q %s; want a host like \"oss-cn-hangzhou.aliyuncs.com\" or its URL", redactUser(s), why)
	}
	switch {
	case err != nil:
		return bad("is not a URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return bad("has a scheme that is neither https nor http")
	case u.User != nil:
		return bad("has a user name")
	case u.Path != "" && u.Path != "/":
		return bad("has a path")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return bad("has a query or a fragment")
	}
	name := u.Hostname()
	addr, notIP := netip.ParseAddr(name)
	if notIP != nil && !hostName.MatchString(name) || !zoneForm.MatchString(addr.Zone()) {
		return bad("has no valid host name")
	}
	if a == VirtualHosted && bucketHost.MatchString(name) {
		return bad("names a bucket, as each call does by itself")
	}
	if n, err := strconv.ParseUint(cmp.Or(u.Port(), "443"), 10, 16); err != nil || n == 0 || strings.HasSuffix(u.Host, ":") {
		return bad("has no valid port")
	}
	if notIP == nil && a == VirtualHosted {
		a = PathStyle // an address has no subdomains
	}
	return endpoint{scheme: u.Scheme, host: strings.ToLower(u.Host), addressing: a}, nil
}

var (
	hostName   = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$`)
	bucketHost = regexp.MustCompile(`(?i)^[^.]+\.oss-[^.]+\.aliyuncs\.com\.?$`)
	zoneForm   = regexp.MustCompile(`^[A-Za-z0-9._-]*$`) // of an interface, behind a percent sign
	regionForm = regexp.MustCompile(`^[a-z]+-[a-z0-9]+(-[a-z0-9]+)*$`)
	bucketForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
)

// redactUser drops what may be a password from an endpoint that is quoted in an error.
func redactUser(s string) string {
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		return "..." + s[at:]
	}
	return s
}

// checkRegion wants the general form, "cn-hangzhou"; V4 refuses every other. Regions come and go, so
// none is looked up in a list.
func checkRegion(region string) error {
	general, isOSS := strings.CutPrefix(region, "oss-")
	general, isInternal := strings.CutSuffix(general, "-internal")
	if isOSS || isInternal {
		return fmt.Errorf("oss: region %q is the name of an endpoint; the region is %q", region, general)
	}
	if !regionForm.MatchString(region) {
		return fmt.Errorf("oss: region %q does not look like \"cn-hangzhou\"", region)
	}
	return nil
}

// Limits of names. A bucket has at least 3 bytes in OSS itself; shorter ones are left to the service
// to refuse, since private installations and test servers have them.
const (
	maxBucketName = 63
	maxKeyBytes   = 1023
)

// checkBucket refuses names that cannot be a label of a host.
//
// See https://help.aliyun.com/en/oss/user-guide/bucket-naming-conventions
func checkBucket(bucket string) error {
	switch {
	case bucket == "":
		return fmt.Errorf("oss: bucket name is empty")
	case len(bucket) > maxBucketName:
		return fmt.Errorf("oss: bucket name %.80q has %d bytes, more than %d", bucket, len(bucket), maxBucketName)
	case !bucketForm.MatchString(bucket):
		return fmt.Errorf("oss: bucket name %q is not made of a-z, 0-9 and inner hyphens only", bucket)
	}
	return nil
}

// checkKey refuses keys that OSS cannot hold.
//
// See https://help.aliyun.com/en/oss/user-guide/object-naming-conventions
func checkKey(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("oss: key is empty")
	case len(key) > maxKeyBytes:
		return fmt.Errorf("oss: key %.40q... has %d bytes, more than %d", key, len(key), maxKeyBytes)
	case !utf8.ValidString(key):
		return fmt.Errorf("oss: key %q is not valid UTF-8", key)
	case key[0] == '/', key[0] == '\\':
		return fmt.Errorf("oss: key %.40q begins with a slash", key)
	}
	return nil
}

// CheckObjectName refuses a bucket or a key that no object can have, as every method does before its
// first request: a bucket is 1 to 63 of a-z, 0-9 and inner hyphens, a key 1 to 1,023 bytes of UTF-8 that do not begin
// with a slash or a backslash.
func CheckObjectName(bucket, key string) error { return cmp.Or(checkBucket(bucket), checkKey(key)) }

// url returns the address of a bucket or an object. The path is set in both its forms, so that
// nothing downstream cleans or re-escapes a key such as "a//../b%2F".
func (e endpoint) url(bucket, key string) url.URL {
	u := url.URL{Scheme: e.scheme, Host: e.host}
	if bucket != "" && e.addressing == PathStyle {
		u.Path = "/" + bucket + "/" + key
	} else {
		u.Path = "/" + key
	}
	if bucket != "" && e.addressing == VirtualHosted {
		u.Host = bucket + "." + e.host
	}
	u.RawPath = escapeKey(u.Path)
	return u
}

// escapeKey percent-encodes everything but unreserved bytes and the slash.
func escapeKey(key string) string {
	const hex = "0123456789ABCDEF"
	plain := strings.IndexFunc(key, isEscaped)
	if plain < 0 {
		return key
	}
	b := append(make([]byte, 0, len(key)+16), key[:plain]...)
	for _, c := range []byte(key[plain:]) {
		if isEscaped(rune(c)) {
			b = append(b, '%', hex[c>>4], hex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

// isEscaped reports whether c does not stand for itself in a path.
func isEscaped(c rune) bool {
	return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '_' || c == '.' || c == '~' || c == '/')
}
