package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A buffer is an io.WriterAt in memory, which grows.
type buffer struct {
	mu    sync.Mutex
	bytes []byte
}

func (b *buffer) WriteAt(p []byte, off int64) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if more := int(off) + len(p) - len(b.bytes); more > 0 {
		b.bytes = append(b.bytes, make([]byte, more)...)
	}
	return copy(b.bytes[off:], p), nil
}

// ways are the ways to download: each returns the bytes.
var ways = []struct {
	name string
	get  func(context.Context, *testing.T, *multipart.Downloader) ([]byte, *multipart.DownloadResult, error)
}{
	{"DownloadFile", func(ctx context.Context, t *testing.T, d *multipart.Downloader) ([]byte,
		*multipart.DownloadResult, error) {
		dir := t.TempDir()
		res, err := d.DownloadFile(ctx, bucket, key, filepath.Join(dir, "target"), nil)
		got, readErr := os.ReadFile(filepath.Join(dir, "target"))
		if (err == nil) != (readErr == nil) {
			t.Errorf("DownloadFile returned %v, and reading the target %v", err, readErr)
		}
		return got, res, err
	}},
	{"Download", func(ctx context.Context, _ *testing.T, d *multipart.Downloader) ([]byte,
		*multipart.DownloadResult, error) {
		var b buffer
		res, err := d.Download(ctx, bucket, key, &b, nil)
		return b.bytes, res, err
	}},
	{"Read", func(ctx context.Context, _ *testing.T, d *multipart.Downloader) ([]byte,
		*multipart.DownloadResult, error) {
		r, err := d.NewReader(ctx, bucket, key, nil)
		if err != nil {
			return nil, nil, err
		}
		defer r.Close()
		got, err := io.ReadAll(r)
		return got, r.Result(), err
	}},
	{"WriteTo", func(ctx context.Context, _ *testing.T, d *multipart.Downloader) ([]byte,
		*multipart.DownloadResult, error) {
		r, err := d.NewReader(ctx, bucket, key, nil)
		if err != nil {
			return nil, nil, err
		}
		defer r.Close()
		var b bytes.Buffer
		n, err := io.Copy(&b, r)
		if n != int64(b.Len()) {
			err = fmt.Errorf("WriteTo returned %d of %d bytes: %v", n, b.Len(), err)
		}
		return b.Bytes(), r.Result(), err
	}},
}

// onServer runs f in a bubble with a server that has data as an object.
func onServer(t *testing.T, data []byte, f func(t *testing.T, srv *osstest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
		defer srv.Close()
		srv.PutObject(bucket, key, data)
		f(t, srv)
	})
}

func TestADownloadHasTheBytesOfTheObject(t *testing.T) {
	for _, tt := range []struct{ size, part int64 }{
		{0, 100}, {1, 100}, {99, 100}, {100, 100}, {101, 100}, {1000, 100}, {1001, 100}, {1000, 0},
		{3<<20 + 5, 600 << 10}, {2 << 20, 256 << 10}, {2<<20 + 1, 1 << 20},
	} {
		for _, way := range ways {
			t.Run(fmt.Sprintf("%s %d in %d", way.name, tt.size, tt.part), func(t *testing.T) {
				want := data(int(tt.size))
				onServer(t, want, func(t *testing.T, srv *osstest.Server) {
					var last multipart.Progress
					d := multipart.NewDownloader(srv.Client(),
						&multipart.DownloadOptions{PartSize: tt.part, Concurrency: 3,
							Progress: func(p multipart.Progress) { last = p }})
					got, res, err := way.get(t.Context(), t, d)
					if err != nil || !bytes.Equal(got, want) {
						t.Fatalf("got %d bytes that are right: %v, and %v", len(got), bytes.Equal(got, want), err)
					}
					obj, _ := srv.Object(bucket, key)
					parts := 1
					if tt.part > 0 {
						parts = int((tt.size + tt.part - 1) / tt.part)
					}
					if res.Size != tt.size || res.CRC64 != obj.CRC64 || !res.Verified || res.Object.ETag != obj.ETag ||
						res.Parts != parts || res.Reused != 0 {
						t.Errorf("result is %+v, want %d parts and CRC-64 %d", res, parts, obj.CRC64)
					}
					if n := len(srv.Requests("GetObject")); n != parts {
						t.Errorf("%d requests for %d parts", n, parts)
					}
					if last.Done != tt.size || last.Total != tt.size || last.Sent != tt.size ||
						last.Parts != parts || last.PartsDone != parts {
						t.Errorf("the last progress is %+v", last)
					}
				})
			})
		}
	}
}

