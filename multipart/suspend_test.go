package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// An upload of unknown length, suspended after any byte, any number of times.
func aSuspendedWriterContinuesAtTheExactByte(t *testing.T) {
	for _, sidecar := range []bool{false, true} {
		for _, cuts := range [][]int{
			{0}, {1}, {63}, {64}, {65}, {256}, {300}, {320}, {512}, {1000}, {2500},
			{0, 0, 0}, {10, 20, 30, 40}, {63, 64, 128, 129}, {256, 512, 513, 1024, 1025}, {700, 700, 2500, 2500},
		} {
			t.Run(fmt.Sprint(sidecar, cuts), func(t *testing.T) {
				withSessions(t, func(t *testing.T, srv *osstest.Server) {
					want := data(2500)
					opts := multipart.Options{Sidecar: sidecar}
					w := anUploader(srv, opts).NewWriter(t.Context(), bucket, key, nil)
					at, legs := 0, 0
					for _, cut := range cuts {
						cp := suspended(t, w, want[at:cut])
						if at, legs = cut, legs+1; cp.Size != int64(cut) || len(cp.Tail) >= leastTestPart {
							t.Fatalf("suspended at byte %d: checkpoint %+v", cut, cp)
						}
						if _, exists := srv.Object(bucket, key); exists {
							t.Fatal("a suspended Writer has made an object")
						}
						var err error
						if sidecar && legs%2 == 1 {
							w, err = anUploader(srv, opts).OpenWriter(t.Context(), cp.Upload, nil)
						} else {
							w, err = anUploader(srv, opts).ContinueWriter(t.Context(), cp, nil)
						}
						if err != nil || w.Size() != int64(cut) {
							t.Fatalf("continuing at byte %d: %v", cut, err)
						}
					}
					write(t, w, want[at:])
					err := w.Close()
					wantObject(t, srv, want, w.Result(), err)
					if n := w.Result().Unproved; n != 0 {
						t.Errorf("%d bytes are unproved", n)
					}
				})
			})
		}
	}
}

// An empty stream that was suspended becomes an empty object, and its upload without parts is aborted.
func TestASuspendedWriterWithoutBytesMakesAnEmptyObject(t *testing.T) {
	withSessions(t, func(t *testing.T, srv *osstest.Server) {
		opts := multipart.Options{Sidecar: true}
		cp := suspended(t, anUploader(srv, opts).NewWriter(t.Context(), bucket, key, nil), nil)
		w, err := anUploader(srv, opts).OpenWriter(t.Context(), cp.Upload, nil)
		if err == nil {
			err = w.Close()
		}
		wantObject(t, srv, nil, w.Result(), err)
	})
}

func TestAWriterAcceptsNothingAfterSuspend(t *testing.T) {
	withSessions(t, func(t *testing.T, srv *osstest.Server) {
		u := anUploader(srv, multipart.Options{})
		w := u.NewWriter(t.Context(), bucket, key, nil)
		cp := suspended(t, w, data(300))
		if _, err := w.Write([]byte("x")); err == nil {
			t.Error("Write after Suspend is no error")
		}
		if _, err := w.Suspend(t.Context()); err == nil {
			t.Error("a second Suspend is no error")
		}
		if err := w.Truncate(0); err == nil {
			t.Error("Truncate after Suspend is no error")
		}
		if err := w.Close(); err == nil || w.Result() != nil {
			t.Errorf("Close after Suspend: %v, %+v", err, w.Result())
		}
		if err := w.Abort(); err != nil || len(srv.Uploads()) != 1 {
			t.Errorf("Abort after Suspend: %v, and OSS holds %d uploads", err, len(srv.Uploads()))
		}
		if err := u.DiscardWriter(t.Context(), cp); err != nil {
			t.Errorf("DiscardWriter: %v", err)
		}
		if err := u.DiscardWriter(t.Context(), cp); err != nil {
			t.Errorf("a second DiscardWriter: %v", err)
		}
	})
}

// A client that goes away in mid request is the usual end of a PATCH: what it sent is kept.
func suspendKeepsWhatAFailedReaderGave(t *testing.T) {
	broken := errors.New("the client went away")
	for _, n := range []int{0, 10, 300, 700} {
		withSessions(t, func(t *testing.T, srv *osstest.Server) {
			want := data(1000)
			u := anUploader(srv, multipart.Options{})
			w := u.NewWriter(t.Context(), bucket, key, nil)
			got, err := io.Copy(w, io.MultiReader(bytes.NewReader(want[:n]), iotest.ErrReader(broken)))
			if got != int64(n) || !errors.Is(err, broken) {
				t.Fatalf("Copy = %d, %v", got, err)
			}
			if _, err := w.Write([]byte("x")); !errors.Is(err, broken) {
				t.Errorf("Write after a failed copy: %v", err)
			}
			cp, err := w.Suspend(t.Context())
			if err != nil || cp.Size != int64(n) {
				t.Fatalf("Suspend after %d bytes: %+v, %v", n, cp, err)
			}
			if w, err = u.ContinueWriter(t.Context(), cp, nil); err != nil {
				t.Fatal(err)
			}
			write(t, w, want[n:])
			err = w.Close()
			wantObject(t, srv, want, w.Result(), err)
		})
	}
}

