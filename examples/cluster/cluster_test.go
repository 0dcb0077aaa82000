package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

const testPart = 256 << 10 // bytes

// newNode returns a node of a cluster that is in this process, and has neither coordinators nor workers.
func newNode(t *testing.T) (*node, *osstest.Server) {
	t.Helper()
	srv := osstest.NewServer(nil)
	t.Cleanup(srv.Close)
	broker, err := embed(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { broker.Shutdown(); broker.WaitForShutdown() })
	nc, err := nats.Connect("", nats.InProcessServer(broker))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	n := &node{name: "node", lease: time.Second, client: srv.Client(), say: t.Logf}
	if err := n.join(t.Context(), nc); err != nil {
		t.Fatal(err)
	}
	return n, srv
}

// start starts a coordinator and two workers.
func (n *node) start(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	t.Cleanup(cancel)
	running.Go(func() { n.consume(ctx, coordinators, n.coordinate) })
	for i := range 2 {
		running.Go(func() { n.consume(ctx, workers, newWorker(n, i).do) })
	}
}

func jobsOf(t *testing.T, n *node, sources ...string) []*job {
	t.Helper()
	jobs, err := settings{partSize: testPart, parts: 2, sources: sources}.jobs(t.Context(), n.client, bucketName)
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

// do submits the jobs of the sources and returns them when they have ended.
func (n *node) do(t *testing.T, sources ...string) []*job {
	t.Helper()
	for _, j := range jobsOf(t, n, sources...) {
		if err := n.submit(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	}
	return ended(t, n)
}

func write(t *testing.T, path string, size int, seed byte) []byte {
	t.Helper()
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i*7+i>>8) ^ seed
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return data
}

func wantObject(t *testing.T, srv *osstest.Server, key string, want []byte) {
	t.Helper()
	got, ok := srv.Object(bucketName, key)
	if !ok || !bytes.Equal(got.Data, want) {
		t.Errorf("object %s exists: %t, and has %d bytes, not those of the source", key, ok, len(got.Data))
	}
	if left := srv.Uploads(); len(left) > 0 {
		t.Errorf("uploads are left: %v", left)
	}
}

func TestTheQuickStartUploadsFilesOfEverySize(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "films")
	write(t, filepath.Join(dir, "large"), 9*testPart+1, 0)
	write(t, filepath.Join(dir, "empty"), 0, 0)
	for i := range batchFiles {
		write(t, filepath.Join(dir, "small", fmt.Sprint(i)), 1000, byte(i))
	}
	var out bytes.Buffer
	s := settings{name: "quick", workers: 3, partSize: testPart, parts: 2, lease: time.Second,
		prefix: "p/", sources: []string{dir}}
	if err := run(t.Context(), func(string) string { return "" }, s, &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{
		"object    p/films/large: 2359297 bytes in 10 parts, ETag ", "object    p/films/empty: 0 bytes in 0 parts",
		"object    p/films/small/99: 1000 bytes", " share 4: done\n", "quick coordinates job ",
		"total     2459297 bytes in ",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
	if got := strings.Count(out.String(), "object    "); got != batchFiles+2 {
		t.Errorf("%d objects, want %d", got, batchFiles+2)
	}
}

// TestABatchThatIsDeliveredAgainSendsOnlyWhatIsMissing has a worker die before it acknowledges a batch.
func TestABatchThatIsDeliveredAgainSendsOnlyWhatIsMissing(t *testing.T) {
	n, srv := newNode(t)
	dir := t.TempDir()
	want := write(t, filepath.Join(dir, "d", "a"), 1000, 0)
	write(t, filepath.Join(dir, "d", "b"), 1000, 1)
	jobs := jobsOf(t, n, filepath.Join(dir, "d"))
	if err := n.submit(t.Context(), jobs[0]); err != nil {
		t.Fatal(err)
	}
	msg, err := n.next(t.Context(), workers)
	if err != nil {
		t.Fatal(err)
	}
	srv.PutObject(bucketName, "d/a", want) // the worker's last deed
	msg.Nak()
	n.start(t)
	if j := ended(t, n)[0]; j.Error != "" || len(j.Done) != 2 {
		t.Errorf("job %+v", j)
	}
	for _, r := range srv.Requests("PutObject") {
		if r.Key != "d/b" {
			t.Errorf("%s is sent again", r.Key)
		}
	}
	wantObject(t, srv, "d/a", want)
}

// TestAnErrorThatNoDeliveryMendsEndsTheJob has a task fail until it was delivered often enough.
func TestAnErrorThatNoDeliveryMendsEndsTheJob(t *testing.T) {
	n, srv := newNode(t)
	n.lease = 8 * time.Millisecond // of the delays between deliveries only
	srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 3, Effect: osstest.Fail(403, "AccessDenied")})
	path := filepath.Join(t.TempDir(), "film")
	write(t, path, 4*testPart, 0)
	n.start(t)
	j := n.do(t, path)[0]
	if !strings.Contains(j.Error, "AccessDenied") {
		t.Errorf("the job ended with %q", j.Error)
	}
	if left := srv.Uploads(); len(left) > 0 {
		t.Errorf("uploads are left: %v", left)
	}
}

