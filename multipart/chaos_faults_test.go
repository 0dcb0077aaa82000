package multipart_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/internal/faults"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
	"github.com/ossmultipart/go-oss/signer"
)

// This file is what goes wrong in a chaos: the faults of the server, and the keys and the clock of the client.

var faultyOps = []string{"InitiateMultipartUpload", "UploadPart", "UploadPart", "UploadPart",
	"UploadPartCopy", "CompleteMultipartUpload", "CompleteMultipartUpload", "AbortMultipartUpload", "ListParts",
	"ListMultipartUploads", "PutObject", "PutObject", "CopyObject", "HeadObject", ""}

// effectNames are all effects, each of which must have struck when many schedules have run. The last are what
// a fault is made of besides.
var effectNames = []string{"Fail", "Delay", "Hang", "Drop", "LoseReply", "Corrupt", "Truncate", "Slow",
	"SlowConnections", "Throttle", "CutReply", "ShortReply", "FailAfter", "WrongETag", "WrongCRC64", "ProxyReply",
	"Redeliver", "ClockOff", "ExpireToken", "RevokeToken", "Together", "After", "For", "Share", "Above", "gateway"}

// An injected is a fault with the effect's names.
type injected struct {
	*osstest.Injection
	op    string
	names []string
}

// inject draws a fault of op, with one of the effects if there are any.
func (c *chaos) inject(op string, effects ...osstest.Effect) {
	switch {
	case len(effects) > 0:
	case c.rnd.IntN(2) == 0:
		effects = faults.Anywhere(c.rnd)
	default:
		effects = c.effectsOf(op)
	}
	f := osstest.Fault{Op: op, Effect: effects[c.rnd.IntN(len(effects))]}
	if c.rnd.IntN(6) == 0 {
		more := faults.Anywhere(c.rnd)
		f.Effect = osstest.Together(f.Effect, more[c.rnd.IntN(len(more))])
	}
	i := injected{op: op, names: faults.Names(f.Effect)}
	i.names = append(i.names, c.aim(&f)...)
	i.Injection = c.srv.Inject(f)
	c.injected = append(c.injected, i)
	asks := slices.Contains([]string{"AbortMultipartUpload", "ListParts", "ListMultipartUploads", "HeadObject", ""}, op)
	if asks || i.is("ClockOff") || i.is("ExpireToken") || i.is("RevokeToken") { // which also what asks has to go by
		c.asking = append(c.asking, i)
	}
	c.faults = append(c.faults, fmt.Sprintf("%+v", f))
	c.all.struck = append(c.all.struck, func() {
		for _, name := range i.names {
			c.all.effects[name] += i.Fired()
		}
	})
}

// effectsOf are those that concern what op moves, and what it says.
func (c *chaos) effectsOf(op string) (effects []osstest.Effect) {
	cut, rate := c.rnd.Int64N(150), 10+c.rnd.Int64N(1000)
	late := []time.Duration{0, 50 * time.Millisecond, time.Second, time.Second,
		3 * time.Second, longestLate}[c.rnd.IntN(6)]
	body := []osstest.Effect{osstest.Truncate(cut), osstest.Truncate(cut), osstest.Slow(rate),
		osstest.SlowConnections(500+rate, 0.3),
		osstest.Together(osstest.Slow(rate), osstest.Truncate(cut))}
	damage := []osstest.Effect{osstest.Corrupt(), osstest.Corrupt()}
	part := []osstest.Effect{osstest.Redeliver(late), osstest.Together(osstest.LoseReply(), osstest.Redeliver(late)),
		osstest.Together(osstest.Corrupt(), osstest.Redeliver(late))}
	short, early := osstest.ShortReply(cut*3), osstest.FailAfter(cut, 500, "InternalError")
	switch op {
	case "UploadPart", "PutObject":
		effects = slices.Concat(body, damage, []osstest.Effect{early, early, osstest.WrongCRC64()})
		if c.opts.Checksum == oss.ChecksumMD5 { // else nothing tells what an ETag ought to be
			effects = append(effects, osstest.WrongETag())
		}
		if op == "UploadPart" {
			effects = append(effects, part...)
		}
	case "UploadPartCopy":
		effects = slices.Concat(body, damage, part, []osstest.Effect{short, osstest.WrongETag()})
	case "CompleteMultipartUpload", "CopyObject":
		effects = slices.Concat(body, damage, []osstest.Effect{short, osstest.WrongETag(), osstest.WrongCRC64()})
	case "InitiateMultipartUpload", "ListMultipartUploads":
		effects = append(body, short)
	case "ListParts":
		effects = append(body, short, osstest.WrongETag(), osstest.WrongCRC64())
	case "HeadObject":
		effects = []osstest.Effect{osstest.WrongETag(), osstest.WrongCRC64()}
	case "AbortMultipartUpload":
		effects = []osstest.Effect{osstest.Fail(404, oss.ErrNoSuchUpload)} // as when a late part brings it back
	case "":
		effects = slices.Concat(body, damage)
	}
	return effects
}

