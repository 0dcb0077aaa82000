package oss_test

import (
	"context"
	"crypto/tls"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// addressed is a network in memory. Every address leads to one osstest.Server, unless behave says otherwise.
type addressed struct {
	srv       *osstest.Server
	transport *http.Transport

	mu     sync.Mutex
	found  []netip.Addr // the answer to all lookups
	behave map[string]func(ctx context.Context, c net.Conn) (net.Conn, error)
	dials  map[string]int
	asked  []string                        // networks of the lookups
	failed func(ctx context.Context) error // of the lookups; nil if they work
}

// newAddressed returns a network where all names have the given addresses, and a Client in it. It needs a bubble.
func newAddressed(t *testing.T, o oss.TransportOptions, found ...string) (*addressed, *oss.Client) {
	t.Helper()
	srv := newServer(t, &osstest.Options{MinPartSize: 1, CNAME: map[string]string{"example.com": "bucket"}})
	n := &addressed{srv: srv, dials: make(map[string]int),
		behave: make(map[string]func(ctx context.Context, c net.Conn) (net.Conn, error))}
	n.answer(found...)
	o.Lookup = func(ctx context.Context, network, _ string) ([]netip.Addr, error) {
		n.mu.Lock()
		found, failed := slices.Clone(n.found), n.failed
		n.asked = append(n.asked, network)
		n.mu.Unlock()
		if failed != nil {
			return nil, failed(ctx)
		}
		return found, nil
	}
	n.transport = oss.TransportConnecting(o, n.connect)
	t.Cleanup(n.transport.CloseIdleConnections)
	return n, n.client(t, "http")
}

func (n *addressed) client(t *testing.T, scheme string) *oss.Client {
	cfg := n.srv.Config()
	cfg.Endpoint, cfg.Addressing, cfg.HTTPClient = scheme+"://example.com", oss.CNAME,
		&http.Client{Transport: n.transport}
	return newClient(t, cfg)
}

// answer sets the addresses that lookups find.
func (n *addressed) answer(found ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.found = nil
	for _, ip := range found {
		n.found = append(n.found, netip.MustParseAddr(ip))
	}
}

// taken returns the number of dials to each address since the last call.
func (n *addressed) taken() map[string]int {
	n.mu.Lock()
	defer n.mu.Unlock()
	taken := maps.Clone(n.dials)
	clear(n.dials)
	return taken
}

func (n *addressed) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	to := netip.MustParseAddrPort(addr)
	n.mu.Lock()
	n.dials[to.Addr().String()]++
	behave := n.behave[to.Addr().String()]
	n.mu.Unlock()
	raw, err := n.srv.HTTPClient().Transport.(*http.Transport).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := &dialedConn{raw, net.TCPAddrFromAddrPort(to)}
	if behave == nil {
		return c, nil
	}
	made, err := behave(ctx, c)
	if err != nil {
		raw.Close()
	}
	return made, err
}

// A dialedConn tells the address that was dialed.
type dialedConn struct {
	net.Conn
	remote net.Addr
}

func (c *dialedConn) RemoteAddr() net.Addr { return c.remote }

// silent is an address that answers nothing.
func silent(ctx context.Context, _ net.Conn) (net.Conn, error) {
	<-ctx.Done()
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
}

// refusing is an address without a server.
func refusing(context.Context, net.Conn) (net.Conn, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
}

// after is an address that is far away.
func after(d time.Duration) func(context.Context, net.Conn) (net.Conn, error) {
	return func(ctx context.Context, c net.Conn) (net.Conn, error) {
		select {
		case <-time.After(d):
			return c, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// A mute connection takes everything and never answers.
type mute struct {
	net.Conn
	closed chan struct{}
	once   sync.Once
}

func (c *mute) Read([]byte) (int, error) { <-c.closed; return 0, net.ErrClosed }

func (c *mute) Write(p []byte) (int, error) { return len(p), nil }

func (c *mute) Close() error { c.once.Do(func() { close(c.closed) }); return c.Conn.Close() }

// parts sends so many parts, with some workers, and returns how long that took. OSS answers each after a delay.
func (n *addressed) parts(t *testing.T, c *oss.Client, parts, workers int, each time.Duration) time.Duration {
	t.Helper()
	up, err := c.InitiateMultipartUpload(t.Context(), "bucket", "key", nil)
	if err != nil {
		t.Fatal(err)
	}
	n.transport.CloseIdleConnections()
	n.taken()
	defer n.srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Delay(each)}).Remove()
	began := time.Now()
	numbers := make(chan int)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for number := range numbers {
				if _, err := c.UploadPart(t.Context(), up, number, strings.NewReader("body"), nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for number := range parts {
		numbers <- number + 1
	}
	close(numbers)
	wg.Wait()
	return time.Since(began)
}

// A cutAfter connection ends with err after so many bytes of replies.
type cutAfter struct {
	net.Conn
	left int
	err  error
}

func (c *cutAfter) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, c.err
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// behindTLS returns the client's end of a connection whose other end decrypts for c.
func behindTLS(t *testing.T, c net.Conn, config *tls.Config) net.Conn {
	near, far := net.Pipe()
	server := tls.Server(far, config)
	go func() { io.Copy(server, c); server.Close() }()
	go func() { io.Copy(c, server); c.Close() }()
	return &dialedConn{near, c.RemoteAddr()}
}

// A closes connection reports that it was closed.
type closes struct {
	net.Conn
	report func()
}

func (c *closes) Close() error { c.report(); return c.Conn.Close() }
