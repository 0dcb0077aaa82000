package oss_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/internal/zerocopy"
	"github.com/ossmultipart/go-oss/oss"
)

// A fileBody exposes its bytes as a zerocopy.Source, and counts the bytes that are read instead.
type fileBody struct {
	*os.File
	base, size    int64
	read, exposed atomic.Int64
	err           error
}

func (b *fileBody) Size() int64 { return b.size }

func (b *fileBody) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.File.ReadAt(p, b.base+off)
	b.read.Add(int64(n))
	return n, err
}

func (b *fileBody) Region(off, n int64, files bool) (zerocopy.Region, error) {
	b.exposed.Add(n)
	return zerocopy.Region{File: b.File, Offset: b.base + off, Size: n}, b.err
}

// fileSource returns a body in the middle of a file, and its content.
func fileSource(t *testing.T, size int) (*fileBody, string) {
	t.Helper()
	const before = 4099
	text := content(before + size + 1000)
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	return &fileBody{File: f, base: before, size: int64(size)}, text[before : before+size]
}

// sockets returns a client with a transport of its own, and a server that answers with the sums of what it gets, on the
// loopback interface: the kernel sends files to nothing else.
func sockets(t *testing.T, cfg oss.Config, serve http.HandlerFunc) (*oss.Client, *atomic.Int64) {
	t.Helper()
	var requests atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if serve != nil {
			serve(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("ETag", etag(string(body)))
		w.Header().Set("X-Oss-Hash-Crc64ecma", crc(string(body)))
	}))
	t.Cleanup(srv.Close)
	cfg.Endpoint, cfg.Addressing, cfg.Credentials = srv.URL, oss.PathStyle, keys
	transport, err := oss.NewTransport(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	cfg.HTTPClient = &http.Client{Transport: transport}
	return newClient(t, cfg), &requests
}

func TestAFileWhoseSumsAreKnownIsSentByTheKernel(t *testing.T) {
	c, _ := sockets(t, oss.Config{}, nil)
	for _, size := range []int{1, 5000, 100_000, 5_000_000} {
		for range 3 { // the connection is used again
			body, text := fileSource(t, size)
			part, err := c.UploadPart(t.Context(), upload, 1, body, sumsOf(t, text))
			if err != nil || part.ETag != etag(text) {
				t.Errorf("%d bytes: %+v, %v", size, part, err)
			}
			if read, exposed := body.read.Load(), body.exposed.Load(); read > readForHeaders ||
				read+exposed != int64(size) {
				t.Errorf("of %d bytes %d were read and %d exposed", size, read, exposed)
			}
		}
	}
}

func TestAFileIsReadWhereOSSWouldTakeOtherBytes(t *testing.T) {
	c, _ := sockets(t, oss.Config{}, nil)
	for name, change := range map[string]func(*oss.PartOptions){
		"CRC-64 to be computed": func(o *oss.PartOptions) { o.CRC64 = nil },
		"no MD5":                func(o *oss.PartOptions) { o.Checksum, o.MD5 = oss.ChecksumCRC64, nil },
		"no sums":               func(o *oss.PartOptions) { *o = oss.PartOptions{Checksum: oss.ChecksumNone} },
	} {
		body, text := fileSource(t, 100_000)
		opts := sumsOf(t, text)
		change(opts)
		if _, err := c.UploadPart(t.Context(), upload, 1, body, opts); err != nil || body.read.Load() != body.size ||
			body.exposed.Load() != 0 {
			t.Errorf("%s: %v, %d bytes were read and %d exposed", name, err, body.read.Load(), body.exposed.Load())
		}
	}
}

func TestWhatTheKernelCannotSendIsRead(t *testing.T) {
	c, _ := sockets(t, oss.Config{}, nil)
	body, text := fileSource(t, 100_000)
	r, w, err := os.Pipe() // sendfile(2) takes no pipe
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	odd := &oddBody{fileBody: body, file: r}
	part, err := c.UploadPart(t.Context(), upload, 1, odd, sumsOf(t, text))
	if err != nil || part.ETag != etag(text) || !odd.asked {
		t.Errorf("UploadPart = %+v, %v; asked for a region: %v", part, err, odd.asked)
	}
}

// An oddBody exposes a file that sendfile cannot send.
type oddBody struct {
	*fileBody
	file  *os.File
	asked bool
}

func (b *oddBody) Region(_, n int64, _ bool) (zerocopy.Region, error) {
	b.asked = true
	return zerocopy.Region{File: b.file, Size: n}, nil
}

func TestALentFileThatFailsIsTheFaultOfTheSource(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, tt := range []struct {
		name  string
		spoil func(*fileBody)
		want  error
	}{
		{"too short", func(b *fileBody) { b.Truncate(b.base + 50_000) }, io.ErrUnexpectedEOF},
		{"refused", func(b *fileBody) { b.err = broken }, broken},
	} {
		c, requests := sockets(t, oss.Config{}, nil)
		body, text := fileSource(t, 100_000)
		tt.spoil(body)
		_, err := c.UploadPart(t.Context(), upload, 1, body, sumsOf(t, text))
		if !errors.Is(err, tt.want) || requests.Load() > 1 {
			t.Errorf("%s: %v after %d requests", tt.name, err, requests.Load())
		}
	}
}

func TestALentFileOnAStalledConnectionIsAbandoned(t *testing.T) {
	over := make(chan struct{})
	c, _ := sockets(t, oss.Config{Retry: oss.Retry{Attempts: 1, Stall: 50 * time.Millisecond}},
		func(_ http.ResponseWriter, r *http.Request) { <-over })
	defer close(over)
	body, text := fileSource(t, 30<<20) // more than the buffers of the kernel take
	_, err := c.UploadPart(t.Context(), upload, 1, body, sumsOf(t, text))
	if err == nil || !strings.Contains(err.Error(), "no byte has moved") {
		t.Errorf("UploadPart: %v", err)
	}
}

func TestALentFileIsSentAgainAfterAnEarlyRefusal(t *testing.T) {
	var first atomic.Bool
	body, text := fileSource(t, 5_000_000)
	c, requests := sockets(t, oss.Config{Retry: oss.Retry{MinWait: 1, MaxWait: 1}},
		func(w http.ResponseWriter, r *http.Request) {
			if first.CompareAndSwap(false, true) {
				io.CopyN(io.Discard, r.Body, 100_000)
				http.Error(w, "busy", http.StatusServiceUnavailable)
				return
			}
			var got bytes.Buffer
			io.Copy(&got, r.Body)
			if got.String() != text {
				fmt.Fprint(w, "other bytes")
				return
			}
			w.Header().Set("ETag", etag(text))
		})
	if _, err := c.UploadPart(t.Context(), upload, 1, body, sumsOf(t, text)); err != nil || requests.Load() != 2 {
		t.Errorf("UploadPart: %v after %d requests", err, requests.Load())
	}
}
