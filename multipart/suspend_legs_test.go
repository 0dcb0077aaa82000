package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

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
