package multipart

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"

	"github.com/ossmultipart/go-oss/oss"
)

// Options tune an Uploader. Nil and the zero value both mean the defaults.
type Options struct {
	PartSize    int64          // bytes; 0 means DefaultPartSize, grown so that parts never exceed 10,000; of a stream, the first size
	Concurrency int            // parts in flight over all uploads of the Uploader; 0 means DefaultConcurrency
	MemoryLimit int64          // bytes of part buffers over all uploads; 0 means Concurrency+1 parts
	Checksum    oss.Checksum   // default oss.ChecksumMD5
	KeepParts   bool           // leave parts in OSS when an upload fails
	Progress    func(Progress) // called serially, never under a lock, byte by byte and never backwards; nil means none
	Limiter     Limiter        // paces the bytes of all uploads, for example a *rate.Limiter; nil means none
}

// A Limiter paces bytes. *golang.org/x/time/rate.Limiter is one, and can be changed while uploads run.
type Limiter interface {
	WaitN(ctx context.Context, n int) error
}

// Defaults of Options.
const (
	DefaultPartSize    int64 = 8 << 20 // bytes
	DefaultConcurrency       = 4       // parts
)

// check refuses what OSS cannot honour; least is the smallest part it takes.
func (o *Options) check(least int64) error {
	switch {
	case o.PartSize != 0 && o.PartSize < least:
		return fmt.Errorf("multipart: part size %d is less than %d bytes", o.PartSize, least)
	case o.PartSize > oss.MaxPartSize:
		return fmt.Errorf("multipart: part size %d is more than %d bytes", o.PartSize, oss.MaxPartSize)
	case o.Concurrency < 0:
		return fmt.Errorf("multipart: concurrency %d is negative", o.Concurrency)
	case o.MemoryLimit < 0:
		return fmt.Errorf("multipart: memory limit %d is negative", o.MemoryLimit)
	case o.MemoryLimit != 0 && o.MemoryLimit < cmp.Or(o.PartSize, DefaultPartSize):
		return fmt.Errorf("multipart: memory limit %d is less than one part, %d bytes", o.MemoryLimit, cmp.Or(o.PartSize, DefaultPartSize))
	case o.Checksum < oss.ChecksumMD5 || o.Checksum > oss.ChecksumNone:
		return fmt.Errorf("multipart: checksum %d is none of ChecksumMD5, ChecksumCRC64 and ChecksumNone", o.Checksum)
	}
	return nil
}

// An Uploader uploads. It is safe for concurrent use; its limits hold over all its uploads together.
type Uploader struct {
	client *oss.Client
	opts   Options
	err    error   // what is wrong with opts
	slots  *budget // parts in flight
	memory *pool   // buffers of streams

	scratch sync.Pool // of *[]byte, hashStep each, to read what is hashed
}

// NewUploader returns an Uploader on c. Options OSS cannot honour make its methods fail at once.
func NewUploader(c *oss.Client, opts *Options) *Uploader {
	u := &Uploader{client: c}
	u.scratch.New = func() any { b := make([]byte, hashStep); return &b }
	if opts != nil {
		u.opts = *opts
	}
	if c == nil {
		u.err = errors.New("multipart: client is nil")
		return u
	}
	if u.err = u.opts.check(c.MinPartSize()); u.err != nil {
		return u
	}
	u.opts.Concurrency = cmp.Or(u.opts.Concurrency, DefaultConcurrency)
	u.slots = newBudget(int64(u.opts.Concurrency))
	first := cmp.Or(u.opts.PartSize, DefaultPartSize)
	u.memory = newPool(cmp.Or(u.opts.MemoryLimit, int64(u.opts.Concurrency+1)*first))
	return u
}

// A Result describes a finished upload.
type Result struct {
	ETag, VersionID, RequestID string // VersionID only in versioned buckets
	CRC64                      uint64 // ECMA, of the whole object
	Size                       int64  // bytes
	UploadID                   string // empty if one PutObject was enough
	Parts                      int    // parts in the object; 0 for a PutObject
	Reused                     int    // of those, found in OSS from an earlier try

	Callback []byte // what the callback server answered, if one was asked for
}

