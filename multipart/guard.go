package multipart

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
)

// A guard keeps the first panic of code that the caller supplied: a reader, a body, a Limiter, a Store or a hook. Much
// of this code runs in goroutines of this package or of net/http, where no recover of the caller could catch the panic
// and the process would end. Instead the upload fails, and after the clean-up the call that began it panics with the
// same value.
type guard struct {
	mu       sync.Mutex
	panicked bool
	value    any
}

// errPanicked fails an upload after a panic of code that the caller supplied.
var errPanicked = errors.New("multipart: code supplied by the caller panicked")

// catch is deferred around code of the caller. It turns a panic into errPanicked.
func (g *guard) catch(err *error) {
	v := recover()
	if v == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.panicked {
		g.panicked, g.value = true, v
	}
	*err = errPanicked
}

// do runs f, which calls code of the caller.
func (g *guard) do(f func() error) (err error) {
	defer g.catch(&err)
	return f()
}

// caught returns errPanicked if a panic was caught.
func (g *guard) caught() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.panicked {
		return errPanicked
	}
	return nil
}

// rethrow panics with the value that was caught, if any.
func (g *guard) rethrow() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.panicked {
		panic(g.value)
	}
}

// reader returns r with a guard around its Read.
func (g *guard) reader(r io.Reader) io.Reader { return guardedReader{g, r} }

type guardedReader struct {
	guard *guard
	r     io.Reader
}

func (r guardedReader) Read(p []byte) (n int, err error) {
	defer r.guard.catch(&err)
	return r.r.Read(p)
}

// readerAt returns r with a guard around its ReadAt. Types of the standard library that call no code of the caller, and
// sections of them, are returned unchanged.
func (g *guard) readerAt(r io.ReaderAt) io.ReaderAt {
	for inner := r; ; {
		switch at := inner.(type) {
		case *os.File, *bytes.Reader, *strings.Reader:
			return r
		case *io.SectionReader:
			inner, _, _ = at.Outer()
		default:
			return guardedReaderAt{g, r}
		}
	}
}

type guardedReaderAt struct {
	guard *guard
	r     io.ReaderAt
}

func (r guardedReaderAt) ReadAt(p []byte, off int64) (n int, err error) {
	defer r.guard.catch(&err)
	return r.r.ReadAt(p, off)
}
