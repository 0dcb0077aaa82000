package interop

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/internal/effort"
)

const (
	soakClients   = 8
	soakKeys      = 12        // of each client, for objects and for appendable objects
	soakObject    = 512 << 10 // bytes of the largest object that is sent in one request
	soakPart      = 512 << 10 // bytes of the largest part
	soakJournal   = 64 << 20  // bytes that the journal may take
	soakMaxMemory = 256 << 20 // bytes of memory that ossd may take
)

// soakMakers make the clients in turn. The first Go SDK, the second and package oss repeat failed requests by rules of
// their own.
var soakMakers = []func(*testing.T, *server, setup) client{newGoV1, newGoV2, newOurs}

// soakActions are what clients do.
var soakActions = []string{"put", "upload", "copy", "append", "read", "delete", "abort"}

// TestKilledDaemonKeepsEveryAcknowledgedByte runs examples/ossd with a directory while clients of three SDKs put,
// upload, copy, append, read and delete. For the first half of the time it kills ossd with SIGKILL every few seconds
// and starts it again. Every object has the content of the last request that was acknowledged, or of a later one that
// was not answered. In the second half nothing is killed, and the memory of ossd must stop growing. The directory must
// not keep what nothing refers to.
//
// It takes 8 s, and 2 s with -short. This runs it for half an hour:
//
//	GO_OSS_LONG_TESTS=30m go test -timeout 40m -v -run KilledDaemon .
func TestKilledDaemonKeepsEveryAcknowledgedByte(t *testing.T) {
	length := effort.Duration(2*time.Second, 8*time.Second, 30*time.Second)
	seed := uint64(time.Now().UnixNano())
	t.Logf("%v with seed %d", length, seed)
	d := newSoakDaemon(t)
	d.start(t)
	t.Cleanup(d.kill)

	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var wg sync.WaitGroup
	clients := make([]*soakClient, soakClients)
	for i := range clients {
		m := soakMakers[i%len(soakMakers)]
		c := newSoakClient(m(t, &server{addr: d.addr}, good(wiring{v4: i%2 == 0})),
			&d.up, fmt.Sprintf("client-%d/", i), rand.New(rand.NewPCG(seed, uint64(i))))
		clients[i] = c
		wg.Go(func() {
			for ctx.Err() == nil {
				c.act()
			}
		})
	}
	killed := d.killRepeatedly(t, ctx, rand.New(rand.NewPCG(seed, soakClients)), length/2)
	steady := d.watch(ctx, length/100)
	wg.Wait()

	total := make(map[string]int)
	var live int64
	for _, c := range clients {
		live += c.verify(t)
		for name, n := range c.acknowledged {
			total[name] += n
		}
	}
	uploads, err := clients[0].client.uploads("", 1000)
	if err != nil {
		t.Fatal(err)
	}
	unfinished := len(uploads)
	used := d.diskUse(t)
	t.Logf("%d kills, acknowledged %v", len(killed), total)
	t.Logf("%d bytes of objects, %d unfinished uploads, %d bytes on disk", live, unfinished, used)
	t.Logf("memory before each kill: %s; without kills: %s", summary(killed), summary(steady))
	for _, name := range soakActions {
		if total[name] == 0 && !testing.Short() { // too short on a busy machine
			t.Errorf("no %s was acknowledged: %v", name, total)
		}
	}
	for _, bytes := range slices.Concat(killed, steady) {
		if bytes > soakMaxMemory {
			t.Fatalf("ossd took %d bytes of memory, want at most %d: %v", bytes, soakMaxMemory,
				slices.Concat(killed, steady))
		}
	}
	if n := len(steady); length >= time.Minute && n > 8 { // by then the log of requests is full
		before, after := slices.Max(steady[n/2:n*3/4]), slices.Max(steady[n*3/4:])
		if after > before+before/10 {
			t.Errorf("the memory of ossd grew from %d to %d bytes in its last quarter: %v", before, after, steady)
		}
	}
	if most := live + int64(unfinished)*2*soakPart + soakJournal; used > most {
		t.Errorf("the directory takes %d bytes, want at most %d", used, most)
	}
}

