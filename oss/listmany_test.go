package oss_test

import (
	"fmt"
	"testing"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/oss"
)

// manyKeys returns a Client of a Server with n objects.
func manyKeys(t testing.TB, n int) *oss.Client {
	srv := newServer(t, nil)
	for i := range n {
		srv.PutObject("bucket", manyKey(i), nil)
	}
	return srv.Client()
}

func manyKey(i int) string { return fmt.Sprintf("photos/2026/%08d.jpg", i) }

// TestAMillionKeysAreListedInConstantMemory lists as many keys as package effort says, and compares what is in use at
// ten positions. What grows is the log of requests that the Server keeps, about 2 KiB for each page.
func TestAMillionKeysAreListedInConstantMemory(t *testing.T) {
	n := effort.Of(10_000, 100_000, 1_000_000)
	if raceEnabled {
		n = 20_000 // the race detector holds memory too
	}
	c := manyKeys(t, n)
	const most = 4 << 20 // bytes
	var first int64
	i := 0
	for e, err := range c.Objects(t.Context(), "bucket", nil) {
		if err != nil {
			t.Fatal(err)
		}
		if want := manyKey(i); e.Key != want {
			t.Fatalf("key %d is %q, want %q", i, e.Key, want)
		}
		if i++; i%(n/10) != 0 {
			continue
		}
		switch held := heap(); {
		case first == 0:
			first = held
		case held-first > most && !raceEnabled:
			t.Errorf("after %d keys %d KiB more are in use than after %d, want at most %d",
				i, (held-first)>>10, n/10, most>>10)
		}
	}
	if i != n {
		t.Errorf("%d keys are listed, want %d", i, n)
	}
}

// BenchmarkObjects lists 100,000 keys. Its keys/s are those of the Client and the Server together.
func BenchmarkObjects(b *testing.B) {
	const n = 100_000
	c := manyKeys(b, n)
	b.ReportAllocs()
	for b.Loop() {
		i := 0
		for _, err := range c.Objects(b.Context(), "bucket", nil) {
			if err != nil {
				b.Fatal(err)
			}
			i++
		}
		if i != n {
			b.Fatalf("%d keys are listed, want %d", i, n)
		}
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "keys/s")
}
