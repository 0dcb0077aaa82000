package osstest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// ids makes identifiers that look like those of OSS. They follow from the moment the Server was
// made by its own clock, so a test with a fixed clock sees the same ones every time, and a Server
// made later does not know those of an earlier one. A generation tells Servers apart that know each
// other's and were made at the same moment.
type ids struct {
	mu     sync.Mutex
	source *rand.Rand
}

func (i *ids) seed(born time.Time, generation uint64) {
	i.source = rand.New(rand.NewPCG(uint64(born.UnixNano()), 0x6f73732074657374+generation))
}

func (i *ids) next() uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.source.Uint64()
}

// request returns a request ID: 24 digits, the first eight being the time.
func (i *ids) request(now time.Time) string {
	return fmt.Sprintf("%08X%016X", uint32(now.Unix()), i.next())
}

// upload returns an upload ID of 32 digits.
func (i *ids) upload() string { return fmt.Sprintf("%016X%016X", i.next(), i.next()) }
