package multipart

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/oss"
)

// A script is a source that yields bodies of the given sizes. A negative number is a wait of that many seconds.
type script struct {
	steps  []int
	data   []byte
	number int
	freed  atomic.Int64
	err    error // at the end, instead of io.EOF
}

func newScript(steps ...int) *script {
	s := &script{steps: steps, data: make([]byte, 300_000)}
	rand.NewChaCha8([32]byte{2}).Read(s.data)
	return s
}

func (s *script) next(ctx context.Context) (piece, error) {
	for len(s.steps) > 0 {
		n := s.steps[0]
		s.steps = s.steps[1:]
		if n < 0 {
			select {
			case <-time.After(time.Duration(-n) * time.Second):
			case <-ctx.Done():
				return piece{}, ctx.Err()
			}
			continue
		}
		s.number++
		return piece{Section: Section{Number: s.number, Size: int64(n)}, body: s.body(s.number, n),
			free: func() { s.freed.Add(1) }}, nil
	}
	if s.err != nil {
		return piece{}, s.err
	}
	return piece{}, io.EOF
}

// body returns that of piece number, of n bytes; no two are equal.
func (s *script) body(number, n int) oss.Body { return bytes.NewReader(s.data[number : number+n]) }

func (s *script) changed() error { return nil }

// jobWith returns a job whose Uploader sends workers parts at once and hashes lanes of them side by side.
func jobWith(workers, lanes int) *job {
	u := NewUploader(new(oss.Client), &Options{Concurrency: workers})
	u.lanes, u.atOnce = lanes, 2
	return &job{u: u, plan: Plan{PartSize: DefaultPartSize}}
}

func TestPiecesAreHashedAheadInOrder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range effort.Of(15, 60, 200) {
		workers, lanes := 1+rnd.IntN(20), []int{8, 16, 32}[rnd.IntN(3)]
		var steps []int
		size := rnd.IntN(3 * hashStep)
		for range rnd.IntN(100) {
			if rnd.IntN(10) == 0 {
				size = rnd.IntN(3 * hashStep)
			}
			if rnd.IntN(20) == 0 {
				steps = append(steps, -1)
			}
			steps = append(steps, size)
		}
		t.Run(fmt.Sprintf("workers=%d lanes=%d", workers, lanes), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(steps...)
				src, end := jobWith(workers, lanes).hashAhead(t.Context(), s)
				defer end()
				for number := 1; ; number++ {
					p, err := src.next(t.Context())
					if err == io.EOF {
						if number != s.number+1 {
							t.Errorf("%d pieces came of %d", number-1, s.number)
						}
						break
					}
					if err != nil || p.Number != number {
						t.Fatalf("piece %d is %d, %v", number, p.Number, err)
					}
					checkSums(t, p)
					p.free()
				}
				if n := s.freed.Load(); n != int64(s.number) {
					t.Errorf("%d pieces were freed, of %d", n, s.number)
				}
			})
		})
	}
}

// checkSums checks the sums of p, if it has any.
func checkSums(t *testing.T, p piece) {
	t.Helper()
	text := make([]byte, p.Size)
	p.body.ReadAt(text, 0)
	crc := crc64.Checksum(text)
	if s := p.sums; s != nil && (s.md5 != md5.Sum(text) || s.crc != crc) {
		t.Errorf("piece %d of %d bytes has MD5 %x and CRC-64 %x, want %x and %x", p.Number, p.Size,
			s.md5, s.crc, md5.Sum(text), crc)
	}
}

func TestFullGroupsAreHashedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 100
		steps := make([]int, n)
		for i := range steps {
			steps[i] = 1000
		}
		src, end := jobWith(4, 8).hashAhead(t.Context(), newScript(steps...))
		defer end()
		hashed := 0
		for range n {
			synctest.Wait() // sending is slow
			p, err := src.next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if p.sums != nil {
				hashed++
			}
		}
		if hashed < n-2*minGroup { // the first and the last may come alone
			t.Errorf("%d of %d pieces were hashed ahead", hashed, n)
		}
	})
}

func TestASlowStreamIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, end := jobWith(4, 32).hashAhead(t.Context(), newScript(1000, -3600, 1000, 1000, -3600, 1000))
		defer end()
		began := time.Now()
		for i, want := range []time.Duration{0, 1, 1, 2} {
			_, err := src.next(t.Context())
			if at := time.Since(began); err != nil || at != want*time.Hour {
				t.Errorf("piece %d came after %v, %v", i+1, at, err)
			}
		}
	})
}

func TestReadingAheadIsBounded(t *testing.T) {
	for _, tt := range []struct {
		workers, lanes int
		partSize       int64
		most           int // pieces hashed and not taken
	}{
		{4, 32, DefaultPartSize, 16 + 32},
		{4, 8, DefaultPartSize, 4 + 8},
		{4, 32, 100 << 20, 4 + 4}, // the first two groups at the same time
		{20, 8, DefaultPartSize, 8 + 8},
	} {
		synctest.Test(t, func(t *testing.T) {
			const parts = 200
			j := jobWith(tt.workers, tt.lanes)
			j.plan.Size, j.plan.PartSize = parts*tt.partSize, tt.partSize
			var mu sync.Mutex
			read := 0 // parts at least the beginning of which was read
			in := input{size: j.plan.Size, at: readerAt(func(p []byte, off int64) (int, error) {
				mu.Lock()
				defer mu.Unlock()
				read = max(read, int(off/tt.partSize)+1)
				return 0, io.ErrUnexpectedEOF // to be quick about it
			})}
			parts0, stop := newRangeSource(in, j.plan.Sections())
			defer stop()
			ctx, cancel := context.WithCancel(t.Context())
			src, end := j.hashAhead(ctx, parts0)
			defer end()
			defer cancel()
			for taken := range parts - 50 {
				synctest.Wait()
				if read > taken+tt.most {
					t.Errorf("%+v: %d parts were read when %d were taken", tt, read, taken)
				}
				if p, err := src.next(ctx); err != nil || p.sums != nil {
					t.Fatalf("piece %d has sums, or %v", p.Number, err)
				}
			}
		})
	}
}

