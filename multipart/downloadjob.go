package multipart

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/ossmultipart/go-oss/internal/ctxcause"
	"github.com/ossmultipart/go-oss/oss"
)

// A download is one download in progress: the object, and what becomes of its ranges. It does not know where the bytes
// go.
type download struct {
	d           *Downloader
	bucket, key string
	opts        oss.OpenOptions
	path        string // the target, for errors; "" if it is no file

	info   *oss.ObjectInfo // of the object; nil until find
	known  bool            // OSS told its CRC-64
	pinned atomic.Bool     // the object is no longer the current version, so that requests name the version
	plan   Plan            // cuts the object into ranges; its Upload is not used

	meter  *meter
	caller context.Context // the context of the call, for its cause
	guard  guard           // catches panics of the caller's code
}

// newDownload returns the download of an object, or an error if an argument or an option is invalid.
func (d *Downloader) newDownload(ctx context.Context, bucket, key string, opts *oss.OpenOptions) (*download, error) {
	if d.err != nil {
		return nil, d.err
	}
	if err := oss.CheckObjectName(bucket, key); err != nil {
		return nil, err
	}
	j := &download{d: d, bucket: bucket, key: key, caller: ctx}
	if opts != nil {
		j.opts = oss.OpenOptions{VersionID: opts.VersionID, Header: opts.Header.Clone()}
	}
	return j, checkDownloadHeader(j.opts.Header)
}

// begin starts the meter, and calls the OnStart hook. The function it returns takes how the download ended. It stops
// the meter, calls the OnEnd hook, and panics again if code of the caller panicked.
func (j *download) begin(ctx context.Context) (context.Context, func(*DownloadResult, error)) {
	o := observers{hooks: j.d.opts.Hooks, progress: j.d.opts.Progress, guard: &j.guard}
	begin := Progress{Bucket: j.bucket, Key: j.key, Total: -1, Parts: -1}
	ctx, meter, end := j.d.observe(ctx, begin, j.opts.Header, o)
	j.meter = meter
	return ctx, func(res *DownloadResult, err error) {
		if stats := end(err); res != nil {
			res.Stats = stats
		}
	}
}

// find asks OSS for the object.
func (j *download) find(ctx context.Context) error {
	info, err := j.d.client.HeadObject(ctx, j.bucket, j.key,
		&oss.HeadOptions{VersionID: j.opts.VersionID, Header: j.opts.Header})
	if err != nil {
		return err
	}
	if info.Size < 0 {
		return errors.New("OSS does not tell the size of the object")
	}
	_, err = strconv.ParseUint(info.Header.Get("X-Oss-Hash-Crc64ecma"), 10, 64)
	j.info, j.known = info, err == nil
	j.pinned.Store(false)
	return nil
}

// cutFor cuts the object into ranges of the chosen size, or of the default. It fails if there would be more than
// 10,000.
func (j *download) cutFor(chosen int64) error {
	size, err := partSizeFor(j.info.Size, chosen)
	if err == nil {
		j.cut(size)
	}
	return err
}

// cut cuts the object into ranges of partSize bytes.
func (j *download) cut(partSize int64) {
	j.plan = Plan{Size: j.info.Size, PartSize: partSize}
	j.meter.update(func(p *Progress) { p.Total, p.Parts = j.plan.Size, j.plan.NumParts() })
}

// newTransfer returns a transfer of the ranges of j.
func (j *download) newTransfer() *transfer {
	return &transfer{
		governor: j.d.governor, hedges: j.d.hedges, limiter: j.d.opts.Limiter, meter: j.meter, guard: &j.guard,
		hedged: func() {
			j.log(slog.LevelWarn, "a range is far slower than others and is fetched a second time", nil)
		},
		fixedRate: j.opts.Header.Get("X-Oss-Traffic-Limit") != "",
		// As for uploads: the ranges in flight, and as many that wait to be requested again.
		maxInHand: 2 * max(int64(j.d.opts.Concurrency), MaxConcurrency),
		parts:     min(j.plan.NumParts(), oss.MaxPartNumber),
	}
}

