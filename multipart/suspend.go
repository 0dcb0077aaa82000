package multipart

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/ossmultipart/go-oss/oss"
)

// Suspend ends the Writer without creating the object. It waits until OSS holds all bytes written, except a tail that
// is too small for a part. It verifies this by ListParts, and returns a Checkpoint for ContinueWriter. From then on the
// upload does not depend on this process. OSS keeps the upload, and bills its parts, until another Writer or
// DiscardWriter ends it.
//
// The tail has fewer than 100 KiB among the first 3,000 parts. After them it may have up to 12.5 MiB, so that frequent
// suspensions do not use up the 10,000 parts of an upload. If all bytes together are fewer than that, all of them are
// in Checkpoint.Tail, and no upload is begun unless Options.Sidecar is set.
//
// With Options.Sidecar the Checkpoint is also saved beside the object, for OpenWriter. A NamedWriter saves it in the
// Store. Both replace the previous Checkpoint. If another Writer has saved one there since, or has replaced a part, the
// error matches ErrStaleCheckpoint.
//
// If Suspend fails, for example because its context or that of the Writer ends, the upload is aborted. It is kept if
// Options.KeepParts is set, or if the Writer continues an earlier one, whose Checkpoint then remains valid.
func (w *Writer) Suspend(ctx context.Context) (*Checkpoint, error) {
	if w.ended || w.job == nil {
		return nil, w.usable()
	}
	w.ended = true
	defer w.cancel(nil)
	err := w.rest(ctx)
	if w.failed == nil {
		w.failed = errWriterSuspended
	}
	if err != nil {
		return nil, err
	}
	j := w.job
	up := j.plan.Upload
	ctx = j.u.governed(ctx, up.Bucket, up.Key, j.options.common, nil)
	cp, err := j.suspend(ctx)
	j.guard.rethrow()
	return cp, err
}

// rest ends the leg of the upload: then j.session has all bytes written. ctx bounds the wait.
func (w *Writer) rest(ctx context.Context) error {
	if w.failed != nil || w.buf == nil {
		return w.failed
	}
	stop := context.AfterFunc(ctx, func() { w.cancel(context.Cause(ctx)) })
	defer stop()
	w.job.halting.Store(true)
	defer w.job.halting.Store(false)
	w.fail(w.buf.Flush())
	w.pipe.Close()
	w.wait()
	if w.buf = nil; w.err != nil {
		w.failed = w.err
	}
	return w.err
}

// suspend verifies what OSS holds, and saves the Checkpoint.
func (j *job) suspend(ctx context.Context) (*Checkpoint, error) {
	s := j.session
	var err error
	if j.record.sidecar() && j.plan.Upload.ID == "" {
		if err = j.initiate(ctx); err != nil {
			return nil, err
		}
	}
	if err = j.verifySession(ctx); err == nil {
		err = j.record.save(ctx, j, s)
	}
	if err != nil {
		return nil, j.abandon(ctx, &transferResult{parts: s.parts}, err)
	}
	return j.checkpoint(s), nil
}

// Truncate discards all bytes from offset size on. The next Write continues there. Parts cannot be read back, so size
// must be in the bytes after the last part, or where a part begins or ends. For any other size the error matches
// ErrInsidePart and names the nearest possible offsets, and nothing changes. Offset 0 is always possible. A Truncate
// after a Write waits until the bytes written are stored. If the process is killed after Truncate and before Suspend,
// the last Checkpoint remains as it was or is truncated.
func (w *Writer) Truncate(size int64) error {
	if w.ended || w.job == nil || w.failed != nil || w.readErr != nil {
		return w.usable()
	}
	if err := w.rest(w.ctx); err != nil {
		return err
	}
	if err := w.job.session.truncate(size); err != nil {
		return err
	}
	w.size = size
	return nil
}

// ContinueWriter returns a Writer that continues at the byte after those of cp. The parts that cp names must be those
// that OSS lists, by number, size and ETag. Otherwise the error matches ErrStaleCheckpoint. If the upload no longer
// exists, because it was completed, aborted or has expired, the error matches oss.ErrNoSuchUpload. Close compares the
// CRC-64 of the object with that of all bytes, whichever process wrote them.
//
// Options that InitiateMultipartUpload carries must be those of the first Writer. Once the upload has an ID, nil opts
// mean those. The last request has an ACL or a callback only if opts has it: of the options of that request a
// Checkpoint has only ForbidOverwrite.
//
// Bytes that a Writer wrote after cp was made are discarded, whether its process was killed or it was suspended again:
// the new Writer replaces their parts, unless Options.Recover is set. Two Writers must not continue an upload at the
// same time. If they do, the parts of one replace those of the other, whose Close or Suspend fails. No object contains
// bytes of both.
//
// ctx is that of the Writer, as for NewWriter.
func (u *Uploader) ContinueWriter(ctx context.Context, cp *Checkpoint, opts *oss.ObjectOptions) (*Writer, error) {
	if cp == nil {
		return nil, errors.New("multipart: checkpoint is nil")
	}
	var r *checkpointRecord
	if cp.Sidecar || u.opts.Sidecar {
		r = &checkpointRecord{u: u}
	}
	w, err := u.restWriter(ctx, cp.Upload, opts, r)
	if err != nil {
		return nil, err
	}
	if cp.Sidecar {
		var saved *Checkpoint
		ctx := u.governed(ctx, cp.Upload.Bucket, cp.Upload.Key, w.job.options.common, nil)
		if saved, err = r.load(ctx, w.job); err == nil && saved != nil && saved.Digest != cp.Digest {
			err = fmt.Errorf("%w: a later one is saved beside the object", ErrStaleCheckpoint)
		}
	}
	return w.resumed(cp, opts, err)
}

