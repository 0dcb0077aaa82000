package ossdistribution

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// mustWrite writes n bytes at path, from the offset that the Writer tells, and returns the Writer.
func mustWrite(t *testing.T, d *Driver, path string, appends bool, n int) storagedriver.FileWriter {
	t.Helper()
	w, err := d.Writer(t.Context(), path, appends)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content(int(w.Size()) + n)[w.Size():]); err != nil {
		t.Fatal(err)
	}
	return w
}

func mustClose(t *testing.T, w storagedriver.FileWriter) {
	t.Helper()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// The request for the status of an upload must not end a PATCH that is going on: it opens a Writer of the same path and
// closes it.
func TestAStatusDoesNotDisturbAWriter(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server, d *Driver) {
		mustClose(t, mustWrite(t, d, "/data", false, 200<<10))
		w := mustWrite(t, d, "/data", true, 3<<20)
		synctest.Wait()
		status, err := d.Writer(t.Context(), "/data", true)
		if err != nil || status.Size() != 200<<10 {
			t.Fatalf("the status is %d, %v, want the bytes before the last Close", status.Size(), err)
		}
		mustClose(t, status)
		if err := w.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if object, _ := srv.Object("images", "data"); !bytes.Equal(object.Data, content(200<<10+3<<20)) {
			t.Error("the object has other bytes")
		}
	})
}

// Two writers that continue an upload at the same time make no object, or that of one of them, without bytes of the
// other.
func TestTwoWritersMakeNoMixture(t *testing.T) {
	for _, suspended := range []bool{false, true} {
		inBubble(t, func(t *testing.T, srv *osstest.Server, d *Driver) {
			mustClose(t, mustWrite(t, d, "/data", false, 200<<10))
			var writers [2]storagedriver.FileWriter
			for i := range writers {
				w, err := d.Writer(t.Context(), "/data", true)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := w.Write(bytes.Repeat([]byte{'a' + byte(i)}, 2<<20)); err != nil {
					t.Fatal(err)
				}
				writers[i] = w
			}
			if suspended {
				writers[0].Close() // which may have failed
			}
			a, b := writers[0].Commit(t.Context()), writers[1].Commit(t.Context())
			object, ok := srv.Object("images", "data")
			if ok != ((a == nil) != (b == nil)) {
				t.Errorf("the writers end with %v and %v, and the object exists: %t", a, b, ok)
			}
			if !ok { // they have replaced parts of each other
				return
			}
			rest, ok := bytes.CutPrefix(object.Data, content(200<<10))
			if !ok || len(rest) != 2<<20 || !bytes.Equal(rest, bytes.Repeat(rest[:1], 2<<20)) {
				t.Errorf("the object has %d bytes, which are not those of one writer", len(object.Data))
			}
		})
	}
}

// A request whose client goes away ends its context. The bytes that it brought are kept all the same.
func TestALostClientLosesNoBytes(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *osstest.Server, d *Driver) {
		ctx, cancel := context.WithCancel(t.Context())
		w, err := d.Writer(ctx, "/data", false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content(1 << 20)); err != nil {
			t.Fatal(err)
		}
		cancel()
		mustClose(t, w)
		next, err := d.Writer(t.Context(), "/data", true)
		if err != nil || next.Size() != 1<<20 {
			t.Fatalf("the next writer is at %v, %v", next, err)
		}
		if err := next.Cancel(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A Commit whose context ends fails, and keeps what the last Close has saved.
func TestACancelledCommitCanBeRepeated(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server, d *Driver) {
		mustClose(t, mustWrite(t, d, "/data", false, 1<<20))
		w := mustWrite(t, d, "/data", true, 1<<20)
		ctx, cancel := context.WithCancel(t.Context())
		hang := srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Effect: osstest.Hang()})
		go func() {
			synctest.Wait() // until OSS hangs
			cancel()
		}()
		if err := w.Commit(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Commit = %v", err)
		}
		hang.Remove()
		next, err := d.Writer(t.Context(), "/data", true)
		if err != nil || next.Size() != 1<<20 {
			t.Fatalf("the next writer is at %v, %v", next, err)
		}
		if err := next.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if object, _ := srv.Object("images", "data"); !bytes.Equal(object.Data, content(1<<20)) {
			t.Error("the object has other bytes")
		}
	})
}

