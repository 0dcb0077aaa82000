package oss_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/internal/reqstats"
	"github.com/ossmultipart/go-oss/oss"
)

// overOwnConns runs test with each kind of connection that a Client without Config.HTTPClient makes.
func overOwnConns(t *testing.T, test func(t *testing.T, scheme string)) {
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, scheme) })
		})
	}
}

// newOwnRawServer is newRawServer with such connections, and returns their Client. Serve reads and writes without TLS.
// The TLS records of a connection pass through under, unless that is nil, at the server's end.
func newOwnRawServer(t *testing.T, scheme string, cfg oss.Config, under func(net.Conn) net.Conn,
	serve func(*serverConn)) (*rawServer, *oss.Client) {
	server, client := tlsConfigs(t)
	l := newRawServer(t, serve)
	l.far = func(c net.Conn) net.Conn {
		if under != nil {
			c = under(c)
		}
		if scheme == "https" {
			c = tls.Server(c, server)
		}
		return c
	}
	l.transport = oss.TransportOver(func(ctx context.Context, network, addr string) (net.Conn, error) {
		return l.dial(ctx, network, addr)
	}, client)
	l.transport.Proxy = nil
	cfg.Endpoint, cfg.Addressing, cfg.Credentials = scheme+"://example.com", oss.PathStyle, keys
	cfg.HTTPClient = &http.Client{Transport: l.transport}
	return l, newClient(t, cfg)
}

func TestOwnConnectionsCarryBodiesOfEveryLength(t *testing.T) {
	overOwnConns(t, func(t *testing.T, scheme string) {
		line, c := newOwnRawServer(t, scheme, oss.Config{}, nil, func(e *serverConn) { e.storeAll(t) })
		for _, size := range []int{0, 1, 3000, 4096, 5000, 16 << 10, 100_000, 256 << 10, 256<<10 + 1, 3 << 20} {
			for range 2 {
				body := content(size)
				part, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader(body), nil)
				if err != nil || part.ETag != etag(body) {
					t.Errorf("%d bytes: UploadPart = %+v, %v", size, part, err)
				}
			}
		}
		if line.dials() != 1 {
			t.Errorf("%d connections, want 1", line.dials())
		}
	})
}

func TestOwnConnectionCutAtAnyByte(t *testing.T) {
	body := content(400_000)
	for _, n := range []int64{0, 1, 100, 400, 4096, 5000, 100_000, 399_000} {
		overOwnConns(t, func(t *testing.T, scheme string) {
			line, c := newOwnRawServer(t, scheme, oss.Config{}, nil, func(e *serverConn) { e.cutFirst(n) })
			part, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader(body), nil)
			if err != nil || part.ETag != etag(body) || line.dials() != 2 {
				t.Errorf("cut after %d bytes: UploadPart = %+v, %v over %d connections", n, part, err, line.dials())
			}
		})
	}
}