// failing strikes the GetObject requests whose range begins at an offset.
type failing struct {
	http.RoundTripper
	mu sync.Mutex
	at map[string]func(*http.Request) (*http.Response, error) // by the start of the Range header
	n  map[string]int
}

func (f *failing) RoundTrip(req *http.Request) (*http.Response, error) {
	from, _, _ := strings.Cut(strings.TrimPrefix(req.Header.Get("Range"), "bytes="), "-")
	f.mu.Lock()
	if f.n == nil {
		f.n = make(map[string]int)
	}
	if req.Method == http.MethodGet {
		f.n[from]++
	}
	do := f.at[from]
	f.mu.Unlock()
	if do != nil && req.Method == http.MethodGet {
		return do(req)
	}
	return f.RoundTripper.RoundTrip(req)
}

// refuse answers with 403.
func refuse(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 403, Header: http.Header{"X-Oss-Request-Id": {"5F"}}, Request: req,
		Body: io.NopCloser(strings.NewReader("<Error><Code>AccessDenied</Code></Error>"))}, nil
}

// failingClient returns a client of srv whose requests go through f.
func failingClient(t *testing.T, srv *osstest.Server, f *failing) *oss.Client {
	return client(t, srv, func(cfg *oss.Config) {
		f.RoundTripper = cfg.HTTPClient.Transport
		cfg.HTTPClient = &http.Client{Transport: f}
	})
}

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

func aDownloadOfAChangedObjectIsAChangedError(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			onServer(t, data(1000), func(t *testing.T, srv *osstest.Server) {
				n := 0
				f := &failing{at: make(map[string]func(*http.Request) (*http.Response, error))}
				c := failingClient(t, srv, f)
				f.at["500"] = func(req *http.Request) (*http.Response, error) {
					n++
					srv.PutObject(bucket, key, bytes.Repeat([]byte{byte(n)}, 900))
					return f.RoundTripper.RoundTrip(req)
				}
				_, _, err := way.get(t.Context(), t,
					multipart.NewDownloader(c, &multipart.DownloadOptions{PartSize: 100, Concurrency: 1}))
				var changed *oss.ChangedError
				if !errors.As(err, &changed) || changed.Offset != 500 {
					t.Errorf("the error is %v", err)
				}
				if want := map[string]int{"DownloadFile": 2}[way.name]; want != 0 && n != want {
					t.Errorf("it was begun %d times, want %d", n, want)
				}
			})
		})
	}
}

func downloadFileBeginsAnewWhenTheObjectChangedOnce(t *testing.T) {
	onServer(t, data(1000), func(t *testing.T, srv *osstest.Server) {
		want := data(650)
		f := &failing{at: make(map[string]func(*http.Request) (*http.Response, error))}
		c := failingClient(t, srv, f)
		var once sync.Once
		f.at["500"] = func(req *http.Request) (*http.Response, error) {
			once.Do(func() { srv.PutObject(bucket, key, want) })
			return f.RoundTripper.RoundTrip(req)
		}
		got, res, err := ways[0].get(t.Context(), t,
			multipart.NewDownloader(c, &multipart.DownloadOptions{PartSize: 100}))
		if err != nil || !bytes.Equal(got, want) || res.Parts != 7 {
			t.Errorf("got %d bytes, %+v, %v", len(got), res, err)
		}
	})
}

