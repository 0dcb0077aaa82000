package oss

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"time"
)

// TransportOptions configure NewTransport. Nil and the zero value mean the defaults.
type TransportOptions struct {
	// Proxy returns the proxy of a request, or nil for none; http.ProxyURL makes such a function. The URL of a proxy
	// begins with http, https, socks5 or socks5h. A proxy gets the user name and the password in its URL. The default
	// is http.ProxyFromEnvironment, which reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
	Proxy func(*http.Request) (*url.URL, error)

	// TLS is the configuration of TLS, for example root and client certificates. It is copied, and also used for https
	// proxies. NextProtos is ignored, because the transport speaks HTTP/1.1 only. The default verifies servers by the
	// root certificates of the system.
	TLS *tls.Config

	// ConnectTimeout limits name lookup, connection and TLS handshake together, for each connection; 0 means 7s.
	ConnectTimeout time.Duration

	// IPFamily restricts connections to IPv4 or IPv6; the default is AnyIP.
	IPFamily IPFamily
	// LocalAddr is the local address of connections, which implies its IPFamily. The default leaves it to the system.
	LocalAddr netip.Addr
	// Lookup finds the addresses of a host; network is "ip", "ip4" or "ip6". It is called for each connection, by any
	// number of goroutines. The default is net.DefaultResolver.LookupNetIP.
	Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

	// MaxConnsPerHost limits the connections to a host, in use or idle; 0 means no limit. Requests wait for one. A
	// limit below the parts in flight of an Uploader slows it down.
	MaxConnsPerHost int
	// MaxIdleConnsPerHost limits the idle connections that are kept for a host; 0 means 256.
	MaxIdleConnsPerHost int
	// MaxConnAge is the age at which a connection is closed after the request in flight, so that a long upload follows
	// changes of DNS; 0 means 5m. The age varies by up to a quarter, so that connections are not replaced all at once.
	// MaxConnAge has no effect if another RoundTripper wraps the transport.
	MaxConnAge time.Duration
}

// IPFamily selects versions of the Internet Protocol.
type IPFamily int

// The versions to use.
const (
	AnyIP IPFamily = iota // both, beginning with the one that the lookup returns first
	IPv4                  // only
	IPv6                  // only
)

// String returns "IP", "IPv4" or "IPv6".
func (f IPFamily) String() string {
	switch f {
	case IPv4:
		return "IPv4"
	case IPv6:
		return "IPv6"
	}
	return "IP"
}

