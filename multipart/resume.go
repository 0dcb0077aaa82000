package multipart

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/internal/ctxcause"
	"github.com/ossmultipart/go-oss/internal/reqstats"
	"github.com/ossmultipart/go-oss/oss"
)

// Resume compares the parts that OSS holds with the bytes of src, keeps every equal part, uploads the others and
// completes the upload. It never aborts p.
//
// Parts are compared by the CRC-64 or the MD5 that OSS lists, never by dates. This reads src and sends nothing. If src
// has a Size or Stat method and another size than p, or if an *os.File changes during the call, the error matches
// ErrSourceChanged. Parts of several sizes, as long streams have, are kept as they are. If the Size of a Plan is -1, as
// from Unfinished or from the UploadError of a stream, src must have a Size or Stat method, which tells the size.
//
// If the upload no longer exists, the error matches oss.ErrNoSuchUpload, unless it was completed with exactly these
// bytes: then Resume returns that object. Of the options of the last request a Plan carries only ForbidOverwrite.
// Resume does not send an ACL or a callback that was given to Upload.
func (u *Uploader) Resume(ctx context.Context, p Plan, src io.ReaderAt) (res *Result, err error) {
	if u.err != nil {
		return nil, u.err
	}
	if isNil(src) {
		return nil, fmt.Errorf("multipart: source is nil (%T)", src)
	}
	var in input
	if f, ok := src.(*os.File); ok {
		info, err := f.Stat()
		if err != nil {
			return nil, fmt.Errorf("multipart: %w", err)
		}
		in.intact = func() error { return unchanged(f, info) }
	}
	if p.Size < 0 {
		size, known, err := sizeOf(src)
		if err == nil && !known {
			err = fmt.Errorf("multipart: a %T has no Size or Stat method: set Plan.Size", src)
		}
		if err != nil {
			return nil, err
		}
		p.Size = size
	}
	if err := checkSize(p, src); err != nil {
		return nil, err
	}
	held, err := u.list(ctx, p.Upload, nil)
	if err != nil && !errors.Is(err, oss.ErrNoSuchUpload) {
		return nil, &UploadError{Plan: p, Err: ctxcause.Join(ctx, err)}
	}
	sizes := partSizesOf(p, held, u.client.MinPartSize())
	if len(sizes) == 0 { // the part size is unknown, so no part can be kept
		size, err := partSizeFor(p.Size, u.opts.PartSize)
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, size)
	}
	p.PartSize = sizes[0]
	j, bad := u.jobOf(ctx, p)
	if bad != nil {
		return nil, bad
	}
	ctx, end := j.startProgress(ctx)
	defer func() { end(res, err) }()
	in.at, in.size = j.guard.readerAt(src), p.Size
	if err != nil {
		return j.gone(ctx, in, err)
	}
	var kept []oss.Part
	grown := grownSections(p, held, u.client.MinPartSize())
	if fit(grown, held) > fit(slices.Collect(p.Sections()), held) {
		j.grown = grown
		if kept, err = j.verify(ctx, in, held); err != nil {
			return nil, j.kept(&transferResult{}, err)
		}
		if len(kept) == 0 {
			j.grown = nil
		}
	}
	for _, size := range sizes { // the size of a part may fit two candidates, its bytes only one
		if len(kept) > 0 {
			break
		}
		j.plan.PartSize = size
		if kept, err = j.verify(ctx, in, held); err != nil {
			return nil, j.kept(&transferResult{}, err)
		}
	}
	if len(kept) == 0 {
		j.plan.PartSize = p.PartSize
	}
	return j.resume(ctx, in, kept)
}

// verify returns those of the parts held that fit the plan and have the bytes of in. It reads in, and sends nothing.
func (j *job) verify(ctx context.Context, in input, held []oss.Part) ([]oss.Part, error) {
	var mu sync.Mutex
	var kept []oss.Part
	err := inParallel(ctx, j.u.opts.Concurrency, held, func(ctx context.Context, part oss.Part) error {
		s, ok := j.section(part.Number)
		if !ok || s.Size != part.Size {
			return nil
		}
		equal, err := j.u.partMatches(ctx, part, sectionBody{r: in.at, base: in.base + s.Offset, size: s.Size})
		if equal && err == nil {
			mu.Lock()
			defer mu.Unlock()
			kept = append(kept, part)
		}
		return err
	})
	slices.SortFunc(kept, byNumber)
	return kept, err
}

