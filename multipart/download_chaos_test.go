package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// downloadFaults are what may strike the requests of a download. The first five may strike HeadObject too.
var downloadFaults = []func(*rand.Rand) osstest.Effect{
	func(*rand.Rand) osstest.Effect { return osstest.Fail(500, "InternalError") },
	func(*rand.Rand) osstest.Effect { return osstest.Fail(503, "SlowDown") },
	func(*rand.Rand) osstest.Effect { return osstest.Fail(403, oss.ErrAccessDenied) },
	func(*rand.Rand) osstest.Effect { return osstest.Drop() },
	func(*rand.Rand) osstest.Effect { return osstest.LoseReply() },
	func(*rand.Rand) osstest.Effect { return osstest.Hang() },
	func(*rand.Rand) osstest.Effect { return osstest.Corrupt() },
	func(r *rand.Rand) osstest.Effect { return osstest.Truncate(r.Int64N(120)) },
	func(r *rand.Rand) osstest.Effect { return osstest.Slow(10 + r.Int64N(2000)) },
	func(r *rand.Rand) osstest.Effect { return osstest.Delay(time.Duration(r.Int64N(int64(time.Minute)))) },
}

// Law: whatever happens to its requests, a download that returns nil has the bytes of one object that was there during
// the call, and a file is never anything else but the old one or such an object.
func TestNoFaultScheduleMakesADownloadLie(t *testing.T) {
	first, n := uint64(1), effort.Of(40, 400, 3000)
	succeeded, failed := 0, 0
	for seed := first; seed < first+uint64(n) && !t.Failed(); seed++ {
		synctest.Test(t, func(t *testing.T) {
			if newDownloadOrdeal(t, seed).undergo() {
				succeeded++
			} else {
				failed++
			}
		})
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}
	t.Logf("%d downloads succeeded among the faults, %d after them", succeeded, failed)
	if succeeded == 0 || failed == 0 {
		t.Error("the faults are too many or too few to show anything")
	}
}

// A downloadOrdeal is one download with random faults.
type downloadOrdeal struct {
	t      *testing.T
	seed   uint64
	rnd    *rand.Rand
	srv    *osstest.Server
	opts   multipart.DownloadOptions
	way    int
	dir    string
	old    []byte
	mu     sync.Mutex
	states map[string][]byte // the objects that were there, by ETag
}

func newDownloadOrdeal(t *testing.T, seed uint64) *downloadOrdeal {
	o := &downloadOrdeal{t: t, seed: seed, rnd: rand.New(rand.NewPCG(seed, 7)), dir: t.TempDir(),
		srv: osstest.NewServer(&osstest.Options{MinPartSize: 1}), states: make(map[string][]byte)}
	t.Cleanup(o.srv.Close)
	o.way = o.rnd.IntN(len(ways))
	o.opts = multipart.DownloadOptions{PartSize: 50 + o.rnd.Int64N(100), Concurrency: o.rnd.IntN(5),
		Patience: time.Minute, RemovePartial: o.rnd.IntN(4) == 0}
	if o.rnd.IntN(2) == 0 {
		o.old = []byte("the old file")
	}
	if o.rnd.IntN(4) == 0 {
		if err := o.srv.Client().PutBucketVersioning(t.Context(), bucket, oss.VersioningEnabled, nil); err != nil {
			t.Fatal(err)
		}
	}
	o.put(o.content())
	return o
}

// content returns the bytes of another object.
func (o *downloadOrdeal) content() []byte { return randomBytes(o.rnd, o.rnd.IntN(1200)) }

// put replaces the object. It may be called at any time.
func (o *downloadOrdeal) put(content []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.srv.PutObject(bucket, key, content)
	obj, _ := o.srv.Object(bucket, key)
	o.states[obj.ETag] = obj.Data
}

// state returns the bytes of the object that had an ETag, and whether there was one.
func (o *downloadOrdeal) state(etag string) ([]byte, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	data, ok := o.states[etag]
	return data, ok
}

// get downloads once, and checks what it returns.
func (o *downloadOrdeal) get(ctx context.Context, c *oss.Client) error {
	d := multipart.NewDownloader(c, &o.opts)
	var got []byte
	var res *multipart.DownloadResult
	var err error
	if ways[o.way].name == "DownloadFile" {
		target := filepath.Join(o.dir, "target")
		res, err = d.DownloadFile(ctx, bucket, key, target, nil)
		var readErr error
		got, readErr = os.ReadFile(target)
		if err != nil && ((o.old == nil) != os.IsNotExist(readErr) || !bytes.Equal(got, o.old)) {
			o.t.Errorf("after %v the target has %d bytes, %v", err, len(got), readErr)
		}
	} else {
		got, res, err = ways[o.way].get(ctx, o.t, d)
	}
	if err == nil {
		want, known := o.state(res.Object.ETag)
		if !known || !bytes.Equal(got, want) || !res.Verified || res.Size != int64(len(want)) {
			o.t.Errorf("%s returned %+v and %d bytes, which are not those of an object that was there",
				ways[o.way].name, res, len(got))
		}
	}
	return err
}

// undergo downloads among faults, and if that fails without them. It reports whether the first succeeded.
func (o *downloadOrdeal) undergo() (first bool) {
	if o.old != nil {
		if err := os.WriteFile(filepath.Join(o.dir, "target"), o.old, 0o600); err != nil {
			o.t.Fatal(err)
		}
	}
	var faults []*osstest.Injection
	for range o.rnd.IntN(5) {
		op, effects := "GetObject", downloadFaults
		if o.rnd.IntN(4) == 0 {
			op, effects = "HeadObject", downloadFaults[:5]
		}
		faults = append(faults, o.srv.Inject(osstest.Fault{Op: op, Skip: o.rnd.IntN(8), Times: 1 + o.rnd.IntN(4),
			Effect: effects[o.rnd.IntN(len(effects))](o.rnd)}))
	}
	var changes, cancels *time.Timer
	if o.rnd.IntN(4) == 0 {
		after, content := time.Duration(o.rnd.Int64N(int64(20*time.Second))), o.content()
		changes = time.AfterFunc(after, func() { o.put(content) })
	}
	ctx, cancel := context.WithCancel(o.t.Context())
	defer cancel()
	if o.rnd.IntN(6) == 0 {
		cancels = time.AfterFunc(time.Duration(o.rnd.Int64N(int64(20*time.Second))), cancel)
	}
	c := client(o.t, o.srv, func(cfg *oss.Config) { cfg.Retry.Stall = 5 * time.Second })
	err := o.get(ctx, c)
	for _, timer := range []*time.Timer{changes, cancels} {
		if timer != nil {
			timer.Stop()
		}
	}
	synctest.Wait()
	if err == nil {
		return true
	}
	var known *multipart.DownloadError
	if !errors.As(err, &known) {
		o.t.Errorf("the error is no DownloadError: %v", err)
	}
	for _, fault := range faults {
		fault.Remove()
	}
	if err := o.get(o.t.Context(), c); err != nil {
		o.t.Errorf("without faults, after %v, it still fails: %v", known, err)
	}
	if names := leftovers(o.t, o.dir); ways[o.way].name == "DownloadFile" && len(names) > 0 {
		o.t.Errorf("left behind: %q", names)
	}
	return false
}

// leftovers returns the files of a directory that are hidden.
func leftovers(t *testing.T, dir string) (names []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}
