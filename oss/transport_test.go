package oss_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// serve starts srv on a real address, with TLS if config is not nil, and records the client's addresses.
func serve(t *testing.T, srv *osstest.Server, addr string, config *tls.Config) (
	server *httptest.Server, from func() []string) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		if strings.HasPrefix(addr, "[") {
			t.Skipf("this machine has no IPv6: %v", err)
		}
		t.Fatal(err)
	}
	var mu sync.Mutex
	var clients []string
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		clients = append(clients, r.RemoteAddr)
		mu.Unlock()
		srv.ServeHTTP(w, r)
	}))
	server.Listener.Close()
	server.Listener, server.TLS = l, config
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if config != nil {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(clients)
	}
}

func TestTransportOptions(t *testing.T) {
	theirs, ours := tlsConfigs(t) // certificates of a server, and a client that knows their root
	mutual := theirs.Clone()
	mutual.ClientAuth, mutual.ClientCAs = tls.RequireAndVerifyClientCert, ours.RootCAs
	old := mutual.Clone() // refuses in the handshake; with TLS 1.3, a reset may overtake the refusal
	old.MaxVersion = tls.VersionTLS12
	known := &tls.Config{RootCAs: ours.RootCAs, Certificates: theirs.Certificates}
	gate := newProxy(t)
	auth := gate.through(url.UserPassword("user", "pass word"))
	loopback := func(addrs ...string) func(context.Context, string, string) ([]netip.Addr, error) {
		var found []netip.Addr
		for _, a := range addrs {
			found = append(found, netip.MustParseAddr(a))
		}
		return func(context.Context, string, string) ([]netip.Addr, error) { return found, nil }
	}
	direct := func(*http.Request) (*url.URL, error) { return nil, nil }
	for _, tt := range []struct {
		name   string
		opts   oss.TransportOptions // Lookup 127.0.0.1 and no proxy unless set
		listen string               // default 127.0.0.1
		tls    *tls.Config          // of the server; nil means http
		want   string               // in the error; "" means success
		proxy  string               // what the proxy is asked, with HOST for the host of the server
		from   string               // address of the client
	}{
		{name: "http"},
		{name: "http through a proxy", opts: oss.TransportOptions{Proxy: auth}, proxy: "PUT HOST"},
		{name: "https through a proxy", opts: oss.TransportOptions{Proxy: auth, TLS: ours}, tls: theirs,
			proxy: "CONNECT HOST"},
		{name: "client certificate through a proxy", opts: oss.TransportOptions{Proxy: auth, TLS: known}, tls: mutual,
			proxy: "CONNECT HOST"},
		{name: "http through a proxy without a password", opts: oss.TransportOptions{Proxy: gate.through(nil)},
			want: "407"},
		{name: "https through a proxy without a password",
			opts: oss.TransportOptions{Proxy: gate.through(nil), TLS: ours},
			tls:  theirs, want: "status 407 Proxy Authentication Required"},
		{name: "with a wrong one", tls: theirs, want: "status 407 Proxy Authentication Required",
			opts: oss.TransportOptions{Proxy: gate.through(url.UserPassword("user", "hunter2")), TLS: ours}},
		{name: "own CA", opts: oss.TransportOptions{TLS: ours}, tls: theirs},
		{name: "unknown CA", tls: theirs, want: "certificate"},
		{name: "client certificate", opts: oss.TransportOptions{TLS: known}, tls: mutual},
		{name: "no client certificate", opts: oss.TransportOptions{TLS: ours}, tls: old, want: "remote error: tls"},
		{name: "server of another name", opts: oss.TransportOptions{TLS: &tls.Config{RootCAs: ours.RootCAs,
			ServerName: "example.org"}}, tls: theirs, want: "example.org"},
		{name: "IPv6 only", opts: oss.TransportOptions{IPFamily: oss.IPv6, Lookup: loopback("127.0.0.1", "::1")},
			listen: "[::1]", from: "[::1]"},
		{name: "IPv6 first", opts: oss.TransportOptions{Lookup: loopback("::1", "127.0.0.1")}, listen: "[::1]",
			from: "[::1]"},
		{name: "nothing on IPv6", opts: oss.TransportOptions{Lookup: loopback("::1", "127.0.0.1")}, from: "127.0.0.1"},
		{name: "IPv4 only", opts: oss.TransportOptions{IPFamily: oss.IPv4, Lookup: loopback("::1", "127.0.0.1")},
			from: "127.0.0.1"},
		{name: "local address", opts: oss.TransportOptions{LocalAddr: netip.MustParseAddr("127.0.0.1"),
			Lookup: loopback("::1", "127.0.0.1")}, from: "127.0.0.1"},
		{name: "two addresses of which one is dead", opts: oss.TransportOptions{TLS: ours,
			Lookup: loopback("127.0.0.9", "127.0.0.1")}, tls: theirs},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t,
				&osstest.Options{CNAME: map[string]string{"example.com": "bucket", "127.0.0.1": "bucket"}})
			server, from := serve(t, srv, cmp.Or(tt.listen, "127.0.0.1")+":0", tt.tls)
			_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
			if tt.opts.Lookup == nil {
				tt.opts.Lookup = loopback("127.0.0.1")
			}
			cfg := srv.Config()
			cfg.Addressing, cfg.Retry = oss.CNAME, oss.Retry{MinWait: 1, MaxWait: 1}
			scheme, host := "http", "example.com:"+port
			if tt.tls != nil {
				scheme = "https"
			}
			if tt.opts.Proxy == nil {
				tt.opts.Proxy = direct
			} else { // the proxy of this test looks no names up
				host = server.Listener.Addr().String()
				if tt.opts.TLS != nil {
					tt.opts.TLS = tt.opts.TLS.Clone()
					tt.opts.TLS.ServerName = "example.com"
				}
			}
			cfg.Endpoint = scheme + "://" + host
			before := 0
			if tt.opts.TLS != nil {
				before = len(tt.opts.TLS.NextProtos)
			}
			transport, err := oss.NewTransport(&tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			defer transport.CloseIdleConnections()
			cfg.HTTPClient = &http.Client{Transport: transport}
			attempts := 0
			cfg.Hooks.OnAttempt = func(context.Context, oss.Operation, oss.Attempt) { attempts++ }
			c := newClient(t, cfg)
			body := content(1 << 20)
			_, err = c.PutObject(t.Context(), "bucket", "key", strings.NewReader(body), nil)
			switch {
			case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("PutObject: %v, want %q", err, tt.want)
			case err != nil && strings.Contains(err.Error(), "hunter2"):
				t.Errorf("PutObject: %v", err)
			case tt.want != "" && tt.want != "remote error: tls" && attempts != 1:
				t.Errorf("%d attempts: %v", attempts, err)
			case tt.want == "":
				if o, ok := srv.Object("bucket", "key"); !ok || string(o.Data) != body {
					t.Errorf("the object has %d bytes", len(o.Data))
				}
			}
			if tt.proxy != "" {
				if got, want := <-gate.asked, strings.ReplaceAll(tt.proxy, "HOST", host); got != want {
					t.Errorf("the proxy was asked for %q, want %q", got, want)
				}
			}
			if tt.from != "" {
				for _, addr := range from() {
					if !strings.HasPrefix(addr, tt.from+":") {
						t.Errorf("a request from %s, want one from %s", addr, tt.from)
					}
				}
			}
			if tt.opts.TLS != nil && len(tt.opts.TLS.NextProtos) != before {
				t.Error("the TLS configuration was changed")
			}
		})
	}
}

