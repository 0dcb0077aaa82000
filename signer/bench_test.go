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

// Left are the text of the date, that of the authorization, and one piece of memory for the values of all headers; V1
// makes a text of the signature before.
func TestSignAllocatesLittle(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	for _, tt := range []struct {
		Signer
		most float64
	}{{V1{}, 4}, {V4{}, 3}} {
		req, p := testRequest(), testParams()
		got := testing.AllocsPerRun(100, func() {
			if err := tt.Sign(req, p); err != nil {
				t.Fatal(err)
			}
		})
		if got > tt.most {
			t.Errorf("%T: %v allocations, want at most %v", tt.Signer, got, tt.most)
		}
	}
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