// TestAnInterruptedQuickStartLeavesNothing interrupts the process that has both the queue and the workers.
func TestAnInterruptedQuickStartLeavesNothing(t *testing.T) {
	l := newLab(t, 0, 0)
	path := filepath.Join(t.TempDir(), "film")
	write(t, path, 40*testPart, 0)
	ctx, cancel := context.WithCancel(t.Context())
	l.watchWith(func(op string, number int, _ bool) {
		if op == "Part" && number == 5 {
			cancel()
		}
	})
	keys := osstest.TestCredentials()
	env := map[string]string{"OSS_ACCESS_KEY_ID": keys.AccessKeyID, "OSS_ACCESS_KEY_SECRET": keys.AccessKeySecret,
		"OSS_REGION": "cn-hangzhou", "OSS_ENDPOINT": l.http.URL, "OSS_BUCKET": bucketName}
	s := settings{name: "quick", workers: 1, partSize: testPart, parts: 2, lease: time.Second, sources: []string{path}}
	err := run(ctx, func(name string) string { return env[name] }, s, new(bytes.Buffer))
	if err == nil || !strings.Contains(err.Error(), "film: interrupted") || !errors.Is(err, context.Canceled) {
		t.Errorf("run: %v", err)
	}
	if left := l.srv.Uploads(); len(left) > 0 || len(l.srv.Objects(bucketName)) > 0 {
		t.Errorf("uploads are left: %v, objects: %v", left, l.srv.Objects(bucketName))
	}
}

func TestAJobThatHasEndedIsDoneAgain(t *testing.T) {
	n, srv := newNode(t)
	n.start(t)
	path := filepath.Join(t.TempDir(), "film")
	want := write(t, path, 3*testPart, 0)
	n.do(t, path)
	if err := n.client.DeleteObject(t.Context(), bucketName, "film", nil); err != nil {
		t.Fatal(err)
	}
	n.do(t, path)
	wantObject(t, srv, "film", want)
}