// summary returns the first, the median and the largest of some numbers of bytes.
func summary(all []int64) string {
	if len(all) == 0 {
		return "unknown"
	}
	sorted := slices.Sorted(slices.Values(all))
	return fmt.Sprintf("first %d MiB, median %d MiB, last %d MiB, largest %d MiB",
		all[0]>>20, sorted[len(sorted)/2]>>20, all[len(all)-1]>>20, sorted[len(sorted)-1]>>20)
}

func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// A soakDaemon is ossd in a process of its own.
type soakDaemon struct {
	program   string
	addr, dir string
	up        sync.RWMutex // locked while ossd is restarted
	cmd       *exec.Cmd
	ended     chan struct{} // closed when the process has ended
	stderr    *bytes.Buffer // to be read then
}

// newSoakDaemon compiles ossd.
func newSoakDaemon(t *testing.T) *soakDaemon {
	t.Helper()
	temp := t.TempDir()
	d := &soakDaemon{program: filepath.Join(temp, "ossd"), addr: freeAddr(t), dir: filepath.Join(temp, "data")}
	build := exec.Command("go", "build", "-o", d.program, "github.com/ossmultipart/go-oss/examples/ossd")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return d
}

// start starts ossd and waits until it accepts connections.
func (d *soakDaemon) start(t *testing.T) {
	t.Helper()
	cmd := exec.Command(d.program, "-addr", d.addr, "-dir", d.dir)
	ended, stderr := make(chan struct{}), new(bytes.Buffer)
	d.cmd, d.ended, d.stderr = cmd, ended, stderr
	cmd.Stderr = stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(ended)
		cmd.Wait() // an error is the kill
	}()
	// ossd tells its endpoint once it listens.
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) == 2 && fields[0] == "endpoint" {
			go io.Copy(io.Discard, stdout) // ends with the process
			return
		}
	}
	<-ended
	t.Fatalf("ossd has ended: %s", stderr)
}

// kill ends ossd with SIGKILL.
func (d *soakDaemon) kill() {
	d.cmd.Process.Kill()
	<-d.ended
}

// restart kills ossd and starts it again. Clients that hold d.up wait for that.
func (d *soakDaemon) restart(t *testing.T) {
	t.Helper()
	d.up.Lock()
	defer d.up.Unlock()
	d.kill()
	d.start(t)
}

// killRepeatedly kills and restarts ossd for a time, and returns its memory before each kill.
func (d *soakDaemon) killRepeatedly(t *testing.T, ctx context.Context, r *rand.Rand, length time.Duration) []int64 {
	t.Helper()
	longest := min(length/2, 5*time.Second)
	var memory []int64
	for end := time.Now().Add(length); time.Now().Before(end) && ctx.Err() == nil; {
		// Real time: the moment at which a process is killed is what this test draws.
		time.Sleep(100*time.Millisecond + time.Duration(r.Int64N(int64(longest))))
		memory = append(memory, d.memory()...)
		d.restart(t)
	}
	return memory
}

// watch returns the memory of ossd once in every interval until ctx is done.
func (d *soakDaemon) watch(ctx context.Context, interval time.Duration) []int64 {
	var memory []int64
	for tick := time.Tick(interval); ; {
		select {
		case <-tick:
			memory = append(memory, d.memory()...)
		case <-ctx.Done():
			return memory
		}
	}
}

// memory returns the resident memory of the process in bytes; nothing where there is no /proc.
func (d *soakDaemon) memory() []int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
	if err != nil {
		return nil
	}
	_, after, _ := strings.Cut(string(text), "VmRSS:")
	var kib int64
	if _, err := fmt.Sscan(after, &kib); err != nil {
		return nil
	}
	return []int64{kib << 10}
}

// diskUse returns the bytes of all files in the directory.
func (d *soakDaemon) diskUse(t *testing.T) (total int64) {
	t.Helper()
	err := filepath.WalkDir(d.dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}
