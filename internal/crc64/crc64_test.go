package crc64

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"testing"
)

// A fill describes content by rule, a sum and the length it is of.
type fill struct {
	CRC64 uint64 `json:",string"`
	Fill  string // see bytes
	Size  int64
}

// bytes returns the content: fillRules of the test data say how.
func (f fill) bytes(t *testing.T) []byte {
	t.Helper()
	switch {
	case f.Fill == "zeros":
		return make([]byte, f.Size)
	case f.Fill == "ff":
		return bytes.Repeat([]byte{0xff}, int(f.Size))
	case f.Fill == "counter":
		b := make([]byte, f.Size)
		for i := range b {
			b[i] = byte(i)
		}
		return b
	case len(f.Fill) == 1:
		return bytes.Repeat([]byte(f.Fill), int(f.Size))
	}
	t.Fatalf("no rule for fill %q", f.Fill)
	return nil
}

// A literal is content given as it is, and its sum.
type literal struct {
	Base64 []byte
	CRC64  uint64 `json:",string"`
	Size   int
}

// vectors is testdata/crc64.json.
type vectors struct {
	Check   []literal
	Combine struct {
		FromData []struct {
			CRC64     uint64 `json:",string"`
			Parts     []fill
			TotalSize int64
		}
		Numeric []struct {
			CRCA, CRCB, Combined uint64 `json:",string"`
			LenB                 int64  `json:",string"`
		}
	}
	Generated struct{ Vectors []fill }
	Recorded  struct {
		Multipart []struct {
			ObjectCRC64 uint64 `json:",string"`
			Parts       []fill
			RecordedIn  string
		}
		Puts []literal
	}
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	data, err := os.ReadFile("testdata/crc64.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]int{
		"check": len(v.Check), "combine.fromData": len(v.Combine.FromData), "combine.numeric": len(v.Combine.Numeric),
		"generated": len(v.Generated.Vectors), "recorded.multipart": len(v.Recorded.Multipart),
		"recorded.puts": len(v.Recorded.Puts),
	} {
		if n == 0 {
			t.Fatalf("no vectors in %s", name)
		}
	}
	return v
}

func TestChecksumOfLiterals(t *testing.T) {
	v := readVectors(t)
	for _, l := range append(v.Check, v.Recorded.Puts...) {
		if got := Checksum(l.Base64); got != l.CRC64 || len(l.Base64) != l.Size {
			t.Errorf("Checksum(%q) = %d of %d bytes, want %d of %d", l.Base64, got, len(l.Base64), l.CRC64, l.Size)
		}
	}
}

func TestChecksumOfGeneratedContent(t *testing.T) {
	for _, f := range readVectors(t).Generated.Vectors {
		if got := Checksum(f.bytes(t)); got != f.CRC64 {
			t.Errorf("Checksum of %d bytes of %s = %d, want %d", f.Size, f.Fill, got, f.CRC64)
		}
	}
}

func TestCombineEqualsChecksumOfTheWhole(t *testing.T) {
	for i, v := range readVectors(t).Combine.FromData {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			var combined, running uint64
			var size int64
			for _, p := range v.Parts {
				content := p.bytes(t)
				if got := Checksum(content); got != p.CRC64 {
					t.Errorf("Checksum of %d bytes of %s = %d, want %d", p.Size, p.Fill, got, p.CRC64)
				}
				combined = Combine(combined, p.CRC64, p.Size)
				running = Update(running, content)
				size += p.Size
			}
			if combined != v.CRC64 || running != v.CRC64 || size != v.TotalSize {
				t.Errorf("combined %d, updated %d of %d bytes, want %d of %d", combined, running, size, v.CRC64,
					v.TotalSize)
			}
		})
	}
}

func TestCombineOfNumbers(t *testing.T) {
	for _, v := range readVectors(t).Combine.Numeric {
		if got := Combine(v.CRCA, v.CRCB, v.LenB); got != v.Combined {
			t.Errorf("Combine(%d, %d, %d) = %d, want %d", v.CRCA, v.CRCB, v.LenB, got, v.Combined)
		}
	}
}

// TestCombineMatchesWhatOSSAnswered takes the sums of parts and object from recorded exchanges.
func TestCombineMatchesWhatOSSAnswered(t *testing.T) {
	for _, v := range readVectors(t).Recorded.Multipart {
		var got uint64
		for _, p := range v.Parts {
			got = Combine(got, p.CRC64, p.Size)
		}
		if got != v.ObjectCRC64 {
			t.Errorf("%s: combined %d, OSS has %d", v.RecordedIn, got, v.ObjectCRC64)
		}
	}
}

// FuzzCombine: the sum of three pieces is the same by Update, by Combine from the left and by
// Combine from the right, wherever they are cut.
func FuzzCombine(f *testing.F) {
	f.Add([]byte("123456789"), uint(4), uint(7))
	f.Add([]byte{}, uint(0), uint(0))
	f.Add(bytes.Repeat([]byte{0}, 300), uint(255), uint(1))
	f.Fuzz(func(t *testing.T, data []byte, i, j uint) {
		i, j = i%uint(len(data)+1), j%uint(len(data)+1)
		a, b, c := data[:min(i, j)], data[min(i, j):max(i, j)], data[max(i, j):]
		sumA, sumB, sumC := Checksum(a), Checksum(b), Checksum(c)
		lenB, lenC := int64(len(b)), int64(len(c))
		want := Checksum(data)
		if got := Update(Update(sumA, b), c); got != want {
			t.Errorf("updated %x, want %x", got, want)
		}
		if got := Combine(Combine(sumA, sumB, lenB), sumC, lenC); got != want {
			t.Errorf("combined from the left %x, want %x", got, want)
		}
		if got := Combine(sumA, Combine(sumB, sumC, lenC), lenB+lenC); got != want {
			t.Errorf("combined from the right %x, want %x", got, want)
		}
	})
}

func BenchmarkChecksum(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			p := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				Checksum(p)
			}
		})
	}
}

func BenchmarkCombine(b *testing.B) {
	for _, size := range []int64{100 << 10, 8 << 20, 5 << 30} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Combine(14920568100270865136, 9618452871104087932, size)
			}
		})
	}
}
