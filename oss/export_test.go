package oss

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
)

// TransportOver returns what a Client without Config.HTTPClient uses, over connections made by dial.
func TransportOver(dial func(ctx context.Context, network, addr string) (net.Conn, error),
	config *tls.Config) *http.Transport {
	return (&dialer{dial: dial, tls: config, timeout: connectTimeout}).transport()
}

// TransportConnecting returns the transport of NewTransport over connections to IP addresses made by connect.
func TransportConnecting(o TransportOptions,
	connect func(ctx context.Context, network, addr string) (net.Conn, error)) *http.Transport {
	return o.transport(connect)
}
