package oss_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// A rawServer is a server that is scripted byte by byte, as no http.Server can be, and a real http.Transport connected
// to it. It works in a synctest bubble.
type rawServer struct {
	dial      func(ctx context.Context, network, addr string) (net.Conn, error)
	transport *http.Transport
	far       func(net.Conn) net.Conn // what serve sees of its end
	running   sync.WaitGroup

	mu   sync.Mutex
	ends []*serverConn
}

// A serverConn is the server's end of a connection.
type serverConn struct {
	net.Conn
	number int         // of the connection, from 1
	deaf   atomic.Bool // writing to it fails before the first byte
}

// A clientConn is the client's end of a connection.
type clientConn struct {
	net.Conn
	far *serverConn
}

func (n *clientConn) Write(p []byte) (int, error) {
	if n.far.deaf.Load() {
		return 0, syscall.EPIPE
	}
	return n.Conn.Write(p)
}

// newRawServer returns a rawServer that calls serve for each connection. The connection stays open and silent until
// serve closes it or the test ends.
func newRawServer(t testing.TB, serve func(*serverConn)) *rawServer {
	l := &rawServer{far: func(c net.Conn) net.Conn { return c }}
	l.dial = func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		l.mu.Lock()
		defer l.mu.Unlock()
		e := &serverConn{Conn: l.far(there), number: len(l.ends) + 1}
		l.ends = append(l.ends, e)
		l.running.Go(func() { serve(e) })
		return &clientConn{here, e}, nil
	}
	l.transport = &http.Transport{DialContext: l.dial}
	t.Cleanup(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, e := range l.ends {
			e.Close()
		}
		l.running.Wait()
		l.transport.CloseIdleConnections()
	})
	return l
}

// client returns a Client at the near end.
func (l *rawServer) client(t testing.TB, cfg oss.Config) *oss.Client {
	cfg.Endpoint, cfg.Credentials = "http://oss.example.com", keys
	cfg.HTTPClient = &http.Client{Transport: l.transport}
	return newClient(t, cfg)
}

// dials returns how many connections were made.
func (l *rawServer) dials() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.ends)
}

// receive reads exactly n bytes.
func (e *serverConn) receive(n int64) { io.CopyN(io.Discard, e, n) }

// request reads a whole request and returns its body.
func (e *serverConn) request() string {
	r, err := http.ReadRequest(bufio.NewReader(e))
	if err != nil {
		return ""
	}
	b, _ := io.ReadAll(r.Body)
	return string(b)
}

// storeAll answers one request after the other, with the sums of its body.
func (e *serverConn) storeAll(t testing.TB) {
	for r := bufio.NewReader(e); ; {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		e.say(ok(string(body)))
	}
}

// cutFirst cuts the first connection after n bytes, and stores the body that comes on another.
func (e *serverConn) cutFirst(n int64) {
	if e.number == 1 {
		e.receive(n)
		e.Close()
		return
	}
	e.say(ok(e.request()))
}

// say writes a reply, or a piece of one.
func (e *serverConn) say(text string) { io.WriteString(e, text) }

// ok is a reply that body was stored.
func ok(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: %s\r\nx-oss-hash-crc64ecma: %s\r\n\r\n",
		etag(body), crc(body))
}

func TestCatalogueR1ConnectionCutAtAnyByteOfTheRequest(t *testing.T) {
	body := content(10_000)
	for _, n := range []int64{0, 1, 100, 300, 400, 1000, 5000, 10_000, 10_300} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				line := newRawServer(t, func(e *serverConn) {
					if e.number == 1 {
						e.receive(n)
						e.Close()
						return
					}
					e.say(ok(e.request()))
				})
				part, err := line.client(t, oss.Config{}).UploadPart(t.Context(), upload, 1, strings.NewReader(body),
					nil)
				if err != nil || part.ETag != etag(body) || line.dials() != 2 {
					t.Errorf("UploadPart = %+v, %v over %d connections", part, err, line.dials())
				}
			})
		})
	}
}

