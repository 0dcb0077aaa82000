package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"testing"
	"testing/iotest"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestAWriterStoresWhatWasWrittenWhenItIsClosed(t *testing.T) {
	for _, size := range []int{0, 1, 99, 100, 101, 1000} {
		for _, step := range []int{1, 33, 1000} {
			t.Run(fmt.Sprintf("%d/%d", size, step), func(t *testing.T) {
				inBubble(t, func(t *testing.T, srv *osstest.Server) {
					want := data(size)
					w := multipart.NewUploader(srv.Client(), settings(100)).NewWriter(t.Context(), bucket, key, nil)
					defer w.Abort()
					for rest := want; len(rest) > 0; {
						n := min(step, len(rest))
						if m, err := w.Write(rest[:n]); m != n || err != nil {
							t.Fatalf("Write = %d, %v", m, err)
						}
						rest = rest[n:]
					}
					if _, exists := srv.Object(bucket, key); exists || w.Result() != nil {
						t.Error("there is a result before Close")
					}
					err := w.Close()
					wantObject(t, srv, want, w.Result(), err)
					if err := w.Abort(); err != nil {
						t.Errorf("Abort after Close: %v", err)
					}
					if _, ok := srv.Object(bucket, key); !ok {
						t.Error("Abort after Close removed the object")
					}
					if err := w.Close(); err == nil {
						t.Error("a second Close is no error")
					}
					if _, err := w.Write([]byte("x")); err == nil {
						t.Error("Write after Close is no error")
					}
				})
			})
		}
	}
}

func TestAWriterReadsAReaderToItsEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		w := multipart.NewUploader(srv.Client(), settings(100)).NewWriter(t.Context(), bucket, key, nil)
		defer w.Abort()
		if n, err := io.Copy(w, iotest.OneByteReader(bytes.NewReader(data(950)))); n != 950 || err != nil {
			t.Fatalf("Copy = %d, %v", n, err)
		}
		err := w.Close()
		wantObject(t, srv, data(950), w.Result(), err)
	})
}

func TestAReaderThatFailsPoisonsTheWriter(t *testing.T) {
	broken := errors.New("the tape tore")
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		w := multipart.NewUploader(srv.Client(), settings(100)).NewWriter(t.Context(), bucket, key, nil)
		_, err := io.Copy(w, io.MultiReader(bytes.NewReader(data(950)), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) {
			t.Errorf("Copy: %v", err)
		}
		if err := w.Close(); !errors.Is(err, broken) { // the common mistake
			t.Errorf("Close after a failed copy: %v", err)
		}
		if _, ok := srv.Object(bucket, key); ok || w.Result() != nil {
			t.Error("half an object was committed")
		}
	})
}

func TestAbortDiscardsWhatWasWritten(t *testing.T) {
	for _, size := range []int{0, 50, 950} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			w := multipart.NewUploader(srv.Client(), settings(100)).NewWriter(t.Context(), bucket, key, nil)
			w.Write(data(size))
			if err := w.Abort(); err != nil {
				t.Errorf("Abort: %v", err)
			}
			if _, ok := srv.Object(bucket, key); ok {
				t.Errorf("%d bytes were committed by Abort", size)
			}
			if err := w.Close(); err == nil {
				t.Error("Close after Abort is no error")
			}
		})
	}
}

func TestAFailedPartSurfacesInWriteOrClose(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2, Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		w := multipart.NewUploader(srv.Client(), settings(100)).NewWriter(t.Context(), bucket, key, nil)
		var err error
		for range 10000 {
			if _, err = w.Write(data(1000)); err != nil {
				break
			}
		}
		ue := wantNothing(t, srv, err, oss.ErrAccessDenied)
		if err := w.Close(); !errors.Is(err, oss.ErrAccessDenied) || !ue.Aborted {
			t.Errorf("Close: %v", err)
		}
	})
}

func TestAWriterEndsWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w := multipart.NewUploader(srv.Client(), settings(100)).NewWriter(ctx, bucket, key, nil)
		w.Write(data(950))
		time.Sleep(2 * time.Second) // in the bubble
		if err := w.Close(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v", err)
		}
	})
}

