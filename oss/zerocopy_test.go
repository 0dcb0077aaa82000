package oss_test

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/internal/zerocopy"
	"github.com/ossmultipart/go-oss/oss"
)

// A memoryBody is a zerocopy.Source of memory, a page at a time. Release clears a page: a connection that reads it
// later sends other bytes, and the race detector sees it.
type memoryBody struct {
	text string

	mu            sync.Mutex
	read, exposed int // bytes
	outstanding   int // regions that are not released
}

const pageSize = 64 << 10 // bytes

func newMemoryBody(size int) (*memoryBody, string) {
	text := content(size)
	return &memoryBody{text: text}, text
}

func (b *memoryBody) Size() int64 { return int64(len(b.text)) }

func (b *memoryBody) ReadAt(p []byte, off int64) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, err := strings.NewReader(b.text).ReadAt(p, off)
	b.read += n
	return n, err
}

func (b *memoryBody) Region(off, n int64, _ bool) (zerocopy.Region, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n = min(n, pageSize-off%pageSize)
	b.exposed += int(n)
	b.outstanding++
	p := []byte(b.text[off : off+n])
	return zerocopy.Region{Bytes: p, Size: n, Buffer: page{b, p}}, nil
}

// A page is memory that a memoryBody has exposed.
type page struct {
	from *memoryBody
	page []byte
}

func (l page) Release() {
	l.from.mu.Lock()
	defer l.from.mu.Unlock()
	l.from.outstanding--
	clear(l.page)
}

// check fails unless all was given back.
func (b *memoryBody) check(t *testing.T) {
	t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.outstanding != 0 {
		t.Errorf("%d ranges of memory were not given back", b.outstanding)
	}
}

// sumsOf returns the options of a caller who knows the sums of text.
func sumsOf(t *testing.T, text string) *oss.PartOptions {
	t.Helper()
	known, err := strconv.ParseUint(crc(text), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	sum := md5.Sum([]byte(text))
	return &oss.PartOptions{MD5: sum[:], CRC64: &known}
}

// readForHeaders is as much of a body as net/http may put behind the headers in its own buffer.
const readForHeaders = 4 << 10

func TestLentMemoryIsWrittenInPlace(t *testing.T) {
	overOwnConns(t, func(t *testing.T, scheme string) {
		line, c := newOwnRawServer(t, scheme, oss.Config{}, nil, func(e *serverConn) { e.storeAll(t) })
		for _, size := range []int{1, 5000, pageSize, 100_000, 3_000_000} {
			body, text := newMemoryBody(size)
			part, err := c.UploadPart(t.Context(), upload, 1, body, sumsOf(t, text))
			if err != nil || part.ETag != etag(text) {
				t.Errorf("%d bytes: %+v, %v", size, part, err)
			}
			if body.read > readForHeaders || body.read+body.exposed != size {
				t.Errorf("of %d bytes %d were read and %d exposed", size, body.read, body.exposed)
			}
			body.check(t)
		}
		if line.dials() != 1 {
			t.Errorf("%d connections, want 1", line.dials())
		}
	})
}

func TestLentMemoryIsReturnedWhenTheConnectionIsCut(t *testing.T) {
	for _, n := range []int64{300, 5000, 100_000, 399_000} {
		overOwnConns(t, func(t *testing.T, scheme string) {
			_, c := newOwnRawServer(t, scheme, oss.Config{}, nil, func(e *serverConn) { e.cutFirst(n) })
			body, text := newMemoryBody(400_000)
			part, err := c.UploadPart(t.Context(), upload, 1, body, sumsOf(t, text))
			if err != nil || part.ETag != etag(text) {
				t.Errorf("cut after %d bytes: %+v, %v", n, part, err)
			}
			body.check(t)
		})
	}
}

// What the connection was given it may still write when the call is over.
func TestLentMemoryIsReturnedWhenAWriteIsStuck(t *testing.T) {
	overOwnConns(t, func(t *testing.T, scheme string) {
		_, c := newOwnRawServer(t, scheme, oss.Config{}, nil, func(e *serverConn) { e.receive(200_000) })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		body, text := newMemoryBody(1 << 20)
		_, err := c.UploadPart(ctx, upload, 1, body, sumsOf(t, text))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("UploadPart: %v", err)
		}
		body.check(t)
	})
}

// An early refusal leaves the connection in the middle of a write, and the memory is sent again.
func TestLentMemoryIsSentAgainAfterAnEarlyRefusal(t *testing.T) {
	overOwnConns(t, func(t *testing.T, scheme string) {
		_, c := newOwnRawServer(t, scheme, oss.Config{}, nil, func(e *serverConn) {
			if e.number == 1 {
				e.receive(100_000)
				e.say("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
				return
			}
			e.say(ok(e.request()))
		})
		body, text := newMemoryBody(1 << 20)
		part, err := c.UploadPart(t.Context(), upload, 1, body, sumsOf(t, text))
		if err != nil || part.ETag != etag(text) {
			t.Errorf("UploadPart = %+v, %v", part, err)
		}
		body.check(t)
	})
}

// A summedBody may know its CRC-64.
type summedBody struct {
	*memoryBody
	crc   uint64
	known bool
}

func (b summedBody) CRC64() (crc uint64, known bool) { return b.crc, b.known }

// Row 5 of "Must show": an object whose checksums are known is not read to be sent, as a part is not. Its CRC-64 is
// compared with that of OSS all the same.
func TestAnObjectOfKnownSumsIsWrittenFromWhereItLies(t *testing.T) {
	overOwnConns(t, func(t *testing.T, scheme string) {
		_, c := newOwnRawServer(t, scheme, oss.Config{}, nil, func(e *serverConn) { e.storeAll(t) })
		const size = 3 * pageSize
		memory, text := newMemoryBody(size)
		sums := sumsOf(t, text)
		opts := &oss.ObjectOptions{Header: http.Header{"Content-Md5": {base64.StdEncoding.EncodeToString(sums.MD5)}}}
		for _, tt := range []struct {
			name    string
			body    summedBody
			exposed bool
			damaged bool
		}{
			{"known", summedBody{memory, *sums.CRC64, true}, true, false},
			{"known, and wrong", summedBody{memory, *sums.CRC64 + 1, true}, true, true},
			{"unknown", summedBody{memory, 0, false}, false, false},
		} {
			memory.read, memory.exposed = 0, 0
			_, err := c.PutObject(t.Context(), upload.Bucket, upload.Key, tt.body, opts)
			var damage *oss.ChecksumError
			if errors.As(err, &damage) != tt.damaged || err != nil && !tt.damaged {
				t.Errorf("%s: error is %v, of the checksum: want %v", tt.name, err, tt.damaged)
			}
			if got := memory.exposed > 0; got != tt.exposed || (memory.read+memory.exposed)%size != 0 {
				t.Errorf("%s: %d bytes were read and %d exposed", tt.name, memory.read, memory.exposed)
			}
			memory.check(t)
		}
	})
}