// longestLate is how long a part may be on its way.
const longestLate = time.Minute

// aim draws which requests f strikes, and returns what of that is worth counting.
func (c *chaos) aim(f *osstest.Fault) (names []string) {
	f.Skip, f.Times = c.rnd.IntN(4), 1+c.rnd.IntN(5)
	if slices.Contains([]string{"", "CompleteMultipartUpload", "PutObject", "CopyObject", "HeadObject"}, f.Op) {
		f.Skip = c.rnd.IntN(2) // there are not many
	}
	if c.rnd.IntN(12) == 0 {
		f.Times = 0
	}
	if c.rnd.IntN(3) == 0 {
		f.Key = slices.Sorted(maps.Keys(c.ordeals))[c.rnd.IntN(len(c.ordeals))]
	}
	if strings.HasPrefix(f.Op, "UploadPart") && c.rnd.IntN(5) == 0 {
		f.PartNumber = 1 + c.rnd.IntN(5)
	}
	if name := faults.Narrow(c.rnd, f); name != "" {
		names = append(names, name)
	}
	return names
}

func (i injected) is(name string) bool { return slices.Contains(i.names, name) }

// drawn reports whether there is a fault with that effect, of one of the operations.
func (c *chaos) drawn(effect string, ops ...string) bool {
	return slices.ContainsFunc(c.injected, func(i injected) bool { return i.is(effect) && slices.Contains(ops, i.op) })
}

// damagesUnseen reports whether the copy of a range may be damaged without a sign: as the part is made, because OSS
// reports the CRC-64 of whole objects only, or as it is joined, if what OSS reports of the parts is wrong too.
func (c *chaos) damagesUnseen() bool {
	return c.drawn("Corrupt", "UploadPartCopy", "") ||
		c.drawn("Corrupt", "CompleteMultipartUpload") && c.drawn("WrongETag", "UploadPartCopy", "ListParts")
}

// struck reports whether an effect has struck, one of the operations if any are named.
func (c *chaos) struck(effect string, ops ...string) bool {
	return slices.ContainsFunc(c.injected, func(i injected) bool {
		return i.is(effect) && i.Fired() > 0 && (len(ops) == 0 || slices.Contains(ops, i.op))
	})
}

// keys are where a chaos has its credentials from. Each fetch yields another token.
type keys struct {
	srv   *osstest.Server
	fixed bool          // only one is ever fetched
	plain bool          // the client asks the source itself, without a cache
	life  time.Duration // of a token; 0 means for ever
	takes time.Duration // a fetch

	mu     sync.Mutex
	rnd    *rand.Rand
	moody  bool // a fetch fails now and then
	issued []oss.Credentials
}

// What must never be seen again: the beginning of each.
const (
	chaosSecret = "the-secret-of-chaos"
	chaosToken  = "the-token-of-chaos"
)

var errNoKeys = errors.New("there are no keys to be had")

