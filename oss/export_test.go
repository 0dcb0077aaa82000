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
	return (&dialer{dial: dial, tls: config}).transport()
}
