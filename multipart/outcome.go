package multipart

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/internal/reqstats"
	"github.com/ossmultipart/go-oss/oss"
)

// This file finds out how an upload ended. The rule: success is only what was proved, failure only
// what is certain, and the rest is ErrOutcomeUnknown.

// expected is what the object must be if it was made of parts.
type expected struct {
	size  int64
	crc   uint64
	known bool   // whether OSS reported the CRC-64 of every part
	etag  string // with quotes, by the rule OSS follows without promising it
	parts int
}

// expect combines what OSS reported of each part, all of which was held against the bytes sent.
func expect(parts []oss.Part) expected {
	e := expected{known: true, parts: len(parts)}
	h := md5.New()
	var size int64 // of the part before; mostly they are equal
	behind := crc64.Behind(size)
	var etag []byte
	for _, p := range parts {
		etag = append(etag[:0], strings.ToUpper(strings.Trim(p.ETag, `"`))...)
		h.Write(etag)
		if p.Size != size {
			size, behind = p.Size, crc64.Behind(p.Size)
		}
		e.size += p.Size
		e.crc = behind.Combine(e.crc, p.CRC64)
		e.known = e.known && (p.CRC64 != 0 || p.Size == 0)
	}
	e.etag = fmt.Sprintf(`"%X-%d"`, h.Sum(nil), len(parts))
	return e
}

// provedBy reports whether an object that stands there holds the expected bytes.
func (e expected) provedBy(info *oss.ObjectInfo) bool {
	if info.Size != e.size {
		return false
	}
	if e.known && info.CRC64 != 0 {
		return info.CRC64 == e.crc
	}
	return strings.EqualFold(info.ETag, e.etag)
}

// complete joins the parts and proves the object.
func (j *job) complete(ctx context.Context, sent *parcels) (*Result, error) {
	want := expect(sent.parts)
	if j.known != nil && *j.known != 0 {
		want.crc, want.known = *j.known, true
	}
	up := j.plan.Upload
	began := time.Now()
	counted, count := reqstats.NewContext(ctx)
	res, err := j.u.client.CompleteMultipartUpload(counted, up, sent.parts, &j.wishes.complete)
	if err != nil {
		if res, err = j.settle(ctx, sent, want, began, err, count.Unanswered.Load() == 0); err != nil {
			return nil, err
		}
	}
	if want.known && res.CRC64 != 0 && res.CRC64 != want.crc {
		return nil, &UploadError{Plan: j.plan, Stored: sent.stored(), Aborted: true, Orphans: j.orphans, Err: &oss.ChecksumError{
			Op: "CompleteMultipartUpload", Bucket: up.Bucket, Key: up.Key, Local: want.crc, Remote: res.CRC64,
		}}
	}
	if !strings.EqualFold(res.ETag, want.etag) {
		told := "is right"
		if !want.known || res.CRC64 == 0 {
			told = "is not known"
		}
		j.u.client.Logger().LogAttrs(ctx, slog.LevelWarn, "oss: ETag of the object does not follow from its parts; its CRC-64 "+told,
			slog.String("bucket", up.Bucket), slog.String("key", up.Key), slog.String("etag", res.ETag), slog.String("expected", want.etag))
	}
	j.meter.finish(want.size, want.parts)
	return &Result{
		ETag: res.ETag, VersionID: res.VersionID, RequestID: res.RequestID,
		CRC64: res.CRC64, Size: want.size, UploadID: up.ID, Parts: want.parts, Callback: res.Callback, Orphans: j.orphans,
	}, nil
}

// settle finds out what a Complete that failed with cause has done. Three things are asked, each giving sense to the
// next: was it refused for good; is the upload still there; is the object ours. An equal object that was there before
// proves nothing while the upload still exists. Once the upload is gone, an object that is older than the Complete,
// which began then, is not ours. With certain, every request that was made got an answer.
func (j *job) settle(
	ctx context.Context, sent *parcels, want expected, began time.Time, cause error, certain bool,
) (*oss.PutResult, error) {
	if errors.Is(cause, oss.ErrCallbackFailed) { // the object exists; nothing is left to undo
		return nil, &UploadError{Plan: j.plan, Stored: sent.stored(), Aborted: true, Orphans: j.orphans, Err: cause}
	}
	if refusedForGood(cause, certain) {
		return nil, j.abandon(ctx, sent, cause)
	}
	ask, cancel := j.u.settleContext(ctx)
	defer cancel()
	unknown := func(err error) error {
		if err != nil {
			cause = fmt.Errorf("%w; asking OSS: %w", cause, err)
		}
		return j.left(sent, fmt.Errorf("%w: %w", ErrOutcomeUnknown, cause))
	}
	there, err := j.exists(ask)
	if err != nil {
		return nil, unknown(err)
	}
	if there {
		if j.keep && !certain {
			return nil, unknown(nil) // OSS may still be at work on it
		}
		if j.keep {
			return nil, j.left(sent, cause)
		}
		aborted, err := j.abort(ask)
		if err != nil && !aborted && !certain { // OSS may still be at work on it here, too
			cause = fmt.Errorf("%w: %w", ErrOutcomeUnknown, cause)
		}
		if err != nil || aborted { // aborted: it had not happened, and now it cannot
			return nil, j.report(sent, cause, err)
		}
		// It was completed between the two questions.
	}
	info, err := j.lookForOurs(ask, since(began), want.provedBy)
	if err == nil {
		return putResultOf(info), nil
	}
	if certain && errors.Is(cause, oss.ErrNoSuchUpload) {
		return nil, j.report(sent, cause, nil) // none of our tries did it: somebody else ended the upload before
	}
	return nil, unknown(err)
}

