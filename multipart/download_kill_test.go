package multipart_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func (o order) download() (*multipart.DownloadResult, error) {
	c, err := o.client()
	if err != nil {
		return nil, err
	}
	return multipart.NewDownloader(c, &multipart.DownloadOptions{
		PartSize: killedPart, Concurrency: killedWorkers, Limiter: slowly{},
	}).DownloadFile(context.Background(), bucket, key, o.Target, nil)
}

// A sendCounter is a server that counts the bytes of its replies, and does something once so many were sent.
type sendCounter struct {
	srv http.Handler

	mu   sync.Mutex
	sent int64 // by all replies
	at   int64 // do runs when sent reaches this
	do   func()
}

// arm has do run once n more bytes were sent.
func (c *sendCounter) arm(n int64, do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.do = c.sent+n, do
}

func (c *sendCounter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.srv.ServeHTTP(&countedReply{w, c}, r)
}

type countedReply struct {
	http.ResponseWriter
	c *sendCounter
}

func (w *countedReply) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write sends 4 KiB at a time, so that a process can be killed in the middle of a range.
func (w *countedReply) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = w.ResponseWriter.Write(p[n:min(len(p), n+4<<10)])
		n += m
		w.c.mu.Lock()
		w.c.sent += int64(m)
		var do func()
		if w.c.do != nil && w.c.sent >= w.c.at {
			do, w.c.do = w.c.do, nil
		}
		w.c.mu.Unlock()
		if do != nil {
			do()
		}
	}
	return n, err
}

// Law: kill the process of a DownloadFile at any moment, any number of times; the target is the old file or the new one
// at any time, in the end the new one, and no more was fetched than the object and what was in flight at each kill.
func aDownloadFileKilledAtAnyMomentEndsRight(t *testing.T) {
	n := effort.Of(8, 30, allKills)
	rnd := rand.New(rand.NewPCG(*killSeed, 3))
	t.Logf("seed %d", *killSeed)
	var kills, rounds, late, continued int
	for kills < n && !t.Failed() {
		round := newDownloadRound(t, rnd)
		round.run(t, rnd, rounds)
		kills, late, continued = kills+round.kills, late+round.late, continued+round.reused
		rounds++
	}
	t.Logf("%d kills in %d rounds, %d after the last byte; %d ranges were reused", kills, rounds, late, continued)
	if continued == 0 {
		t.Error("no process has continued what a killed one had fetched")
	}
}

type downloadRound struct {
	srv                 *osstest.Server
	counter             *sendCounter
	http                *httptest.Server
	want, old           []byte // old is nil if there is no file before
	dir, target         string
	kills, late, reused int
}

func newDownloadRound(t *testing.T, rnd *rand.Rand) *downloadRound {
	t.Helper()
	r := &downloadRound{srv: osstest.NewServer(nil), want: randomBytes(rnd, killedSize), dir: t.TempDir()}
	r.srv.PutObject(bucket, key, r.want)
	r.counter = &sendCounter{srv: r.srv}
	r.http = httptest.NewServer(r.counter)
	r.target = filepath.Join(r.dir, "target")
	if rnd.IntN(2) == 0 {
		r.old = []byte("the old file")
		if err := os.WriteFile(r.target, r.old, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r *downloadRound) run(t *testing.T, rnd *rand.Rand, round int) {
	defer r.srv.Close()
	defer r.http.Close()
	for run := 0; ; run++ {
		p := startProcess(t, order{Name: fmt.Sprintf("run-%d", run), Server: r.http.URL, Target: r.target})
		var timer *time.Timer
		after := time.Duration(rnd.Int64N(int64(time.Millisecond)))
		switch at := rnd.Int64N(killedSize * 3 / 2); {
		case rnd.IntN(8) == 0:
			timer = time.AfterFunc(time.Duration(rnd.Int64N(int64(80*time.Millisecond))), p.kill)
		case at < killedSize:
			r.counter.arm(at, p.kill)
		default: // when all ranges are there, or shortly after
			go func() {
				for r.noted() < killedSize/killedPart+1 {
					select {
					case <-p.ended:
						return
					default:
					}
				}
				time.AfterFunc(after, p.kill)
			}()
		}
		p.begin()
		res, killed, err := p.wait()
		if timer != nil {
			timer.Stop()
		}
		r.counter.arm(1<<60, nil)
		got, readErr := os.ReadFile(r.target)
		whole := readErr == nil && bytes.Equal(got, r.want)
		before := (r.old == nil) == os.IsNotExist(readErr) && bytes.Equal(got, r.old)
		if !whole && !before {
			t.Fatalf("round %d: the target has %d bytes that are neither those before nor those of the object: %v",
				round, len(got), readErr)
		}
		switch {
		case !killed && (err != nil || res.Size != killedSize || !whole):
			t.Fatalf("round %d: a process that was not killed: %+v, %v, the target is right: %v",
				round, res, err, whole)
		case !killed:
			r.reused += res.Reused
		default:
			r.kills++
		}
		if whole {
			if killed {
				r.late++
			}
			break
		}
	}
	r.http.Close() // waits for the replies
	if most := int64(killedSize + r.kills*killedWorkers*killedPart); r.body() > most {
		t.Errorf("round %d: %d bytes were fetched, more than %d, with %d kills", round, r.body(), most, r.kills)
	}
}

// noted returns how many ranges the journal has.
func (r *downloadRound) noted() int {
	text, _ := os.ReadFile(filepath.Join(r.dir, journalName))
	return bytes.Count(text, []byte("\n")) - 1
}

// body returns the bytes of objects that were sent.
func (r *downloadRound) body() int64 {
	r.counter.mu.Lock()
	defer r.counter.mu.Unlock()
	return r.counter.sent
}
