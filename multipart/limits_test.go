package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestBadOptionsFailAtOnceAndNameValueAndLimit(t *testing.T) {
	srv := osstest.NewServer(nil) // with OSS's own limits
	defer srv.Close()
	for _, tt := range []struct {
		opts multipart.Options
		want string
	}{
		{multipart.Options{PartSize: 99 << 10}, "multipart: part size 101376 is less than 102400 bytes"},
		{multipart.Options{PartSize: -1}, "multipart: part size -1 is less than 102400 bytes"},
		{multipart.Options{PartSize: 5<<30 + 1}, "multipart: part size 5368709121 is more than 5368709120 bytes"},
		{multipart.Options{Concurrency: -1}, "multipart: concurrency -1 is negative"},
		{multipart.Options{MemoryLimit: -1}, "multipart: memory limit -1 is negative"},
		{multipart.Options{MemoryLimit: 1 << 20},
			"multipart: memory limit 1048576 is less than one part, 8388608 bytes"},
		{multipart.Options{PartSize: 2 << 20, MemoryLimit: 1 << 20},
			"multipart: memory limit 1048576 is less than one part, 2097152 bytes"},
		{multipart.Options{Checksum: 3},
			"multipart: checksum 3 is none of ChecksumMD5, ChecksumCRC64 and ChecksumNone"},
	} {
		up := multipart.NewUploader(srv.Client(), &tt.opts)
		if _, err := up.Upload(t.Context(), bucket, key, strings.NewReader("x"), nil); err == nil ||
			err.Error() != tt.want {
			t.Errorf("Upload with %+v: %v, want %s", tt.opts, err, tt.want)
		}
		if _, err := up.UploadFile(t.Context(), bucket, key, os.DevNull, nil); err == nil || err.Error() != tt.want {
			t.Errorf("UploadFile with %+v: %v, want %s", tt.opts, err, tt.want)
		}
	}
	if _, err := multipart.NewUploader(nil, nil).Upload(t.Context(), bucket, key,
		strings.NewReader("x"), nil); err == nil {
		t.Error("a nil client is no error")
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestBadNamesFailBeforeTheSourceIsRead(t *testing.T) {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	src := readerFunc(func([]byte) (int, error) { t.Error("the source was read"); return 0, io.EOF })
	for _, tt := range []struct{ bucket, key, want string }{
		{"", key, "oss: bucket name is empty"},
		{"Bad_Bucket", key,
			`oss: bucket name "Bad_Bucket" is not made of a-z, 0-9 and inner hyphens and underscores only`},
		{bucket, "", "oss: key is empty"},
		{bucket, strings.Repeat("k", 1024), `has 1024 bytes, more than 1023`},
		{bucket, "\xff", `oss: key "\xff" is not valid UTF-8`},
	} {
		_, err := multipart.NewUploader(srv.Client(), nil).Upload(t.Context(), tt.bucket, tt.key, src, nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Upload to %q, %.20q: %v, want %s", tt.bucket, tt.key, err, tt.want)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestTooManyPartsAreRefusedBeforeAByteIsSent(t *testing.T) {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	src := io.NewSectionReader(zeros{}, 0, 10000*oss.MinPartSize+1)
	_, err := multipart.NewUploader(srv.Client(), settings(oss.MinPartSize)).Upload(t.Context(), bucket, key, src, nil)
	if err == nil || !strings.Contains(err.Error(), "are 10001 parts, more than 10000") {
		t.Errorf("error is %v", err)
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func tenThousandPartsOfTheSmallestSizeBecomeOneObject(t *testing.T) {
	if !effort.Long() {
		t.Skip("moves a gigabyte; set " + effort.Variable)
	}
	srv := osstest.NewServer(&osstest.Options{Dir: t.TempDir()}) // with OSS's own limit for parts
	defer srv.Close()
	const size = 10000 * oss.MinPartSize
	up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: oss.MinPartSize, Concurrency: 8})
	res, err := up.Upload(t.Context(), bucket, key, io.NewSectionReader(zeros{}, 0, size), nil)
	if err != nil {
		t.Fatal(err)
	}
	obj, _ := srv.Stat(bucket, key)
	if res.Parts != 10000 || res.Size != size || obj.Size != size || len(obj.Parts) != 10000 || obj.CRC64 != res.CRC64 {
		t.Errorf("Upload = %+v, the object has %d bytes in %d parts", res, obj.Size, len(obj.Parts))
	}
}

// zeros is an endless source that is no memory.
type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) { clear(p); return len(p), nil }

func fortyUploadsShareTheLimitsOfTheirUploader(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		const workers, part = 3, 100
		var now, most atomic.Int64
		c := client(t, srv, func(cfg *oss.Config) {
			cfg.Hooks.OnStart = func(ctx context.Context, op oss.Operation) context.Context {
				if op.Name == "UploadPart" || op.Name == "PutObject" {
					most.Store(max(most.Load(), now.Add(1)))
				}
				return ctx
			}
			cfg.Hooks.OnEnd = func(_ context.Context, op oss.Operation, _ error) {
				if op.Name == "UploadPart" || op.Name == "PutObject" {
					now.Add(-1)
				}
			}
		})
		srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Delay(time.Second)})
		up := multipart.NewUploader(c, &multipart.Options{PartSize: part, Concurrency: workers})
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				want := data(50 + 20*i)
				var src io.Reader = bytes.NewReader(want)
				if i%2 == 0 {
					src = plainReader{src}
				}
				k := fmt.Sprint(key, i)
				if _, err := up.Upload(t.Context(), bucket, k, src, nil); err != nil {
					t.Errorf("upload %d: %v", i, err)
				}
				if obj, _ := srv.Object(bucket, k); !bytes.Equal(obj.Data, want) {
					t.Errorf("object %d differs", i)
				}
			})
		}
		wg.Wait()
		if most.Load() != workers {
			t.Errorf("%d parts were in flight at once, want %d", most.Load(), workers)
		}
	})
}

