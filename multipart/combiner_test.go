package multipart

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/ossmultipart/go-oss/oss"
)

// small returns an Uploader that hashes lanes bodies side by side, and a body in its memory.
func small(t *testing.T, lanes int) (*Uploader, func(number, n int) *buffer) {
	u := NewUploader(new(oss.Client), &Options{MemoryLimit: 64 << 20})
	u.lanes = lanes
	s := newScript()
	return u, func(number, n int) *buffer {
		near, _ := u.toCombine(s.body(number, n))
		b, ok := near.(*buffer)
		if !ok {
			t.Fatalf("a body of %d bytes is not in memory", n)
		}
		return b
	}
}

func TestBodiesThatMeetAreHashedTogether(t *testing.T) {
	for _, callers := range []int{1, 2, 7, 8, 9, 40} {
		synctest.Test(t, func(t *testing.T) {
			u, body := small(t, 8)
			u.combiner.busy = true // a caller is hashing
			var group sync.WaitGroup
			for i := range callers {
				b := body(i, leastSmall+1000*i)
				group.Go(func() {
					d, err := u.sumOf(t.Context(), b)
					if err != nil {
						t.Error(err)
					}
					checkSums(t, piece{Section: Section{Number: i, Size: b.size}, body: b, sums: d})
					b.free()
				})
			}
			synctest.Wait()
			if n := len(u.combiner.waiting); n != callers {
				t.Fatalf("%d of %d wait", n, callers)
			}
			u.combiner.waiting[0].call.token <- false // and goes home
			group.Wait()
			if n := inUse(u.memory); u.combiner.busy || len(u.combiner.waiting) > 0 || n != 0 {
				t.Errorf("the combiner is %+v, %d bytes are in use", &u.combiner, n)
			}
		})
	}
}

// Parts of a stream that were read together share lanes with objects and parts that come one by one.
func TestGroupsAndSingleBodiesAreHashedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, body := small(t, 8)
		u.combiner.busy = true // a caller is hashing
		var callers sync.WaitGroup
		var all []*buffer
		for i := range 6 {
			bodies := []oss.Body{}
			for range 1 + i%3*5 {
				b := body(len(all), leastSmall+10_000*(len(all)%7))
				all = append(all, b)
				bodies = append(bodies, b)
			}
			callers.Go(func() {
				for k, s := range u.sumGroup(t.Context(), bodies) {
					checkSums(t, piece{Section: Section{Number: k, Size: bodies[k].Size()}, body: bodies[k], sums: s})
				}
			})
		}
		synctest.Wait()
		if n := len(u.combiner.waiting); n != len(all) {
			t.Fatalf("%d of %d bodies wait", n, len(all))
		}
		u.combiner.waiting[0].call.token <- false // and goes home
		callers.Wait()
		if u.combiner.busy || len(u.combiner.waiting) > 0 {
			t.Errorf("the combiner is %+v", &u.combiner)
		}
		for _, b := range all {
			b.free()
		}
		if n := inUse(u.memory); n != 0 {
			t.Errorf("%d bytes are in use", n)
		}
	})
}

// Files in the page cache and memory of the caller are hashed together with buffers. A file on a disk is not: others
// would have to wait for it.
func TestBodiesThatNeedNoDiskAreHashedTogether(t *testing.T) {
	cold, warm := randomFile(t, 3*mib), randomFile(t, 3*mib)
	synctest.Test(t, func(t *testing.T) {
		u, body := small(t, 8)
		u.ahead.resident = func(f *os.File, _, _ int64) (resident, ok bool) { return f == warm, true }
		u.combiner.busy = true // a caller is hashing
		b := body(1, 100_000)
		defer b.free()
		var callers sync.WaitGroup
		for i, body := range []oss.Body{
			b, sectionBody{r: warm, base: 10, size: 2 * mib},
			sectionBody{r: io.NewSectionReader(warm, 10, 2*mib), base: 7, size: 1 * mib},
			sectionBody{r: bytes.NewReader(make([]byte, 1000)), size: 900},
			sectionBody{r: strings.NewReader("some text"), base: 2, size: 5},
			sectionBody{r: cold, base: 10, size: 2 * mib},
		} {
			callers.Go(func() {
				s, err := u.sumOf(t.Context(), body)
				if err != nil {
					t.Error(err)
				}
				checkSums(t, piece{Section: Section{Number: i, Size: body.Size()}, body: body, sums: s})
			})
		}
		synctest.Wait()
		if n := len(u.combiner.waiting); n != 5 {
			t.Errorf("%d bodies wait, want all but the file on the disk", n)
		}
		u.combiner.waiting[0].call.token <- false
		callers.Wait()
	})
}

