package multipart

import (
	"slices"

	"github.com/ossmultipart/go-oss/oss"
)

// grownSections returns the sections of an upload whose parts have several sizes, as those of a long stream: the parts
// that OSS holds, and parts of equal size for the rest of p.Size bytes. A part that is missing between two parts of the
// same size has that size. If the sizes differ, the offset of the later parts is unknown, and the rest is cut anew.
// grownSections returns nil if no part can be kept.
func grownSections(p Plan, held []oss.Part, least int64) []Section {
	held = slices.SortedFunc(slices.Values(held), byNumber)
	var sections []Section
	offset := int64(0)
	add := func(size int64) bool {
		rest := p.Size - offset
		if size < 1 || size > rest || size < least && size < rest || len(sections) == oss.MaxPartNumber {
			return false
		}
		sections = append(sections, Section{Number: len(sections) + 1, Offset: offset, Size: size})
		offset += size
		return true
	}
	before := p.PartSize // size of the part before
held:
	for _, part := range held {
		if part.Number > len(sections)+1 && before != part.Size {
			break
		}
		for len(sections) < part.Number {
			if !add(part.Size) {
				break held
			}
		}
		before = part.Size
	}
	left := int64(oss.MaxPartNumber - len(sections))
	rest := p.Size - offset
	if len(sections) == 0 || rest > 0 && left == 0 {
		return nil
	}
	if rest > 0 {
		size := max(sections[len(sections)-1].Size, least, (rest+left-1)/left)
		for offset < p.Size && add(min(size, p.Size-offset)) {
		}
	}
	return sections
}

// fit returns how many of the held parts have the size of their section.
func fit(sections []Section, held []oss.Part) (n int) {
	for _, part := range held {
		if part.Number >= 1 && part.Number <= len(sections) && sections[part.Number-1].Size == part.Size {
			n++
		}
	}
	return n
}

// section returns the section of a part, and whether there is one.
func (j *job) section(number int) (Section, bool) {
	switch {
	case number < 1 || number > j.numParts():
		return Section{}, false
	case j.grown != nil:
		return j.grown[number-1], true
	}
	return j.plan.Section(number), true
}

// numParts returns how many sections there are.
func (j *job) numParts() int {
	if j.grown != nil {
		return len(j.grown)
	}
	return j.plan.NumParts()
}
