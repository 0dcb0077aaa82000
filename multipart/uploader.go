package multipart

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/internal/md5lanes"
	"github.com/ossmultipart/go-oss/oss"
)

// An Uploader uploads. It is safe for concurrent use; its limits hold over all its uploads together.
type Uploader struct {
	client   *oss.Client
	opts     Options
	err      error          // what is wrong with opts
	governor *flow.Governor // decides when a request may be sent
	memory   *pool          // buffers of streams, and of small objects
	hedges   *hedgeBudget   // of parts that are sent twice; nil under a Limiter, whose bytes must not be sent twice

	probing atomic.Pointer[oss.Request] // what the governor's probes ask: about the key of the latest upload

	lanes    int             // bodies hashed side by side at most
	atOnce   int             // groups of bodies of one file hashed at the same time at most
	hashing  *flow.Semaphore // groups being hashed ahead
	combiner combiner        // hashes what lies in memory
	ahead    *readAhead      // bounds what of files is hashed ahead
	groups   sync.Pool       // of *laneGroup
	scratch  sync.Pool       // of *[]byte, hashStep each, to read what is hashed
}

// NewUploader returns an Uploader on c. Options OSS cannot honour make its methods fail at once.
func NewUploader(c *oss.Client, opts *Options) *Uploader {
	u := &Uploader{client: c, lanes: md5lanes.Lanes(), atOnce: min(mostAtOnce, runtime.GOMAXPROCS(0))}
	u.scratch.New = func() any { b := make([]byte, hashStep); return &b }
	u.groups.New = func() any { return newLaneGroup(u.lanes, &u.scratch) }
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
	u.opts.CleanupTimeout = cmp.Or(u.opts.CleanupTimeout, DefaultCleanupTimeout)
	limits := flow.Config{
		Limit: int64(u.opts.Concurrency), Patience: cmp.Or(u.opts.Patience, DefaultPatience), Probe: u.probe, Logger: c.Logger(),
	}
	if opts == nil || opts.Concurrency == 0 {
		limits.MaxLimit = MaxConcurrency
	}
	u.governor = flow.New(limits)
	if u.opts.Limiter == nil {
		u.hedges = &hedgeBudget{share: wastedShare}
	}
	u.hashing = flow.NewSemaphore(int64(u.opts.Concurrency))
	first, full := cmp.Or(u.opts.PartSize, DefaultStreamPartSize), cmp.Or(u.opts.PartSize, DefaultPartSize)
	u.ahead = newReadAhead()
	u.memory = newPool(u.opts.MemoryLimit, first, full, c.MinPartSize(), u.opts.Concurrency)
	return u
}

// A Result describes a finished upload.
type Result struct {
	ETag, VersionID, RequestID string // VersionID only in versioned buckets
	CRC64                      uint64 // ECMA, of the whole object
	Size                       int64  // bytes
	UploadID                   string // empty if one PutObject was enough
	Parts                      int    // parts in the object; 0 if one PutObject or CopyObject was enough
	Reused                     int    // of those, found in OSS from an earlier try

	Callback []byte       // what the callback server answered, if one was asked for and its answer was not lost
	Orphans  []oss.Upload // uploads without parts that a lost reply to Initiate may have begun; see UploadError
}

// UploadFile uploads the file at path, resuming an earlier try if Options.Store remembers one. A file that
// changes under way is an error, ErrSourceChanged. A path that names no regular file but, say, a pipe is read
// as a stream. See Upload for the rest.
//
// Both a missing file and a missing bucket match fs.ErrNotExist. A file that cannot be opened is an *fs.PathError and
// no *UploadError; a missing bucket is an *oss.ServiceError that matches oss.ErrNoSuchBucket, in an *UploadError.
//
// With a Store a failed upload of more than one part is not aborted: its record is kept, and the next call for the
// partMatches file, bucket and key goes on from the parts that OSS holds, as Resume does. If the size of the file or
// of its parts has changed, or the options of the object, or the upload is gone, that call begins anew and aborts the
// earlier upload.
func (u *Uploader) UploadFile(ctx context.Context, bucket, key, path string, opts *oss.ObjectOptions) (*Result, error) {
	if u.err != nil {
		return nil, u.err
	}
	var f *os.File
	cancelled, err := await(ctx, func() (err error) { f, err = os.Open(path); return err }, func() { f.Close() })
	if cancelled { // while a named pipe waited for its writer
		return nil, &UploadError{Plan: Plan{Upload: oss.Upload{Bucket: bucket, Key: key}}, Err: withCause(ctx, err)}
	}
	if err != nil {
		return nil, fmt.Errorf("multipart: %w", err)
	}
	defer f.Close()
	var file *os.File
	if u.opts.Store != nil {
		file = f
	}
	in, err := openInput(f)
	if err != nil {
		return nil, err
	}
	return u.upload(ctx, bucket, key, in, file, opts)
}