func aSmallStreamDoesNotAllocateAPart(t *testing.T) {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 64 << 20})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := up.Upload(t.Context(), bucket, key, plainReader{bytes.NewReader(data(4 << 10))}, nil); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 2<<20 {
		t.Errorf("uploading 4 KiB allocated %d bytes", n)
	}
}

func TestALimiterPacesAllBytes(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		l := &limiter{perSecond: 100, burst: 30}
		up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 100, Limiter: l})
		began := time.Now()
		res, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(1000)), nil)
		wantObject(t, srv, data(1000), res, err)
		if took := time.Since(began).Round(100 * time.Millisecond); took != 10*time.Second {
			t.Errorf("1000 bytes at 100 B/s took %v", took)
		}
	})
}

func TestWaitingForALimiterEndsWithItsAttempt(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		refused := srv.Inject(osstest.Fault{Op: "UploadPart", Times: 1,
			Effect: osstest.FailAfter(0, 503, "ServiceUnavailable")})
		up := multipart.NewUploader(srv.Client(),
			&multipart.Options{PartSize: 100, Concurrency: 1, Limiter: &limiter{perSecond: 1, burst: 50}})
		began := time.Now()
		res, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(200)), nil)
		wantObject(t, srv, data(200), res, err)
		// 200 s, and 50 for a read that came to nothing
		if d := time.Since(began); d > 5*time.Minute || refused.Fired() != 1 {
			t.Errorf("it took %v with %d refusals", d, refused.Fired())
		}
	})
}

// A limiter refuses more than its burst, as rate.Limiter does, and serves in turn.
type limiter struct {
	perSecond, burst int
	mu               sync.Mutex
	free             time.Time
}

func (l *limiter) Burst() int { return l.burst }

func (l *limiter) set(perSecond int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.perSecond = perSecond
}