// sizeOf returns the size of src, which is known if src has a Size or Stat method.
func sizeOf(src io.ReaderAt) (size int64, known bool, err error) {
	switch s := src.(type) {
	case interface{ Size() int64 }:
		return s.Size(), true, nil
	case interface{ Stat() (fs.FileInfo, error) }:
		info, err := s.Stat()
		if err != nil {
			return 0, false, fmt.Errorf("multipart: %w", err)
		}
		if !info.Mode().IsRegular() { // Size is not defined for other files
			return 0, false, nil
		}
		return info.Size(), true, nil
	}
	return 0, false, nil
}

// checkSize returns an error if the size of src is known and differs from that of p. The parts of a plan that is
// shorter than its source would create an object of the first bytes only.
func checkSize(p Plan, src io.ReaderAt) error {
	size, known, err := sizeOf(src)
	if err == nil && known && size != p.Size {
		return &UploadError{Plan: p, Err: fmt.Errorf("%w: the plan has %d bytes and the source %d",
			ErrSourceChanged, p.Size, size)}
	}
	return err
}

// partSizesOf returns the part sizes that the plan may have, given the parts that OSS holds. The size that fits most
// parts comes first. The candidates are the size in p, that of the largest part, and the size with which the last of
// the parts held ends the object. None is less than least, the minimum size of all parts but the last of an object.
func partSizesOf(p Plan, held []oss.Part, least int64) []int64 {
	candidates := []int64{p.PartSize}
	var largest int64
	for _, part := range held {
		largest = max(largest, part.Size)
	}
	candidates = append(candidates, largest)
	if n := len(held); n > 0 && held[n-1].Number > 1 {
		last := held[n-1]
		if rest := p.Size - last.Size; rest > 0 && rest%int64(last.Number-1) == 0 {
			candidates = append(candidates, rest/int64(last.Number-1))
		}
	}
	fits := make(map[int64]int)
	var sizes []int64
	for _, size := range candidates {
		q := Plan{Size: p.Size, PartSize: size}
		n, legal := q.NumParts(), least <= size && size <= oss.MaxPartSize
		if n == 0 || n > oss.MaxPartNumber || !legal || slices.Contains(sizes, size) {
			continue
		}
		sizes = append(sizes, size)
		for _, part := range held {
			if part.Number <= q.NumParts() && q.Section(part.Number).Size == part.Size {
				fits[size]++
			}
		}
	}
	slices.SortStableFunc(sizes, func(a, b int64) int { return fits[b] - fits[a] })
	return sizes
}

// gone ends a job whose upload does not exist in OSS. The upload may have become the wanted object.
func (j *job) gone(ctx context.Context, in input, err error) (*Result, error) {
	if res, doneErr := j.checkCompleted(ctx, in); doneErr == nil {
		return res, nil
	}
	return nil, j.kept(&transferResult{}, err)
}

// resume uploads the parts that are not in kept, and completes the upload.
func (j *job) resume(ctx context.Context, in input, kept []oss.Part) (*Result, error) {
	j.meter.update(func(p *Progress) { p.Parts = j.numParts() }) // unknown before
	for _, part := range kept {
		j.meter.found(part.Size)
	}
	have := make(map[int]bool, len(kept))
	for _, part := range kept {
		have[part.Number] = true
	}
	missing := func(yield func(Section) bool) {
		for number := 1; number <= j.numParts(); number++ {
			if s, _ := j.section(number); !have[number] && !yield(s) {
				return
			}
		}
	}
	parts, stop := newRangeSource(in, missing)
	defer stop()
	sent, err := j.sendParts(ctx, parts)
	if changed := parts.changed(); changed != nil {
		err = changed
	}
	sent.parts = append(sent.parts, kept...)
	slices.SortFunc(sent.parts, byNumber)
	var res *Result
	if err == nil {
		res, err = j.complete(ctx, sent)
	} else {
		err = j.kept(sent, err)
	}
	if errors.Is(err, oss.ErrNoSuchUpload) { // another process may have completed the same upload
		if done, doneErr := j.checkCompleted(ctx, in); doneErr == nil {
			return done, nil
		}
	}
	if err != nil {
		return nil, err
	}
	res.Reused = len(kept)
	return res, nil
}

