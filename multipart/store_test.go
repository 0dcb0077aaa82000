package multipart_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

var savedPlan = multipart.Plan{Upload: oss.Upload{Bucket: "b", Key: "k", ID: "id"}, Size: 25, PartSize: 10}

func TestADirStoreKeepsPlansUntilTheyAreDeleted(t *testing.T) {
	store := multipart.DirStore(filepath.Join(t.TempDir(), "made", "when needed"))
	ctx := t.Context()
	if _, err := store.Load(ctx, "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load of nothing: %v, want fs.ErrNotExist", err)
	}
	if err := store.Delete(ctx, "x"); err != nil {
		t.Errorf("Delete of nothing: %v", err)
	}
	other := savedPlan
	other.Size = 99
	for id, p := range map[string]multipart.Plan{"x": other, "../../etc/passwd\n\x00": savedPlan} {
		if err := store.Save(ctx, id, other); err != nil {
			t.Fatal(err)
		}
		if err := store.Save(ctx, id, p); err != nil { // replaces
			t.Fatal(err)
		}
		got, err := store.Load(ctx, id)
		if diff := cmp.Diff(p, got); diff != "" || err != nil {
			t.Errorf("Load(%q): %v (-want +got):\n%s", id, err, diff)
		}
		if err := store.Delete(ctx, id); err != nil {
			t.Error(err)
		}
		if _, err := store.Load(ctx, id); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Load after Delete: %v", err)
		}
	}
}

func aRecordIsPrivateAndReplacedAtOnce(t *testing.T) {
	dir := t.TempDir()
	store := multipart.DirStore(dir)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			p := savedPlan
			p.Source = strings.Repeat("x", 1000*i)
			for range 20 {
				if err := store.Save(t.Context(), "x", p); err != nil {
					t.Error(err)
				}
				if got, err := store.Load(t.Context(), "x"); err != nil || got.Upload != p.Upload {
					t.Errorf("a reader saw %+v, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v, want one record and nothing temporary", files, err)
	}
	if info, err := files[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, %v, want 0600", info.Mode(), err)
	}
}

func TestWhatAnInterruptedSaveLeftIsRemovedLater(t *testing.T) {
	parent := t.TempDir()
	// which the name of the first matches as a pattern
	dir, other := filepath.Join(parent, "[a]"), filepath.Join(parent, "a")
	old, young, foreign := filepath.Join(dir, ".record-1"), filepath.Join(dir, ".record-2"),
		filepath.Join(other, ".record-1")
	for _, path := range []string{old, young, foreign} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{old, foreign} {
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-2*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if err := multipart.DirStore(dir).Save(t.Context(), "x", savedPlan); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old file: %v", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Errorf("the young file, whose Save may be going on: %v", err)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("the file of another directory: %v", err)
	}
}

func aDamagedOrForeignRecordCountsAsAbsent(t *testing.T) {
	dir := t.TempDir()
	store := multipart.DirStore(dir)
	if err := store.Save(t.Context(), "x", savedPlan); err != nil {
		t.Fatal(err)
	}
	files, _ := os.ReadDir(dir)
	path := filepath.Join(dir, files[0].Name())
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty":              "",
		"torn":               string(whole[:len(whole)/2]),
		"no JSON":            "\x00\x01",
		"of a newer version": strings.Replace(string(whole), `"version":1`, `"version":2`, 1),
		"of another id":      strings.Replace(string(whole), `"id":"x"`, `"id":"y"`, 1),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if p, err := store.Load(t.Context(), "x"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Load of a record that is %s: %+v, %v, want fs.ErrNotExist", name, p, err)
		}
	}
}

func anUnusableDirectoryIsAClearError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := multipart.DirStore(filepath.Join(file, "dir")).Save(t.Context(), "x", savedPlan)
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("Save below a file: %v, want an error that names it", err)
	}
}

func nothingIsLeftOfAFileThatHasBecomeSmall(t *testing.T) {
	for _, size := range []int{0, 50, 100} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			s := newSession(t, srv, data(950))
			s.interrupted(t)
			s.write(t, data(size))
			s.wantResumed(t, data(size), 100, nil)
		})
	}
}

// lastSaved is a Store that remembers one Plan, of whatever was saved last.
type lastSaved struct{ p multipart.Plan }

func (l *lastSaved) Load(context.Context, string) (multipart.Plan, error) {
	if l.p == (multipart.Plan{}) {
		return l.p, fs.ErrNotExist
	}
	return l.p, nil
}
func (l *lastSaved) Save(_ context.Context, _ string, p multipart.Plan) error { l.p = p; return nil }
func (l *lastSaved) Delete(context.Context, string) error                     { l.p = multipart.Plan{}; return nil }

func aRecordThatAnotherProcessHasReplacedIsLeftToIt(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		s, store := newSession(t, srv, data(950)), new(lastSaved)
		_, other := begun(t, srv, data(950), 1, 2)
		c := client(t, srv, func(cfg *oss.Config) {
			// begun at the same time, and saved after ours
			cfg.Hooks.OnStart = onFirst("UploadPart", func() { store.p = other })
		})
		res, err := multipart.NewUploader(c, &multipart.Options{PartSize: 100, Store: store}).UploadFile(t.Context(),
			bucket, key, s.path, nil)
		wantObject(t, srv, data(950), res, err)
		if store.p != other {
			t.Errorf("the record is %+v, want that of the other process", store.p)
		}
		srv.Client().AbortMultipartUpload(t.Context(), other.Upload)
	})
}
