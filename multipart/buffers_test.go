package multipart

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/ossmultipart/go-oss/internal/zerocopy"
)

// testPool returns a pool for parts of part bytes within a limit.
func testPool(limit, part int64) *pool { return newPool(limit, part, part, 1, DefaultConcurrency) }

// filled returns a buffer with the bytes of r, at most size.
func filled(t *testing.T, p *pool, r io.Reader, size int64) *buffer {
	t.Helper()
	s := newStream(t.Context(), p, input{stream: r, size: -1}, p.chunk, nil)
	defer s.close()
	b, _, err := s.gather(t.Context(), p.roundUp(size), false)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// inUse returns the bytes of p that are in use.
func inUse(p *pool) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limit.Held() + p.own + p.sending
}

// Law: what is read into a buffer comes out of ReadAt, at any offset and length.
func FuzzBuffer(f *testing.F) {
	f.Add(10, int64(3), 4)
	f.Add(2*maxChunk, int64(maxChunk-1), 2)
	f.Add(maxChunk, int64(0), maxChunk+1)
	f.Add(maxChunk+1, int64(maxChunk), 5)
	f.Add(2*maxChunk+74, int64(maxChunk-1), 2) // three chunks, of two bytes more together
	f.Fuzz(func(t *testing.T, size int, off int64, n int) {
		if size < 1 || size > 4*maxChunk || off < 0 || n < 0 || n > 4*maxChunk {
			return // nothing a reader of a body asks for
		}
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(i * 7 >> 3)
		}
		p := testPool(int64(size), int64(size))
		b := filled(t, p, bytes.NewReader(want), int64(size))
		if b.Size() != int64(size) {
			t.Fatalf("the buffer has %d bytes of %d", b.Size(), size)
		}
		got, expect := make([]byte, n), make([]byte, n)
		m, err := b.ReadAt(got, off)
		wantN, wantErr := bytes.NewReader(want).ReadAt(expect, off)
		if m != wantN || err != wantErr && n > 0 || !bytes.Equal(got[:m], expect[:wantN]) {
			t.Errorf("ReadAt(%d bytes at %d of %d) = %d, %v, want %d, %v", n, off, size, m, err, wantN, wantErr)
		}
		b.free()
		if n := inUse(p); n != 0 {
			t.Errorf("%d bytes are still in use", n)
		}
	})
}

func TestPartsAreAWholeNumberOfChunks(t *testing.T) {
	sizes := []int64{1, 100 << 10, maxChunk - 1, maxChunk, maxChunk + 1, 300 << 10, 1<<20 + 7, 2 << 20,
		8 << 20, 10_000_000, 5 << 30}
	for range 100 {
		sizes = append(sizes, 1+rand.Int64N(16<<20))
	}
	for _, size := range sizes {
		chunk := chunkFor(size)
		more := (size+chunk-1)/chunk*chunk - size
		if chunk > maxChunk || chunk < min(size, maxChunk/2) || more*chunk >= size+chunk {
			t.Errorf("a part of %d bytes has %d more, in chunks of %d", size, more, chunk)
		}
	}
	for _, size := range []int64{8 << 20, 10_000_000, 300_000, 5 << 30} {
		if chunk := chunkFor(size); size%chunk != 0 {
			t.Errorf("a part of %d bytes is in chunks of %d", size, chunk)
		}
	}
}

func TestASplitBufferHasTheSameBytes(t *testing.T) {
	p := testPool(1<<20, 10<<10)
	// in chunks, but for a byte
	for _, tt := range []struct{ size, part int64 }{{1, 1}, {10, 1}, {10, 2}, {13, 4}, {16, 4}, {20, 5}} {
		for _, size := range []int64{tt.size * p.chunk, tt.size*p.chunk - 1} {
			want := bytes.Repeat([]byte("0123456789!"), int(size))[:size]
			var got []byte
			for _, q := range filled(t, p, bytes.NewReader(want), size).split(tt.part * p.chunk) {
				text := make([]byte, q.Size())
				if _, err := q.ReadAt(text, 0); err != nil || q.Size() > tt.part*p.chunk {
					t.Errorf("a buffer of %d bytes: %v", q.Size(), err)
				}
				got = append(got, text...)
				q.free()
			}
			if n := inUse(p); !bytes.Equal(got, want) || n != 0 {
				t.Errorf("%d bytes in parts of %d chunks: the same is %v, %d bytes are in use", size,
					tt.part, bytes.Equal(got, want), n)
			}
		}
	}
}

func TestBytesInOnePieceAreFoundWhereTheyLie(t *testing.T) {
	const size = 10 << 10
	p := testPool(1<<20, size)
	want := bytes.Repeat([]byte("0123456789!"), size)[:3*size]
	b := filled(t, p, bytes.NewReader(want), 3*size)
	for _, tt := range []struct {
		off, n int64
		found  bool
	}{{0, size, true}, {0, size + 1, false}, {size - 1, 1, true}, {size - 1, 2, false}, {2*size + 5, 100, true}} {
		got := b.at(tt.off, tt.n)
		if (got != nil) != tt.found || tt.found && !bytes.Equal(got, want[tt.off:tt.off+tt.n]) {
			t.Errorf("%d bytes at %d: found is %v", tt.n, tt.off, got != nil)
		}
	}
}

func TestABufferIsKeptWhileAConnectionWritesFromIt(t *testing.T) {
	p := testPool(1<<20, 3*maxChunk)
	want := bytes.Repeat([]byte("0123456789!"), maxChunk)[:2*maxChunk-5]
	b := filled(t, p, bytes.NewReader(want), 2*maxChunk)
	full := inUse(p)
	var lent []zerocopy.Region
	for off := int64(1000); off < b.size; off += lent[len(lent)-1].Size {
		r, err := b.Region(off, 100_000, false)
		if err != nil || r.Size != int64(len(r.Bytes)) || !bytes.Equal(r.Bytes, want[off:off+r.Size]) {
			t.Fatalf("%d bytes are lent at %d, %v", r.Size, off, err)
		}
		lent = append(lent, r)
	}
	b.free()
	for i, r := range lent {
		if n := inUse(p); n != full || n == 0 {
			t.Fatalf("%d bytes are in use when %d ranges are lent", n, len(lent)-i)
		}
		r.Buffer.Release()
	}
	if n := inUse(p); n != 0 {
		t.Errorf("%d bytes are in use when nothing is lent", n)
	}
}
