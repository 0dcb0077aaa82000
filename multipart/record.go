package multipart

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/internal/reqstats"
	"github.com/ossmultipart/go-oss/oss"
)

// This file is UploadFile with a Store: which upload a record names, whether it fits the file, and what becomes of it.

// resumable uploads a file of more than one part. It continues the upload of the record, if that fits, or begins one.
func (j *job) resumable(ctx context.Context, f *os.File, in input) (*Result, error) {
	id, err := j.recordID(f)
	if err != nil {
		return nil, j.notBegun(err)
	}
	fresh := j.plan
	fresh.Options = j.options.digest()
	for gone := (oss.Upload{}); ; {
		joined, err := j.enter(ctx, id, fresh, gone)
		if err != nil {
			return nil, err
		}
		var res *Result
		if joined {
			res, err = j.resumeSaved(ctx, in)
		} else {
			res, err = j.resume(ctx, in, nil)
		}
		ended := errors.Is(err, oss.ErrNoSuchUpload) && !errors.Is(err, ErrOutcomeUnknown)
		if !joined || !ended || gone.ID != "" {
			return res, j.closeRecord(ctx, id, err)
		}
		gone = j.plan.Upload // aborted by another program, or expired: begin a new upload, once
		j.meter.restart()
	}
}

// enter sets j.plan to the upload that the record names, and returns true, or begins fresh and records it. An upload
// that no longer exists is not joined again. The record is locked during enter if the Store can lock.
func (j *job) enter(ctx context.Context, id string, fresh Plan, gone oss.Upload) (joined bool, err error) {
	j.plan = fresh
	if locker, ok := j.u.opts.Store.(RecordLocker); ok {
		var unlock func()
		err := j.guard.do(func() (err error) { unlock, err = locker.Lock(ctx, id); return err })
		if err != nil {
			return false, j.notBegun(fmt.Errorf("locking the record of the upload: %w", err))
		}
		defer unlock()
	}
	saved, err := j.load(ctx, id)
	switch {
	case err != nil:
		return false, j.notBegun(err)
	case saved.Upload.ID == "" || saved.Upload == gone:
		j.endIntent(ctx, saved)
	case fits(saved, fresh):
		j.plan = saved
		return true, nil
	default:
		j.abortStale(ctx, saved)
	}
	return false, j.begin(ctx, id)
}

// begin initiates j.plan. It saves the record first, so that the next call can find an upload that OSS has begun when
// the process is killed. It saves the record again with the upload ID, before part 1.
func (j *job) begin(ctx context.Context, id string) error {
	save := func(p Plan) error {
		return j.guard.do(func() error { return j.u.opts.Store.Save(ctx, id, p) })
	}
	intent := j.plan
	intent.Begun = j.u.client.Now().UTC().Truncate(time.Second)
	if err := save(intent); err != nil {
		return j.notBegun(fmt.Errorf("saving the record of the upload: %w", err))
	}
	if err := j.initiate(ctx); err != nil {
		if len(j.orphans) == 0 && !j.unlisted { // otherwise the next call looks for orphans again
			drop := func() error { return j.u.opts.Store.Delete(context.WithoutCancel(ctx), id) }
			if storeErr := j.guard.do(drop); storeErr != nil {
				j.warn("cannot delete the record of an upload that was not begun", intent.Upload, storeErr)
			}
		}
		return err
	}
	if err := save(j.plan); err != nil {
		j.keep = false
		return j.abandon(ctx, &transferResult{}, fmt.Errorf("saving the record of the upload: %w", err))
	}
	return nil
}

// clockError is the maximum error of the clock of a machine whose requests OSS accepts.
const clockError = 15 * time.Minute

// endIntent looks for an upload that an earlier process may have begun and did not record.
func (j *job) endIntent(ctx context.Context, saved Plan) {
	if saved.Upload.ID == "" && !saved.Begun.IsZero() {
		j.findOrphans(ctx, func(*reqstats.Stats) time.Time { return saved.Begun.Add(-clockError) })
	}
}

// fits reports whether the upload of a record can become the object that fresh describes. A record without a digest of
// its options does not fit.
func fits(saved, fresh Plan) bool {
	return saved.Size == fresh.Size && saved.PartSize == fresh.PartSize && saved.Options == fresh.Options
}

