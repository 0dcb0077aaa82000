package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// silent is a reader that has n bytes and then gives nothing before it is released.
type silent struct {
	mu       sync.Mutex
	n        int64
	released chan struct{}
}

func (s *silent) Read(p []byte) (int, error) {
	s.mu.Lock()
	n := min(int64(len(p)), s.n)
	s.n -= n
	s.mu.Unlock()
	if n > 0 {
		return int(n), nil
	}
	<-s.released
	return 0, io.EOF
}

// besideSilent has count silent readers uploaded on up, each after it has given n bytes, and returns a function that
// releases them and waits for their uploads.
func besideSilent(t *testing.T, up *multipart.Uploader, count int, n int64) func() {
	t.Helper()
	released := make(chan struct{})
	var wg sync.WaitGroup
	for i := range count {
		wg.Go(func() {
			src := &silent{n: n, released: released}
			if _, err := up.Upload(t.Context(), bucket, fmt.Sprint("silent-", i), src, nil); err != nil {
				t.Errorf("silent upload %d: %v", i, err)
			}
		})
	}
	synctest.Wait()
	return func() {
		close(released)
		wg.Wait()
	}
}

// asService is a fault that makes a server as fast as OSS is from afar.
var asService = osstest.Fault{
	Op: "UploadPart", Effect: osstest.Together(osstest.Slow(8<<20), osstest.Delay(20*time.Millisecond)),
}

// uploads are four sources, small and large ones, that are uploaded one after the other.
func fourUploads(t *testing.T, up *multipart.Uploader) (took [4]time.Duration) {
	t.Helper()
	size := int64(effort.Of(48, 100, 100)) << 20 // more than the buffers hold
	for i, upload := range []func(k string) (*multipart.Result, error){
		func(k string) (*multipart.Result, error) {
			return up.Upload(t.Context(), bucket, k, plainReader{bytes.NewReader(data(10))}, nil)
		},
		func(k string) (*multipart.Result, error) {
			return up.UploadFile(t.Context(), bucket, k, tempFile(t, nil).Name(), nil)
		},
		func(k string) (*multipart.Result, error) {
			return up.UploadFile(t.Context(), bucket, k, tempFile(t, data(900_000)).Name(), nil)
		},
		func(k string) (*multipart.Result, error) {
			return up.Upload(t.Context(), bucket, k, plainReader{io.NewSectionReader(zeros{}, 0, size)}, nil)
		},
	} {
		began := time.Now()
		if _, err := upload(fmt.Sprint("loud-", i)); err != nil {
			t.Errorf("upload %d: %v", i, err)
		}
		took[i] = time.Since(began)
	}
	return took
}

// Bug 1 and R1. Before, five silent readers held all the memory, and none of these uploads ended.
func silentReadersDoNotDelayOthers(t *testing.T) {
	measure := func(count int, n int64) (took [4]time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			srv := osstest.NewServer(nil)
			defer srv.Close()
			srv.Inject(asService)
			up := multipart.NewUploader(srv.Client(), nil)
			release := besideSilent(t, up, count, n)
			time.Sleep(time.Second) // in the bubble: after that they are slow
			if counted, own, _ := up.Memory(); n == 0 && counted+own != 0 {
				t.Errorf("%d silent readers hold %d bytes", count, counted+own)
			}
			took = fourUploads(t, up)
			release()
			if slots, bytes := up.InUse(); slots != 0 || bytes != 0 {
				t.Errorf("%d slots and %d bytes are in use at the end", slots, bytes)
			}
		})
		return took
	}
	alone := measure(0, 0)
	for _, tt := range []struct {
		count int
		n     int64
		most  time.Duration // percent of what it takes alone
	}{
		{5, 0, 110}, {50, 0, 110}, {1000, 0, 110}, {50, 1, 110}, {50, 100 << 10, 110},
		{5, 7 << 20, 120}, {50, 900 << 10, 120}, // which send up to 45 MB meanwhile
	} {
		if testing.Short() && (tt.count != 50 || tt.n > 100<<10) {
			continue
		}
		t.Run(fmt.Sprintf("%d after %d bytes", tt.count, tt.n), func(t *testing.T) {
			beside := measure(tt.count, tt.n)
			for i := range alone {
				if beside[i] > alone[i]*tt.most/100 {
					t.Errorf("upload %d took %v, alone %v", i, beside[i], alone[i])
				}
			}
		})
	}
}

