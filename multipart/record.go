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

	"github.com/ossmultipart/go-oss/oss"
)

// This file is UploadFile with a Store: which upload a record names, whether it still fits, and what becomes of both.

// resumable uploads a file of more than one part. It continues the upload of the record, if that fits, or begins one.
func (j *job) resumable(ctx context.Context, f *os.File, in input) (*Result, error) {
	fresh := j.plan
	fresh.Options = j.wishes.digest()
	id, saved, err := j.record(ctx, f)
	switch {
	case err != nil:
		return nil, j.failed(err)
	case saved.Upload.ID == "":
	case !fits(saved, fresh):
		j.discard(ctx, saved)
	default:
		j.plan = saved
		res, err := j.goOn(ctx, in)
		if !errors.Is(err, oss.ErrNoSuchUpload) || errors.Is(err, ErrOutcomeUnknown) {
			return res, j.forget(ctx, j.plan.Upload, id, err)
		}
		j.meter.restart() // the upload was aborted by another program, or has expired: once, begin anew
	}

	j.plan = fresh
	if err := j.initiate(ctx); err != nil {
		return nil, err
	}
	if err := j.u.opts.Store.Save(ctx, id, j.plan); err != nil { // before part 1: a process killed later leaves a record
		j.keep = false
		return nil, j.abandon(ctx, &parcels{}, fmt.Errorf("saving the record of the upload: %w", err))
	}
	res, err := j.resume(ctx, in, nil)
	return res, j.forget(ctx, j.plan.Upload, id, err)
}

// fits reports whether the upload of a record can become the object that fresh describes. A record without a digest
// of its options says nothing of the object, and does not fit.
func fits(saved, fresh Plan) bool {
	return saved.Size == fresh.Size && saved.PartSize == fresh.PartSize && saved.Options == fresh.Options
}

// digest identifies everything that InitiateMultipartUpload is told of the object. The ACL and other options that
// CompleteMultipartUpload takes are not part of it: the call that completes the upload sends its own.
func (w *wishes) digest() string {
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

// record returns the id and the Plan of an earlier try with f, a zero Plan if there is none.
func (j *job) record(ctx context.Context, f *os.File) (string, Plan, error) {
	abs, err := filepath.Abs(f.Name())
	if err != nil {
		return "", Plan{}, err
	}
	up := j.plan.Upload
	id := "oss://" + up.Bucket + "/" + up.Key + " from " + abs
	saved, err := j.u.opts.Store.Load(ctx, id)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return id, Plan{}, nil
	case err != nil:
		return id, Plan{}, fmt.Errorf("reading the record of an earlier try: %w", err)
	case saved.Upload.Bucket != up.Bucket || saved.Upload.Key != up.Key || saved.Upload.ID == "":
		j.warn("record of another upload ignored", saved.Upload, nil)
		return id, Plan{}, nil
	}
	return id, saved, nil
}

// discard aborts the upload of a record that does not fit any more.
func (j *job) discard(ctx context.Context, saved Plan) error {
	old := &job{u: j.u, plan: saved, wishes: j.wishes}
	_, err := old.abort(ctx)
	if err != nil {
		j.warn("an earlier upload of the file is left behind", saved.Upload, err)
	}
	return err
}

// dropRecord ends what an earlier try with f has left, if f is stored and has become too small for parts.
func (j *job) dropRecord(ctx context.Context, f *os.File) {
	if f == nil {
		return
	}
	id, saved, err := j.record(ctx, f)
	if err != nil {
		j.warn("what an earlier try has left is not known", j.plan.Upload, err)
	} else if saved.Upload.ID != "" && j.discard(ctx, saved) == nil {
		j.forget(ctx, saved.Upload, id, nil)
	}
}

// goOn resumes the upload that a record names.
func (j *job) goOn(ctx context.Context, in input) (*Result, error) {
	held, err := j.u.list(ctx, j.plan.Upload, j.wishes.all)
	if errors.Is(err, oss.ErrNoSuchUpload) {
		return j.gone(ctx, in, err)
	}
	var kept []oss.Part
	if err == nil {
		kept, err = j.verify(ctx, in, held)
	}
	if err != nil {
		return nil, j.left(&parcels{}, err)
	}
	return j.resume(ctx, in, kept)
}

// forget deletes the record of up that ended with err, unless it can be resumed, or the record is another process's by now.
func (j *job) forget(ctx context.Context, up oss.Upload, id string, err error) error {
	var ue *UploadError
	if err != nil && !(errors.As(err, &ue) && ue.Aborted) {
		return err
	}
	ctx, store := context.WithoutCancel(ctx), j.u.opts.Store
	if saved, loadErr := store.Load(ctx, id); loadErr == nil && saved.Upload.ID != up.ID {
		return err
	}
	if storeErr := store.Delete(ctx, id); storeErr != nil {
		j.warn("record of an ended upload not deleted", up, storeErr)
	}
	return err
}
