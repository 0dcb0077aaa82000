package multipart

import (
	"os"
	"sync"
)

// A modelCache stands for the page cache in tests, which so do not depend on the other programs of the machine. A range
// is in the cache from the second question about it on, because it is read after the first, until it is evicted.
type modelCache struct {
	mu      sync.Mutex
	warm    bool // the whole file was in the cache at first
	asked   map[[2]int64]bool
	evicted map[int64]bool // by number of the page
}

const modelPage = 64 << 10 // bytes

func (m *modelCache) resident(_ *os.File, off, n int64) (resident, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	resident = m.warm || m.asked[[2]int64{off, n}]
	m.asked[[2]int64{off, n}] = true
	for page := off / modelPage; page*modelPage < off+n; page++ {
		resident = resident && !m.evicted[page]
	}
	return resident, true
}

func (m *modelCache) evict(_ *os.File, off, n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for page := off / modelPage; page*modelPage < off+n; page++ {
		m.evicted[page] = true
	}
}

// use makes r see m, with so many bytes of memory available.
func (m *modelCache) use(r *readAhead, available int64) {
	m.asked, m.evicted = make(map[[2]int64]bool), make(map[int64]bool)
	r.available = func() (int64, bool) { return available, true }
	r.resident, r.evict = m.resident, m.evict
}