func TestAnUploadIsOpenedByItsIDAlone(t *testing.T) {
	withSessions(t, func(t *testing.T, srv *osstest.Server) {
		want := data(1500)
		cp := suspended(t, anUploader(srv, multipart.Options{Sidecar: true}).NewWriter(t.Context(), bucket, key, nil),
			want[:700])
		if _, ok := srv.Object(bucket, multipart.SidecarKey(cp.Upload)); !ok {
			t.Fatal("there is no sidecar")
		}
		// The Uploader that goes on need not be told of sidecars.
		w, err := anUploader(srv, multipart.Options{}).OpenWriter(t.Context(), cp.Upload, nil)
		if err != nil || w.Size() != 700 {
			t.Fatalf("OpenWriter: %v", err)
		}
		write(t, w, want[700:])
		err = w.Close()
		wantObject(t, srv, want, w.Result(), err)
	})
}

// Without a Checkpoint the parts themselves are continued, up to the first gap, and the Result says so.
func anUploadWithoutACheckpointContinuesAfterItsParts(t *testing.T) {
	withSessions(t, func(t *testing.T, srv *osstest.Server) {
		want := data(1500)
		cp := suspended(t, anUploader(srv, multipart.Options{}).NewWriter(t.Context(), bucket, key, nil), want[:800])
		w, err := anUploader(srv, multipart.Options{}).OpenWriter(t.Context(), cp.Upload, nil)
		if err != nil {
			t.Fatal(err)
		}
		if w.Size() != 768 { // three parts; the tail of 32 bytes is lost with the checkpoint
			t.Fatalf("continues at byte %d", w.Size())
		}
		cp = suspended(t, w, want[768:900]) // the doubt outlives a suspension
		if w, err = anUploader(srv, multipart.Options{}).OpenWriter(t.Context(), cp.Upload, nil); err != nil {
			t.Fatal(err)
		}
		write(t, w, want[900:])
		err = w.Close()
		wantObject(t, srv, want, w.Result(), err)
		if n := w.Result().Unproved; n != 768 {
			t.Errorf("%d bytes are unproved, want 768", n)
		}
	})
}

// The state that a kill leaves: parts beyond the last Checkpoint, of other bytes and other sizes. They must neither be
// in the object nor be taken up by a Writer without a Checkpoint.
func partsBeyondACheckpointAreReplaced(t *testing.T) {
	withSessions(t, func(t *testing.T, srv *osstest.Server) {
		want, other := data(2000), bytes.Repeat([]byte("other"), 400)
		u := anUploader(srv, multipart.Options{})
		old := suspended(t, u.NewWriter(t.Context(), bucket, key, nil), want[:300])
		w, err := u.ContinueWriter(t.Context(), old, nil)
		if err != nil {
			t.Fatal(err)
		}
		lost := suspended(t, w, other) // whose checkpoint never reached anyone
		if lost.Parts < 8 {
			t.Fatalf("%d parts", lost.Parts)
		}

		if w, err = u.ContinueWriter(t.Context(), old, nil); err != nil {
			t.Fatal(err)
		}
		old = suspended(t, w, want[300:700])
		if w, err = u.OpenWriter(t.Context(), old.Upload, nil); err != nil { // this checkpoint is lost as well
			t.Fatal(err)
		}
		at := w.Size()
		if at > 700 || at < 700-256 {
			t.Fatalf("continues at byte %d", at)
		}
		if _, err := u.ContinueWriter(t.Context(), lost, nil); !errors.Is(err, multipart.ErrStaleCheckpoint) {
			t.Errorf("continuing a checkpoint whose parts were replaced: %v", err)
		}
		write(t, w, want[at:])
		err = w.Close()
		wantObject(t, srv, want, w.Result(), err)
	})
}

func abortDiscardsWhatEarlierWritersWrote(t *testing.T) {
	for _, more := range []int{0, 10, 900} {
		withSessions(t, func(t *testing.T, srv *osstest.Server) {
			u := anUploader(srv, multipart.Options{Sidecar: true})
			cp := suspended(t, u.NewWriter(t.Context(), bucket, key, nil), data(300))
			w, err := u.OpenWriter(t.Context(), cp.Upload, nil)
			if err != nil {
				t.Fatal(err)
			}
			write(t, w, data(more))
			if err := w.Abort(); err != nil {
				t.Errorf("Abort after %d bytes: %v", more, err)
			}
			if _, ok := srv.Object(bucket, key); ok {
				t.Error("Abort has made an object")
			}
		})
	}
}

