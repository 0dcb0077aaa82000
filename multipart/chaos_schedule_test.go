package multipart_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/internal/faults"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

var (
	schedules = flag.Int("schedules", 0, "how many random fault schedules to run; 0 leaves it to package effort")
	schedule  = flag.Uint64("schedule", 0, "run only the schedule with this seed")
	soak      = flag.Duration("soak", 0, "run schedules with new seeds for so long, with -timeout 0")
)

// Whatever fails, in whatever order: a nil error means that the object equals the source, and any other error that this
// upload made no object or that the outcome is unknown. OSS holds nothing unfinished unless the error names it. A
// cancelled call ends at once. No goroutine, file, buffer, slot or secret leaks.
//
// A schedule is several uploads of all kinds on one Uploader, and a server that fails them in every way osstest knows.
func TestNoFaultScheduleMakesAnUploadLie(t *testing.T) {
	all := newChronicle()
	seeds := make([]uint64, cmp.Or(*schedules, effort.Of(40, 250, 1500)))
	for i := range seeds {
		seeds[i] = uint64(i + 1)
	}
	if *schedule != 0 {
		seeds = []uint64{*schedule}
	}
	began := time.Now()
	for _, seed := range seeds {
		if !runSchedule(t, seed, all) {
			return
		}
	}
	for seed := uint64(began.UnixNano()); *soak > 0 && time.Since(began) < *soak; seed++ {
		if !runSchedule(t, seed, all) {
			return
		}
	}
	t.Log(all)
	if len(seeds) >= 1000 {
		all.checkCoverage(t)
	}
}

// runSchedule runs one schedule and reports whether the law held. The bubble does not end before the goroutines do.
func runSchedule(t *testing.T, seed uint64, all *chronicle) bool {
	t.Helper()
	before := openFiles(t)
	replay := fmt.Sprintf("to run it again: go test -run '^%s$' ./multipart -schedule %d", t.Name(), seed)
	defer func() {
		if v := recover(); v != nil { // of the bubble, if a goroutine was left in it
			t.Logf("schedule %d: %s", seed, replay)
			panic(v)
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		c := newChaos(t, seed, all)
		defer c.srv.Close()
		defer time.Sleep(time.Minute) // until keys that are being fetched in the background are there
		defer func() {
			if t.Failed() {
				t.Logf("schedule %d%v\n%s", seed, c, replay)
			}
		}()
		c.run()
	})
	if after := openFiles(t); after != before && !t.Failed() {
		t.Errorf("%d files are open, and %d were before; %s", after, before, replay)
	}
	return !t.Failed()
}

// A chaos is one schedule under way.
type chaos struct {
	t      *testing.T
	all    *chronicle
	rnd    *rand.Rand
	srv    *osstest.Server
	client *oss.Client
	opts   multipart.Options
	up     *multipart.Uploader
	log    logBuffer
	memory int64 // what buffers may take
	dir    string

	keys   *keys
	losses *faults.Losses // of the gateway on the way to the server; nil if there is none
	clock  atomic.Int64   // how far the client's clock is off, in nanoseconds

	faults   []string // for the reader
	notes    []string // the same of what no upload may notice
	injected []injected
	asking   []injected // of them, those that can hide what is left in OSS
	cable    *cable     // to the server, cut now and then; nil for one that holds
	cuts     *rand.Rand // of the cable
	rivals   bool       // another program ends uploads as they are completed, and stores its own object

	ordeals  map[string]*ordeal // by key; not changed while uploads run
	inFlight atomic.Int64
}

