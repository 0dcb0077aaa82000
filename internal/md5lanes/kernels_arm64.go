//go:build !purego

package md5lanes

// The kernels. They read 64*n bytes of each of their lanes, n > 0, and leave the state of lanes
// they do not have alone.

//go:noescape
func blocksNEONx12(s *columns, lanes *[maxLanes]*byte, n int)

//go:noescape
func blocksNEONx8(s *columns, lanes *[maxLanes]*byte, n int)

//go:noescape
func blocksNEONx4(s *columns, lanes *[maxLanes]*byte, n int)

// runnable are the kernels this machine runs, the widest first. It is not changed. Every arm64 processor that Go
// supports has NEON, so there is nothing to detect.
//
// The numbers of messages that pay follow from instruction counts and latencies, because no time has been
// measured. A step of MD5 is a chain of at least five instructions that wait for each other. A NEON instruction of
// this kind takes about two cycles and a scalar one takes one, so that a vector chain takes about as long as two
// messages one after the other: it pays from the third on. Each further chain fits in the gaps of the first on
// cores with enough vector units, and costs its instructions on others, so no kernel has more chains than
// the messages need.
var runnable = []kernel{{"neonx12", 12, 9}, {"neonx8", 8, 5}, {"neonx4", 4, 3}}

// blocks adds n > 0 blocks of each lane to s.
func (k kernel) blocks(s *columns, lanes *[maxLanes]*byte, n int) {
	switch k.lanes {
	case 12:
		blocksNEONx12(s, lanes, n)
	case 8:
		blocksNEONx8(s, lanes, n)
	case 4:
		blocksNEONx4(s, lanes, n)
	default:
		panic("md5lanes: no kernel " + k.name)
	}
}