// digest identifies everything that InitiateMultipartUpload is told of the object. The ACL and other options that
// CompleteMultipartUpload takes are not part of it: the call that completes the upload sends its own.
func (w *requestOptions) digest() string {
	o := w.initiate
	o.Checksum = 0
	if !o.Expires.IsZero() {
		o.Expires = o.Expires.UTC().Truncate(time.Second)
	}
	meta := make(map[string]string)
	for name, value := range o.Metadata {
		meta[strings.ToLower(name)] = value
	}
	o.Metadata = meta
	o.Header = maps.Clone(o.Header)
	delete(o.Header, "X-Oss-Request-Payer") // says nothing of the object
	if len(o.Tags) == 0 {
		o.Tags = nil
	}
	if len(o.Header) == 0 {
		o.Header = nil
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v", o)) // with maps in the order of their keys
	return hex.EncodeToString(sum[:16])
}

// recordID returns the id of the record of f.
func (j *job) recordID(f *os.File) (string, error) {
	abs, err := filepath.Abs(f.Name())
	if err != nil {
		return "", err
	}
	return "oss://" + j.plan.Upload.Bucket + "/" + j.plan.Upload.Key + " from " + abs, nil
}

// load returns the Plan of an earlier call, or a zero Plan if there is none.
func (j *job) load(ctx context.Context, id string) (Plan, error) {
	var saved Plan
	err := j.guard.do(func() (err error) { saved, err = j.u.opts.Store.Load(ctx, id); return err })
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Plan{}, nil
	case err != nil:
		return Plan{}, fmt.Errorf("reading the record of an earlier upload: %w", err)
	case saved.Upload.Bucket != j.plan.Upload.Bucket || saved.Upload.Key != j.plan.Upload.Key:
		j.warn("record of another upload ignored", saved.Upload, nil)
		return Plan{}, nil
	}
	return saved, nil
}

// abortStale aborts the upload of a record that does not fit.
func (j *job) abortStale(ctx context.Context, saved Plan) error {
	old := j.u.newJob(ctx, saved, j.options)
	_, err := old.abort(ctx)
	if err != nil {
		j.warn("an earlier upload of the file may be left in OSS", saved.Upload, err)
	}
	return err
}

// dropStaleRecord aborts the recorded upload of a file that now fits in one request, and deletes the record. f is nil
// without a Store.
func (j *job) dropStaleRecord(ctx context.Context, f *os.File) {
	if f == nil {
		return
	}
	var saved Plan
	id, err := j.recordID(f)
	if err == nil {
		saved, err = j.load(ctx, id)
	}
	switch {
	case err != nil:
		j.warn("cannot read the record of an earlier upload", j.plan.Upload, err)
		return
	case saved == (Plan{}):
		return
	case saved.Upload.ID == "":
		if j.endIntent(ctx, saved); j.unlisted {
			return
		}
	case j.abortStale(ctx, saved) != nil:
		return
	}
	j.deleteRecord(ctx, id, saved.Upload)
}

// resumeSaved resumes the upload that a record names.
func (j *job) resumeSaved(ctx context.Context, in input) (*Result, error) {
	held, err := j.u.list(ctx, j.plan.Upload, j.options.common)
	if errors.Is(err, oss.ErrNoSuchUpload) {
		return j.gone(ctx, in, err)
	}
	var kept []oss.Part
	if err == nil {
		kept, err = j.verify(ctx, in, held)
	}
	if err != nil {
		return nil, j.kept(&transferResult{}, err)
	}
	return j.resume(ctx, in, kept)
}

// closeRecord deletes the record of an upload that ended with err, unless it can be resumed. If another process has
// replaced the record, a resumable upload is aborted, because no later call would find it.
func (j *job) closeRecord(ctx context.Context, id string, err error) error {
	var ue *UploadError
	if err == nil || errors.As(err, &ue) && ue.Aborted {
		j.deleteRecord(ctx, id, j.plan.Upload)
		return err
	}
	if ue == nil || errors.Is(err, ErrOutcomeUnknown) || errors.Is(err, oss.ErrNoSuchUpload) {
		return err
	}
	ctx, cancel := j.u.cleanupContext(ctx)
	defer cancel()
	saved, loadErr := j.load(ctx, id)
	if loadErr == nil && saved.Upload.ID != "" && saved.Upload != j.plan.Upload {
		_, ue.AbortErr = j.abort(ctx)
		ue.Aborted = ue.AbortErr == nil
	}
	return err
}

// deleteRecord deletes the record if it names up.
func (j *job) deleteRecord(ctx context.Context, id string, up oss.Upload) {
	ctx, cancel := j.u.cleanupContext(ctx)
	defer cancel()
	if err := j.guard.do(func() error { return deleteIf(ctx, j.u.opts.Store, id, up) }); err != nil {
		j.warn("cannot delete the record of an ended upload", up, err)
	}
}

// deleteIf deletes a record if it names up, atomically if the Store is a RecordDeleter.
func deleteIf(ctx context.Context, store Store, id string, up oss.Upload) error {
	if d, ok := store.(RecordDeleter); ok {
		return d.DeleteIf(ctx, id, up)
	}
	if saved, err := store.Load(ctx, id); err == nil && saved.Upload != up {
		return nil
	}
	return store.Delete(ctx, id)
}
