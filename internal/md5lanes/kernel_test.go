package md5lanes

import (
	"bytes"
	"crypto/md5"
	"encoding"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// after returns the state that crypto/md5 has after it adds whole blocks to s.
func (s state) after(t *testing.T, blocks []byte) (next state) {
	t.Helper()
	const magic = "md5\x01" // which its encoding of a state begins with
	h := md5.New()
	encoded := []byte(magic)
	for _, word := range s {
		encoded = binary.BigEndian.AppendUint32(encoded, word)
	}
	encoded = append(encoded, make([]byte, BlockSize+8)...) // no incomplete block, and a length of 0
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(encoded); err != nil {
		t.Fatal(err)
	}
	h.Write(blocks)
	encoded, err := h.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for i := range next {
		next[i] = binary.BigEndian.Uint32(encoded[len(magic)+4*i:])
	}
	return next
}

// checkKernel has k add n blocks, from any address and of any content, to any states of its lanes.
func checkKernel(t *testing.T, k kernel, n int, r *rand.Rand) {
	t.Helper()
	var before, after columns
	for row := range before {
		for lane := range before[row] {
			before[row][lane] = r.Uint32()
		}
	}
	after = before
	data := messages(r, k.lanes, n*BlockSize)
	var lanes [maxLanes]*byte
	for lane, p := range data {
		lanes[lane] = &p[0]
	}
	k.blocks(&after, &lanes, n)
	for lane := range maxLanes {
		var got, want state
		for row := range want {
			want[row], got[row] = before[row][lane], after[row][lane]
		}
		if lane < k.lanes {
			want = want.after(t, data[lane])
		}
		if got != want {
			t.Fatalf("%s, lane %d, %d blocks: state %x, want %x", k.name, lane, n, got, want)
		}
	}
}

func TestKernelsAddBlocksToAnyState(t *testing.T) {
	if len(runnable) == 0 {
		t.Skip("no kernels here")
	}
	const seed1, seed2 = 3, 1321
	t.Logf("seeds %d, %d", seed1, seed2)
	r := rand.New(rand.NewPCG(seed1, seed2))
	for _, k := range runnable {
		for n := 1; n <= 40; n++ {
			checkKernel(t, k, n, r)
		}
		checkKernel(t, k, maxBlocks, r)
	}
}

// Whatever the states and the blocks, every lane of every kernel is the block function of crypto/md5.
func FuzzKernelsAreTheBlockFunctionOfCryptoMD5(f *testing.F) {
	if len(runnable) == 0 {
		f.Skip("no kernels here")
	}
	f.Add(uint64(1), uint64(2), uint8(1))
	f.Add(uint64(3), uint64(4), uint8(255))
	f.Fuzz(func(t *testing.T, seed1, seed2 uint64, n uint8) {
		for _, k := range runnable {
			checkKernel(t, k, 1+int(n)%32, rand.New(rand.NewPCG(seed1, seed2)))
		}
	})
}

func TestReferenceOfKernelsIsMD5(t *testing.T) {
	// A message of 55 bytes fills one block with its padding.
	message := bytes.Repeat([]byte("x"), 55)
	block := append(bytes.Clone(message), 0x80)
	block = binary.LittleEndian.AppendUint64(block, 55*8)
	sum := md5.Sum(message)
	var want state
	for i := range want {
		want[i] = binary.LittleEndian.Uint32(sum[4*i:])
	}
	if got := empty.after(t, block); got != want {
		t.Errorf("state %x, want %x", got, want)
	}
}
