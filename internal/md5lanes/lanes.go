package md5lanes

//go:generate go run -C gen . ..

// maxLanes is the width of the widest kernel.
const maxLanes = 32

// maxBlocks is how many blocks of each lane a kernel is given at once. The runtime cannot stop a
// goroutine inside assembly, and all others wait for it when the garbage collector wants them
// stopped: 32 KiB a lane are about a tenth of a millisecond.
const maxBlocks = 512

// A kernel hashes blocks of several messages at once. Its code is reached through the method
// blocks, a switch and no function value, so that what it is given need not escape to the heap.
type kernel struct {
	name  string // in names of tests and benchmarks
	lanes int    // messages at once
	pays  int    // the fewest messages it is faster for than what comes after it
}

// A state is the four words of the MD5 of whole blocks, RFC 1321, 3.3.
type state [4]uint32

// empty is the state before the first block.
var empty = state{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}

// A columns is the state of each lane as kernels have it, lane by lane in each row.
type columns [4][maxLanes]uint32

// fitting returns the first of kernels that pays for n messages.
func fitting(kernels []kernel, n int) (k kernel, pays bool) {
	for _, k := range kernels {
		if n >= k.pays {
			return k, true
		}
	}
	return kernel{}, false
}

// advance adds the blocks of each message to its state, and leaves none. A message takes a lane when one is free and
// keeps it to its end: as long as there are messages no lane waits for another. As they become fewer the kernels
// become narrower, and when none pays any more crypto/md5 hashes the rest.
func (h *Hasher) advance() {
	lanes, next := make([]int, 0, maxLanes), 0 // the messages in them, and the first that had none yet
	for {
		for ; next < len(h.blocks) && len(lanes) < maxLanes; next++ {
			if len(h.blocks[next]) > 0 {
				lanes = append(lanes, next)
			}
		}
		if len(lanes) == 0 {
			return
		}
		k, pays := fitting(h.kernels, len(lanes))
		if !pays {
			for _, i := range lanes {
				h.scalar.add(&h.states[i], h.blocks[i])
				h.blocks[i] = nil
			}
		} else {
			k.step(h.states, h.blocks, lanes[:min(k.lanes, len(lanes))])
		}
		busy := lanes[:0]
		for _, i := range lanes {
			if len(h.blocks[i]) > 0 {
				busy = append(busy, i)
			}
		}
		lanes = busy
	}
}

// step adds as many blocks as the shortest of the messages in lanes has, but no more than maxBlocks.
func (k kernel) step(states []state, blocks [][]byte, lanes []int) {
	n := maxBlocks
	for _, i := range lanes {
		n = min(n, len(blocks[i])/BlockSize)
	}
	var c columns
	var from [maxLanes]*byte
	for lane, i := range lanes {
		for row, word := range states[i] {
			c[row][lane] = word
		}
		from[lane] = &blocks[i][0]
		blocks[i] = blocks[i][n*BlockSize:]
	}
	for lane := len(lanes); lane < k.lanes; lane++ {
		from[lane] = from[0] // idle: it does the first one's work again
	}
	k.blocks(&c, &from, n)
	for lane, i := range lanes {
		for row := range c {
			states[i][row] = c[row][lane]
		}
	}
}
