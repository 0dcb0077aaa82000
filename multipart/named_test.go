package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// stores returns a Store of each kind.
func stores(t *testing.T, srv *osstest.Server) map[string]multipart.Store {
	t.Helper()
	s, err := multipart.NewObjectStore(srv.Client(), "records", "prefix/")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]multipart.Store{"map": &mapStore{text: make(map[string][]byte)},
		"directory": multipart.DirStore(t.TempDir()), "objects": s}
}

// wantNoRecord checks that nothing is left of a record.
func wantNoRecord(t *testing.T, srv *osstest.Server, store multipart.Store, name string) {
	t.Helper()
	if p, err := store.Load(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the record %s is left: %+v, %v", name, p, err)
	}
	if left := srv.Objects("records"); len(left) > 0 {
		t.Errorf("left of the records: %v", left)
	}
}

func TestAWriterIsContinuedByItsName(t *testing.T) {
	for _, cuts := range [][]int{{}, {0}, {10, 20}, {10, 700}, {300, 310, 900, 1500}} {
		withSessions(t, func(t *testing.T, srv *osstest.Server) {
			for kind, store := range stores(t, srv) {
				want := data(1500)
				const name = "an upload/with any name"
				at := 0
				next := func() *multipart.Writer {
					u := anUploader(srv, multipart.Options{Store: store})
					w, err := u.NamedWriter(t.Context(), name, bucket, key, nil)
					if err != nil || w.Size() != int64(at) {
						t.Fatalf("%s: NamedWriter: %v, want byte %d", kind, err, at)
					}
					return w
				}
				for _, cut := range cuts {
					suspended(t, next(), want[at:cut])
					at = cut
				}
				w := next()
				write(t, w, want[at:])
				err := w.Close()
				wantObject(t, srv, want, w.Result(), err)
				wantNoRecord(t, srv, store, name)
			}
		})
	}
}

// A process that is killed leaves a record that names its upload, from the first part on.
func theUploadOfAKilledNamedWriterIsContinued(t *testing.T) {
	withSessions(t, func(t *testing.T, srv *osstest.Server) {
		for kind, store := range stores(t, srv) {
			want := data(1500)
			u := anUploader(srv, multipart.Options{Store: store})
			ctx, kill := context.WithCancel(t.Context())
			w, err := u.NamedWriter(ctx, "n", bucket, key, nil)
			if err != nil {
				t.Fatal(err)
			}
			w.Write(want[:10])
			if _, err := w.Suspend(ctx); err != nil {
				t.Fatal(err)
			}
			if w, err = u.NamedWriter(ctx, "n", bucket, key, nil); err != nil {
				t.Fatal(err)
			}
			w.Write(bytes.Repeat([]byte("lost"), 20<<10)) // more than the buffer of a Writer
			synctest.Wait()
			if n := len(srv.Uploads()); n != 1 {
				t.Fatalf("%s: %d uploads", kind, n)
			}
			kill() // the parts stay, as after a kill
			w.Suspend(t.Context())

			if w, err = u.NamedWriter(t.Context(), "n", bucket, key, nil); err != nil {
				t.Fatal(kind, err)
			}
			if w.Size() != 10 { // which the first Suspend has promised
				t.Errorf("%s: continues at byte %d", kind, w.Size())
			}
			write(t, w, want[10:])
			err = w.Close()
			wantObject(t, srv, want, w.Result(), err)
			wantNoRecord(t, srv, store, "n")
		}
	})
}

func aNameWhoseUploadIsGoneStaysAnError(t *testing.T) {
	withSessions(t, func(t *testing.T, srv *osstest.Server) {
		for kind, store := range stores(t, srv) {
			u := anUploader(srv, multipart.Options{Store: store})
			w, _ := u.NamedWriter(t.Context(), "n", bucket, key, nil)
			cp := suspended(t, w, data(700))
			if err := srv.Client().AbortMultipartUpload(t.Context(), cp.Upload); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := u.NamedWriter(t.Context(), "n", bucket, key, nil); !errors.Is(err, oss.ErrNoSuchUpload) {
					t.Errorf("%s: %v", kind, err)
				}
			}
			for range 2 {
				if err := u.DiscardNamed(t.Context(), "n"); err != nil {
					t.Errorf("%s: DiscardNamed: %v", kind, err)
				}
			}
			wantNoRecord(t, srv, store, "n")
		}
	})
}

