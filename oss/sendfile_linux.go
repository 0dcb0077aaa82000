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

// errNoSendfile says that sendfile(2) cannot handle this file or connection. Nothing has been sent.
var errNoSendfile = errors.New("no sendfile")

// sendRange has the kernel send a range of a file that body has lent, and tells body now and then whether it moves. It
// leaves a deadline behind.
func sendFile(c net.Conn, r zerocopy.Region, body *requestBody) (sent int64, err error) {
	to, ok := c.(syscall.Conn)
	if !ok {
		return 0, errNoSendfile
	}
	out, err := to.SyscallConn()
	if err != nil {
		return 0, err
	}
	in, err := r.File.SyscallConn()
	if err != nil {
		return 0, &sourceError{done: body.n - r.Size, size: body.size, err: err}
	}
	look := body.pollInterval()
	for sent < r.Size {
		c.SetWriteDeadline(time.Now().Add(look))
		before := sent
		var failed error
		ended := in.Control(func(from uintptr) { // which keeps the file open
			err = out.Write(func(to uintptr) bool {
				for sent < r.Size {
					at := r.Offset + sent
					n, e := syscall.Sendfile(int(to), int(from), &at, int(r.Size-sent))
					sent += int64(max(n, 0))
					switch {
					case e == syscall.EINTR || e == nil && n > 0:
					case e == syscall.EAGAIN:
						return false // until there is room
					case e == nil:
						failed = &sourceError{done: body.n - r.Size + sent, size: body.size, err: io.ErrUnexpectedEOF}
						return true
					default:
						failed = os.NewSyscallError("sendfile", e)
						return true
					}
				}
				return true
			})
		})
		switch {
		case ended != nil: // the file is closed
			return sent, &sourceError{done: body.n - r.Size + sent, size: body.size, err: ended}
		case failed != nil && sent == 0 && !errors.Is(failed, io.ErrUnexpectedEOF):
			return 0, errNoSendfile // if it is the line that failed, writing will tell
		case failed != nil:
			return sent, failed
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
			return sent, err
		}
		if sent > before {
			body.progressed()
		}
	}
	return sent, nil
}