// UploadFile uploads the file at path. A file that changes under way is an error, ErrSourceChanged.
// A path that names no regular file but, say, a pipe is read as a stream. See Upload for the rest.
func (u *Uploader) UploadFile(ctx context.Context, bucket, key, path string, opts *oss.ObjectOptions) (*Result, error) {
	if u.err != nil {
		return nil, u.err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("multipart: %w", err)
	}
	defer f.Close()
	return u.Upload(ctx, bucket, key, f, opts)
}

// Upload uploads what is left in src. A regular *os.File or an io.ReadSeeker that is an io.ReaderAt
// is read in place by all workers, and its offset stays where it is; any other reader is buffered a
// part at a time, within MemoryLimit. What fits into one part is sent by a single PutObject.
//
// A nil error means that the object exists and holds exactly the bytes of src, checked by MD5 and
// CRC-64 on the way and by the CRC-64 of the whole. Any other is an *UploadError, unless an argument
// was refused before the first request; it says what is left in OSS. A cancelled upload aborts what
// it has begun before it returns; a Read of src that is going on then ends by itself.
func (u *Uploader) Upload(ctx context.Context, bucket, key string, src io.Reader, opts *oss.ObjectOptions) (*Result, error) {
	if u.err != nil {
		return nil, u.err
	}
	if err := oss.CheckObjectName(bucket, key); err != nil {
		return nil, err
	}
	w, err := assign(opts)
	if err != nil {
		return nil, err
	}
	in, err := inspect(src)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	j := &job{u: u, wishes: w, plan: Plan{Upload: oss.Upload{Bucket: bucket, Key: key}}}
	begin := Progress{Bucket: bucket, Key: key, Total: -1, Parts: -1}
	if in.at == nil {
		j.meter = newMeter(u.opts.Progress, cancel, begin)
		defer j.meter.close()
		return j.fromStream(ctx, in)
	}

	partSize, err := partSizeFor(in.size, u.opts.PartSize)
	if err != nil {
		return nil, err
	}
	j.plan.Size, j.plan.PartSize = in.size, partSize
	begin.Total, begin.Parts = in.size, j.plan.NumParts()
	j.meter = newMeter(u.opts.Progress, cancel, begin)
	defer j.meter.close()
	if in.size <= partSize {
		return j.put(ctx, in.body(), in.intact)
	}
	parts, stop := placedSource(in, j.plan.Sections())
	defer stop()
	return j.multipart(ctx, parts)
}

// A job is one upload on its way.
type job struct {
	u      *Uploader
	wishes wishes
	plan   Plan
	meter  *meter
}

// fromStream reads the first part; if that is all, one request stores it.
func (j *job) fromStream(ctx context.Context, in input) (*Result, error) {
	first := cmp.Or(j.u.opts.PartSize, DefaultPartSize)
	j.plan.Size, j.plan.PartSize = -1, first
	s := &stream{r: in.stream, pool: j.u.memory, first: first}
	p, err := s.next(ctx)
	if err == io.EOF {
		return j.put(ctx, window{}, nil)
	}
	if err != nil {
		return nil, j.failed(err)
	}
	ended, err := s.peek(ctx)
	if err != nil {
		p.free()
		return nil, j.failed(fmt.Errorf("reading the source at byte %d: %w", p.Size, err))
	}
	if ended {
		defer p.free()
		return j.put(ctx, p.body, nil)
	}
	return j.multipart(ctx, &pushedBack{source: s, first: &p})
}

// pushedBack is a source whose first piece has been taken out already.
type pushedBack struct {
	source
	first *piece
}

func (b *pushedBack) next(ctx context.Context) (piece, error) {
	if p := b.first; p != nil {
		b.first = nil
		return *p, nil
	}
	return b.source.next(ctx)
}