// A failure of a Writer that goes on leaves the Checkpoint before it valid; that of a new Writer leaves nothing.
func aSuspendThatFailsLeavesTheLastCheckpoint(t *testing.T) {
	for _, op := range []string{"UploadPart", "ListParts", "PutObject", "GetObject"} {
		t.Run(op, func(t *testing.T) {
			withSessions(t, func(t *testing.T, srv *osstest.Server) {
				want := data(1500)
				u := anUploader(srv, multipart.Options{Sidecar: true})
				deny := osstest.Fault{Op: op, Effect: osstest.Fail(403, oss.ErrAccessDenied)}

				denied := srv.Inject(deny)
				w := u.NewWriter(t.Context(), bucket, key, nil)
				w.Write(want[:700])
				if _, err := w.Suspend(t.Context()); !errors.Is(err, oss.ErrAccessDenied) {
					t.Fatalf("Suspend of a new Writer: %v", err)
				}
				denied.Remove()
				if op == "ListParts" { // without which no abort is certain
					for _, up := range srv.Uploads() {
						srv.Client().AbortMultipartUpload(t.Context(), up.Upload)
					}
				}
				wantClean(t, srv)

				cp := suspended(t, u.NewWriter(t.Context(), bucket, key, nil), want[:700])
				w, err := u.ContinueWriter(t.Context(), cp, nil)
				if err != nil {
					t.Fatal(err)
				}
				denied = srv.Inject(deny)
				w.Write(want[700:1300])
				if _, err := w.Suspend(t.Context()); !errors.Is(err, oss.ErrAccessDenied) {
					t.Fatalf("Suspend of a Writer that goes on: %v", err)
				}
				w.Abort() // deferred in every program
				denied.Remove()
				if w, err = u.OpenWriter(t.Context(), cp.Upload, nil); err != nil || w.Size() != 700 {
					t.Fatalf("OpenWriter: %v", err)
				}
				write(t, w, want[700:])
				err = w.Close()
				wantObject(t, srv, want, w.Result(), err)
			})
		})
	}
}

func suspendEndsWithItsContext(t *testing.T) {
	withSessions(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Hang()})
		w := anUploader(srv, multipart.Options{}).NewWriter(t.Context(), bucket, key, nil)
		write(t, w, data(600))
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("enough"))
		defer cancel()
		began := time.Now()
		_, err := w.Suspend(ctx)
		if took := time.Since(began); err == nil || took > 2*time.Second {
			t.Errorf("Suspend: %v after %v", err, took)
		}
	})
}

// Among the first 3,000 parts each suspension may make one of the smallest size. The next thousand have twice as much.
func frequentSuspensionsDoNotUseUpTheParts(t *testing.T) {
	if testing.Short() {
		t.Skip("sends 3,000 parts")
	}
	withSessions(t, func(t *testing.T, srv *osstest.Server) {
		const long = 3000 * leastTestPart
		want := data(long + 500)
		u := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: leastTestPart})
		cp := suspended(t, u.NewWriter(t.Context(), bucket, key, nil), want[:long])
		if cp.Parts != 3000 || len(cp.Tail) != 0 {
			t.Fatalf("%d parts and a tail of %d bytes", cp.Parts, len(cp.Tail))
		}
		for at, tail := long, []int{100, 72, 44, 16, 116}; len(tail) > 0; tail = tail[1:] {
			w, err := u.ContinueWriter(t.Context(), cp, nil)
			if err != nil {
				t.Fatal(err)
			}
			cp = suspended(t, w, want[at:at+100])
			if at += 100; len(cp.Tail) != tail[0] {
				t.Errorf("byte %d: a tail of %d bytes, want %d", at, len(cp.Tail), tail[0])
			}
		}
		w, err := u.ContinueWriter(t.Context(), cp, nil)
		if err == nil {
			err = w.Close()
		}
		wantObject(t, srv, want, w.Result(), err)
	})
}

func sweepEndsASuspendedUploadAndItsSidecar(t *testing.T) {
	withSessions(t, func(t *testing.T, srv *osstest.Server) {
		u := anUploader(srv, multipart.Options{Sidecar: true})
		suspended(t, u.NewWriter(t.Context(), bucket, key, nil), data(700))
		time.Sleep(8 * 24 * time.Hour) // in the bubble
		n := 0
		for s, err := range u.Sweep(t.Context(), bucket, nil) {
			if n++; err != nil || s.Parts != 3 {
				t.Errorf("Sweep yields %+v, %v", s, err)
			}
		}
		if n != 1 {
			t.Errorf("Sweep yields %d uploads", n)
		}
	})
}
