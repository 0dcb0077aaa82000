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

// SweepOptions select the unfinished uploads that Sweep aborts.
type SweepOptions struct {
	Prefix    string                    // of keys; "" means all
	OlderThan time.Duration             // minimum age of the upload and of its last part; 0 means DefaultSweepAge
	Select    func(oss.UploadInfo) bool // reports whether to abort one of those; nil means all
	DryRun    bool                      // list the uploads and abort none
}

// DefaultSweepAge is the default of SweepOptions.OlderThan. It spares uploads that may still be in progress.
const DefaultSweepAge = 7 * 24 * time.Hour

// Swept describes an unfinished upload that Sweep has aborted, or with DryRun would abort.
type Swept struct {
	oss.UploadInfo
	Parts int   // parts that it held
	Size  int64 // bytes that it held, and that OSS billed
}

// Sweep aborts the abandoned uploads of bucket that opts select, each until no part remains, and yields what each held.
// An upload that has received a part within OlderThan is in use, however long ago it began. With opts.DryRun Sweep only
// lists them. An upload that could not be aborted is yielded with its error, and Sweep continues. An error with a zero
// Swept is the last pair.
//
// With Options.Sidecar the sidecar of each is deleted, too. If Options.Store is a RecordLister, Sweep then deletes its
// records of uploads that no longer exist, for the same bucket, prefix and age.
//
// OSS keeps unfinished uploads indefinitely unless a lifecycle rule of the bucket removes them.
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

// tidyRecords deletes the records that belong to the swept part of the bucket, were made before limit and name uploads
// that no longer exist.
func (u *Uploader) tidyRecords(ctx context.Context, bucket string, o SweepOptions, limit time.Time) {
	store, ok := u.opts.Store.(RecordLister)
	if !ok {
		return
	}
	for r, err := range store.List(ctx) {
		up := r.Plan.Upload
		j := u.newJob(ctx, r.Plan, requestOptions{})
		if err != nil {
			j.warn("cannot list the records of the Store", oss.Upload{Bucket: bucket}, err)
			return
		}
		if up.Bucket != bucket || !strings.HasPrefix(up.Key, o.Prefix) || r.Plan.Begun.After(limit) {
			continue
		}
		if cp := r.Plan.Checkpoint; cp != nil && cp.Saved.After(limit) { // all its bytes may be in the record
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

// errInUse reports that an upload has received a part too recently.
var errInUse = errors.New("multipart: the upload is in use")

// sweep measures one upload and aborts it, unless it has received a part after limit.
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
	j := u.newJob(ctx, Plan{Upload: info.Upload}, requestOptions{})
	if _, err = j.abort(ctx); err == nil && u.opts.Sidecar {
		j.record = &checkpointRecord{u: u, kept: true}
		j.record.delete(ctx, j)
	}
	return s, err
}
