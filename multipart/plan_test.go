package multipart

import (
	"encoding/json"
	"iter"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss"
)

func TestPartSizeFitsTheObjectIntoTenThousandParts(t *testing.T) {
	const mib, gib, tib = 1 << 20, 1 << 30, 1 << 40
	for _, tt := range []struct {
		name         string
		size, chosen int64
		want         int64
		parts        int
	}{
		{"nothing", 0, 0, 8 * mib, 0},
		{"one byte", 1, 0, 8 * mib, 1},
		{"one part exactly", 8 * mib, 0, 8 * mib, 1},
		{"one byte more than a part", 8*mib + 1, 0, 8 * mib, 2},
		{"ten thousand parts exactly", 10000 * 8 * mib, 0, 8 * mib, 10000},
		{"one byte more than ten thousand parts", 10000*8*mib + 1, 0, 9 * mib, 8889},
		{"a terabyte", tib, 0, 105 * mib, 9987},
		{"the most OSS holds", 10000 * 5 * gib, 0, 5 * gib, 10000},
		{"a chosen size is kept", gib, mib, mib, 1024},
		{"a chosen size that just suffices", 10000 * 100 << 10, 100 << 10, 100 << 10, 10000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := partSizeFor(tt.size, tt.chosen)
			if err != nil || got != tt.want {
				t.Fatalf("partSizeFor(%d, %d) = %d, %v, want %d", tt.size, tt.chosen, got, err, tt.want)
			}
			if n := (Plan{Size: tt.size, PartSize: got}).NumParts(); n != tt.parts {
				t.Errorf("NumParts = %d, want %d", n, tt.parts)
			}
		})
	}
}

func TestPartSizeRefusesWhatDoesNotFit(t *testing.T) {
	for _, tt := range []struct {
		name         string
		size, chosen int64
		want         string
	}{
		{"10,001 parts of a chosen size", 10000*(100<<10) + 1, 100 << 10,
			"multipart: 1024000001 bytes in parts of 102400 are 10001 parts, more than 10000: the part " +
				"size must be at least 102401"},
		{"more than OSS holds", maxObject + 1, 0,
			"multipart: object of 53687091200001 bytes is more than OSS can hold, 53687091200000"},
		{"more than OSS holds, in the largest parts", maxObject + 1, oss.MaxPartSize,
			"multipart: object of 53687091200001 bytes is more than OSS can hold, 53687091200000"},
		{"the largest number", math.MaxInt64, 0,
			"multipart: object of 9223372036854775807 bytes is more than OSS can hold, 53687091200000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := partSizeFor(tt.size, tt.chosen); err == nil || err.Error() != tt.want {
				t.Errorf("partSizeFor = %d, %v, want the error %q", got, err, tt.want)
			}
		})
	}
}

// Bug 4: the parts of a stream stay so small that the memory holds all that are in flight, until 10,000 parts force
// more.
func TestThePartsOfAStreamGrowNoFurtherThanTheyMust(t *testing.T) {
	const mib = 1 << 20
	for _, tt := range []struct {
		number      int
		first, even int64
		want        int64
	}{
		{1, 2 * mib, 8 * mib, 2 * mib},
		{1000, 2 * mib, 8 * mib, 2 * mib},
		{1001, 2 * mib, 8 * mib, 4 * mib},
		{2001, 2 * mib, 8 * mib, 8 * mib},
		{3000, 2 * mib, 8 * mib, 8 * mib},
		{3001, 2 * mib, 8 * mib, 20 * mib},
		{7500, 2 * mib, 8 * mib, 20 * mib},
		{7501, 2 * mib, 8 * mib, 64 * mib},
		{3000, 8 * mib, 8 * mib, 8 * mib}, // Options.PartSize
		{3000, 8 * mib, 2 * mib, 8 * mib}, // and a MemoryLimit of one part
		{9001, 8 * mib, 1 << 40, 4 << 30},
		{10000, 8 * mib, math.MaxInt64, 4 << 30},
		{10000, oss.MaxPartSize, math.MaxInt64, oss.MaxPartSize},
	} {
		if got := streamPartSize(tt.first, tt.number, tt.even); got != tt.want {
			t.Errorf("part %d of parts of %d bytes at first, and even ones of %d, has %d, want %d", tt.number,
				tt.first, tt.even, got, tt.want)
		}
	}
}

// partsOfAStream yields the size of each part of a stream, and the limit of the memory meanwhile.
func partsOfAStream(opts *Options) iter.Seq2[int64, int64] {
	return func(yield func(size, limit int64) bool) {
		p := NewUploader(new(oss.Client), opts).memory
		s := &stream{pool: p, first: DefaultStreamPartSize, size: -1}
		for range oss.MaxPartNumber {
			size := s.partSize()
			p.outgrown(s, size)
			if !yield(size, p.limit.Limit()) {
				return
			}
			s.number++
		}
	}
}

func TestAStreamMayBeAsLongAsREADMESays(t *testing.T) {
	for _, tt := range []struct {
		opts *Options
		want int64 // GiB
	}{{nil, 257}, {&Options{MemoryLimit: 40 << 20}, 199}} {
		var total int64
		for size := range partsOfAStream(tt.opts) {
			total += size
		}
		if gib := total >> 30; gib != tt.want {
			t.Errorf("with %+v 10,000 parts hold %d GiB, README says %d", tt.opts, gib, tt.want)
		}
	}
}