// A moment is when something began, by the clock of OSS, which a reply tells.
type moment func(reply *reqstats.Stats) time.Time

// since is the moment that began was by the clock of this machine.
func since(began time.Time) moment {
	return func(reply *reqstats.Stats) time.Time { return reply.Now().Add(-time.Since(began)) }
}

// lookForOurs returns the object of the job's key if this upload made it after it began, and otherwise an error that
// says what stands there. Equal bytes are no proof, which the caller passes: an equal object may have stood there
// before, or be another program's, with other metadata.
func (j *job) lookForOurs(ctx context.Context, began moment, equal func(*oss.ObjectInfo) bool) (*oss.ObjectInfo, error) {
	ctx, count := reqstats.NewContext(ctx)
	up := j.plan.Upload
	info, err := j.u.client.HeadObject(ctx, up.Bucket, up.Key, &oss.HeadOptions{Header: j.wishes.all})
	switch {
	case errors.Is(err, oss.ErrNoSuchKey):
		return nil, fmt.Errorf("there is no such object: %w", err)
	case err != nil:
		return nil, err
	case !equal(info):
		return nil, &otherObject{fmt.Sprintf("another object stands there, of %d bytes with ETag %s", info.Size, info.ETag)}
	case info.LastModified.Before(began(count).Add(-slack)):
		return nil, &otherObject{fmt.Sprintf("an equal object stands there since %s, before this upload", info.LastModified.UTC().Format(time.RFC3339))}
	}
	if lack := j.wishes.lackedBy(info); lack != "" {
		return nil, &otherObject{"an object of the same bytes stands there, but its " + lack}
	}
	return info, nil
}

// An otherObject is what stands in the place of the object that an upload was to make.
type otherObject struct{ what string }

func (e *otherObject) Error() string { return e.what }

// lackedBy returns the first property of the object, as InitiateMultipartUpload or PutObject was told, that info does
// not have, or "". The default content type is not compared: it is not the caller's wish.
func (w *wishes) lackedBy(info *oss.ObjectInfo) string {
	o := w.put
	want := map[string]string{
		"Content-Type": o.ContentType, "Content-Encoding": o.ContentEncoding, "Content-Disposition": o.ContentDisposition,
		"Content-Language": o.ContentLanguage, "Cache-Control": o.CacheControl, "X-Oss-Storage-Class": string(o.StorageClass),
	}
	if !o.Expires.IsZero() {
		want["Expires"] = o.Expires.UTC().Format(http.TimeFormat)
	}
	for name, value := range o.Metadata {
		want[http.CanonicalHeaderKey("x-oss-meta-"+name)] = value
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		value, has := strings.TrimSpace(want[name]), strings.TrimSpace(info.Header.Get(name))
		if value != "" && value != has {
			return fmt.Sprintf("%s is %q and not %q", name, has, value)
		}
	}
	return ""
}

// refusedForGood reports whether OSS itself said that a Complete did not happen. With certain, it is the
// only answer there was.
func refusedForGood(err error, certain bool) bool {
	var e *oss.ServiceError
	if !errors.As(err, &e) || e.Code == oss.ErrNoSuchUpload {
		return false
	}
	switch e.Code {
	case oss.ErrInvalidPart, "InvalidPartOrder", "EntityTooSmall", "MalformedXML", "InvalidArgument":
		return true // said of parts, so the upload is there
	}
	return certain && e.StatusCode >= 400
}

// abandon cleans up after a failure with cause, once no part is in flight any more, and reports it.
func (j *job) abandon(ctx context.Context, sent *parcels, cause error) error {
	if j.keep {
		return j.left(sent, cause)
	}
	ctx, cancel := j.u.cleanupContext(ctx)
	defer cancel()
	_, err := j.abort(ctx)
	return j.report(sent, cause, err)
}