// fetchAll fetches the ranges that are not in have, each to the sink that to returns for it. If stored is not nil, it
// is called for each range that is complete. The parts of the result include those in have.
func (j *download) fetchAll(
	ctx context.Context, have []oss.Part, to func(Section) sink, stored func(oss.Part) error,
) (*transferResult, error) {
	there := make(map[int]bool, len(have))
	for _, part := range have {
		there[part.Number] = true
		j.meter.found(part.Size)
	}
	missing := func(yield func(Section) bool) {
		for s := range j.plan.Sections() {
			if !there[s.Number] && !yield(s) {
				return
			}
		}
	}
	src, stop := newRangeSource(input{}, iter.Seq[Section](missing))
	defer stop()
	open := func(context.Context) (source, func()) { return src, func() {} }
	got, err := j.newTransfer().run(ctx, open, func(ctx context.Context, p admitted) (oss.Part, error) {
		part, err := j.fetch(ctx, p, to(p.Section))
		if err == nil && stored != nil {
			err = stored(part)
		}
		return part, err
	})
	got.parts = mergeParts(have, got.parts)
	return got, err
}

// mergeParts returns the parts of two sorted lists without common numbers, sorted by number.
func mergeParts(a, b []oss.Part) []oss.Part {
	all := make([]oss.Part, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].Number < b[0].Number {
			all, a = append(all, a[0]), a[1:]
		} else {
			all, b = append(all, b[0]), b[1:]
		}
	}
	return append(append(all, a...), b...)
}

// open requests the bytes of the object from at to before end. The reply is of the object that find found.
func (j *download) open(ctx context.Context, at, end int64) (io.ReadCloser, error) {
	version := j.opts.VersionID
	if j.pinned.Load() {
		version = j.info.VersionID
	}
	body, err := j.get(ctx, version, at, end)
	var changed *oss.ChangedError
	if version != "" || j.info.VersionID == "" || !errors.As(err, &changed) {
		return body, err
	}
	// The object is an old version now. Reading one takes another permission, so the first requests do not name it.
	if body, err = j.get(ctx, j.info.VersionID, at, end); err != nil {
		return nil, changed
	}
	if j.pinned.CompareAndSwap(false, true) {
		j.log(slog.LevelWarn, "an object was replaced; its download continues with the version that it began with",
			changed)
	}
	return body, nil
}

// get is open for a version, or for the current one if version is empty.
func (j *download) get(ctx context.Context, version string, at, end int64) (io.ReadCloser, error) {
	obj, err := j.d.client.GetObject(ctx, j.bucket, j.key, &oss.GetOptions{
		VersionID: version, Offset: at, Length: end - at, IfMatch: j.info.ETag, Header: j.opts.Header,
	})
	for _, code := range []oss.Code{"PreconditionFailed", oss.ErrNoSuchKey, "NoSuchVersion"} {
		if errors.Is(err, code) {
			return nil, j.changed(at, err)
		}
	}
	if err != nil {
		return nil, err
	}
	same := strings.EqualFold(strings.Trim(obj.ETag, `"`), strings.Trim(j.info.ETag, `"`))
	if !same || obj.Size >= 0 && obj.Size != j.info.Size {
		obj.Body.Close()
		return nil, j.changed(at, fmt.Errorf("got an object of %d bytes with ETag %.200q in place of %d bytes",
			obj.Size, obj.ETag, j.info.Size))
	}
	return obj.Body, nil
}

// changed returns the error of an object that is no longer the one that find found.
func (j *download) changed(at int64, err error) error {
	return &oss.ChangedError{Bucket: j.bucket, Key: j.key, ETag: j.info.ETag, Offset: at, Err: err}
}

// verify compares the CRC-64 of all bytes with that of the object.
func (j *download) verify(crc uint64) error {
	if j.known && crc != j.info.CRC64 {
		return &oss.ChecksumError{Op: "GetObject", Bucket: j.bucket, Key: j.key, Local: crc, Remote: j.info.CRC64}
	}
	return nil
}

// result returns the result of a download of so many ranges, all of which are there, and ends its progress.
func (j *download) result(crc uint64, parts int) *DownloadResult {
	j.meter.finish(j.plan.Size, parts)
	return &DownloadResult{Object: *j.info, Size: j.plan.Size, CRC64: crc, Verified: j.known, Parts: parts}
}

// failed returns the error of a download that failed.
func (j *download) failed(got *transferResult, err error) *DownloadError {
	return &DownloadError{Bucket: j.bucket, Key: j.key, Path: j.path, Stored: got.stored(), Failed: got.failed,
		Err: ctxcause.Join(j.caller, err)}
}

func (j *download) log(level slog.Level, message string, err error) {
	j.d.client.Logger().LogAttrs(context.Background(), level, "oss: "+message,
		slog.String("bucket", j.bucket), slog.String("key", j.key), slog.Any("error", err))
}
