package multipart_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A wholeReader is a reader with a Size and, as in package io, an offset.
type wholeReader struct{ r *bytes.Reader }

func (w wholeReader) Read(p []byte) (int, error)            { return w.r.Read(p) }
func (w wholeReader) Size() int64                           { return w.r.Size() }
func (w wholeReader) Seek(off int64, at int) (int64, error) { return w.r.Seek(off, at) }

// A lengthReader has a Len that may be wrong.
type lengthReader struct {
	io.Reader
	n int
}

func (l lengthReader) Len() int { return l.n }

// The length of a stream is Progress.Total from the first call on.
func TestTheLengthOfAStreamIsTheTotalOfItsProgress(t *testing.T) {
	after := func(n int64, r io.ReadSeeker) io.Reader {
		r.Seek(n, io.SeekStart)
		return r
	}
	for _, size := range []int{50, 950} {
		for _, tt := range []struct {
			name string
			src  func(b []byte) io.Reader
			want bool
		}{
			{"told", func(b []byte) io.Reader {
				return multipart.Sized(plainReader{bytes.NewReader(b)}, int64(len(b)))
			}, true},
			{"told to be unknown", func(b []byte) io.Reader {
				return multipart.Sized(plainReader{bytes.NewReader(b)}, -1)
			}, false},
			{"of something in memory", func(b []byte) io.Reader {
				return multipart.Sized(bytes.NewReader(b), int64(len(b)))
			}, true},
			{"bytes.Buffer", func(b []byte) io.Reader { return bytes.NewBuffer(b) }, true},
			{"Len", func(b []byte) io.Reader { return lengthReader{plainReader{bytes.NewReader(b)}, len(b)} }, true},
			{"Size", func(b []byte) io.Reader {
				return after(10, wholeReader{bytes.NewReader(append(make([]byte, 10), b...))}) // what is left
			}, true},
			{"limited", func(b []byte) io.Reader {
				return io.LimitReader(bytes.NewBuffer(append(b[:len(b):len(b)], "more"...)), int64(len(b)))
			}, true},
			{"limited for precaution", func(b []byte) io.Reader { return io.LimitReader(bytes.NewBuffer(b), 1<<40) },
				true},
			{"limited, of unknown length", func(b []byte) io.Reader {
				return io.LimitReader(plainReader{bytes.NewReader(b)}, 1<<40)
			}, false},
			{"nothing yet", func(b []byte) io.Reader { return lengthReader{plainReader{bytes.NewReader(b)}, 0} },
				false},
			{"plain", func(b []byte) io.Reader { return plainReader{bytes.NewReader(b)} }, false},
		} {
			t.Run(fmt.Sprint(tt.name, "/", size), func(t *testing.T) {
				inBubble(t, func(t *testing.T, srv *osstest.Server) {
					var totals []int64
					up := multipart.NewUploader(srv.Client(),
						&multipart.Options{PartSize: 100, Progress: func(p multipart.Progress) {
							if p.Done < p.Total || p.Total < 0 {
								totals = append(totals, p.Total)
							}
						}})
					srv.Inject(osstest.Fault{Effect: osstest.Delay(1e9)})
					want := data(size)
					res, err := up.Upload(t.Context(), bucket, key, tt.src(want), nil)
					wantObject(t, srv, want, res, err)
					total := int64(-1)
					if tt.want {
						total = int64(size)
					}
					for _, got := range totals {
						if got != total {
							t.Errorf("Total is %d, want %d", got, total)
						}
					}
					if len(totals) == 0 {
						t.Error("there was no report before the last")
					}
				})
			})
		}
	}
}

func aReaderOfAnotherLengthThanToldMakesNoObject(t *testing.T) {
	for _, told := range []int64{0, 49, 51, 99, 101, 949, 951, 2000} {
		for name, source := range map[string]func() io.Reader{
			"stream": func() io.Reader { return plainReader{bytes.NewReader(data(950))} },
			"short":  func() io.Reader { return plainReader{bytes.NewReader(data(50))} },
			"file":   func() io.Reader { return tempFile(t, data(950)) },
		} {
			t.Run(fmt.Sprint(name, "/", told), func(t *testing.T) {
				inBubble(t, func(t *testing.T, srv *osstest.Server) {
					up := multipart.NewUploader(srv.Client(), settings(100))
					_, err := up.Upload(t.Context(), bucket, key, multipart.Sized(source(), told), nil)
					if !errors.Is(err, multipart.ErrSourceChanged) || !strings.Contains(err.Error(), fmt.Sprint(told)) {
						t.Errorf("error is %v", err)
					}
					if _, ok := srv.Object(bucket, key); ok {
						t.Error("there is an object")
					}
				})
			})
		}
	}
}

// A Len method may mean anything, so that a wrong one does no harm.
func TestALenThatIsWrongDoesNoHarm(t *testing.T) {
	for _, n := range []int{-5, 0, 1, 99, 100, 949, 951, 5000, math.MaxInt} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			var last multipart.Progress
			opts := settings(100)
			opts.Progress = func(p multipart.Progress) { last = p }
			up := multipart.NewUploader(srv.Client(), opts)
			res, err := up.Upload(t.Context(), bucket, key, lengthReader{plainReader{bytes.NewReader(data(950))}, n},
				nil)
			wantObject(t, srv, data(950), res, err)
			if last.Total != 950 || last.Done != 950 {
				t.Errorf("with a Len of %d the last progress is %+v", n, last)
			}
		})
	}
}

// Parts of a known length are even, and as small as 10,000 of them allow.
func TestAStreamOfKnownLengthHasEvenParts(t *testing.T) {
	const size = 25_000 // parts of three and of two bytes, so that there are at most 10,000
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		up := multipart.NewUploader(srv.Client(),
			&multipart.Options{PartSize: 1, Concurrency: 8, Checksum: oss.ChecksumCRC64})
		sizes := multipart.PartSizes(t.Context(), up, bytes.NewReader(data(size)), size)
		var sum int64
		for i, n := range sizes {
			if sum += n; n > 3 || n < 2 && i < len(sizes)-1 {
				t.Fatalf("part %d of %d has %d bytes", i+1, len(sizes), n)
			}
		}
		if sum != size || len(sizes) > oss.MaxPartNumber {
			t.Fatalf("%d parts have %d bytes", len(sizes), sum)
		}
		if testing.Short() {
			return
		}
		src := multipart.Sized(plainReader{bytes.NewReader(data(size))}, size)
		res, err := up.Upload(t.Context(), bucket, key, src, nil)
		wantObject(t, srv, data(size), res, err)
		obj, _ := srv.Object(bucket, key)
		var sent []int64
		for _, part := range obj.Parts {
			sent = append(sent, part.Size)
		}
		if !slices.Equal(sent, sizes) {
			t.Errorf("the object has %d parts of other sizes", len(sent))
		}
	})
}

func TestAStreamThatIsToldToBeTooLongIsRefusedBeforeItIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(nil)
		defer srv.Close()
		up := multipart.NewUploader(srv.Client(), &multipart.Options{MemoryLimit: 8 << 20})
		src := readerFunc(func([]byte) (int, error) { return 0, os.ErrInvalid })
		_, err := up.Upload(t.Context(), bucket, key, multipart.Sized(src, 100<<30), nil)
		const want = "multipart: a stream of 107374182400 bytes needs parts of 10737419, but " +
			"MemoryLimit and OSS allow 8388608"
		if err == nil || err.Error() != want {
			t.Errorf("error is %v, want %s", err, want)
		}
		if n := len(srv.Requests()); n != 0 {
			t.Errorf("%d requests were sent", n)
		}
	})
}
