package multipart

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// randomFile returns a file of n bytes.
func randomFile(t *testing.T, n int64) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := io.CopyN(f, rand.NewChaCha8([32]byte{3}), n); err != nil {
		t.Fatal(err)
	}
	return f
}

// fileJob returns a job that sends parts of f, for which so many bytes of memory are available.
func fileJob(
	t *testing.T, f *os.File, cache *modelCache, partSize, available int64, opts Options,
) (j *job, pieces *rangeSource) {
	t.Helper()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	opts.PartSize = partSize
	u := NewUploader(new(oss.Client), &opts)
	u.lanes, u.atOnce = 16, 2
	cache.use(u.ahead, available)
	j = &job{u: u, plan: Plan{Size: info.Size(), PartSize: partSize}}
	pieces, stop := newRangeSource(input{at: f, size: info.Size()}, j.plan.Sections())
	t.Cleanup(stop)
	return j, pieces
}

// send takes all pieces and reads them as sending does. It calls look for each.
func send(t *testing.T, j *job, pieces source, look func(p piece)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	src, end := j.hashAhead(ctx, pieces)
	defer end()
	defer cancel()
	buf := make([]byte, 256<<10)
	for number := 1; ; number++ {
		p, err := src.next(ctx)
		if err == io.EOF {
			if number != j.plan.NumParts()+1 {
				t.Errorf("%d parts came of %d", number-1, j.plan.NumParts())
			}
			return
		}
		if err != nil || p.Number != number {
			t.Fatalf("part %d is %d, %v", number, p.Number, err)
		}
		if p.sums == nil {
			if p.sums, err = j.u.sumOf(ctx, p.toHash()); err != nil {
				t.Fatal(err)
			}
		}
		for off := int64(0); off < p.Size; off += int64(len(buf)) {
			if n, err := p.body.ReadAt(buf[:min(int64(len(buf)), p.Size-off)], off); err != nil {
				t.Fatalf("part %d at %d: %d, %v", number, off, n, err)
			}
		}
		checkSums(t, p)
		look(p)
		p.free()
	}
}

const mib = 1 << 20

// Row 10 of the table of containers: what was hashed is in the cache when it is sent, however little memory there is.
func TestWhatIsReadFromTheDiskFitsIntoTheCache(t *testing.T) {
	f := randomFile(t, 60*mib)
	const available = otherMemory + 32*mib // of which 24 MiB are used
	var cache modelCache
	j, pieces := fileJob(t, f, &cache, 2*mib, available, Options{Concurrency: 2, MemoryLimit: 4 * mib})
	send(t, j, pieces, func(p piece) {
		if held := j.u.ahead.room.Held(); held > 24*mib {
			t.Errorf("%d MiB are between hashing and sending", held/mib)
		}
		if _, ok := p.body.(*cachedPart); !ok {
			t.Errorf("part %d has a %T", p.Number, p.body)
		}
	})
	if held := j.u.ahead.room.Held(); held != 0 || inUse(j.u.memory) != 0 {
		t.Errorf("at the end %d bytes of room and %d of memory are held", held, inUse(j.u.memory))
	}
	if j.u.ahead.halved != 0 {
		t.Errorf("parts left the cache before they were sent: the limit was halved %d times", j.u.ahead.halved)
	}
	if got, want := len(cache.evicted), 60*mib/modelPage; got != want {
		t.Errorf("%d pages of a file that memory has no room for were evicted, want %d", got, want)
	}
}

// container-100: where half of the room is less than four parts, a group takes more of it.
func TestAGroupTakesHalfOfTheRoomOrFourParts(t *testing.T) {
	for _, tt := range []struct{ limit, want int64 }{{12, 12}, {24, 24}, {54, 32}, {66, 33}, {120, 60}} {
		u := NewUploader(new(oss.Client), nil)
		new(modelCache).use(u.ahead, otherMemory+tt.limit*mib/3*4)
		p := &hashPipeline{u: u, partSize: 8 * mib}
		if got := p.maxRoom(); got != tt.want*mib {
			t.Errorf("of %d MiB a group of parts of 8 MiB takes %d, want %d", tt.limit, got/mib, tt.want)
		}
	}
}

// A file that is in the cache already is hashed in full groups, and stays there.
func TestAFileInTheCacheLosesNothing(t *testing.T) {
	f := randomFile(t, 40*mib)
	cache := modelCache{warm: true}
	j, pieces := fileJob(t, f, &cache, 1*mib, otherMemory, Options{Concurrency: 2, MemoryLimit: 4 * mib})
	send(t, j, pieces, func(p piece) {
		if _, ok := p.body.(sectionBody); !ok {
			t.Errorf("part %d has a %T", p.Number, p.body)
		}
		if held := j.u.ahead.room.Held(); held != 0 {
			t.Errorf("%d bytes of room are held", held)
		}
	})
	if n := len(cache.evicted); n != 0 {
		t.Errorf("%d pages were evicted", n)
	}
}