func newChaos(t *testing.T, seed uint64, all *chronicle) *chaos {
	c := &chaos{t: t, all: all, rnd: rand.New(rand.NewPCG(seed, 0)),
		ordeals: make(map[string]*ordeal), dir: t.TempDir()}
	c.keys = newKeys(rand.New(rand.NewPCG(seed, 2)))
	c.srv = osstest.NewServer(&osstest.Options{MinPartSize: 1, Credentials: c.keys.issued})
	c.keys.srv = c.srv
	if c.rnd.IntN(8) == 0 {
		c.faults, c.losses = append(c.faults, "a gateway loses replies"),
			faults.NewLosses(rand.New(rand.NewPCG(seed, 3)))
	}
	if c.cuts = rand.New(rand.NewPCG(seed, 9)); c.cuts.IntN(5) == 0 {
		c.cable = &cable{conns: make(map[*cableConn]bool)}
	}
	c.client = c.newClient()
	c.opts = multipart.Options{
		PartSize: 100, Concurrency: 1 + c.rnd.IntN(6), Checksum: oss.Checksum(c.rnd.IntN(2)), Progress: c.progress,
		KeepParts: c.rnd.IntN(6) == 0, MemoryLimit: int64(c.rnd.IntN(6) * 100), ExclusiveKeys: seed%3 == 0,
	}
	switch c.rnd.IntN(8) {
	case 0, 1, 2:
		s := &memoryStore{plans: make(map[string]multipart.Plan),
			rnd: rand.New(rand.NewPCG(seed, 1)), moody: c.rnd.IntN(3) == 0}
		if c.opts.Store = s; s.moody {
			c.faults = append(c.faults, "the store fails now and then")
		}
	case 3:
		c.opts.Store = multipart.DirStore(c.dir + "/records")
	}
	if c.rnd.IntN(5) == 0 {
		c.opts.Limiter = &limiter{perSecond: 1000, burst: 40}
	}
	c.memory = cmp.Or(c.opts.MemoryLimit, int64(c.opts.Concurrency+1)*c.opts.PartSize)
	c.up = multipart.NewUploader(c.client, &c.opts)
	if seed%2 == 0 {
		c.up.HedgeFreely()
	}
	for i := range 1 + c.rnd.IntN(5) {
		o := newOrdeal(c, fmt.Sprintf("dir/key-%d", i), rand.New(rand.NewPCG(seed, uint64(i+4))))
		c.ordeals[o.key] = o
	}
	for range c.rnd.IntN(5) {
		op := faultyOps[c.rnd.IntN(len(faultyOps))]
		c.inject(op)
		if c.rnd.IntN(3) == 0 {
			c.inject(op) // what comes of one fault meets the next
		}
	}
	if c.rivals = c.rnd.IntN(8) == 0; c.rivals {
		c.faults = append(c.faults, "a rival ends uploads as they are completed")
	}
	if c.rnd.IntN(4) == 0 { // the last reply is lost, and asking may fail too
		c.inject([]string{"CompleteMultipartUpload", "PutObject", "CopyObject"}[c.rnd.IntN(3)], osstest.LoseReply(),
			osstest.Drop(), osstest.Hang())
		c.inject([]string{"HeadObject", "ListParts", "AbortMultipartUpload"}[c.rnd.IntN(3)])
	}
	return c
}

// run runs all uploads at once, and when they have ended once more those that can be resumed, without faults.
func (c *chaos) run() {
	var wg sync.WaitGroup
	if c.rnd.IntN(8) == 0 {
		after := time.Duration(c.rnd.IntN(3000)) * time.Millisecond
		wg.Go(func() {
			time.Sleep(after) // in the bubble
			c.abortAll()
		})
		c.faults = append(c.faults, fmt.Sprintf("another program aborts every upload after %v", after))
	}
	if c.cable != nil {
		wg.Go(c.cutting())
	}
	for _, o := range c.ordeals {
		wg.Go(o.undergo)
	}
	wg.Wait()
	for _, i := range c.injected {
		i.Remove()
	}
	if c.losses != nil {
		c.all.effects["gateway"] += c.losses.End()
	}
	c.all.countFaults()
	synctest.Wait()
	c.checkIdle()
	if c.t.Failed() {
		return
	}
	c.calm()
	for _, o := range c.ordeals {
		o.retry()
		c.all.count(o)
	}
	for s, err := range c.up.Sweep(c.t.Context(), bucket, &multipart.SweepOptions{OlderThan: time.Nanosecond}) {
		if err != nil {
			c.t.Errorf("Sweep: %+v, %v", s, err)
		}
	}
	synctest.Wait()
	c.checkIdle()
	if left := c.srv.Uploads(); len(left) > 0 {
		c.t.Errorf("after Sweep %v is left", left)
	}
	if names, _ := os.ReadDir(c.dir + "/records"); len(names) > 0 && c.allDone() {
		c.t.Errorf("records are left: %v", names)
	}
	c.checkSecrets("the log", c.log.text.String())
	c.all.hedges += strings.Count(c.log.text.String(), "sent a second time")
}