// A line that is faster than one processor hashes gets more of them; the order stays.
func TestGroupsOfAFileAreHashedAtTheSameTimeWhenWorkersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const parts = 60
		j := jobWith(4, 8)
		j.plan.Size, j.plan.PartSize = parts*1000, 1000
		second := make(chan struct{}) // closed when the second group is read
		var once sync.Once
		in := input{size: j.plan.Size, at: readerAt(func(p []byte, off int64) (int, error) {
			switch off / 1000 {
			case 0:
				<-second
			case 4:
				once.Do(func() { close(second) })
			}
			clear(p)
			return len(p), nil
		})}
		pieces, stop := newRangeSource(in, j.plan.Sections())
		defer stop()
		src, end := j.hashAhead(t.Context(), pieces)
		defer end()
		for number := 1; number <= parts; number++ {
			p, err := src.next(t.Context())
			if err != nil || p.Number != number || p.sums == nil {
				t.Fatalf("piece %d is %d with sums %v, %v", number, p.Number, p.sums, err)
			}
		}
	})
}

// One worker with parts so large that a group is one of them must come to the end too.
func TestGroupsOfOnePieceComeToAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const parts, partSize = 3, maxGroupBytes
		j := jobWith(1, 32)
		j.plan.Size, j.plan.PartSize = parts*partSize, partSize
		pieces, stop := newRangeSource(input{size: j.plan.Size}, j.plan.Sections()) // groups of one are not read
		defer stop()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		src, end := j.hashAhead(ctx, pieces)
		defer end()
		for number := 1; number <= parts; number++ {
			if p, err := src.next(ctx); err != nil || p.Number != number {
				t.Fatalf("piece %d is %d, %v", number, p.Number, err)
			}
		}
		if p, err := src.next(ctx); err != io.EOF {
			t.Errorf("piece %d came after the last, %v", p.Number, err)
		}
	})
}

type readerAt func([]byte, int64) (int, error)

func (f readerAt) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }

func TestPiecesThatAreNotTakenAreFreed(t *testing.T) {
	for taken := range 20 {
		synctest.Test(t, func(t *testing.T) {
			s := newScript(10, 10, -1, 10, 10, 10, 10, 10, 10, 10, -1, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, -1, 10)
			ctx, cancel := context.WithCancel(t.Context())
			src, end := jobWith(2, 8).hashAhead(ctx, s)
			for range taken {
				p, err := src.next(ctx)
				if err != nil {
					t.Fatal(err)
				}
				p.free()
			}
			cancel()
			end()
			if n := s.freed.Load(); n != int64(s.number) {
				t.Errorf("%d pieces were freed, of %d", n, s.number)
			}
		})
	}
}

// On one processor one group is hashed at a time. When the call ended while the next one was gathered, the two did not
// fit into what waits to be taken, and the call never returned. Found with GOMAXPROCS=1.
func TestHashingAheadEndsWithItsCallOnAnyNumberOfProcessors(t *testing.T) {
	for atOnce := 1; atOnce <= mostAtOnce; atOnce++ {
		for taken := range 40 {
			synctest.Test(t, func(t *testing.T) {
				const parts, partSize = 100, 1000
				j := jobWith(4, 8)
				j.u.atOnce = atOnce
				j.plan.Size, j.plan.PartSize = parts*partSize, partSize
				in := input{size: j.plan.Size,
					at: readerAt(func(p []byte, _ int64) (int, error) { clear(p); return len(p), nil })}
				pieces, stop := newRangeSource(in, j.plan.Sections())
				defer stop()
				ctx, cancel := context.WithCancel(t.Context())
				src, end := j.hashAhead(ctx, pieces)
				for range taken {
					if _, err := src.next(ctx); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				cancel()
				end() // or all goroutines of the bubble are blocked
			})
		}
	}
}

func TestAnErrorOfTheSourceComesAfterItsPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(10, 10, 10, 10, 10)
		s.err = errors.New("disk on fire")
		src, end := jobWith(2, 8).hashAhead(t.Context(), s)
		defer end()
		for range 5 {
			if _, err := src.next(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if _, err := src.next(t.Context()); err != s.err {
				t.Errorf("the end is %v", err)
			}
		}
	})
}

func TestABodyThatCannotBeReadHasNoSums(t *testing.T) {
	u := NewUploader(new(oss.Client), nil)
	s := newScript()
	bodies := []oss.Body{s.body(1, 200_000), s.body(2, 0),
		sectionBody{r: bytes.NewReader(s.data), base: 100_000, size: 250_000}, s.body(3, 1), s.body(4, 200_000)}
	for i, d := range u.sumGroup(t.Context(), bodies) {
		if i == 2 {
			if d != nil {
				t.Error("a body that ends early has sums")
			}
			continue
		}
		if d == nil {
			t.Errorf("body %d has no sums", i)
			continue
		}
		checkSums(t, piece{Section: Section{Number: i, Size: bodies[i].Size()}, body: bodies[i], sums: d})
	}
}