func TestTransportOptionsThatCannotWorkAreRefused(t *testing.T) {
	v4, v6 := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1")
	for _, tt := range []struct {
		opts oss.TransportOptions
		want string // "" means none
	}{
		{oss.TransportOptions{ConnectTimeout: -time.Second}, "ConnectTimeout -1s is negative"},
		{oss.TransportOptions{MaxConnsPerHost: -1}, "MaxConnsPerHost -1 is negative"},
		{oss.TransportOptions{MaxIdleConnsPerHost: -1}, "MaxIdleConnsPerHost -1 is negative"},
		{oss.TransportOptions{MaxConnAge: -1}, "MaxConnAge -1ns is negative"},
		{oss.TransportOptions{IPFamily: 3}, "IPFamily 3 is none of"},
		{oss.TransportOptions{IPFamily: -1}, "IPFamily -1 is none of"},
		{oss.TransportOptions{IPFamily: oss.IPv6, LocalAddr: v4}, "LocalAddr 10.0.0.1 is not of"},
		{oss.TransportOptions{IPFamily: oss.IPv4, LocalAddr: v6}, "LocalAddr 2001:db8::1 is not of"},
		{oss.TransportOptions{LocalAddr: netip.MustParseAddr("224.0.0.1")},
			"LocalAddr 224.0.0.1 is a multicast address"},
		{oss.TransportOptions{IPFamily: oss.IPv6, LocalAddr: v6}, ""},
	} {
		_, err := oss.NewTransport(&tt.opts)
		if tt.want == "" && err != nil || tt.want != "" &&
			(err == nil || !strings.HasPrefix(err.Error(), "oss: TransportOptions."+tt.want)) {
			t.Errorf("NewTransport: %v, want %q", err, tt.want)
		}
	}
}