// A group of many parts of a file has its own lanes, so that several groups can be hashed at the same time.
func TestALargeGroupOfPartsHasItsOwnLanes(t *testing.T) {
	f := randomFile(t, 3*mib)
	u, _ := small(t, 16)
	u.ahead.resident = func(*os.File, int64, int64) (resident, ok bool) { return true, true }
	for _, tt := range []struct {
		parts int
		want  bool
	}{{1, true}, {4, true}, {5, false}, {16, false}} {
		requests := make([]hashRequest, tt.parts)
		for i := range requests {
			requests[i] = hashRequest{ctx: t.Context(), body: sectionBody{r: f, base: int64(i), size: 1000}}
		}
		if got := u.allCombine(requests); got != tt.want {
			t.Errorf("the combiner hashes %d parts: %v, want %v", tt.parts, got, tt.want)
		}
	}
}

// A call whose context has ended gets no sums, and takes no lane from others.
func TestACancelledBodyLeavesTheCombiner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, body := small(t, 8)
		u.combiner.busy = true
		gone, cancel := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		for i := range 20 {
			b, ctx := body(i, 200_000), t.Context()
			if i%2 == 0 {
				ctx = gone
			}
			callers.Go(func() {
				defer b.free()
				s, err := u.sumOf(ctx, b)
				if ctx == gone != errors.Is(err, context.Canceled) {
					t.Errorf("body %d: error is %v", i, err)
				} else if err == nil {
					checkSums(t, piece{Section: Section{Number: i, Size: b.size}, body: b, sums: s})
				}
			})
		}
		synctest.Wait()
		cancel()
		u.combiner.waiting[0].call.token <- false
		callers.Wait()
	})
}

func TestOneThatComesAloneDoesNotWait(t *testing.T) {
	u, body := small(t, 8)
	for i := range 3 {
		b := body(i, 100_000)
		d, err := u.sumOf(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		checkSums(t, piece{Section: Section{Number: i, Size: b.size}, body: b, sums: d})
		b.free()
	}
}

func TestOnlySmallObjectsAreReadIntoMemory(t *testing.T) {
	for _, tt := range []struct {
		size, lanes int
		want        bool
	}{
		{0, 32, false}, {leastSmall - 1, 32, false}, {leastSmall, 32, true}, {250_000, 8, true}, {250_000, 1, false},
	} {
		u, _ := small(t, tt.lanes)
		if b, _ := u.toCombine(newScript().body(1, tt.size)); (b != nil) != tt.want {
			t.Errorf("%d bytes with %d lanes: in memory is %v", tt.size, tt.lanes, b != nil)
		}
	}
	u, _ := small(t, 32)
	if b, _ := u.toCombine(sectionBody{r: readerAt(func([]byte, int64) (int, error) { panic("read") }),
		size: mostSmall + 1}); b != nil {
		t.Errorf("%d bytes are in memory", mostSmall+1)
	}
}

// Sending such a body returns the read error.
func TestASmallObjectThatCannotBeReadIsNotInMemory(t *testing.T) {
	for _, tt := range []struct {
		name string
		body oss.Body
	}{
		{"broken", sectionBody{r: readerAt(func([]byte, int64) (int, error) { return 0, errors.New("disk on fire") }),
			size: 100_000}},
		{"too short", sectionBody{r: newScript().body(1, 99_999), size: 100_000}},
		{"of another kind, too short", shortBody{}},
	} {
		u, _ := small(t, 32)
		if b, _ := u.toCombine(tt.body); b != nil && b != tt.body {
			t.Errorf("%s: it is in memory", tt.name)
		}
		if n := inUse(u.memory); n != 0 {
			t.Errorf("%s: %d bytes are in use", tt.name, n)
		}
	}
}

// Bug 3: hashing side by side is an optimisation, so it must not wait for memory.
func TestASmallObjectDoesNotWaitForMemory(t *testing.T) {
	u, body := small(t, 32)
	limit := u.memory.limit.Limit()
	if err := u.memory.limit.Acquire(t.Context(), limit-100_000); err != nil {
		t.Fatal(err)
	}
	if b, _ := u.toCombine(newScript().body(1, 200_000)); b != nil {
		t.Error("200,000 bytes are in memory where 100,000 are left")
	}
	u.memory.limit.Release(limit - 100_000)
	body(1, 200_000).free()
}

// A shortBody ends before its size.
type shortBody struct{}

func (shortBody) Size() int64                             { return 100_000 }
func (shortBody) ReadAt(p []byte, off int64) (int, error) { return 0, io.EOF }
