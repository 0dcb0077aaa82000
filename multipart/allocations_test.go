package multipart_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

// The uploads of BenchmarkUploads in a bubble, whose clock moves when everything waits: with a service that answers at
// once nothing may.
func TestFiftyThousandPartsWaitForNothing(t *testing.T) {
	t.Parallel()
	const uploads, size = 5, 64
	parts := oss.MaxPartNumber
	if raceEnabled || testing.Short() {
		parts /= 10
	}
	part := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	content := bytes.Repeat(part, parts)
	synctest.Test(t, func(t *testing.T) {
		u := multipart.InstantUploader(t, part, parts, settings(size))
		began := time.Now()
		var group sync.WaitGroup
		for i := range uploads {
			group.Go(func() {
				res, err := u.Upload(t.Context(), bucket, fmt.Sprint("key", i), bytes.NewReader(content), nil)
				if err != nil || res.Parts != parts || res.Size != int64(len(content)) ||
					res.CRC64 != crc64.Checksum(content) {
					t.Errorf("Upload = %+v, %v, want %d parts", res, err, parts)
				}
			})
		}
		group.Wait()
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the uploads waited for %v", waited)
		}
	})
}

// partAllocs returns what an upload in parts of that size allocates for each of them, with a transport that allocates
// next to nothing.
func partAllocs(t *testing.T, parts, size int, opts *multipart.Options) float64 {
	if raceEnabled {
		t.Skip("the race detector allocates, and lets pools forget")
	}
	part := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	content := bytes.Repeat(part, parts)
	u := multipart.InstantUploader(t, part, parts, opts)
	return testing.AllocsPerRun(5, func() {
		if _, err := u.Upload(t.Context(), bucket, key, bytes.NewReader(content), nil); err != nil {
			t.Error(err)
		}
	}) / float64(parts)
}

// Nothing is allocated for the bytes of a part that is read in place.
func TestAllocationsDoNotGrowWithThePart(t *testing.T) {
	small, large := partAllocs(t, 16, 4<<10, settings(4<<10)), partAllocs(t, 16, 2<<20, settings(2<<20))
	if large > small+5 { // a collection in between empties the pools
		t.Errorf("%.0f allocations a part of 2 MiB, %.0f a part of 4 KiB", large, small)
	}
}

// With Go 1.26 there are 61, of which all but eleven are made for the request.
func TestPartsAllocateLittle(t *testing.T) {
	if testing.Short() {
		t.Skip("sends 24,000 parts to count allocations")
	}
	const size, most = 64, 62
	for _, concurrency := range []int{0, 8} { // with a tuner and without
		got := partAllocs(t, 2000, size, &multipart.Options{PartSize: size, Concurrency: concurrency})
		if got > most {
			t.Errorf("concurrency %d: %.1f allocations a part, want at most %d", concurrency, got, most)
		}
	}
}
