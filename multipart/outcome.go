package multipart

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/internal/reqstats"
	"github.com/ossmultipart/go-oss/oss"
)

// This file finds out how an upload ended. Success must be proved, and failure must be certain. Anything else is
// ErrOutcomeUnknown.

// expected describes the object that OSS must make of the parts.
type expected struct {
	size  int64
	crc   uint64
	known bool   // whether OSS reported the CRC-64 of every part
	etag  string // with quotes, by the rule OSS follows without promising it
	parts int
}

// expect combines the checksums that OSS reported of the parts. Each was compared with the bytes sent.
func expect(parts []oss.Part) expected {
	e := expected{known: true, parts: len(parts), crc: combine(parts)}
	h := md5.New()
	var etag []byte
	for _, p := range parts {
		etag = append(etag[:0], strings.ToUpper(strings.Trim(p.ETag, `"`))...)
		h.Write(etag)
		e.size += p.Size
		e.known = e.known && (p.CRC64 != 0 || p.Size == 0)
	}
	e.etag = fmt.Sprintf(`"%X-%d"`, h.Sum(nil), len(parts))
	return e
}

// combine returns the CRC-64 of parts that follow one another.
func combine(parts []oss.Part) (crc uint64) {
	var size int64 // of the previous part; most parts have the same
	behind := crc64.Behind(size)
	for _, p := range parts {
		if p.Size != size {
			size, behind = p.Size, crc64.Behind(p.Size)
		}
		crc = behind.Combine(crc, p.CRC64)
	}
	return crc
}

// matches reports whether the object that OSS has under the key holds the expected bytes.
func (e expected) matches(info *oss.ObjectInfo) bool {
	if info.Size != e.size {
		return false
	}
	if e.known && info.CRC64 != 0 {
		return info.CRC64 == e.crc
	}
	return strings.EqualFold(info.ETag, e.etag)
}

// complete joins the parts and verifies the object.
func (j *job) complete(ctx context.Context, sent *transferResult) (*Result, error) {
	want := expect(sent.parts)
	if sent.crc != 0 {
		want.crc, want.known = sent.crc, true
	}
	up := j.plan.Upload
	began := time.Now()
	counted, count := reqstats.NewContext(ctx)
	res, err := j.u.client.CompleteMultipartUpload(counted, up, sent.parts, &j.options.complete)
	if err != nil {
		if res, err = j.resolveComplete(ctx, sent, want, began, err, count.Unanswered.Load() == 0); err != nil {
			return nil, err
		}
	}
	if want.known && res.CRC64 != 0 && res.CRC64 != want.crc {
		return nil, &UploadError{
			Plan: j.plan, Stored: sent.stored(), Aborted: true, Orphans: j.orphans,
			Err: &oss.ChecksumError{
				Op: "CompleteMultipartUpload", Bucket: up.Bucket, Key: up.Key, Local: want.crc, Remote: res.CRC64,
			},
		}
	}
	if !strings.EqualFold(res.ETag, want.etag) {
		told := "is right"
		if !want.known || res.CRC64 == 0 {
			told = "is not known"
		}
		j.u.client.Logger().LogAttrs(ctx, slog.LevelWarn,
			"oss: ETag of the object does not follow from its parts; its CRC-64 "+told,
			slog.String("bucket", up.Bucket), slog.String("key", up.Key),
			slog.String("etag", res.ETag), slog.String("expected", want.etag))
	}
	j.meter.finish(want.size, want.parts)
	done := &Result{
		ETag: res.ETag, VersionID: res.VersionID, RequestID: res.RequestID,
		CRC64: res.CRC64, Size: want.size, UploadID: up.ID, Parts: want.parts,
		Callback: res.Callback, Orphans: j.orphans,
	}
	if j.u.opts.PartList {
		done.PartList = slices.Clone(sent.parts)
	}
	return done, nil
}

// resolveComplete finds out what a Complete that began at began, and failed with cause, has done. certain says that
// every attempt got an answer. It asks in this order, and stops at the first row that applies:
//
//	refused for good  upload   keep  abort                  object    verdict
//	callback failed   -        -     -                      -         the object exists; the callback failed
//	yes               -        -     -                      -         failed; the parts are kept or aborted
//	no                unknown  -     -                      -         unknown
//	no                there    yes   -                      -         certain: failed, parts kept; else unknown
//	no                there    no    ended it               -         failed, nothing is left
//	no                there    no    ended it, unconfirmed  -         failed, parts may be left
//	no                there    no    failed                 -         certain: failed, parts left; else unknown
//	no                there    no    found nothing          any       as if the upload were gone
//	no                gone     -     -                      ours      succeeded
//	no                gone     -     -                      not ours  certain and NoSuchUpload: failed; else unknown
//
// While the upload exists, an equal object proves nothing: it was there before. Once the upload is gone, an object
// that is older than began is not ours.
func (j *job) resolveComplete(
	ctx context.Context, sent *transferResult, want expected, began time.Time, cause error, certain bool,
) (*oss.PutResult, error) {
	if errors.Is(cause, oss.ErrCallbackFailed) { // the object exists; nothing is left to undo
		return nil, &UploadError{Plan: j.plan, Stored: sent.stored(), Aborted: true, Orphans: j.orphans, Err: cause}
	}
	if refusedForGood(cause, certain) {
		return nil, j.abandon(ctx, sent, cause)
	}
	ask, cancel := j.u.resolveContext(ctx)
	defer cancel()
	unknown := func(err error) error {
		if err != nil {
			cause = fmt.Errorf("%w; asking OSS: %w", cause, err)
		}
		return j.kept(sent, fmt.Errorf("%w: %w", ErrOutcomeUnknown, cause))
	}
	there, err := j.exists(ask)
	if err != nil {
		return nil, unknown(err)
	}
	if there {
		if j.keep && !certain {
			return nil, unknown(nil) // OSS may still be completing it
		}
		if j.keep {
			return nil, j.kept(sent, cause)
		}
		aborted, err := j.abort(ask)
		if err != nil && !aborted && !certain { // here, too, OSS may still be completing it
			cause = fmt.Errorf("%w: %w", ErrOutcomeUnknown, cause)
		}
		if err != nil || aborted { // after our abort it can no longer be completed
			return nil, j.aborted(sent, cause, err)
		}
		// The upload ended between the two requests.
	}
	info, err := j.findOwnObject(ask, since(began), want.matches)
	if err == nil {
		return putResultOf(info), nil
	}
	if certain && errors.Is(cause, oss.ErrNoSuchUpload) {
		return nil, j.aborted(sent, cause, nil) // no attempt completed it: another program ended the upload before
	}
	return nil, unknown(err)
}

// refusedForGood reports whether OSS itself said that a Complete did not happen. With certain no other attempt may have
// completed the upload.
func refusedForGood(err error, certain bool) bool {
	var e *oss.ServiceError
	if !errors.As(err, &e) || e.Code == oss.ErrNoSuchUpload {
		return false
	}
	switch e.Code {
	case oss.ErrInvalidPart, "InvalidPartOrder", "EntityTooSmall", "MalformedXML", "InvalidArgument":
		return true // OSS has looked at the parts, so the upload exists
	}
	return certain && e.StatusCode >= 400
}
