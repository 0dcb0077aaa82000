package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// This file is what must hold after each call in a chaos.

// call makes one call, perhaps under a context that is cancelled, and holds what it says against what is so.
func (o *ordeal) call(f func(context.Context) (*multipart.Result, error)) error {
	ctx, end := o.context()
	defer end()
	o.calls++
	o.watch.begin()
	began := time.Now()
	res, err := f(ctx)
	if took := time.Since(began); took > time.Hour {
		o.bad("it took %v", took)
	}
	o.story = append(o.story, fmt.Sprintf("%v: %+v, %v", time.Since(began), res, err))
	o.checkError(ctx, err)
	time.Sleep(time.Second) // in the bubble: what was on its way has arrived
	o.checkObject(began, res, err)
	o.checkProgress(res, err)
	o.checkLeft(res, err)
	o.checkAbort(began, err)
	if err == nil {
		o.done = true
		o.reused += res.Reused
	}
	if !errors.Is(err, errNotYet) {
		o.outcomes[outcomeOf(err)]++
	}
	return err
}

func outcomeOf(err error) string {
	switch {
	case err == nil:
		return "stored"
	case errors.Is(err, multipart.ErrOutcomeUnknown):
		return "unknown"
	}
	return "failed"
}

// checkError checks that err says what it should and comes when it should.
func (o *ordeal) checkError(ctx context.Context, err error) {
	at, _ := ctx.Value(cancelledAt{}).(time.Time)
	if late := time.Since(at); ctx.Err() != nil && late > o.patience() {
		o.bad("it returned %v after it was cancelled: %v", late, err)
	}
	// whose workers may be cancelled
	quiet := len(o.c.faults) == 0 && !o.breaks && o.also == nil && o.opts == nil && o.kind != "steps"
	ours := errors.Is(err, errNotYet) || errors.Is(err, errDiscarded)
	switch {
	case err == nil || ours:
		return
	case quiet && ctx.Err() == nil:
		o.bad("nothing went wrong, and yet: %v", err)
	case quiet && !errors.Is(err, ctx.Err()):
		o.bad("it was cancelled, and the error is another: %v", err)
	case ctx.Err() == nil && errors.Is(err, context.Canceled):
		o.bad("it was not cancelled, and yet: %v", err)
	}
	if !errors.As(err, new(*multipart.UploadError)) {
		o.bad("the error is no *UploadError: %v", err)
	}
	o.c.checkSecrets("an error", inFull(err))
}

// inFull prints an error with all that it wraps, in every way there is.
func inFull(err error) string {
	text := fmt.Sprintf("%v %+v %#v\n", err, err, err)
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			text += inFull(inner)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			text += inFull(inner)
		}
	}
	return text
}

// patience is how long a cancelled call may take: for the abort, if it meets no fault.
func (o *ordeal) patience() time.Duration {
	if o.c.cannotAsk() {
		return abortTime + time.Minute // what cleans up gives up after half a minute, and may do so twice
	}
	return abortTime
}

// checkObject checks that the object is there or not, as err says.
func (o *ordeal) checkObject(began time.Time, res *multipart.Result, err error) {
	obj, exists := o.c.srv.Object(bucket, o.key)
	before, now := o.before, obj.Data
	o.before = now
	same := exists == (before != nil) && bytes.Equal(now, before)
	var damaged *oss.ChecksumError
	made := errors.As(err, &damaged) &&
		slices.Contains([]string{"PutObject", "CopyObject", "CompleteMultipartUpload"}, damaged.Op) &&
		!errors.Is(err, oss.ErrInvalidDigest) // with which OSS stores nothing
	switch {
	case errors.Is(err, multipart.ErrOutcomeUnknown):
	case made && damaged.Op == "CompleteMultipartUpload" &&
		(obj.Parts == nil || obj.Time.Before(began.Truncate(time.Second))):
		o.bad("the object is said to be there and wrong, and what is there was not made by this call: %v", err)
	case made || same && err != nil:
	case err != nil && (o.c.struck("WrongETag", "HeadObject") || o.c.struck("WrongCRC64", "HeadObject")):
		// OSS itself says that it is another's
	case err != nil:
		o.bad("it failed, and yet there is another object, of %d bytes: %v", len(now), err)
	case o.breaks:
		o.bad("the source broke, and that is no error")
	case !exists || !bytes.Equal(now, o.want) && (o.also == nil || !bytes.Equal(now, o.also)):
		o.bad("it succeeded, and the object of %d bytes (%v) is not the source of %d: %+v",
			len(now), exists, len(o.want), res)
	case res.Size != obj.Size || res.Parts != len(obj.Parts) ||
		// where nothing else tells it
		res.ETag != obj.ETag &&
			!o.c.struck("WrongETag", "CompleteMultipartUpload", "CopyObject", "HeadObject", "PutObject") ||
		res.CRC64 != obj.CRC64 && !o.c.struck("WrongCRC64", "HeadObject"):
		o.bad("%+v does not describe the object: %d bytes, ETag %s, CRC-64 %d, %d parts", res, obj.Size,
			obj.ETag, obj.CRC64, len(obj.Parts))
	case o.opts != nil && before != nil && !bytes.Equal(before, now) && o.plan.Upload.ID == "":
		// Finish and Resume take no options
		o.bad("it overwrote what was there")
	}
}