func TestCatalogueR1ConnectionCutAtAnyByteOfTheReply(t *testing.T) {
	const doc = "<ListPartsResult><IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber><ETag>e</ETag>" +
		"</Part></ListPartsResult>"
	reply := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(doc), doc)
	for n := range len(reply) {
		synctest.Test(t, func(t *testing.T) {
			line := newRawServer(t, func(e *serverConn) {
				e.request()
				if e.number == 1 {
					e.say(reply[:n])
					e.Close()
					return
				}
				e.say(reply)
			})
			page, err := line.client(t, oss.Config{}).ListParts(t.Context(), upload, nil)
			if err != nil || len(page.Parts) != 1 || line.dials() != 2 {
				t.Errorf("cut after %d bytes: ListParts = %+v, %v over %d connections", n, page, err, line.dials())
			}
		})
	}
}

func TestKeptConnectionThatWasClosedIsNoAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newRawServer(t, func(e *serverConn) {
			e.say(ok(e.request()))
			e.deaf.Store(true) // OSS has hung up, and the client does not know yet
		})
		var sent []int64
		c := line.client(t,
			oss.Config{Hooks: oss.Hooks{OnAttempt: func(_ context.Context, _ oss.Operation, a oss.Attempt) {
				sent = append(sent, a.Sent)
			}}})
		for number := range 2 {
			if _, err := c.UploadPart(t.Context(), upload, number+1, strings.NewReader("body"), nil); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		if line.dials() != 2 || len(sent) != 2 || sent[0] != 4 || sent[1] != 4 {
			t.Errorf("%d connections, attempts that sent %v, want 2 and 4 bytes each", line.dials(), sent)
		}
	})
}

func TestBodyThatCannotBeReadIsNotSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("disk on fire")
		line := newRawServer(t, func(e *serverConn) { e.request() })
		_, err := line.client(t, oss.Config{}).UploadPart(t.Context(), upload, 1,
			bodyFunc{1 << 20, func(p []byte, off int64) (int, error) {
				if off > 100_000 {
					return 0, broken
				}
				return len(p), nil
			}}, &oss.PartOptions{Checksum: oss.ChecksumNone})
		if !errors.Is(err, broken) || !strings.Contains(err.Error(), "reading the body at byte 1") ||
			line.dials() != 1 {
			t.Errorf("UploadPart: %v over %d connections", err, line.dials())
		}
	})
}

// A waitingBody waits before each read, as one with a rate limit does.
type waitingBody struct {
	*strings.Reader
	wait time.Duration
}

func (w waitingBody) ReadAtContext(ctx context.Context, p []byte, off int64) (int, error) {
	select {
	case <-time.After(w.wait):
		return w.ReadAt(p, off)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func TestWaitOfABodyEndsWithItsAttempt(t *testing.T) {
	for _, tt := range []struct {
		name  string
		first func(e *serverConn)
	}{
		{"refused early", func(e *serverConn) {
			e.receive(100)
			e.say("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
		}},
		{"cut", func(e *serverConn) { e.receive(100); e.Close() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var second time.Time
				body := waitingBody{strings.NewReader(content(100_000)), time.Hour}
				line := newRawServer(t, func(e *serverConn) {
					if e.number == 1 {
						tt.first(e)
						return
					}
					second = time.Now()
					e.say(ok(e.request()))
				})
				c := line.client(t, oss.Config{Retry: oss.Retry{MinWait: 1, MaxWait: 1}})
				began := time.Now()
				if _, err := c.UploadPart(t.Context(), upload, 1, body,
					&oss.PartOptions{Checksum: oss.ChecksumCRC64}); err != nil {
					t.Error(err)
				}
				if d := second.Sub(began); d > time.Second {
					t.Errorf("the second attempt began after %v", d)
				}
			})
		})
	}
}

func TestWaitOfABodyEndsWithItsCall(t *testing.T) {
	for _, s := range []oss.Checksum{oss.ChecksumMD5, oss.ChecksumCRC64} {
		synctest.Test(t, func(t *testing.T) {
			line := newRawServer(t, func(e *serverConn) { e.say(ok(e.request())) })
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			began := time.Now()
			body := waitingBody{strings.NewReader(content(100_000)), time.Hour}
			_, err := line.client(t, oss.Config{}).UploadPart(ctx, upload, 1, body, &oss.PartOptions{Checksum: s})
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
				t.Errorf("checksum %d: UploadPart: %v after %v", s, err, time.Since(began))
			}
		})
	}
}
