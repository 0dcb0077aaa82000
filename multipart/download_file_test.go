package multipart_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// wantFiles checks which files a directory has.
func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	var got []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("the directory has %q, want %q", got, want)
	}
}

const partialName, journalName = ".target.oss-part", ".target.oss-part.journal"

func aFailedDownloadFileContinuesWithTheRangesThatAreRight(t *testing.T) {
	for _, tt := range []struct {
		name   string
		damage func(t *testing.T, dir string) // between the calls
		reused int
	}{
		{"undamaged", func(*testing.T, string) {}, 7},
		{"a byte is wrong", func(t *testing.T, dir string) { overwrite(t, filepath.Join(dir, partialName), 250) }, 6},
		{"the file is short", func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, partialName), 350); err != nil {
				t.Fatal(err)
			}
		}, 3},
		{"the file is gone", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, partialName)) }, 0},
		{"the journal is gone", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, journalName)) }, 0},
		{"the journal is no text", func(t *testing.T, dir string) { overwrite(t, filepath.Join(dir, journalName), 3) },
			0},
		{"the last line of the journal is torn", func(t *testing.T, dir string) {
			info, err := os.Stat(filepath.Join(dir, journalName))
			if err == nil {
				err = os.Truncate(filepath.Join(dir, journalName), info.Size()-2)
			}
			if err != nil {
				t.Fatal(err)
			}
		}, 6},
		{"the journal is of another version", func(t *testing.T, dir string) {
			replace(t, filepath.Join(dir, journalName), `"version":1`, `"version":2`)
		}, 0},
		{"the journal is of another ETag", func(t *testing.T, dir string) {
			replace(t, filepath.Join(dir, journalName), `"etag":"\"`, `"etag":"\"A`)
		}, 0},
		{"the journal has far too small ranges", func(t *testing.T, dir string) {
			replace(t, filepath.Join(dir, journalName), `"partSize":100`, `"partSize":-5`)
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := data(1000)
			onServer(t, want, func(t *testing.T, srv *osstest.Server) {
				f := &failing{at: map[string]func(*http.Request) (*http.Response, error){"700": refuse}}
				c := failingClient(t, srv, f)
				dir := t.TempDir()
				target := filepath.Join(dir, "target")
				if err := os.WriteFile(target, []byte("old"), 0o640); err != nil {
					t.Fatal(err)
				}
				opts := &multipart.DownloadOptions{PartSize: 100, Concurrency: 1}
				_, err := multipart.NewDownloader(c, opts).DownloadFile(t.Context(), bucket, key, target, nil)
				var de *multipart.DownloadError
				if !errors.As(err, &de) || !errors.Is(err, oss.ErrAccessDenied) ||
					de.Stored != 700 || len(de.Failed) != 1 ||
					de.Failed[0].Number != 8 || de.Partial != filepath.Join(dir, partialName) || de.Path != target {
					t.Fatalf("the first call returned %+v", err)
				}
				if old, _ := os.ReadFile(target); string(old) != "old" {
					t.Fatalf("the target is %q after a call that failed", old)
				}
				wantFiles(t, dir, partialName, journalName, "target")
				tt.damage(t, dir)

				f.at = nil
				opts.PartSize = 0 // that of the journal counts
				if tt.reused == 0 {
					opts.PartSize = 100
				}
				before := len(srv.Requests("GetObject"))
				res, err := multipart.NewDownloader(c, opts).DownloadFile(t.Context(), bucket, key, target, nil)
				if err != nil || res.Parts != 10 || res.Reused != tt.reused {
					t.Fatalf("the second call returned %+v, %v, want %d ranges reused", res, err, tt.reused)
				}
				if n := len(srv.Requests("GetObject")) - before; n != 10-tt.reused {
					t.Errorf("the second call sent %d requests", n)
				}
				if got, _ := os.ReadFile(target); !bytes.Equal(got, want) {
					t.Error("the target is wrong")
				}
				if info, err := os.Stat(target); err != nil || info.Mode().Perm() != 0o640 {
					t.Errorf("the target has other permissions than before: %v, %v", info, err)
				}
				wantFiles(t, dir, "target")
			})
		})
	}
}

// overwrite changes one byte of a file.
func overwrite(t *testing.T, path string, at int64) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		text[at] ^= 0x80
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// replace changes the text of a file, which must have what is to be replaced.
func replace(t *testing.T, path, before, after string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil && !bytes.Contains(text, []byte(before)) {
		err = fmt.Errorf("%s does not have %q:\n%s", path, before, text)
	}
	if err == nil {
		err = os.WriteFile(path, bytes.Replace(text, []byte(before), []byte(after), 1), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func downloadFileLeavesNothingWhereNothingCanContinue(t *testing.T) {
	for _, tt := range []struct {
		name  string
		opts  multipart.DownloadOptions
		at    string
		cause error
	}{
		{"no range was complete", multipart.DownloadOptions{PartSize: 100, Concurrency: 1}, "0", oss.ErrAccessDenied},
		{"RemovePartial", multipart.DownloadOptions{PartSize: 100, Concurrency: 1, RemovePartial: true},
			"700", oss.ErrAccessDenied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onServer(t, data(1000), func(t *testing.T, srv *osstest.Server) {
				f := &failing{at: map[string]func(*http.Request) (*http.Response, error){tt.at: refuse}}
				dir := t.TempDir()
				d := multipart.NewDownloader(failingClient(t, srv, f), &tt.opts)
				_, err := d.DownloadFile(t.Context(), bucket, key, filepath.Join(dir, "target"), nil)
				var de *multipart.DownloadError
				if !errors.As(err, &de) || !errors.Is(err, tt.cause) || de.Partial != "" {
					t.Errorf("DownloadFile returned %+v", err)
				}
				wantFiles(t, dir)
			})
		})
	}
}
