package multipart

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"time"

	"github.com/ossmultipart/go-oss/internal/ctxcause"
	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/internal/reqstats"
	"github.com/ossmultipart/go-oss/oss"
)

// abandon cleans up after a failure with the given cause, once no part is in flight, and returns the error of the
// upload.
func (j *job) abandon(ctx context.Context, sent *transferResult, cause error) error {
	if j.keep {
		return j.kept(sent, cause)
	}
	ctx, cancel := j.u.cleanupContext(ctx)
	defer cancel()
	_, err := j.abort(ctx)
	return j.aborted(sent, cause, err)
}

// aborted returns the error of an upload whose abort ended with abortErr.
func (j *job) aborted(sent *transferResult, cause, abortErr error) error {
	if abortErr != nil {
		j.warn("upload left behind", j.plan.Upload, abortErr)
	}
	return &UploadError{Plan: j.plan, Failed: sent.failed, Stored: sent.stored(), Aborted: abortErr == nil,
		AbortErr: abortErr, Orphans: j.orphans, Err: ctxcause.Join(j.caller, cause)}
}

// resolveContext returns a context for finding out how an upload ended. It lasts as long as ctx, and
// Options.CleanupTimeout longer.
func (u *Uploader) resolveContext(ctx context.Context) (context.Context, context.CancelFunc) {
	ask, cancel := context.WithCancelCause(flow.WithGate(context.WithoutCancel(ctx), u.governor.Cleanup()))
	stop := context.AfterFunc(ctx, func() {
		if pause(ask, u.opts.CleanupTimeout) == nil {
			cancel(context.DeadlineExceeded)
		}
	})
	return ask, func() { stop(); cancel(nil) }
}

// cleanupContext returns a context that lasts for Options.CleanupTimeout, even if ctx is cancelled.
func (u *Uploader) cleanupContext(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx = flow.WithGate(context.WithoutCancel(ctx), u.governor.Cleanup())
	return context.WithTimeout(ctx, u.opts.CleanupTimeout)
}

// abortTries is the maximum number of aborts. A part that was in flight while OSS aborted the upload may be stored
// afterwards, and would be billed indefinitely.
const abortTries = 6

// lateCheck is the delay of the second abort of an upload with an unanswered request for a part. Such a part may be
// stored shortly after the first abort, which revives the upload.
const lateCheck = 250 * time.Millisecond

// abort deletes the upload until OSS says that there is none. If a request for a part was cut, abort checks again after
// lateCheck. It reports whether this abort ended the upload, rather than a Complete or another program.
func (j *job) abort(ctx context.Context) (ours bool, err error) {
	looks := 1 // checks that must find no upload
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
			err = nil // the keys may not list parts; a second abort that finds no upload is proof as well
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

// exists reports whether OSS holds the upload.
func (j *job) exists(ctx context.Context) (bool, error) {
	_, err := j.u.client.ListParts(ctx, j.plan.Upload, &oss.ListPartsOptions{PageSize: 1, Header: j.options.common})
	if errors.Is(err, oss.ErrNoSuchUpload) {
		return false, nil
	}
	return err == nil, err
}

// abortOnce sends one AbortMultipartUpload. Unlike the method of package oss it returns an error if the upload does not
// exist.
func (j *job) abortOnce(ctx context.Context) error {
	up := j.plan.Upload
	resp, err := j.u.client.Do(ctx, &oss.Request{
		Op: "AbortMultipartUpload", Method: http.MethodDelete, Bucket: up.Bucket, Key: up.Key,
		Query: url.Values{"uploadId": {up.ID}}, Header: j.options.common,
	})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.Header.Get("x-oss-request-id") == "" { // every reply of OSS has it
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

// findOrphans finds the uploads that a lost request, or a killed process, may have begun since then: other uploads of
// the same key without a part, as far as OSS reports. They cannot be distinguished from those of another program, so
// they are aborted only with Options.ExclusiveKeys, and otherwise added to j.orphans.
func (j *job) findOrphans(ctx context.Context, began moment) {
	ctx, cancel := j.u.cleanupContext(ctx)
	defer cancel()
	ctx, count := reqstats.NewContext(ctx)
	up := j.plan.Upload
	opts := &oss.ListUploadsOptions{Prefix: up.Key, Header: j.options.common}
	for info, err := range j.u.client.Uploads(ctx, up.Bucket, opts) {
		if err != nil {
			j.unlisted = true
			j.warn("cannot list the uploads that a lost reply may have begun", up, err)
			break
		}
		if info.Key != up.Key || info.ID == up.ID || info.Initiated.Before(began(count).Add(-clockGranularity)) {
			continue
		}
		parts, err := j.u.client.ListParts(ctx, info.Upload,
			&oss.ListPartsOptions{PageSize: 1, Header: j.options.common})
		if errors.Is(err, oss.ErrNoSuchUpload) || err == nil && len(parts.Parts) > 0 {
			continue
		}
		if j.u.opts.ExclusiveKeys {
			orphan := j.u.newJob(ctx, Plan{Upload: info.Upload}, j.options)
			if _, err = orphan.abort(ctx); err == nil {
				continue
			}
		}
		j.orphans = append(j.orphans, info.Upload)
		j.warn("upload that a lost reply may have begun", info.Upload, err)
	}
}
