package multipart

import (
	"bufio"
	"context"
	"errors"
	"io"
	"maps"

	"github.com/ossmultipart/go-oss/oss"
)

// A Writer streams into one object. Defer Abort and check the error of Close, as with a database transaction:
//
//	w := uploader.NewWriter(ctx, "bucket", "key", nil)
//	defer w.Abort()
//	if err := json.NewEncoder(w).Encode(v); err != nil {
//		return err
//	}
//	return w.Close()
//
// A Writer is not safe for concurrent use. To end it from another goroutine, cancel its context.
type Writer struct {
	upload func(io.Reader) (*Result, error) // the upload of the data
	cancel context.CancelCauseFunc          // ends it

	buf  *bufio.Writer  // gathers small writes; nil before the first
	pipe *io.PipeWriter // to the upload
	done chan struct{}  // closed when the upload has ended

	result *Result
	err    error
	panic  any // of Options.Progress

	failed error // why the Writer accepts no more data
	ended  bool  // by Close or Abort
}

// writerBuffer is the size of the buffer in front of the upload.
const writerBuffer = 64 << 10 // bytes

var (
	errWriterClosed  = errors.New("multipart: writer is closed")
	errWriterAborted = errors.New("multipart: writer was aborted")
)

// NewWriter returns a Writer whose Close creates the object.
//
// A Writer holds no memory before the first Write. After that it holds 64 KiB, and the memory of a stream: see
// Options.MemoryLimit. One goroutine may write to any number of Writers in turn. If their parts do not fit into the
// memory together, they are sent before they are full.
func (u *Uploader) NewWriter(ctx context.Context, bucket, key string, opts *oss.ObjectOptions) *Writer {
	if opts != nil { // read in the background, when the caller may have changed them for the next object
		own := *opts
		own.Metadata, own.Tags, own.Header = maps.Clone(opts.Metadata), maps.Clone(opts.Tags), opts.Header.Clone()
		opts = &own
	}
	ctx, cancel := context.WithCancelCause(ctx)
	return &Writer{
		upload: func(r io.Reader) (*Result, error) { return u.Upload(ctx, bucket, key, r, opts) },
		cancel: cancel, done: make(chan struct{}),
	}
}

// begin begins the upload.
func (w *Writer) begin() {
	r, pipe := io.Pipe()
	w.buf, w.pipe = bufio.NewWriterSize(pipe, writerBuffer), pipe
	go func() {
		defer close(w.done)
		defer func() {
			if v := recover(); v != nil {
				w.panic, w.err = v, errPanicked
			}
			r.CloseWithError(w.err) // a Write that waits, or comes later, learns why
		}()
		w.result, w.err = w.upload(r)
	}()
}

// Write buffers p. Full parts are sent in the background, and Write may return an error of an earlier part.
func (w *Writer) Write(p []byte) (int, error) {
	if err := w.usable(); err != nil {
		return 0, err
	}
	n, err := w.buf.Write(p)
	return n, w.fail(err)
}

// ReadFrom reads r to its end. If r fails the Writer fails too, so that a later Close creates no truncated object.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	if err := w.usable(); err != nil {
		return 0, err
	}
	n, err := w.buf.ReadFrom(r)
	return n, w.fail(err)
}

// usable begins the upload unless it has begun, or returns the reason why the Writer accepts no more data.
func (w *Writer) usable() error {
	switch {
	case w.failed != nil:
		return w.failed
	case w.ended:
		return errWriterClosed
	case w.buf == nil:
		w.begin()
	}
	return nil
}

// fail records the first error, and ends the upload with it.
func (w *Writer) fail(err error) error {
	if err != nil && w.failed == nil {
		w.failed = err
		w.pipe.CloseWithError(err)
	}
	return err
}

// Close sends the last part and creates the object. The object exists only if the error is nil. A second Close, or a
// Close after Abort, returns an error.
func (w *Writer) Close() error {
	if w.ended {
		return w.usable()
	}
	if w.usable() == nil {
		w.fail(w.buf.Flush())
	}
	w.ended = true
	w.pipe.Close() // without effect after a failure: then the upload ends with that error
	w.wait()
	return w.err
}

// Abort discards the upload and waits until it is aborted. After a Close it does nothing. An error means that something
// may be left in OSS.
func (w *Writer) Abort() error {
	if w.ended {
		return nil
	}
	w.ended = true
	if w.buf == nil {
		w.failed = errWriterAborted
		w.cancel(nil)
		return nil
	}
	w.fail(errWriterAborted)
	w.cancel(errWriterAborted)
	w.wait()
	var ue *UploadError
	unknown := errors.Is(w.err, ErrOutcomeUnknown)
	if errors.As(w.err, &ue) && (ue.Plan.Upload.ID != "" && !ue.Aborted || len(ue.Orphans) > 0 || unknown) {
		return w.err
	}
	return nil
}

// wait returns when the upload has ended, and passes on a panic of Options.Progress.
func (w *Writer) wait() {
	<-w.done
	w.cancel(nil)
	if w.panic != nil {
		panic(w.panic)
	}
}

// Result returns the result after a successful Close, otherwise nil.
func (w *Writer) Result() *Result {
	select {
	case <-w.done:
	default:
		return nil
	}
	if w.err != nil {
		return nil
	}
	return w.result
}
