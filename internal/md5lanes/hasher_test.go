package md5lanes

import (
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"testing"
)

// A choice is a list of kernels to make a Hasher of.
type choice struct {
	name    string
	kernels []kernel
}

// choices returns what New takes on this machine, crypto/md5 alone, and each kernel alone for any
// number of messages, so that a narrow one runs where a wide one would be chosen.
func choices() []choice {
	all := []choice{{"chosen", runnable}, {"crypto", nil}}
	for _, k := range runnable {
		k.pays = 1
		all = append(all, choice{k.name, []kernel{k}})
	}
	return all
}

// messages returns n different messages of size bytes, at any alignment.
func messages(r *rand.Rand, n, size int) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		skip := r.IntN(64)
		buf := make([]byte, skip+size)
		for j := range buf {
			buf[j] = byte(r.Uint32())
		}
		all[i] = buf[skip:]
	}
	return all
}

// write appends all messages from byte from on, to the end or to byte to.
func write(h *Hasher, all [][]byte, from, to int) {
	slices := make([][]byte, len(all))
	for i, m := range all {
		slices[i] = m[from:to]
	}
	h.Write(slices)
}

// check compares the sums of h with those of crypto/md5, of the first size bytes of each message.
func check(t *testing.T, h *Hasher, all [][]byte, size int) {
	t.Helper()
	sums := h.Sum()
	if len(sums) != len(all) {
		t.Fatalf("Sum returned %d sums, want %d", len(sums), len(all))
	}
	for i, m := range all {
		if want := md5.Sum(m[:size]); sums[i] != want {
			t.Fatalf("%d messages of %d bytes: MD5 of message %d = %x, want %x", len(all), size, i, sums[i], want)
		}
	}
}

// forEach runs a test with every choice.
func forEach(t *testing.T, test func(t *testing.T, c choice, r *rand.Rand)) {
	for _, c := range choices() {
		t.Run(c.name, func(t *testing.T) { test(t, c, rand.New(rand.NewPCG(1321, 1992))) })
	}
}

func TestEveryLengthHasTheSumOfCryptoMD5(t *testing.T) {
	forEach(t, func(t *testing.T, c choice, r *rand.Rand) {
		all := messages(r, 33, 1000)
		for size := range 1001 {
			n := 1 + size%len(all)
			h := newHasher(n, c.kernels)
			write(h, all[:n], 0, size)
			check(t, h, all[:n], size)
		}
	})
}

func TestEveryNumberOfMessagesHasTheSumsOfCryptoMD5(t *testing.T) {
	forEach(t, func(t *testing.T, c choice, r *rand.Rand) {
		all := messages(r, 40, 1000)
		for n := 1; n <= len(all); n++ {
			for _, size := range []int{0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000} {
				h := newHasher(n, c.kernels)
				write(h, all[:n], 0, size)
				check(t, h, all[:n], size)
			}
		}
	})
}

// Longer than what a kernel is given at once.
func TestLongMessagesHaveTheSumsOfCryptoMD5(t *testing.T) {
	const most = 2*maxBlocks*BlockSize + 100
	forEach(t, func(t *testing.T, c choice, r *rand.Rand) {
		all := messages(r, 40, most)
		for _, size := range []int{maxBlocks*BlockSize - 1, maxBlocks * BlockSize, maxBlocks*BlockSize + 64, 20_000 + r.IntN(50_000), most} {
			n := 1 + r.IntN(len(all))
			h := newHasher(n, c.kernels)
			write(h, all[:n], 0, size)
			check(t, h, all[:n], size)
		}
	})
}

func TestSumsDoNotDependOnHowMessagesAreCut(t *testing.T) {
	forEach(t, func(t *testing.T, c choice, r *rand.Rand) {
		for range 100 {
			all := messages(r, 1+r.IntN(40), r.IntN(4000))
			h := newHasher(len(all), c.kernels)
			for at := 0; at < len(all[0]); {
				to := min(at+BlockSize*r.IntN(20), len(all[0]))
				write(h, all, at, to) // sometimes nothing
				at = to
			}
			check(t, h, all, len(all[0]))
		}
	})
}

