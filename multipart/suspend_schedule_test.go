package multipart_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
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

// A mortal is the network of a process that is killed at one of its requests.
type mortal struct {
	base  http.RoundTripper
	after bool // OSS carries out that request

	mu   sync.Mutex
	left int // requests until then; 0 means never
	life context.Context
	kill func()
}

var errKilled = errors.New("the process was killed")

func (m *mortal) RoundTrip(req *http.Request) (*http.Response, error) {
	m.mu.Lock()
	last := m.left == 1
	if m.left > 0 {
		m.left--
	}
	m.mu.Unlock()
	if last && !m.after {
		m.kill()
	}
	if m.life.Err() != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, errKilled
	}
	ctx, cancel := context.WithCancel(req.Context())
	context.AfterFunc(m.life, cancel)
	resp, err := m.base.RoundTrip(req.WithContext(ctx))
	if !last {
		return resp, err
	}
	if err == nil {
		resp.Body.Close()
	}
	m.kill()
	return nil, errKilled
}

// start returns the Uploader of a new process. If it is mortal it is killed at one of its first requests.
func (r *suspendRound) start(lives bool) (*multipart.Uploader, *mortal) {
	m := &mortal{base: r.srv.HTTPClient().Transport, after: r.rnd.IntN(2) == 0}
	m.life, m.kill = context.WithCancel(r.t.Context())
	if !lives && r.rnd.IntN(3) == 0 {
		m.left = 1 + r.rnd.IntN(14)
	}
	c := client(r.t, r.srv, func(cfg *oss.Config) { cfg.HTTPClient = &http.Client{Transport: m} })
	return multipart.NewUploader(c, &multipart.Options{
		PartSize: 128 + 64*r.rnd.Int64N(4), Concurrency: 1 + r.rnd.IntN(4),
		Sidecar: r.mode == "sidecar", Store: r.store,
		Patience: 10 * time.Second, CleanupTimeout: 10 * time.Second,
	}), m
}

const uploadName = "the upload"

// open opens a Writer that goes on. It returns nil if it cannot.
func (r *suspendRound) open(u *multipart.Uploader, m *mortal) *multipart.Writer {
	var w *multipart.Writer
	var err error
	ctx := r.t.Context()
	if r.cp != nil && r.cp.Upload.ID != "" && r.store == nil && !r.rivalled && r.rnd.IntN(6) == 0 {
		r.count("opened without a checkpoint")
		r.lost = true
		if r.cp.Sidecar {
			r.srv.Client().DeleteObject(ctx, bucket, multipart.SidecarKey(r.cp.Upload), nil)
		}
	}
	lost := r.lost
	byID := r.cp != nil && r.cp.Sidecar && (r.rnd.IntN(3) > 0 || r.cp.Digest == "")
	switch {
	case r.store != nil:
		w, err = u.NamedWriter(ctx, uploadName, bucket, key, nil)
	case r.cp == nil:
		w = u.NewWriter(ctx, bucket, key, nil)
	case lost:
		w, err = u.OpenWriter(ctx, r.cp.Upload, nil)
	case byID:
		w, err = u.OpenWriter(ctx, r.cp.Upload, nil)
	default:
		w, err = u.ContinueWriter(ctx, r.cp, nil)
	}
	if err == nil {
		n := int(w.Size())
		var fits [][]byte
		from := r.may
		if lost {
			from = r.tried
		}
		for _, h := range from {
			if len(h) == n || lost && len(h) > n {
				fits = add(fits, h[:n])
			}
		}
		r.note("opened at byte %d, %d histories fit", n, len(fits))
		if len(fits) == 0 {
			r.t.Errorf("a Writer continues at byte %d, which no history explains", n)
		}
		r.may, r.lost = fits, false
		if lost { // its Checkpoint is in the sidecar now
			r.cp = &multipart.Checkpoint{Upload: r.cp.Upload, Sidecar: true}
		}
		return w
	}
	r.note("not opened: %v", err)
	switch {
	case m.life.Err() != nil:
		r.count("killed")
	case errors.Is(err, multipart.ErrStaleCheckpoint):
		r.count("stale")
		r.discard()
	case errors.Is(err, oss.ErrNoSuchUpload):
		r.count("gone")
		r.made = r.done()
		r.discard()
	default:
		r.t.Errorf("opening: %v", err)
	}
	return nil
}

