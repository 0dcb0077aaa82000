package osstusd_test

import (
	"net"
	"sync"
	"testing"
)

// A proxy forwards connections to a server, and stops when clients have sent a number of bytes.
type proxy struct {
	listener net.Listener
	server   func() string // its address
	due      chan struct{} // receives when the bytes of arm have been sent
	resume   chan struct{} // lets bytes pass again
	ended    sync.WaitGroup

	gate sync.Mutex // held while p is stopped
	left int        // bytes until due; 0 means never

	mu    sync.Mutex
	conns map[net.Conn]bool
}

func newProxy(t *testing.T, server func() string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, server: server, conns: make(map[net.Conn]bool),
		due: make(chan struct{}), resume: make(chan struct{})}
	p.ended.Go(p.accept)
	t.Cleanup(func() {
		listener.Close()
		p.cut()
		p.ended.Wait()
	})
	return p
}

// arm makes p stop after n bytes.
func (p *proxy) arm(n int) {
	p.gate.Lock()
	defer p.gate.Unlock()
	p.left = n
}

// cut closes all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		conn.Close()
	}
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server())
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.conns[client], p.conns[server] = true, true
		p.mu.Unlock()
		p.ended.Go(func() { p.forward(client, server, p.count) })
		p.ended.Go(func() { p.forward(server, client, func(int) {}) })
	}
}

func (p *proxy) forward(from, to net.Conn, count func(int)) {
	buf := make([]byte, 8<<10)
	for {
		n, err := from.Read(buf)
		if err == nil {
			count(n)
			_, err = to.Write(buf[:n])
		}
		if err != nil {
			break
		}
	}
	from.Close()
	to.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, from)
	delete(p.conns, to)
}

// count waits if n bytes more are those of arm. No other bytes of a client pass meanwhile.
func (p *proxy) count(n int) {
	p.gate.Lock()
	defer p.gate.Unlock()
	if p.left == 0 {
		return
	}
	if p.left -= n; p.left <= 0 {
		p.left = 0
		p.due <- struct{}{}
		<-p.resume
	}
}
