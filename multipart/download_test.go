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
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/iotest"
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

// The first request for a range has given way to the second, which then breaks, and has one attempt only: the rest of
// the range is requested again.
func TestARangeIsRequestedAgainWhenTheRequestFailsThatWasAhead(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			want := data(40 * hedgePart)
			onServer(t, want, func(t *testing.T, srv *osstest.Server) {
				srv.Inject(osstest.Fault{Op: "GetObject", Effect: osstest.Slow(hedgeRate)})
				race := &lostRace{end: fmt.Sprintf("-%d", 31*hedgePart-1)}
				c := client(t, srv, func(cfg *oss.Config) {
					race.RoundTripper = cfg.HTTPClient.Transport
					cfg.HTTPClient = &http.Client{Transport: race}
				})
				got, _, err := way.get(t.Context(), t, multipart.NewDownloader(c,
					&multipart.DownloadOptions{PartSize: hedgePart, Concurrency: 4}))
				if n := race.count.Load(); err != nil || !bytes.Equal(got, want) || n != 3 {
					t.Errorf("got %d bytes, %v, with %d requests for the range, want 3", len(got), err, n)
				}
			})
		})
	}
}

// A lostRace delays the reply to the first request for the range that ends at end: until there is a second request it
// crawls, and then it is at a third of the speed. The reply to the second breaks before its last bytes.
type lostRace struct {
	http.RoundTripper
	end   string
	count atomic.Int64
}

func (l *lostRace) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(req.Header.Get("Range"), l.end) {
		return l.RoundTripper.RoundTrip(req)
	}
	number := l.count.Add(1)
	resp, err := l.RoundTripper.RoundTrip(req)
	if err != nil || number > 2 {
		return resp, err
	}
	if number == 2 {
		most := io.LimitReader(resp.Body, resp.ContentLength-1000)
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(most, iotest.ErrReader(syscall.ECONNRESET)), resp.Body}
		return resp, nil
	}
	resp.Body = &crawlingBody{resp.Body, l}
	return resp, nil
}

type crawlingBody struct {
	io.ReadCloser
	race *lostRace
}

func (b *crawlingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), 1<<10)])
	pause := 3 * time.Duration(n) * time.Second / hedgeRate // in the bubble
	if b.race.count.Load() < 2 {
		pause *= 20
	}
	time.Sleep(pause)
	return n, err
}
