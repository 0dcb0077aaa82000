package oss_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// tlsConfigs returns those of the two sides of a connection to example.com.
func tlsConfigs(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"example.com"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0), // the clock of a bubble begins in 2000
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
			NextProtos: []string{"h2", "http/1.1"}},
		&tls.Config{RootCAs: roots, NextProtos: []string{"http/1.1"}}
}

func TestHandshakeThatStallsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []error
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			TLSHandshakeStart: func() { seen = append(seen, nil) },
			TLSHandshakeDone:  func(_ tls.ConnectionState, err error) { seen = append(seen, err) },
		})
		_, c := newOwnRawServer(t, "https", oss.Config{Retry: oss.Retry{Attempts: 1}}, nil, func(*serverConn) {})
		began := time.Now()
		_, err := c.HeadObject(ctx, "bucket", "key", nil)
		if d := time.Since(began); err == nil ||
			!strings.Contains(err.Error(), "no TLS handshake with example.com:443 within 7s") ||
			errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, os.ErrDeadlineExceeded) || d != 7*time.Second {
			t.Errorf("HeadObject: %v after %v", err, d)
		}
		if len(seen) != 2 || seen[0] != nil || seen[1] == nil {
			t.Errorf("the trace saw %v, want a beginning and an error", seen)
		}
	})
}

func TestTraceSeesTheHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var state tls.ConnectionState
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			TLSHandshakeDone: func(s tls.ConnectionState, _ error) { state = s },
		})
		_, c := newOwnRawServer(t, "https", oss.Config{}, nil, func(e *serverConn) { e.say(ok(e.request())) })
		if _, err := c.HeadObject(ctx, "bucket", "key", nil); err != nil {
			t.Fatal(err)
		}
		if !state.HandshakeComplete || state.ServerName != "example.com" || state.NegotiatedProtocol != "http/1.1" {
			t.Errorf("the trace saw a handshake with %q for %q, complete: %t", state.ServerName,
				state.NegotiatedProtocol, state.HandshakeComplete)
		}
	})
}

func TestServerThatIsAnotherIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, _ := newOwnRawServer(t, "https", oss.Config{}, nil, func(e *serverConn) { e.say(ok(e.request())) })
		c := newClient(t, oss.Config{Endpoint: "https://example.org", Credentials: keys,
			HTTPClient: &http.Client{Transport: line.transport}})
		_, err := c.HeadObject(t.Context(), "bucket", "key", nil)
		var bad *tls.CertificateVerificationError
		if !errors.As(err, &bad) || line.dials() != 1 {
			t.Errorf("HeadObject: %v over %d connections, want a certificate refused once", err, line.dials())
		}
	})
}

// A writeCounter counts the writes of each length.
type writeCounter struct {
	net.Conn
	lengths chan int
}

func (c *writeCounter) Write(p []byte) (int, error) {
	c.lengths <- len(p)
	return c.Conn.Write(p)
}

func TestRecordsOfAStepAreWrittenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lengths := make(chan int, 10_000)
		line, c := newOwnRawServer(t, "https", oss.Config{}, nil, func(e *serverConn) { e.say(ok(e.request())) })
		dial := line.dial
		line.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			raw, err := dial(ctx, network, addr)
			return &writeCounter{raw, lengths}, err
		}
		if _, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader(content(8<<20)), nil); err != nil {
			t.Fatal(err)
		}
		if n := len(lengths); n > 100 {
			t.Errorf("%d writes for 8 MiB, want at most 100", n)
		}
	})
}