// checkCompleted returns the result of an upload that no longer exists because it was completed. The object must have
// the size and the CRC-64 of the source and the requested properties, and must not be older than the upload. A Plan
// with ForbidOverwrite and without the time of its beginning proves nothing.
func (j *job) checkCompleted(ctx context.Context, in input) (*Result, error) {
	up := j.plan.Upload
	if j.plan.Begun.IsZero() && j.plan.ForbidOverwrite {
		return nil, errors.New("the plan does not say when the upload began")
	}
	var failed error
	began := func(*reqstats.Stats) time.Time { return j.plan.Begun }
	info, err := j.findOwnObject(ctx, began, func(there *oss.ObjectInfo) bool {
		if there.Size != in.size { // without reading the source
			return false
		}
		var crc uint64
		crc, failed = j.u.crcOf(ctx, in.body())
		return failed == nil && there.CRC64 == crc
	})
	if failed != nil {
		err = failed
	}
	if err == nil && in.intact != nil {
		err = in.intact()
	}
	if err != nil {
		return nil, err
	}
	j.meter.finish(in.size, j.numParts())
	return &Result{
		ETag: info.ETag, VersionID: info.VersionID, RequestID: info.Header.Get("x-oss-request-id"), CRC64: info.CRC64,
		Size: in.size, UploadID: up.ID, Parts: j.numParts(), Reused: j.numParts(), Orphans: j.orphans,
	}, nil
}

// partMatches reports whether a part that OSS holds has the bytes of body.
func (u *Uploader) partMatches(ctx context.Context, part oss.Part, body oss.Body) (bool, error) {
	if part.CRC64 != 0 {
		crc, err := u.crcOf(ctx, body)
		return crc == part.CRC64, err
	}
	etag := strings.Trim(part.ETag, `"`)
	if len(etag) != 2*md5.Size {
		return false, nil // not an MD5, so it cannot be compared
	}
	d, err := u.sumOf(ctx, body)
	if err != nil {
		return false, err
	}
	return strings.EqualFold(etag, hex.EncodeToString(d.md5[:])), nil
}

// Unfinished iterates over the unfinished uploads of key, newest first, as Plans for Resume: resuming needs no local
// record. The PartSize of a Plan is that of its largest part, and 0 if there is none. Its Size is -1, because OSS does
// not know it. An error is the last pair.
func (u *Uploader) Unfinished(ctx context.Context, bucket, key string) iter.Seq2[Plan, error] {
	return func(yield func(Plan, error) bool) {
		if u.err != nil {
			yield(Plan{}, u.err)
			return
		}
		ctx := u.governed(ctx, bucket, key, nil, nil)
		var found []oss.UploadInfo
		for info, err := range u.client.Uploads(ctx, bucket, &oss.ListUploadsOptions{Prefix: key}) {
			if err != nil {
				yield(Plan{}, err)
				return
			}
			if info.Key == key {
				found = append(found, info)
			}
		}
		slices.SortStableFunc(found, func(a, b oss.UploadInfo) int { return b.Initiated.Compare(a.Initiated) })
		for _, info := range found {
			p := Plan{Upload: info.Upload, Size: -1, Begun: info.Initiated}
			held, err := u.list(ctx, info.Upload, nil)
			if errors.Is(err, oss.ErrNoSuchUpload) {
				continue // completed or aborted since it was listed
			}
			for _, part := range held {
				p.PartSize = max(p.PartSize, part.Size)
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// warn logs an event that is not a failure of the upload but needs attention.
func (j *job) warn(message string, up oss.Upload, err error) {
	j.u.client.Logger().LogAttrs(context.Background(), slog.LevelWarn, "oss: "+message,
		slog.String("bucket", up.Bucket), slog.String("key", up.Key),
		slog.String("upload_id", up.ID), slog.Any("error", err))
}
