package oss

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/ossmultipart/go-oss/internal/zerocopy"
)

// errNoSendfile reports that sendfile(2) cannot handle this file or connection. Nothing has been sent.
var errNoSendfile = errors.New("no sendfile")

// sendFile sends r, a region of body in a file, by sendfile(2), and reports progress to body while it does. It leaves a
// write deadline on c.
func sendFile(c net.Conn, r zerocopy.Region, body *requestBody) (sent int64, err error) {
	socket, ok := c.(syscall.Conn)
	if !ok {
		return 0, errNoSendfile
	}
	out, err := socket.SyscallConn()
	if err != nil {
		return 0, err
	}
	start := body.n - r.Size // of r in body, which counts r as read
	in, err := r.File.SyscallConn()
	if err != nil {
		return 0, &sourceError{done: start, size: body.size, err: err}
	}
	poll := body.pollInterval()
	for sent < r.Size {
		c.SetWriteDeadline(time.Now().Add(poll))
		n, err := sendfile(out, in, r.Offset+sent, r.Size-sent)
		sent += n
		switch e := err.(type) {
		case nil:
		case *sourceError:
			e.done, e.size = start+sent, body.size
			return sent, e
		case *os.SyscallError:
			if sent == 0 {
				return 0, errNoSendfile // if the connection is to blame, the write that follows fails too
			}
			return sent, e
		default:
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				return sent, err
			}
		}
		if n > 0 {
			body.progressed()
		}
	}
	return sent, nil
}

// sendfile sends size bytes of in from offset on, and returns the number of bytes sent by the write deadline of out. An
// error of the file is a *sourceError, one of the system call an *os.SyscallError; any other is an error of out.
func sendfile(out, in syscall.RawConn, offset, size int64) (n int64, err error) {
	var failed error
	closed := in.Control(func(from uintptr) { // keeps the file open meanwhile
		err = out.Write(func(to uintptr) (done bool) {
			for n < size && failed == nil {
				at := offset + n
				m, e := syscall.Sendfile(int(to), int(from), &at, int(size-n))
				n += int64(max(m, 0))
				switch {
				case e == syscall.EAGAIN:
					return false // until the socket has room
				case e == syscall.EINTR, e == nil && m > 0:
				case e == nil:
					failed = &sourceError{err: io.ErrUnexpectedEOF}
				default:
					failed = os.NewSyscallError("sendfile", e)
				}
			}
			return true
		})
	})
	switch {
	case closed != nil:
		return n, &sourceError{err: closed}
	case failed != nil:
		return n, failed
	}
	return n, err
}
