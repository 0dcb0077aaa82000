package main

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// pipes is a net.Listener without ports, which stands still in a synctest bubble.
type pipes struct {
	dialed chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.dialed:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.dialed <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// A bench is all of ossd but the command line and the port, to be used in a synctest bubble.
type bench struct {
	server *osstest.Server
	client *oss.Client
	cfg    oss.Config

	interrupt context.CancelFunc
	ended     chan error
	log       *bytes.Buffer // to be read after end
	transport *http.Transport
}

// newBench starts a bench with faults in their written form.
func newBench(t *testing.T, faults ...string) *bench {
	t.Helper()
	b := &bench{ended: make(chan error, 1), log: new(bytes.Buffer)}
	var s settings
	for _, text := range faults {
		f, err := parseFault(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		s.faults = append(s.faults, f)
	}
	l := &requestLog{now: time.Now, out: b.log}
	var err error
	if b.server, err = s.open(slog.New(l)); err != nil {
		t.Fatal(err)
	}
	l.next = b.server

	ln := &pipes{dialed: make(chan net.Conn), closed: make(chan struct{})}
	b.transport = &http.Transport{DialContext: ln.dial}
	b.cfg = b.server.Config()
	b.cfg.Endpoint, b.cfg.HTTPClient = "http://127.0.0.1", &http.Client{Transport: b.transport}
	if b.client, err = oss.NewClient(b.cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	b.interrupt = cancel
	go func() { b.ended <- serve(ctx, l, l, b.server.Close, ln) }()
	return b
}

// once returns a client that does not try again.
func (b *bench) once(t *testing.T) *oss.Client {
	t.Helper()
	cfg := b.cfg
	cfg.Retry.Attempts = 1
	c, err := oss.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// end stops the bench and returns the log without its times.
func (b *bench) end(t *testing.T) []string {
	t.Helper()
	b.interrupt()
	if err := <-b.ended; err != nil {
		t.Errorf("serve: %v", err)
	}
	b.transport.CloseIdleConnections()
	b.server.Close()
	var lines []string
	for line := range strings.Lines(b.log.String()) {
		if m := logLine.FindStringSubmatch(strings.TrimSuffix(line, "\n")); m != nil {
			lines = append(lines, m[1]+m[3])
		}
	}
	return lines
}

// logLine tells the line of a request from others: the time, what happened, how long, the fault.
var logLine = regexp.MustCompile(`^[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3} (.*) ([0-9]+\.[0-9])ms( fault .*)?$`)

var anyTime = regexp.MustCompile(`(?m)^[0-9:.]{12}`)
