package osstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/ossmultipart/go-oss/internal/memnet"
)

// lingerTime limits how long an http.Server reads the rest of a body that no operation reads.
const lingerTime = 500 * time.Millisecond

// hangUp makes the reply the last one on a connection on which the rest of the request may still arrive. The caller
// calls the returned function when the reply is written.
//
// Over TCP a client can lose a reply to a reset if the server closes with unread bytes. So net/http waits half a second
// before it closes, unless no body was left unread. The in-memory network needs no such wait: it discards the rest.
//
// net/http reads the rest of a short body before it sends the reply, and again after it. The body of a GET need not be
// read, so the reply is sent first, and the time for reading is limited.
func (x *exchange) hangUp() func() {
	if c := connOf(x.r); c != nil {
		c.DiscardInput()
		x.r.Body = http.NoBody
		x.w.Header().Set("Connection", "close")
		return func() {}
	}
	if !x.ignoresBody() {
		return func() {}
	}
	control := http.NewResponseController(x.w)
	control.EnableFullDuplex() // fails on HTTP/2, which is full-duplex anyway, and in tests without a connection
	x.w.Header().Set("Connection", "close")
	return func() {
		control.Flush()
		control.SetReadDeadline(time.Now().Add(lingerTime))
	}
}

// sendStart sends the first cutAt bytes of a reply, status line and headers included, and closes the connection. The
// log has no status for a reply that is incomplete.
func (x *exchange) sendStart(rep *reply) error {
	// a complete reply must not leave a broken connection to the next request
	header := http.Header{"Connection": {"close"}}
	body, size := x.setHeader(header, rep), rep.size
	if body == nil {
		body, size = http.NoBody, 0
		if header.Get("Content-Length") == "" && rep.status != http.StatusNoContent &&
			rep.status != http.StatusNotModified {
			header.Set("Content-Length", "0")
		}
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "HTTP/1.1 %d %s\r\n", rep.status, http.StatusText(rep.status))
	header.Write(&head)
	head.WriteString("\r\n")
	if x.cutAt < int64(head.Len())+size {
		x.record(nil)
	} else {
		x.record(rep)
	}
	nc, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(x.closing, func() { nc.Close(); close(closed) }) // ends a Write in progress
	io.Copy(nc, io.LimitReader(io.MultiReader(&head, body), x.cutAt))          // an error means that the client is gone
	// not a reset, so that the client can read what was sent
	nc.Close()
	if !stop() {
		<-closed
	}
	return nil
}

// ignoresBody reports whether no operation reads the body of a request with this method.
func (x *exchange) ignoresBody() bool {
	return x.r.Method == http.MethodGet || x.r.Method == http.MethodHead
}

// drainLimit limits the bytes that drain reads.
const drainLimit = 64 << 20

// drain reads the rest of the body of the request, so that a client that is still writing gets the reply: over TCP an
// early reply can be lost to a reset. It does not read a body for which the client awaits "100 Continue", one that is
// too long, and that of a GET, which may never arrive although its length was announced.
func (x *exchange) drain() error {
	waits := x.r.Header.Get("Expect") != "" && x.body.arrived() == 0
	if waits || x.ignoresBody() || x.r.ContentLength-x.body.arrived() > drainLimit {
		return nil
	}
	if _, err := io.CopyN(io.Discard, x.body, drainLimit); errors.Is(err, errCut) {
		return err
	}
	return nil
}

// wait waits for d, or without a limit if d is negative. It fails with errCut when the client closes its connection or
// the Server is closed. Over TCP that is noticed only after the whole body was read.
func (x *exchange) wait(d time.Duration) error {
	var elapsed <-chan time.Time
	if d >= 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		elapsed = timer.C
	}
	var gone <-chan struct{}
	if c := connOf(x.r); c != nil {
		gone = c.PeerClosed()
	}
	select {
	case <-elapsed:
		return nil
	case <-gone:
	case <-x.r.Context().Done():
	case <-x.closing.Done():
	}
	return errCut
}

// cut closes the connection without a reply, with a reset where that is possible.
func (x *exchange) cut() {
	x.record(nil)
	nc, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil { // HTTP/2, or no connection at all
		panic(http.ErrAbortHandler)
	}
	switch c := nc.(type) {
	case *memnet.Conn:
		c.Reset()
	case *net.TCPConn:
		c.SetLinger(0) // Close sends RST
	case interface{ NetConn() net.Conn }: // TLS
		if tcp, ok := c.NetConn().(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
	}
	nc.Close()
}