func TestOwnConnectionThatWasClosedIsNoAttempt(t *testing.T) {
	overOwnConns(t, func(t *testing.T, scheme string) {
		var sent []int64
		cfg := oss.Config{Hooks: oss.Hooks{OnAttempt: func(_ context.Context, _ oss.Operation, a oss.Attempt) {
			sent = append(sent, a.Sent)
		}}}
		line, c := newOwnRawServer(t, scheme, cfg, nil, func(e *serverConn) {
			e.say(ok(e.request()))
			e.deaf.Store(true)
		})
		for number := range 2 {
			if _, err := c.UploadPart(t.Context(), upload, number+1, strings.NewReader("body"), nil); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		if line.dials() != 2 || !slices.Equal(sent, []int64{4, 4}) {
			t.Errorf("%d connections, attempts that sent %v, want 2 and 4 bytes each", line.dials(), sent)
		}
	})
}

// A slowConn reads the first bytes as they come, and then 1 KiB every 5 seconds.
type slowConn struct {
	net.Conn
	fast int
}

func (c *slowConn) Read(p []byte) (int, error) {
	if c.fast <= 0 {
		time.Sleep(5 * time.Second)
		p = p[:min(len(p), 1<<10)]
	}
	n, err := c.Conn.Read(p)
	c.fast -= n
	return n, err
}

// What a connection writes at once takes this line longer than a stall may, and it was fast enough before to be trusted
// with much. net/http's own connections are given up below 1 KiB a second.
func TestSlowButMovingOwnConnectionIsNeverGivenUp(t *testing.T) {
	for _, fast := range []int{20_000, 1 << 20} {
		overOwnConns(t, func(t *testing.T, scheme string) {
			body := content(fast + 600<<10)
			var rest time.Time
			line, c := newOwnRawServer(t, scheme, oss.Config{},
				func(raw net.Conn) net.Conn { return &slowConn{raw, fast} }, func(e *serverConn) {
					text := e.request()
					rest = time.Now()
					e.say(ok(text))
				})
			began := time.Now()
			part, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader(body), nil)
			if d := rest.Sub(began); err != nil || part.ETag != etag(body) || line.dials() != 1 || d < 35*time.Minute {
				t.Errorf("UploadPart = %+v, %v over %d connections in %v", part, err, line.dials(), d)
			}
		})
	}
}

func TestStalledOwnConnectionIsGivenUp(t *testing.T) {
	for _, n := range []int64{1, 300, 20_000, 500_000} {
		overOwnConns(t, func(t *testing.T, scheme string) {
			var second time.Time
			line, c := newOwnRawServer(t, scheme, oss.Config{Retry: oss.Retry{MinWait: 1, MaxWait: 1}}, nil,
				func(e *serverConn) {
					if e.number == 1 {
						e.receive(n)
						return
					}
					second = time.Now()
					e.say(ok(e.request()))
				})
			began := time.Now()
			_, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader(content(1<<20)), nil)
			// That a byte has moved is seen with a delay of an eighth of a stall at most.
			if d := second.Sub(began); err != nil || line.dials() != 2 || d < 30*time.Second || d > 34*time.Second {
				t.Errorf("after %d bytes: UploadPart: %v with a second attempt after %v", n, err, d)
			}
		})
	}
}

func TestCancellingEndsAWriteThatIsStuck(t *testing.T) {
	overOwnConns(t, func(t *testing.T, scheme string) {
		_, c := newOwnRawServer(t, scheme, oss.Config{}, nil, func(e *serverConn) { e.receive(200_000) })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := c.UploadPart(ctx, upload, 1, strings.NewReader(content(1<<20)), nil)
		if d := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || d != time.Second {
			t.Errorf("UploadPart: %v after %v", err, d)
		}
	})
}

// Reads of a body tell what a connection takes at once.
func TestStepsFollowTheSpeedOfTheBody(t *testing.T) {
	for _, tt := range []struct {
		name string
		wait time.Duration // for each read
		last int           // bytes of the longest read in the second half
	}{{"fast", 0, 1 << 17}, {"slow", time.Second, 16 << 10}} {
		overOwnConns(t, func(t *testing.T, scheme string) {
			text := content(2 << 20)
			var longest int
			body := bodyFunc{int64(len(text)), func(p []byte, off int64) (int, error) {
				time.Sleep(tt.wait)
				if off > 1<<20 && off < 3<<19 {
					longest = max(longest, len(p))
				}
				return strings.NewReader(text).ReadAt(p, off)
			}}
			_, c := newOwnRawServer(t, scheme, oss.Config{}, nil, func(e *serverConn) { e.say(ok(e.request())) })
			if _, err := c.UploadPart(t.Context(), upload, 1, body,
				&oss.PartOptions{Checksum: oss.ChecksumCRC64}); err != nil {
				t.Error(err)
			}
			if tt.wait == 0 && longest < tt.last || tt.wait > 0 && longest != tt.last {
				t.Errorf("%s: reads of up to %d bytes, want %d", tt.name, longest, tt.last)
			}
		})
	}
}

