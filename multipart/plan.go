package multipart

import (
	"fmt"
	"iter"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// A Plan cuts one object into parts. It is plain data that can be saved to resume the upload, or sent to other machines
// that upload parts of it.
type Plan struct {
	Upload   oss.Upload `json:"upload"`           // where the parts go
	Size     int64      `json:"size"`             // bytes in the object
	PartSize int64      `json:"partSize"`         // bytes in every part but the last
	Source   string     `json:"source,omitempty"` // set and used by the caller only, for example a file's size and time

	// fail with oss.ErrAlreadyExists if the key exists at the end
	ForbidOverwrite bool `json:"forbidOverwrite,omitempty"`

	// when the upload was initiated, by the clock of OSS; zero means unknown
	Begun   time.Time `json:"begun,omitzero"`
	Options string    `json:"options,omitempty"` // digest of the object options it was initiated with; "" means unknown

	// of a suspended Writer; nil for a source that is read in place
	Checkpoint *Checkpoint `json:"checkpoint,omitempty"`
}

// A Section is the byte range of one part.
type Section struct {
	Number       int   // from 1
	Offset, Size int64 // bytes
}

// NumParts returns the number of parts.
func (p Plan) NumParts() int {
	if p.Size < 1 || p.PartSize < 1 {
		return 0
	}
	return int((p.Size-1)/p.PartSize + 1)
}

// Section returns the byte range of a part. It panics if there is no such part.
func (p Plan) Section(number int) Section {
	if number < 1 || number > p.NumParts() {
		panic(fmt.Sprintf("multipart: part %d of a plan of %d", number, p.NumParts()))
	}
	offset := int64(number-1) * p.PartSize
	return Section{Number: number, Offset: offset, Size: min(p.PartSize, p.Size-offset)}
}

// Sections iterates over all parts in order.
func (p Plan) Sections() iter.Seq[Section] {
	return func(yield func(Section) bool) {
		for n := range p.NumParts() {
			if !yield(p.Section(n + 1)) {
				return
			}
		}
	}
}

// Share returns the part numbers of worker i of n, with i from 0. They are consecutive. The shares differ by at most
// one part. Share panics unless 0 <= i < n.
func (p Plan) Share(i, n int) []int {
	if i < 0 || i >= n {
		panic(fmt.Sprintf("multipart: share %d of %d", i, n))
	}
	parts := p.NumParts()
	first, end := parts*i/n, parts*(i+1)/n
	numbers := make([]int, 0, end-first)
	for number := first + 1; number <= end; number++ {
		numbers = append(numbers, number)
	}
	return numbers
}

// Missing returns the numbers of the parts that are absent from have, or in it with another size.
func (p Plan) Missing(have []oss.Part) []int {
	sizes := make(map[int]int64, len(have))
	for _, part := range have {
		sizes[part.Number] = part.Size
	}
	var missing []int
	for s := range p.Sections() {
		if size, ok := sizes[s.Number]; !ok || size != s.Size {
			missing = append(missing, s.Number)
		}
	}
	return missing
}

// maxObject is the most bytes 10,000 parts can hold: 48.8 TiB.
const maxObject = oss.MaxPartSize * oss.MaxPartNumber

// partSizeFor returns the part size for an object of known size. A chosen size is kept. The default grows, in whole
// MiB, until 10,000 parts suffice.
func partSizeFor(size, chosen int64) (int64, error) {
	const mib = 1 << 20
	if size > maxObject {
		return 0, fmt.Errorf("multipart: object of %d bytes is more than OSS can hold, %d", size, maxObject)
	}
	least := (size + oss.MaxPartNumber - 1) / oss.MaxPartNumber
	if chosen == 0 {
		return max(DefaultPartSize, (least+mib-1)/mib*mib), nil
	}
	if least > chosen {
		return 0, fmt.Errorf("multipart: %d bytes in parts of %d are %d parts, more than %d: "+
			"the part size must be at least %d", size, chosen, (size-1)/chosen+1, oss.MaxPartNumber, least)
	}
	return chosen, nil
}

// A stream of unknown length has parts that grow, so that short streams keep small buffers and 10,000 parts hold long
// ones.
const (
	stepParts  = 1000 // parts of one size, before it doubles
	smallParts = 3000 // parts that grow up to even only
	longParts  = 7500 // parts before the largest

	longGrowth = 2.5 // the size of the parts after smallParts, by that of the largest before
	lastGrowth = 8   // the same of those after longParts
)

// streamPartSize returns the size of a part of a stream of unknown length. The size begins with first and doubles every
// thousand parts, up to even, at which the memory has room for all parts in flight and the one being read. The first
// 3,000 parts hold 13 GiB with default options. After them the size is two and a half times even, for which the default
// limit is raised, and after 7,500 parts, 101 GiB, eight times even. All 10,000 parts hold 257 GiB.
func streamPartSize(first int64, number int, even int64) int64 {
	size := float64(first)
	for range (number - 1) / stepParts {
		size *= 2
	}
	most := float64(max(first, even))
	switch {
	case size <= most: // also after smallParts, if the memory is large
	case number <= smallParts:
		size = most
	case number <= longParts:
		size = most * longGrowth
	default:
		size = most * lastGrowth
	}
	return int64(min(size, float64(oss.MaxPartSize)))
}