// OpenWriter returns a Writer that continues the upload up, which its bucket, key and ID identify. Unfinished, for
// example, finds the ID. OpenWriter reads the Checkpoint that a Writer with Options.Sidecar has saved. See
// ContinueWriter for the rest. The Writer saves its own Checkpoint in the same place, whether or not Options.Sidecar is
// set, and Close and Abort delete it.
//
// Without a sidecar OpenWriter continues after the parts that OSS lists without a gap, each large enough to be followed
// by another one. Size tells where that is. Only the ETags and CRC-64s that OSS lists prove the content of these parts;
// Result.Unproved is their size. If one Writer at a time has written, they are the beginning of what the last one
// wrote. If two Writers have written at the same time and both were killed, the parts may be of both: then call
// DiscardWriter, not OpenWriter.
func (u *Uploader) OpenWriter(ctx context.Context, up oss.Upload, opts *oss.ObjectOptions) (*Writer, error) {
	r := &checkpointRecord{u: u}
	w, err := u.restWriter(ctx, up, opts, r)
	if err != nil {
		return nil, err
	}
	ctx = u.governed(ctx, up.Bucket, up.Key, w.job.options.common, nil)
	cp, err := r.load(ctx, w.job)
	if cp != nil || err != nil {
		return w.resumed(cp, opts, err)
	}
	held, err := u.list(ctx, up, w.job.options.common)
	if err != nil {
		return w.resumed(nil, nil, w.job.kept(&transferResult{}, err))
	}
	least := u.client.MinPartSize()
	s := newSession(held, countWhole(held, least), least)
	s.unproved = s.stored()
	err = r.save(ctx, w.job, s)
	return w.resumed(w.job.checkpoint(s), nil, err)
}

// restWriter returns a Writer that has not continued up yet.
func (u *Uploader) restWriter(
	ctx context.Context, up oss.Upload, opts *oss.ObjectOptions, r *checkpointRecord,
) (*Writer, error) {
	w, err := u.newWriter(ctx, up.Bucket, up.Key, opts)
	if err != nil {
		w.cancel(nil)
		return nil, err
	}
	w.job.plan.Upload, w.job.record = up, r
	return w, nil
}

// resumed makes w continue cp, unless err says why that is impossible.
func (w *Writer) resumed(cp *Checkpoint, opts *oss.ObjectOptions, err error) (*Writer, error) {
	j := w.job
	if err == nil {
		err = j.resumeAt(w.ctx, cp, opts)
	}
	if errors.Is(err, oss.ErrNoSuchUpload) && j.record.sidecar() {
		j.record.delete(w.ctx, j)
	}
	if err != nil {
		w.cancel(nil)
		j.guard.rethrow()
		return nil, err
	}
	if cp.Upload.ID != "" {
		w.continued, j.keep = true, true
	}
	w.size = j.session.stored() + int64(len(j.session.tail))
	return w, nil
}

// resumeAt makes j continue cp.
func (j *job) resumeAt(ctx context.Context, cp *Checkpoint, opts *oss.ObjectOptions) error {
	least := j.u.client.MinPartSize()
	if err := cp.check(least); err != nil {
		return err
	}
	if cp.Options != "" && cp.Options != j.options.digest() && (opts != nil || cp.Upload.ID == "") {
		return errors.New("multipart: the options of the object are not those with which its Writer began")
	}
	j.plan = Plan{Upload: cp.Upload, Size: -1, PartSize: cp.PartSize, Begun: cp.Begun, Options: cp.Options,
		ForbidOverwrite: cp.ForbidOverwrite || j.plan.ForbidOverwrite}
	j.options.complete.ForbidOverwrite = j.plan.ForbidOverwrite
	j.record.loaded(cp)
	var held []oss.Part
	if cp.Upload.ID != "" {
		var err error
		ctx = j.u.governed(ctx, cp.Upload.Bucket, cp.Upload.Key, j.options.common, nil)
		if held, err = j.u.list(ctx, cp.Upload, j.options.common); err != nil {
			return j.kept(&transferResult{}, err)
		}
	}
	s, err := cp.takeUp(held, least, j.u.opts.Recover)
	if err != nil {
		return j.kept(&transferResult{}, err)
	}
	j.session = s
	return nil
}

