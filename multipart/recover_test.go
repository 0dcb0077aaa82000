package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A Writer whose process is killed in the middle of a long write leaves parts after its last Checkpoint. Recover keeps
// them, and the tail of the Checkpoint is not written twice.
func TestRecoverContinuesAfterThePartsOfAKilledWriter(t *testing.T) {
	for _, before := range []int{0, 10, 700} {
		for _, recovers := range []bool{false, true} {
			t.Run(fmt.Sprint(before, recovers), func(t *testing.T) {
				withSessions(t, func(t *testing.T, srv *osstest.Server) {
					want := data(110 << 10)
					u := anUploader(srv, multipart.Options{Store: multipart.DirStore(t.TempDir()), Recover: recovers})
					ctx, kill := context.WithCancel(t.Context())
					open := func(ctx context.Context) *multipart.Writer {
						w, err := u.NamedWriter(ctx, "n", bucket, key, nil)
						if err != nil {
							t.Fatal(err)
						}
						return w
					}
					suspended(t, open(ctx), want[:before])
					w := open(ctx)
					write(t, w, want[before:100<<10]) // more than the buffer of a Writer
					synctest.Wait()
					kill()
					w.Suspend(t.Context())
					stored := int64(0)
					for _, part := range srv.Uploads()[0].Parts {
						stored += part.Size
					}
					if stored < 60<<10 {
						t.Fatalf("only %d bytes are in parts", stored)
					}

					w = open(t.Context())
					wantAt, wantUnproved := int64(before), int64(0)
					if recovers {
						wantAt, wantUnproved = stored, stored
					}
					if w.Size() != wantAt {
						t.Fatalf("continues at byte %d, want %d", w.Size(), wantAt)
					}
					suspended(t, w, want[wantAt:wantAt+5]) // the parts are in the next Checkpoint
					w = open(t.Context())
					if w.Size() != wantAt+5 {
						t.Fatalf("continues at byte %d, want %d", w.Size(), wantAt+5)
					}
					write(t, w, want[wantAt+5:])
					err := w.Close()
					wantObject(t, srv, want, w.Result(), err)
					if n := w.Result().Unproved; n != wantUnproved {
						t.Errorf("%d bytes are unproved, want %d", n, wantUnproved)
					}
				})
			})
		}
	}
}

// Parts after a gap, and parts that OSS holds no longer, are not taken up.
func TestRecoverStopsAtAGap(t *testing.T) {
	withSessions(t, func(t *testing.T, srv *osstest.Server) {
		want := data(2000)
		u := anUploader(srv, multipart.Options{Recover: true})
		cp := suspended(t, u.NewWriter(t.Context(), bucket, key, nil), want[:550]) // two parts and 38 bytes
		put := func(number int, content []byte) {
			t.Helper()
			_, err := srv.Client().UploadPart(t.Context(), cp.Upload, number, bytes.NewReader(content), nil)
			if err != nil {
				t.Fatal(err)
			}
		}
		put(5, want[1024:1280])
		w, err := u.ContinueWriter(t.Context(), cp, nil)
		if err != nil || w.Size() != 550 {
			t.Fatalf("ContinueWriter: %v", err)
		}
		put(3, want[512:768])
		if w, err = u.ContinueWriter(t.Context(), cp, nil); err != nil || w.Size() != 768 {
			t.Fatalf("ContinueWriter: %v", err)
		}
		write(t, w, want[768:])
		err = w.Close()
		wantObject(t, srv, want, w.Result(), err)
		if _, err := u.ContinueWriter(t.Context(), cp, nil); err == nil {
			t.Error("a completed upload is continued")
		}
	})
}

// A later part is no proof that the parts of the Checkpoint are still those of the Writer.
func TestRecoverRefusesACheckpointWhosePartsWereReplaced(t *testing.T) {
	withSessions(t, func(t *testing.T, srv *osstest.Server) {
		u := anUploader(srv, multipart.Options{Recover: true})
		cp := suspended(t, u.NewWriter(t.Context(), bucket, key, nil), data(600))
		for number := range 3 {
			_, err := srv.Client().UploadPart(t.Context(), cp.Upload, number+1, bytes.NewReader(data(300)), nil)
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := u.ContinueWriter(t.Context(), cp, nil); !errors.Is(err, multipart.ErrStaleCheckpoint) {
			t.Errorf("ContinueWriter: %v", err)
		}
		if err := u.DiscardWriter(t.Context(), cp); err != nil {
			t.Error(err)
		}
	})
}
