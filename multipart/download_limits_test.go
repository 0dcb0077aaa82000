package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// zeroObject is a transport that has an object of any size, all zeros, without a CRC-64.
type zeroObject int64

func (z zeroObject) RoundTrip(req *http.Request) (*http.Response, error) {
	header := http.Header{
		"Etag": {`"Z"`}, "X-Oss-Request-Id": {"5F"}, "Content-Length": {strconv.FormatInt(int64(z), 10)},
	}
	resp := &http.Response{StatusCode: 200, Request: req, Body: http.NoBody, ContentLength: int64(z), Header: header}
	if req.Method == http.MethodHead {
		return resp, nil
	}
	text := req.Header.Get("Range")[len("bytes="):]
	from, to, _ := bytes.Cut([]byte(text), []byte("-"))
	first, _ := strconv.ParseInt(string(from), 10, 64)
	last, err := strconv.ParseInt(string(to), 10, 64)
	resp.StatusCode, resp.ContentLength = 206, last-first+1
	resp.Header.Set("Content-Range", "bytes "+text+"/"+strconv.FormatInt(int64(z), 10))
	resp.Header.Set("Content-Length", strconv.FormatInt(resp.ContentLength, 10))
	resp.Body = io.NopCloser(io.LimitReader(zeroReader{}, resp.ContentLength))
	return resp, err
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func zerosClient(t *testing.T, size int64) *oss.Client {
	t.Helper()
	c, err := oss.NewClient(oss.Config{Region: "cn-hangzhou", Credentials: osstest.TestCredentials(),
		HTTPClient: &http.Client{Transport: zeroObject(size)}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// largest is the largest object of OSS: 48.8 TiB.
const largest = int64(oss.MaxPartSize) * oss.MaxPartNumber

func TestTheLargestObjectIsReadAsFarAsIsAskedFor(t *testing.T) {
	r, err := multipart.NewDownloader(zerosClient(t, largest), nil).NewReader(t.Context(), bucket, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.CopyN(io.Discard, r, 5<<20+1)
	if err != nil || r.Size() != largest || r.Result() != nil {
		t.Errorf("read %d bytes of %d, %v, %+v", n, r.Size(), err, r.Result())
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
}

// A full disk says so, and nothing waits for the other 10,000 ranges.
func aDownloadToAFullDiskFailsWithENOSPC(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	defer full.Close()
	var last multipart.Progress
	d := multipart.NewDownloader(zerosClient(t, largest), &multipart.DownloadOptions{
		Progress: func(p multipart.Progress) { last = p },
	})
	_, err = d.Download(t.Context(), bucket, key, full, nil)
	var de *multipart.DownloadError
	if !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &de) || de.Stored != 0 || len(de.Failed) == 0 {
		t.Errorf("the error is %v", err)
	}
	if last.Parts != oss.MaxPartNumber || last.Total != largest {
		t.Errorf("the progress is %+v", last)
	}
}

func anObjectWithoutCRC64IsStatedAsUnverified(t *testing.T) {
	const size = 3<<20 + 1
	for _, way := range ways {
		d := multipart.NewDownloader(zerosClient(t, size), &multipart.DownloadOptions{PartSize: 1 << 20})
		got, res, err := way.get(t.Context(), t, d)
		if err != nil || len(got) != size || res.Verified || res.Parts != 4 {
			t.Errorf("%s: %d bytes, %+v, %v", way.name, len(got), res, err)
		}
	}
}

func TestAnObjectOfMoreThanTenThousandRangesIsRefused(t *testing.T) {
	d := multipart.NewDownloader(zerosClient(t, 1<<30), &multipart.DownloadOptions{PartSize: 100 << 10})
	if _, err := d.Download(t.Context(), bucket, key, new(buffer), nil); err == nil {
		t.Error("no error")
	}
}

// Readers that are not read hold no memory that another needs to go on.
func readersShareTheMemoryWithoutWaitingForOneAnother(t *testing.T) {
	const readers, part = 8, 1000
	want := data(20 * part)
	onServer(t, want, func(t *testing.T, srv *osstest.Server) {
		d := multipart.NewDownloader(srv.Client(), &multipart.DownloadOptions{PartSize: part, MemoryLimit: 2 * part})
		var all [readers]*multipart.Reader
		for i := range all {
			var err error
			if all[i], err = d.NewReader(t.Context(), bucket, key, nil); err != nil {
				t.Fatal(err)
			}
			defer all[i].Close()
		}
		synctest.Wait()
		if n := len(srv.Requests("GetObject")); n > 2*readers {
			t.Errorf("%d ranges were fetched before anything was read", n)
		}
		for i := range all { // one after the other, while the others stand
			got, err := io.ReadAll(all[i])
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("reader %d: %d bytes, %v", i, len(got), err)
			}
		}
	})
}

func closingAReaderEndsARead(t *testing.T) {
	onServer(t, data(4000), func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "GetObject", Effect: osstest.Slow(10)})
		r, err := multipart.NewDownloader(srv.Client(), nil).NewReader(t.Context(), bucket, key, nil)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, func() { r.Close() })
		if n, err := r.Read(make([]byte, 100)); n != 0 || !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Read returned %d, %v", n, err)
		}
	})
}

func twoDownloadsToOneFileFollowOneAnother(t *testing.T) {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	want := [2][]byte{data(100_000), bytes.Repeat([]byte("b"), 120_000)}
	srv.PutObject(bucket, "0", want[0])
	srv.PutObject(bucket, "1", want[1])
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	d := multipart.NewDownloader(srv.Client(), &multipart.DownloadOptions{PartSize: 1000})
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			if _, err := d.DownloadFile(t.Context(), bucket, strconv.Itoa(i%2), target, nil); err != nil {
				t.Errorf("download %d: %v", i, err)
			}
		})
	}
	group.Wait()
	if got, err := os.ReadFile(target); err != nil || !bytes.Equal(got, want[0]) && !bytes.Equal(got, want[1]) {
		t.Errorf("the target has %d bytes, which are neither object: %v", len(got), err)
	}
	wantFiles(t, dir, "target")
}

// panicker is a WriterAt and a Limiter that panics.
type panicker struct{}

func (panicker) WriteAt([]byte, int64) (int, error) { panic("mine") }
func (panicker) WaitN(context.Context, int) error   { panic("mine") }
func (panicker) report(multipart.Progress)          { panic("mine") }

func aPanicOfTheCallersCodeReachesTheCallerOfDownload(t *testing.T) {
	for name, call := range map[string]func(context.Context, *oss.Client){
		"target": func(ctx context.Context, c *oss.Client) {
			multipart.NewDownloader(c, nil).Download(ctx, bucket, key, panicker{}, nil)
		},
		"Limiter": func(ctx context.Context, c *oss.Client) {
			multipart.NewDownloader(c, &multipart.DownloadOptions{Limiter: panicker{}}).
				Download(ctx, bucket, key, new(buffer), nil)
		},
		"Progress": func(ctx context.Context, c *oss.Client) {
			multipart.NewDownloader(c, &multipart.DownloadOptions{Progress: panicker{}.report}).
				Download(ctx, bucket, key, new(buffer), nil)
		},
	} {
		onServer(t, data(1000), func(t *testing.T, srv *osstest.Server) {
			defer func() {
				if v := recover(); v != "mine" {
					t.Errorf("%s: recovered %v", name, v)
				}
			}()
			call(t.Context(), srv.Client())
			t.Errorf("%s: no panic", name)
		})
	}
}