// cutting draws how the cable is cut, for at most two minutes in all, and returns what does it.
func (c *chaos) cutting() func() {
	type cut struct {
		name        string
		after, last time.Duration
	}
	cuts := make([]cut, 1+c.cuts.IntN(3))
	names := slices.Sorted(maps.Keys(dialErrors))
	for i := range cuts {
		d := 100 * time.Millisecond << c.cuts.IntN(8)
		cuts[i] = cut{
			name: names[c.cuts.IntN(len(names))], after: time.Duration(c.cuts.IntN(2000)) * time.Millisecond,
			last: d + time.Duration(c.cuts.Int64N(int64(d))),
		}
		c.faults = append(c.faults,
			fmt.Sprintf("after %v the connection is lost (%s) for %v", cuts[i].after, cuts[i].name, cuts[i].last))
		c.all.effects["outage"]++
	}
	return func() {
		for _, cut := range cuts {
			time.Sleep(cut.after) // in the bubble
			c.cable.interrupt(cut.name, cut.last)
		}
	}
}

// calm ends all that goes wrong.
func (c *chaos) calm() {
	if s, ok := c.opts.Store.(*memoryStore); ok {
		s.moody = false
	}
	if c.keys.calm() || c.keys.fixed { // which may have expired
		c.client = c.newClient()
		c.up = multipart.NewUploader(c.client, &c.opts)
	}
	time.Sleep(longestLate) // in the bubble: no part is on its way any more
}

// String tells what happened.
func (c *chaos) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, " with %+v:", c.opts)
	for _, f := range slices.Concat(c.notes, c.faults) {
		b.WriteString("\n\t" + f)
	}
	for _, key := range slices.Sorted(maps.Keys(c.ordeals)) {
		fmt.Fprintf(&b, "\n\t%v", c.ordeals[key])
	}
	return b.String()
}

// allDone reports whether every upload has succeeded in the end.
func (c *chaos) allDone() bool {
	for _, o := range c.ordeals {
		if !o.done {
			return false
		}
	}
	return true
}

// abortAll is what a program does that takes the uploads for its own.
func (c *chaos) abortAll() {
	for _, up := range c.srv.Uploads() {
		c.srv.Client().AbortMultipartUpload(context.Background(), up.Upload)
	}
}

// checkIdle checks that uploads hold nothing when none is going on.
func (c *chaos) checkIdle() {
	if slots, bytes := c.up.InUse(); slots != 0 || bytes != 0 {
		c.t.Errorf("%d slots and %d bytes of buffers are in use", slots, bytes)
	}
}

func (c *chaos) checkSecrets(where, text string) {
	for _, secret := range []string{chaosSecret, chaosToken, "Authorization", "OSS4-HMAC-SHA256 Credential",
		"OSS chaos:", "Signature="} {
		if i := strings.Index(text, secret); i >= 0 {
			c.t.Errorf("%s has %q: ...%.300s", where, secret, text[max(0, i-100):])
		}
	}
}

// started and ended watch how much is in flight, and how much is in memory.
func (c *chaos) started(ctx context.Context, op oss.Operation) context.Context {
	c.checkMemory()
	if o := c.ordeals[op.Key]; c.rivals && op.Name == "CompleteMultipartUpload" && !o.rivalled {
		o.rivalled = true
		o.meetRival()
	}
	if carriesPart(op) {
		c.ordeals[op.Key].sends()
	}
	return ctx
}

// A counter is a transport that counts the requests in flight that need a permit. An operation that waits to repeat one
// has none.
type counter struct {
	*chaos
	next http.RoundTripper
}

func (c counter) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodPut {
		if n := c.inFlight.Add(1); n > int64(c.opts.Concurrency) {
			c.t.Errorf("%d parts are in flight", n)
		}
		defer c.inFlight.Add(-1)
	}
	return c.next.RoundTrip(req)
}

func carriesPart(op oss.Operation) bool {
	return slices.Contains([]string{"UploadPart", "UploadPartCopy", "PutObject", "CopyObject"}, op.Name)
}

func (c *chaos) checkMemory() {
	if counted, own, allowed := c.up.Memory(); counted > c.memory || own > allowed {
		c.t.Errorf("%d bytes of buffers are in use, of %d, and %d in allowances of %d", counted, c.memory, own, allowed)
	}
}