func TestAPanicOfTheProgressFunctionReachesWhoClosesTheWriter(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		defer func() {
			if v := recover(); v != "enough" {
				t.Errorf("recovered %v", v)
			}
		}()
		up := multipart.NewUploader(srv.Client(),
			&multipart.Options{PartSize: 100, Progress: func(multipart.Progress) { panic("enough") }})
		w := up.NewWriter(t.Context(), bucket, key, nil)
		w.Write(data(950))
		t.Errorf("Close: %v", w.Close())
	})
}

func TestAWriterTakesTheOptionsAsTheyWereGiven(t *testing.T) {
	for _, size := range []int{50, 950} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			opts := &oss.ObjectOptions{ContentType: "text/a", Metadata: map[string]string{"n": "1"},
				Header: http.Header{"X-Oss-Meta-M": {"1"}}}
			w := multipart.NewUploader(srv.Client(), settings(100)).NewWriter(t.Context(), bucket, key, opts)
			// for the next object
			opts.ContentType, opts.Metadata["n"], opts.Header["X-Oss-Meta-M"][0] = "text/b", "2", "2"
			w.Write(data(size))
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			obj, _ := srv.Object(bucket, key)
			if h := obj.Header; h.Get("Content-Type") != "text/a" || h.Get("X-Oss-Meta-N") != "1" ||
				h.Get("X-Oss-Meta-M") != "1" {
				t.Errorf("the object has the headers %v", h)
			}
		})
	}
}

func TestWritersWrittenToInTurnWithRoomForAPartOfEach(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		const writers, part = 12, 1000
		up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: part, MemoryLimit: writers * part})
		var all []*multipart.Writer
		for i := range writers {
			w := up.NewWriter(t.Context(), bucket, fmt.Sprint(key, i), nil)
			defer w.Abort()
			all = append(all, w)
		}
		src := data(3 * writerBuffer) // more than waits before the upload sees it
		for off := 0; off < len(src); off += writerBuffer / 4 {
			for _, w := range all {
				if _, err := w.Write(src[off:][:writerBuffer/4]); err != nil {
					t.Fatal(err)
				}
			}
		}
		for i, w := range all {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
			if obj, _ := srv.Object(bucket, fmt.Sprint(key, i)); !bytes.Equal(obj.Data, src) {
				t.Errorf("object %d has %d bytes that differ", i, len(obj.Data))
			}
		}
	})
}

func aSmallWriterDoesNotAllocateAPart(t *testing.T) {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 64 << 20})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	w := up.NewWriter(t.Context(), bucket, key, nil)
	w.Write(data(4 << 10))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 2<<20 {
		t.Errorf("writing 4 KiB allocated %d bytes", n)
	}
}

// Before, a Writer had a goroutine and 64 KiB, and its first Write took 8 MiB of the MemoryLimit.
func TestAWriterCostsNothingBeforeTheFirstWrite(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		const writers = 1000
		up := multipart.NewUploader(srv.Client(), nil)
		all := make([]*multipart.Writer, writers)
		goroutines := runtime.NumGoroutine()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range all {
			all[i] = up.NewWriter(t.Context(), bucket, key, nil)
		}
		runtime.ReadMemStats(&after)
		if n := (after.TotalAlloc - before.TotalAlloc) / writers; n > 2<<10 && !raceEnabled {
			t.Errorf("a Writer takes %d bytes", n)
		}
		if n := runtime.NumGoroutine() - goroutines; n > 0 {
			t.Errorf("%d Writers have %d goroutines", writers, n)
		}
		for _, w := range all {
			if err := w.Abort(); err != nil || w.Result() != nil {
				t.Errorf("Abort: %v", err)
			}
			if _, err := w.Write([]byte("x")); err == nil {
				t.Error("Write after Abort is no error")
			}
			if err := w.Close(); err == nil {
				t.Error("Close after Abort is no error")
			}
		}
		if n := len(srv.Requests()); n != 0 {
			t.Errorf("%d requests were sent", n)
		}
	})
}