// Bug 2. Before, the memory of such uploads was gone for ever, and the Uploader took no further stream.
func aCancelledUploadWhoseReadHangsGivesItsMemoryBack(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		const chunk = 256 << 10
		up := multipart.NewUploader(srv.Client(), nil)
		released := make(chan struct{})
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				src := &silent{n: 5<<20 + 10_000, released: released}
				if _, err := up.Upload(ctx, bucket, fmt.Sprint(key, i), src,
					nil); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("upload %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		if counted, own, _ := up.Memory(); counted != 0 || own > 10*chunk {
			t.Errorf("%d bytes are in use, and %d by Reads that hang", counted, own)
		}
		res, err := up.Upload(t.Context(), bucket, key, plainReader{bytes.NewReader(data(20 << 20))}, nil)
		wantObject(t, srv, data(20<<20), res, err)
		close(released)
		synctest.Wait()
		if slots, bytes := up.InUse(); slots != 0 || bytes != 0 {
			t.Errorf("%d slots and %d bytes are in use when the Reads have ended", slots, bytes)
		}
	})
}

// Bug 3. Before, the file waited for memory that the Writers held, if the processor hashes side by side.
func aFileDoesNotWaitForOpenWriters(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		up := multipart.NewUploader(srv.Client(), nil)
		for i := range 50 {
			w := up.NewWriter(t.Context(), bucket, fmt.Sprint(key, i), nil)
			defer w.Abort()
			if _, err := w.Write(data(1 << 20)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		res, err := up.UploadFile(t.Context(), bucket, key, tempFile(t, data(20<<10)).Name(), nil)
		wantObject(t, srv, data(20<<10), res, err)
	})
}

// Row 132. Before, the sixth Writer waited for memory that only its own goroutine could give back.
func oneGoroutineWritesToManyWritersInTurn(t *testing.T) {
	for _, tt := range []struct{ writers, size int }{{6, 20 << 20}, {40, 3 << 20}} {
		if testing.Short() && tt.writers < 40 {
			continue
		}
		t.Run(fmt.Sprint(tt.writers), func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				up := multipart.NewUploader(srv.Client(), nil)
				var all []io.Writer
				var writers []*multipart.Writer
				for i := range tt.writers {
					w := up.NewWriter(t.Context(), bucket, fmt.Sprint(key, i), nil)
					defer w.Abort()
					all, writers = append(all, w), append(writers, w)
				}
				began := time.Now()
				want := data(tt.size)
				if _, err := io.Copy(io.MultiWriter(all...), plainReader{bytes.NewReader(want)}); err != nil {
					t.Fatal(err)
				}
				for i, w := range writers {
					if err := w.Close(); err != nil {
						t.Fatal(err)
					}
					if obj, _ := srv.Object(bucket, fmt.Sprint(key, i)); !bytes.Equal(obj.Data, want) {
						t.Errorf("object %d has %d bytes that differ", i, len(obj.Data))
					}
					if n := w.Result().Parts; n > tt.size/(256<<10) {
						t.Errorf("object %d has %d parts", i, n)
					}
				}
				if took := time.Since(began); took > time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// Bug 4. Before, two were in flight from part 1,001 on, and one from part 2,001 on.
func partsThatGrowStayAsManyInFlight(t *testing.T) {
	if testing.Short() {
		t.Skip("sends 5,000 parts")
	}
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		const first, workers = 20, 4
		const parts, longParts = 3000, 2000
		const size = parts*first + longParts*first*2 // two and a half, in whole chunks
		srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Delay(100 * time.Millisecond)})
		up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: first, Concurrency: workers})
		began := time.Now()
		res, err := up.Upload(t.Context(), bucket, key, plainReader{bytes.NewReader(data(size))}, nil)
		wantObject(t, srv, data(size), res, err)
		const all = parts + longParts
		if took, want := time.Since(began), all/workers*100*time.Millisecond; res.Parts != all || took > want*101/100 {
			t.Errorf("%d parts took %v, want %v", res.Parts, took, want)
		}
	})
}

// Before, the wait was silent and the error only "context deadline exceeded".
func waitingForMemoryIsLoggedAndNamedByTheError(t *testing.T) {
	for _, parts := range []int{0, 3} { // stored before the stream has to wait
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			const part = 512 << 10 // two chunks
			var log logBuffer
			c := client(t, srv, func(cfg *oss.Config) {
				cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			})
			up := multipart.NewUploader(c, &multipart.Options{PartSize: part, Concurrency: 10, MemoryLimit: 5 * part})
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			r, w := io.Pipe()
			var err error
			var wg sync.WaitGroup
			wg.Go(func() {
				_, err = up.Upload(ctx, bucket, key, r, nil)
				r.CloseWithError(err)
			})
			w.Write(data(parts * part))
			synctest.Wait()
			srv.Inject(osstest.Fault{Op: "UploadPart", Key: "other", Effect: osstest.Hang()})
			wg.Go(func() { up.Upload(ctx, bucket, "other", plainReader{bytes.NewReader(data(10 * part))}, nil) })
			synctest.Wait()
			w.Write(data(part))
			wg.Wait()
			const why = "waiting for MemoryLimit, 2621440 bytes"
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), why) {
				t.Errorf("after %d parts the error is %v", parts, err)
			}
			const want = `level=DEBUG msg="oss: an upload has been waiting for MemoryLimit for ` +
				`a second" bucket=bucket key=`
			if n := log.count(want + key); n != 1 {
				t.Errorf("after %d parts the wait is logged %d times", parts, n)
			}
		})
	}
}

