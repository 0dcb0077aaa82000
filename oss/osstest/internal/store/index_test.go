package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestAnIndexIsASortedMap compares an index with a map after each of many random changes. There are few keys, so that
// keys come back, and enough for several blocks.
func TestAnIndexIsASortedMap(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var x index[int]
	want := make(map[string]int)
	for step := range 40_000 {
		key := fmt.Sprintf("%04d", rng.IntN(3*maxBlock))
		if phase := step / 10_000; rng.IntN(4) < []int{3, 1, 3, 0}[phase] { // grows, shrinks, grows, is emptied
			x.set(key, step)
			want[key] = step
		} else {
			x.remove(key)
			delete(want, key)
		}
		if got, ok := want[key]; x.get(key) != got || x.len != len(want) {
			t.Fatalf("step %d: %s is %d of %d, want %d, %t of %d", step, key, x.get(key), x.len, got, ok, len(want))
		}
		if step%499 != 0 {
			continue
		}
		var keys []string
		for key, value := range x.all {
			if keys = append(keys, key); value != want[key] {
				t.Fatalf("step %d: %s is %d, want %d", step, key, value, want[key])
			}
		}
		if sorted := slices.Sorted(maps.Keys(want)); !slices.Equal(keys, sorted) {
			t.Fatalf("step %d: keys %q, want %q", step, keys, sorted)
		}
		at, _ := slices.BinarySearch(keys, key)
		c := x.seek(key)
		for i := at; i < len(keys); i++ {
			if e := c.entry(); e == nil || e.key != keys[i] {
				t.Fatalf("step %d: entry %d behind %s is %v, want %s", step, i-at, key, e, keys[i])
			}
			c = c.next()
		}
		if c.entry() != nil || c != x.end() {
			t.Fatalf("step %d: %v behind the last entry", step, c)
		}
		for i := len(keys) - 1; i >= 0; i-- {
			if c = c.previous(); c.entry().key != keys[i] {
				t.Fatalf("step %d: entry %d backwards is %s, want %s", step, i, c.entry().key, keys[i])
			}
		}
	}
}

func TestKeysInOrderFillTheBlocksOfAnIndex(t *testing.T) {
	var x index[struct{}]
	for i := range 10 * maxBlock {
		x.set(fmt.Sprintf("%06d", i), struct{}{})
	}
	if len(x.blocks) != 10 {
		t.Errorf("%d entries are in %d blocks, want 10", x.len, len(x.blocks))
	}
}
