package multipart

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/ossmultipart/go-oss/internal/lend"
)

func TestABudgetServesThoseWhoWaitInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(10)
		if err := b.acquire(t.Context(), 8); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var served []int64
		for _, n := range []int64{9, 1, 2} { // 1 and 2 would fit at once, but 9 came first
			go func() {
				if b.acquire(t.Context(), n) == nil {
					mu.Lock()
					defer mu.Unlock()
					served = append(served, n)
				}
			}()
			synctest.Wait()
		}
		if len(served) != 0 {
			t.Fatalf("%v were served while 8 of 10 were taken", served)
		}
		b.release(8)
		synctest.Wait()
		if len(served) != 2 || served[0]+served[1] != 10 || b.used != 10 { // 9 and 1, not 1 and 2
			t.Fatalf("%v were served, %d of 10 are used", served, b.used)
		}
		b.release(9)
		synctest.Wait()
		if len(served) != 3 || b.used != 3 {
			t.Errorf("%v were served, %d of 10 are used", served, b.used)
		}
	})
}

func TestAClaimThatIsCancelledLetsTheNextOnesIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(10)
		if err := b.acquire(t.Context(), 5); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var large, small error
		go func() { large = b.acquire(ctx, 10) }()
		synctest.Wait()
		go func() { small = b.acquire(t.Context(), 5) }()
		synctest.Wait()
		cancel()
		synctest.Wait()
		if !errors.Is(large, context.Canceled) || small != nil || b.used != 10 || len(b.waiting) != 0 {
			t.Errorf("large %v, small %v, %d used, %d waiting", large, small, b.used, len(b.waiting))
		}
		if err := b.acquire(ctx, 0); !errors.Is(err, context.Canceled) {
			t.Errorf("acquire with a cancelled context: %v", err)
		}
	})
}

// Law: what is read into a buffer comes out of ReadAt, at any offset and length.
func FuzzBuffer(f *testing.F) {
	f.Add(10, int64(3), 4)
	f.Add(2*maxChunk, int64(maxChunk-1), 2)
	f.Add(maxChunk, int64(0), maxChunk+1)
	f.Add(maxChunk+1, int64(maxChunk), 5)
	f.Fuzz(func(t *testing.T, size int, off int64, n int) {
		if size < 1 || size > 4*maxChunk || off < 0 || n < 0 || n > 4*maxChunk {
			return // nothing a reader of a body asks for
		}
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(i * 7 >> 3)
		}
		p := newPool(int64(size), int64(size))
		b, err := p.buffer(context.Background(), int64(size))
		if err != nil {
			t.Fatal(err)
		}
		if err := b.fill(bytes.NewReader(want)); err != nil || b.Size() != int64(size) {
			t.Fatalf("fill: %v with %d bytes", err, b.Size())
		}
		got, expect := make([]byte, n), make([]byte, n)
		m, err := b.ReadAt(got, off)
		wantN, wantErr := bytes.NewReader(want).ReadAt(expect, off)
		if m != wantN || err != wantErr && n > 0 || !bytes.Equal(got[:m], expect[:wantN]) {
			t.Errorf("ReadAt(%d bytes at %d of %d) = %d, %v, want %d, %v", n, off, size, m, err, wantN, wantErr)
		}
		b.free()
		if p.budget.used != 0 {
			t.Errorf("%d bytes are still reserved", p.budget.used)
		}
	})
}

