package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// childEnv in the environment makes the test binary the program.
const childEnv = "CLUSTER_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A lab is a fake OSS and a NATS server that processes reach, each in a network namespace of its own if possible.
type lab struct {
	host   string
	srv    *osstest.Server
	http   *httptest.Server
	nats   *server.Server
	spaces []string // network namespaces; empty if this machine allows none

	mu      sync.Mutex
	initial time.Time   // when the first upload began
	last    time.Time   // when the last Complete was answered
	stored  map[int]int // how often each part was stored
	arrived int64       // bytes of parts, stored or not
	watch   func(op string, n int, answered bool)
	ops     map[string]int
}

const bucketName = "cluster-bucket"

// newLab starts the servers. rate is the bandwidth of each namespace in bytes per second; 0 means no limit.
func newLab(t *testing.T, namespaces int, rate int64) *lab {
	t.Helper()
	l := &lab{host: "127.0.0.1", stored: make(map[int]int), ops: make(map[string]int)}
	if err := l.makeSpaces(t, namespaces, rate); err != nil {
		t.Logf("no network namespaces, so the processes share one: %v", err)
		l.spaces = nil
	}
	l.srv = osstest.NewServer(&osstest.Options{Dir: t.TempDir(), Buckets: []string{bucketName}})
	t.Cleanup(l.srv.Close)
	ln, err := net.Listen("tcp", l.host+":0")
	if err != nil {
		t.Fatal(err)
	}
	l.http = &httptest.Server{Listener: ln, Config: &http.Server{Handler: http.HandlerFunc(l.serve)}}
	l.http.Start()
	t.Cleanup(l.http.Close)
	if l.nats, err = embed(t.TempDir(), l.host); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.nats.Shutdown(); l.nats.WaitForShutdown() })
	return l
}

// makeSpaces makes network namespaces, each with a link to this one, whose end in this one is always reachable.
func (l *lab) makeSpaces(t *testing.T, n int, rate int64) error {
	run := func(command string) error {
		words := strings.Fields(command)
		out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%s: %w: %s", command, err, bytes.TrimSpace(out))
		}
		return err
	}
	id := os.Getpid()%200 + 20 // other processes may do the same
	host := fmt.Sprintf("10.%d.0.1", id)
	var commands []string
	if n > 0 {
		commands = append(commands, "ip addr add "+host+"/32 dev lo")
		t.Cleanup(func() { run("ip addr del " + host + "/32 dev lo") })
	}
	for i := 1; i <= n; i++ {
		space := fmt.Sprintf("goss%d-%d", id, i)
		outer, inner := fmt.Sprintf("goss%do%d", id, i), fmt.Sprintf("goss%di%d", id, i)
		net := fmt.Sprintf("10.%d.%d.", id, i)
		commands = append(commands,
			"ip netns add "+space,
			"ip link add "+outer+" type veth peer name "+inner+" netns "+space,
			"ip addr add "+net+"1/24 dev "+outer,
			"ip link set "+outer+" up",
			"ip -n "+space+" addr add "+net+"2/24 dev "+inner,
			"ip -n "+space+" link set "+inner+" up",
			"ip -n "+space+" route add default via "+net+"1")
		if rate > 0 {
			commands = append(commands, fmt.Sprintf(
				"tc -n %s qdisc add dev %s root tbf rate %dbit burst 256kb latency 100ms", space, inner, rate*8))
		}
		t.Cleanup(func() { run("ip link del " + outer); run("ip netns del " + space) })
		l.spaces = append(l.spaces, space)
	}
	for _, c := range commands {
		if err := run(c); err != nil {
			return err
		}
	}
	if n > 0 {
		l.host = host
	}
	return nil
}

// watchWith has f told of the requests from now on.
func (l *lab) watchWith(f func(op string, n int, answered bool)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watch = f
}

