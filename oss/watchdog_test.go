package oss_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/oss"
)

// drip says text over the given time, a byte at a time.
func (e *serverConn) drip(text string, over time.Duration) {
	for _, c := range []byte(text) {
		time.Sleep(over / time.Duration(len(text)))
		e.say(string(c))
	}
}

// chaos slow-reply: the bytes of a reply's header are movement.
func TestReplyWhoseHeaderDripsIsNotStalled(t *testing.T) {
	for _, body := range []string{"", content(100_000)} {
		overOwnConns(t, func(t *testing.T, scheme string) {
			line, c := newOwnRawServer(t, scheme, oss.Config{Retry: oss.Retry{Stall: time.Second, Attempts: 1}}, nil,
				func(e *serverConn) {
					text := e.request()
					e.drip(ok(text), 3*time.Second)
				})
			part, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader(body), nil)
			if err != nil || part.ETag != etag(body) || line.dials() != 1 {
				t.Errorf("UploadPart = %+v, %v over %d connections", part, err, line.dials())
			}
		})
	}
}

// The bytes of a TLS record are movement too, although they say nothing until the record is complete.
func TestReplyWhoseRecordDripsIsNotStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		under := func(raw net.Conn) net.Conn { return &drippingConn{Conn: raw} }
		_, c := newOwnRawServer(t, "https", oss.Config{Retry: oss.Retry{Stall: time.Second, Attempts: 1}}, under,
			func(e *serverConn) {
				text := e.request()
				e.Conn.(*tls.Conn).NetConn().(*drippingConn).slow = true
				e.say(ok(text))
			})
		began := time.Now()
		_, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader("body"), nil)
		if d := time.Since(began); err != nil || d < 10*time.Second {
			t.Errorf("UploadPart: %v after %v", err, d)
		}
	})
}

// A drippingConn writes a byte every 100 ms once it is slow.
type drippingConn struct {
	net.Conn
	slow bool
}

func (c *drippingConn) Write(p []byte) (n int, err error) {
	if !c.slow {
		return c.Conn.Write(p)
	}
	for range p {
		time.Sleep(100 * time.Millisecond)
		if _, err := c.Conn.Write(p[n : n+1]); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func TestReplyWhoseHeaderDripsThroughAProxyIsNotStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := tlsConfigs(t)
		l := newRawServer(t, func(e *serverConn) {
			if _, err := http.ReadRequest(bufio.NewReader(e)); err != nil {
				return
			}
			e.say("HTTP/1.1 200 OK\r\n\r\n")
			e = &serverConn{Conn: tls.Server(e.Conn, server)}
			text := e.request()
			e.drip(ok(text), 3*time.Second)
		})
		l.transport = oss.TransportOver(l.dial, client)
		l.transport.TLSClientConfig = client
		l.transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example.net:3128"})
		c := newClient(t, oss.Config{Endpoint: "https://example.com", Addressing: oss.PathStyle, Credentials: keys,
			HTTPClient: &http.Client{Transport: l.transport}, Retry: oss.Retry{Stall: time.Second, Attempts: 1}})
		if _, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader("body"), nil); err != nil {
			t.Error(err)
		}
	})
}

// A header that stops in the middle is stalled, one second after its last byte. The server takes no bytes then, and
// taking leave of it by TLS would last 5 seconds.
func TestReplyWhoseHeaderStopsIsStalled(t *testing.T) {
	overOwnConns(t, func(t *testing.T, scheme string) {
		_, c := newOwnRawServer(t, scheme, oss.Config{Retry: oss.Retry{Stall: time.Second, Attempts: 1}}, nil,
			func(e *serverConn) {
				e.request()
				e.drip("HTTP/1.1 200 OK\r\n\r"[:18], 1800*time.Millisecond)
			})
		began := time.Now()
		_, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader("body"), nil)
		d := time.Since(began)
		if d != 2800*time.Millisecond || err == nil || !strings.Contains(err.Error(), "no byte has moved for 1s") {
			t.Errorf("UploadPart: %v after %v, want a stall after 2.8s", err, d)
		}
	})
}

// Of other transports only the first byte of a reply is seen.
func TestFirstByteOfAReplyIsMovementInAnyTransport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newRawServer(t, func(e *serverConn) {
			text := e.request()
			time.Sleep(900 * time.Millisecond)
			e.say("HTTP/1.1 200")
			time.Sleep(900 * time.Millisecond)
			e.say(strings.TrimPrefix(ok(text), "HTTP/1.1 200"))
		})
		c := line.client(t, oss.Config{Retry: oss.Retry{Stall: time.Second, Attempts: 1}})
		if _, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader("body"), nil); err != nil {
			t.Error(err)
		}
	})
}

