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
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/internal/md5lanes"
	"github.com/ossmultipart/go-oss/internal/reqstats"
	"github.com/ossmultipart/go-oss/oss"
)

// Options tune an Uploader. Nil and the zero value both mean the defaults.
type Options struct {
	PartSize    int64          // bytes; 0 means DefaultPartSize, grown so that parts never exceed 10,000; of a stream the first size, 0 means DefaultStreamPartSize
	Concurrency int            // parts in flight over all uploads of the Uploader; 0 means as many as make it faster, see MaxConcurrency
	Checksum    oss.Checksum   // default oss.ChecksumMD5
	Store       Store          // remembers unfinished UploadFile calls; nil means none
	KeepParts   bool           // leave parts in OSS when an upload fails, to Resume; implied by Store for UploadFile
	Progress    func(Progress) // called for each upload by itself: serially, never under a lock, byte by byte and never backwards; nil means none
	Limiter     Limiter        // paces the bytes of all uploads, for example a *rate.Limiter; nil means none

	// ExclusiveKeys promises that while this Uploader uploads to a key no other upload to that key is going on, of this
	// program or of any other. A lost reply to InitiateMultipartUpload may have begun an upload of which nobody knows the
	// ID: with ExclusiveKeys those that it can be, of the same key, begun since then and without parts, are aborted. Without,
	// they are only reported, in Result.Orphans and UploadError.Orphans. With a Store the next UploadFile of a process that
	// was killed meanwhile does the same.
	ExclusiveKeys bool

	// MemoryLimit bounds the buffers of streams and Writers, and of files of up to 1 MiB that are hashed together, over all
	// uploads: bytes that are read and those that are being sent. It must be at least one part. 0 means Concurrency+1 times
	// PartSize, or their defaults, 40 MiB; while there is a stream of more than 3,000 parts, 13 GiB by default, or one that
	// needs larger parts for its length, 0 means two and a half times as much.
	//
	// Every stream has 256 KiB, or a part if that is smaller, that no other stream can take. They are used once the stream
	// has given 4 KiB and come out of MemoryLimit, but never more than half of it: more than 80 streams that give bytes at
	// the same time use more than 40 MiB. When memory is short, streams send parts before they are full, among their first
	// 3,000 parts; later they wait for a whole part.
	//
	// Not included are the 64 KiB of each Writer, the memory for hashing, 2 MiB for each group of parts that are hashed
	// together, and the buffers of connections, see package oss.
	MemoryLimit int64 // bytes

	// Patience is how long one request, of a part say, waits in all while OSS throttles or cannot be reached. 0 means
	// DefaultPatience. While a request waits it uses up none of the Retry.Attempts of the Client, which count all other
	// failures. Negative means that Retry.Attempts count these as well. Patience begins once OSS has answered the Client:
	// before that a wrong endpoint fails after Retry.Attempts.
	Patience time.Duration

	// CleanupTimeout bounds what an upload does after it has failed or its context has ended: to abort it, or to find
	// out whether the object exists. 0 means DefaultCleanupTimeout.
	CleanupTimeout time.Duration
}

// A Limiter paces bytes. *golang.org/x/time/rate.Limiter is one, and can be changed while uploads run.
type Limiter interface {
	WaitN(ctx context.Context, n int) error
}

// Defaults of Options.
const (
	DefaultPartSize       int64 = 8 << 20 // bytes
	DefaultStreamPartSize int64 = 2 << 20 // bytes; of a source of unknown length, at first
	DefaultConcurrency          = 4       // parts

	DefaultPatience       = 5 * time.Minute
	DefaultCleanupTimeout = 30 * time.Second
)

// MaxConcurrency bounds the parts in flight where Options.Concurrency is 0: an Uploader then begins with
// DefaultConcurrency, doubles as long as that clearly carries more bytes a second, and tries again now and then
// whether more help or fewer do. Streams never have more in flight than MemoryLimit has room for. Parts with an
// x-oss-traffic-limit do not count, as more of them would only get round it.
const MaxConcurrency = 64