func abortAndDiscardLeaveNothingOfAName(t *testing.T) {
	for _, n := range []int{0, 10, 700} {
		withSessions(t, func(t *testing.T, srv *osstest.Server) {
			for kind, store := range stores(t, srv) {
				u := anUploader(srv, multipart.Options{Store: store})
				w, _ := u.NamedWriter(t.Context(), "n", bucket, key, nil)
				suspended(t, w, data(n))
				w, err := u.NamedWriter(t.Context(), "n", bucket, key, nil)
				if err != nil {
					t.Fatal(err)
				}
				write(t, w, data(n))
				if err := w.Abort(); err != nil {
					t.Errorf("%s: Abort: %v", kind, err)
				}
				wantNoRecord(t, srv, store, "n")
				w, _ = u.NamedWriter(t.Context(), "n", bucket, key, nil)
				suspended(t, w, data(n))
				if err := u.DiscardNamed(t.Context(), "n"); err != nil {
					t.Errorf("%s: DiscardNamed: %v", kind, err)
				}
				wantNoRecord(t, srv, store, "n")
			}
		})
	}
}

// A process that is killed while it begins an upload leaves one whose ID no record has. With ExclusiveKeys the next
// Writer, or DiscardNamed, aborts it.
func TestAnUploadThatAKilledNamedWriterBeganIsAborted(t *testing.T) {
	for _, discard := range []bool{false, true} {
		withSessions(t, func(t *testing.T, srv *osstest.Server) {
			for kind, store := range stores(t, srv) {
				ctx, kill := context.WithCancel(t.Context())
				w, _ := anUploader(srv, multipart.Options{Store: store}).NamedWriter(ctx, "n", bucket, key, nil)
				lost := srv.Inject(osstest.Fault{Op: "InitiateMultipartUpload", Effect: osstest.LoseReply()})
				unlisted := srv.Inject(osstest.Fault{
					Op: "ListMultipartUploads", Effect: osstest.Fail(403, oss.ErrAccessDenied),
				})
				w.Write(data(100 << 10))
				w.Suspend(ctx)
				kill()
				lost.Remove()
				unlisted.Remove()
				if len(srv.Uploads()) == 0 {
					t.Fatal("no upload was begun")
				}
				u := anUploader(srv, multipart.Options{Store: store, ExclusiveKeys: true})
				if !discard {
					if _, err := u.NamedWriter(t.Context(), "n", bucket, key, nil); err != nil {
						t.Fatal(err)
					}
				} else if err := u.DiscardNamed(t.Context(), "n"); err != nil {
					t.Fatal(err)
				}
				if n := len(srv.Uploads()); n != 0 {
					t.Errorf("%s: %d uploads are left", kind, n)
				}
				if err := u.DiscardNamed(t.Context(), "n"); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func ofTwoWritersUnderOneNameOneIsRefused(t *testing.T) {
	withSessions(t, func(t *testing.T, srv *osstest.Server) {
		for kind, store := range stores(t, srv) {
			u := anUploader(srv, multipart.Options{Store: store})
			one, err1 := u.NamedWriter(t.Context(), "n", bucket, key, nil)
			two, err2 := u.NamedWriter(t.Context(), "n", bucket, key, nil)
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			suspended(t, one, data(700))
			two.Write(data(900))
			if _, err := two.Suspend(t.Context()); !errors.Is(err, multipart.ErrStaleCheckpoint) {
				t.Errorf("%s: the second Suspend: %v", kind, err)
			}
			w, err := u.NamedWriter(t.Context(), "n", bucket, key, nil)
			if err == nil {
				err = w.Close()
			}
			wantObject(t, srv, data(700), w.Result(), err)
			wantNoRecord(t, srv, store, "n")
		}
	})
}

// The record of UploadFile is not that of a Writer.
func TestANameIsRefusedThatIsNoRecordOfAWriter(t *testing.T) {
	withSessions(t, func(t *testing.T, srv *osstest.Server) {
		store := &mapStore{text: make(map[string][]byte)}
		u := anUploader(srv, multipart.Options{Store: store})
		store.Save(t.Context(), "file", multipart.Plan{Upload: oss.Upload{Bucket: bucket, Key: key, ID: "A"}, Size: 10})
		w, _ := u.NamedWriter(t.Context(), "other", bucket, "other key", nil)
		suspended(t, w, data(10))
		before := maps.Clone(store.text)
		for _, name := range []string{"", "file", "other"} {
			if _, err := u.NamedWriter(t.Context(), name, bucket, key, nil); err == nil {
				t.Errorf("name %q: no error", name)
			}
		}
		if err := u.DiscardNamed(t.Context(), "file"); err == nil {
			t.Error("DiscardNamed of a file: no error")
		}
		if _, err := anUploader(srv, multipart.Options{}).NamedWriter(t.Context(), "n", bucket, key, nil); err == nil {
			t.Error("without a Store: no error")
		}
		if len(before) != len(store.text) || len(srv.Requests()) > 0 {
			t.Errorf("%d records, %d requests", len(store.text), len(srv.Requests()))
		}
	})
}

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