// Upload uploads what is left in src. A regular *os.File, a *bytes.Reader, a *strings.Reader and an *io.SectionReader
// are read in place by all workers, and their offset stays where it is. Any other reader is a stream, buffered a part
// at a time within MemoryLimit: also one that embeds one of these types, or has a ReadAt method of its own;
// UploadBody takes the latter. Anything that fits in one part is sent by a single PutObject.
//
// A nil error means that the object exists and holds exactly the bytes of src, checked by MD5 and
// CRC-64 on the way and by the CRC-64 of the whole. Any other is an *UploadError, unless an argument
// was refused before the first request; it says what is left in OSS. A cancelled upload aborts what
// it has begun before it returns; a Read of src that is going on then ends by itself. The error of a cancelled
// upload matches ctx.Err() and context.Cause(ctx). If src, the Limiter, the Store or Progress panics, so does Upload,
// with the same value, once the upload is aborted.
func (u *Uploader) Upload(ctx context.Context, bucket, key string, src io.Reader, opts *oss.ObjectOptions) (*Result, error) {
	if u.err != nil {
		return nil, u.err
	}
	in, err := measure(src)
	if err != nil {
		return nil, err
	}
	return u.upload(ctx, bucket, key, in, nil, opts)
}

// UploadBody uploads body, all of it. It is read in place, by all workers at once, and needs no buffers: its ReadAt
// must be safe for concurrent use, as io.ReaderAt demands. A call that is cancelled waits for the ReadAt calls in
// progress. See Upload for the rest.
func (u *Uploader) UploadBody(ctx context.Context, bucket, key string, body oss.Body, opts *oss.ObjectOptions) (*Result, error) {
	if u.err != nil {
		return nil, u.err
	}
	in, err := inspectBody(body)
	if err != nil {
		return nil, err
	}
	return u.upload(ctx, bucket, key, in, nil, opts)
}

// upload sends in. stored is its file if that can be resumed by Options.Store, else nil.
func (u *Uploader) upload(ctx context.Context, bucket, key string, in input, stored *os.File, opts *oss.ObjectOptions) (*Result, error) {
	if err := oss.CheckObjectName(bucket, key); err != nil {
		return nil, err
	}
	w, err := splitOptions(opts)
	if err != nil {
		return nil, err
	}
	j := &job{u: u, options: w, keep: u.opts.KeepParts,
		plan: Plan{Upload: oss.Upload{Bucket: bucket, Key: key}, ForbidOverwrite: w.complete.ForbidOverwrite}}
	if in.at == nil {
		j.plan.Size, j.plan.PartSize = -1, cmp.Or(u.opts.PartSize, DefaultStreamPartSize)
		j.length = in.size
		ctx, end := j.startProgress(ctx)
		defer end()
		j.dropStaleRecord(ctx, stored)
		in.stream = j.guard.reader(in.stream)
		return j.fromStream(ctx, in)
	}
	in.at = j.guard.readerAt(in.at)
	j.plan.Size = in.size
	if j.plan.PartSize, err = partSizeFor(in.size, u.opts.PartSize); err != nil {
		return nil, err
	}
	ctx, end := j.startProgress(ctx)
	defer end()
	switch {
	case in.size <= j.plan.PartSize:
		j.dropStaleRecord(ctx, stored)
		return j.put(ctx, in.body(), in.intact)
	case stored != nil:
		j.keep = true
		return j.resumable(ctx, stored, in)
	}
	parts, stop := newRangeSource(in, j.plan.Sections())
	defer stop()
	return j.uploadParts(ctx, parts)
}

// governed returns a context whose requests the governor delays while OSS throttles or cannot be reached. Requests that
// move data need a permit besides. The requests are about the key and have the header.
func (u *Uploader) governed(ctx context.Context, bucket, key string, header http.Header, notify func(flow.Wait)) context.Context {
	u.probing.Store(&oss.Request{Op: "HeadObject", Method: http.MethodHead, Bucket: bucket, Key: key, Header: header})
	return flow.WithGate(ctx, u.governor.Control(notify))
}

// probe asks OSS about an object. It returns nil if OSS answered, whatever it said.
func (u *Uploader) probe(ctx context.Context) error {
	resp, err := u.client.Do(ctx, u.probing.Load())
	var refused *oss.ServiceError
	if errors.As(err, &refused) && refused.RequestID != "" {
		return nil
	}
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.Header.Get("x-oss-request-id") == "" {
		return errors.New("multipart: reply is not from OSS")
	}
	return nil
}