func aDownloadContinuesWithTheVersionThatItBeganWith(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			want := data(1000)
			synctest.Test(t, func(t *testing.T) {
				srv := osstest.NewServer(nil)
				defer srv.Close()
				plain := srv.Client()
				if err := plain.PutBucketVersioning(t.Context(), bucket, oss.VersioningEnabled, nil); err != nil {
					t.Fatal(err)
				}
				srv.PutObject(bucket, key, want)
				f := &failing{at: make(map[string]func(*http.Request) (*http.Response, error))}
				c := failingClient(t, srv, f)
				var once sync.Once
				f.at["500"] = func(req *http.Request) (*http.Response, error) {
					once.Do(func() { srv.PutObject(bucket, key, data(900)) })
					return f.RoundTripper.RoundTrip(req)
				}
				got, res, err := way.get(t.Context(), t,
					multipart.NewDownloader(c, &multipart.DownloadOptions{PartSize: 100, Concurrency: 1}))
				if err != nil || !bytes.Equal(got, want) || !res.Verified {
					t.Errorf("got %d bytes, %+v, %v", len(got), res, err)
				}
			})
		})
	}
}

func aDownloadOfDamagedBytesIsAChecksumError(t *testing.T) {
	for _, way := range ways {
		for _, times := range []int{1, 100} {
			t.Run(fmt.Sprint(way.name, times), func(t *testing.T) {
				want := data(1000)
				onServer(t, want, func(t *testing.T, srv *osstest.Server) {
					srv.Inject(osstest.Fault{Op: "GetObject", Skip: 3, Times: times, Effect: osstest.Corrupt()})
					got, _, err := way.get(t.Context(), t,
						multipart.NewDownloader(srv.Client(),
							&multipart.DownloadOptions{PartSize: 100, Concurrency: 1}))
					if way.name == "DownloadFile" && times == 1 {
						if err != nil || !bytes.Equal(got, want) {
							t.Errorf("the second try returned %v", err)
						}
						return
					}
					var damaged *oss.ChecksumError
					if !errors.As(err, &damaged) || damaged.Local == damaged.Remote {
						t.Errorf("the error is %v", err)
					}
				})
			})
		}
	}
}

