package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"sync"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestObjectStoreKeepsRecords(t *testing.T) {
	for _, versions := range []bool{false, true} {
		withSessions(t, func(t *testing.T, srv *osstest.Server) {
			srv.SetVersioning("records", versions)
			s, err := multipart.NewObjectStore(srv.Client(), "records", "a prefix/")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Load(t.Context(), "x"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Load of an unknown id: %v", err)
			}
			if err := s.Delete(t.Context(), "x"); err != nil {
				t.Errorf("Delete of an unknown id: %v", err)
			}
			srv.PutObject("records", "a prefix/other.json", []byte("no record"))
			up := oss.Upload{Bucket: "b", Key: "k", ID: "1"}
			for i := range 3 {
				p := multipart.Plan{Upload: up, Size: int64(i), PartSize: 1}
				if err := s.Save(t.Context(), "a/b?", p); err != nil {
					t.Fatal(err)
				}
				if got, err := s.Load(t.Context(), "a/b?"); err != nil || got != p {
					t.Errorf("Load = %+v, %v, want %+v", got, err, p)
				}
			}
			n := 0
			for r, err := range s.List(t.Context()) {
				if n++; err != nil || r.ID != "a/b?" || r.Plan.Size != 2 {
					t.Errorf("List yields %+v, %v", r, err)
				}
			}
			if n != 1 {
				t.Errorf("List yields %d records", n)
			}
			if err := s.DeleteIf(t.Context(), "a/b?", oss.Upload{ID: "2"}); err != nil {
				t.Error(err)
			}
			if _, err := s.Load(t.Context(), "a/b?"); err != nil {
				t.Errorf("DeleteIf has deleted the record of another upload: %v", err)
			}
			if err := s.DeleteIf(t.Context(), "a/b?", up); err != nil {
				t.Error(err)
			}
			for _, left := range srv.Objects("records") {
				if vs := srv.Versions("records", left); left != "a prefix/other.json" {
					t.Errorf("left: %s, %d versions", left, len(vs))
				}
			}
		})
	}
}

func TestObjectStoreLocksAreHeldByOne(t *testing.T) {
	withSessions(t, func(t *testing.T, srv *osstest.Server) {
		locker := func() multipart.RecordLocker {
			s, err := multipart.NewObjectStore(srv.Client(), "records", "p/")
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		var mu sync.Mutex
		var wg sync.WaitGroup
		held, most := 0, 0
		for range 5 {
			wg.Go(func() {
				unlock, err := locker().Lock(t.Context(), "id")
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				held++
				most = max(most, held)
				mu.Unlock()
				time.Sleep(2 * time.Minute) // in the bubble; the holder renews it
				mu.Lock()
				held--
				mu.Unlock()
				unlock()
				unlock() // without effect
			})
		}
		wg.Wait()
		if most != 1 {
			t.Errorf("%d held the lock at a time", most)
		}

		srv.PutObject("records", srv.Requests("PutObject")[0].Key, []byte("a killed process"))
		began := time.Now()
		unlock, err := locker().Lock(t.Context(), "id")
		if took := time.Since(began); err != nil || took < 25*time.Second || took > 40*time.Second {
			t.Fatalf("Lock: %v after %v", err, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := locker().Lock(ctx, "id"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Lock of a locked id: %v", err)
		}
		unlock()
		if left := srv.Objects("records"); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	})
}

func TestObjectStoreRefusesImpossibleNames(t *testing.T) {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	for _, bad := range []struct{ bucket, prefix string }{{"", "p/"}, {"UPPER", "p/"},
		{"records", string(bytes.Repeat([]byte("x"), 1024))}} {
		if _, err := multipart.NewObjectStore(srv.Client(), bad.bucket, bad.prefix); err == nil {
			t.Errorf("bucket %q, prefix of %d bytes: no error", bad.bucket, len(bad.prefix))
		}
	}
	if _, err := multipart.NewObjectStore(nil, "records", ""); err == nil {
		t.Error("nil client: no error")
	}
}

// UploadFile continues with records in OSS as it does with those in a directory.
func TestUploadFileResumesWithRecordsInOSS(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		s, err := multipart.NewObjectStore(srv.Client(), "records", "p/")
		if err != nil {
			t.Fatal(err)
		}
		want := data(1000)
		path := tempFile(t, want).Name()
		refused := srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 7,
			Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		u := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 100, Store: s})
		if _, err := u.UploadFile(t.Context(), bucket, key, path, nil); !errors.Is(err, oss.ErrAccessDenied) {
			t.Fatal(err)
		}
		refused.Remove()
		res, err := u.UploadFile(t.Context(), bucket, key, path, nil)
		wantObject(t, srv, want, res, err)
		if res.Reused == 0 {
			t.Error("nothing was reused")
		}
		if left := srv.Objects("records"); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	})
}
