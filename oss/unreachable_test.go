package oss_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/internal/reqstats"
	"github.com/ossmultipart/go-oss/oss"
)

// A listener is a real port whose connections are all handled in the same way.
type listener struct {
	net.Listener
	running sync.WaitGroup
}

// listenTo calls serve for each connection, and closes it then.
func listenTo(t *testing.T, serve func(*net.TCPConn)) *listener {
	t.Helper()
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{Listener: raw}
	l.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			l.running.Go(func() {
				defer c.Close()
				serve(c.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() { l.Close(); l.running.Wait() })
	return l
}

// resets reads n bytes and resets the connection.
func resets(n int64) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		io.CopyN(io.Discard, c, n)
		c.SetLinger(0)
	}
}

// closedPort returns the address of a port that refuses connections.
func closedPort(t *testing.T) string {
	l := listenTo(t, func(*net.TCPConn) {})
	l.Close()
	return l.Addr().String()
}

// nameless returns a dial function whose lookups are all answered by a real name server: there is no such name.
func nameless(t *testing.T) func(ctx context.Context, network, addr string) (net.Conn, error) {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			if n > 12 {
				// NXDOMAIN, without the additional record of the query
				buf[2], buf[3], buf[10], buf[11] = 0x81, 0x83, 0, 0
				question := 12
				for question < n && buf[question] != 0 {
					question += 1 + int(buf[question])
				}
				server.WriteTo(buf[:min(question+5, n)], from)
			}
		}
	})
	t.Cleanup(func() { server.Close(); running.Wait() })
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
	return (&net.Dialer{Resolver: resolver}).DialContext
}

// An opaque is a transport that is no *http.Transport.
type opaque struct{ http.RoundTripper }

// row 134, packets that vanish: a request is lost only if some of it may have been sent.
func TestOnlyWhatMayHaveBeenSentIsLost(t *testing.T) {
	closed := closedPort(t)
	cut := listenTo(t, resets(1)) // of the first message of the handshake
	reset := listenTo(t, resets(100))
	plain := new(net.Dialer).DialContext
	hidden := func(rt http.RoundTripper) http.RoundTripper { return opaque{rt} }
	dial := func(err error) *net.OpError { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for _, tt := range []struct {
		name     string
		endpoint string
		dial     func(ctx context.Context, network, addr string) (net.Conn, error)
		wrap     func(http.RoundTripper) http.RoundTripper // nil for none
		lost     int64
		want     error // nil for any
	}{
		{"refused", "http://" + closed, plain, nil, 0, syscall.ECONNREFUSED},
		{"refused with TLS", "https://" + closed, plain, nil, 0, syscall.ECONNREFUSED},
		{"unknown host", "http://oss.example.com", nameless(t), nil, 0, nil},
		{"handshake cut", "https://" + cut.Addr().String(), plain, nil, 0, nil},
		{"reset", "http://" + reset.Addr().String(), plain, nil, 2, nil},
		{"refused, in a transport of another make", "http://" + closed, plain, hidden, 0, syscall.ECONNREFUSED},
		{"handshake cut, in a transport of another make", "https://" + cut.Addr().String(), plain, hidden, 2, nil},
		{"refused, in a transport that does not trace", "http://" + closed, plain,
			func(http.RoundTripper) http.RoundTripper {
				return transportFunc(func(*http.Request) (*http.Response, error) {
					return nil, dial(syscall.ECONNREFUSED)
				})
			}, 2, syscall.ECONNREFUSED},
		{"refused after a connection", "http://" + closed, plain, func(http.RoundTripper) http.RoundTripper {
			return transportFunc(func(r *http.Request) (*http.Response, error) {
				trace := httptrace.ContextClientTrace(r.Context())
				trace.GetConn("one")
				trace.GotConn(httptrace.GotConnInfo{})
				return nil, dial(syscall.ECONNREFUSED)
			})
		}, 2, syscall.ECONNREFUSED},
		{"taken over by another protocol", "https://" + closed, plain, func(rt http.RoundTripper) http.RoundTripper {
			rt.(*http.Transport).RegisterProtocol("https", transportFunc(func(*http.Request) (*http.Response, error) {
				return nil, errors.New("stream reset")
			}))
			return rt
		}, 2, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, tlsClient := tlsConfigs(t)
			var transport http.RoundTripper = oss.TransportOver(tt.dial, tlsClient)
			if tt.wrap != nil {
				transport = tt.wrap(transport)
			}
			c := newClient(t, oss.Config{Endpoint: tt.endpoint, Addressing: oss.PathStyle, Credentials: keys,
				HTTPClient: &http.Client{Transport: transport}, Retry: oss.Retry{Attempts: 2, MinWait: 1, MaxWait: 1}})
			ctx, count := reqstats.NewContext(t.Context())
			_, err := c.InitiateMultipartUpload(ctx, "bucket", "key", nil)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("InitiateMultipartUpload: %v, want %v", err, tt.want)
			}
			var lookup *net.DNSError
			if tt.name == "unknown host" && (!errors.As(err, &lookup) || !lookup.IsNotFound) {
				t.Errorf("InitiateMultipartUpload: %v, want a host that is not found", err)
			}
			if n := count.Unanswered.Load(); n != tt.lost {
				t.Errorf("%d requests are lost, want %d; %v", n, tt.lost, err)
			}
		})
	}
}

