package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

// kinds are the ways to upload.
var kinds = []string{"bytes", "reader", "strange", "writer", "file", "changing file", "copy", "steps"}

// An ordeal is one upload in a chaos, with all the calls that it takes.
type ordeal struct {
	c         *chaos
	kind, key string
	rnd       *rand.Rand
	want      []byte             // what the source holds
	also      []byte             // what a source that changes may hold instead
	change    func()             // makes that so; nil if nothing does
	opts      *oss.ObjectOptions // may be nil
	breaks    bool               // the source fails before its end
	// what stood there before the call that is going on; nil if nothing did
	before   []byte
	told     map[string]bool                                  // upload IDs the caller has learnt of
	plan     multipart.Plan                                   // of the parts that were kept
	again    func(context.Context) (*multipart.Result, error) // goes on where a failed call ended; nil if nothing does
	done     bool
	rivalled bool
	until    atomic.Int64 // so many parts are to be sent before the change

	story         []string // of the calls, for the reader
	calls, reused int
	outcomes      map[string]int

	watch watch
}

var (
	errBroken    = errors.New("the source broke")
	errDiscarded = errors.New("the writer was aborted by its user")
)

func newOrdeal(c *chaos, key string, rnd *rand.Rand) *ordeal {
	o := &ordeal{c: c, key: key, rnd: rnd, told: make(map[string]bool), outcomes: make(map[string]int)}
	o.kind = kinds[rnd.IntN(len(kinds))]
	o.want = randomBytes(rnd, rnd.IntN([]int{1200, 1200, 120}[rnd.IntN(3)])) // of the last, most by one request
	if rnd.IntN(4) == 0 {
		o.before = []byte("an older object")
		c.srv.PutObject(bucket, key, o.before)
	}
	if rnd.IntN(4) == 0 {
		o.opts = &oss.ObjectOptions{ForbidOverwrite: true}
	}
	return o
}

