package main

import (
	"net"
	"time"
)

// The line of the slow scenarios, much like one across a country.
const (
	slowLatency = 20 * time.Millisecond // before each reply
	slowRate    = 25 << 20              // bytes a second, of each connection and direction
)

// A slowListener accepts connections that are read no faster than slowRate.
type slowListener struct{ net.Listener }

func (l slowListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetReadBuffer(256 << 10) // else whole parts would vanish into the kernel at once
		tcp.SetWriteBuffer(256 << 10)
	}
	return &slowConn{Conn: c}, nil
}

// A slowConn is read by one goroutine at a time and written by one, as net/http does.
type slowConn struct {
	net.Conn
	free time.Time // when the line is done with what was read
	sent time.Time // and with what was written
}

func (c *slowConn) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		time.Sleep(time.Until(c.sent))
		var m int
		m, err = c.Conn.Write(p[n:min(len(p), n+64<<10)])
		n += m
		if now := time.Now(); now.After(c.sent) {
			c.sent = now
		}
		c.sent = c.sent.Add(time.Duration(m) * time.Second / slowRate)
	}
	return n, err
}

func (c *slowConn) Read(p []byte) (int, error) {
	time.Sleep(time.Until(c.free))
	n, err := c.Conn.Read(p[:min(len(p), 64<<10)])
	if now := time.Now(); now.After(c.free) {
		c.free = now
	}
	c.free = c.free.Add(time.Duration(n) * time.Second / slowRate)
	return n, err
}
