package multipart_test

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

var (
	suspensions = flag.Int("suspensions", 0,
		"how many random schedules of suspended Writers to run; 0 leaves it to package effort")
	suspension = flag.Uint64("suspension", 0, "run only the schedule of suspended Writers with this seed")
)

// However often an upload of unknown length is suspended, continued, truncated, written by two
// Writers, aborted by others and killed, and whatever requests fail, a Writer continues at a byte that its caller can
// account for, the object that Close makes has exactly the bytes of one of the histories that lead there, and in the
// end nothing is left: no upload, no sidecar, no record.
func TestNoScheduleOfSuspensionsMakesAWrongObject(t *testing.T) {
	seeds := []uint64{*suspension}
	if *suspension == 0 {
		seeds = make([]uint64, cmp.Or(*suspensions, effort.Of(40, 300, 2000)))
		for i := range seeds {
			seeds[i] = uint64(i + 1)
		}
	}
	events := make(map[string]int)
	for _, seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			r := newSuspendRound(t, seed, events)
			defer r.srv.Close()
			defer func() {
				if t.Failed() {
					t.Logf("seed %d: go test -run '^%s$' ./multipart -suspension %d\n%s", seed, t.Name(),
						seed, strings.Join(r.log, "\n"))
				}
			}()
			r.run()
		})
		if t.Failed() {
			return
		}
	}
	t.Logf("%d schedules: %v", len(seeds), events)
	if len(seeds) < 1000 {
		return
	}
	for _, event := range []string{"closed", "suspended", "killed", "truncated", "inside a part", "stale", "gone",
		"opened without a checkpoint", "rivals", "aborted elsewhere", "killed in Close"} {
		if events[event] == 0 {
			t.Errorf("no schedule has met: %s", event)
		}
	}
}

// A suspendRound is the upload of one object, by many processes.
type suspendRound struct {
	t      *testing.T
	srv    *osstest.Server
	rnd    *rand.Rand
	events map[string]int
	log    []string

	mode  string // where the Checkpoint is kept
	store multipart.Store

	cp    *multipart.Checkpoint // what the caller was given last; nil before
	may   [][]byte              // what the Checkpoint that is kept may have: the caller tells by its size
	tried [][]byte              // what any Writer of this upload has written
	lost  bool                  // the Checkpoint is lost
	made  bool                  // a Close that was killed has made the object

	rivalled bool // two Writers have written at the same time: OpenWriter needs a Checkpoint
}

func newSuspendRound(t *testing.T, seed uint64, events map[string]int) *suspendRound {
	r := &suspendRound{t: t, srv: osstest.NewServer(&osstest.Options{MinPartSize: leastTestPart}),
		rnd: rand.New(rand.NewPCG(seed, 16)), events: events}
	r.mode = []string{"checkpoint", "sidecar", "map", "objects"}[r.rnd.IntN(4)]
	switch r.mode {
	case "map":
		r.store = &mapStore{text: make(map[string][]byte)}
	case "objects":
		r.store, _ = multipart.NewObjectStore(r.srv.Client(), "records", "p/")
	}
	if r.rnd.IntN(3) > 0 {
		r.srv.Inject(osstest.Fault{Effect: osstest.Chaos(seed)})
	}
	r.reset()
	r.note("%s", r.mode)
	return r
}

func (r *suspendRound) note(format string, args ...any) {
	r.log = append(r.log, fmt.Sprintf(format, args...))
}

func (r *suspendRound) count(event string) { r.events[event]++; r.note("- %s", event) }

// reset begins a new upload.
func (r *suspendRound) reset() {
	r.cp, r.may, r.tried, r.lost = nil, [][]byte{nil}, [][]byte{nil}, false
}

// run runs the schedule.
func (r *suspendRound) run() {
	for range r.rnd.IntN(12) {
		switch n := r.rnd.IntN(20); {
		case n == 0 && r.cp != nil && r.cp.Upload.ID != "":
			r.count("aborted elsewhere")
			r.srv.Client().AbortMultipartUpload(r.t.Context(), r.cp.Upload)
		case n <= 2 && (r.cp != nil || r.store != nil):
			r.rivals()
		default:
			r.leg()
		}
		if r.t.Failed() {
			return
		}
	}
	r.finish()
	r.cleanUp()
}

// finish closes the object, in as many processes as it takes.
func (r *suspendRound) finish() {
	for try := range 20 {
		u, m := r.start(try > 3)
		w := r.open(u, m)
		if r.t.Failed() {
			return
		}
		if r.made {
			return
		}
		if w == nil {
			continue
		}
		more := r.bytes(300)
		w.Write(more)
		before, now := r.may, grow(r.may, more)
		for _, h := range now {
			r.tried = add(r.tried, h)
		}
		err := w.Close()
		r.note("closed: %v", err)
		killed := m.life.Err() != nil
		m.kill()
		r.may = now
		made := r.done()
		switch {
		case err == nil && !made:
			r.t.Error("Close has made no object, or a wrong one")
			return
		case err == nil:
			r.count("closed")
			if n := w.Result().Size; n != int64(len(now[0])) {
				r.t.Errorf("the Result has %d bytes of %d", n, len(now[0]))
			}
			return
		case killed:
			r.count("killed in Close")
		case !errors.Is(err, oss.ErrInvalidPart) &&
			!errors.Is(err, oss.ErrNoSuchUpload) && !errors.Is(err, multipart.ErrOutcomeUnknown):
			r.t.Errorf("Close: %v", err)
			return
		}
		if r.may = before; r.cp == nil && r.store == nil {
			r.reset()
		}
	}
	r.t.Error("the object could not be closed")
}

// done reports whether the object is there. Any object must have the bytes of a history.
func (r *suspendRound) done() bool {
	obj, ok := r.srv.Object(bucket, key)
	if !ok {
		return false
	}
	for _, h := range append(r.may, r.tried...) {
		if bytes.Equal(obj.Data, h) {
			return true
		}
	}
	r.t.Errorf("the object has %d bytes that no Writer has written", len(obj.Data))
	return false
}

// cleanUp ends what killed processes have left, as a caller does who finds it, and checks that nothing is left then.
func (r *suspendRound) cleanUp() {
	ctx := r.t.Context()
	u := multipart.NewUploader(r.srv.Client(), &multipart.Options{PartSize: 128, Store: r.store, Sidecar: true})
	r.discard()
	for p, err := range u.Unfinished(ctx, bucket, key) {
		if err == nil {
			err = u.DiscardWriter(ctx, &multipart.Checkpoint{Upload: p.Upload})
		}
		if err != nil {
			r.t.Error(err)
		}
	}
	wantClean(r.t, r.srv)
	for _, name := range r.srv.Objects("records") {
		if !strings.HasSuffix(name, ".lock") { // of a killed process; it is deleted by the next that wants it
			r.t.Errorf("left: %s", name)
		}
	}
}
