package multipart_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// stuckConns is a server with two of a hundred connections 50 times slower than the others.
type stuckConns struct {
	srv    *osstest.Server
	client *oss.Client
	part   int64
	size   int64
	object []byte
	took   []time.Duration
	open   atomic.Int64 // requests that have begun and not ended
}

// newStuckConns returns one on which the uploads of parts parts, a third of a second each, begin with any connection.
func newStuckConns(t *testing.T, seed uint64, part int64, parts int) *stuckConns {
	t.Helper()
	l := &stuckConns{srv: osstest.NewServer(&osstest.Options{MinPartSize: 1}), part: part,
		object: make([]byte, int64(parts)*part)}
	t.Cleanup(l.srv.Close)
	l.srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.SlowConnections(3*part, 0.02)})
	l.client = client(t, l.srv, func(cfg *oss.Config) {
		cfg.Retry = oss.Retry{}
		cfg.Hooks.OnStart = func(ctx context.Context, _ oss.Operation) context.Context { l.open.Add(1); return ctx }
		cfg.Hooks.OnEnd = func(context.Context, oss.Operation, error) { l.open.Add(-1) }
	})
	others := client(t, l.srv, func(cfg *oss.Config) {
		own := cfg.HTTPClient.Transport.(*http.Transport).Clone()
		own.DisableKeepAlives = true
		cfg.HTTPClient = &http.Client{Transport: own}
	})
	up, err := others.InitiateMultipartUpload(t.Context(), bucket, "others", nil)
	for range rand.New(rand.NewPCG(seed, 0)).IntN(50) {
		if err == nil {
			_, err = others.UploadPart(t.Context(), up, 1, strings.NewReader("x"), nil)
		}
	}
	if err == nil {
		err = others.AbortMultipartUpload(t.Context(), up)
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// upload uploads once, and takes the time.
func (l *stuckConns) upload(t *testing.T, up *multipart.Uploader) {
	t.Helper()
	began := time.Now()
	res, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(l.object), nil)
	l.took = append(l.took, time.Since(began))
	l.size += int64(len(l.object))
	if obj, _ := l.srv.Stat(bucket, key); err != nil || obj.CRC64 != res.CRC64 || res.Size != int64(len(l.object)) {
		t.Fatalf("Upload = %+v, %v, and the object has CRC-64 %d", res, err, obj.CRC64)
	}
	if slots, _ := up.InUse(); slots != 0 || l.open.Load() != 0 {
		t.Errorf("%d slots are in use, and %d requests are under way, after the upload", slots, l.open.Load())
	}
}

// closeIdle closes all connections, so that the next upload opens new ones.
func (l *stuckConns) closeIdle() { l.srv.HTTPClient().CloseIdleConnections() }

// twice returns the share of the bytes that the server got for nothing.
func (l *stuckConns) twice() float64 {
	var n int64
	for _, r := range l.srv.Requests("UploadPart") {
		if r.Key == key {
			n += r.Size
		}
	}
	return float64(n-l.size) / float64(l.size)
}

func percentiles(took []time.Duration) (median, p99 time.Duration) {
	slices.Sort(took)
	return took[len(took)/2], took[len(took)*99/100]
}

func aFewStuckConnectionsHardlyDelayUploads(t *testing.T) {
	const part = 256 << 10
	for _, tt := range []struct {
		name           string
		concurrency    int
		parts          int  // so many that the last round is full
		short          int  // uploads under -short
		seeds, uploads int  // seeds if there is time
		oneUploader    bool // for all uploads, else each has its own; each opens connections of its own
	}{
		{name: "eight parts in flight", concurrency: 8, parts: 40, short: 6, seeds: 4, uploads: 25},
		{name: "one Uploader for all", concurrency: 8, parts: 40, short: 5, seeds: 2, uploads: 25, oneUploader: true},
		{name: "as many as it finds", parts: 4 + 8 + 16 + 32, short: 3, seeds: 4, uploads: 25},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			seeds, uploads := effort.Of(1, 1, tt.seeds), effort.Of(tt.short, tt.uploads, tt.uploads)
			var took []time.Duration
			for seed := range uint64(seeds) {
				synctest.Test(t, func(t *testing.T) {
					l := newStuckConns(t, seed, part, tt.parts)
					var up *multipart.Uploader
					for i := range uploads {
						if !tt.oneUploader || i == 0 {
							up = multipart.NewUploader(l.client,
								&multipart.Options{PartSize: part, Concurrency: tt.concurrency})
						}
						l.closeIdle()
						l.upload(t, up)
					}
					took = append(took, l.took...)
					twice := l.twice()
					t.Logf("seed %d: %.2f%% of the bytes were sent twice", seed, 100*twice)
					if twice > 0.05 {
						t.Errorf("seed %d: %.1f%% of the bytes were sent twice", seed, 100*twice)
					}
				})
			}
			median, p99 := percentiles(took)
			t.Logf("%d uploads: median %v, p99 %v, %.2f times as long, and %v at most", len(took), median, p99,
				p99.Seconds()/median.Seconds(), took[len(took)-1])
			if p99 > median*13/10 {
				t.Errorf("p99 is %v, more than 1.3 times the median, %v; seeds 0 to %d", p99, median, seeds-1)
			}
		})
	}
}

func TestStuckConnectionsDelayUploadsThatDoNotHedge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newStuckConns(t, 0, 256<<10, 24)
		for range 10 {
			up := multipart.NewUploader(l.client, &multipart.Options{PartSize: l.part, Concurrency: 8})
			up.NoHedging()
			l.closeIdle()
			l.upload(t, up)
		}
		if median, p99 := percentiles(l.took); p99 < 10*median || l.twice() != 0 {
			t.Errorf("median %v, p99 %v: what is the hedging good for?", median, p99)
		}
	})
}