// Slow clients together have more bytes than there is memory for; each is read from all the time.
func slowStreamsAreAllReadAllTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const clients, size, rate, step = 50, 1500 << 10, 50 << 10, 10 << 10
		const ideal = size / rate * time.Second
		srv := osstest.NewServer(nil)
		defer srv.Close()
		srv.Inject(asService)
		up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 512 << 10, MemoryLimit: 4 << 20})
		began := time.Now()
		var wg sync.WaitGroup
		for i := range clients {
			r, w := io.Pipe()
			wg.Go(func() {
				if _, err := up.Upload(t.Context(), bucket, fmt.Sprint(key, i), r, nil); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() {
				defer w.Close()
				var unread time.Duration
				for range size / step {
					time.Sleep(step * time.Second / rate)
					before := time.Now()
					w.Write(make([]byte, step))
					unread = max(unread, time.Since(before))
				}
				if unread > 5*time.Second {
					t.Errorf("client %d was not read from for %v", i, unread)
				}
			})
		}
		wg.Wait()
		if took := time.Since(began); took > ideal*12/10 {
			t.Errorf("it took %v, ideally %v", took, ideal)
		}
	})
}

// Law: whatever streams do, the memory in use is within the limit and the allowance of each, and every upload ends
// right.
func TestMemoryStaysWithinItsBounds(t *testing.T) {
	for range effort.Of(12, 100, 100) {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { randomStreams(t, rand.New(rand.NewPCG(seed, 0))) })
		})
	}
}

func randomStreams(t *testing.T, rnd *rand.Rand) {
	srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
	defer srv.Close()
	var up *multipart.Uploader
	opts := multipart.Options{PartSize: 1 + rnd.Int64N(1000), Concurrency: 1 + rnd.IntN(5)}
	opts.MemoryLimit = opts.PartSize * (1 + rnd.Int64N(6))
	check := func() {
		if counted, own, allowed := up.Memory(); counted > opts.MemoryLimit || own > allowed {
			t.Errorf("%d bytes are in use of %d, and %d in allowances of %d", counted, opts.MemoryLimit, own, allowed)
		}
	}
	c := client(t, srv, func(cfg *oss.Config) {
		cfg.Hooks.OnStart = func(ctx context.Context, _ oss.Operation) context.Context { check(); return ctx }
		cfg.Hooks.OnEnd = func(context.Context, oss.Operation, error) { check() }
	})
	up = multipart.NewUploader(c, &opts)
	srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Delay(time.Duration(rnd.IntN(1000)) * time.Millisecond)})
	var wg sync.WaitGroup
	for i := range 1 + rnd.IntN(20) {
		k, want, mood := fmt.Sprint(key, i), data(rnd.IntN(20*int(opts.PartSize))),
			rand.New(rand.NewPCG(rnd.Uint64(), 1))
		cancelled := mood.IntN(4) == 0
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			rest := want
			_, err := up.Upload(ctx, bucket, k, readerFunc(func(p []byte) (int, error) {
				check()
				if len(rest) == 0 {
					return 0, io.EOF
				}
				switch mood.IntN(10) {
				case 0:
					time.Sleep(time.Duration(mood.IntN(5000)) * time.Millisecond)
				case 1:
					if cancelled {
						cancel()
						time.Sleep(time.Hour)
					}
				}
				n := copy(p, rest[:1+mood.IntN(len(rest))])
				rest = rest[n:]
				return n, nil
			}), nil)
			if cancelled && errors.Is(err, context.Canceled) {
				return
			}
			if obj, _ := srv.Object(bucket, k); err != nil || !bytes.Equal(obj.Data, want) {
				t.Errorf("%s: %v, %d bytes of %d", k, err, len(obj.Data), len(want))
			}
		})
	}
	wg.Wait()
	time.Sleep(2 * time.Hour) // until the last Read has ended
	if slots, bytes := up.InUse(); slots != 0 || bytes != 0 {
		t.Errorf("%d slots and %d bytes are in use at the end", slots, bytes)
	}
}