// A byte of a reply never shortens what a slow operation has: ten times Stall.
func TestFirstByteOfAReplyShortensNoWait(t *testing.T) {
	const done = "<CompleteMultipartUploadResult><ETag>\"A-1\"</ETag></CompleteMultipartUploadResult>"
	overOwnConns(t, func(t *testing.T, scheme string) {
		_, c := newOwnRawServer(t, scheme, oss.Config{Retry: oss.Retry{Stall: time.Second, Attempts: 1}}, nil,
			func(e *serverConn) {
				e.request()
				e.say("HTTP/1.1 200 OK\r\n")
				time.Sleep(9 * time.Second)
				e.say(fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(done), done))
			})
		if _, err := c.CompleteMultipartUpload(t.Context(), upload, []oss.Part{{Number: 1, ETag: "A"}},
			nil); err != nil {
			t.Error(err)
		}
	})
}

// A reply that comes early does not count as a stall while the body is being read.
func TestByteOfAReplyStartsNoClockWhileTheBodyIsRead(t *testing.T) {
	overOwnConns(t, func(t *testing.T, scheme string) {
		body := bodyFunc{1 << 20, func(p []byte, off int64) (int, error) {
			if off > 500_000 {
				time.Sleep(time.Hour)
			}
			return len(p), nil
		}}
		_, c := newOwnRawServer(t, scheme, oss.Config{Retry: oss.Retry{Stall: time.Second, Attempts: 1}}, nil,
			func(e *serverConn) {
				r, err := http.ReadRequest(bufio.NewReader(e))
				if err != nil {
					return
				}
				var reading sync.WaitGroup
				reading.Go(func() { io.Copy(io.Discard, r.Body) })
				time.Sleep(time.Minute)
				e.say("HTTP/1.1 ")
				reading.Wait()
				e.say("404 Gone\r\nContent-Length: 0\r\n\r\n")
			})
		_, err := c.UploadPart(t.Context(), upload, 1, body, &oss.PartOptions{Checksum: oss.ChecksumNone})
		var refused *oss.ServiceError
		if !errors.As(err, &refused) {
			t.Errorf("UploadPart: %v, want the refusal", err)
		}
	})
}

func TestStallIsATimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		once := oss.Config{Retry: oss.Retry{Attempts: 1}}
		_, errHead := newRawServer(t, func(e *serverConn) { e.request() }).client(t, once).HeadObject(t.Context(),
			"bucket", "key", nil)
		obj, err := newRawServer(t, func(e *serverConn) {
			e.request()
			e.say("HTTP/1.1 200 OK\r\nContent-Length: 8\r\nETag: \"A\"\r\n\r\n1234")
		}).client(t, once).GetObject(t.Context(), "bucket", "key", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer obj.Body.Close()
		_, errRead := io.ReadAll(obj.Body)
		for _, err := range []error{errHead, errRead} {
			var network net.Error
			if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &network) || !network.Timeout() ||
				errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v is no time-out, or one of the caller's", err)
			}
		}
	})
}

// A connection belongs to no attempt once that has ended, so that closing it sends close_notify.
func TestIdleConnectionTakesLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, c := newOwnRawServer(t, "https", oss.Config{}, nil, func(e *serverConn) { e.storeAll(t) })
		written, dial := make(chan int, 100), line.dial
		line.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			raw, err := dial(ctx, network, addr)
			return &writeCounter{raw, written}, err
		}
		if _, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader("body"), nil); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		before := len(written)
		line.transport.CloseIdleConnections()
		synctest.Wait()
		if n := len(written) - before; n != 1 {
			t.Errorf("%d messages while closing, want 1", n)
		}
	})
}

