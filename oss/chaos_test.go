package oss_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/internal/faults"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
	"github.com/ossmultipart/go-oss/signer"
)

var (
	schedules = flag.Int("schedules", 0, "how many random fault schedules to run; 0 leaves it to package effort")
	schedule  = flag.Uint64("schedule", 0, "run only the schedule with this seed")
)

// TestNoFaultScheduleMakesAnOperationLie runs random schedules. A schedule is several actors with one Client, each of
// which calls operations on keys of its own, and a Server that fails them. After each call the test compares what the
// call reported with what the Server holds:
//
//   - A nil error is true: what was read is what is stored, what was written is stored, what was deleted is gone, a
//     listing has every key once and in order.
//   - After an error the object is as it was before, or as the call was to leave it. No append is applied twice.
//   - A call whose context ends returns, and its error is that of the context.
//   - No goroutine, connection, response body or secret leaks.
//
// When the faults have ended, every actor succeeds.
func TestNoFaultScheduleMakesAnOperationLie(t *testing.T) {
	all := &chronicle{calls: make(map[string]int), effects: make(map[string]int)}
	seeds := make([]uint64, cmp.Or(*schedules, effort.Of(40, 300, 3000)))
	for i := range seeds {
		seeds[i] = uint64(i + 1)
	}
	if *schedule != 0 {
		seeds = []uint64{*schedule}
	}
	for _, seed := range seeds {
		if !runSchedule(t, seed, all) {
			return
		}
	}
	t.Log(all)
	if len(seeds) >= 1000 {
		all.checkCoverage(t)
	}
}

// runSchedule runs one schedule and reports whether the laws held. The bubble ends when its goroutines have ended.
func runSchedule(t *testing.T, seed uint64, all *chronicle) bool {
	t.Helper()
	replay := fmt.Sprintf("to run it again: go test -run '^%s$' ./oss -schedule %d", t.Name(), seed)
	defer func() {
		if v := recover(); v != nil { // of the bubble, if a goroutine leaked
			t.Logf("schedule %d: %s", seed, replay)
			panic(v)
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		c := newChaos(t, seed, all)
		defer c.srv.Close()
		defer func() {
			if t.Failed() {
				t.Logf("schedule %d%v\n%s", seed, c, replay)
			}
		}()
		c.run()
	})
	return !t.Failed()
}

// A chaos is one schedule.
type chaos struct {
	t      *testing.T
	all    *chronicle
	rnd    *rand.Rand
	srv    *osstest.Server
	client *oss.Client
	actors []*actor
	losses *faults.Losses // of a gateway before the Server; nil if there is none
	log    logBuffer

	mu     sync.Mutex
	issued []oss.Credentials // by issue

	faults   []string // as a failing test prints them
	injected []injected
	damaging bool // replies to GetObject may have damaged bytes, so only verified reads can be relied on
}

// An injected is a fault with the names of its effects.
type injected struct {
	*osstest.Injection
	names []string
}

const chaosSecret = "the-secret-of-chaos"

