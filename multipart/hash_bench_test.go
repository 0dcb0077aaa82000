package multipart

import (
	"fmt"
	"os"
	"testing"

	"github.com/ossmultipart/go-oss/oss"
)

// BenchmarkSumGroup hashes parts of a file side by side, as they are before they are sent.
func BenchmarkSumGroup(b *testing.B) {
	f, err := os.CreateTemp(b.TempDir(), "")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	const part = 8 << 20
	block := make([]byte, part)
	for i := range block {
		block[i] = byte(i * i)
	}
	for range 32 {
		f.Write(block)
	}
	u := NewUploader(new(oss.Client), nil)
	for _, lanes := range []int64{1, 3, 4, 8, 16, 32} {
		b.Run(fmt.Sprintf("parts=%d", lanes), func(b *testing.B) {
			var bodies []oss.Body
			for i := range lanes {
				bodies = append(bodies, sectionBody{r: f, base: i * part, size: part})
			}
			b.SetBytes(lanes * part)
			b.ReportAllocs()
			for b.Loop() {
				if d := u.sumGroup(b.Context(), bodies); d[0] == nil {
					b.Fatal("not read")
				}
			}
		})
	}
}
