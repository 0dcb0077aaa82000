package signer

import (
	"testing"
	"time"
)

// One UploadPart request is signed over and over, as retries do.
func BenchmarkSign(b *testing.B) {
	benchmarkSigners(b, func(s Signer) func() error {
		req, p := testRequest(), testParams()
		return func() error { return s.Sign(req, p) }
	})
}

func BenchmarkPresign(b *testing.B) {
	benchmarkSigners(b, func(s Signer) func() error {
		req, p := testRequest(), testParams()
		plain := *req.URL
		return func() error {
			*req.URL = plain
			return s.Presign(req, p, time.Hour)
		}
	})
}

func benchmarkSigners(b *testing.B, prepare func(Signer) func() error) {
	for _, scheme := range []struct {
		name string
		Signer
	}{{"V1", V1{}}, {"V4", V4{}}, {"V4-with-host", V4{AdditionalHeaders: []string{"host"}}}} {
		b.Run("signature="+scheme.name, func(b *testing.B) {
			sign := prepare(scheme.Signer)
			b.ReportAllocs()
			for b.Loop() {
				if err := sign(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