// checkLeft checks that the caller knows of everything unfinished.
func (o *ordeal) checkLeft(res *multipart.Result, err error) {
	var ue *multipart.UploadError
	errors.As(err, &ue)
	var orphans []oss.Upload
	switch {
	case ue != nil:
		orphans = ue.Orphans
	case err == nil && res != nil:
		orphans = res.Orphans
	}
	for _, up := range orphans {
		o.told[up.ID] = true
	}
	if o.c.opts.ExclusiveKeys && len(orphans) > 0 && !o.c.cannotAsk() {
		o.bad("no other program uploads to the key, and yet %v is left", orphans)
	}
	unknown := errors.Is(err, multipart.ErrOutcomeUnknown)
	kept := ue != nil && ue.Plan.Upload.ID != "" && !ue.Aborted && ue.AbortErr == nil && !unknown
	if kept && !o.keeps() {
		o.bad("the parts were kept without KeepParts: %v", err)
	}
	if ue != nil && ue.Plan.Upload.ID != "" && !ue.Aborted {
		o.told[ue.Plan.Upload.ID] = true
		if o.again == nil && ue.Plan.Size != 0 && o.keeps() && !o.breaks &&
			slices.Contains([]string{"bytes", "file", "reader", "strange"}, o.kind) {
			o.plan, o.again = ue.Plan, o.resume
		}
	}
	for _, left := range o.c.srv.Uploads() {
		if left.Key != o.key {
			continue
		}
		mine := ue != nil && left.Upload == ue.Plan.Upload
		switch {
		case o.c.isRevived(left): // and known by its ID, if it was aborted on behalf of this call
		case mine && ue.Aborted:
			o.bad("%v is said to be aborted, and there with %d parts: %v", left.Upload, len(left.Parts), err)
		case mine && kept && ue.Stored > sizeOf(left) && !o.c.wasAborted(left):
			o.bad("%d bytes are said to be stored, and %d are: %v", ue.Stored, sizeOf(left), err)
		case err == nil && left.ID == res.UploadID:
			o.bad("%v succeeded, and is still there", left.Upload)
		case o.told[left.ID]:
		case len(left.Parts) == 0 && (o.c.cannotAsk() || o.kind == "steps" && o.c.log.has(left.ID)):
			o.told[left.ID] = true // Begin says it in the log
		default:
			o.bad("%v is left with %d parts, and nothing says so: %+v, %v", left.Upload, len(left.Parts), res, err)
		}
	}
}

// checkAbort checks that the clean-up does not give up before it has tried six times, or for half a minute.
func (o *ordeal) checkAbort(began time.Time, err error) {
	var ue *multipart.UploadError
	if !errors.As(err, &ue) || ue.AbortErr == nil || o.c.keys.moody || time.Since(began) > 30*time.Second {
		return
	}
	tries := 0
	for _, r := range o.c.srv.Requests("AbortMultipartUpload") {
		if r.UploadID == ue.Plan.Upload.ID {
			tries++
		}
	}
	if tries < 6 || !o.c.cannotAsk() {
		o.bad("the clean-up gave up after %d tries: %v", tries, err)
	}
}

