package multipart

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/synctest"

	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/oss"
)

// Row 5 of "Must show": a small object is sent from where it is, as a part is. OSS creates the object when it has the
// last byte, so the source is checked before that byte is exposed.
func TestAWholeBodyExposesItsLastByteOnlyIfTheSourceIsUnchanged(t *testing.T) {
	u, body := small(t, 8)
	b := body(1, 100_000)
	changed := false
	w := &wholeBody{Body: b, source: b, intact: func() error {
		if changed {
			return ErrSourceChanged
		}
		return nil
	}}
	r, err := w.Region(0, 99_999, true)
	if err != nil || r.Size != 99_999 || w.end.Load() {
		t.Errorf("the bytes before the last: %d bytes, %v, end %v", r.Size, err, w.end.Load())
	}
	r.Buffer.Release()
	changed = true
	if r, err := w.Region(50_000, 50_000, true); !errors.Is(err, ErrSourceChanged) || !r.IsZero() || w.end.Load() {
		t.Errorf("of a changed source: %d bytes, %v, end %v", r.Size, err, w.end.Load())
	}
	changed = false
	r, err = w.Region(50_000, 50_000, true)
	if err != nil || r.Size != 50_000 || !w.end.Load() {
		t.Errorf("the last bytes: %d bytes, %v, end %v", r.Size, err, w.end.Load())
	}
	r.Buffer.Release()
	b.free()
	if n := inUse(u.memory); n != 0 {
		t.Errorf("%d bytes are in use", n)
	}
	none := &wholeBody{Body: newScript().body(1, 10)}
	if r, err := none.Region(0, 10, true); err != nil || !r.IsZero() {
		t.Errorf("a body that must be read exposes %d bytes, %v", r.Size, err)
	}
}

func TestAWholeBodyTellsItsSumsIfTheyAreKnown(t *testing.T) {
	if crc, known := (&wholeBody{}).CRC64(); known {
		t.Errorf("CRC-64 of a body that was not hashed is %d", crc)
	}
	if crc, known := (&wholeBody{sums: &sums{crc: 5}}).CRC64(); crc != 5 || !known {
		t.Errorf("CRC-64 is %d, %v, want 5", crc, known)
	}
}

// A file in the page cache is sent by the system, so it is not copied; a body that others would wait for is.
func TestOnlyWhatCannotBeSentInPlaceIsCopied(t *testing.T) {
	f := randomFile(t, 3*mib)
	for _, tt := range []struct {
		name   string
		size   int64
		cached bool
		want   string
	}{
		{"in the cache", 200_000, true, "itself"},
		{"large, in the cache", 2 * mib, true, "itself"},
		{"on the disk", 200_000, false, "a copy"},
		{"large, on the disk", 2 * mib, false, "nothing"},
		{"tiny", leastSmall - 1, true, "nothing"},
	} {
		u, _ := small(t, 8)
		u.ahead.resident = func(*os.File, int64, int64) (resident, ok bool) { return tt.cached, true }
		body := sectionBody{r: f, base: 5, size: tt.size}
		near, free := u.toCombine(body)
		got := "nothing"
		switch near.(type) {
		case sectionBody:
			got = "itself"
		case *buffer:
			got = "a copy"
		}
		if got != tt.want {
			t.Errorf("%s: the combiner hashes %s, want %s", tt.name, got, tt.want)
		}
		if free != nil {
			free()
		}
		if n := inUse(u.memory); n != 0 {
			t.Errorf("%s: %d bytes are in use", tt.name, n)
		}
	}
}

// Bodies that wait for a permit are hashed meanwhile.
func TestAnObjectIsHashedBeforeItHasAPermit(t *testing.T) {
	f := randomFile(t, 3*mib)
	synctest.Test(t, func(t *testing.T) {
		u, _ := small(t, 8)
		u.ahead.resident = func(*os.File, int64, int64) (resident, ok bool) { return true, true }
		u.governor = flow.New(flow.Config{Limit: 1})
		permit, err := u.governor.Acquire(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer permit.Release()
		ctx, cancel := context.WithCancel(t.Context())
		j := u.newJob(ctx, Plan{Upload: oss.Upload{Bucket: "bucket", Key: "key"}}, requestOptions{})
		done := make(chan error, 1)
		go func() {
			_, err := j.put(ctx, sectionBody{r: f, size: 2 * mib}, nil)
			done <- err
		}()
		synctest.Wait()
		if u.combiner.group == nil {
			t.Error("a body that waits for its permit is not hashed")
		}
		cancel()
		if err := <-done; err == nil {
			t.Error("the cancelled upload succeeded")
		}
	})
}