func TestTransportLimitsConnections(t *testing.T) {
	for _, tt := range []struct {
		opts        *oss.TransportOptions
		conns, idle int
	}{{nil, 0, 256}, {&oss.TransportOptions{MaxConnsPerHost: 3, MaxIdleConnsPerHost: 2}, 3, 2}} {
		transport, err := oss.NewTransport(tt.opts)
		if err != nil || transport.MaxConnsPerHost != tt.conns || transport.MaxIdleConnsPerHost != tt.idle {
			t.Errorf("NewTransport = %d and %d, %v", transport.MaxConnsPerHost, transport.MaxIdleConnsPerHost, err)
		}
	}
}

// A tracing RoundTripper, like otelhttp's, sends a copy of each request with a body of its own. Uploads work over it,
// with the connections of NewTransport.
type tracing struct {
	*http.Transport
	sent atomic.Int64
}

type tracedBody struct {
	io.ReadCloser
	sent *atomic.Int64
}

func (b tracedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.sent.Add(int64(n))
	return n, err
}

func (o *tracing) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if r.Body != nil {
		r.Body = tracedBody{r.Body, &o.sent}
	}
	return o.Transport.RoundTrip(r)
}

func TestRoundTripperOfAnotherMakerWrapsTheTransport(t *testing.T) {
	srv := newServer(t, nil)
	server, from := serve(t, srv, "127.0.0.1:0", nil)
	transport, err := oss.NewTransport(nil)
	if err != nil {
		t.Fatal(err)
	}
	outer := &tracing{Transport: transport}
	cfg := srv.Config()
	cfg.Endpoint, cfg.HTTPClient = server.URL, &http.Client{Transport: outer}
	c := newClient(t, cfg)
	body := content(3 << 20)
	for i := range 3 {
		if i == 2 {
			c.CloseIdleConnections() // reaches the transport inside
		}
		if _, err := c.PutObject(t.Context(), "bucket", "key", strings.NewReader(body), nil); err != nil {
			t.Error(err)
		}
	}
	c.CloseIdleConnections()
	if o, _ := srv.Object("bucket", "key"); string(o.Data) != body || outer.sent.Load() != 9<<20 {
		t.Errorf("the object has %d bytes; %d were sent", len(o.Data), outer.sent.Load())
	}
	if got := from(); len(got) != 3 || got[0] != got[1] || got[1] == got[2] {
		t.Errorf("connections from %v, want one that was used twice, and another", got)
	}
}

// CloseIdleConnections closes the connections of one Client, which remains usable.
func TestCloseIdleConnections(t *testing.T) {
	srv := newServer(t, nil)
	server, from := serve(t, srv, "127.0.0.1:0", nil)
	cfg := srv.Config()
	cfg.Endpoint, cfg.HTTPClient = server.URL, nil
	c, other := newClient(t, cfg), newClient(t, cfg)
	for _, c := range []*oss.Client{c, other} {
		if _, err := c.Exists(t.Context(), "bucket", "key", nil); err != nil {
			t.Error(err)
		}
	}
	c.CloseIdleConnections()
	for _, c := range []*oss.Client{c, other} {
		if _, err := c.Exists(t.Context(), "bucket", "key", nil); err != nil {
			t.Error(err)
		}
		c.CloseIdleConnections()
	}
	if got := from(); len(got) != 4 || got[0] == got[2] || got[1] != got[3] {
		t.Errorf("connections from %v, want the second of the other client only used again", got)
	}
}