// R8: a Timeout of the caller's http.Client is named as the cause, in each phase of a request.
func TestTimeoutOfTheHTTPClientIsNamed(t *testing.T) {
	const want = "HTTPClient.Timeout of 5s has ended the request"
	for _, tt := range []struct {
		name  string
		serve func(e *serverConn)
		call  func(ctx context.Context, c *oss.Client) error
	}{
		{"while the body is sent", func(e *serverConn) { e.receive(100) },
			func(ctx context.Context, c *oss.Client) error {
				_, err := c.UploadPart(ctx, upload, 1, strings.NewReader(content(1<<20)), nil)
				return err
			}},
		{"before the reply", func(e *serverConn) { e.request() }, func(ctx context.Context, c *oss.Client) error {
			_, err := c.HeadObject(ctx, "bucket", "key", nil)
			return err
		}},
		{"in a document", func(e *serverConn) {
			e.request()
			e.say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<ListParts")
		}, func(ctx context.Context, c *oss.Client) error {
			_, err := c.ListParts(ctx, upload, nil)
			return err
		}},
		{"in an object", func(e *serverConn) {
			e.request()
			e.say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\nETag: A\r\n\r\nhalf")
		}, func(ctx context.Context, c *oss.Client) error {
			obj, err := c.GetObject(ctx, "bucket", "key", nil)
			if err != nil {
				return err
			}
			defer obj.Body.Close()
			_, err = io.ReadAll(obj.Body)
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				line := newRawServer(t, tt.serve)
				c := newClient(t, oss.Config{Endpoint: "http://oss.example.com", Credentials: keys,
					Retry:      oss.Retry{Attempts: 2},
					HTTPClient: &http.Client{Transport: line.transport, Timeout: 5 * time.Second}})
				for _, ctx := range []func() (context.Context, context.CancelFunc){
					func() (context.Context, context.CancelFunc) { return context.WithCancel(t.Context()) },
					func() (context.Context, context.CancelFunc) { return context.WithTimeout(t.Context(), time.Hour) },
				} {
					ctx, cancel := ctx()
					if err := tt.call(ctx, c); err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("%v does not name the Timeout", err)
					}
					cancel()
				}
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				err := tt.call(ctx, c)
				if !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "HTTPClient") {
					t.Errorf("%v, want the deadline of the caller", err)
				}
			})
		})
	}
}

// R8: requests that the caller's own Timeout ends are no outage, for which a Gate has patience.
func TestTimeoutOfTheHTTPClientIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newRawServer(t, func(e *serverConn) {
			if e.number == 1 {
				e.say(ok(e.request()))
			}
			e.request()
		})
		c := newClient(t, oss.Config{Endpoint: "http://oss.example.com", Credentials: keys,
			HTTPClient: &http.Client{Transport: line.transport, Timeout: 5 * time.Second}})
		if _, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader("body"), nil); err != nil {
			t.Fatal(err)
		}
		g := &gate{}
		_, err := c.HeadObject(flow.WithGate(t.Context(), g), "bucket", "key", nil)
		want := []string{"1 temporary failure", "2 temporary failure", "3 temporary failure"}
		if err == nil || !slices.Equal(g.kinds(), want) {
			t.Errorf("HeadObject: %v, the Gate was asked %v", err, g.kinds())
		}
	})
}

func TestTimeoutOfTheHTTPClientIsWarnedOf(t *testing.T) {
	for _, tt := range []struct {
		timeout time.Duration
		want    string
	}{{0, ""},
		{30 * time.Second, `level=WARN msg="oss: Config.HTTPClient.Timeout ends every request that takes longer, ` +
			`even while bytes move" timeout=30s` + "\n"}} {
		got := logged(slog.LevelWarn, func(log *slog.Logger) {
			newClient(t, oss.Config{Region: "cn-hangzhou", Credentials: keys, Logger: log,
				HTTPClient: &http.Client{Timeout: tt.timeout}})
		})
		if got != tt.want {
			t.Errorf("Timeout %v is logged as %q, want %q", tt.timeout, got, tt.want)
		}
	}
}

// Section B, "a server accepts and never answers": what Stall and Attempts come to.
func TestServerThatNeverAnswersIsGivenUp(t *testing.T) {
	for _, tt := range []struct {
		name string
		want time.Duration // and at most 1.5 s of waits
		call func(ctx context.Context, c *oss.Client) error
	}{
		{"HeadObject", 4 * 30 * time.Second, func(ctx context.Context, c *oss.Client) error {
			_, err := c.HeadObject(ctx, "bucket", "key", nil)
			return err
		}},
		{"CompleteMultipartUpload", 4 * 300 * time.Second, func(ctx context.Context, c *oss.Client) error {
			_, err := c.CompleteMultipartUpload(ctx, upload, []oss.Part{{Number: 1, ETag: "A"}}, nil)
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			overOwnConns(t, func(t *testing.T, scheme string) {
				_, c := newOwnRawServer(t, scheme, oss.Config{}, nil, func(e *serverConn) { e.request() })
				began := time.Now()
				err := tt.call(t.Context(), c)
				d := time.Since(began)
				if !errors.Is(err, os.ErrDeadlineExceeded) || d < tt.want || d > tt.want+1500*time.Millisecond {
					t.Errorf("%v after %v, want a stall after %v", err, d, tt.want)
				}
			})
		})
	}
}