// keeps reports whether a failed call is to leave its parts.
func (o *ordeal) keeps() bool {
	return o.c.opts.KeepParts || o.kind == "steps" || o.again != nil || o.c.opts.Store != nil &&
		(o.kind == "file" || o.kind == "changing file")
}

// cannotAsk reports whether something hindered asking OSS what it holds, and aborting it.
func (c *chaos) cannotAsk() bool {
	return c.losses != nil || c.cable != nil || c.keys.moody ||
		c.keys.takes > 0 || slices.ContainsFunc(c.asking, func(i injected) bool { return i.Fired() > 0 })
}

// isRevived reports whether a part that arrived after OSS had reported up as gone has brought it back, which no client
// can wait for. A part that arrives earlier is aborted with the others.
func (c *chaos) isRevived(up osstest.Upload) (gone bool) {
	if len(up.Parts) == 0 || !c.struck("Redeliver") {
		return false
	}
	for _, r := range c.srv.Requests("ListParts") {
		if r.UploadID == up.ID && (r.StatusCode == 200 || r.Code == oss.ErrNoSuchUpload) {
			gone = r.StatusCode != 200 // by the latest answer
		}
	}
	return gone
}

// wasAborted reports whether up was aborted. A part that arrived later may still be there.
func (c *chaos) wasAborted(up osstest.Upload) bool {
	return slices.ContainsFunc(c.srv.Requests("AbortMultipartUpload"), func(r osstest.Request) bool {
		return r.UploadID == up.ID && r.StatusCode == 204
	})
}

func sizeOf(up osstest.Upload) (n int64) {
	for _, p := range up.Parts {
		n += p.Size
	}
	return n
}

// A watch sees the progress of one call.
type watch struct {
	busy atomic.Bool
	mu   sync.Mutex
	last multipart.Progress
	any  bool
	full bool // Done has been Total
}

func (w *watch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last, w.any, w.full = multipart.Progress{}, false, false
}

// progress is Options.Progress.
func (c *chaos) progress(p multipart.Progress) {
	o := c.ordeals[p.Key]
	if o.kind == "steps" {
		return // of several workers, each with a progress of its own
	}
	if !o.watch.busy.CompareAndSwap(false, true) {
		o.bad("progress is reported twice at once")
	}
	defer o.watch.busy.Store(false)
	o.watch.mu.Lock()
	defer o.watch.mu.Unlock()
	last := o.watch.last
	if p.Done < last.Done || p.PartsDone < last.PartsDone || p.Sent < last.Sent || p.Bucket != bucket || o.watch.full ||
		p.Total >= 0 && (p.Done > p.Total || p.Sent > p.Total) || p.Parts >= 0 && p.PartsDone > p.Parts {
		o.bad("progress went from %+v to %+v", last, p)
	}
	o.watch.last, o.watch.any, o.watch.full = p, true, p.Done == p.Total
}

// checkProgress checks that all is done if and only if the object exists, and that no more was done than OSS holds.
func (o *ordeal) checkProgress(res *multipart.Result, err error) {
	if o.kind == "steps" {
		return
	}
	o.watch.mu.Lock()
	defer o.watch.mu.Unlock()
	p := o.watch.last
	if err != nil && o.watch.full {
		o.bad("progress was %+v in the end, and the upload failed: %v", p, err)
	}
	if err == nil && (p.Done != res.Size || p.Total != res.Size || p.PartsDone != res.Parts || p.Parts != res.Parts) {
		o.bad("progress was %+v in the end, of %+v", p, res)
	}
	if confirmed := o.confirmed(); err != nil && o.kind != "copy" && p.Done > confirmed {
		o.bad("progress was %+v, and OSS has confirmed %d bytes", p, confirmed)
	}
}

// confirmed returns how many bytes of parts OSS has ever confirmed or listed, each once.
func (o *ordeal) confirmed() (n int64) {
	sizes := make(map[int]int64)
	for _, r := range o.c.srv.Requests("UploadPart") {
		if r.Key == o.key && (r.StatusCode == 200 || o.calls > 1) {
			sizes[r.PartNumber] = max(sizes[r.PartNumber], r.Size)
		}
	}
	for _, size := range sizes {
		n += size
	}
	return n
}
