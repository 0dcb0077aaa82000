package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

const (
	soakBucket    = "soak"
	soakClients   = 8
	soakKeys      = 12        // of each client, for objects and for appendable objects
	soakObject    = 512 << 10 // bytes of the largest object that is sent in one request
	soakPart      = 512 << 10 // bytes of the largest part
	soakJournal   = 64 << 20  // bytes that the journal may take
	soakMaxMemory = 256 << 20 // bytes of memory that ossd may take
)

// soakActions are what clients do.
var soakActions = []string{"put", "upload", "copy", "append", "read", "delete", "abort"}

// soakArgs in the environment makes this test binary ossd with these arguments, separated by line feeds.
const soakArgs = "OSSD_SOAK_ARGS"

// TestMain runs ossd instead of the tests if soakArgs is set.
func TestMain(m *testing.M) {
	if args := os.Getenv(soakArgs); args != "" {
		noEnv := func(string) string { return "" }
		os.Exit(run(context.Background(), strings.Split(args, "\n"), io.Discard, os.Stderr, noEnv))
	}
	os.Exit(m.Run())
}

// TestKilledDaemonKeepsEveryAcknowledgedByte runs ossd with a directory while clients put, upload, copy, append, read
// and delete. For the first half of the time it kills ossd with SIGKILL every few seconds and starts it again. Every
// object has the content of the last request that was acknowledged, or of a later one that was not answered. In the
// second half nothing is killed, and the memory of ossd must stop growing. The directory must not keep what nothing
// refers to.
//
// It takes 8 s, and 2 s with -short. This runs it for half an hour:
//
//	GO_OSS_LONG_TESTS=30m go test -timeout 40m -v -run KilledDaemon ./examples/ossd
func TestKilledDaemonKeepsEveryAcknowledgedByte(t *testing.T) {
	length := effort.Duration(2*time.Second, 8*time.Second, 30*time.Second)
	seed := uint64(time.Now().UnixNano())
	t.Logf("%v with seed %d", length, seed)
	d := &soakDaemon{addr: freeAddr(t), dir: filepath.Join(t.TempDir(), "data")}
	d.start(t)
	t.Cleanup(d.kill)

	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var wg sync.WaitGroup
	clients := make([]*soakClient, soakClients)
	for i := range clients {
		c := newSoakClient(d.client(t), fmt.Sprintf("client-%d/", i), rand.New(rand.NewPCG(seed, uint64(i))))
		clients[i] = c
		wg.Go(func() {
			for ctx.Err() == nil {
				c.act(ctx)
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
	unfinished := 0
	for _, err := range d.client(t).Uploads(t.Context(), soakBucket, nil) {
		if err != nil {
			t.Fatal(err)
		}
		unfinished++
	}
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
			t.Fatalf("ossd took %d bytes of memory, want at most %d: %v", bytes, soakMaxMemory, slices.Concat(killed, steady))
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
	addr, dir string
	cmd       *exec.Cmd
	ended     chan struct{} // closed when the process has ended
	stderr    *bytes.Buffer // to be read then
}

// start starts ossd and waits until it accepts connections.
func (d *soakDaemon) start(t *testing.T) {
	t.Helper()
	cmd, ended, stderr := exec.Command(os.Args[0]), make(chan struct{}), new(bytes.Buffer)
	d.cmd, d.ended, d.stderr = cmd, ended, stderr
	cmd.Env = append(os.Environ(), soakArgs+"=-addr\n"+d.addr+"\n-dir\n"+d.dir)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(ended)
		cmd.Wait() // an error is the kill
	}()
	for {
		if c, err := net.Dial("tcp", d.addr); err == nil {
			c.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("ossd has ended: %s", stderr)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// kill ends ossd with SIGKILL.
func (d *soakDaemon) kill() {
	d.cmd.Process.Kill()
	<-d.ended
}

// killRepeatedly kills and restarts ossd for a time, and returns its memory before each kill.
func (d *soakDaemon) killRepeatedly(t *testing.T, ctx context.Context, r *rand.Rand, length time.Duration) []int64 {
	t.Helper()
	longest := min(length/2, 5*time.Second)
	var memory []int64
	for end := time.Now().Add(length); time.Now().Before(end) && ctx.Err() == nil; {
		time.Sleep(100*time.Millisecond + time.Duration(r.Int64N(int64(longest))))
		memory = append(memory, d.memory()...)
		d.kill()
		d.start(t)
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

func (d *soakDaemon) client(t *testing.T) *oss.Client {
	t.Helper()
	c, err := oss.NewClient(oss.Config{
		Endpoint: "http://" + d.addr, Region: "cn-hangzhou", Credentials: osstest.TestCredentials(),
		Retry: oss.Retry{Attempts: 2, MinWait: time.Millisecond, MaxWait: 20 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A content identifies the bytes of an object. The zero value means that there is no object.
type content struct {
	size int64
	crc  uint64
}

var soakTable = crc64.MakeTable(crc64.ECMA)

func (c content) plus(data []byte) content {
	return content{c.size + int64(len(data)), crc64.Update(c.crc, soakTable, data)}
}

// A soakClient writes to keys of its own, one request after the other.
type soakClient struct {
	client       *oss.Client
	prefix       string
	random       *rand.Rand
	acknowledged map[string]int // requests by action
	lost         []string       // what a read found that cannot be

	// possible are the contents that an object may have: that of the last request that was acknowledged, and those of
	// later requests without a reply.
	possible map[string][]content
}

func newSoakClient(client *oss.Client, prefix string, random *rand.Rand) *soakClient {
	c := &soakClient{
		client: client, prefix: prefix, random: random,
		acknowledged: make(map[string]int), possible: make(map[string][]content),
	}
	for i := range soakKeys {
		c.possible[c.object(i)], c.possible[c.log(i)] = []content{{}}, []content{{}}
	}
	return c
}

func (c *soakClient) object(i int) string { return fmt.Sprintf("%sobject-%d", c.prefix, i) }
func (c *soakClient) log(i int) string    { return fmt.Sprintf("%slog-%d", c.prefix, i) }

// data returns between least and most random bytes.
func (c *soakClient) data(least, most int) []byte {
	data := make([]byte, least+c.random.IntN(most-least+1))
	for i := 0; i < len(data); i += 8 {
		n := c.random.Uint64()
		for j := i; j < min(i+8, len(data)); j++ {
			data[j] = byte(n >> (8 * (j - i)))
		}
	}
	return data
}

// act makes one random request, or those of one upload.
func (c *soakClient) act(ctx context.Context) {
	action := soakActions[c.random.IntN(len(soakActions))]
	key, log := c.object(c.random.IntN(soakKeys)), c.log(c.random.IntN(soakKeys))
	var err error
	switch action {
	case "put":
		data := c.data(1, soakObject)
		_, err = c.client.PutObject(ctx, soakBucket, key, bytes.NewReader(data), nil)
		c.replaced(key, content{}.plus(data), err)
	case "upload":
		err = c.upload(ctx, key)
	case "copy":
		from := c.object(c.random.IntN(soakKeys))
		all := c.possible[from]
		if len(all) > 1 || all[0] == (content{}) || from == key {
			return
		}
		_, err = c.client.CopyObject(ctx, soakBucket, key, oss.CopySource{Bucket: soakBucket, Key: from}, nil)
		c.replaced(key, all[0], err)
	case "append":
		if len(c.possible[log]) > 1 { // the position is unknown
			err = c.read(ctx, log)
			break
		}
		old, data := c.possible[log][0], c.data(1, soakObject/8)
		if old.size > soakObject {
			err = c.remove(ctx, log)
			break
		}
		err = c.append(ctx, log, old.size, data)
		c.replaced(log, old.plus(data), err)
	case "read":
		if err = c.read(ctx, key); err == nil {
			err = c.read(ctx, log)
		}
	case "delete":
		err = c.remove(ctx, key)
	case "abort":
		err = c.abortAll(ctx)
	}
	if err == nil {
		c.acknowledged[action]++
		return
	}
	time.Sleep(10 * time.Millisecond) // ossd is being started
}

// replaced notes that the content of key was replaced, or with an error that it may have been.
func (c *soakClient) replaced(key string, now content, err error) {
	if err == nil {
		c.possible[key] = []content{now}
	} else {
		c.possible[key] = append(c.possible[key], now)
	}
}

// upload replaces key by an object of two parts.
func (c *soakClient) upload(ctx context.Context, key string) error {
	up, err := c.client.InitiateMultipartUpload(ctx, soakBucket, key, nil)
	if err != nil {
		return err
	}
	var whole content
	var parts []oss.Part
	for number := 1; number <= 2; number++ {
		data := c.data(int(oss.MinPartSize), soakPart)
		part, err := c.client.UploadPart(ctx, up, number, bytes.NewReader(data), nil)
		if err != nil {
			return err
		}
		parts, whole = append(parts, part), whole.plus(data)
	}
	_, err = c.client.CompleteMultipartUpload(ctx, up, parts, nil)
	c.replaced(key, whole, err)
	return err
}

func (c *soakClient) append(ctx context.Context, key string, position int64, data []byte) error {
	resp, err := c.client.Do(ctx, &oss.Request{
		Op: "AppendObject", Method: "POST", Bucket: soakBucket, Key: key,
		Query: url.Values{"append": {""}, "position": {strconv.FormatInt(position, 10)}}, Body: bytes.NewReader(data),
	})
	if err == nil {
		resp.Body.Close()
	}
	return err
}

func (c *soakClient) remove(ctx context.Context, key string) error {
	err := c.client.DeleteObject(ctx, soakBucket, key, nil)
	c.replaced(key, content{}, err)
	return err
}

// abortAll aborts the uploads that earlier requests left unfinished.
func (c *soakClient) abortAll(ctx context.Context) error {
	for up, err := range c.client.Uploads(ctx, soakBucket, &oss.ListUploadsOptions{Prefix: c.prefix}) {
		if err != nil {
			return err
		}
		if err := c.client.AbortMultipartUpload(ctx, up.Upload); err != nil {
			return err
		}
	}
	return nil
}

// read reads key and compares it with the possible contents, of which only one remains.
func (c *soakClient) read(ctx context.Context, key string) error {
	var got content
	obj, err := c.client.GetObject(ctx, soakBucket, key, nil)
	switch {
	case errors.Is(err, oss.ErrNoSuchKey):
	case err != nil:
		return err
	default:
		defer obj.Body.Close()
		data, err := io.ReadAll(obj.Body)
		if err != nil {
			return err
		}
		got = got.plus(data)
	}
	if !slices.Contains(c.possible[key], got) {
		c.lost = append(c.lost, fmt.Sprintf("%s is %+v, want one of %+v", key, got, c.possible[key]))
	}
	c.possible[key] = []content{got}
	return nil
}

// verify reads all objects and returns their bytes.
func (c *soakClient) verify(t *testing.T) (live int64) {
	t.Helper()
	for key := range c.possible {
		if err := c.read(t.Context(), key); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		live += c.possible[key][0].size
	}
	for _, lost := range c.lost {
		t.Error(lost)
	}
	return live
}