func (l *limiter) WaitN(ctx context.Context, n int) error {
	if n > l.burst {
		return errors.New("more than the burst")
	}
	l.mu.Lock()
	l.free = time.Unix(0, max(l.free.UnixNano(), time.Now().UnixNano())).Add(
		time.Duration(n) * time.Second / time.Duration(l.perSecond))
	at := l.free
	l.mu.Unlock()
	select {
	case <-time.After(time.Until(at)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func optionsReachEveryRequestTheyConcern(t *testing.T) {
	opts := &oss.ObjectOptions{
		ContentType: "text/x-test", ACL: "private", ForbidOverwrite: true,
		Metadata: map[string]string{"a": "b"}, Tags: map[string]string{"t": "v"},
		Header: map[string][]string{
			"x-oss-request-payer": {"requester"}, "x-oss-traffic-limit": {"819200"}, "X-Oss-Meta-Extra": {"c"},
		},
	}
	where := map[string]string{
		"Content-Type":           "InitiateMultipartUpload PutObject",
		"X-Oss-Meta-A":           "InitiateMultipartUpload PutObject",
		"X-Oss-Meta-Extra":       "InitiateMultipartUpload PutObject",
		"X-Oss-Tagging":          "InitiateMultipartUpload PutObject",
		"X-Oss-Object-Acl":       "CompleteMultipartUpload PutObject",
		"X-Oss-Forbid-Overwrite": "InitiateMultipartUpload CompleteMultipartUpload PutObject",
		"X-Oss-Traffic-Limit":    "UploadPart PutObject",
		"X-Oss-Request-Payer": "InitiateMultipartUpload UploadPart CompleteMultipartUpload AbortMultipartUpload " +
			"ListParts HeadObject PutObject",
	}
	for _, size := range []int{50, 250} {
		synctest.Test(t, func(t *testing.T) {
			srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
			defer srv.Close()
			srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Times: 4, Effect: osstest.Drop()})
			srv.Inject(osstest.Fault{Op: "PutObject", Times: 4, Effect: osstest.LoseReply()})
			up := multipart.NewUploader(srv.Client(), settings(100))
			up.Upload(t.Context(), bucket, key, bytes.NewReader(data(size)), opts) // fails, and is aborted
			for _, r := range srv.Requests() {
				for name, ops := range where {
					want := strings.Contains(" "+ops+" ", " "+r.Op+" ")
					// Complete has a Content-Type of its own.
					if got := r.Header.Get(name) != ""; got != want &&
						(name != "Content-Type" || r.Op != "CompleteMultipartUpload") {
						t.Errorf("%s of %d bytes has %s: %v, want %v", r.Op, size, name, got, want)
					}
				}
			}
		})
	}
}

func whoPaysIsSaidByResumesCopiesAndTheSearchForOrphansToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{MinPartSize: 1, RequesterPays: []string{bucket}})
		defer srv.Close()
		f := tempFile(t, data(950))
		up := multipart.NewUploader(srv.Client(),
			&multipart.Options{PartSize: 100, Store: multipart.DirStore(t.TempDir())})
		opts := &oss.ObjectOptions{Header: http.Header{"x-oss-request-payer": {"requester"}}}
		srv.Inject(osstest.Fault{Op: "InitiateMultipartUpload", Times: 1, Effect: osstest.LoseReply()})
		broken := srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 4,
			Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		_, err := up.UploadFile(t.Context(), bucket, key, f.Name(), opts)
		if ue := wantNothing(t, srv, err, oss.ErrAccessDenied); len(ue.Orphans) != 1 {
			t.Errorf("the orphans are %v, want one", ue.Orphans)
		}
		broken.Remove()
		res, err := up.UploadFile(t.Context(), bucket, key, f.Name(), opts)
		wantObject(t, srv, data(950), res, err)
		if _, err := up.Copy(t.Context(), bucket, "copy", oss.CopySource{Bucket: bucket, Key: key, Length: 500},
			opts); err != nil {
			t.Error(err)
		}
	})
}

func anOptionNobodyCanHonourIsAnError(t *testing.T) {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	for _, opts := range []*oss.ObjectOptions{
		{Header: map[string][]string{"Content-MD5": {"1B2M2Y8AsgTpgAmY7PhCfg=="}}},
		{Header: map[string][]string{"x-oss-hash-crc64ecma": {"1"}}},
		{Checksum: oss.ChecksumNone},
	} {
		if _, err := multipart.NewUploader(srv.Client(), nil).Upload(t.Context(), bucket, key,
			strings.NewReader("x"), opts); err == nil {
			t.Errorf("%+v was taken", opts)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestAConcurrencyWithoutLimitLeavesRoomForBuffers(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 100, Concurrency: math.MaxInt})
		res, err := up.Upload(t.Context(), bucket, key, plainReader{bytes.NewReader(data(950))}, nil)
		wantObject(t, srv, data(950), res, err)
		_, p := begun(t, srv, data(950), 1, 2)
		res, err = up.Resume(t.Context(), p, bytes.NewReader(data(950))) // which checks parts side by side
		wantObject(t, srv, data(950), res, err)
	})
}
