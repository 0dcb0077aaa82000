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
	"time"

	"github.com/ossmultipart/go-oss/internal/reqstats"
	"github.com/ossmultipart/go-oss/oss"
)

// Resume checks the parts OSS holds against the bytes of src, keeps every equal one (holes and a short tail
// included), uploads the others and finishes. It never aborts p.
//
// The bytes decide, by the CRC-64 or the MD5 that OSS lists, and no date; verifying reads src and sends nothing. A src
// whose size is known, by a Size or Stat method, and is not that of p is an error that matches ErrSourceChanged, and so
// is an *os.File that changes meanwhile. Parts of several sizes, as long streams have, are kept as they are. A Plan
// whose Size is -1, as Unfinished and the UploadError of a stream have it, takes the size of src, which then must have
// a Size or Stat method. An upload that is gone is an error that matches oss.ErrNoSuchUpload, unless it became the very
// object: then that is the result. Of the options that concern the end a Plan carries ForbidOverwrite alone: an ACL or
// a callback that Upload was given is not asked for again.
func (u *Uploader) Resume(ctx context.Context, p Plan, src io.ReaderAt) (*Result, error) {
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
		return nil, &UploadError{Plan: p, Err: withCause(ctx, err)}
	}
	sizes := partSizesOf(p, held, u.client.MinPartSize())
	if len(sizes) == 0 { // nothing tells, so nothing can be kept
		size, err := partSizeFor(p.Size, u.opts.PartSize)
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, size)
	}
	p.PartSize = sizes[0]
	j, bad := u.jobOf(p)
	if bad != nil {
		return nil, bad
	}
	ctx, end := j.startProgress(ctx)
	defer end()
	in.at, in.size = j.guard.readerAt(src), p.Size
	if err != nil {
		return j.gone(ctx, in, err)
	}
	var kept []oss.Part
	if grown := grownSections(p, held, u.client.MinPartSize()); fit(grown, held) > fit(slices.Collect(p.Sections()), held) {
		j.grown = grown
		if kept, err = j.verify(ctx, in, held); err != nil {
			return nil, j.kept(&transferResult{}, err)
		}
		if len(kept) == 0 {
			j.grown = nil
		}
	}
	for _, size := range sizes { // a part may fit two sizes, but its bytes only one
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

// sizeOf asks src for its size, which is known if it has a Size or Stat method.
func sizeOf(src io.ReaderAt) (size int64, known bool, err error) {
	switch s := src.(type) {
	case interface{ Size() int64 }:
		return s.Size(), true, nil
	case interface{ Stat() (fs.FileInfo, error) }:
		info, err := s.Stat()
		if err != nil {
			return 0, false, fmt.Errorf("multipart: %w", err)
		}
		if !info.Mode().IsRegular() { // of which Size says nothing
			return 0, false, nil
		}
		return info.Size(), true, nil
	}
	return 0, false, nil
}

// checkSize returns an error unless the object of p has the size of src, where that is known. The parts of a plan that
// is shorter than its source would make an object of the beginning alone.
func checkSize(p Plan, src io.ReaderAt) error {
	size, known, err := sizeOf(src)
	if err == nil && known && size != p.Size {
		return &UploadError{Plan: p, Err: fmt.Errorf("%w: the plan has %d bytes and the source %d", ErrSourceChanged, p.Size, size)}
	}
	return err
}

// partSizesOf returns the part sizes that the plan may have by what OSS holds, those that more of the parts fit first:
// p's own, that of the largest part, and the one that makes the last part the tail. None is less than least, which the
// tail alone may be.
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
		if n := q.NumParts(); n == 0 || n > oss.MaxPartNumber || size < least || size > oss.MaxPartSize || slices.Contains(sizes, size) {
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

// gone ends a job whose upload OSS does not know: it may have become the object that was wanted.
func (j *job) gone(ctx context.Context, in input, err error) (*Result, error) {
	if res, doneErr := j.checkCompleted(ctx, in); doneErr == nil {
		return res, nil
	}
	return nil, j.kept(&transferResult{}, err)
}

// resume sends the parts that are not kept and finishes.
func (j *job) resume(ctx context.Context, in input, kept []oss.Part) (*Result, error) {
	j.meter.update(func(p *Progress) { p.Parts = j.numParts() }) // the plan was not certain before
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
	sent, err := j.transfer(ctx, parts)
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
	if errors.Is(err, oss.ErrNoSuchUpload) { // another process may have been faster with the same upload
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

// checkCompleted returns the result of an upload that is gone because it was completed: the object that stands there
// has the size and the CRC-64 of the source, is not older than the upload and has the properties that were asked for.
// A Plan that does not know when it was begun, and forbids overwriting, proves nothing.
func (j *job) checkCompleted(ctx context.Context, in input) (*Result, error) {
	up := j.plan.Upload
	if j.plan.Begun.IsZero() && j.plan.ForbidOverwrite {
		return nil, errors.New("it is not known when the upload was begun")
	}
	var failed error
	info, err := j.findOwnObject(ctx, func(*reqstats.Stats) time.Time { return j.plan.Begun }, func(there *oss.ObjectInfo) bool {
		if there.Size != in.size { // there is no need to read the source
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
	return &Result{ETag: info.ETag, VersionID: info.VersionID, RequestID: info.Header.Get("x-oss-request-id"), CRC64: info.CRC64,
		Size: in.size, UploadID: up.ID, Parts: j.numParts(), Reused: j.numParts(), Orphans: j.orphans}, nil
}

// partMatches reports whether a part that OSS holds has the bytes of body.
func (u *Uploader) partMatches(ctx context.Context, part oss.Part, body oss.Body) (bool, error) {
	if part.CRC64 != 0 {
		crc, err := u.crcOf(ctx, body)
		return crc == part.CRC64, err
	}
	etag := strings.Trim(part.ETag, `"`)
	if len(etag) != 2*md5.Size {
		return false, nil // not an MD5, so nothing to go by
	}
	d, err := u.sumOf(ctx, body)
	if err != nil {
		return false, err
	}
	return strings.EqualFold(etag, hex.EncodeToString(d.md5[:])), nil
}

// Unfinished iterates over the uploads of key that OSS holds unfinished, newest first, as Plans that Resume
// takes: resuming needs no local record. Their PartSize is read off the parts, and 0 where there are none; their Size
// is -1, because OSS does not know it. An error is the last pair.
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
				continue // ended since it was listed
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

// warn logs what is no failure of the upload and yet somebody should know.
func (j *job) warn(message string, up oss.Upload, err error) {
	j.u.client.Logger().LogAttrs(context.Background(), slog.LevelWarn, "oss: "+message,
		slog.String("bucket", up.Bucket), slog.String("key", up.Key), slog.String("upload_id", up.ID), slog.Any("error", err))
}