// add adds h to a set of histories.
func add(set [][]byte, h []byte) [][]byte {
	for _, other := range set {
		if bytes.Equal(h, other) {
			return set
		}
	}
	return append(set, h)
}

// discard ends the upload, as a caller does who has to begin anew.
func (r *suspendRound) discard() {
	u := multipart.NewUploader(r.srv.Client(), &multipart.Options{PartSize: 128, Store: r.store, Sidecar: true})
	var err error
	if r.store != nil {
		err = u.DiscardNamed(r.t.Context(), uploadName)
	} else if r.cp != nil {
		err = u.DiscardWriter(r.t.Context(), r.cp)
	}
	if err != nil {
		r.t.Errorf("discarding: %v", err)
	}
	r.reset()
}

// bytes returns up to n random bytes.
func (r *suspendRound) bytes(n int) []byte {
	b := make([]byte, r.rnd.IntN(n))
	for i := range b {
		b[i] = byte(r.rnd.Uint32())
	}
	return b
}

// grow returns the histories with more behind.
func grow(histories [][]byte, more []byte) (grown [][]byte) {
	for _, h := range histories {
		grown = append(grown, append(bytes.Clone(h), more...))
	}
	return grown
}

// leg has one process continue the upload for a while.
func (r *suspendRound) leg() {
	u, m := r.start(false)
	defer m.kill()
	w := r.open(u, m)
	if w == nil {
		return
	}
	before, now := r.may, r.may
	if r.rnd.IntN(4) == 0 && w.Size() > 0 {
		now = r.truncate(w, m)
		if r.store != nil { // the record is saved as soon as the next part begins the upload
			for _, h := range now {
				before = add(before[:len(before):len(before)], h)
			}
		}
	}
	more := r.bytes([]int{2, 100, 2000}[r.rnd.IntN(3)])
	r.note("writes %d bytes", len(more))
	for rest := more; len(rest) > 0; {
		n := min(len(rest), 1+r.rnd.IntN(300))
		w.Write(rest[:n]) // a failure is that of Suspend too
		rest = rest[n:]
	}
	now = grow(now, more)
	for _, h := range now {
		r.tried = add(r.tried, h)
	}
	r.end(w, m, before, now)
}

// truncate truncates w anywhere, and returns the histories that are left.
func (r *suspendRound) truncate(w *multipart.Writer, m *mortal) [][]byte {
	size := r.rnd.Int64N(w.Size() + 1)
	err := w.Truncate(size)
	switch {
	case err == nil && w.Size() == size:
		r.count("truncated")
		var cut [][]byte
		for _, h := range r.may {
			cut = add(cut, h[:size:size])
			r.tried = add(r.tried, h[:size:size])
		}
		return cut
	case errors.Is(err, multipart.ErrInsidePart):
		r.count("inside a part")
	default:
		r.t.Errorf("Truncate: %v, size %d", err, w.Size())
	}
	return r.may
}

// end suspends w. The upload then is where it was, or where it is now.
func (r *suspendRound) end(w *multipart.Writer, m *mortal, before, now [][]byte) {
	fresh := r.cp == nil && r.store == nil
	cp, err := w.Suspend(r.t.Context())
	if err == nil {
		r.count("suspended")
		if cp.Size != int64(len(now[0])) {
			r.t.Errorf("suspended at byte %d, want %d", cp.Size, len(now[0]))
		}
		r.cp, r.may = throughJSON(r.t, cp), now
		return
	}
	r.note("not suspended: %v", err)
	switch {
	case m.life.Err() != nil:
		r.count("killed")
	case errors.Is(err, multipart.ErrStaleCheckpoint), errors.Is(err, oss.ErrNoSuchUpload):
	default:
		r.t.Errorf("Suspend: %v", err)
	}
	if fresh {
		r.reset()
		return
	}
	r.may = before
	if r.mode != "checkpoint" || r.cp != nil && r.cp.Sidecar {
		for _, h := range now {
			r.may = add(r.may[:len(r.may):len(r.may)], h)
		}
	}
}

