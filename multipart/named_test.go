package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"testing"
	"testing/synctest"

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