// NewTransport returns the transport that a Client without Config.HTTPClient uses, changed by opts:
//
//	transport, err := oss.NewTransport(&oss.TransportOptions{TLS: &tls.Config{RootCAs: roots}})
//	client, err := oss.NewClient(oss.Config{Region: "cn-hangzhou", HTTPClient: &http.Client{Transport: transport}})
//
// Other fields of the transport may be set before its first request. Clients may share it; then they share its
// connections.
//
// # Addresses
//
// Each new connection looks its host up, or uses the last answer if that fails or takes two seconds. It goes to the
// address that was used longest ago, so that connections are spread over all addresses of the preferred IP family. If
// an address does not answer within 250 ms, the next one is tried at the same time, from both families in turn. An
// address that failed, or that answered 250 ms later than another, is avoided for a minute if there are others. So is
// one whose connection broke or stalled during a request.
//
// # Other transports
//
// A Client works with any http.RoundTripper. Without the connections of this package, net/http copies each body in
// steps of 32 KiB through a buffer that it allocates for each request, instead of sending files by sendfile(2) and
// memory in place. Addresses are not chosen as above. A connection that moves less than one step per Retry.Stall counts
// as stalled.
//
// A RoundTripper that wraps this transport, such as one for traces, keeps these connections, but not MaxConnAge. If it
// replaces the Body of requests, as otelhttp does, bodies are copied in steps of 32 KiB. Config.Hooks observe requests
// without such costs.
func NewTransport(opts *TransportOptions) (*http.Transport, error) {
	var o TransportOptions
	if opts != nil {
		o = *opts
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	return o.transport(o.dialer().DialContext), nil
}

// defaultTransport returns the transport of a Client without Config.HTTPClient.
func defaultTransport() *http.Transport {
	var o TransportOptions
	return o.transport(o.dialer().DialContext)
}

// check refuses options that cannot work.
func (o *TransportOptions) check() error {
	for _, f := range []struct {
		name     string
		value    any
		negative bool
	}{
		{"ConnectTimeout", o.ConnectTimeout, o.ConnectTimeout < 0},
		{"MaxConnsPerHost", o.MaxConnsPerHost, o.MaxConnsPerHost < 0},
		{"MaxIdleConnsPerHost", o.MaxIdleConnsPerHost, o.MaxIdleConnsPerHost < 0},
		{"MaxConnAge", o.MaxConnAge, o.MaxConnAge < 0},
	} {
		if f.negative {
			return fmt.Errorf("oss: TransportOptions.%s %v is negative", f.name, f.value)
		}
	}
	local := o.LocalAddr
	switch {
	case o.IPFamily < AnyIP || o.IPFamily > IPv6:
		return fmt.Errorf("oss: TransportOptions.IPFamily %d is none of AnyIP, IPv4 and IPv6", o.IPFamily)
	case local.IsValid() && o.IPFamily != AnyIP && o.IPFamily != familyOf(local):
		return fmt.Errorf("oss: TransportOptions.LocalAddr %v is not of TransportOptions.IPFamily", local)
	case local.IsMulticast():
		return fmt.Errorf("oss: TransportOptions.LocalAddr %v is a multicast address", local)
	}
	return nil
}

// dialer returns a Dialer that connects to IP addresses.
func (o *TransportOptions) dialer() *net.Dialer {
	d := &net.Dialer{KeepAlive: 30 * time.Second}
	if o.LocalAddr.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(o.LocalAddr, 0))
	}
	return d
}

// transport returns a transport over connections that connect makes. It keeps as many idle connections as uploads have
// parts in flight. It speaks HTTP/1.1 only: many parts over one HTTP/2 connection share one TCP window and cost twice
// the CPU time.
func (o *TransportOptions) transport(connect connectFunc) *http.Transport {
	hosts := &hosts{connect: connect, lookup: o.Lookup, family: o.IPFamily}
	if hosts.lookup == nil {
		hosts.lookup = net.DefaultResolver.LookupNetIP
	}
	if o.LocalAddr.IsValid() {
		hosts.family = familyOf(o.LocalAddr)
	}
	config := new(tls.Config)
	if o.TLS != nil {
		config = o.TLS.Clone()
	}
	config.NextProtos = []string{"http/1.1"}
	t := (&dialer{
		dial: hosts.dial, avoid: hosts.avoid, tls: config,
		timeout: cmp.Or(o.ConnectTimeout, connectTimeout), maxAge: cmp.Or(o.MaxConnAge, maxConnAge),
	}).transport()
	t.MaxConnsPerHost = o.MaxConnsPerHost
	t.MaxIdleConnsPerHost = cmp.Or(o.MaxIdleConnsPerHost, t.MaxIdleConnsPerHost)
	if o.Proxy != nil {
		t.Proxy = o.Proxy
	}
	t.Proxy = withoutPasswords(t.Proxy)
	return t
}

// withoutPasswords returns proxy with errors that do not show the password of an address.
func withoutPasswords(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		u, err := proxy(r)
		if err == nil {
			return u, nil
		}
		if text := proxyUser.ReplaceAllString(err.Error(), "${1}"+masked+"@"); text != err.Error() {
			err = errors.New(text)
		}
		return nil, err
	}
}

// proxyUser matches what may be the user name and the password of a proxy in an error.
var proxyUser = regexp.MustCompile(`(?s)(//|").*@`)

