package multipart

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/internal/reqstats"
	"github.com/ossmultipart/go-oss/oss"
)

// A job is one upload on its way.
type job struct {
	u       *Uploader
	options requestOptions
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

// startProgress starts the meter of a job whose plan stands. The function it returns ends it, and passes on a panic
// of the caller's code.
func (j *job) startProgress(ctx context.Context) (context.Context, func()) {
	begin := Progress{Bucket: j.plan.Upload.Bucket, Key: j.plan.Upload.Key, Total: j.plan.Size, Parts: j.plan.NumParts()}
	if j.plan.Size < 0 {
		begin.Total, begin.Parts = j.length, -1
	}
	j.caller = ctx
	j.waits = func(w flow.Wait) { j.meter.waits(w) }
	ctx, cancel := context.WithCancelCause(j.u.governed(ctx, begin.Bucket, begin.Key, j.options.common, j.waits))
	j.meter = newMeter(j.u.opts.Progress, cancel, begin)
	return ctx, func() {
		defer cancel(nil)
		j.meter.close()
		j.guard.rethrow()
	}
}

// uploadParts sends src as the parts of a new upload and completes it.
func (j *job) uploadParts(ctx context.Context, src source) (*Result, error) {
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

// notBegun reports an upload of which nothing was begun in OSS.
func (j *job) notBegun(err error) error {
	return &UploadError{Plan: j.plan, Orphans: j.orphans, Err: withCause(j.caller, err)}
}

// kept reports a failed upload that stays in OSS.
func (j *job) kept(sent *transferResult, err error) error {
	return &UploadError{Plan: j.plan, Failed: sent.failed, Stored: sent.stored(), Orphans: j.orphans, Err: withCause(j.caller, err)}
}

// requestOptions are a caller's ObjectOptions, each where OSS wants it.
type requestOptions struct {
	put      oss.ObjectOptions
	initiate oss.ObjectOptions
	part     oss.PartOptions
	complete oss.CompleteOptions
	common   http.Header // for every other request of the upload
}

// splitOptions puts each option on the requests it concerns. One that none could honour is an error.
func splitOptions(opts *oss.ObjectOptions) (requestOptions, error) {
	var w requestOptions
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
	w.complete.Header, w.common = make(http.Header), make(http.Header)
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
			on = []http.Header{w.initiate.Header, w.part.Header, w.complete.Header, w.common}
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