func TestSumChangesNothing(t *testing.T) {
	forEach(t, func(t *testing.T, c choice, r *rand.Rand) {
		all := messages(r, 35, 300)
		h := newHasher(len(all), c.kernels)
		check(t, h, all, 0)
		write(h, all, 0, 128)
		check(t, h, all, 128)
		check(t, h, all, 128)
		write(h, all, 128, 300)
		check(t, h, all, 300)
		check(t, h, all, 300)
	})
}

// A kernel reads ahead, but only what it was given.
func TestWriteKeepsNoReferenceToSlices(t *testing.T) {
	forEach(t, func(t *testing.T, c choice, r *rand.Rand) {
		all := messages(r, 20, 100)
		h := newHasher(len(all), c.kernels)
		scratch := make([][]byte, len(all))
		for i, m := range all {
			scratch[i] = append([]byte(nil), m...)
		}
		h.Write(scratch)
		for _, s := range scratch {
			clear(s)
		}
		for _, g := range h.groups {
			if g.lanes != [maxLanes]*byte{} {
				t.Error("a group still points at what it has read")
			}
		}
		check(t, h, all, 100)
	})
}

func TestWriteAllocatesNothing(t *testing.T) {
	forEach(t, func(t *testing.T, c choice, r *rand.Rand) {
		all := messages(r, 35, 256)
		h := newHasher(len(all), c.kernels)
		if got := testing.AllocsPerRun(10, func() { h.Write(all) }); got != 0 {
			t.Errorf("Write allocates %v times", got)
		}
	})
}

func TestLanesIsTheWidthOfTheFirstGroup(t *testing.T) {
	h := New(100)
	if Lanes() == 1 {
		if len(h.groups) != 0 || len(h.rest) != 100 {
			t.Errorf("one lane, but %d groups and %d single messages", len(h.groups), len(h.rest))
		}
		return
	}
	if got := h.groups[0].count; got != Lanes() {
		t.Errorf("Lanes = %d, but the first group has %d", Lanes(), got)
	}
}

func TestMessagesGoToTheWidestKernelThatPays(t *testing.T) {
	wide, mid, narrow := kernel{"a", 32, 17}, kernel{"b", 16, 2}, kernel{"c", 8, 3}
	tests := []struct {
		name    string
		kernels []kernel
		n       int
		groups  string
		rest    int
	}{
		{"none", nil, 5, "", 5},
		{"too few", []kernel{wide, mid, narrow}, 1, "", 1},
		{"few", []kernel{wide, mid, narrow}, 2, "b2 ", 0},
		{"too few for the narrow one", []kernel{narrow}, 2, "", 2},
		{"as many as lanes", []kernel{wide, mid, narrow}, 16, "b16 ", 0},
		{"more than half", []kernel{wide, mid, narrow}, 17, "a17 ", 0},
		{"full", []kernel{wide, mid, narrow}, 32, "a32 ", 0},
		{"one too many", []kernel{wide, mid, narrow}, 33, "a32 ", 1},
		{"some more", []kernel{wide, mid, narrow}, 35, "a32 b3 ", 0},
		{"several", []kernel{narrow}, 21, "c8 c8 c5 ", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHasher(tt.n, tt.kernels)
			got := ""
			for _, g := range h.groups {
				got += fmt.Sprint(g.kernel.name, g.count, " ")
			}
			if got != tt.groups || len(h.rest) != tt.rest {
				t.Errorf("groups %q and %d single messages, want %q and %d", got, len(h.rest), tt.groups, tt.rest)
			}
		})
	}
}

func TestMisusePanics(t *testing.T) {
	block := make([]byte, 128)
	tests := []struct {
		name string
		call func()
	}{
		{"no message", func() { New(0) }},
		{"too few slices", func() { New(2).Write([][]byte{block}) }},
		{"too many slices", func() { New(1).Write([][]byte{block, block}) }},
		{"slices of different lengths", func() { New(2).Write([][]byte{block, block[:64]}) }},
		{"write after an incomplete block", func() {
			h := New(1)
			h.Write([][]byte{block[:65]})
			h.Write([][]byte{block[:64]})
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			tt.call()
		})
	}
}
