package multipart

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/internal/reqstats"
	"github.com/ossmultipart/go-oss/oss"
)

// SweepOptions select the unfinished uploads that Sweep ends.
type SweepOptions struct {
	Prefix    string                    // of keys; "" means all
	OlderThan time.Duration             // begun, and last given a part, at least this long ago; 0 means DefaultSweepAge
	Select    func(oss.UploadInfo) bool // of those, the ones to end; nil means all
	DryRun    bool                      // look, and end nothing
}

// DefaultSweepAge leaves alone what may still be going on.
const DefaultSweepAge = 7 * 24 * time.Hour

// Swept is an unfinished upload that Sweep has ended, or with DryRun would have.
type Swept struct {
	oss.UploadInfo
	Parts int   // that it held
	Size  int64 // bytes that it held, and that were billed
}

// Sweep aborts the unfinished uploads of bucket that opts selects, each until no part remains, and yields what each
// held. An upload that has got a part since then is in use, however long ago it was begun. With opts.DryRun it only
// looks. An upload that could not be ended is yielded with its error, and Sweep goes on; an error with a zero Swept
// is the last pair.
//
// If Options.Store is a RecordLister, Sweep then deletes its records of uploads that are gone, of the same bucket,
// prefix and age.
//
// OSS keeps unfinished uploads for ever unless a lifecycle rule of the bucket removes them.
func (u *Uploader) Sweep(ctx context.Context, bucket string, opts *SweepOptions) iter.Seq2[Swept, error] {
	var o SweepOptions
	if opts != nil {
		o = *opts
	}
	return func(yield func(Swept, error) bool) {
		if err := u.sweepable(o); err != nil {
			yield(Swept{}, err)
			return
		}
		if o.OlderThan == 0 {
			o.OlderThan = DefaultSweepAge
		}
		ctx, count := reqstats.NewContext(u.governed(ctx, bucket, "probe", nil, nil))
		for info, err := range u.client.Uploads(ctx, bucket, &oss.ListUploadsOptions{Prefix: o.Prefix}) {
			if err != nil {
				yield(Swept{}, err)
				return
			}
			limit := count.Now().Add(-o.OlderThan) // by OSS's clock, which the reply has told
			if info.Initiated.After(limit) || o.Select != nil && !o.Select(info) {
				continue
			}
			swept, err := u.sweep(ctx, info, limit, o.DryRun)
			if errors.Is(err, oss.ErrNoSuchUpload) || err == errInUse {
				continue
			}
			if !yield(swept, err) {
				return
			}
		}
		if !o.DryRun {
			u.tidyRecords(ctx, bucket, o, count.Now().Add(-o.OlderThan))
		}
	}
}

// tidyRecords deletes the records of the swept part of the bucket that were made before limit and whose uploads are
// gone.
func (u *Uploader) tidyRecords(ctx context.Context, bucket string, o SweepOptions, limit time.Time) {
	store, ok := u.opts.Store.(RecordLister)
	if !ok {
		return
	}
	for r, err := range store.List(ctx) {
		up := r.Plan.Upload
		j := &job{u: u, plan: r.Plan}
		if err != nil {
			j.warn("records of the Store not listed", oss.Upload{Bucket: bucket}, err)
			return
		}
		if up.Bucket != bucket || !strings.HasPrefix(up.Key, o.Prefix) || r.Plan.Begun.After(limit) {
			continue
		}
		gone := up.ID == "" // it was about to be begun
		if !gone {
			there, err := j.exists(ctx)
			gone = err == nil && !there
		}
		if gone {
			j.deleteRecord(ctx, r.ID, up)
			j.guard.rethrow()
		}
	}
}

func (u *Uploader) sweepable(o SweepOptions) error {
	if u.err != nil {
		return u.err
	}
	if o.OlderThan < 0 {
		return fmt.Errorf("multipart: SweepOptions.OlderThan %v is negative", o.OlderThan)
	}
	return nil
}

// errInUse says that an upload has a part that is too young.
var errInUse = errors.New("multipart: the upload is in use")

// sweep measures one upload and ends it, unless it has got a part after limit.
func (u *Uploader) sweep(ctx context.Context, info oss.UploadInfo, limit time.Time, dry bool) (Swept, error) {
	s := Swept{UploadInfo: info}
	parts, err := u.list(ctx, info.Upload, nil)
	if err != nil {
		return s, err
	}
	for _, p := range parts {
		if p.LastModified.After(limit) {
			return s, errInUse
		}
		s.Parts++
		s.Size += p.Size
	}
	if dry {
		return s, nil
	}
	_, err = (&job{u: u, plan: Plan{Upload: info.Upload}}).abort(ctx)
	return s, err
}