func targetsThatAreNoFilesAreRefusedBeforeAnyRequest(t *testing.T) {
	dir := t.TempDir()
	mk := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	mk(os.Mkdir(filepath.Join(dir, "directory"), 0o700))
	mk(os.Symlink("directory", filepath.Join(dir, "link")))
	mk(os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	mk(os.Mkdir(filepath.Join(dir, "planted"), 0o700))
	mk(os.Symlink("../file", filepath.Join(dir, "planted", ".target.oss-part")))
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.PutObject(bucket, key, data(1000))
	for _, tt := range []struct{ path, want string }{
		{"directory", "is a directory"}, {"link", "is a directory"},
		{"directory/", "names no file"}, {"", "names no file"},
		{"missing/target", "no such file"}, {"file/target", "not a directory"}, {"..", "names no file"},
		{".", "is a directory"},
		{strings.Repeat("x", 300), "name too long"},
	} {
		path := tt.path
		if path != "" {
			path = dir + "/" + path
		}
		_, err := multipart.NewDownloader(srv.Client(), nil).DownloadFile(t.Context(), bucket, key, path, nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("path %.40q: error is %v, want %q", tt.path, err, tt.want)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	_, err := multipart.NewDownloader(srv.Client(), nil).DownloadFile(t.Context(), bucket,
		key, dir+"/planted/target", nil)
	if err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a symbolic link in place of the temporary file: %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, "file")); err != nil || info.Size() != 0 {
		t.Errorf("the file behind the link is %v, %v", info, err)
	}
}

func TestInvalidArgumentsOfADownloaderAreRefusedBeforeAnyRequest(t *testing.T) {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	c := srv.Client()
	for _, tt := range []struct {
		name string
		c    *oss.Client
		opts *multipart.DownloadOptions
		key  string
		open *oss.OpenOptions
	}{
		{"client", nil, nil, key, nil},
		{"part size", c, &multipart.DownloadOptions{PartSize: -1}, key, nil},
		{"large part size", c, &multipart.DownloadOptions{PartSize: oss.MaxPartSize + 1}, key, nil},
		{"concurrency", c, &multipart.DownloadOptions{Concurrency: -1}, key, nil},
		{"memory", c, &multipart.DownloadOptions{MemoryLimit: -1}, key, nil},
		{"memory of less than a part", c, &multipart.DownloadOptions{MemoryLimit: 1<<20 - 1}, key, nil},
		{"limiter", c, &multipart.DownloadOptions{Limiter: (*noLimiter)(nil)}, key, nil},
		{"key", c, nil, "", nil},
		{"Range", c, nil, key, &oss.OpenOptions{Header: http.Header{"range": {"bytes=0-1"}}}},
		{"Accept-Encoding", c, nil, key, &oss.OpenOptions{Header: http.Header{"Accept-Encoding": {"gzip"}}}},
	} {
		d := multipart.NewDownloader(tt.c, tt.opts)
		_, err := d.Download(t.Context(), bucket, tt.key, new(buffer), tt.open)
		_, fileErr := d.DownloadFile(t.Context(), bucket, tt.key, filepath.Join(t.TempDir(), "x"), tt.open)
		_, readErr := d.NewReader(t.Context(), bucket, tt.key, tt.open)
		if err == nil || fileErr == nil || readErr == nil {
			t.Errorf("%s: the errors are %v, %v and %v", tt.name, err, fileErr, readErr)
		}
	}
	if _, err := multipart.NewDownloader(c, nil).Download(t.Context(), bucket, key, nil, nil); err == nil {
		t.Error("a nil target was not refused")
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

type noLimiter struct{}

func (*noLimiter) WaitN(context.Context, int) error { return nil }

func TestADownloadOfAMissingObjectIsErrNotExist(t *testing.T) {
	for _, way := range ways {
		onServer(t, nil, func(t *testing.T, srv *osstest.Server) {
			if err := srv.Client().DeleteObject(t.Context(), bucket, key, nil); err != nil {
				t.Fatal(err)
			}
			_, _, err := way.get(t.Context(), t, multipart.NewDownloader(srv.Client(), nil))
			var de *multipart.DownloadError
			if !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &de) || de.Bucket != bucket || de.Key != key {
				t.Errorf("%s: the error is %v", way.name, err)
			}
		})
	}
}

func cancellingEndsADownload(t *testing.T) {
	for _, way := range ways {
		onServer(t, data(4000), func(t *testing.T, srv *osstest.Server) {
			srv.Inject(osstest.Fault{Op: "GetObject", Effect: osstest.Slow(10)})
			ctx, cancel := context.WithCancelCause(t.Context())
			mine := errors.New("enough")
			time.AfterFunc(time.Second, func() { cancel(mine) })
			began := time.Now()
			_, _, err := way.get(ctx, t,
				multipart.NewDownloader(srv.Client(), &multipart.DownloadOptions{PartSize: 100}))
			if took := time.Since(began); !errors.Is(err, context.Canceled) ||
				!errors.Is(err, mine) || took > 2*time.Second {
				t.Errorf("%s: it ended after %v with %v", way.name, took, err)
			}
		})
	}
}

func aStuckConnectionHardlyDelaysADownload(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			want := data(40 * hedgePart)
			onServer(t, want, func(t *testing.T, srv *osstest.Server) {
				srv.Inject(osstest.Fault{Op: "GetObject", Skip: 30, Times: 1, Effect: osstest.Slow(hedgeRate / 50)})
				srv.Inject(osstest.Fault{Op: "GetObject", Effect: osstest.Slow(hedgeRate)})
				began := time.Now()
				got, _, err := way.get(t.Context(), t,
					multipart.NewDownloader(srv.Client(),
						&multipart.DownloadOptions{PartSize: hedgePart, Concurrency: 4}))
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("got %d bytes, %v", len(got), err)
				}
				if n := len(srv.Requests("GetObject")); n != 41 {
					t.Errorf("%d requests for 40 ranges", n)
				}
				if took := time.Since(began); took > 4500*time.Millisecond {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}
