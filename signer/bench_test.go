package signer

import "testing"

func BenchmarkV1Sign(b *testing.B) { benchmarkSign(b, V1{}) }

func BenchmarkV4Sign(b *testing.B) { benchmarkSign(b, V4{}) }

// benchmarkSign signs one UploadPart request over and over, as retries do.
func benchmarkSign(b *testing.B, s Signer) {
	b.ReportAllocs()
	req, p := testRequest(), testParams()
	for b.Loop() {
		if err := s.Sign(req, p); err != nil {
			b.Fatal(err)
		}
	}
}