// rivals has two processes write at the same time.
func (r *suspendRound) rivals() {
	r.count("rivals")
	r.rivalled = true
	var writers [2]*multipart.Writer
	var networks [2]*mortal
	for i := range writers {
		u, m := r.start(true)
		defer m.kill()
		if writers[i], networks[i] = r.open(u, m), m; writers[i] == nil {
			for _, w := range writers[:i] {
				w.Suspend(r.t.Context())
			}
			return
		}
	}
	before := r.may
	kept := [][]byte{}
	for _, h := range before {
		kept = add(kept, h)
	}
	var now [2][][]byte
	for i, w := range writers {
		more := r.bytes(900)
		r.note("rival %d writes %d bytes", i, len(more))
		w.Write(more)
		now[i] = grow(before, more)
		for _, h := range now[i] {
			r.tried, kept = add(r.tried, h), add(kept, h)
		}
	}
	succeeded := 0
	kind := r.mode
	if r.cp != nil && r.cp.Sidecar {
		kind = "sidecar"
	}
	for _, i := range r.rnd.Perm(2) {
		cp, err := writers[i].Suspend(r.t.Context())
		r.note("rival %d: %v", i, err)
		switch {
		case err == nil:
			succeeded++
			r.cp = throughJSON(r.t, cp)
			r.may = now[i]
		case !errors.Is(err, multipart.ErrStaleCheckpoint) && !errors.Is(err, oss.ErrNoSuchUpload):
			r.t.Errorf("rival: %v", err)
		}
	}
	switch {
	case succeeded == 2 && kind != "checkpoint" && len(now[0][0]) > len(before[0]) && len(now[1][0]) > len(before[0]):
		r.t.Error("two Writers have saved what each has written after the same Checkpoint")
	case succeeded == 0 && kind == "checkpoint":
		r.may = before
	case succeeded == 0:
		r.may = kept
	}
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

// A process is killed at each request of a leg in turn: before OSS has it, and after OSS has carried it out.
func killedAtEachRequestOfALeg(t *testing.T) {
	for _, mode := range []string{"checkpoint", "sidecar", "map", "objects"} {
		for n := 1; n <= 14; n++ {
			for _, after := range []bool{false, true} {
				if testing.Short() && after == (n%2 == 0) {
					continue
				}
				withSessions(t, func(t *testing.T, srv *osstest.Server) {
					r := &suspendRound{t: t, srv: srv, mode: mode, rnd: rand.New(rand.NewPCG(1, 1))}
					r.events = make(map[string]int)
					if mode == "map" || mode == "objects" {
						r.store = stores(t, srv)[mode]
					}
					r.reset()
					want := data(1500)
					next := func(left int) *multipart.Writer {
						u, m := r.start(true)
						m.left, m.after = left, after
						var w *multipart.Writer
						var err error
						switch {
						case r.store != nil:
							w, err = u.NamedWriter(t.Context(), uploadName, bucket, key, nil)
						case r.cp == nil:
							w = u.NewWriter(t.Context(), bucket, key, nil)
						case mode == "sidecar":
							w, err = u.OpenWriter(t.Context(), r.cp.Upload, nil)
						default:
							w, err = u.ContinueWriter(t.Context(), r.cp, nil)
						}
						if err != nil && m.life.Err() == nil {
							t.Fatal(err)
						}
						return w
					}
					r.cp = suspended(t, next(0), want[:300])
					if w := next(n); w != nil {
						w.Write(want[300:800])
						if cp, err := w.Suspend(t.Context()); err == nil {
							r.cp = cp
						}
					}
					w := next(0)
					if at := w.Size(); at != 300 && at != 800 || mode == "checkpoint" && at != r.cp.Size {
						t.Errorf("%s: killed at request %d: continues at byte %d", mode, n, at)
					}
					write(t, w, want[w.Size():])
					err := w.Close()
					wantObject(t, srv, want, w.Result(), err)
					for _, name := range srv.Objects("records") {
						if !strings.HasSuffix(name, ".lock") { // which counts as left after 30 seconds
							t.Errorf("%s: killed at request %d: left %s", mode, n, name)
						}
					}
				})
			}
		}
	}
}