// TestAJobIsDoneAgainBeforeItsOldTaskIsAcknowledged submits a job between its end and the acknowledgement of its task.
func TestAJobIsDoneAgainBeforeItsOldTaskIsAcknowledged(t *testing.T) {
	for consumer, size := range map[string]int{coordinators: 2 * testPart, workers: 1} {
		n, srv := newNode(t)
		path := filepath.Join(t.TempDir(), "film")
		want := write(t, path, size, 0)
		j := jobsOf(t, n, path)[0]
		if err := n.submit(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		old, err := n.next(t.Context(), consumer)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.change(t.Context(), j.id(), func(j *job) { j.Ended = true }); err != nil {
			t.Fatal(err)
		}
		if err := n.submit(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		if err := old.DoubleAck(t.Context()); err != nil {
			t.Fatal(err)
		}
		if info, err := n.queue.Info(t.Context()); err != nil || info.State.Msgs != 1 {
			t.Fatalf("%s have %d tasks, want 1: %v", consumer, info.State.Msgs, err)
		}
		n.start(t)
		ended(t, n)
		wantObject(t, srv, "film", want)
	}
}

// TestATaskWithoutRecordLeavesTheQueue deletes the record of a job, as an operator may do.
func TestATaskWithoutRecordLeavesTheQueue(t *testing.T) {
	n, _ := newNode(t)
	for _, subject := range []string{jobSubject + "a", workSubject + "a.0"} {
		if err := n.publish(t.Context(), subject, task{Job: "a"}); err != nil {
			t.Fatal(err)
		}
	}
	done, err := n.nc.SubscribeSync(doneSubject + "a")
	if err != nil {
		t.Fatal(err)
	}
	n.start(t)
	for range 2 {
		if _, err := done.NextMsgWithContext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := n.queue.Info(t.Context()); err != nil || info.State.Msgs > 0 {
		t.Errorf("%d tasks are left: %v", info.State.Msgs, err)
	}
}

func TestWhatMakesNoSenseIsRefused(t *testing.T) {
	good := settings{nats: "nats://127.0.0.1:1", workers: 1, parts: 1, lease: time.Second, sources: []string{"x"}}
	for _, tt := range []struct {
		change func(*settings)
		want   string
	}{
		{func(s *settings) { s.nats, s.sources = "", nil }, "neither a source nor"},
		{func(s *settings) { s.workers = -1 }, "-workers -1"},
		{func(s *settings) { s.nats, s.workers = "", 0 }, "-workers 0"},
		{func(s *settings) { s.partSize = 1 }, "-part-size 1"},
		{func(s *settings) { s.parts = 0 }, "-parts 0"},
		{func(s *settings) { s.lease = time.Millisecond }, "-lease 1ms"},
		{func(*settings) {}, "OSS_BUCKET"},
	} {
		s := good
		tt.change(&s)
		err := run(t.Context(), func(string) string { return "" }, s, new(bytes.Buffer))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q in it", s, err, tt.want)
		}
	}
	if _, _, err := (settings{nats: "nats://user:secret@127.0.0.1:1:1"}).connect(); err == nil ||
		strings.Contains(err.Error(), "secret") {
		t.Errorf("connect: %v", err)
	}
	a, b := filepath.Join(t.TempDir(), "film"), filepath.Join(t.TempDir(), "film")
	write(t, a, 1, 0)
	write(t, b, 1, 0)
	_, err := settings{parts: 1, sources: []string{a, b}}.jobs(t.Context(), nil, bucketName)
	if err == nil || !strings.Contains(err.Error(), "have the same key, film") {
		t.Errorf("two sources for a key: %v", err)
	}
}

func TestTheTableIsDrawnAgainBelowTheLines(t *testing.T) {
	var out bytes.Buffer
	table := newTable(&out)
	table.live = true
	now := time.Unix(0, 0)
	table.add(event{Worker: "b-1", Key: "film", Share: 3, State: "sends"}, now)
	table.add(event{Worker: "a-1", Key: "film", Share: 4, Bytes: 1 << 20, State: "sends"}, now)
	out.Reset()
	table.add(event{Worker: "b-1", Key: "film", Share: 3, Bytes: 10 << 20, State: "done"}, now.Add(2*time.Second))
	want := "\x1b[4A\x1b[J" + strings.Join([]string{
		"worker                   object                    share       MiB    MiB/s  state",
		"a-1                      film                          4       1.0      0.0  sends",
		"b-1                      film                          3      10.0      5.0  done",
		"all                                                              11.0      5.0", ""}, "\n")
	got := strings.Split(out.String(), "\n")
	if words := func(s string) []string { return strings.Fields(s) }; !slices.EqualFunc(got, strings.Split(want, "\n"),
		func(a, b string) bool { return slices.Equal(words(a), words(b)) }) {
		t.Errorf("table is\n%s\nwant\n%s", &out, want)
	}
	out.Reset()
	table.printf("a line")
	if !strings.HasPrefix(out.String(), "\x1b[4A\x1b[Ja line\nworker ") {
		t.Errorf("a line is printed as %q", &out)
	}
}