func newChaos(t *testing.T, seed uint64, all *chronicle) *chaos {
	c := &chaos{t: t, all: all, rnd: rand.New(rand.NewPCG(seed, 0))}
	c.srv = osstest.NewServer(nil)
	cfg := c.srv.Config()
	cfg.Credentials = oss.CacheCredentials(oss.CredentialsFunc(c.issue), 0)
	cfg.Logger = slog.New(slog.NewTextHandler(&c.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if c.rnd.IntN(4) == 0 {
		cfg.Signer = signer.V1{}
	}
	if c.rnd.IntN(8) == 0 {
		c.losses = faults.NewLosses(rand.New(rand.NewPCG(seed, 1)))
		c.faults = append(c.faults, "a gateway loses replies")
		cfg.HTTPClient = &http.Client{
			Transport: &faults.Gateway{Next: cfg.HTTPClient.Transport, Status: c.losses.Status},
		}
	}
	var err error
	if c.client, err = oss.NewClient(cfg); err != nil {
		t.Fatal(err)
	}
	for i := range 1 + c.rnd.IntN(4) {
		c.actors = append(c.actors, newActor(c, fmt.Sprintf("actor-%d/", i), rand.New(rand.NewPCG(seed, uint64(i+2)))))
	}
	for range c.rnd.IntN(6) {
		a := c.actors[c.rnd.IntN(len(c.actors))]
		op := ""
		if c.rnd.IntN(4) > 0 {
			op = a.role.ops[c.rnd.IntN(len(a.role.ops))]
		}
		for range 1 + c.rnd.IntN(3)/2 { // sometimes two, so that the consequence of one meets the other
			c.inject(op)
		}
	}
	return c
}

// issue returns keys with another token each time, because a fault can revoke one.
func (c *chaos) issue(context.Context) (oss.Credentials, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.issued = append(c.issued, oss.Credentials{
		AccessKeyID: "chaos", AccessKeySecret: chaosSecret,
		SecurityToken: fmt.Sprint(chaosSecret, "-token-", len(c.issued)),
	})
	c.srv.SetCredentials(c.issued...)
	return c.issued[len(c.issued)-1], nil
}

// inject draws a fault of op.
func (c *chaos) inject(op string) {
	effects := faults.Anywhere(c.rnd)
	if c.rnd.IntN(2) == 0 {
		effects = append(c.effectsOf(op), osstest.LoseReply())
	}
	f := osstest.Fault{Op: op, Effect: effects[c.rnd.IntN(len(effects))], Skip: c.rnd.IntN(3), Times: 1 + c.rnd.IntN(5)}
	if c.rnd.IntN(6) == 0 {
		f.Effect = osstest.Together(f.Effect, faults.Anywhere(c.rnd)[c.rnd.IntN(10)])
	}
	if c.rnd.IntN(12) == 0 {
		f.Times = 0
	}
	narrowed := faults.Narrow(c.rnd, &f)
	if f.Validate() != nil {
		return // the effect does not apply to the operation
	}
	i := injected{names: faults.Names(f.Effect)}
	if narrowed != "" {
		i.names = append(i.names, narrowed)
	}
	c.damaging = c.damaging || op == "GetObject" && slices.Contains(i.names, "Corrupt")
	i.Injection = c.srv.Inject(f)
	c.injected = append(c.injected, i)
	c.faults = append(c.faults, fmt.Sprintf("%+v", f))
}

// effectsOf returns effects that concern the bodies and the checksums of op. A copy that OSS damages reports no
// checksum that tells, so copies are not damaged.
func (c *chaos) effectsOf(op string) []osstest.Effect {
	cut, rate := c.rnd.Int64N(400), 100+c.rnd.Int64N(5000)
	effects := []osstest.Effect{
		osstest.Truncate(cut), osstest.Truncate(cut * 200), osstest.Slow(rate), osstest.SlowConnections(2*rate, 0.3),
		osstest.ShortReply(cut), osstest.ShortReply(cut * 10), osstest.ProxyReply(200, ""), osstest.ProxyReply(204, ""),
		osstest.ProxyReply(206, "<html>"), osstest.ProxyReply(404, ""),
		osstest.FailAfter(cut, 500, "InternalError"), osstest.WrongCRC64(), osstest.WrongETag(),
	}
	if op == "GetObject" || op == "PutObject" || op == "AppendObject" {
		effects = append(effects, osstest.Corrupt(), osstest.Corrupt(), osstest.Corrupt())
	}
	return effects
}

// struck reports whether an effect has struck.
func (c *chaos) struck(effect string) bool {
	return slices.ContainsFunc(c.injected, func(i injected) bool {
		return i.Fired() > 0 && slices.Contains(i.names, effect)
	})
}

// run lets all actors act at once, and then once more each, without faults.
func (c *chaos) run() {
	var wg sync.WaitGroup
	for _, a := range c.actors {
		wg.Go(func() {
			defer func() {
				if v := recover(); v != nil {
					a.bad("panic: %v\n%s", v, debug.Stack())
				}
			}()
			for range 1 + a.rnd.IntN(5) {
				a.role.act(a)
			}
		})
	}
	wg.Wait()
	for _, i := range c.injected {
		for _, name := range i.names {
			c.all.effects[name] += i.Fired()
		}
		i.Remove()
	}
	if c.losses != nil {
		c.all.effects["gateway"] += c.losses.End()
	}
	for _, a := range c.actors {
		a.calm = true
		a.role.act(a)
		for outcome, n := range a.outcomes {
			c.all.calls[outcome] += n
		}
	}
	c.all.schedules++
	c.checkSecrets("the log", c.log.String())
}

func (c *chaos) checkSecrets(where, text string) {
	secrets := []string{chaosSecret, "Authorization", "OSS4-HMAC-SHA256 Credential", "OSS chaos:", "Signature="}
	for _, secret := range secrets {
		if i := strings.Index(text, secret); i >= 0 {
			c.t.Errorf("%s has %q: ...%.300s", where, secret, text[max(0, i-100):])
		}
	}
}

// String returns what happened.
func (c *chaos) String() string {
	var b strings.Builder
	for _, f := range c.faults {
		b.WriteString("\n\t" + f)
	}
	for _, a := range c.actors {
		fmt.Fprintf(&b, "\n\t%s %s\n\t\t%s", a.role.name, a.prefix, strings.Join(a.story, "\n\t\t"))
	}
	return b.String()
}

// A logBuffer keeps what is logged.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns the text.
func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A chronicle counts what happened in all schedules.
type chronicle struct {
	schedules int
	calls     map[string]int // by operation and result
	effects   map[string]int // how often each struck
}

// String returns the counts.
func (all *chronicle) String() string {
	return fmt.Sprintf("%d schedules\ncalls %v\nfaults %v", all.schedules, all.calls, all.effects)
}

// checkCoverage checks that every operation succeeded and failed, and that every effect struck.
func (all *chronicle) checkCoverage(t *testing.T) {
	t.Helper()
	for _, outcome := range slices.Sorted(maps.Keys(all.calls)) {
		op, _, _ := strings.Cut(outcome, " ")
		for _, result := range []string{" succeeded", " failed"} {
			if all.calls[op+result] == 0 {
				t.Errorf("no call of %s%s", op, result)
			}
		}
	}
	for _, effect := range []string{
		"Fail", "Delay", "Hang", "Drop", "LoseReply", "Corrupt", "Truncate", "Slow", "SlowConnections", "Throttle",
		"CutReply", "ShortReply", "FailAfter", "WrongETag", "WrongCRC64", "ProxyReply", "ClockOff", "ExpireToken",
		"RevokeToken", "Together", "After", "For", "Share", "gateway",
	} {
		if all.effects[effect] == 0 {
			t.Errorf("no %s has struck", effect)
		}
	}
}