// refusedByProxy is the OnProxyConnectResponse of a transport. A proxy that refuses a client refuses it again.
func refusedByProxy(_ context.Context, proxy *url.URL, r *http.Request, reply *http.Response) error {
	if reply.StatusCode == http.StatusOK {
		return nil
	}
	err := fmt.Errorf("proxy %s refuses a connection to %s: status %d %s", proxy.Host, r.Host, reply.StatusCode,
		http.StatusText(reply.StatusCode))
	switch reply.StatusCode {
	case http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusProxyAuthRequired:
		return &permanentError{err}
	}
	return err
}

// A dialer makes connections that have a ReadFrom method, which net/http calls with the body of a request. On other
// connections net/http copies the body in steps of 32 KiB through a buffer that it allocates for each request. For
// objects of 256 KiB that takes 17 % of the CPU time.
//
// Regions that a zerocopy.Source exposes are not copied at all: a file is sent by sendfile(2), and memory is written
// from where it lies.
type dialer struct {
	dial    connectFunc
	avoid   func(net.Addr) // reports that a connection to the address failed; nil if dial ignores that
	tls     *tls.Config
	timeout time.Duration // of dial and TLS handshake together
	maxAge  time.Duration // of a connection; 0 means no limit
}

// A connectFunc connects to an address, as the DialContext of a net.Dialer does.
type connectFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// connectTimeout limits name lookup, connection and TLS handshake together. If all packets vanish, four attempts, the
// default of Retry, and their backoffs stay below 30 seconds. TCP repeats its first packet after 1 and 3 seconds.
const connectTimeout = 7 * time.Second

// maxConnAge is the age at which a connection is replaced. A new one costs a fraction of a second.
const maxConnAge = 5 * time.Minute

// transport returns the transport of NewTransport without its options.
func (d *dialer) transport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: refusedByProxy,
		DialContext:            d.plain,
		DialTLSContext:         d.secure,
		TLSClientConfig:        d.tls,     // of a server behind a proxy
		TLSHandshakeTimeout:    d.timeout, // the same
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        50 * time.Second, // OSS closes after 60
		ResponseHeaderTimeout:  0,                // the watchdog of each attempt limits it
		// OSS sends at most 8 KiB of metadata, and the document of an error. The default is 10 MiB.
		MaxResponseHeaderBytes: 1 << 20,
		ForceAttemptHTTP2:      false,
	}
}

// plain connects for http, and to proxies. net/http itself adds the TLS to a server behind a proxy.
func (d *dialer) plain(ctx context.Context, network, addr string) (net.Conn, error) {
	bounded, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	raw, err := d.dial(bounded, network, addr)
	if err != nil {
		return nil, d.error(ctx, bounded, network, "no connection to "+addr, err)
	}
	c := &conn{Conn: raw, copied: copySize{max: maxCopyPlain}, zeroCopied: copySize{max: maxZeroCopy}}
	d.register(&c.receiver, raw)
	return c, nil
}

// register tells the receiver of a new connection what to do with failures and how long the connection is used.
func (d *dialer) register(r *receiver, raw net.Conn) {
	if d.avoid != nil {
		r.avoid = func() { d.avoid(raw.RemoteAddr()) }
	}
	if d.maxAge > 0 {
		r.retire = time.Now().Add(d.maxAge - d.maxAge/4 + rand.N(d.maxAge/2+1))
	}
}

// error returns err, or a timeout if the time limit of bounded has expired and ctx, the context of the caller, has not
// ended.
func (d *dialer) error(ctx, bounded context.Context, network, what string, err error) error {
	if bounded.Err() == nil || ctx.Err() != nil {
		return err
	}
	timeout := &timeoutError{fmt.Sprintf("%s within %v", what, d.timeout), d.timeout}
	return &net.OpError{Op: "dial", Net: network, Err: timeout}
}