// report makes the error of an upload whose abort ended with abortErr.
func (j *job) report(sent *parcels, cause, abortErr error) error {
	if abortErr != nil {
		j.warn("upload left behind", j.plan.Upload, abortErr)
	}
	return &UploadError{Plan: j.plan, Failed: sent.failed, Stored: sent.stored(), Aborted: abortErr == nil, AbortErr: abortErr,
		Orphans: j.orphans, Err: withCause(j.caller, cause)}
}

// settleContext is for finding out how an upload ended. It lasts as long as ctx, whose caller waits for the answer, and
// Options.CleanupTimeout longer.
func (u *Uploader) settleContext(ctx context.Context) (context.Context, context.CancelFunc) {
	ask, cancel := context.WithCancelCause(flow.WithGate(context.WithoutCancel(ctx), u.governor.Cleanup()))
	stop := context.AfterFunc(ctx, func() {
		if pause(ask, u.opts.CleanupTimeout) == nil {
			cancel(context.DeadlineExceeded)
		}
	})
	return ask, func() { stop(); cancel(nil) }
}

// cleanupContext outlives the cancellation of ctx, for Options.CleanupTimeout.
func (u *Uploader) cleanupContext(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx = flow.WithGate(context.WithoutCancel(ctx), u.governor.Cleanup())
	return context.WithTimeout(ctx, u.opts.CleanupTimeout)
}

// abortTries is how often an abort is repeated. A part that was on its way while OSS aborted may
// come in afterwards, and would be billed for ever.
const abortTries = 6

// secondLook is when an upload is aborted once more that lost a request for a part: such a part may be stored a moment
// later, which revives the upload.
const secondLook = 250 * time.Millisecond

// abort deletes the upload until OSS says that there is none. It reports whether it was this
// abort that ended the upload, rather than a Complete or somebody else.
func (j *job) abort(ctx context.Context) (ours bool, err error) {
	looks := 1 // that must find nothing
	if j.cut {
		looks = 2
	}
	for try := range abortTries {
		if try > 0 {
			wait := 100 * time.Millisecond << (try - 1)
			if err == nil {
				wait = secondLook
			}
			if err := pause(ctx, wait); err != nil {
				return ours, err
			}
		}
		err = j.abortOnce(ctx)
		unknown := errors.Is(err, oss.ErrNoSuchUpload)
		if err != nil && !unknown {
			continue
		}
		ours = ours || err == nil
		var there bool
		there, err = j.exists(ctx)
		if unknown && try > 0 && errors.Is(err, fs.ErrPermission) {
			err = nil // these keys may not list parts: that a second abort finds no upload is proof as well
		}
		if there {
			err = errors.New("OSS still holds the upload after it was aborted")
		}
		if err != nil {
			continue
		}
		if looks--; looks == 0 {
			return ours, nil
		}
	}
	return ours, err
}

// exists asks OSS whether it holds the upload.
func (j *job) exists(ctx context.Context) (bool, error) {
	_, err := j.u.client.ListParts(ctx, j.plan.Upload, &oss.ListPartsOptions{PageSize: 1, Header: j.wishes.all})
	if errors.Is(err, oss.ErrNoSuchUpload) {
		return false, nil
	}
	return err == nil, err
}

