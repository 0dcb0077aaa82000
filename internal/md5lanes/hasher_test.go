package md5lanes

import (
	"crypto/md5"
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

// cut returns what each message has from byte from on, up to byte to: nothing of one that ended before.
func cut(all [][]byte, from, to int) [][]byte {
	cuts := make([][]byte, len(all))
	for i, m := range all {
		cuts[i] = m[min(from, len(m)):min(to, len(m))]
	}
	return cuts
}

// check compares the sums of h with those of crypto/md5, of the first size bytes of each message.
func check(t *testing.T, h *Hasher, all [][]byte, size int) {
	t.Helper()
	for i, m := range cut(all, 0, size) {
		if got, want := h.Sum(i), md5.Sum(m); got != want {
			t.Fatalf("message %d of %d, %d bytes: MD5 = %x, want %x", i, len(all), len(m), got, want)
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
			h.Write(cut(all[:n], 0, size))
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
				h.Write(cut(all[:n], 0, size))
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
		for _, size := range []int{maxBlocks*BlockSize - 1, maxBlocks * BlockSize, maxBlocks*BlockSize + 64,
			20_000 + r.IntN(50_000), most} {
			n := 1 + r.IntN(len(all))
			h := newHasher(n, c.kernels)
			h.Write(cut(all[:n], 0, size))
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
				h.Write(cut(all, at, to)) // sometimes nothing
				at = to
			}
			check(t, h, all, len(all[0]))
		}
	})
}

// A message that has fewer bytes in one call, or none, goes on in the next.
func TestSlicesOfOneCallMayHaveAnyLength(t *testing.T) {
	forEach(t, func(t *testing.T, c choice, r *rand.Rand) {
		all := messages(r, 40, 5000)
		h, done := newHasher(len(all), c.kernels), make([]int, len(all))
		for range 60 {
			slices := make([][]byte, len(all))
			for i, m := range all {
				n := min(BlockSize*r.IntN(5), len(m)-done[i])
				slices[i] = m[done[i] : done[i]+n]
				done[i] += n
			}
			h.Write(slices)
		}
		for i, m := range all {
			if got, want := h.Sum(i), md5.Sum(m[:done[i]]); got != want {
				t.Fatalf("message %d, %d bytes: MD5 = %x, want %x", i, done[i], got, want)
			}
		}
	})
}

// The law of this package, over lengths as files and small objects have them.
func TestMessagesMayEndAtDifferentPlaces(t *testing.T) {
	lengths := map[string]func(r *rand.Rand, i int) int{
		"last shorter":       func(_ *rand.Rand, i int) int { return 3000 - i/34*1100 },
		"any":                func(r *rand.Rand, _ int) int { return r.IntN(5000) },
		"whole blocks":       func(r *rand.Rand, _ int) int { return BlockSize * r.IntN(50) },
		"few outlast others": func(_ *rand.Rand, i int) int { return 10 + i%7/6*4000 },
		"rising":             func(_ *rand.Rand, i int) int { return 63 * i },
		"falling":            func(_ *rand.Rand, i int) int { return 65 * (40 - i) },
		"many empty":         func(r *rand.Rand, i int) int { return i % 3 / 2 * r.IntN(300) },
		"one or two at last": func(r *rand.Rand, _ int) int { return 1900 + r.IntN(2*BlockSize) },
	}
	for name, length := range lengths {
		t.Run(name, func(t *testing.T) {
			forEach(t, func(t *testing.T, c choice, r *rand.Rand) {
				whole := messages(r, 40, 5000)
				for n := 1; n <= len(whole); n++ {
					all, longest := make([][]byte, n), 0
					for i := range all {
						all[i] = whole[i][:length(r, i)]
						longest = max(longest, len(all[i]))
					}
					h := newHasher(n, c.kernels)
					for at := 0; at < longest; {
						to := at + BlockSize*(1+r.IntN(40))
						h.Write(cut(all, at, to))
						if at = to; r.IntN(4) == 0 {
							check(t, h, all, at)
						}
					}
					h.Write(make([][]byte, n)) // which is allowed even now
					check(t, h, all, longest)
				}
			})
		})
	}
}

// Longer than what a kernel is given at once, and more than its lanes: those that end make room.
func TestLongMessagesMayEndAtDifferentPlaces(t *testing.T) {
	const most = 3 * maxBlocks * BlockSize
	forEach(t, func(t *testing.T, c choice, r *rand.Rand) {
		all := messages(r, 40, most)
		for i := range all {
			all[i] = all[i][:r.IntN(most)]
		}
		h := newHasher(len(all), c.kernels)
		h.Write(all)
		check(t, h, all, most)
	})
}

func TestSumChangesNothing(t *testing.T) {
	forEach(t, func(t *testing.T, c choice, r *rand.Rand) {
		all := messages(r, 35, 300)
		h := newHasher(len(all), c.kernels)
		check(t, h, all, 0)
		h.Write(cut(all, 0, 128))
		check(t, h, all, 128)
		check(t, h, all, 128)
		h.Write(cut(all, 128, 300))
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
		check(t, h, all, 100)
		for _, p := range h.blocks {
			if p != nil {
				t.Error("the Hasher still points at what it has read")
			}
		}
	})
}

func TestWriteAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	forEach(t, func(t *testing.T, c choice, r *rand.Rand) {
		all := messages(r, 35, 256)
		h := newHasher(len(all), c.kernels)
		if got := testing.AllocsPerRun(10, func() { h.Write(all) }); got != 0 {
			t.Errorf("Write allocates %v times", got)
		}
	})
}

