package multipart_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// TestRandomOutagesLeaveEveryUploadRight cuts the cable at random moments, in every phase, several times in a row.
func TestRandomOutagesLeaveEveryUploadRight(t *testing.T) {
	t.Parallel()
	base := rand.Uint64()
	t.Logf("seed %d", base)
	for seed := range uint64(effort.Of(20, 150, 1000)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { outages(t, base+seed) })
	}
}

func outages(t *testing.T, seed uint64) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		const concurrency, part = 4, 1000
		for _, op := range []string{"UploadPart", "PutObject", "UploadPartCopy"} {
			srv.Inject(osstest.Fault{Op: op,
				Effect: osstest.Delay(time.Duration(50+rnd.IntN(1500)) * time.Millisecond)})
		}
		for _, op := range []string{"InitiateMultipartUpload", "CompleteMultipartUpload", "HeadObject", "CopyObject"} {
			if rnd.IntN(3) == 0 { // so that an outage meets it more often
				srv.Inject(osstest.Fault{Op: op,
					Effect: osstest.Delay(time.Duration(rnd.IntN(5000)) * time.Millisecond)})
			}
		}
		cable, c := newCable(t, srv, nil)
		if _, err := c.HeadObject(t.Context(), bucket, "nothing", nil); !errors.Is(err, oss.ErrNoSuchKey) {
			t.Fatal(err) // patience begins when OSS has answered
		}
		up := multipart.NewUploader(c, &multipart.Options{PartSize: part, Concurrency: concurrency})
		srv.PutObject(bucket, "source", data(20*part))

		type outcome struct {
			key  string
			want []byte
			res  *multipart.Result
			err  error
		}
		outcomes := make([]outcome, 1+rnd.IntN(3))
		var uploads sync.WaitGroup
		for i := range outcomes {
			o := &outcomes[i]
			o.key, o.want = fmt.Sprint("key-", i), data(1+rnd.IntN(30*part))
			kind, delay := rnd.IntN(4), time.Duration(rnd.IntN(4000))*time.Millisecond
			uploads.Go(func() {
				time.Sleep(delay)
				switch kind {
				case 0:
					o.res, o.err = up.Upload(t.Context(), bucket, o.key, struct{ io.Reader }{bytes.NewReader(o.want)},
						nil)
				case 1:
					o.want = o.want[:min(len(o.want), part)]
					o.res, o.err = up.Upload(t.Context(), bucket, o.key, bytes.NewReader(o.want), nil)
				case 2:
					o.want = data(20 * part)
					o.res, o.err = up.Copy(t.Context(), bucket, o.key, oss.CopySource{Bucket: bucket, Key: "source"},
						nil)
				default:
					o.res, o.err = up.Upload(t.Context(), bucket, o.key, bytes.NewReader(o.want), nil)
				}
			})
		}
		var story strings.Builder
		names := []string{"refused", "no route", "no DNS", "silent"}
		var down time.Duration // in all, so that patience never ends
		for range 1 + rnd.IntN(4) {
			time.Sleep(time.Duration(rnd.IntN(8000)) * time.Millisecond)
			d := 100 * time.Millisecond << rnd.IntN(11)
			if d += time.Duration(rnd.Int64N(int64(d))); down+d > 200*time.Second {
				break
			}
			down += d
			name, before := names[rnd.IntN(len(names))], len(cable.dials)
			fmt.Fprintf(&story, "%s for %v; ", name, d)
			cable.interrupt(name, d)
			if n, most := len(cable.dials)-before, concurrency+2+int(d/time.Second); n > most {
				t.Errorf("seed %d: %d connections were tried while %s for %v, want at most %d", seed, n, name, d, most)
			}
		}
		uploads.Wait()
		for _, o := range outcomes {
			obj, ok := srv.Object(bucket, o.key)
			switch {
			case o.err != nil && errors.Is(o.err, multipart.ErrOutcomeUnknown):
				t.Errorf("seed %d, %s%s: the outcome is unknown: %v", seed, story.String(), o.key, o.err)
			case o.err != nil:
				t.Errorf("seed %d, %s%s: %v", seed, story.String(), o.key, o.err)
			case !ok || !bytes.Equal(obj.Data, o.want):
				t.Errorf("seed %d, %s%s: a nil error without the object", seed, story.String(), o.key)
			default:
				for _, orphan := range o.res.Orphans { // of a lost reply to Initiate; they are told
					if err := c.AbortMultipartUpload(t.Context(), orphan); err != nil {
						t.Errorf("seed %d: %v", seed, err)
					}
				}
			}
		}
		if n, b := up.InUse(); n != 0 || b != 0 {
			t.Errorf("seed %d: %d permits and %d bytes are in use", seed, n, b)
		}
	})
}