// Where the cache is too small for the parts in flight, parts are read once, into memory that counts.
func TestWithoutCachePartsAreReadOnceIntoMemory(t *testing.T) {
	f := randomFile(t, 30*mib+5)
	var cache modelCache
	j, pieces := fileJob(t, f, &cache, 1*mib, otherMemory, Options{Concurrency: 2, MemoryLimit: 4 * mib})
	send(t, j, pieces, func(p piece) {
		if _, ok := p.body.(*buffer); !ok {
			t.Errorf("part %d has a %T", p.Number, p.body)
		}
		if n := j.u.memory.limit.Held(); n > 4*mib {
			t.Errorf("%d MiB are in memory", n/mib)
		}
	})
	if got, want := len(cache.evicted), 30*mib/modelPage+1; got != want {
		t.Errorf("%d pages that are in memory were evicted, want %d", got, want)
	}
	if held := j.u.ahead.room.Held(); held != 0 || inUse(j.u.memory) != 0 {
		t.Errorf("at the end %d bytes of room and %d of memory are held", held, inUse(j.u.memory))
	}
}

// A call that ends gives back room and memory, whatever waits for them.
func TestACancelledUploadHoldsNoRoom(t *testing.T) {
	f := randomFile(t, 30*mib)
	for _, available := range []int64{otherMemory, otherMemory + 12*mib, 1 << 30} {
		for taken := range 6 {
			j, pieces := fileJob(t, f, new(modelCache), 1*mib, available, Options{Concurrency: 2, MemoryLimit: 4 * mib})
			ctx, cancel := context.WithCancel(t.Context())
			src, end := j.hashAhead(ctx, pieces)
			var held []piece
			for range taken {
				p, err := src.next(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if held = append(held, p); len(held) == 3 {
					held[0].free()
					held = held[1:]
				}
			}
			cancel()
			end()
			for _, p := range held {
				p.free()
			}
			if room := j.u.ahead.room.Held(); room != 0 || inUse(j.u.memory) != 0 {
				t.Errorf("%d MiB available, %d parts taken: %d bytes of room and %d of memory are held",
					available/mib, taken, room, inUse(j.u.memory))
			}
		}
	}
}

// Room comes back in steps while a part is being sent, once however often it is read.
func TestRoomIsReleasedWhileAPartIsSent(t *testing.T) {
	f := randomFile(t, 8*mib)
	r := newReadAhead()
	new(modelCache).use(r, 0)
	r.room.SetLimit(100 * mib)
	if err := r.room.Acquire(t.Context(), 8*mib); err != nil {
		t.Fatal(err)
	}
	c := &cachedPart{sectionBody: sectionBody{r: f, size: 8 * mib}, file: f, ahead: r, reserved: 8 * mib, drop: true}
	for _, tt := range []struct{ off, want int64 }{
		{0, 8}, {1, 7}, {4, 4}, {2, 4}, {0, 4}, {7, 1}, {8, 0}, {8, 0},
	} {
		if _, err := c.Region(tt.off*mib, 0, true); err != nil {
			t.Fatal(err)
		}
		if held := r.room.Held(); held != tt.want*mib {
			t.Errorf("at %d MiB %d bytes of room are held, want %d MiB", tt.off, held, tt.want)
		}
	}
	c.free()
	if held := r.room.Held(); held != 0 {
		t.Errorf("%d bytes of room are held", held)
	}
}

// A part that has left the cache halves the limit, at most once a second. A minute without one doubles it.
func TestPartsThatLeftTheCacheLowerTheLimit(t *testing.T) {
	f := randomFile(t, 1*mib)
	synctest.Test(t, func(t *testing.T) {
		r := newReadAhead()
		r.available = func() (int64, bool) { return otherMemory + 400*mib, true }
		r.resident = func(*os.File, int64, int64) (resident, ok bool) { return false, true }
		gone := func() {
			c := &cachedPart{sectionBody: sectionBody{r: f, size: 1 * mib}, file: f, ahead: r}
			c.reached(0)
			c.reached(0)
			c.free()
		}
		want := func(n int64) {
			t.Helper()
			if got := r.limit(); got != n*mib || r.room.Limit() != got {
				t.Errorf("the limit is %d MiB, that of the room %d, want %d", got/mib, r.room.Limit()/mib, n)
			}
		}
		want(300)
		time.Sleep(time.Hour)
		gone()
		gone()
		want(150)
		time.Sleep(2 * time.Second)
		gone()
		want(75)
		time.Sleep(time.Minute)
		want(150)
		time.Sleep(time.Minute)
		want(300)
		time.Sleep(time.Hour)
		want(300)
	})
}

func TestTheLimitFollowsTheMemoryThatIsAvailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReadAhead()
		for _, tt := range []struct {
			available int64
			known     bool
			want      int64
		}{
			{0, true, 0}, {otherMemory, true, 0}, {otherMemory + 4*mib, true, 3 * mib}, {1 << 40, true, maxReadAhead},
			{0, false, (safeReadAhead - otherMemory) / 4 * 3},
		} {
			r.available = func() (int64, bool) { return tt.available, tt.known }
			time.Sleep(checkInterval)
			if got := r.limit(); got != tt.want {
				t.Errorf("with %d bytes, %v, the limit is %d, want %d", tt.available, tt.known, got, tt.want)
			}
		}
	})
}