// put stores what fits into one part by one request. intact is nil where a source cannot change.
func (j *job) put(ctx context.Context, body oss.Body, intact func() error) (*Result, error) {
	if err := j.u.slots.acquire(ctx, 1); err != nil {
		return nil, j.failed(err)
	}
	defer j.u.slots.release(1)
	opts := j.wishes.put
	opts.Checksum = j.u.opts.Checksum
	if opts.Checksum == oss.ChecksumMD5 {
		sum, err := j.u.md5Of(ctx, body)
		if err != nil {
			return nil, j.failed(err)
		}
		opts.Header = opts.Header.Clone()
		if opts.Header == nil {
			opts.Header = make(http.Header)
		}
		opts.Header.Set("Content-MD5", base64.StdEncoding.EncodeToString(sum))
	}
	last := &wholeBody{Body: j.watched(ctx, body), source: body, intact: intact}
	res, err := j.u.client.PutObject(ctx, j.plan.Upload.Bucket, j.plan.Upload.Key, last, &opts)
	if err != nil {
		res, err = j.settlePut(ctx, last, err)
	}
	if err != nil {
		return nil, j.failed(err)
	}
	j.meter.finish(body.Size(), 0)
	return &Result{
		ETag: res.ETag, VersionID: res.VersionID, RequestID: res.RequestID,
		CRC64: res.CRC64, Size: body.Size(), Callback: res.Callback,
	}, nil
}

// multipart sends src as the parts of a new upload and completes it.
func (j *job) multipart(ctx context.Context, src source) (*Result, error) {
	at := j.plan.Upload
	up, err := j.u.client.InitiateMultipartUpload(ctx, at.Bucket, at.Key, &j.wishes.initiate)
	if err != nil {
		return nil, j.failed(err)
	}
	j.plan.Upload = up
	sent, err := j.transfer(ctx, src)
	if changed := src.changed(); changed != nil {
		err = changed // whatever else it led to
	}
	if err != nil {
		return nil, j.abandon(ctx, sent, err)
	}
	return j.complete(ctx, sent)
}

// failed reports an upload of which nothing was begun in OSS.
func (j *job) failed(err error) error { return &UploadError{Plan: j.plan, Err: err} }

// wishes are a caller's ObjectOptions, each where OSS wants it.
type wishes struct {
	put      oss.ObjectOptions
	initiate oss.ObjectOptions
	part     oss.PartOptions
	complete oss.CompleteOptions
	all      http.Header // for every other request of the upload
}

// assign puts each option on the requests it concerns. One that none could honour is an error.
func assign(opts *oss.ObjectOptions) (wishes, error) {
	var w wishes
	if opts == nil {
		return w, nil
	}
	if opts.Checksum != oss.ChecksumMD5 {
		return w, errors.New("multipart: ObjectOptions.Checksum is PutObject's; an Uploader takes Options.Checksum")
	}
	w.put, w.initiate = *opts, *opts
	w.initiate.ACL, w.complete.ACL = "", opts.ACL // the one thing that is said at the end
	w.complete.ForbidOverwrite = opts.ForbidOverwrite
	w.initiate.Header, w.part.Header = make(http.Header), make(http.Header)
	w.complete.Header, w.all = make(http.Header), make(http.Header)
	for name, values := range opts.Header {
		var on []http.Header
		name = http.CanonicalHeaderKey(name)
		switch name {
		case "Content-Md5", "X-Oss-Hash-Crc64ecma":
			return w, fmt.Errorf("multipart: header %s is of one request's body; an Uploader computes its own", name)
		case "X-Oss-Request-Payer":
			on = []http.Header{w.initiate.Header, w.part.Header, w.complete.Header, w.all}
		case "X-Oss-Traffic-Limit":
			on = []http.Header{w.part.Header}
		case "X-Oss-Callback", "X-Oss-Callback-Var", "X-Oss-Object-Acl":
			on = []http.Header{w.complete.Header}
		case "X-Oss-Forbid-Overwrite":
			on = []http.Header{w.initiate.Header, w.complete.Header}
		default:
			on = []http.Header{w.initiate.Header}
		}
		for _, h := range on {
			h[name] = values
		}
	}
	return w, nil
}
