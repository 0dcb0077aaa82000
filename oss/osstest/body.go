package osstest

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// A requestBody is the body of a request. Effects replace its Reader by filters.
type requestBody struct {
	io.Reader
	wire *countingReader
}

// A filter changes a body of a request or a reply.
type filter func(*exchange, io.Reader) io.Reader

func newRequestBody(body io.Reader) *requestBody {
	if body == nil { // only if a test calls ServeHTTP
		body = http.NoBody
	}
	wire := &countingReader{Reader: body}
	return &requestBody{Reader: wire, wire: wire}
}

// complete reports whether all of a body has arrived. length is its Content-Length, -1 if unknown.
func (b *requestBody) complete(length int64) bool { return b.wire.err == io.EOF || b.wire.n == length }

// arrived returns the number of bytes that arrived, before any filter.
func (b *requestBody) arrived() int64 { return b.wire.n }

type countingReader struct {
	io.Reader
	n   int64
	err error // the first one; after an incomplete body net/http returns io.EOF later
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	c.err = cmp.Or(c.err, err)
	return n, err
}

// A digest computes the checksums of the bytes that are written to it.
type digest struct {
	md5     hash.Hash
	running hash.Hash // MD5 of the parts of a sequential upload, to be continued; nil otherwise
	crc     uint64
	size    int64
}

func newDigest() *digest { return &digest{md5: md5.New()} }

func (d *digest) Write(p []byte) (int, error) {
	d.md5.Write(p)
	if d.running != nil {
		d.running.Write(p)
	}
	d.crc = crc64.Update(d.crc, p)
	d.size += int64(len(p))
	return len(p), nil
}

func (d *digest) data(c store.Content) *store.Data {
	return &store.Data{Content: c, MD5: d.md5.Sum(nil), CRC64: d.crc, Size: d.size}
}

// etagOf returns the ETag of bytes that were sent in one request.
func etagOf(md5 []byte) string { return quote(strings.ToUpper(hex.EncodeToString(md5))) }

// setSums sets the headers in which OSS reports what it stored.
func setSums(h http.Header, s *store.Data) {
	h.Set("ETag", etagOf(s.MD5))
	h.Set("Content-MD5", base64.StdEncoding.EncodeToString(s.MD5))
	h.Set("x-oss-hash-crc64ecma", strconv.FormatUint(s.CRC64, 10))
}

func quote(etag string) string { return `"` + etag + `"` }

// receive stores the body of the request. On an error nothing is stored: that includes an incomplete body, and one
// whose checksums differ from those in the headers.
func (x *exchange) receive(d *digest) (*store.Data, error) {
	if err := x.checkLength(); err != nil {
		return nil, err
	}
	to, err := x.objects.NewBody(x.r.ContentLength)
	if err != nil {
		return nil, err
	}
	if err := x.copyBody(to, d); err != nil {
		to.Discard()
		return nil, err
	}
	c, err := to.Keep()
	if err != nil {
		return nil, err
	}
	return d.data(c), nil
}

// copyBody copies the body of the request to a writer and checks it.
func (x *exchange) copyBody(to io.Writer, d *digest) error {
	_, err := copyBuffered(io.MultiWriter(to, d), io.LimitReader(x.body, oss.MaxPartSize+1))
	var broken *store.WriteError
	var refused *refusal // by FailAfter
	switch {
	case errors.As(err, &broken), errors.As(err, &refused), errors.Is(err, errCut):
		return err
	case x.closing.Err() != nil:
		return errCut
	case err != nil: // a client that closed only its half of the connection can read this
		return refuse(http.StatusBadRequest, "IncompleteBody", "", "The body of your request is not complete.")
	case d.size > oss.MaxPartSize:
		return entityTooLarge(d.size)
	}
	return x.checkDigests(d)
}

// copyBuffers are the buffers of copyBuffered. They are larger than those of io.Copy: with 32 KiB, storing a body in a
// file takes a fifth more processor time, for system calls.
var copyBuffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// copyBuffered is io.Copy with one of copyBuffers.
func copyBuffered(to io.Writer, from io.Reader) (int64, error) {
	buffer := copyBuffers.Get().(*[256 << 10]byte)
	defer copyBuffers.Put(buffer)
	return io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, buffer[:])
}

// checkLength refuses a body without a length, and one that is too long.
func (x *exchange) checkLength() error {
	switch {
	case x.r.ContentLength > oss.MaxPartSize:
		return entityTooLarge(x.r.ContentLength)
	case x.r.ContentLength == 0 && x.r.Header.Get("Content-Length") == "" && x.r.ProtoMajor == 1:
		return refuse(http.StatusLengthRequired, "MissingContentLength", "",
			"You must provide the Content-Length HTTP header.")
	}
	return nil
}

// checkDigests compares the checksums of a body with those in the headers of the request.
func (x *exchange) checkDigests(d *digest) error {
	if want := x.r.Header.Get("Content-MD5"); want != "" {
		// The C SDK appends four zero bytes to the MD5, and OSS accepts that.
		sum, err := base64.StdEncoding.DecodeString(want)
		if right := d.md5.Sum(nil); err != nil || !bytes.Equal(sum, right) &&
			!bytes.Equal(sum, append(right, 0, 0, 0, 0)) {
			return refuse(http.StatusBadRequest, oss.ErrInvalidDigest, "0017-00000503",
				"The Content-MD5 you specified was invalid.", "Content-MD5", want)
		}
	}
	if want := x.r.Header.Get("x-oss-hash-crc64ecma"); want != "" && want != strconv.FormatUint(d.crc, 10) {
		return refuse(http.StatusBadRequest, "InvalidCRC64", "",
			"The x-oss-hash-crc64ecma you specified does not match what we calculated.")
	}
	return nil
}

// link returns n bytes of c from offset without copying them: they are only read for their checksums. The caller holds
// references to c; the result has references of its own.
func (x *exchange) link(c store.Content, offset, n int64) (*store.Data, error) {
	c = c.Slice(offset, n).Retain()
	if x.flipBit {
		damaged, err := x.objects.Flip(c)
		c.Release()
		if err != nil {
			return nil, err
		}
		c = damaged
	}
	r, d := c.Reader(), newDigest()
	defer r.Close()
	if _, err := io.Copy(d, r); err != nil {
		c.Release()
		return nil, err
	}
	return d.data(c), nil
}
