package oss_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/ossmultipart/go-oss/oss"
)

// Section A, connection buffers: what a connection holds while it sends is bounded. With TLS it was 512 KiB.
func TestSendingConnectionHoldsLittle(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector holds memory too")
	}
	const connections = 32
	// Bytes for each. The smaller number is for all else: both ends of a pipe, two of TLS, a request.
	const most = (264 + 160) << 10
	overOwnConns(t, func(t *testing.T, scheme string) {
		_, c := newOwnRawServer(t, scheme, oss.Config{}, nil, func(e *serverConn) { e.receive(400_000) })
		ctx, cancel := context.WithCancel(t.Context())
		body := bodyFunc{1 << 30, func(p []byte, _ int64) (int, error) { return len(p), nil }}
		before := heap()
		var sending sync.WaitGroup
		for range connections {
			sending.Go(func() {
				_, err := c.UploadPart(ctx, upload, 1, body, &oss.PartOptions{Checksum: oss.ChecksumCRC64})
				if !errors.Is(err, context.Canceled) {
					t.Errorf("UploadPart: %v, want it to be cancelled", err)
				}
			})
		}
		synctest.Wait() // each is stuck in the middle of its body
		if held := (heap() - before) / connections; held > most {
			t.Errorf("%d KiB for each connection, want at most %d", held>>10, most>>10)
		} else {
			t.Logf("%d KiB for each connection", held>>10)
		}
		cancel()
		sending.Wait()
	})
}

// heap returns the bytes in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // empties what sync.Pool has kept of the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
