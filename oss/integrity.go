package oss

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/ossmultipart/go-oss/internal/ctxcause"
)

// Checksum says how the bytes of a part or an object are verified.
type Checksum int

const (
	// ChecksumMD5 sends the Content-MD5 of the body, with which OSS refuses corrupted bytes before it stores them, and
	// compares the CRC-64 that OSS reports too. Computing the MD5 reads the body once more.
	ChecksumMD5 Checksum = iota
	// ChecksumCRC64 compares the CRC-64 that OSS reports with one computed while sending. The body is read once.
	ChecksumCRC64
	// ChecksumNone compares nothing.
	ChecksumNone
)

func (s Checksum) check() error {
	if s < ChecksumMD5 || s > ChecksumNone {
		return fmt.Errorf("oss: checksum %d is none of ChecksumMD5, ChecksumCRC64 and ChecksumNone", s)
	}
	return nil
}

// contentMD5 reads body once and returns its MD5, which takes seconds for the largest part. It ends early if ctx does.
func contentMD5(ctx context.Context, body Body) ([]byte, error) {
	buf := buffers.Get().(*[maxCopyPlain]byte)
	defer buffers.Put(buf)
	h, r, size := md5.New(), &contextReader{ctx, body}, body.Size()
	for done := int64(0); done < size; {
		n, err := r.ReadAt(buf[:min(int64(len(buf)), size-done)], done)
		h.Write(buf[:n])
		done += int64(n)
		switch {
		case ctx.Err() != nil:
			return nil, ctxcause.Join(ctx, ctx.Err())
		case err == io.EOF && done == size:
			err = nil
		case err == io.EOF:
			err = io.ErrUnexpectedEOF
		case err == nil && n == 0:
			err = io.ErrNoProgress
		}
		if err != nil {
			return nil, &sourceError{done: done, size: size, err: err}
		}
	}
	return h.Sum(nil), nil
}

// headerCRC returns the CRC-64 that a response reports, and whether it reports one.
func headerCRC(h http.Header) (uint64, bool) {
	crc, err := strconv.ParseUint(h.Get(headerCRC64), 10, 64)
	return crc, err == nil
}

// sameETag compares as OSS does: without quotes and regardless of case.
func sameETag(a, b string) bool {
	return strings.EqualFold(strings.Trim(a, `"`), strings.Trim(b, `"`))
}

// knownSums are the checksums of a body that the caller knows; nil for those it does not know.
type knownSums struct {
	md5   []byte
	crc64 *uint64
}

// putVerified sends r.Body and verifies the response as s says. A Content-MD5 in r.Header must equal known.md5 if both
// are set. The responseCheck, if set, runs last.
func (c *Client) putVerified(
	ctx context.Context, r *Request, s Checksum, known knownSums, check responseCheck,
) (*http.Response, error) {
	if err := cmp.Or(s.check(), c.checkRequest(r)); err != nil {
		return nil, err
	}
	sum := known.md5
	if text := r.Header.Get("Content-Md5"); text != "" {
		given, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(given) != md5.Size {
			return nil, fmt.Errorf("oss: Content-MD5 %q is not the base64 of %d bytes", text, md5.Size)
		}
		if sum != nil && !bytes.Equal(sum, given) {
			return nil, fmt.Errorf("oss: MD5 is %X, and Content-MD5 in Header is %q", sum, text)
		}
		sum = given
	} else if s == ChecksumMD5 {
		if sum == nil {
			var err error
			if sum, err = contentMD5(ctx, r.Body); err != nil {
				return nil, fmt.Errorf("oss: %s %s: %w", r.Op, resource(r.Bucket, r.Key), err)
			}
		}
		if len(sum) != md5.Size {
			return nil, fmt.Errorf("oss: MD5 has %d bytes, want %d", len(sum), md5.Size)
		}
	}
	return c.sendAndClose(ctx, r, sendOptions{
		verifyStored: true, md5: sum, computeCRC: s != ChecksumNone, knownCRC: known.crc64, check: check,
	})
}

// checkStored compares what OSS reports to have stored with what was sent: the CRC-64 and, if the MD5 is known, the
// ETag. Gateways, and some kinds of encryption, form ETags by another rule; beside a CRC-64 that matches, such an ETag
// is not damage and is returned as odd.
func checkStored(op Operation, resp *http.Response, sent *requestBody, md5sum []byte) (odd string, err error) {
	damaged := func(e ChecksumError) error {
		e.Op, e.Bucket, e.Key, e.PartNumber = op.Name, op.Bucket, op.Key, op.PartNumber
		return &e
	}
	n, local, _ := sent.detach()
	etag := resp.Header.Get("ETag")
	remote, reported := headerCRC(resp.Header)
	if etag == "" && !reported {
		return "", notFromOSS(resp)
	}
	if n < sent.size {
		return "", damaged(ChecksumError{Err: fmt.Errorf("success was reported after %d of %d bytes", n, sent.size)})
	}
	compared := reported && (sent.computeCRC || sent.knownCRC != nil)
	if compared && remote != local {
		return "", damaged(ChecksumError{Local: local, Remote: remote})
	}
	var text [2 * md5.Size]byte
	if md5sum != nil && !sameETag(etag, string(hex.AppendEncode(text[:0], md5sum))) {
		if compared && etag != "" {
			return etag, nil
		}
		return "", damaged(ChecksumError{Err: fmt.Errorf("ETag is %q, the MD5 of the bytes sent is %X", etag, md5sum)})
	}
	return "", nil
}
