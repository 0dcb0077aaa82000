package multipart

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"

	"github.com/ossmultipart/go-oss/internal/ctxcause"
	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/internal/md5lanes"
	"github.com/ossmultipart/go-oss/oss"
)

// An Uploader uploads objects. It is safe for concurrent use. Its limits apply to all its uploads together.
type Uploader struct {
	service
	opts   Options
	err    error        // why opts are invalid
	memory *pool        // buffers of streams, and of small objects
	hedges *hedgeBudget // limits the parts that are sent twice; nil with a Limiter

	lanes    int             // bodies hashed side by side at most
	atOnce   int             // groups of bodies of one file hashed at the same time at most
	hashing  *flow.Semaphore // groups being hashed ahead
	combiner combiner        // hashes bodies of several goroutines together
	ahead    *readAhead      // bounds what of files is hashed ahead
	groups   sync.Pool       // of *laneGroup
	scratch  sync.Pool       // of *[]byte, hashStep each, to read what is hashed
}

// NewUploader returns an Uploader that uses c. If opts has a value that is invalid or that OSS does not accept, every
// method of the Uploader returns an error before its first request.
func NewUploader(c *oss.Client, opts *Options) *Uploader {
	u := &Uploader{lanes: md5lanes.Lanes(), atOnce: min(mostAtOnce, runtime.GOMAXPROCS(0))}
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
	u.connect(c, u.opts.Concurrency, u.opts.Patience)
	u.opts.Concurrency = cmp.Or(u.opts.Concurrency, DefaultConcurrency)
	u.opts.CleanupTimeout = cmp.Or(u.opts.CleanupTimeout, DefaultCleanupTimeout)
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
	Reused                     int    // of those, the parts that OSS held from an earlier call
	Skipped                    bool   // OSS held an identical object, and nothing was sent; see Options.SkipIdentical

	// Unproved is the number of bytes, the first of the object, up to the last that OpenWriter took up without a
	// Checkpoint, or a Writer with Options.Recover after its Checkpoint. The CRC-64 of these was not known when they
	// were written; Size and CRC64 are compared with what OSS listed of their parts. It is 0 for every other upload.
	Unproved int64

	Stats    Stats      // of this call
	PartList []oss.Part // the parts of the object, with Options.PartList; nil if one request stored it

	Callback []byte       // reply of the callback server; nil without a callback, or if the reply was lost
	Orphans  []oss.Upload // uploads without parts that a lost reply to Initiate may have begun; see UploadError
}

// UploadFile uploads the file at path. If Options.Store has a record of an earlier call, it resumes that upload. If the
// file changes during the upload, the error matches ErrSourceChanged. If path is not a regular file, for example a
// pipe, it is read as a stream. See Upload for the rest.
//
// Both a missing file and a missing bucket match fs.ErrNotExist. A file that cannot be opened is an *fs.PathError and
// not an *UploadError. A missing bucket is an *oss.ServiceError that matches oss.ErrNoSuchBucket, in an *UploadError.
//
// With a Store, a failed upload of more than one part is not aborted. Its record is kept, and the next call for the
// same file, bucket and key continues from the parts that OSS holds, as Resume does. If the size of the file, the size
// of its parts or the options of the object have changed, or the upload no longer exists, that call begins a new upload
// and aborts the earlier one.
func (u *Uploader) UploadFile(ctx context.Context, bucket, key, path string, opts *oss.ObjectOptions) (*Result, error) {
	if u.err != nil {
		return nil, u.err
	}
	var f *os.File
	cancelled, err := await(ctx, func() (err error) { f, err = os.Open(path); return err }, func() { f.Close() })
	if cancelled { // while a named pipe waited for its writer
		return nil, &UploadError{Plan: Plan{Upload: oss.Upload{Bucket: bucket, Key: key}}, Err: ctxcause.Join(ctx, err)}
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
	in.skip = u.comparison()
	return u.upload(ctx, bucket, key, in, file, opts)
}

// Upload uploads the rest of src. A regular *os.File, a *bytes.Reader, a *strings.Reader and an *io.SectionReader are
// read in place, by several goroutines, from their current offset, which does not move. Any other reader is a stream,
// buffered a part at a time within MemoryLimit. That includes a type that embeds one of these types or has its own
// ReadAt method; UploadBody takes the latter. Anything that fits in one part is sent by a single PutObject.
//
// A nil error means that the object exists and holds exactly the bytes of src. Each part is verified by MD5 and CRC-64,
// and the object by its CRC-64. Any other error is an *UploadError, unless an argument was refused before the first
// request; it says what is left in OSS.
//
// A cancelled upload aborts what it has begun before it returns. A Read of src in progress is not interrupted. The
// error of a cancelled upload matches ctx.Err() and context.Cause(ctx). If src, the Limiter, the Store or Progress
// panics, Upload aborts the upload and then panics with the same value.
func (u *Uploader) Upload(
	ctx context.Context, bucket, key string, src io.Reader, opts *oss.ObjectOptions,
) (*Result, error) {
	if u.err != nil {
		return nil, u.err
	}
	in, err := measure(src)
	if err != nil {
		return nil, err
	}
	in.skip = u.comparison()
	return u.upload(ctx, bucket, key, in, nil, opts)
}

// UploadBody uploads all of body. Several goroutines read it in place, without buffers: its ReadAt must be safe for
// concurrent use, as io.ReaderAt demands. A call that is cancelled waits for the ReadAt calls in progress. See Upload
// for the rest.
func (u *Uploader) UploadBody(
	ctx context.Context, bucket, key string, body oss.Body, opts *oss.ObjectOptions,
) (*Result, error) {
	if u.err != nil {
		return nil, u.err
	}
	in, err := inspectBody(body)
	if err != nil {
		return nil, err
	}
	in.skip = u.comparison()
	return u.upload(ctx, bucket, key, in, nil, opts)
}

// upload sends in. stored is its file if Options.Store can resume it, else nil.
func (u *Uploader) upload(
	ctx context.Context, bucket, key string, in input, stored *os.File, opts *oss.ObjectOptions,
) (res *Result, err error) {
	j, err := u.streamJob(ctx, bucket, key, opts)
	if err != nil {
		return nil, err
	}
	if in.at == nil {
		j.length = in.size
		ctx, end := j.startProgress(ctx)
		defer func() { end(res, err) }()
		if res, err := j.skip(ctx, in); res != nil || err != nil {
			return res, err
		}
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
	defer func() { end(res, err) }()
	if res, err := j.skip(ctx, in); res != nil || err != nil {
		if res != nil {
			j.dropStaleRecord(ctx, stored)
		}
		return res, err
	}
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

// streamJob returns the job of a stream, with the size of its first parts.
func (u *Uploader) streamJob(ctx context.Context, bucket, key string, opts *oss.ObjectOptions) (*job, error) {
	if u.err != nil {
		return nil, u.err
	}
	if err := oss.CheckObjectName(bucket, key); err != nil {
		return nil, err
	}
	w, err := splitOptions(opts)
	if err != nil {
		return nil, err
	}
	j := u.newJob(ctx, newPlan(bucket, key, &w), w)
	j.plan.Size, j.plan.PartSize = -1, cmp.Or(u.opts.PartSize, DefaultStreamPartSize)
	return j, nil
}
