package multipart

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/oss"
)

// perPart runs f b.N times and reports what a part of n costs. With -cpu 1 the time is CPU time.
func perPart(b *testing.B, n int, f func() error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.ReportAllocs()
	for b.Loop() {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	parts := float64(b.N) * float64(n)
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/parts, "allocs/part")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/parts, "ns/part")
}

// Whole uploads, with all checks. The allocations of a part must not grow with its size.
func BenchmarkUpload(b *testing.B) {
	shapes := []struct{ parts, size int }{{10000, 64}, {64, 256 << 10}, {16, 8 << 20}}
	for _, source := range []string{"file", "stream"} {
		for _, s := range shapes {
			b.Run(fmt.Sprintf("source=%s/parts=%d/size=%d", source, s.parts, s.size), func(b *testing.B) {
				part := bytes.Repeat([]byte("0123456789abcdef"), s.size/16)
				path := filepath.Join(b.TempDir(), "source")
				if err := os.WriteFile(path, bytes.Repeat(part, s.parts), 0o600); err != nil {
					b.Fatal(err)
				}
				f, err := os.Open(path)
				if err != nil {
					b.Fatal(err)
				}
				defer f.Close()
				u := newInstantOSS(part, s.parts).uploader(b,
					&Options{PartSize: int64(s.size), Concurrency: 8, MemoryLimit: 8 * int64(s.size)})
				b.SetBytes(int64(s.parts) * int64(s.size))
				perPart(b, s.parts, func() error {
					var src io.Reader = f
					if source == "stream" {
						whole := int64(s.parts) * int64(s.size) // known, so that the size of the parts stays as it is
						src = Sized(struct{ io.Reader }{io.NewSectionReader(f, 0, whole)}, whole)
					}
					_, err := u.Upload(b.Context(), "bucket", "key", src, nil)
					return err
				})
			})
		}
	}
}

// 50,000 parts on one Uploader. An upload has 10,000 at most, so they are five at the same time; nothing waits, for the
// service answers at once and its clock stands still.
func BenchmarkUploads(b *testing.B) {
	const uploads, parts, size = 5, oss.MaxPartNumber, 64
	b.Run(fmt.Sprintf("uploads=%d/parts=%d/size=%d", uploads, parts, size), func(b *testing.B) {
		part := bytes.Repeat([]byte("0123456789abcdef"), size/16)
		content := bytes.Repeat(part, parts)
		u := newInstantOSS(part, parts).uploader(b, &Options{PartSize: size, Concurrency: 8})
		perPart(b, uploads*parts, func() error {
			failed := make(chan error, uploads)
			var group sync.WaitGroup
			for i := range uploads {
				group.Go(func() {
					_, err := u.Upload(b.Context(), "bucket", fmt.Sprint("key", i), bytes.NewReader(content), nil)
					if err != nil {
						failed <- err
					}
				})
			}
			group.Wait()
			close(failed)
			return <-failed
		})
	})
}

// What is left of an upload of 10,000 parts when the request of each part costs nothing: it is planned, each part is
// handed out and its result kept, the expected object is computed, and the upload is begun and completed with the whole
// document. It should stay under 20 ms and 4 MiB.
func BenchmarkBookkeeping(b *testing.B) {
	const parts, size = oss.MaxPartNumber, DefaultPartSize // its bytes are not read
	part := bytes.Repeat([]byte("0123456789abcdef"), int(size/16))
	o := newInstantOSS(part, parts)
	u := o.uploader(b, &Options{PartSize: size, Concurrency: 8})
	in := input{at: bytes.NewReader(nil), size: parts * size}
	sent := oss.Part{ETag: o.part.Get("ETag"), Size: size, CRC64: crc64.Checksum(part)}
	store := func(_ context.Context, p admitted) (oss.Part, error) {
		part := sent
		part.Number = p.Number
		return part, nil
	}
	begin := func(b *testing.B) *job {
		p, err := u.Begin(b.Context(), "bucket", "key", in.size, nil)
		if err != nil {
			b.Fatal(err)
		}
		j, err := u.jobOf(b.Context(), p)
		if err != nil {
			b.Fatal(err)
		}
		return j
	}
	transfer := func(b *testing.B, j *job) *transferResult {
		src, stop := newRangeSource(in, j.plan.Sections())
		defer stop()
		plain := func(context.Context) (source, func()) { return src, func() {} }
		done, err := j.transfer(b.Context(), plain, store)
		if err != nil {
			b.Fatal(err)
		}
		return done
	}
	b.Run(fmt.Sprintf("step=all/parts=%d", parts), func(b *testing.B) {
		perPart(b, parts, func() error {
			j := begin(b)
			_, err := j.complete(b.Context(), transfer(b, j))
			return err
		})
	})
	b.Run(fmt.Sprintf("step=transfer/parts=%d", parts), func(b *testing.B) {
		j := begin(b)
		perPart(b, parts, func() error {
			if done := transfer(b, j); len(done.parts) != parts {
				return fmt.Errorf("%d parts", len(done.parts))
			}
			return nil
		})
	})
	b.Run(fmt.Sprintf("step=expect/parts=%d", parts), func(b *testing.B) {
		done := transfer(b, begin(b))
		perPart(b, parts, func() error {
			if e := expect(done.parts); e.size != in.size {
				return fmt.Errorf("%d bytes", e.size)
			}
			return nil
		})
	})
	b.Run(fmt.Sprintf("step=complete/parts=%d", parts), func(b *testing.B) {
		j := begin(b)
		done := transfer(b, j)
		perPart(b, parts, func() error {
			_, err := u.client.CompleteMultipartUpload(b.Context(), j.plan.Upload, done.parts, nil)
			return err
		})
	})
}