// check refuses what OSS cannot honour; least is the smallest part it takes.
func (o *Options) check(least int64) error {
	switch {
	case o.PartSize != 0 && o.PartSize < least:
		return fmt.Errorf("multipart: part size %d is less than %d bytes", o.PartSize, least)
	case o.PartSize > oss.MaxPartSize:
		return fmt.Errorf("multipart: part size %d is more than %d bytes", o.PartSize, oss.MaxPartSize)
	case o.Concurrency < 0:
		return fmt.Errorf("multipart: concurrency %d is negative", o.Concurrency)
	case o.CleanupTimeout < 0:
		return fmt.Errorf("multipart: clean-up timeout %v is negative", o.CleanupTimeout)
	case o.MemoryLimit < 0:
		return fmt.Errorf("multipart: memory limit %d is negative", o.MemoryLimit)
	case o.MemoryLimit != 0 && o.MemoryLimit < cmp.Or(o.PartSize, DefaultPartSize):
		return fmt.Errorf("multipart: memory limit %d is less than one part, %d bytes", o.MemoryLimit, cmp.Or(o.PartSize, DefaultPartSize))
	case o.Checksum < oss.ChecksumMD5 || o.Checksum > oss.ChecksumNone:
		return fmt.Errorf("multipart: checksum %d is none of ChecksumMD5, ChecksumCRC64 and ChecksumNone", o.Checksum)
	case o.Limiter != nil && isNil(o.Limiter):
		return fmt.Errorf("multipart: Options.Limiter is a nil %T", o.Limiter)
	case o.Store != nil && isNil(o.Store):
		return fmt.Errorf("multipart: Options.Store is a nil %T", o.Store)
	case o.Store == DirStore(""):
		return errors.New("multipart: Options.Store is a DirStore without a directory")
	}
	return nil
}

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
// Both a missing file and a missing bucket match fs.ErrNotExist. A file that cannot be opened is an *fs.PathError and no
// *UploadError; a missing bucket is an *oss.ServiceError that matches oss.ErrNoSuchBucket, in an *UploadError.
//
// With a Store a failed upload of more than one part is not aborted: its record is kept, and the next call for the
// same file, bucket and key goes on from the parts that OSS holds, as Resume does. If the size of the file or of its parts
// has changed, or the options of the object, or the upload is gone, that call begins anew and aborts the earlier upload.
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
	in, err := inspect(f)
	if err != nil {
		return nil, err
	}
	return u.upload(ctx, bucket, key, in, file, opts)
}

// Upload uploads what is left in src. A regular *os.File, a *bytes.Reader, a *strings.Reader and an *io.SectionReader are
// read in place by all workers, and their offset stays where it is. Any other reader is a stream, buffered a part at a
// time within MemoryLimit: also one that embeds one of these types, or has a ReadAt method of its own; UploadBody takes
// the latter. Anything that fits in one part is sent by a single PutObject.
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

// UploadBody uploads body, all of it. It is read in place, by all workers at once, and needs no buffers: its ReadAt must be
// safe for concurrent use, as io.ReaderAt demands. A call that is cancelled waits for the ReadAt calls in progress. See
// Upload for the rest.
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
	w, err := assign(opts)
	if err != nil {
		return nil, err
	}
	j := &job{u: u, wishes: w, keep: u.opts.KeepParts,
		plan: Plan{Upload: oss.Upload{Bucket: bucket, Key: key}, ForbidOverwrite: w.complete.ForbidOverwrite}}
	if in.at == nil {
		j.plan.Size, j.plan.PartSize = -1, cmp.Or(u.opts.PartSize, DefaultStreamPartSize)
		j.length = in.size
		ctx, end := j.watch(ctx)
		defer end()
		j.dropRecord(ctx, stored)
		in.stream = j.guard.reader(in.stream)
		return j.fromStream(ctx, in)
	}
	in.at = j.guard.readerAt(in.at)
	j.plan.Size = in.size
	if j.plan.PartSize, err = partSizeFor(in.size, u.opts.PartSize); err != nil {
		return nil, err
	}
	ctx, end := j.watch(ctx)
	defer end()
	switch {
	case in.size <= j.plan.PartSize:
		j.dropRecord(ctx, stored)
		return j.put(ctx, in.body(), in.intact)
	case stored != nil:
		j.keep = true
		return j.resumable(ctx, stored, in)
	}
	parts, stop := placedSource(in, j.plan.Sections())
	defer stop()
	return j.multipart(ctx, parts)
}

// A job is one upload on its way.
type job struct {
	u       *Uploader
	wishes  wishes
	plan    Plan
	length  int64 // bytes of a stream; -1 if unknown
	keep    bool  // leave parts in OSS when it fails
	meter   *meter
	waits   func(flow.Wait)                                   // tells the meter that the upload waits for OSS, or no longer does
	send    func(context.Context, admitted) (oss.Part, error) // makes a part of a piece; nil means by UploadPart
	known   *uint64                                           // CRC-64 the object must have, where parts do not tell
	orphans []oss.Upload                                      // see UploadError
	cut     bool                                              // a request for a part got no answer, and may arrive late

	unlisted bool // there may be more orphans, which OSS did not list

	grown []Section // of the parts, where they have several sizes; nil means those of plan

	caller context.Context // of the call, for its cause; nil if there is none to tell
	guard  guard           // of the caller's code
}

