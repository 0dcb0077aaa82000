package multipart_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A cable connects a client with its server. While it is cut, connections are reset and new ones fail, or nothing gets
// through at all.
type cable struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)

	mu    sync.Mutex
	cut   *cut // nil while the cable is whole
	conns map[*cableConn]bool
	dials []time.Time // while it was cut
}

// A cut says how connections fail.
type cut struct {
	name   string
	dial   func(ctx context.Context) error
	silent bool // open connections hang; otherwise they are reset
	mended chan struct{}
}

// dialErrors are the ways in which a new connection can fail.
var dialErrors = map[string]func(ctx context.Context) error{
	"refused": func(context.Context) error { return syscall.ECONNREFUSED },
	"no route": func(ctx context.Context) error {
		select {
		case <-time.After(3 * time.Second):
			return syscall.EHOSTUNREACH
		case <-ctx.Done():
			return ctx.Err()
		}
	},
	"no DNS": func(context.Context) error {
		return &net.DNSError{Err: "server misbehaving", Name: "bucket.example", IsTemporary: true}
	},
	"silent": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
}

// newCable returns a client of srv behind a cable.
func newCable(t *testing.T, srv *osstest.Server, change func(*oss.Config)) (*cable, *oss.Client) {
	c := &cable{conns: make(map[*cableConn]bool)}
	return c, client(t, srv, func(cfg *oss.Config) {
		cfg.Retry = oss.Retry{}
		cfg.HTTPClient = &http.Client{Transport: c.under(t, cfg.HTTPClient.Transport)}
		if change != nil {
			change(cfg)
		}
	})
}

// under returns a transport like tr whose connections go through the cable.
func (c *cable) under(t *testing.T, tr http.RoundTripper) http.RoundTripper {
	own := tr.(*http.Transport).Clone()
	c.dial = own.DialTLSContext
	own.DialTLSContext = c.connect
	t.Cleanup(own.CloseIdleConnections)
	return own
}

func (c *cable) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	c.mu.Lock()
	now := c.cut
	if now != nil {
		c.dials = append(c.dials, time.Now())
	}
	c.mu.Unlock()
	if now != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: now.dial(ctx)}
	}
	raw, err := c.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	conn := &cableConn{Conn: raw, cable: c, closed: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns[conn] = true
	return conn, nil
}

// interrupt cuts the cable for d.
func (c *cable) interrupt(name string, d time.Duration) {
	now := &cut{name: name, dial: dialErrors[name], silent: name == "silent", mended: make(chan struct{})}
	c.mu.Lock()
	c.cut = now
	var open []*cableConn
	for conn := range c.conns {
		open = append(open, conn)
	}
	c.mu.Unlock()
	if !now.silent {
		for _, conn := range open {
			conn.reset()
		}
	}
	time.Sleep(d)
	c.mu.Lock()
	c.cut = nil
	c.mu.Unlock()
	close(now.mended)
}

// wait blocks while a silent cut lasts.
func (c *cable) wait(closed <-chan struct{}) {
	c.mu.Lock()
	now := c.cut
	c.mu.Unlock()
	if now == nil || !now.silent {
		return
	}
	select {
	case <-now.mended:
	case <-closed:
	}
}

// A cableConn is a connection that the cable can reset.
type cableConn struct {
	net.Conn
	cable  *cable
	closed chan struct{}
	once   sync.Once
	broken bool // guarded by the cable's mutex
}

func (c *cableConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.cable.wait(c.closed)
	return n, c.why("read", err)
}

func (c *cableConn) Write(p []byte) (int, error) {
	c.cable.wait(c.closed)
	n, err := c.Conn.Write(p)
	return n, c.why("write", err)
}

func (c *cableConn) why(op string, err error) error {
	c.cable.mu.Lock()
	defer c.cable.mu.Unlock()
	if err != nil && c.broken {
		return &net.OpError{Op: op, Net: "tcp", Err: syscall.ECONNRESET}
	}
	return err
}

func (c *cableConn) Close() error {
	c.cable.mu.Lock()
	delete(c.cable.conns, c)
	c.cable.mu.Unlock()
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

func (c *cableConn) reset() {
	c.cable.mu.Lock()
	c.broken = true
	c.cable.mu.Unlock()
	c.Conn.Close()
}
