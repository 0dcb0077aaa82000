package multipart_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

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