// A section of a file is a part of that file; a section of anything else, or one that leads out of its file's, is none.
func TestFileOfLooksThroughSections(t *testing.T) {
	f := randomFile(t, 1000)
	inner := io.NewSectionReader(f, 100, 500)
	for _, tt := range []struct {
		name string
		w    sectionBody
		file bool
		off  int64
	}{
		{"a file", sectionBody{r: f, base: 10, size: 20}, true, 10},
		{"a section", sectionBody{r: inner, base: 10, size: 20}, true, 110},
		{"a section of a section", sectionBody{r: io.NewSectionReader(inner, 50, 100), base: 10, size: 20}, true, 160},
		{"longer than the section", sectionBody{r: inner, base: 490, size: 20}, false, 0},
		{"memory", sectionBody{r: bytes.NewReader(nil), size: 20}, false, 0},
		{"a section of memory", sectionBody{r: io.NewSectionReader(bytes.NewReader(nil), 0, 20), size: 20}, false, 0},
	} {
		if got, off := fileOf(tt.w); (got == f) != tt.file || off != tt.off {
			t.Errorf("%s: fileOf = %v, %d", tt.name, got, off)
		}
	}
}

// A section of a file is a part of that file, and is sent and cached as one. It calls no code of the caller that needs
// a guard; a section of anything else may.
func TestASectionOfAFileIsExposedAsTheFile(t *testing.T) {
	f := randomFile(t, 1000)
	g := new(guard)
	section := io.NewSectionReader(io.NewSectionReader(f, 100, 800), 50, 500)
	w := sectionBody{r: g.readerAt(section), base: 10, size: 400}
	got, err := w.Region(20, 1000, true)
	if got.File != f || got.Offset != 180 || got.Size != 380 || err != nil {
		t.Errorf("Region = %+v, %v, want 380 bytes of the file from 180 on", got, err)
	}
	if got, err := w.Region(20, 100, false); err != nil || !got.IsZero() {
		t.Errorf("without files Region = %+v, %v", got, err)
	}
	theirs := readerAt(func([]byte, int64) (int, error) { panic("the caller's code") })
	w.r = g.readerAt(io.NewSectionReader(theirs, 0, 500))
	if got, err := w.Region(0, 100, true); err != nil || !got.IsZero() {
		t.Errorf("of a section of another type Region = %+v, %v", got, err)
	}
	if _, err := w.ReadAt(make([]byte, 10), 0); err == nil {
		t.Error("a panic of the caller's code passed the guard")
	}
}

// A file that became shorter is told as everywhere.
func TestAFileThatEndsEarlyWhileItIsHashed(t *testing.T) {
	f := randomFile(t, 3*mib)
	if err := f.Truncate(2*mib + 10); err != nil {
		t.Fatal(err)
	}
	c := &cachedPart{sectionBody: sectionBody{r: f, base: 2 * mib, size: 1 * mib}, file: f,
		offset: 2 * mib, ahead: newReadAhead()}
	defer c.free()
	u := NewUploader(new(oss.Client), nil)
	if _, err := u.sumOf(t.Context(), hashReader{c}); !errors.Is(err, ErrSourceChanged) {
		t.Errorf("error is %v", err)
	}
}

// A connection may send a cachedPart without copying it, as it may any part of a file.
func TestACachedPartIsLent(t *testing.T) {
	f := randomFile(t, 4*mib)
	c := &cachedPart{sectionBody: sectionBody{r: f, base: 1 * mib, size: 2 * mib}, file: f,
		offset: 1 * mib, ahead: newReadAhead()}
	got, err := c.Region(100, 3*mib, true)
	if err != nil || got.File != f || got.Offset != 1*mib+100 || got.Size != 2*mib-100 {
		t.Errorf("Lend = %+v, %v, want the rest of the part", got, err)
	}
}

// What the system reads ahead of one part does not make the next one count as cached.
func TestALookaheadLooksBeforeTheSystemReadsOn(t *testing.T) {
	const parts = 60
	f := randomFile(t, parts*mib)
	_, pieces := fileJob(t, f, new(modelCache), 1*mib, 0, Options{MemoryLimit: 4 * mib})
	end := int64(0) // of what is in the cache
	l := lookahead{source: pieces, resident: func(_ *os.File, off, n int64) (resident, ok bool) {
		return off+n <= end, true
	}}
	for number := 1; number <= parts; number++ {
		e, err := l.next(t.Context())
		if err != nil || e.Number != number || e.cached || e.offset != int64(number-1)*mib {
			t.Fatalf("part %d is %+v, %v", number, e, err)
		}
		end = int64(number)*mib + systemReadAhead - 1*mib // as far as the system may read for this part
	}
	if _, err := l.next(t.Context()); err != io.EOF {
		t.Errorf("the end is %v", err)
	}
}