// discard aborts the upload at rest, and deletes its Checkpoint.
func (w *Writer) discard() error {
	j := w.job
	if j == nil {
		return nil
	}
	err := j.discard(w.ctx)
	j.guard.rethrow()
	return err
}

// discard aborts the upload of a session, and deletes its Checkpoint.
func (j *job) discard(ctx context.Context) error {
	ctx = j.u.governed(ctx, j.plan.Upload.Bucket, j.plan.Upload.Key, j.options.common, nil)
	if j.plan.Upload.ID != "" {
		clean, cancel := j.u.cleanupContext(ctx)
		defer cancel()
		if _, err := j.abort(clean); err != nil {
			return j.aborted(&transferResult{}, errWriterAborted, err)
		}
	}
	j.record.delete(ctx, j)
	return nil
}

// DiscardWriter aborts the upload of a suspended Writer, and deletes its sidecar. It is no error if the upload no
// longer exists. Only cp.Upload identifies the upload. DiscardNamed does the same for a NamedWriter.
func (u *Uploader) DiscardWriter(ctx context.Context, cp *Checkpoint) error {
	if cp == nil {
		return errors.New("multipart: checkpoint is nil")
	}
	var r *checkpointRecord
	if cp.Sidecar || u.opts.Sidecar {
		r = &checkpointRecord{u: u, kept: true}
	}
	w, err := u.restWriter(ctx, cp.Upload, nil, r)
	if err != nil {
		return err
	}
	defer w.cancel(nil)
	return w.discard()
}

// NamedWriter returns a Writer whose Checkpoint Options.Store keeps under name, which may contain any characters. It
// continues the Writer that was suspended under that name, or begins one. Suspend saves the Checkpoint, and Close and
// Abort delete it. See ContinueWriter for the rest.
//
// The record is saved before the first part is sent. So if the process is killed before it suspends the Writer, the
// next NamedWriter continues the same upload, at the last Checkpoint or at byte 0. If the upload of a name no longer
// exists, NamedWriter fails with an error that matches oss.ErrNoSuchUpload until DiscardNamed deletes the record: the
// object may exist if the process was killed during Close. If Close or Suspend fails, the record and the upload are
// kept.
//
// Two processes should not write under one name at the same time. If they do, one of them fails with
// ErrStaleCheckpoint or oss.ErrInvalidPart. If the Store is a RecordLocker, saving is safe from races.
func (u *Uploader) NamedWriter(
	ctx context.Context, name, bucket, key string, opts *oss.ObjectOptions,
) (*Writer, error) {
	if err := u.checkName(name); err != nil {
		return nil, err
	}
	r := &checkpointRecord{u: u, name: name}
	w, err := u.restWriter(ctx, oss.Upload{Bucket: bucket, Key: key}, opts, r)
	if err != nil {
		return nil, err
	}
	w.continued, w.job.keep = true, true
	ctx = u.governed(ctx, bucket, key, w.job.options.common, nil)
	cp, err := r.load(ctx, w.job)
	if cp == nil && err == nil {
		return w, nil
	}
	if err == nil && cp.Upload.ID == "" && !cp.Begun.IsZero() {
		w.job.endIntent(ctx, cp.plan())
	}
	return w.resumed(cp, opts, err)
}

// DiscardNamed aborts the upload that a NamedWriter has begun under name, and deletes the record. It is no error if the
// name is unknown or the upload no longer exists.
func (u *Uploader) DiscardNamed(ctx context.Context, name string) error {
	if err := u.checkName(name); err != nil {
		return err
	}
	p, err := u.opts.Store.Load(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && p.Checkpoint == nil {
		err = fmt.Errorf("multipart: the record %s is not that of a Writer", oneLine(name))
	}
	if err != nil {
		return err
	}
	w, err := u.restWriter(ctx, p.Upload, nil, &checkpointRecord{u: u, name: name, kept: true})
	if err != nil {
		return err
	}
	defer w.cancel(nil)
	w.job.endIntent(u.governed(ctx, p.Upload.Bucket, p.Upload.Key, w.job.options.common, nil), p)
	return w.discard()
}

// checkName refuses a name that no Store can keep.
func (u *Uploader) checkName(name string) error {
	switch {
	case u.err != nil:
		return u.err
	case u.opts.Store == nil:
		return errors.New("multipart: a named Writer needs Options.Store")
	case name == "":
		return errors.New("multipart: the name of a Writer is empty")
	}
	return nil
}
