package multipart_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// An order is what a process is to upload.
type order struct {
	Name, Server string // of the process; URL
	Path, Dir    string // of the file; of the records
	Exclusive    bool   // no other process uploads to the key
	Target       string // of a download; empty for an upload
}

// childEnv in the environment makes the test binary a process that uploads.
const childEnv = "MULTIPART_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(obey(os.Stdin))
	}
	if flag.Parse(); testing.Short() {
		debug.SetGCPercent(400) // the tests make much garbage and keep little
	}
	os.Exit(m.Run())
}

// obey reads an order and uploads what it says. It prints the Result, or else the error.
func obey(in io.Reader) (exitCode int) {
	var o order
	err := json.NewDecoder(in).Decode(&o)
	var res any
	switch {
	case err != nil:
	case o.Target != "":
		res, err = o.download()
	default:
		res, err = o.upload()
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(res)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (o order) client() (*oss.Client, error) {
	return oss.NewClient(oss.Config{
		Region: "cn-hangzhou", Endpoint: o.Server, Credentials: osstest.TestCredentials(),
		MinPartSize: 1, UserAgent: o.Name,
		// A test may hold a request for as long as another process takes to start.
		Retry: oss.Retry{MinWait: time.Millisecond, MaxWait: 5 * time.Millisecond, Stall: time.Hour},
	})
}

func (o order) upload() (*multipart.Result, error) {
	c, err := o.client()
	if err != nil {
		return nil, err
	}
	return multipart.NewUploader(c, &multipart.Options{
		PartSize: killedPart, Concurrency: killedWorkers, Store: multipart.DirStore(o.Dir),
		Limiter: slowly{}, ExclusiveKeys: o.Exclusive,
	}).UploadFile(context.Background(), bucket, key, o.Path, nil)
}

// slowly is the pace of such a process: some tens of milliseconds for all, so that there is time to be killed in.
type slowly struct{}

func (slowly) Burst() int { return 8 << 10 }

func (slowly) WaitN(context.Context, int) error {
	time.Sleep(100 * time.Microsecond)
	return nil
}

// A process is one that uploads.
type process struct {
	name     string
	cmd      *exec.Cmd
	order    []byte
	stdin    io.WriteCloser
	out, bad bytes.Buffer
	shot     atomic.Bool
	ended    chan struct{}
	err      error // of waiting for it
}

// begin gives the process its order.
func (p *process) begin() {
	p.stdin.Write(p.order) // which fails if it was killed before
	p.stdin.Close()
}

// kill ends the process as a kernel does that is out of memory, and returns when it is no more.
func (p *process) kill() {
	p.shot.Store(true)
	p.cmd.Process.Kill()
	<-p.ended
}

// wait returns what the process had to say, and whether it was killed before that.
func (p *process) wait() (res multipart.Result, killed bool, err error) {
	<-p.ended
	switch {
	case p.err == nil: // also if the kill came too late
		err = json.Unmarshal(p.out.Bytes(), &res)
	case p.bad.Len() > 0:
		err = errors.New(strings.TrimSpace(p.bad.String()))
	case p.shot.Load():
		killed = true
	default:
		err = p.err
	}
	return res, killed, err
}

// A killRound is one file, one record and one server on a real port.
type killRound struct {
	srv  *osstest.Server
	http *httptest.Server
	line *line
	open *connections
	want []byte
	path string // of the file
	dir  string // of the records

	exclusive bool // the processes say that no other uploads to the key
}

func newKillRound(t *testing.T, rnd *rand.Rand) *killRound {
	t.Helper()
	r := &killRound{srv: osstest.NewServer(&osstest.Options{MinPartSize: 1}), open: newConnections(),
		want: make([]byte, killedSize)}
	for i := range r.want {
		r.want[i] = byte(rnd.Uint32())
	}
	dir := t.TempDir()
	r.path, r.dir = filepath.Join(dir, "source"), filepath.Join(dir, "records")
	if err := os.WriteFile(r.path, r.want, 0o600); err != nil {
		t.Fatal(err)
	}
	r.line = newLine(r.srv, func() bool { return r.temporary() > 0 || r.named() })
	r.http = httptest.NewUnstartedServer(r.line)
	r.http.Config.ConnState = r.open.change
	r.http.Start()
	return r
}

// waitIdle returns once the server has served everything that processes sent which have ended. A killed process may
// leave a request that was not read yet, in a connection that was not accepted.
func (r *killRound) waitIdle(t *testing.T) {
	t.Helper()
	last, err := net.Dial("tcp", r.http.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	// and all that were made before
	r.open.wait(func(open map[string]bool) bool { return open[last.LocalAddr().String()] })
	last.Close()
	r.open.wait(func(open map[string]bool) bool { return len(open) == 0 })
	r.line.running.Wait()
}

// connections are those that a server has accepted and not closed, by the address of the client.
type connections struct {
	mu      sync.Mutex
	changed sync.Cond // with mu
	open    map[string]bool
}

func newConnections() *connections {
	c := &connections{open: make(map[string]bool)}
	c.changed.L = &c.mu
	return c
}

// change is http.Server.ConnState.
func (c *connections) change(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.open[conn.RemoteAddr().String()] = true
	case http.StateClosed, http.StateHijacked:
		delete(c.open, conn.RemoteAddr().String())
	}
	c.changed.Broadcast()
}

// wait returns when ok does.
func (c *connections) wait(ok func(open map[string]bool) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !ok(c.open) {
		c.changed.Wait()
	}
}

// disconnect closes the port, and waits for what is being served.
func (r *killRound) disconnect() { r.http.Close() }

func (r *killRound) close() {
	r.http.Close()
	r.srv.Close()
}

// start starts a process, which waits for begin.
func (r *killRound) start(t *testing.T, name string) *process {
	t.Helper()
	return startProcess(t, order{Name: name, Server: r.http.URL, Path: r.path, Dir: r.dir, Exclusive: r.exclusive})
}

// startProcess starts a process that gets the order from begin.
func startProcess(t *testing.T, o order) *process {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{name: o.Name, order: text, cmd: exec.Command(os.Args[0]), ended: make(chan struct{})}
	// At its end the race detector would make each process wait for a second.
	p.cmd.Env = append(os.Environ(), childEnv+"=1", "GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0")
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.bad
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.err = p.cmd.Wait()
	}()
	return p
}

// recorded reports whether there is a record.
func (r *killRound) recorded() bool { return len(r.files("*.json")) > 0 }

// named reports whether there is a record that names an upload. One that does not says that a process was about to
// begin.
func (r *killRound) named() bool {
	for record, err := range multipart.DirStore(r.dir).(multipart.RecordLister).List(context.Background()) {
		if err == nil && record.Plan.Upload.ID != "" {
			return true
		}
	}
	return false
}

// temporary returns how many records were begun and not finished.
func (r *killRound) temporary() int { return len(r.files(".record-*")) }

func (r *killRound) files(pattern string) []string {
	names, err := filepath.Glob(filepath.Join(r.dir, pattern))
	if err != nil {
		panic(err) // the pattern is ours
	}
	return names
}