// The transport of a Client that is given none is known to trace.
func TestOwnTransportKnowsWhatWasNotSent(t *testing.T) {
	c := newClient(t, oss.Config{Endpoint: "http://" + closedPort(t), Credentials: keys,
		Retry: oss.Retry{Attempts: 2, MinWait: 1, MaxWait: 1}})
	ctx, count := reqstats.NewContext(t.Context())
	if _, err := c.HeadObject(ctx, "bucket", "key", nil); !errors.Is(err, syscall.ECONNREFUSED) ||
		count.Unanswered.Load() != 0 {
		t.Errorf("HeadObject: %v, %d requests are lost", err, count.Unanswered.Load())
	}
}

func TestRequestWithoutKeysIsNotLost(t *testing.T) {
	c := play(stores).client(t,
		oss.Config{Credentials: oss.CredentialsFunc(func(context.Context) (oss.Credentials, error) {
			return oss.Credentials{}, errors.New("no keys today")
		})})
	ctx, count := reqstats.NewContext(t.Context())
	if _, err := c.HeadObject(ctx, "bucket", "key", nil); err == nil || count.Unanswered.Load() != 0 {
		t.Errorf("HeadObject: %v, %d requests are lost", err, count.Unanswered.Load())
	}
}

// bug 12: a request that package multipart cancels because another did its work tells nothing; any other is lost.
func TestRequestThatWasSupersededIsNotCounted(t *testing.T) {
	for _, tt := range []struct {
		cause error
		lost  int64
	}{{reqstats.ErrSuperseded, 0}, {nil, 1}, {errors.New("the user's own reason"), 1}} {
		t.Run(fmt.Sprint(tt.cause), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				line := newRawServer(t, func(e *serverConn) { e.request() }) // and no reply
				watched, count := reqstats.NewContext(t.Context())
				ctx, cancel := context.WithCancelCause(watched)
				time.AfterFunc(time.Second, func() { cancel(tt.cause) })
				_, err := line.client(t, oss.Config{}).UploadPart(ctx, upload, 1, strings.NewReader("body"), nil)
				if !errors.Is(err, context.Canceled) || count.Unanswered.Load() != tt.lost {
					t.Errorf("UploadPart: %v, %d requests are lost, want %d", err, count.Unanswered.Load(), tt.lost)
				}
			})
		})
	}
}

// R9: with the defaults, an endpoint that refuses connections or has no address fails in under 1.5 seconds, in one line
// that says why. The errors are those of real sockets.
func TestWrongEndpointFailsAtOnce(t *testing.T) {
	_, refusal := net.Dial("tcp", closedPort(t))
	_, unknown := nameless(t)(t.Context(), "tcp", "oss.example.com:80")
	for _, tt := range []struct {
		err  error
		want string
	}{{refusal, "connect: connection refused"}, {unknown, "lookup oss.example.com"}} {
		synctest.Test(t, func(t *testing.T) {
			line, c := newOwnRawServer(t, "http", oss.Config{}, nil, func(*serverConn) {})
			line.dial = func(context.Context, string, string) (net.Conn, error) { return nil, tt.err }
			began := time.Now()
			_, err := c.InitiateMultipartUpload(t.Context(), "bucket", "key", nil)
			if d := time.Since(began); !errors.Is(err, tt.err) || d > 1500*time.Millisecond ||
				!strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("InitiateMultipartUpload: %v after %v, want one line that says %q", err, d, tt.want)
			}
		})
	}
}
