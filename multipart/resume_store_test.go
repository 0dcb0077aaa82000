package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A session is a program that uploads one file again and again with a Store.
type session struct {
	srv  *osstest.Server
	dir  string
	path string
}

func newSession(t *testing.T, srv *osstest.Server, content []byte) *session {
	t.Helper()
	s := &session{srv: srv, dir: t.TempDir(), path: filepath.Join(t.TempDir(), "source")}
	s.write(t, content)
	return s
}

func (s *session) write(t *testing.T, content []byte) {
	t.Helper()
	if err := os.WriteFile(s.path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *session) upload(ctx context.Context, partSize int64) (*multipart.Result, error) {
	up := multipart.NewUploader(s.srv.Client(),
		&multipart.Options{PartSize: partSize, Concurrency: 1, Store: multipart.DirStore(s.dir)})
	return up.UploadFile(ctx, bucket, key, s.path, nil)
}

// interrupted lets an upload in parts of 100 fail at part 4, which leaves three parts and a record.
func (s *session) interrupted(t *testing.T) {
	t.Helper()
	fault := s.srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 4,
		Effect: osstest.Fail(403, oss.ErrAccessDenied)})
	defer fault.Remove()
	_, err := s.upload(t.Context(), 100)
	ue := wantNothing(t, s.srv, err, oss.ErrAccessDenied)
	if ue.Aborted || len(s.srv.Uploads()) != 1 || len(s.srv.Uploads()[0].Parts) != 3 || s.records(t) != 1 {
		t.Fatalf("after %v OSS holds %+v, and there are %d records", err, s.srv.Uploads(), s.records(t))
	}
}

func (s *session) records(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// wantResumed runs the upload to its end and checks what was sent.
func (s *session) wantResumed(t *testing.T, content []byte, partSize int64, want []int) {
	t.Helper()
	before := len(s.srv.Requests("UploadPart"))
	res, err := s.upload(t.Context(), partSize)
	wantObject(t, s.srv, content, res, err)
	if got := sentParts(s.srv, before); !slices.Equal(got, want) {
		t.Errorf("sent parts %v, want %v", got, want)
	}
	if n := s.records(t); n != 0 {
		t.Errorf("%d records are left", n)
	}
}

func TestAStoreMakesUploadFileGoOn(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		s := newSession(t, srv, data(950))
		s.interrupted(t)
		s.wantResumed(t, data(950), 100, []int{4, 5, 6, 7, 8, 9, 10})
	})
}

func theRecordIsSavedBeforePartOne(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		s := newSession(t, srv, data(950))
		c := client(t, srv, func(cfg *oss.Config) {
			cfg.Hooks.OnStart = onFirst("UploadPart", func() {
				if s.records(t) != 1 {
					t.Error("a part is sent, and there is no record")
				}
			})
		})
		up := multipart.NewUploader(c, &multipart.Options{PartSize: 100, Store: multipart.DirStore(s.dir)})
		if _, err := up.UploadFile(t.Context(), bucket, key, s.path, nil); err != nil {
			t.Error(err)
		}
	})
}

func aStoreThatCannotSaveIsAnErrorThatLeavesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		s := newSession(t, srv, data(950))
		s.dir = filepath.Join(s.path, "dir") // below a file
		_, err := s.upload(t.Context(), 100)
		var ue *multipart.UploadError
		if !errors.As(err, &ue) || !strings.Contains(err.Error(), "record") || len(srv.Requests("UploadPart")) != 0 {
			t.Errorf("error is %v after %d parts", err, len(srv.Requests("UploadPart")))
		}
	})
}

func aSourceRewrittenWithTheSameSizeAndTimeIsNeverMixed(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		s := newSession(t, srv, data(950))
		s.interrupted(t)
		info, err := os.Stat(s.path)
		if err != nil {
			t.Fatal(err)
		}
		content := data(950)
		content[150] ^= 1 // in part 2
		s.write(t, content)
		if err := os.Chtimes(s.path, info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
		s.wantResumed(t, content, 100, []int{2, 4, 5, 6, 7, 8, 9, 10})
	})
}