func TestAShortStreamLeavesTheRestOfItsRoomUnallocated(t *testing.T) {
	p := newPool(1<<40, 1<<40)
	b, err := p.buffer(t.Context(), 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.fill(io.LimitReader(bytes.NewReader(make([]byte, maxChunk+1)), maxChunk+1)); err != io.EOF {
		t.Fatal(err)
	}
	if len(b.chunks) != 2 {
		t.Errorf("%d bytes took %d chunks", b.Size(), len(b.chunks))
	}
}

func TestABufferTakesNoMoreThanWasReserved(t *testing.T) {
	for _, size := range []int64{minChunk, 100 << 10, maxChunk - 1, maxChunk, maxChunk + 1, 300 << 10, 1<<20 + 7, 8 << 20} {
		chunk := chunkFor(size)
		if taken := (size + chunk - 1) / chunk * chunk; taken-size > size/100 || chunk > maxChunk {
			t.Errorf("a part of %d bytes takes %d, in chunks of %d", size, taken, chunk)
		}
	}
}

func TestASplitBufferHasTheSameBytes(t *testing.T) {
	p := newPool(1<<20, 10*minChunk)
	for _, tt := range []struct{ size, part int64 }{{1, 1}, {10, 1}, {10, 2}, {13, 4}, {16, 4}, {20, 5}} { // in chunks, but for a byte
		for _, size := range []int64{tt.size * p.chunk, tt.size*p.chunk - 1} {
			b, err := p.buffer(t.Context(), tt.size*p.chunk)
			if err != nil {
				t.Fatal(err)
			}
			want := bytes.Repeat([]byte("0123456789!"), int(size))[:size]
			if err := b.fill(bytes.NewReader(want)); err != nil && err != io.EOF {
				t.Fatal(err)
			}
			var got []byte
			for _, q := range b.split(tt.part * p.chunk) {
				text := make([]byte, q.Size())
				if _, err := q.ReadAt(text, 0); err != nil || q.Size() > tt.part*p.chunk {
					t.Errorf("a buffer of %d bytes: %v", q.Size(), err)
				}
				got = append(got, text...)
				q.free()
			}
			if !bytes.Equal(got, want) || p.budget.used != 0 {
				t.Errorf("%d bytes in parts of %d chunks: the same is %v, %d bytes are in use", size, tt.part, bytes.Equal(got, want), p.budget.used)
			}
		}
	}
}

func TestBytesInOnePieceAreFoundWhereTheyLie(t *testing.T) {
	p := newPool(1<<20, minChunk)
	b, _ := p.buffer(t.Context(), 3*minChunk)
	want := bytes.Repeat([]byte("0123456789!"), minChunk)[:3*minChunk]
	b.fill(bytes.NewReader(want))
	for _, tt := range []struct {
		off, n int64
		found  bool
	}{{0, minChunk, true}, {0, minChunk + 1, false}, {minChunk - 1, 1, true}, {minChunk - 1, 2, false}, {2*minChunk + 5, 100, true}} {
		got := b.at(tt.off, tt.n)
		if (got != nil) != tt.found || tt.found && !bytes.Equal(got, want[tt.off:tt.off+tt.n]) {
			t.Errorf("%d bytes at %d: found is %v", tt.n, tt.off, got != nil)
		}
	}
}

func TestABufferIsKeptWhileAConnectionWritesFromIt(t *testing.T) {
	p := newPool(1<<20, 3*maxChunk)
	b, _ := p.buffer(t.Context(), 2*maxChunk)
	want := bytes.Repeat([]byte("0123456789!"), maxChunk)[:2*maxChunk-5]
	b.fill(bytes.NewReader(want))
	var lent []lend.Range
	for off := int64(1000); off < b.size; off += lent[len(lent)-1].Size {
		r, err := b.Lend(off, 100_000, false)
		if err != nil || r.Size != int64(len(r.Bytes)) || !bytes.Equal(r.Bytes, want[off:off+r.Size]) {
			t.Fatalf("%d bytes are lent at %d, %v", r.Size, off, err)
		}
		lent = append(lent, r)
	}
	b.free()
	for i, r := range lent {
		if p.budget.used != 2*maxChunk {
			t.Fatalf("%d bytes are in use when %d ranges are lent", p.budget.used, len(lent)-i)
		}
		r.Owner.GiveBack()
	}
	if p.budget.used != 0 {
		t.Errorf("%d bytes are in use when nothing is lent", p.budget.used)
	}
}