// row "packets vanish from the start": four attempts and the waits between them took 41 seconds.
func TestVanishedPacketsAreGivenUpInHalfAMinute(t *testing.T) {
	for _, tt := range []struct {
		name   string
		scheme string
		dials  bool // packets vanish once the connection is made
		want   string
	}{
		{"http", "http", false, "dial tcp: no connection to example.com:80 within 7s"},
		{"https", "https", false, "dial tcp: no connection to example.com:443 within 7s"},
		{"in the handshake", "https", true, "dial tcp: no TLS handshake with example.com:443 within 7s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				line, c := newOwnRawServer(t, tt.scheme, oss.Config{}, nil, func(*serverConn) {})
				if !tt.dials {
					line.dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
						<-ctx.Done()
						return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
					}
				}
				ctx, count := reqstats.NewContext(t.Context())
				began := time.Now()
				_, err := c.HeadObject(ctx, "bucket", "key", nil)
				if d := time.Since(began); err == nil || d < 28*time.Second || d > 30*time.Second ||
					!strings.HasSuffix(err.Error(), tt.want) {
					t.Errorf("HeadObject: %v after %v, want %s", err, d, tt.want)
				}
				if errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, os.ErrDeadlineExceeded) ||
					count.Unanswered.Load() != 0 {
					t.Errorf("HeadObject: %v, %d requests are lost", err, count.Unanswered.Load())
				}
			})
		})
	}
}

func TestDeadlineOfTheCallerEndsADial(t *testing.T) {
	overOwnConns(t, func(t *testing.T, scheme string) {
		line, c := newOwnRawServer(t, scheme, oss.Config{}, nil, func(*serverConn) {})
		line.dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := c.HeadObject(ctx, "bucket", "key", nil)
		if d := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || d != time.Second {
			t.Errorf("HeadObject: %v after %v", err, d)
		}
	})
}

// Behind a proxy the TLS is net/http's, over a connection of ours.
func TestOwnConnectionsGoThroughAProxy(t *testing.T) {
	overOwnConns(t, func(t *testing.T, scheme string) {
		body := content(1 << 20)
		server, client := tlsConfigs(t)
		var asked string
		l := newRawServer(t, func(e *serverConn) {
			if scheme == "https" {
				r, err := http.ReadRequest(bufio.NewReader(e))
				if err != nil {
					return
				}
				asked = r.Method + " " + r.Host
				e.say("HTTP/1.1 200 OK\r\n\r\n")
				e = &serverConn{Conn: tls.Server(e.Conn, server)}
			}
			e.say(ok(e.request()))
		})
		l.transport = oss.TransportOver(l.dial, client)
		l.transport.TLSClientConfig = client
		l.transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example.net:3128"})
		c := newClient(t, oss.Config{Endpoint: scheme + "://example.com", Addressing: oss.PathStyle, Credentials: keys,
			HTTPClient: &http.Client{Transport: l.transport}})
		part, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader(body), nil)
		if err != nil || part.ETag != etag(body) || scheme == "https" && asked != "CONNECT example.com:443" {
			t.Errorf("UploadPart = %+v, %v by %q", part, err, asked)
		}
	})
}

func TestBodyThatCannotBeReadFailsOnAnOwnConnection(t *testing.T) {
	overOwnConns(t, func(t *testing.T, scheme string) {
		broken := errors.New("disk on fire")
		line, c := newOwnRawServer(t, scheme, oss.Config{}, nil, func(e *serverConn) { e.request() })
		_, err := c.UploadPart(t.Context(), upload, 1, bodyFunc{1 << 20, func(p []byte, off int64) (int, error) {
			if off > 100_000 {
				return 0, broken
			}
			return len(p), nil
		}}, &oss.PartOptions{Checksum: oss.ChecksumNone})
		if !errors.Is(err, broken) || line.dials() != 1 {
			t.Errorf("UploadPart: %v over %d connections", err, line.dials())
		}
	})
}