func anUploadThatNoLongerFitsIsAbortedAndBegunAnew(t *testing.T) {
	for name, change := range map[string]struct {
		size     int
		partSize int64
	}{"file grew": {1050, 100}, "part size": {950, 200}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				s := newSession(t, srv, data(950))
				s.interrupted(t)
				s.write(t, data(change.size))
				var all []int
				for n := 1; n <= (change.size+int(change.partSize)-1)/int(change.partSize); n++ {
					all = append(all, n)
				}
				s.wantResumed(t, data(change.size), change.partSize, all)
			})
		})
	}
}

func aRecordOfAnotherKeyIsLeftAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		s := newSession(t, srv, data(950))
		other, err := multipart.NewUploader(srv.Client(), settings(100)).Begin(t.Context(), bucket, "other", 950, nil)
		if err != nil {
			t.Fatal(err)
		}
		up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 100, Store: oneRecord{other}})
		res, err := up.UploadFile(t.Context(), bucket, key, s.path, nil)
		wantObject(t, srv, data(950), res, err)
		if left := srv.Uploads(); len(left) != 1 || left[0].Upload != other.Upload {
			t.Errorf("OSS holds %v, want the other upload", left)
		}
		srv.Client().AbortMultipartUpload(t.Context(), other.Upload)
	})
}

// oneRecord is a Store that answers every question with the same Plan.
type oneRecord struct{ p multipart.Plan }

func (o oneRecord) Load(context.Context, string) (multipart.Plan, error) { return o.p, nil }

func (o oneRecord) Save(context.Context, string, multipart.Plan) error { return nil }

func (o oneRecord) Delete(context.Context, string) error { return nil }

func aListThatFailsOnceDoesNotLoseTheSession(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		s := newSession(t, srv, data(950))
		s.interrupted(t)
		srv.Inject(osstest.Fault{Op: "ListParts", Times: 1, Effect: osstest.Fail(503, "ServiceUnavailable")})
		s.wantResumed(t, data(950), 100, []int{4, 5, 6, 7, 8, 9, 10})
	})
	// nor does one that fails for good: then it is for the next run
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		s := newSession(t, srv, data(950))
		s.interrupted(t)
		broken := srv.Inject(osstest.Fault{Op: "ListParts", Effect: osstest.Drop()})
		if _, err := s.upload(t.Context(), 100); err == nil || s.records(t) != 1 || len(srv.Uploads()) != 1 {
			t.Errorf("error %v, %d records, %d uploads", err, s.records(t), len(srv.Uploads()))
		}
		broken.Remove()
		s.wantResumed(t, data(950), 100, []int{4, 5, 6, 7, 8, 9, 10})
	})
}

func aSessionThatExpiredIsBegunAnewOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		s := newSession(t, srv, data(950))
		s.interrupted(t)
		if err := srv.Client().AbortMultipartUpload(t.Context(), srv.Uploads()[0].Upload); err != nil {
			t.Fatal(err)
		}
		s.wantResumed(t, data(950), 100, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	})
}

func aCompletedUploadWhoseRecordWasLeftIsFoundDone(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		s := newSession(t, srv, data(950))
		s.interrupted(t)
		store := multipart.DirStore(s.dir)
		up := srv.Uploads()[0].Upload
		id := fmt.Sprintf("oss://%s/%s from %s", bucket, key, s.path)
		if _, err := store.Load(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		plan := multipart.Plan{Upload: up, Size: 950, PartSize: 100}
		if _, err := multipart.NewUploader(srv.Client(), settings(100)).Resume(t.Context(), plan,
			bytes.NewReader(data(950))); err != nil {
			t.Fatal(err)
		}
		s.wantResumed(t, data(950), 100, nil)
	})
}

func progressCountsResumedBytesOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		_, p := begun(t, srv, data(950), 1, 2, 3)
		var last multipart.Progress
		up := multipart.NewUploader(srv.Client(),
			&multipart.Options{PartSize: 100, Progress: func(p multipart.Progress) {
				if p.Done < last.Done || p.Sent < last.Sent {
					t.Errorf("progress went from %+v to %+v", last, p)
				}
				last = p
			}})
		res, err := up.Resume(t.Context(), p, bytes.NewReader(data(950)))
		wantObject(t, srv, data(950), res, err)
		if last.Done != 950 || last.Sent != 950 || last.PartsDone != 10 {
			t.Errorf("progress ended at %+v", last)
		}
	})
}