// serve counts what arrives, and reports it before and after it is executed.
func (l *lab) serve(w http.ResponseWriter, r *http.Request) {
	op, query := "", r.URL.Query()
	switch {
	case r.Method == http.MethodPost && query.Has("uploads"):
		op = "Initiate"
	case r.Method == http.MethodPost && query.Has("uploadId"):
		op = "Complete"
	case r.Method == http.MethodPut && query.Has("partNumber"):
		op = "Part"
	default:
		l.srv.ServeHTTP(w, r)
		return
	}
	l.mu.Lock()
	l.ops[op]++
	n, watch := l.ops[op], l.watch
	if op == "Initiate" && n == 1 {
		l.initial = time.Now()
	}
	l.mu.Unlock()
	if watch != nil {
		watch(op, n, false)
	}
	reply := &statusWriter{ResponseWriter: w}
	body := &countedBody{ReadCloser: r.Body}
	r.Body = body
	l.srv.ServeHTTP(reply, r)
	l.mu.Lock()
	switch op {
	case "Part":
		l.arrived += body.n
		if reply.status == http.StatusOK {
			var number int
			fmt.Sscan(query.Get("partNumber"), &number)
			l.stored[number]++
		}
	case "Complete":
		l.last = time.Now()
	}
	l.mu.Unlock()
	if watch != nil {
		watch(op, n, true)
	}
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

type countedBody struct {
	io.ReadCloser
	n int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	return n, err
}

// twice returns the number of parts that were stored more than once.
func (l *lab) twice() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, times := range l.stored {
		if times > 1 {
			n++
		}
	}
	return n
}

// A process is a node of the cluster.
type process struct {
	*exec.Cmd
	name string
	out  bytes.Buffer
	over chan struct{}
}

// start starts a node in a namespace, or in this one if space is negative.
func (l *lab) start(t *testing.T, name string, space int, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := append([]string{self, "-nats", l.nats.ClientURL(), "-name", name}, args...)
	if space >= 0 && len(l.spaces) > 0 {
		command = append([]string{"ip", "netns", "exec", l.spaces[space]}, command...)
	}
	p := &process{Cmd: exec.Command(command[0], command[1:]...), name: name, over: make(chan struct{})}
	p.Stdout, p.Stderr = &p.out, &p.out
	keys := osstest.TestCredentials()
	p.Env = append(os.Environ(), childEnv+"=1", "OSS_ACCESS_KEY_ID="+keys.AccessKeyID,
		"OSS_ACCESS_KEY_SECRET="+keys.AccessKeySecret, "OSS_SESSION_TOKEN=", "OSS_REGION=cn-hangzhou",
		"OSS_ENDPOINT="+l.http.URL, "OSS_BUCKET="+bucketName)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.Wait(); close(p.over) }()
	t.Cleanup(p.kill)
	return p
}

// kill ends the process as a kernel does that is out of memory.
func (p *process) kill() {
	p.Process.Kill()
	<-p.over
}

// stop interrupts the process, which then ends by itself.
func (p *process) stop() {
	p.Process.Signal(syscall.SIGINT)
	<-p.over
}

// node returns a node of this process that does nothing by itself.
func (l *lab) node(t *testing.T) *node {
	t.Helper()
	nc, err := nats.Connect(l.nats.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	n := &node{name: "test", lease: testLease, client: l.srv.Client(), say: t.Logf}
	if err := n.join(t.Context(), nc); err != nil {
		t.Fatal(err)
	}
	return n
}

const testLease = 3 * time.Second

// ended waits until every job has ended, of which there is at least one.
func ended(t *testing.T, n *node) []*job {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	w, err := n.jobs.WatchAll(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	jobs := make(map[string]*job)
	for {
		select {
		case <-ctx.Done():
			t.Fatal("the jobs do not end")
		case e := <-w.Updates():
			if e == nil {
				continue
			}
			j := new(job)
			if err := json.Unmarshal(e.Value(), j); err != nil {
				t.Fatal(err)
			}
			jobs[e.Key()] = j
			var all []*job
			for _, j := range jobs {
				if j.Ended {
					all = append(all, j)
				}
			}
			if len(all) == len(jobs) {
				return all
			}
		}
	}
}