// Bug 4, of a stream of 100 GiB: there is memory for four parts in flight and one that is being read, up to the end.
func TestAStreamOf100GiBHasFourPartsInFlightToItsEnd(t *testing.T) {
	var total int64
	for size, limit := range partsOfAStream(nil) {
		if limit < 5*size {
			t.Fatalf("after %d bytes five parts of %d bytes are more than the limit of %d", total, size, limit)
		}
		if total < 13<<30 && limit != 40<<20 {
			t.Fatalf("the limit is %d after %d bytes", limit, total)
		}
		if total += size; total >= 100<<30 {
			return
		}
	}
	t.Errorf("a stream has %d bytes at most", total)
}

func TestSharesCoverAllPartsOnce(t *testing.T) {
	for _, parts := range []int64{0, 1, 2, 7, 10000} {
		for _, workers := range []int{1, 2, 3, 16, 10001} {
			p := Plan{Size: parts, PartSize: 1}
			next := 1
			for i := range workers {
				share := p.Share(i, workers)
				if n := len(share); n < int(parts)/workers || n > int(parts)/workers+1 {
					t.Errorf("share %d of %d of %d parts has %d", i, workers, parts, n)
				}
				for _, number := range share {
					if number != next {
						t.Fatalf("share %d of %d of %d parts has part %d, want %d", i, workers, parts, number, next)
					}
					next++
				}
			}
			if next != int(parts)+1 {
				t.Errorf("%d shares cover %d of %d parts", workers, next-1, parts)
			}
		}
	}
}

func TestMissingPartsAreThoseAbsentOrOfAnotherSize(t *testing.T) {
	p := Plan{Size: 25, PartSize: 10}
	have := []oss.Part{{Number: 1, Size: 10}, {Number: 2, Size: 9}, {Number: 3, Size: 5}, {Number: 4, Size: 10}}
	if diff := cmp.Diff([]int{2}, p.Missing(have)); diff != "" {
		t.Errorf("Missing (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{1, 2, 3}, p.Missing(nil)); diff != "" {
		t.Errorf("Missing(nil) (-want +got):\n%s", diff)
	}
}

func TestPlanSurvivesJSON(t *testing.T) {
	want := Plan{Upload: oss.Upload{Bucket: "b", Key: "k", ID: "id"}, Size: 25, PartSize: 10, Source: "mark"}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	const wire = `{"upload":{"bucket":"b","key":"k","uploadId":"id"},"size":25,"partSize":10,"source":"mark"}`
	if string(text) != wire {
		t.Errorf("Plan is %s, want %s: other versions read it", text, wire)
	}
	var got Plan
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSectionPanicsOnAPartThatDoesNotExist(t *testing.T) {
	for _, number := range []int{-1, 0, 4} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Section(%d) of 3 parts did not panic", number)
				}
			}()
			Plan{Size: 25, PartSize: 10}.Section(number)
		}()
	}
}

// Law: the sections of any plan cover its bytes, in order, without gap or overlap.
func FuzzPlanSections(f *testing.F) {
	f.Add(int64(10), int64(4))
	f.Add(int64(1), int64(1))
	f.Add(int64(oss.MaxPartNumber), int64(1))
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64/9999))
	f.Fuzz(func(t *testing.T, size, partSize int64) {
		if size < 1 || partSize < 1 || (size-1)/partSize >= oss.MaxPartNumber {
			return // no plan that could be made
		}
		p := Plan{Size: size, PartSize: partSize}
		var next int64
		number := 0
		for s := range p.Sections() {
			number++
			if s.Number != number || s.Offset != next || s.Size < 1 || s.Size > partSize {
				t.Fatalf("section %d is %+v, want it to begin at %d", number, s, next)
			}
			next += s.Size
		}
		if next != size {
			t.Errorf("sections cover %d bytes, want %d", next, size)
		}
	})
}

// Law: a size is refused, or cut into at most 10,000 parts within OSS's limits, of the chosen size if
// one was chosen.
func FuzzPartSize(f *testing.F) {
	f.Add(int64(0), int64(0))
	f.Add(int64(maxObject), int64(0))
	f.Add(int64(80_000_000_001), int64(0))
	f.Add(int64(10000*102400), int64(102400))
	f.Fuzz(func(t *testing.T, size, chosen int64) {
		if size < 0 || chosen != 0 && (chosen < oss.MinPartSize || chosen > oss.MaxPartSize) {
			return // Options.check and the sources let none of these through
		}
		got, err := partSizeFor(size, chosen)
		if err != nil {
			if chosen == 0 && size <= maxObject {
				t.Fatalf("partSizeFor(%d, 0): %v", size, err)
			}
			return
		}
		if chosen != 0 && got != chosen || got < oss.MinPartSize || got > oss.MaxPartSize {
			t.Errorf("partSizeFor(%d, %d) = %d", size, chosen, got)
		}
		if n := (Plan{Size: size, PartSize: got}).NumParts(); n > oss.MaxPartNumber {
			t.Errorf("%d bytes in parts of %d are %d parts", size, got, n)
		}
	})
}

func BenchmarkPlan(b *testing.B) {
	b.Run("parts=10000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p := Plan{Size: 10000 * DefaultPartSize, PartSize: DefaultPartSize}
			have := make([]oss.Part, 0, p.NumParts())
			for s := range p.Sections() {
				have = append(have, oss.Part{Number: s.Number, ETag: `"2B5C91AD399409EC9B409B66F5BB00FB"`, Size: s.Size,
					CRC64: 1})
			}
			if e := expect(have); e.size != p.Size {
				b.Fatal(e)
			}
		}
	})
}