// abortOnce asks OSS to delete the upload, with the headers that all its requests need. Unlike AbortMultipartUpload of
// package oss it tells an upload that was not there.
func (j *job) abortOnce(ctx context.Context) error {
	up := j.plan.Upload
	resp, err := j.u.client.Do(ctx, &oss.Request{Op: "AbortMultipartUpload", Method: http.MethodDelete, Bucket: up.Bucket, Key: up.Key,
		Query: url.Values{"uploadId": {up.ID}}, Header: j.wishes.all})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.Header.Get("x-oss-request-id") == "" { // which every reply of OSS has
		return fmt.Errorf("AbortMultipartUpload of %v: status %d of a reply that is not from OSS", up, resp.StatusCode)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A wholeBody is a source sent by one request. It hands out its last byte only if the source is
// still what it was, since with that byte OSS makes the object; and it notes that it did.
type wholeBody struct {
	oss.Body
	source oss.Body     // the same bytes, read without being counted
	intact func() error // nil where a source cannot change
	end    atomic.Bool
}

func (w *wholeBody) ReadAt(p []byte, off int64) (int, error) {
	return w.ReadAtContext(context.Background(), p, off)
}

func (w *wholeBody) ReadAtContext(ctx context.Context, p []byte, off int64) (n int, err error) {
	if waits, ok := w.Body.(oss.ContextBody); ok {
		n, err = waits.ReadAtContext(ctx, p, off)
	} else {
		n, err = w.Body.ReadAt(p, off)
	}
	if off+int64(n) < w.Size() {
		return n, err
	}
	if w.intact != nil {
		if err := w.intact(); err != nil {
			return 0, err
		}
	}
	w.end.Store(true)
	return n, err
}

// settlePut finds out what a PutObject that began then and failed with cause has done. If OSS never had the whole
// body, or answered every time, there is no object; one that holds the same bytes is what was asked for. d is the
// digest that was sent, nil if none was: what a file holds by now may be something else.
func (j *job) settlePut(ctx context.Context, began time.Time, body *wholeBody, s *sums, cause error, certain bool) (*oss.PutResult, error) {
	if certain || body.Size() > 0 && !body.end.Load() || errors.Is(cause, oss.ErrCallbackFailed) { // which says that the object exists
		return nil, cause
	}
	ask, cancel := j.u.settleContext(ctx)
	defer cancel()
	if s == nil {
		var err error
		if s, err = j.u.sumOf(ask, body.source); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrOutcomeUnknown, cause)
		}
	}
	// Of a body that comes with its MD5 OSS stores no damaged copy.
	return j.lookForObject(ask, began, cause, j.u.opts.Checksum == oss.ChecksumMD5, func(there *oss.ObjectInfo) bool {
		if there.Size != body.Size() {
			return false
		}
		if there.CRC64 != 0 {
			return there.CRC64 == s.crc
		}
		return strings.EqualFold(strings.Trim(there.ETag, `"`), hex.EncodeToString(s.md5[:]))
	})
}

// lookForObject settles a request that may have made an object since began: ours tells its bytes from those of another.
// With intact ours is never damaged, so that one that is not ours must be another's.
func (j *job) lookForObject(ctx context.Context, began time.Time, cause error, intact bool, ours func(*oss.ObjectInfo) bool) (*oss.PutResult, error) {
	ask, cancel := j.u.settleContext(ctx)
	defer cancel()
	info, err := j.lookForOurs(ask, since(began), ours)
	if err == nil {
		return putResultOf(info), nil
	}
	var reply *oss.ServiceError
	refused := errors.As(cause, &reply) && reply.StatusCode < 500 && reply.Code != "" // by OSS itself, and not by a proxy
	var other *otherObject
	if refused && (errors.As(err, &other) && intact || errors.Is(err, oss.ErrNoSuchKey)) {
		return nil, cause // the last try was refused, and those before it have left nothing
	}
	return nil, fmt.Errorf("%w: %w; asking OSS: %w", ErrOutcomeUnknown, cause, err)
}

// putResultOf describes an object that stands there as if its making had just been answered.
func putResultOf(info *oss.ObjectInfo) *oss.PutResult {
	return &oss.PutResult{ETag: info.ETag, VersionID: info.VersionID, RequestID: info.Header.Get("x-oss-request-id"),
		CRC64: info.CRC64, Header: info.Header}
}

// slack is for times that OSS tells in whole seconds: of an upload or an object, and of its reply.
const slack = 2 * time.Second

// lookForOrphans finds the uploads that a lost request, or a process that was killed, may have begun since then: those
// of the same key, without a part as far as OSS tells, that are not ours. Nothing tells them from those of another
// program, so they are aborted only where the caller says that there is none, and otherwise reported in j.orphans.
func (j *job) lookForOrphans(ctx context.Context, began moment) {
	ctx, cancel := j.u.cleanupContext(ctx)
	defer cancel()
	ctx, count := reqstats.NewContext(ctx)
	up := j.plan.Upload
	for info, err := range j.u.client.Uploads(ctx, up.Bucket, &oss.ListUploadsOptions{Prefix: up.Key, Header: j.wishes.all}) {
		if err != nil {
			j.unlisted = true
			j.warn("a lost reply may have begun an upload, and the uploads cannot be listed", up, err)
			break
		}
		if info.Key != up.Key || info.ID == up.ID || info.Initiated.Before(began(count).Add(-slack)) {
			continue
		}
		parts, err := j.u.client.ListParts(ctx, info.Upload, &oss.ListPartsOptions{PageSize: 1, Header: j.wishes.all})
		if errors.Is(err, oss.ErrNoSuchUpload) || err == nil && len(parts.Parts) > 0 {
			continue
		}
		if j.u.opts.ExclusiveKeys {
			orphan := &job{u: j.u, plan: Plan{Upload: info.Upload}, wishes: j.wishes}
			if _, err = orphan.abort(ctx); err == nil {
				continue
			}
		}
		j.orphans = append(j.orphans, info.Upload)
		j.warn("upload that a lost reply may have begun", info.Upload, err)
	}
}