// watch starts the meter of a job whose plan stands. The function it returns ends it, and passes on a panic
// of the caller's code.
func (j *job) watch(ctx context.Context) (context.Context, func()) {
	begin := Progress{Bucket: j.plan.Upload.Bucket, Key: j.plan.Upload.Key, Total: j.plan.Size, Parts: j.plan.NumParts()}
	if j.plan.Size < 0 {
		begin.Total, begin.Parts = j.length, -1
	}
	j.caller = ctx
	j.waits = func(w flow.Wait) { j.meter.waits(w) }
	ctx, cancel := context.WithCancelCause(j.u.governed(ctx, begin.Bucket, begin.Key, j.wishes.all, j.waits))
	j.meter = newMeter(j.u.opts.Progress, cancel, begin)
	return ctx, func() {
		defer cancel(nil)
		j.meter.close()
		j.guard.rethrow()
	}
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

// put stores what fits into one part by one request. intact is nil where a source cannot change.
func (j *job) put(ctx context.Context, body oss.Body, intact func() error) (*Result, error) {
	opts := j.wishes.put
	opts.Checksum = j.u.opts.Checksum
	var s *sums
	if opts.Checksum == oss.ChecksumMD5 {
		if small, free := j.u.loadSmall(body); small != nil {
			defer free()
			var err error
			if s, err = j.u.sumOf(ctx, small); err != nil {
				return nil, j.failed(err)
			}
			body = small
		}
	}
	permit, err := j.u.governor.Acquire(ctx, j.waits)
	if err != nil {
		return nil, j.failed(err)
	}
	defer permit.Release()
	if opts.Checksum == oss.ChecksumMD5 {
		if s == nil {
			if s, err = j.u.sumOf(ctx, body); err != nil {
				return nil, j.failed(err)
			}
		}
		opts.Header = opts.Header.Clone()
		if opts.Header == nil {
			opts.Header = make(http.Header)
		}
		opts.Header.Set("Content-MD5", base64.StdEncoding.EncodeToString(s.md5[:]))
	}
	last := &wholeBody{Body: j.watched(body), source: body, intact: intact}
	var res *oss.PutResult
	began := time.Now()
	counted, count := reqstats.NewContext(ctx)
	err = permit.Do(counted, j.tunable(body.Size()), func(ctx context.Context) (err error) {
		res, err = j.u.client.PutObject(ctx, j.plan.Upload.Bucket, j.plan.Upload.Key, last, &opts)
		return err
	})
	if err != nil {
		res, err = j.settlePut(ctx, began, last, s, err, count.Unanswered.Load() == 0)
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
	if err := j.initiate(ctx); err != nil {
		return nil, err
	}
	sent, err := j.transfer(ctx, src)
	if changed := src.changed(); changed != nil {
		err = changed // whatever else it led to
	}
	if err != nil {
		return nil, j.abandon(ctx, sent, err)
	}
	return j.complete(ctx, sent)
}

// initiate begins the upload of the job's plan. A reply that is lost on the way may leave an upload in OSS whose
// ID nobody knows; what could be one is reported.
func (j *job) initiate(ctx context.Context) error {
	at := j.plan.Upload
	began := time.Now()
	sent, count := reqstats.NewContext(ctx)
	var err error
	j.plan.Upload, err = j.u.client.InitiateMultipartUpload(sent, at.Bucket, at.Key, &j.wishes.initiate)
	if err != nil {
		j.plan.Upload = at
	} else {
		j.plan.Begun = count.Now().UTC().Truncate(time.Second)
	}
	if count.Unanswered.Load() > 0 {
		j.lookForOrphans(ctx, since(began))
	}
	if err != nil {
		return j.failed(err)
	}
	return nil
}

// failed reports an upload of which nothing was begun in OSS.
func (j *job) failed(err error) error {
	return &UploadError{Plan: j.plan, Orphans: j.orphans, Err: withCause(j.caller, err)}
}

// left reports a failed upload that stays in OSS.
func (j *job) left(sent *parcels, err error) error {
	return &UploadError{Plan: j.plan, Failed: sent.failed, Stored: sent.stored(), Orphans: j.orphans, Err: withCause(j.caller, err)}
}

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
		case "X-Oss-Copy-Source", "X-Oss-Copy-Source-Range", "X-Oss-Copy-Source-If-Match", "X-Oss-Copy-Source-If-None-Match",
			"X-Oss-Copy-Source-If-Modified-Since", "X-Oss-Copy-Source-If-Unmodified-Since",
			"X-Oss-Metadata-Directive", "X-Oss-Tagging-Directive":
			return w, fmt.Errorf("multipart: header %s is for CopyObject; use Copy or Clone, which set it", name)
		case "X-Oss-Request-Payer":
			on = []http.Header{w.initiate.Header, w.part.Header, w.complete.Header, w.all}
		case "X-Oss-Traffic-Limit":
			on = []http.Header{w.part.Header}
		case "X-Oss-Callback", "X-Oss-Callback-Var", "X-Oss-Object-Acl":
			on = []http.Header{w.complete.Header}
		case "X-Oss-Forbid-Overwrite":
			on = []http.Header{w.initiate.Header, w.complete.Header}
			w.complete.ForbidOverwrite = w.complete.ForbidOverwrite || len(values) > 0 && strings.EqualFold(values[0], "true")
		default:
			on = []http.Header{w.initiate.Header}
		}
		for _, h := range on {
			h[name] = values
		}
	}
	return w, nil
}
