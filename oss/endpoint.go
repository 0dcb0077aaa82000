package oss

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Addressing is the place of the bucket name in a URL.
type Addressing int

const (
	VirtualHosted Addressing = iota // https://bucket.endpoint/key
	PathStyle                       // https://endpoint/bucket/key; implied by an IP endpoint
	CNAME                           // https://endpoint/key, for an endpoint bound to one bucket
)

// EndpointKind selects one of the endpoints of a region.
//
// See https://help.aliyun.com/en/oss/user-guide/regions-and-endpoints
type EndpointKind int

const (
	PublicEndpoint             EndpointKind = iota // oss-cn-hangzhou.aliyuncs.com
	InternalEndpoint                               // oss-cn-hangzhou-internal.aliyuncs.com, inside Alibaba Cloud
	DualStackEndpoint                              // cn-hangzhou.oss.aliyuncs.com, which has an IPv6 address too
	AccelerateEndpoint                             // oss-accelerate.aliyuncs.com, if enabled for the bucket
	AccelerateOverseasEndpoint                     // oss-accelerate-overseas.aliyuncs.com, if enabled for the bucket
)

// host returns the host of the endpoint in region.
func (k EndpointKind) host(region string) string {
	switch k {
	case InternalEndpoint:
		return "oss-" + region + "-internal.aliyuncs.com"
	case DualStackEndpoint:
		return region + ".oss.aliyuncs.com"
	case AccelerateEndpoint:
		return "oss-accelerate.aliyuncs.com"
	case AccelerateOverseasEndpoint:
		return "oss-accelerate-overseas.aliyuncs.com"
	}
	return "oss-" + region + ".aliyuncs.com"
}

// A destination is the endpoint of a Config and the scope of its signatures.
type destination struct {
	endpoint
	region  string // of V4; "" if the endpoint does not name one
	product string // of V4; "" means OSS itself
}

// cloudBox is the product in signatures for a CloudBox, whose region is its ID.
const cloudBox = "oss-cloudbox"

// destination checks and resolves the fields of cfg that select the endpoint.
func (cfg *Config) destination() (destination, error) {
	region := strings.TrimPrefix(cfg.Region, "oss-") // GetBucketLocation returns it with this prefix
	box := cfg.CloudBoxID
	if region != "" {
		if err := checkRegion(region); err != nil {
			return destination{}, err
		}
	}
	address := cfg.Endpoint
	switch kind := cfg.EndpointKind; {
	case region == "" && address == "":
		return destination{}, errors.New("oss: neither Config.Region nor Config.Endpoint is set")
	case kind < PublicEndpoint || kind > AccelerateOverseasEndpoint:
		return destination{}, fmt.Errorf("oss: Config.EndpointKind %d is not one of the five endpoints", kind)
	case kind != PublicEndpoint && address != "":
		return destination{}, fmt.Errorf("oss: Config.EndpointKind is set beside Config.Endpoint %q",
			redactUser(address))
	case kind != PublicEndpoint && box != "":
		return destination{},
			errors.New("oss: Config.EndpointKind is set beside Config.CloudBoxID, which has one endpoint")
	case box != "" && !boxForm.MatchString(box):
		return destination{}, fmt.Errorf("oss: Config.CloudBoxID %q does not look like \"cb-f8z7yvzgwfkl9q0h\"", box)
	case address == "" && box != "":
		address = box + "." + region + ".oss-cloudbox.aliyuncs.com"
	case address == "":
		address = kind.host(region)
	}
	ep, err := parseEndpoint(address, cfg.Addressing)
	if err != nil {
		return destination{}, err
	}
	p := destination{endpoint: ep, region: region}
	if box == "" {
		box = boxOf(ep.host)
	}
	switch {
	case box != "":
		p.region, p.product = box, cloudBox
	case region == "":
		p.region = regionOf(ep.host)
	}
	return p, nil
}

// regionOf returns the region in the host of an OSS endpoint, "" for any other host.
func regionOf(host string) string {
	for _, form := range []*regexp.Regexp{ossHost, dualStackHost} {
		if m := form.FindStringSubmatch(host); m != nil &&
			m[1] != "accelerate-overseas" && regionForm.MatchString(m[1]) {
			return m[1]
		}
	}
	return ""
}

// boxOf returns the ID of the CloudBox in a host, "" if there is none.
func boxOf(host string) string {
	if m := boxHost.FindStringSubmatch(host); m != nil {
		return m[1]
	}
	return ""
}

// Hosts of OSS in lower case, with an optional port.
var (
	ossHost       = regexp.MustCompile(`^oss-([a-z0-9-]+?)(?:-internal)?\.aliyuncs\.com\.?(?::\d+)?$`)
	dualStackHost = regexp.MustCompile(`^([a-z0-9-]+)\.oss\.aliyuncs\.com\.?(?::\d+)?$`)
	boxHost       = regexp.MustCompile(`^(cb-[a-z0-9-]+)\.[a-z0-9-]+\.oss-cloudbox(?:-control)?` +
		`\.aliyuncs\.com\.?(?::\d+)?$`)
	boxForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

// An endpoint is a parsed Config.Endpoint.
type endpoint struct {
	scheme, host string // host with its port, if any
	addressing   Addressing
}

// parseEndpoint parses a host or a URL; without a scheme it means https.
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
		return endpoint{},
			fmt.Errorf("oss: endpoint %q %s; want a host like \"oss-cn-hangzhou.aliyuncs.com\" or its URL",
				redactUser(s), why)
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
		return bad("names a bucket; pass the bucket to each call instead")
	}
	if m := regionOnly.FindStringSubmatch(s); m != nil {
		kind := ""
		if m[2] != "" {
			kind = " and Config.EndpointKind to InternalEndpoint"
		}
		return bad(fmt.Sprintf("is a region: set Config.Region to %q%s", m[1], kind))
	}
	port, err := strconv.ParseUint(cmp.Or(u.Port(), "443"), 10, 16)
	if err != nil || port == 0 || strings.HasSuffix(u.Host, ":") {
		return bad("has no valid port")
	}
	if notIP == nil && a == VirtualHosted {
		a = PathStyle // an IP address has no subdomains
	}
	return endpoint{scheme: u.Scheme, host: strings.ToLower(u.Host), addressing: a}, nil
}

const hostLabel = `[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?`

var (
	hostName   = regexp.MustCompile(`^` + hostLabel + `(\.` + hostLabel + `)*\.?$`)
	bucketHost = regexp.MustCompile(`(?i)^[^.]+\.oss-[^.]+\.aliyuncs\.com\.?$`)
	regionOnly = regexp.MustCompile(`^(?:oss-)?((?:cn|us|eu|ap|me|sa|af|na)-[a-z]+(?:-[a-z0-9]+)*?)(-internal)?$`)
	zoneForm   = regexp.MustCompile(`^[A-Za-z0-9._-]*$`) // zone of an IPv6 address, after the percent sign
)

// redactUser removes what may be a password from an endpoint that an error quotes.
func redactUser(s string) string {
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		return "..." + s[at:]
	}
	return s
}

// url returns the URL of a bucket or an object. It sets both forms of the path, so that net/http does not clean or
// re-escape a key such as "a//../b%2F".
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

// escapeKey percent-encodes everything but unreserved characters and the slash. Package signer and oss/osstest have
// their own versions on purpose: a fault in one of them shows as a signature that does not match.
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

// isEscaped reports whether c must be percent-encoded in a path.
func isEscaped(c rune) bool {
	return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '_' || c == '.' || c == '~' || c == '/')
}
