package multipart

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"time"

	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/internal/reqstats"
	"github.com/ossmultipart/go-oss/oss"
)

// abandon cleans up after a failure with cause, once no part is in flight any more, and reports it.
func (j *job) abandon(ctx context.Context, sent *transferResult, cause error) error {
	if j.keep {
		return j.kept(sent, cause)
	}
	ctx, cancel := j.u.cleanupContext(ctx)
	defer cancel()
	_, err := j.abort(ctx)
	return j.aborted(sent, cause, err)
}

// aborted makes the error of an upload whose abort ended with abortErr.
func (j *job) aborted(sent *transferResult, cause, abortErr error) error {
	if abortErr != nil {
		j.warn("upload left behind", j.plan.Upload, abortErr)
	}
	return &UploadError{Plan: j.plan, Failed: sent.failed, Stored: sent.stored(), Aborted: abortErr == nil, AbortErr: abortErr,
		Orphans: j.orphans, Err: withCause(j.caller, cause)}
}

// resolveContext is for finding out how an upload ended. It lasts as long as ctx, whose caller waits for the answer,
// and Options.CleanupTimeout longer.
func (u *Uploader) resolveContext(ctx context.Context) (context.Context, context.CancelFunc) {
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

// lateCheck is when an upload is aborted once more that lost a request for a part: such a part may be stored a moment
// later, which revives the upload.
const lateCheck = 250 * time.Millisecond

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
				wait = lateCheck
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
	_, err := j.u.client.ListParts(ctx, j.plan.Upload, &oss.ListPartsOptions{PageSize: 1, Header: j.options.common})
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
		Query: url.Values{"uploadId": {up.ID}}, Header: j.options.common})
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

// findOrphans finds the uploads that a lost request, or a process that was killed, may have begun since then: those
// of the same key, without a part as far as OSS tells, that are not ours. Nothing tells them from those of another
// program, so they are aborted only where the caller says that there is none, and otherwise reported in j.orphans.
func (j *job) findOrphans(ctx context.Context, began moment) {
	ctx, cancel := j.u.cleanupContext(ctx)
	defer cancel()
	ctx, count := reqstats.NewContext(ctx)
	up := j.plan.Upload
	for info, err := range j.u.client.Uploads(ctx, up.Bucket, &oss.ListUploadsOptions{Prefix: up.Key, Header: j.options.common}) {
		if err != nil {
			j.unlisted = true
			j.warn("a lost reply may have begun an upload, and the uploads cannot be listed", up, err)
			break
		}
		if info.Key != up.Key || info.ID == up.ID || info.Initiated.Before(began(count).Add(-clockGranularity)) {
			continue
		}
		parts, err := j.u.client.ListParts(ctx, info.Upload, &oss.ListPartsOptions{PageSize: 1, Header: j.options.common})
		if errors.Is(err, oss.ErrNoSuchUpload) || err == nil && len(parts.Parts) > 0 {
			continue
		}
		if j.u.opts.ExclusiveKeys {
			orphan := &job{u: j.u, plan: Plan{Upload: info.Upload}, options: j.options}
			if _, err = orphan.abort(ctx); err == nil {
				continue
			}
		}
		j.orphans = append(j.orphans, info.Upload)
		j.warn("upload that a lost reply may have begun", info.Upload, err)
	}
}
