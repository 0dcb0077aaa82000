package multipart

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// This file is the upload of a Writer, which may be suspended and continued. The upload runs in legs: one from each
// point at which the Writer rests to the next. At rest no part is in flight, and job.session says what is stored.

// beginSession initiates the upload of a Writer. If the Writer has a name, its record is saved before, for the next
// Writer if the process is killed after OSS has begun the upload, and again before part 1.
func (j *job) beginSession(ctx context.Context) error {
	if !j.record.named() {
		return j.initiate(ctx)
	}
	j.plan.Begun = j.u.client.Now().UTC().Truncate(time.Second)
	if err := j.record.save(ctx, j, j.session); err != nil {
		return j.notBegun(err)
	}
	if err := j.initiate(ctx); err != nil {
		return err
	}
	if err := j.record.save(ctx, j, j.session); err != nil {
		saved, loadErr := j.record.load(ctx, j)
		j.keep = loadErr != nil || saved != nil && saved.Upload == j.plan.Upload
		return j.abandon(ctx, &transferResult{}, err)
	}
	return nil
}

// writeLeg sends what r yields, after the tail of the session. At the end of r it completes the upload, or, if the
// Writer is suspended, leaves in j.session what is stored, and returns a nil Result.
func (j *job) writeLeg(ctx context.Context, r io.Reader) (res *Result, err error) {
	ctx, end := j.startProgress(ctx)
	defer func() { end(res, err) }()
	s := j.session
	in := input{stream: j.guard.reader(r), size: -1, base: s.stored(), parts: len(s.parts)}
	if len(s.tail) > 0 {
		in.stream = io.MultiReader(bytes.NewReader(s.tail), in.stream)
	}
	return j.fromStream(ctx, in)
}

// continueParts sends the pieces of src, which read s, as parts after those of the session.
func (j *job) continueParts(ctx context.Context, src source, s *stream) (*Result, error) {
	before := j.session
	if err := j.clearOthers(ctx); err != nil {
		return nil, j.abandon(ctx, &transferResult{parts: before.parts}, err)
	}
	sent, err := j.sendParts(ctx, src)
	more := sent.parts
	sent.parts = append(before.parts[:len(before.parts):len(before.parts)], more...)
	if err != nil {
		return nil, j.abandon(ctx, sent, err)
	}
	before.add(more)
	before.tail = s.takeTail()
	switch {
	case j.halting.Load():
		return nil, nil
	case len(sent.parts) == 0:
		return j.putEmpty(ctx)
	}
	if before.known {
		sent.crc = before.crc
	}
	res, err := j.complete(ctx, sent)
	if err != nil {
		return nil, err
	}
	res.Reused, res.Unproved = len(sent.parts)-len(more), before.unproved
	return res, nil
}

// clearOthers overwrites the parts that OSS holds and the session does not have, from the last to the first, with parts
// of at most one byte. OSS accepts so small a part only as the last one of an object. So at every moment the parts that
// OSS holds, up to the first of these, are the beginning of what one Writer has written, and OpenWriter can continue
// them without a Checkpoint.
func (j *job) clearOthers(ctx context.Context) error {
	s := j.session
	opts := j.options.part
	for len(s.others) > 0 {
		last := len(s.others) - 1
		useless := bytes.NewReader(make([]byte, min(1, j.u.client.MinPartSize()-1)))
		if _, err := j.u.client.UploadPart(ctx, j.plan.Upload, s.others[last], useless, &opts); err != nil {
			return fmt.Errorf("replacing part %d of an earlier Writer: %w", s.others[last], err)
		}
		s.others = s.others[:last]
	}
	return nil
}

// putEmpty stores an empty object, which has no parts, and then aborts the upload.
func (j *job) putEmpty(ctx context.Context) (*Result, error) {
	res, err := j.put(ctx, bytes.NewReader(nil), nil)
	if err != nil {
		return nil, err
	}
	clean, cancel := j.u.cleanupContext(ctx)
	defer cancel()
	if _, err := j.abort(clean); err != nil {
		j.warn("upload without parts left behind", j.plan.Upload, err)
		res.Orphans = append(res.Orphans, j.plan.Upload)
	}
	return res, nil
}

// verifySession makes OSS hold exactly the parts of the session. If one of them is missing or was replaced, the error
// matches ErrStaleCheckpoint. Other parts, from before a Truncate or of another Writer, are overwritten.
func (j *job) verifySession(ctx context.Context) error {
	s := j.session
	if len(s.parts)+len(s.others) == 0 {
		return nil
	}
	held, err := j.u.list(ctx, j.plan.Upload, j.options.common)
	if err != nil {
		return err
	}
	for i, p := range s.parts {
		if i >= len(held) || held[i].Number != p.Number {
			return fmt.Errorf("%w: part %d is missing", ErrStaleCheckpoint, p.Number)
		}
		if held[i].Size != p.Size || plainETag(held[i].ETag) != plainETag(p.ETag) {
			return fmt.Errorf("%w: part %d has been replaced", ErrStaleCheckpoint, p.Number)
		}
	}
	s.setOthers(held[len(s.parts):], j.u.client.MinPartSize())
	return j.clearOthers(ctx)
}

// checkpoint returns the Checkpoint of the session s.
func (j *job) checkpoint(s *session) *Checkpoint {
	cp := &Checkpoint{
		Upload: j.plan.Upload, Size: s.stored() + int64(len(s.tail)), Parts: len(s.parts),
		Tail: s.tail, Digest: s.digest(),
		PartSize: j.plan.PartSize, ForbidOverwrite: j.plan.ForbidOverwrite,
		Sidecar: j.record.sidecar(), Unproved: s.unproved,
		Begun: j.plan.Begun, Saved: j.u.client.Now().UTC(), Options: j.plan.Options,
	}
	if cp.Options == "" && s.unproved == 0 {
		cp.Options = j.options.digest()
	}
	if s.known {
		cp.CRC64 = s.crc
	}
	return cp
}

// truncate removes all bytes of the session from size on.
func (s *session) truncate(size int64) error {
	stored := s.stored()
	if all := stored + int64(len(s.tail)); size < 0 || size > all {
		return fmt.Errorf("multipart: cannot truncate %d bytes to %d", all, size)
	}
	if size >= stored {
		s.tail = s.tail[:size-stored]
		return nil
	}
	n, end := 0, int64(0)
	for ; end+s.parts[n].Size <= size; n++ {
		end += s.parts[n].Size
	}
	if end != size {
		return fmt.Errorf("%w: byte %d is in part %d, which begins at byte %d and ends at byte %d",
			ErrInsidePart, size, n+1, end, end+s.parts[n].Size)
	}
	var gone []int
	for _, p := range s.parts[n:] {
		gone = append(gone, p.Number)
	}
	s.others = append(gone, s.others...)
	left := &session{known: true, unproved: min(s.unproved, size)}
	left.add(s.parts[:n:n])
	s.parts, s.crc, s.known, s.unproved, s.tail = left.parts, left.crc, left.known, left.unproved, nil
	return nil
}

// ErrInsidePart reports that a Writer cannot be truncated to an offset because it is inside a part. OSS does not
// return the bytes of parts of an unfinished upload, so its first bytes cannot be kept alone.
var ErrInsidePart = errors.New("multipart: cannot truncate inside a part")
