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
// Suspend ends a Writer without creating the object, and another Writer, in this process or another one, continues at
// the next byte: see ContinueWriter.
//
// A Writer is not safe for concurrent use. To end it from another goroutine, cancel its context.
type Writer struct {
	ctx       context.Context
	cancel    context.CancelCauseFunc // ends the upload
	job       *job                    // the upload; nil if the arguments are invalid
	continued bool                    // the upload is kept if the Writer fails: others continue it
	size      int64                   // bytes written

	buf  *bufio.Writer  // gathers small writes; nil while no leg of the upload runs
	pipe *io.PipeWriter // to the upload
	done chan struct{}  // closed when the leg has ended

	result *Result
	err    error // of the leg
	panic  any   // of Options.Progress

	readErr error // of the reader given to ReadFrom
	failed  error // why the Writer accepts no more data
	ended   bool  // by Close, Suspend or Abort
}

// writerBuffer is the size of the buffer in front of the upload.
const writerBuffer = 64 << 10 // bytes

var (
	errWriterClosed    = errors.New("multipart: writer is closed")
	errWriterAborted   = errors.New("multipart: writer was aborted")
	errWriterSuspended = errors.New("multipart: writer was suspended")
)

// NewWriter returns a Writer whose Close creates the object.
//
// A Writer holds no memory before the first Write. After that it holds 64 KiB, and the memory of a stream: see
// Options.MemoryLimit. One goroutine may write to any number of Writers in turn. If their parts do not fit into the
// memory together, they are sent before they are full.
func (u *Uploader) NewWriter(ctx context.Context, bucket, key string, opts *oss.ObjectOptions) *Writer {
	w, err := u.newWriter(ctx, bucket, key, opts)
	if err != nil {
		w.failed = err
	}
	return w
}

// newWriter returns a Writer that has written nothing, and why it cannot write.
func (u *Uploader) newWriter(ctx context.Context, bucket, key string, opts *oss.ObjectOptions) (*Writer, error) {
	if opts != nil { // read in the background, when the caller may have changed them for the next object
		own := *opts
		own.Metadata, own.Tags, own.Header = maps.Clone(opts.Metadata), maps.Clone(opts.Tags), opts.Header.Clone()
		opts = &own
	}
	ctx, cancel := context.WithCancelCause(ctx)
	w := &Writer{ctx: ctx, cancel: cancel}
	j, err := u.streamJob(ctx, bucket, key, opts)
	if err != nil {
		return w, err
	}
	j.length = -1
	j.session = &session{known: true}
	if u.opts.Sidecar {
		j.record = &checkpointRecord{u: u}
	}
	w.job = j
	return w, nil
}

// begin begins a leg of the upload.
func (w *Writer) begin() {
	r, pipe := io.Pipe()
	done := make(chan struct{})
	w.buf, w.pipe, w.done = bufio.NewWriterSize(pipe, writerBuffer), pipe, done
	go func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				w.panic, w.err = v, errPanicked
			}
			r.CloseWithError(w.err) // a Write that waits, or comes later, learns why
		}()
		w.result, w.err = w.job.writeLeg(w.ctx, r)
	}()
}

// Write buffers p. Full parts are sent in the background, and Write may return an error of an earlier part.
func (w *Writer) Write(p []byte) (int, error) {
	if err := w.usable(); err != nil {
		return 0, err
	}
	n, err := w.buf.Write(p)
	w.size += int64(n)
	return n, w.fail(err)
}

// ReadFrom reads r to its end. If r fails, the Writer accepts no more data, and Close creates no object. Suspend then
// keeps the bytes that r gave before.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	if err := w.usable(); err != nil {
		return 0, err
	}
	source := &watchedReader{r: r}
	n, err := w.buf.ReadFrom(source)
	w.size += n
	if err != nil && (source.err != nil || errors.Is(err, io.ErrNoProgress)) {
		w.readErr = err
		return n, err
	}
	return n, w.fail(err)
}

// A watchedReader keeps the error of a reader.
type watchedReader struct {
	r   io.Reader
	err error
}

func (r *watchedReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != io.EOF {
		r.err = err
	}
	return n, err
}

// Size returns the bytes written so far, by this Writer and those that it continues. The next byte has this offset in
// the object.
func (w *Writer) Size() int64 { return w.size }

// Upload returns the multipart upload of a Writer that has been suspended, continued or closed. Its ID is empty if no
// upload was begun, because all bytes fit in one request. It must not be called between the first Write and the end.
func (w *Writer) Upload() oss.Upload {
	if w.job == nil {
		return oss.Upload{}
	}
	return w.job.plan.Upload
}

// usable begins the upload unless it runs, or returns the reason why the Writer accepts no more data.
func (w *Writer) usable() error {
	switch {
	case w.failed != nil:
		return w.failed
	case w.readErr != nil:
		return w.readErr
	case w.ended:
		return errWriterClosed
	case w.buf == nil:
		w.begin()
	}
	return nil
}

// fail records the first error, and ends the leg with it.
func (w *Writer) fail(err error) error {
	if err != nil && w.failed == nil {
		w.failed = err
		if w.pipe != nil {
			w.pipe.CloseWithError(err)
		}
	}
	return err
}

// Close sends the last part and creates the object. The object exists only if the error is nil. A second Close, or a
// Close after Suspend or Abort, returns an error.
//
// If Close fails, the upload is aborted. It is kept with Options.KeepParts. If the Writer continues another one it is
// kept too, and the last Checkpoint is still valid unless the upload no longer exists.
func (w *Writer) Close() error {
	if w.ended {
		return w.usable()
	}
	if w.usable() == nil {
		w.fail(w.buf.Flush())
	} else {
		w.fail(w.readErr)
	}
	w.ended = true
	if w.buf == nil { // the arguments are invalid, or a leg has failed
		w.cancel(nil)
		return w.failed
	}
	w.pipe.Close() // without effect after a failure: then the upload ends with that error
	w.wait()
	if w.err == nil {
		w.job.record.delete(w.ctx, w.job)
	}
	w.cancel(nil)
	return w.err
}

// Abort discards the upload, with the bytes of all Writers that it continues, and waits until the upload is aborted.
// After a Close or a Suspend it does nothing. An error means that something may be left in OSS.
func (w *Writer) Abort() error {
	if w.ended {
		return nil
	}
	w.ended = true
	defer w.cancel(nil)
	if w.buf != nil {
		w.fail(errWriterAborted)
		w.cancel(errWriterAborted)
		w.wait()
	}
	if w.failed == nil {
		w.failed = errWriterAborted
	}
	if w.continued || w.buf == nil {
		return w.discard()
	}
	var ue *UploadError
	unknown := errors.Is(w.err, ErrOutcomeUnknown)
	if errors.As(w.err, &ue) && (ue.Plan.Upload.ID != "" && !ue.Aborted || len(ue.Orphans) > 0 || unknown) {
		return w.err
	}
	return nil
}

// wait returns when the leg has ended, and passes on a panic of Options.Progress.
func (w *Writer) wait() {
	<-w.done
	if w.panic != nil {
		w.cancel(nil)
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
