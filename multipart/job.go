package multipart

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ossmultipart/go-oss/internal/ctxcause"
	"github.com/ossmultipart/go-oss/internal/reqstats"
	"github.com/ossmultipart/go-oss/oss"
)

// A job is one upload in progress: what it knows, and nothing of how parts are sent.
type job struct {
	u       *Uploader
	options requestOptions
	plan    Plan
	length  int64 // bytes of a stream; -1 if unknown
	keep    bool  // a failure leaves the parts in OSS
	meter   *meter
	cut     bool         // a request for a part got no answer, and may arrive late
	orphans []oss.Upload // see UploadError

	unlisted bool // OSS did not list the uploads, so there may be more orphans

	grown []Section // the sections of parts of several sizes; nil means those of plan

	session *session          // of a Writer; nil for other uploads
	halting atomic.Bool       // the stream ends because the Writer is suspended
	record  *checkpointRecord // of the Checkpoint; nil saves none

	caller context.Context // the context of the call, for its cause
	guard  guard           // catches panics of the caller's code
}

// newJob returns the job that carries out p with the options, for the caller with ctx.
func (u *Uploader) newJob(ctx context.Context, p Plan, options requestOptions) *job {
	return &job{u: u, options: options, plan: p, keep: u.opts.KeepParts, caller: ctx}
}

// newPlan returns the plan of an upload to a key, without the size of its source.
func newPlan(bucket, key string, options *requestOptions) Plan {
	return Plan{Upload: oss.Upload{Bucket: bucket, Key: key}, ForbidOverwrite: options.complete.ForbidOverwrite}
}

// startProgress starts the meter of a job whose plan is complete, and calls the OnStart hook. The function it returns
// takes how the job ended. It stops the meter, calls the OnEnd hook, and panics again if code of the caller panicked.
func (j *job) startProgress(ctx context.Context) (context.Context, func(*Result, error)) {
	begin := Progress{Bucket: j.plan.Upload.Bucket, Key: j.plan.Upload.Key,
		Total: j.plan.Size, Parts: j.plan.NumParts()}
	if j.plan.Size < 0 {
		begin.Total, begin.Parts = j.length, -1
	}
	if j.session != nil {
		begin.Done, begin.PartsDone = j.session.stored(), len(j.session.parts)
		begin.Sent = begin.Done
	}
	o := observers{hooks: j.u.opts.Hooks, progress: j.u.opts.Progress, guard: &j.guard}
	ctx, meter, end := j.u.observe(ctx, begin, j.options.common, o)
	j.meter = meter
	return ctx, func(res *Result, err error) {
		if stats := end(err); res != nil {
			res.Stats = stats
		}
	}
}

// uploadParts sends src as the parts of a new upload and completes it.
func (j *job) uploadParts(ctx context.Context, src source) (*Result, error) {
	if err := j.initiate(ctx); err != nil {
		return nil, err
	}
	sent, err := j.sendParts(ctx, src)
	if changed := src.changed(); changed != nil {
		err = changed // the cause of any other error
	}
	if err != nil {
		return nil, j.abandon(ctx, sent, err)
	}
	return j.complete(ctx, sent)
}

// initiate begins the upload of the plan. A lost reply may leave an upload in OSS whose ID is unknown: findOrphans
// looks for it.
func (j *job) initiate(ctx context.Context) error {
	at := j.plan.Upload
	began := time.Now()
	sent, count := reqstats.NewContext(ctx)
	var err error
	j.plan.Upload, err = j.u.client.InitiateMultipartUpload(sent, at.Bucket, at.Key, &j.options.initiate)
	if err != nil {
		j.plan.Upload = at
	} else {
		j.plan.Begun = count.Now().UTC().Truncate(time.Second)
	}
	if count.Unanswered.Load() > 0 {
		j.findOrphans(ctx, since(began))
	}
	if err != nil {
		return j.notBegun(err)
	}
	return nil
}

// notBegun returns the error of an upload that was not begun in OSS.
func (j *job) notBegun(err error) error {
	return &UploadError{Plan: j.plan, Orphans: j.orphans, Err: ctxcause.Join(j.caller, err)}
}

// kept returns the error of a failed upload that stays in OSS.
func (j *job) kept(sent *transferResult, err error) error {
	return &UploadError{Plan: j.plan, Failed: sent.failed, Stored: sent.stored(), Orphans: j.orphans,
		Err: ctxcause.Join(j.caller, err)}
}

// requestOptions are the caller's ObjectOptions, split by the request that carries them.
type requestOptions struct {
	put      oss.ObjectOptions
	initiate oss.ObjectOptions
	part     oss.PartOptions
	complete oss.CompleteOptions
	common   http.Header // of every other request
}

// splitOptions assigns each option to the requests that carry it. An option that no request could carry is an error.
func splitOptions(opts *oss.ObjectOptions) (requestOptions, error) {
	var w requestOptions
	if opts == nil {
		return w, nil
	}
	if opts.Checksum != oss.ChecksumMD5 {
		return w, errors.New("multipart: ObjectOptions.Checksum applies to PutObject only; " +
			"set Options.Checksum of the Uploader")
	}
	w.put, w.initiate = *opts, *opts
	w.initiate.ACL, w.complete.ACL = "", opts.ACL // OSS takes the ACL with CompleteMultipartUpload only
	w.complete.ForbidOverwrite = opts.ForbidOverwrite
	w.initiate.Header, w.part.Header = make(http.Header), make(http.Header)
	w.complete.Header, w.common = make(http.Header), make(http.Header)
	for name, values := range opts.Header {
		var on []http.Header
		name = http.CanonicalHeaderKey(name)
		switch name {
		case "Content-Md5", "X-Oss-Hash-Crc64ecma":
			return w, fmt.Errorf("multipart: header %s describes one request body; an Uploader computes it", name)
		case "X-Oss-Copy-Source", "X-Oss-Copy-Source-Range", "X-Oss-Copy-Source-If-Match",
			"X-Oss-Copy-Source-If-None-Match", "X-Oss-Copy-Source-If-Modified-Since",
			"X-Oss-Copy-Source-If-Unmodified-Since", "X-Oss-Metadata-Directive", "X-Oss-Tagging-Directive":
			return w, fmt.Errorf("multipart: header %s is for CopyObject; use Copy or Clone, which set it", name)
		case "X-Oss-Request-Payer":
			on = []http.Header{w.initiate.Header, w.part.Header, w.complete.Header, w.common}
		case "X-Oss-Traffic-Limit":
			on = []http.Header{w.part.Header}
		case "X-Oss-Callback", "X-Oss-Callback-Var", "X-Oss-Object-Acl":
			on = []http.Header{w.complete.Header}
		case "X-Oss-Forbid-Overwrite":
			on = []http.Header{w.initiate.Header, w.complete.Header}
			w.complete.ForbidOverwrite = w.complete.ForbidOverwrite || len(values) > 0 &&
				strings.EqualFold(values[0], "true")
		default:
			on = []http.Header{w.initiate.Header}
		}
		for _, h := range on {
			h[name] = values
		}
	}
	return w, nil
}
