package multipart

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// A guard keeps the first panic of code that the caller has given: a reader, a body, a Limiter, a Store, a hook. Much
// of it runs in goroutines of this package or of net/http, where a panic would end the process past every recover of
// the caller. The upload fails instead, and when it has been cleaned up the call that began it panics with the same
// value.
type guard struct {
	mu       sync.Mutex
	panicked bool
	value    any
}

// errPanicked fails an upload some of whose code panicked.
var errPanicked = errors.New("multipart: code of the caller panicked")

// catch is deferred around code of the caller, and turns a panic into errPanicked.
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

// do runs code of the caller.
func (g *guard) do(f func() error) (err error) {
	defer g.catch(&err)
	return f()
}

// rethrow panics with what was caught.
func (g *guard) rethrow() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.panicked {
		panic(g.value)
	}
}

// reader returns r with its panics caught.
func (g *guard) reader(r io.Reader) io.Reader { return guardedReader{g, r} }

type guardedReader struct {
	guard *guard
	r     io.Reader
}

func (r guardedReader) Read(p []byte) (n int, err error) {
	defer r.guard.catch(&err)
	return r.r.Read(p)
}

// readerAt returns r with its panics caught. Types of the standard library that run no code of others stay what they
// are.
func (g *guard) readerAt(r io.ReaderAt) io.ReaderAt {
	switch r.(type) {
	case *os.File, *bytes.Reader, *strings.Reader:
		return r
	}
	return guardedReaderAt{g, r}
}

type guardedReaderAt struct {
	guard *guard
	r     io.ReaderAt
}

func (r guardedReaderAt) ReadAt(p []byte, off int64) (n int, err error) {
	defer r.guard.catch(&err)
	return r.r.ReadAt(p, off)
}

// withCause adds the cause of the caller's context to an error that says that the context has ended.
func withCause(ctx context.Context, err error) error {
	if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return &causedError{err, cause}
	}
	return err
}

// A causedError is an error and the cause of the context that led to it.
type causedError struct{ err, cause error }

func (e *causedError) Unwrap() []error { return []error{e.err, e.cause} }

// Error names the cause unless err has it, as net/http puts it where a request was cut off.
func (e *causedError) Error() string {
	if text := e.err.Error(); strings.HasSuffix(text, e.cause.Error()) {
		return text
	}
	return fmt.Sprintf("%v: %v", e.err, e.cause)
}
