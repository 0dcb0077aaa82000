package multipart

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/oss"
)

// This file finds out whether OSS already holds the object that an upload would create.

// A comparison is made before an upload, which is skipped if OSS holds an identical object.
type comparison struct {
	// The object of the key as a listing tells it; nil means that OSS is asked.
	listed *oss.ObjectEntry
	// Reads all of a stream a second time; nil for other sources.
	reread func(ctx context.Context) (*sums, error)
}

// comparison returns the comparison that an upload of a single source makes, or nil.
func (u *Uploader) comparison() *comparison {
	if u.opts.SkipIdentical {
		return new(comparison)
	}
	return nil
}

// skip returns the result of an upload that is not needed, because the object under the key has the bytes of in and the
// properties that the options request. Otherwise the result is nil.
func (j *job) skip(ctx context.Context, in input) (*Result, error) {
	c := in.skip
	want, visible := j.options.requested()
	if c == nil || in.at == nil && c.reread == nil || !visible || c.listed != nil && c.listed.Size != in.size {
		return nil, nil
	}
	res, err := j.findIdentical(ctx, in, want)
	if err == nil && res != nil && in.intact != nil {
		err = in.intact()
	}
	if err != nil {
		return nil, j.notBegun(fmt.Errorf("comparing with the object: %w", err))
	}
	if res != nil {
		j.meter.finish(res.Size, 0)
	}
	return res, nil
}

// findIdentical is skip for a source that can be compared. want has the headers that the object must have. The ETag of
// a listing saves the request for its headers if it is the MD5 of in and no header but the storage class is wanted.
func (j *job) findIdentical(ctx context.Context, in input, want map[string]string) (*Result, error) {
	var s *sums
	listed := in.skip.listed
	if listed != nil && isMD5(listed.ETag) && onlyClass(want) {
		var err error
		if s, err = j.sumsOf(ctx, in); err != nil {
			return nil, err
		}
		class := want[storageClassHeader]
		sameClass := class == "" || class == string(listed.StorageClass)
		if s.isETag(listed.ETag) && listed.Type != oss.TypeSymlink && sameClass {
			return &Result{ETag: listed.ETag, CRC64: s.crc, Size: in.size, Skipped: true}, nil
		}
	}
	at := j.plan.Upload
	info, err := j.u.client.HeadObject(ctx, at.Bucket, at.Key, &oss.HeadOptions{Header: j.options.common})
	switch {
	case errors.Is(err, oss.ErrNoSuchKey):
		return nil, nil
	case err != nil:
		return nil, err
	case info.Size != in.size || info.CRC64 == 0 && in.size > 0, lacking(want, info.Header) != "",
		info.Header.Get("x-oss-object-type") == string(oss.TypeSymlink):
		return nil, nil
	}
	if s == nil {
		s, err = j.sumsOf(ctx, in)
	}
	if err != nil || s.crc != info.CRC64 {
		return nil, err
	}
	return &Result{ETag: info.ETag, VersionID: info.VersionID, RequestID: info.Header.Get("x-oss-request-id"),
		CRC64: info.CRC64, Size: info.Size, Skipped: true}, nil
}

// sumsOf reads all of in once.
func (j *job) sumsOf(ctx context.Context, in input) (*sums, error) {
	if in.at == nil {
		return in.skip.reread(ctx)
	}
	body := in.body()
	if near, free := j.u.toCombine(body); near != nil {
		defer free()
		return j.u.sumOf(ctx, near)
	}
	return j.u.sumOf(ctx, body)
}

// isETag reports whether an ETag is the MD5 of s.
func (s *sums) isETag(etag string) bool {
	return strings.EqualFold(strings.Trim(etag, `"`), hex.EncodeToString(s.md5[:]))
}

// isMD5 reports whether an ETag has the form of an MD5, which that of an object of several parts does not have.
func isMD5(etag string) bool { return len(strings.Trim(etag, `"`)) == hex.EncodedLen(md5.Size) }

// A summer computes the checksums of what it reads.
type summer struct {
	md5 hash.Hash // nil if it is not wanted
	crc uint64
}

// sum reads r to its end.
func (h *summer) sum(ctx context.Context, r io.Reader, buf []byte) (*sums, error) {
	for ctx.Err() == nil {
		n, err := r.Read(buf)
		if h.md5 != nil {
			h.md5.Write(buf[:n])
		}
		h.crc = crc64.Update(h.crc, buf[:n])
		switch {
		case err == io.EOF && h.md5 == nil:
			return &sums{crc: h.crc}, nil
		case err == io.EOF:
			return &sums{md5: [md5.Size]byte(h.md5.Sum(nil)), crc: h.crc}, nil
		case err != nil:
			return nil, fmt.Errorf("multipart: %w", err)
		}
	}
	return nil, ctx.Err()
}

const storageClassHeader = "X-Oss-Storage-Class"

func onlyClass(want map[string]string) bool {
	_, class := want[storageClassHeader]
	return len(want) == 0 || class && len(want) == 1
}

// requested returns the headers that the object would get from the options. ok is false if HeadObject could not tell
// whether an object has all properties, or if a skipped upload would leave out more than an object: a callback, or the
// refusal to overwrite.
func (w *requestOptions) requested() (want map[string]string, ok bool) {
	o := w.put
	if o.ACL != "" || len(o.Tags) > 0 || o.ForbidOverwrite {
		return nil, false
	}
	want = w.properties()
	for name, value := range map[string]string{
		"X-Oss-Server-Side-Encryption":        o.Encryption.Algorithm,
		"X-Oss-Server-Side-Encryption-Key-Id": o.Encryption.KeyID,
		"X-Oss-Server-Side-Data-Encryption":   o.Encryption.DataAlgorithm,
	} {
		if value != "" {
			want[name] = value
		}
	}
	for name, values := range o.Header {
		switch name = http.CanonicalHeaderKey(name); {
		case name == "X-Oss-Request-Payer" || name == "X-Oss-Traffic-Limit": // not of the object
		case isProperty(name) && len(values) == 1:
			want[name] = values[0]
		default:
			return nil, false
		}
	}
	return want, true
}

// isProperty reports whether HeadObject returns a header as PutObject got it.
func isProperty(name string) bool {
	switch name {
	case "Content-Type", "Content-Encoding", "Content-Disposition", "Content-Language", "Cache-Control", "Expires",
		storageClassHeader, "X-Oss-Server-Side-Encryption", "X-Oss-Server-Side-Encryption-Key-Id",
		"X-Oss-Server-Side-Data-Encryption":
		return true
	}
	return strings.HasPrefix(name, "X-Oss-Meta-")
}
