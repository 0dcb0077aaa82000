package ossxml

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const parts = 10_000 // the most an upload can have

// A page of ListParts has a thousand parts.
func BenchmarkDecodePartList(b *testing.B) {
	const n = 1000
	list := PartList{Bucket: "bucket", Key: "key", UploadID: "0123456789ABCDEF", Parts: make([]Part, n)}
	for i := range list.Parts {
		list.Parts[i] = Part{
			Number: i + 1, LastModified: Time{time.Unix(1781728236, 0)}, ETag: fmt.Sprintf(`"%032X"`, i),
			CRC64: uint64(i) << 32, Size: 5 << 20,
		}
	}
	text, err := Marshal(list)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var doc PartList
		if err := Decode(strings.NewReader(text), &doc); err != nil || len(doc.Parts) != n {
			b.Fatal(err)
		}
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "parts/s")
}

func BenchmarkCompleteText(b *testing.B) {
	doc := Complete{Parts: make([]CompletePart, parts)}
	for i := range doc.Parts {
		doc.Parts[i] = CompletePart{Number: i + 1, ETag: fmt.Sprintf(`"%032X"`, i)}
	}
	b.Run(fmt.Sprintf("parts=%d", parts), func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			b.SetBytes(int64(len(doc.Text())))
		}
	})
}
