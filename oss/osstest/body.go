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

// An requestBody is the body of a request. Its Reader begins as what the network brings, and a Fault
// may put filters in front.
type requestBody struct {
	io.Reader
	wire *countingReader
}

// A filter changes a body on its way.
type filter func(*exchange, io.Reader) io.Reader

func newRequestBody(body io.Reader) *requestBody {
	if body == nil { // never so from a server, but a handler may be called by a test
		body = http.NoBody
	}
	wire := &countingReader{Reader: body}
	return &requestBody{Reader: wire, wire: wire}
}

// complete reports whether all of a body of length bytes, -1 if that was not said, has come.
func (b *requestBody) complete(length int64) bool { return b.wire.err == io.EOF || b.wire.n == length }

// arrived returns the bytes that came from the network, whatever filters made of them.
func (b *requestBody) arrived() int64 { return b.wire.n }

type countingReader struct {
	io.Reader
	n   int64
	err error // the first; after a body that breaks off, net/http says io.EOF
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	c.err = cmp.Or(c.err, err)
	return n, err
}

// A digest sums up bytes as they pass.
type digest struct {
	md5     hash.Hash
	running hash.Hash // a second MD5, over more than this body; nil if nobody needs it
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

// receive stores the body of the request. Nothing is kept unless all of it arrived and every
// digest that was sent with it is right.
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

// copyBody moves the body to a sink and checks it.
func (x *exchange) copyBody(to io.Writer, d *digest) error {
	_, err := copyBuffered(io.MultiWriter(to, d), io.LimitReader(x.body, oss.MaxPartSize+1))
	var broken *store.WriteError
	var refused *refusal // by a Fault, half-way
	switch {
	case errors.As(err, &broken), errors.As(err, &refused), errors.Is(err, errCut):
		return err
	case x.closing.Err() != nil:
		return errCut
	case err != nil: // nobody may be left to read this, but a client can also close only its half
		return refuse(http.StatusBadRequest, "IncompleteBody", "", "The body of your request is not complete.")
	case d.size > oss.MaxPartSize:
		return entityTooLarge(d.size)
	}
	return x.checkDigests(d)
}

// copyBuffers are buffers through which bodies move. They are larger than those of io.Copy, which would spend
// a fifth more of the processor on system calls when a body goes to a file.
var copyBuffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// copyBuffered is io.Copy through one of the pieces.
func copyBuffered(to io.Writer, from io.Reader) (int64, error) {
	piece := copyBuffers.Get().(*[256 << 10]byte)
	defer copyBuffers.Put(piece)
	return io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, piece[:])
}

// checkLength refuses a body of unknown or impossible length.
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

// checkDigests holds what arrived against what the client says of it.
func (x *exchange) checkDigests(d *digest) error {
	if want := x.r.Header.Get("Content-MD5"); want != "" {
		// The C SDK sends the sum with four zero bytes behind it, and the service takes that.
		sum, err := base64.StdEncoding.DecodeString(want)
		if right := d.md5.Sum(nil); err != nil || !bytes.Equal(sum, right) && !bytes.Equal(sum, append(right, 0, 0, 0, 0)) {
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

// link makes a stored of n bytes of c from offset, without copying them: they are only read, for
// their sums. The caller must hold references to c; the result has its own.
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