func randomBytes(rnd *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

// meetRival aborts the uploads of the key as another program would, and may make an object.
func (o *ordeal) meetRival() {
	ctx, cancel := context.WithTimeout(o.c.t.Context(), 50*time.Millisecond) // the call that meets him may be cancelled
	defer cancel()
	for _, up := range o.c.srv.Uploads() {
		if up.Key == o.key {
			o.c.srv.Client().AbortMultipartUpload(ctx, up.Upload)
		}
	}
	if o.rnd != nil && o.rnd.IntN(2) == 0 {
		o.before = []byte("the object of a rival")
		o.c.srv.PutObject(bucket, o.key, o.before)
	}
}

// undergo uploads, and goes on a few times if that fails and can be resumed.
func (o *ordeal) undergo() {
	defer func() {
		if v := recover(); v != nil {
			o.bad("it panicked: %v\n%s", v, debug.Stack())
		}
	}()
	first := map[string]func(context.Context) (*multipart.Result, error){
		"bytes": o.bytes, "reader": o.reader, "strange": o.strange, "writer": o.writer, "file": o.file,
		"changing file": o.changing, "copy": o.copy,
	}[o.kind]
	if first == nil {
		first = o.steps()
	}
	if first == nil {
		return
	}
	o.call(first)
	for range 2 {
		if o.done || o.again == nil {
			return
		}
		o.call(o.again)
	}
}

// retry goes on once more where nothing fails any more: then it must succeed.
func (o *ordeal) retry() {
	if o.done || o.again == nil {
		return
	}
	deadline := o.rnd
	o.rnd = nil // the context is not cancelled
	err := o.call(o.again)
	o.rnd = deadline
	forbidden := o.opts != nil && errors.Is(err, oss.ErrAlreadyExists)
	if err != nil && !forbidden && !errors.Is(err, oss.ErrNoSuchUpload) {
		o.bad("it fails also without faults: %v", err)
	}
}

func (o *ordeal) bytes(ctx context.Context) (*multipart.Result, error) {
	prefix := o.rnd.IntN(100)
	src := bytes.NewReader(append(make([]byte, prefix), o.want...))
	src.Seek(int64(prefix), io.SeekStart)
	return o.c.up.Upload(ctx, bucket, o.key, src, o.opts)
}

func (o *ordeal) reader(ctx context.Context) (*multipart.Result, error) {
	return o.c.up.Upload(ctx, bucket, o.key, o.rough(), o.opts)
}

// strange uploads from a source whose type is not known: it has a ReadAt that must not be used, or a Read of its own.
func (o *ordeal) strange(ctx context.Context) (*multipart.Result, error) {
	if o.rnd.IntN(2) == 0 {
		return o.c.up.Upload(ctx, bucket, o.key, &seeking{b: o.want}, o.opts)
	}
	inverted := bytes.Clone(o.want)
	for i := range inverted {
		inverted[i] ^= 0xff
	}
	f, err := os.Open(o.save(inverted))
	if err != nil {
		panic(err)
	}
	defer f.Close()
	return o.c.up.Upload(ctx, bucket, o.key, inverting{f}, o.opts)
}

func (o *ordeal) writer(ctx context.Context) (*multipart.Result, error) {
	w := o.c.up.NewWriter(ctx, bucket, o.key, o.opts)
	defer w.Abort()
	var err error
	if o.rnd.IntN(2) == 0 {
		_, err = w.ReadFrom(o.rough())
	} else {
		for rest := o.want; len(rest) > 0 && err == nil; {
			n := min(len(rest), 1+o.rnd.IntN(400))
			_, err = w.Write(rest[:n])
			rest = rest[n:]
		}
	}
	if o.rnd.IntN(5) == 0 {
		if err := w.Abort(); err != nil {
			return nil, err
		}
		return nil, errDiscarded
	}
	if closeErr := w.Close(); closeErr != nil || err == nil {
		err = closeErr
	}
	return w.Result(), err
}

func (o *ordeal) file(ctx context.Context) (*multipart.Result, error) {
	return o.fileAt(ctx, o.save(o.want))
}

// fileAt can be called again if there is a Store.
func (o *ordeal) fileAt(ctx context.Context, path string) (*multipart.Result, error) {
	if o.c.opts.Store != nil {
		o.again = func(ctx context.Context) (*multipart.Result, error) { return o.fileAt(ctx, path) }
	}
	return o.c.up.UploadFile(ctx, bucket, o.key, path, o.opts)
}

// changing rewrites the file under way. Both states of it are good, and none in between.
func (o *ordeal) changing(ctx context.Context) (*multipart.Result, error) {
	path := o.save(o.want)
	o.also = randomBytes(o.rnd, len(o.want)+o.rnd.IntN(2))
	defer o.changeLater(func() { os.WriteFile(path, o.also, 0o600) })()
	return o.fileAt(ctx, path)
}

// changeLater runs change some time, or when so many parts are on their way, until the function it returns is called.
func (o *ordeal) changeLater(change func()) (stop func()) {
	if o.rnd.IntN(2) == 0 {
		timer := time.AfterFunc(time.Duration(o.rnd.IntN(3000))*time.Millisecond, change)
		return func() { timer.Stop() }
	}
	o.until.Store(1 + o.rnd.Int64N(5))
	o.change = change
	return func() { o.until.Store(0) }
}

// sends is told of every part that is about to be sent.
func (o *ordeal) sends() {
	if o.until.Add(-1) == 0 {
		o.change()
	}
}

// save makes a file that was last written to long ago.
func (o *ordeal) save(data []byte) string {
	path := filepath.Join(o.c.dir, filepath.Base(o.key))
	if err := os.WriteFile(path, data, 0o600); err != nil {
		panic(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Unix(1e9, 0)); err != nil {
		panic(err)
	}
	return path
}

func (o *ordeal) copy(ctx context.Context) (*multipart.Result, error) {
	src := oss.CopySource{Bucket: "source", Key: o.key}
	o.c.srv.PutObject(src.Bucket, src.Key, o.want)
	if o.rnd.IntN(3) == 0 {
		other := randomBytes(o.rnd, len(o.want))
		o.also = other
		defer o.changeLater(func() { o.c.srv.PutObject(src.Bucket, src.Key, other) })()
	}
	if o.rnd.IntN(3) == 0 && len(o.want) > 1 && !o.c.damagesUnseen() {
		src.Offset = 1 + o.rnd.Int64N(int64(len(o.want)-1))
		o.want = o.want[src.Offset:]
		o.also = o.also[min(src.Offset, int64(len(o.also))):]
	}
	return o.c.up.Copy(ctx, bucket, o.key, src, o.opts)
}

// steps begins an upload and has workers send its parts; to finish it is left to the caller.
func (o *ordeal) steps() func(context.Context) (*multipart.Result, error) {
	if len(o.want) == 0 {
		o.want = []byte{1}
	}
	src := bytes.NewReader(o.want)
	o.call(func(ctx context.Context) (_ *multipart.Result, err error) {
		o.plan, err = o.c.up.Begin(ctx, bucket, o.key, src.Size(), o.opts)
		o.told[o.plan.Upload.ID] = err == nil
		if err == nil {
			err = errNotYet
		}
		return nil, err
	})
	if o.plan.Upload.ID == "" {
		return nil
	}
	workers := 1 + o.rnd.IntN(3)
	shares := make([][]oss.Part, workers)
	var failed atomic.Bool
	var wg sync.WaitGroup
	for i := range workers {
		ctx, end := o.context()
		wg.Go(func() {
			defer end()
			parts, err := o.c.up.UploadParts(ctx, o.plan, src, o.plan.Share(i, workers))
			o.checkError(ctx, err)
			for _, part := range parts {
				if part.Size != o.plan.Section(part.Number).Size {
					o.bad("UploadParts returned %+v", part)
				}
			}
			if want := len(o.plan.Share(i, workers)); err == nil && len(parts) != want {
				o.bad("UploadParts returned %d parts and no error, want %d", len(parts), want)
			}
			shares[i] = parts
			if err != nil {
				failed.Store(true)
			}
		})
	}
	wg.Wait()
	var parts []oss.Part
	// Else those that OSS lists. Without MD5 a part that failed may be among them, damaged.
	if o.rnd.IntN(2) == 0 || failed.Load() && o.c.opts.Checksum != oss.ChecksumMD5 {
		parts = []oss.Part{} // nil would be those that OSS lists
		for _, share := range shares {
			parts = append(parts, share...)
		}
	}
	o.again = o.resume
	return func(ctx context.Context) (*multipart.Result, error) { return o.c.up.Finish(ctx, o.plan, parts) }
}

// errNotYet is what Begin comes to if it succeeds.
var errNotYet = errors.New("nothing is uploaded yet")

func (o *ordeal) resume(ctx context.Context) (*multipart.Result, error) {
	return o.c.up.Resume(ctx, o.plan, bytes.NewReader(o.want))
}

// rough returns a reader of the source with every right of a reader: short reads, empty ones, pauses, an end that
// comes with the last bytes or behind them, or an error.
func (o *ordeal) rough() io.Reader {
	r := &roughReader{o: o, rnd: rand.New(rand.NewPCG(o.rnd.Uint64(), 0)), rest: o.want, fails: o.rnd.IntN(8) == 0}
	if r.fails {
		o.breaks = true
		r.rest = r.rest[:o.rnd.IntN(len(r.rest)+1)]
	}
	return r
}

type roughReader struct {
	o     *ordeal
	rnd   *rand.Rand
	rest  []byte
	fails bool // instead of ending
}

func (r *roughReader) Read(p []byte) (int, error) {
	r.o.c.checkMemory()
	end := io.EOF
	if r.fails {
		end = errBroken
	}
	switch {
	case len(r.rest) == 0:
		return 0, end
	case r.rnd.IntN(20) == 0:
		return 0, nil
	case r.o.kind == "reader" && r.rnd.IntN(20) == 0: // a Writer's source is read by its user
		time.Sleep(time.Duration(r.rnd.IntN(300)) * time.Millisecond) // in the bubble
	}
	n := copy(p[:min(len(p), 1+r.rnd.IntN(300))], r.rest)
	if r.rest = r.rest[n:]; len(r.rest) == 0 && r.rnd.IntN(2) == 0 {
		return n, end
	}
	return n, nil
}

// context returns one that may be cancelled. When it was, it knows since when.
func (o *ordeal) context() (context.Context, func()) {
	if o.rnd == nil || o.rnd.IntN(4) != 0 {
		return o.c.t.Context(), func() {}
	}
	after := time.Duration(o.rnd.IntN(3000)) * time.Millisecond
	ctx := context.WithValue(o.c.t.Context(), cancelledAt{}, time.Now().Add(after))
	if o.rnd.IntN(2) == 0 {
		return context.WithTimeout(ctx, after)
	}
	ctx, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(after, cancel)
	return ctx, func() { timer.Stop(); cancel() }
}

// cancelledAt is where a context holds the time when it is to be cancelled.
type cancelledAt struct{}

// String tells what became of it.
func (o *ordeal) String() string {
	return fmt.Sprintf("%s %s of %d bytes, source breaks %v, forbids overwriting %v:\n\t\t%s",
		o.kind, o.key, len(o.want), o.breaks, o.opts != nil, strings.Join(o.story, "\n\t\t"))
}

func (o *ordeal) bad(format string, args ...any) {
	o.c.t.Errorf("%s %s: %s", o.kind, o.key, fmt.Sprintf(format, args...))
}