// Restart discards what the last message left in its place: complete blocks and an incomplete one.
func TestRestartIsNew(t *testing.T) {
	forEach(t, func(t *testing.T, c choice, r *rand.Rand) {
		h := newHasher(40, c.kernels)
		for range 100 {
			all := messages(r, 40, 300)
			for i := range all {
				h.Restart(i)
				all[i] = all[i][:r.IntN(300)]
			}
			check(t, h, all, 0)
			h.Write(all)
			check(t, h, all, 300)
		}
	})
}

func TestSumAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	forEach(t, func(t *testing.T, c choice, r *rand.Rand) {
		h := newHasher(35, c.kernels)
		h.Write(messages(r, 35, 100))
		if got := testing.AllocsPerRun(10, func() { h.Sum(3) }); got != 0 {
			t.Errorf("Sum allocates %v times", got)
		}
	})
}

func TestMessagesMayBeginAtDifferentTimes(t *testing.T) {
	forEach(t, func(t *testing.T, c choice, r *rand.Rand) {
		const n, step = 12, 3 * BlockSize
		h := newHasher(n, c.kernels)
		var messages, left [n][]byte
		busy := [n]bool{}
		for range 400 {
			data := make([][]byte, n)
			for i := range n {
				if !busy[i] && r.IntN(4) == 0 {
					messages[i] = make([]byte, r.IntN(5*step))
					for j := range messages[i] {
						messages[i][j] = byte(r.Uint32())
					}
					left[i], busy[i] = messages[i], true
					h.Restart(i)
				}
				data[i] = left[i][:min(step, len(left[i]))]
			}
			h.Write(data)
			for i := range n {
				if left[i] = left[i][len(data[i]):]; !busy[i] || len(left[i]) > 0 {
					continue
				}
				if got, want := h.Sum(i), md5.Sum(messages[i]); got != want {
					t.Fatalf("message %d of %d bytes has the sum %x, want %x", i, len(messages[i]), got, want)
				}
				busy[i] = false
			}
		}
	})
}

func TestLanesIsTheWidthOfTheWidestKernel(t *testing.T) {
	want := 1
	for _, k := range runnable {
		want = max(want, k.lanes)
	}
	if got := Lanes(); got != want {
		t.Errorf("Lanes = %d, want %d", got, want)
	}
}

func TestMessagesGoToTheWidestKernelThatPays(t *testing.T) {
	wide, mid, narrow := kernel{"a", 32, 17}, kernel{"b", 16, 2}, kernel{"c", 8, 3}
	tests := []struct {
		name    string
		kernels []kernel
		n       int
		want    string // kernel; empty means crypto/md5
	}{
		{"none", nil, 5, ""},
		{"too few", []kernel{wide, mid, narrow}, 1, ""},
		{"few", []kernel{wide, mid, narrow}, 2, "b"},
		{"too few for the narrow one", []kernel{narrow}, 2, ""},
		{"as many as lanes", []kernel{wide, mid, narrow}, 16, "b"},
		{"more than half", []kernel{wide, mid, narrow}, 17, "a"},
		{"full", []kernel{wide, mid, narrow}, 32, "a"},
		{"one too many", []kernel{wide, mid, narrow}, 33, "a"},
		{"several", []kernel{narrow}, 21, "c"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if k, pays := fitting(tt.kernels, tt.n); k.name != tt.want || pays != (tt.want != "") {
				t.Errorf("fitting = %q, %v, want %q", k.name, pays, tt.want)
			}
		})
	}
}

func TestMisusePanics(t *testing.T) {
	block := make([]byte, 128)
	tests := []struct {
		name string
		call func()
		want string
	}{
		{"no message", func() { New(0) }, "md5lanes: 0 messages"},
		{"fewer than no message", func() { New(-1) }, "md5lanes: -1 messages"},
		{"too few slices", func() { New(2).Write([][]byte{block}) }, "md5lanes: 1 slices for 2 messages"},
		{"too many slices", func() { New(1).Write([][]byte{block, block}) }, "md5lanes: 2 slices for 1 messages"},
		{"write after an incomplete block", func() {
			h := New(1)
			h.Write([][]byte{block[:65]})
			h.Write([][]byte{block[:64]})
		}, "md5lanes: 64 bytes for message 0, which ended before"},
		{"write after a last byte among others", func() {
			h := New(3)
			h.Write([][]byte{block, block[:64], block})
			h.Write([][]byte{block, block[:1], block})
			h.Write([][]byte{nil, nil, nil})
			h.Write([][]byte{block, block[:1], block})
		}, "md5lanes: 1 bytes for message 1, which ended before"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				if got := recover(); got != tt.want {
					t.Errorf("panic %v, want %s", got, tt.want)
				}
			}()
			tt.call()
		})
	}
}

func TestARefusedWriteChangesNothing(t *testing.T) {
	forEach(t, func(t *testing.T, c choice, r *rand.Rand) {
		all := messages(r, 20, 1000)
		all[7] = all[7][:100]
		h := newHasher(len(all), c.kernels)
		h.Write(cut(all, 0, 128))
		func() {
			defer func() { recover() }()
			h.Write(messages(r, 20, 64))
			t.Error("no panic")
		}()
		check(t, h, all, 128)
		h.Write(cut(all, 128, 1000))
		check(t, h, all, 1000)
	})
}
