package oss

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A closedConn is a connection whose read fails with an error, and which is closed then.
type closedConn struct {
	net.Conn
	read error
}

func (c closedConn) Read([]byte) (int, error)         { return 0, c.read }
func (c closedConn) SetWriteDeadline(time.Time) error { return nil }
func (c closedConn) Write([]byte) (int, error) {
	return 0, &net.OpError{Op: "write", Net: "tcp", Err: net.ErrClosed}
}

// Row 58: a connection that the server cuts is closed by net/http when its read fails. The write that fails then tells
// the error of the read.
func TestAWriteOnACutConnectionTellsTheFirstCause(t *testing.T) {
	reset := &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	for _, tt := range []struct {
		name       string
		read, want error
	}{
		{"reset", reset, syscall.ECONNRESET},
		{"closed by the server", io.EOF, io.ErrUnexpectedEOF},
		{"closed here", net.ErrClosed, net.ErrClosed},
		{"a deadline of ours", os.ErrDeadlineExceeded, net.ErrClosed},
		{"no read", nil, net.ErrClosed},
	} {
		for kind, c := range map[string]net.Conn{
			"plain": &conn{Conn: closedConn{read: tt.read}, copied: copySize{max: maxCopyPlain},
				zeroCopied: copySize{max: maxZeroCopy}},
			"TLS": tlsOver(&corkedConn{Conn: closedConn{read: tt.read}}),
		} {
			if tt.read != nil {
				c.Read(make([]byte, 1))
			}
			_, writeErr := c.Write([]byte("x"))
			_, copyErr := c.(io.ReaderFrom).ReadFrom(strings.NewReader("x"))
			for how, err := range map[string]error{"Write": writeErr, "ReadFrom": copyErr} {
				if !errors.Is(err, tt.want) || tt.want != net.ErrClosed && errors.Is(err, net.ErrClosed) {
					t.Errorf("%s, %s: %s: %v, want %v", tt.name, kind, how, err, tt.want)
				}
			}
		}
	}
}

// An alert of the server is an error of the TLS layer, above a connection that reads well. With TLS 1.3, the refusal of
// a client certificate is one.
func TestAWriteAfterAnAlertTellsTheAlert(t *testing.T) {
	alert := &net.OpError{Op: "remote error", Err: errors.New("tls: certificate required")}
	c := tlsOver(&corkedConn{Conn: closedConn{}})
	c.Conn = alerted{c.Conn, alert}
	c.Read(make([]byte, 1))
	if _, err := c.Write([]byte("x")); !errors.Is(err, alert) {
		t.Errorf("Write: %v, want %v", err, alert)
	}
}

// An alerted connection is what tls.Conn is after an alert.
type alerted struct {
	net.Conn
	alert error
}

func (c alerted) Read([]byte) (int, error) { return 0, c.alert }

// tlsOver returns a tlsConn that encrypts nothing.
func tlsOver(under *corkedConn) *tlsConn {
	return &tlsConn{Conn: under, corked: under, copied: copySize{max: maxCopyTLS}}
}