// Cancel removes everything, whatever came before it.
func TestCancel(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before func(t *testing.T, srv *osstest.Server, w storagedriver.FileWriter)
	}{
		{"after Write", func(*testing.T, *osstest.Server, storagedriver.FileWriter) {}},
		{"after Close", func(t *testing.T, _ *osstest.Server, w storagedriver.FileWriter) { mustClose(t, w) }},
		{"after Commit", func(t *testing.T, _ *osstest.Server, w storagedriver.FileWriter) {
			if err := w.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			mustClose(t, w)
		}},
		{"after a failed Commit", func(t *testing.T, srv *osstest.Server, w storagedriver.FileWriter) {
			refused := osstest.Fault{Op: "CompleteMultipartUpload", Effect: osstest.Fail(403, oss.ErrAccessDenied)}
			defer srv.Inject(refused).Remove()
			if err := w.Commit(t.Context()); !errors.Is(err, oss.ErrAccessDenied) {
				t.Fatal(err)
			}
		}},
	} {
		for _, continued := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, continued %t", tt.name, continued), func(t *testing.T) {
				inBubble(t, func(t *testing.T, srv *osstest.Server, d *Driver) {
					if continued {
						mustClose(t, mustWrite(t, d, "/data", false, 1<<20))
					}
					w := mustWrite(t, d, "/data", continued, 2<<20)
					tt.before(t, srv, w)
					if err := w.Cancel(t.Context()); err != nil {
						t.Error(err)
					}
					mustClose(t, w)
					if _, err := w.Write([]byte("x")); err == nil {
						t.Error("Write succeeds after Cancel")
					}
					if err := w.Commit(t.Context()); err == nil {
						t.Error("Commit succeeds after Cancel")
					}
					checkEmpty(t, srv)
				})
			})
		}
	}
}

func checkEmpty(t *testing.T, srv *osstest.Server) {
	t.Helper()
	if objects, uploads := srv.Objects("images"), srv.Uploads(); len(objects)+len(uploads) > 0 {
		t.Errorf("objects %q and uploads %v are left", objects, uploads)
	}
}

// A Writer that does not append replaces an unfinished upload, and a Delete of the path or above ends it.
func TestUnfinishedUploadsGoWithTheirPath(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server, d *Driver) {
		mustClose(t, mustWrite(t, d, "/dir/data", false, 1<<20))
		mustClose(t, mustWrite(t, d, "/dir/data", false, 2<<20))
		mustClose(t, mustWrite(t, d, "/dir2/data", false, 10))
		if n := len(srv.Uploads()); n != 2 {
			t.Errorf("%d unfinished uploads, want 2", n)
		}
		for _, path := range []string{"/dir", "/dir2/data"} {
			if err := d.Delete(t.Context(), path); err != nil {
				t.Error(err)
			}
			if err := d.Delete(t.Context(), path); !errors.As(err, new(storagedriver.PathNotFoundError)) {
				t.Errorf("another Delete of %s = %v", path, err)
			}
		}
		checkEmpty(t, srv)
	})
}

// An upload has no sidecar if its writer was never closed, or if the reply with its ID was lost. The driver does not
// continue it, even if it is the newest of its key.
func TestOnlyClosedUploadsAreContinued(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server, d *Driver) {
		mustClose(t, mustWrite(t, d, "/data", false, 1<<20))
		for range 3 {
			if _, err := srv.Client().InitiateMultipartUpload(t.Context(), "images", "data", nil); err != nil {
				t.Fatal(err)
			}
		}
		w, err := d.Writer(t.Context(), "/data", true)
		if err != nil || w.Size() != 1<<20 {
			t.Fatalf("the writer is at %v, %v", w, err)
		}
		if err := d.Delete(t.Context(), "/data"); err != nil {
			t.Error(err)
		}
		checkEmpty(t, srv)
		if _, err := d.Writer(t.Context(), "/data", true); !errors.As(err, new(storagedriver.PathNotFoundError)) {
			t.Errorf("Writer of nothing = %v", err)
		}
	})
}

// After a kill between Commit and Move a registry finds the object. It can commit it again, and cannot append.
func TestACommittedPathCanBeCommittedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server, d *Driver) {
		if err := d.PutContent(t.Context(), "/data", []byte("content")); err != nil {
			t.Fatal(err)
		}
		w, err := d.Writer(t.Context(), "/data", true)
		if err != nil || w.Size() != 7 {
			t.Fatalf("the writer is at %v, %v", w, err)
		}
		if _, err := w.Write([]byte("more")); !errors.Is(err, errCommitted) {
			t.Errorf("Write = %v", err)
		}
		if err := w.Commit(t.Context()); err != nil {
			t.Error(err)
		}
		mustClose(t, w)
		if object, _ := srv.Object("images", "data"); string(object.Data) != "content" {
			t.Errorf("the object is %q", object.Data)
		}
	})
}
