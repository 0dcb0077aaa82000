package multipart

import (
	"context"
	"errors"
	"io"
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
		b, _, err := u.inMemory(t.Context(), s.body(number, n))
		if err != nil || b == nil {
			t.Fatalf("body of %d bytes: %v, %v", n, b, err)
		}
		return b
	}
}

func TestBodiesThatMeetAreHashedTogether(t *testing.T) {
	for _, callers := range []int{1, 2, 7, 8, 9, 40} {
		synctest.Test(t, func(t *testing.T) {
			u, body := small(t, 8)
			u.desk.busy = true // somebody is at work
			var group sync.WaitGroup
			for i := range callers {
				b := body(i, leastSmall+1000*i)
				group.Go(func() {
					d, err := u.digestTogether(t.Context(), b)
					if err != nil {
						t.Error(err)
					}
					checkDigest(t, piece{Section: Section{Number: i, Size: b.size}, body: b, digest: d})
					b.free()
				})
			}
			synctest.Wait()
			if n := len(u.desk.waiting); n != callers {
				t.Fatalf("%d of %d wait", n, callers)
			}
			u.desk.waiting[0].turn <- false // and goes home
			group.Wait()
			if u.desk.busy || len(u.desk.waiting) > 0 || u.memory.budget.used != 0 {
				t.Errorf("the desk is %+v, %d bytes are in use", &u.desk, u.memory.budget.used)
			}
		})
	}
}

func TestOneThatComesAloneDoesNotWait(t *testing.T) {
	u, body := small(t, 8)
	for i := range 3 {
		b := body(i, 100_000)
		d, err := u.digestTogether(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		checkDigest(t, piece{Section: Section{Number: i, Size: b.size}, body: b, digest: d})
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
		b, _, err := u.inMemory(t.Context(), newScript().body(1, tt.size))
		if err != nil || (b != nil) != tt.want {
			t.Errorf("%d bytes with %d lanes: in memory is %v, %v", tt.size, tt.lanes, b != nil, err)
		}
	}
	u, _ := small(t, 32)
	b, _, err := u.inMemory(t.Context(), window{r: readerAt(func([]byte, int64) (int, error) { panic("read") }), size: mostSmall + 1})
	if b != nil || err != nil {
		t.Errorf("%d bytes: in memory is %v, %v", mostSmall+1, b, err)
	}
}

func TestReadingASmallObjectFailsWithoutATrace(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, tt := range []struct {
		name string
		body oss.Body
		want error
	}{
		{"broken", window{r: readerAt(func([]byte, int64) (int, error) { return 0, broken }), size: 100_000}, broken},
		{"too short", window{r: newScript().body(1, 99_999), size: 100_000}, ErrSourceChanged},
		{"of another kind, too short", shortBody{}, io.ErrUnexpectedEOF},
	} {
		u, _ := small(t, 32)
		if b, _, err := u.inMemory(t.Context(), tt.body); b != nil || !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, %v", tt.name, b, err)
		}
		if u.memory.budget.used != 0 {
			t.Errorf("%s: %d bytes are in use", tt.name, u.memory.budget.used)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		u, body := small(t, 32)
		if err := u.memory.budget.acquire(t.Context(), u.memory.budget.limit); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { synctest.Wait(); cancel() }()
		if _, _, err := u.inMemory(ctx, newScript().body(1, 100_000)); !errors.Is(err, context.Canceled) {
			t.Errorf("waiting for memory: %v", err)
		}
		u.memory.budget.release(u.memory.budget.limit)
		body(1, 100_000).free()
	})
}

// A shortBody ends before its size.
type shortBody struct{}

func (shortBody) Size() int64                             { return 100_000 }
func (shortBody) ReadAt(p []byte, off int64) (int, error) { return 0, io.EOF }