// newKeys begins with the keys of the server's operator, which always work.
func newKeys(rnd *rand.Rand) *keys {
	k := &keys{rnd: rnd,
		issued: []oss.Credentials{{AccessKeyID: "operator", AccessKeySecret: chaosSecret + "-operator"}}}
	if k.fixed = rnd.IntN(3) == 0; k.fixed {
		return k
	}
	if rnd.IntN(3) == 0 {
		k.life = time.Duration(1+rnd.IntN(30)) * time.Second
	}
	if rnd.IntN(6) == 0 {
		k.takes = time.Duration(rnd.IntN(50)) * time.Second
	}
	k.moody = rnd.IntN(8) == 0
	k.plain = k.takes == 0 && rnd.IntN(4) == 0
	return k
}

func (k *keys) Credentials(context.Context) (oss.Credentials, error) {
	time.Sleep(k.takes) // in the bubble
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.moody && k.rnd.IntN(3) == 0 {
		return oss.Credentials{}, errNoKeys
	}
	n := len(k.issued)
	wrong := k.moody && k.rnd.IntN(4) == 0
	creds := oss.Credentials{AccessKeyID: "chaos", AccessKeySecret: fmt.Sprint(chaosSecret, "-", n),
		SecurityToken: fmt.Sprint(chaosToken, "-", n)}
	k.issued = append(k.issued, creds)
	k.srv.SetCredentials(k.issued...)
	if wrong {
		creds.AccessKeySecret += "-mistyped" // so that OSS says what it has hashed, token and all
	}
	if k.life > 0 {
		creds.Expires = time.Now().Add(k.life)
	}
	return creds, nil
}

// calm ends the moods, and reports whether there were any.
func (k *keys) calm() (was bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	was, k.moody = k.moody, false
	return was
}

// newClient returns one with its credentials from the keys, and a clock that may be off. None of that is a fault,
// unless the keys are moody.
func (c *chaos) newClient() *oss.Client {
	clocks := []time.Duration{-20 * time.Minute, 20 * time.Minute, -4000 * time.Hour,
		4000 * time.Hour, 0, 0, 0, 0, 0, 0, 0, 0}
	off := clocks[c.rnd.IntN(len(clocks))]
	c.clock.Store(int64(off))
	if c.rnd.IntN(3) == 0 {
		// the clock is corrected
		time.AfterFunc(time.Duration(c.rnd.IntN(2000))*time.Millisecond, func() { c.clock.Store(0) })
	}
	k, early := c.keys, time.Duration(c.rnd.IntN(500))*time.Millisecond
	var provider oss.CredentialsProvider = oss.CacheCredentials(k, early)
	switch {
	case k.fixed:
		provider, _ = k.Credentials(c.t.Context())
	case k.plain:
		provider = oss.CredentialsFunc(k.Credentials)
	}
	c.notes = append(c.notes,
		fmt.Sprintf("the client's clock is off by %v; keys live for %v (fixed %v, without a "+
			"cache %v) and take %v to get",
			off, k.life, k.fixed, k.plain, k.takes))
	if k.moody {
		c.faults = append(c.faults, "the source of the keys fails now and then")
	}
	return client(c.t, c.srv, func(cfg *oss.Config) {
		cfg.Logger = slog.New(slog.NewTextHandler(&c.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		cfg.Hooks = oss.Hooks{OnStart: c.started}
		cfg.Now = func() time.Time { return time.Now().Add(time.Duration(c.clock.Load())) }
		cfg.Credentials = provider
		if c.cable != nil {
			cfg.HTTPClient = &http.Client{Transport: c.cable.under(c.t, cfg.HTTPClient.Transport)}
		}
		if c.losses != nil {
			cfg.HTTPClient = &http.Client{
				Transport: &faults.Gateway{Next: cfg.HTTPClient.Transport, Status: c.losses.Status},
			}
		}
		cfg.HTTPClient = &http.Client{Transport: counter{c, cfg.HTTPClient.Transport}}
		if c.rnd.IntN(4) == 0 {
			cfg.Signer = signer.V1{}
		}
	})
}
