package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	ossv2 "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"

	"github.com/ossmultipart/go-oss/multipart"
)

// A downloader is a client that downloads.
type downloader interface {
	download(ctx context.Context, key, path string) error
	read(ctx context.Context, key string, w io.Writer) error
}

// downloads are the scenarios in which a client fetches the source, to a file or as a stream. The names of the others
// say what their bytes are handed over as; here the name of the file is that of the target.
func downloads() []scenario {
	const MiB = 1 << 20
	return []scenario{
		{name: "download-8x3", mode: modeDownload, part: 8 * MiB, workers: 3},
		{name: "download-defaults", mode: modeDownload},
		{name: "download-stream-2x8", mode: modeRead, part: 2 * MiB, workers: 8},
		{name: "download-stream-defaults", mode: modeRead},
		{name: "download-tls-8x3", mode: modeDownload, part: 8 * MiB, workers: 3, tls: true},
		{name: "download-tls-defaults", mode: modeDownload, tls: true},
		{name: "download-tls-stream-defaults", mode: modeRead, tls: true},
		{name: "download-slow-defaults", mode: modeDownload, slow: true, size: 512 * MiB},
		{name: "download-slow-stream-defaults", mode: modeRead, slow: true, size: 512 * MiB},
	}
}

// fetches reports whether clients download in s.
func (s scenario) fetches() bool { return s.mode == modeDownload || s.mode == modeRead }

// fetch downloads the source.
func (j job) fetch(ctx context.Context, c downloader) error {
	if j.Mode == modeDownload {
		return c.download(ctx, keyOf(0), j.Target)
	}
	var got counter
	if err := c.read(ctx, keyOf(0), &got); err != nil {
		return err
	}
	if int64(got) != j.Size {
		return fmt.Errorf("read %d bytes of %d", got, j.Size)
	}
	return nil
}

// A counter counts what is written to it, and has no ReadFrom.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// checkTarget compares the file that a client has made with the source, and removes it.
func checkTarget(path, source string, size int64) error {
	want, err := sumsOf(source, []int64{size})
	if err != nil {
		return err
	}
	got, err := sumsOf(path, []int64{size})
	if err != nil {
		return err
	}
	if got[0] != want[0] {
		return errors.New("the file is not the source")
	}
	return os.Remove(path)
}

// object answers HEAD and GET of the source, whole or a range.
func (s *sink) object(w http.ResponseWriter, r *http.Request) error {
	s.mu.Lock()
	order, whole := s.order, s.wholes[0]
	s.mu.Unlock()
	time.Sleep(order.Latency)
	h := w.Header()
	h.Set("ETag", `"SOURCE-1"`)
	h.Set("X-Oss-Request-Id", "BENCH")
	h.Set("X-Oss-Hash-Crc64ecma", strconv.FormatUint(whole.crc64, 10))
	h.Set("Content-Type", "application/octet-stream")
	first, end := int64(0), order.Size
	status := http.StatusOK
	if text, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok {
		from, to, _ := strings.Cut(text, "-")
		a, err := strconv.ParseInt(from, 10, 64)
		b, toErr := strconv.ParseInt(cmp.Or(to, strconv.FormatInt(end-1, 10)), 10, 64)
		if err != nil || toErr != nil || a < 0 || a > b || a >= end {
			return fmt.Errorf("range %q is none", text)
		}
		first, end, status = a, min(b+1, end), http.StatusPartialContent
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, end-1, order.Size))
	}
	h.Set("Content-Length", strconv.FormatInt(end-first, 10))
	w.WriteHeader(status)
	s.count(func(t *tally) { t.Objects = 1 })
	if r.Method == http.MethodHead {
		return nil
	}
	f, err := os.Open(order.Path)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer f.Close()
	f.Seek(first, io.SeekStart)
	n, err := io.CopyN(w, f, end-first) // by sendfile, without TLS
	s.count(func(t *tally) { t.Pieces++; t.Bytes += n })
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

func (s *sink) count(add func(*tally)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add(&s.tally)
}

func (c ours) downloader() *multipart.Downloader {
	return multipart.NewDownloader(c.client, &multipart.DownloadOptions{
		PartSize: c.job.Part, Concurrency: c.job.Workers,
	})
}

func (c ours) download(ctx context.Context, key, path string) error {
	res, err := c.downloader().DownloadFile(ctx, bucket, key, path, nil)
	if err == nil && !res.Verified {
		err = errors.New("not verified")
	}
	return err
}

func (c ours) read(ctx context.Context, key string, w io.Writer) error {
	r, err := c.downloader().NewReader(ctx, bucket, key, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(w, r)
	return err
}

func (c v2) get(key string) *ossv2.GetObjectRequest {
	return &ossv2.GetObjectRequest{Bucket: ossv2.Ptr(bucket), Key: ossv2.Ptr(key)}
}

func (c v2) download(ctx context.Context, key, path string) error {
	d := c.NewDownloader(func(o *ossv2.DownloaderOptions) {
		if c.job.Part != 0 {
			o.PartSize, o.ParallelNum = c.job.Part, c.job.Workers
		}
	})
	_, err := d.DownloadFile(ctx, c.get(key), path)
	return err
}

// read is what v2 has for a stream whose CRC-64 is compared, as ours is: one request, and its hash.
func (c v2) read(ctx context.Context, key string, w io.Writer) error {
	obj, err := c.GetObject(ctx, c.get(key))
	if err != nil {
		return err
	}
	defer obj.Body.Close()
	crc := ossv2.NewCRC64(0)
	if _, err = io.Copy(w, io.TeeReader(obj.Body, crc)); err != nil {
		return err
	}
	if want := ossv2.ToString(obj.HashCRC64); want != strconv.FormatUint(crc.Sum64(), 10) {
		return fmt.Errorf("CRC-64 is %d, want %s", crc.Sum64(), want)
	}
	return nil
}

// v2Prefetch is the reader of v2 that fetches ranges ahead. It verifies nothing.
type v2Prefetch struct{ v2 }

func newV2Prefetch(j job) (client, error) {
	c, err := newV2(j)
	if err != nil {
		return nil, err
	}
	return v2Prefetch{c.(v2)}, nil
}

func (c v2Prefetch) read(ctx context.Context, key string, w io.Writer) error {
	f, err := c.OpenFile(ctx, bucket, key, func(o *ossv2.OpenOptions) {
		o.EnablePrefetch = true
		if c.job.Part != 0 {
			o.ChunkSize, o.PrefetchNum = c.job.Part, c.job.Workers
		}
	})
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// ranges fetches the source in ranges of one part.
func (c floor) ranges(ctx context.Context, key string, to func(i, offset int64, body io.Reader) error) error {
	return each((c.job.Size+c.job.Part-1)/c.job.Part, c.job.Workers, func(i int64) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.job.URL+"/"+bucket+"/"+key, nil)
		if err != nil {
			return err
		}
		offset := i * c.job.Part
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", offset, min(offset+c.job.Part, c.job.Size)-1))
		resp, err := c.http.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		return to(i, offset, resp.Body)
	})
}

func (c floor) download(ctx context.Context, key, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return c.ranges(ctx, key, func(_, offset int64, body io.Reader) error {
		_, err := io.Copy(io.NewOffsetWriter(f, offset), body)
		return err
	})
}

// read is one request: a floor needs no order.
func (c floor) read(ctx context.Context, key string, w io.Writer) error {
	c.job.Part = c.job.Size
	return c.ranges(ctx, key, func(_, _ int64, body io.Reader) error {
		_, err := io.Copy(w, body)
		return err
	})
}
