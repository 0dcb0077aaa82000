package multipart_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

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
		effects = c.everywhere()
	default:
		effects = c.effectsOf(op)
	}
	f := osstest.Fault{Op: op, Effect: effects[c.rnd.IntN(len(effects))]}
	if c.rnd.IntN(6) == 0 {
		more := c.everywhere()
		f.Effect = osstest.Together(f.Effect, more[c.rnd.IntN(len(more))])
	}
	i := injected{op: op, names: namesOf(f.Effect)}
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

// everywhere are the effects that every operation can meet.
func (c *chaos) everywhere() []osstest.Effect {
	const page = "<html>proxy</html>"
	off := time.Duration(16+c.rnd.IntN(1000)) * time.Minute
	if c.rnd.IntN(2) == 0 {
		off = -off
	}
	return []osstest.Effect{
		osstest.Fail(500, "InternalError"), osstest.Fail(503, "ServiceUnavailable"),
		osstest.Fail(429, "TooManyRequests"),
		osstest.Fail(400, "RequestTimeout"), osstest.Fail(403, oss.ErrAccessDenied), osstest.Drop(), osstest.Drop(),
		osstest.LoseReply(), osstest.LoseReply(), osstest.LoseReply(), osstest.Delay(time.Second),
		osstest.Delay(time.Minute), osstest.Hang(),
		osstest.CutReply(c.rnd.Int64N(300)), osstest.CutReply(c.rnd.Int64N(300)),
		osstest.ProxyReply(502, page), osstest.ProxyReply(503, ""), osstest.ProxyReply(200, page),
		osstest.ProxyReply(404, page),
		osstest.Throttle(nil),
		osstest.Throttle(&osstest.ThrottleOptions{Code: "QpsLimitExceeded", Hold: time.Second,
			RetryAfter: 2 * time.Second}),
		osstest.ClockOff(off), osstest.ClockOff(off / 2), osstest.ExpireToken(), osstest.RevokeToken(),
	}
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
	switch c.rnd.IntN(16) {
	case 0, 1:
		f.After, names = time.Duration(1+c.rnd.IntN(1000))*time.Millisecond, append(names, "After")
	case 2, 3:
		f.For, names = time.Duration(1+c.rnd.IntN(5000))*time.Millisecond, append(names, "For")
	case 4, 5:
		f.Share, f.Seed, names = 0.1+0.8*c.rnd.Float64(), c.rnd.Uint64(), append(names, "Share")
		f.Times = 10 * c.rnd.IntN(2)
	case 6:
		f.Above, names = 1+c.rnd.IntN(10), append(names, "Above")
	}
	return names
}

// namesOf takes "LoseReply+Redeliver(1s)" apart.
func namesOf(e osstest.Effect) []string {
	names := strings.Split(fmt.Sprint(e), "+")
	for i := range names {
		names[i], _, _ = strings.Cut(names[i], "(")
	}
	if len(names) > 1 {
		names = append(names, "Together")
	}
	return names
}

func (i injected) is(name string) bool { return slices.Contains(i.names, name) }

// drawn reports whether there is a fault with that effect, of one of the operations.
func (c *chaos) drawn(effect string, ops ...string) bool {
	return slices.ContainsFunc(c.injected, func(i injected) bool { return i.is(effect) && slices.Contains(ops, i.op) })
}

// damagesUnseen reports whether the copy of a range may be damaged in a way that nobody can see: a part as it is made,
// since OSS tells the CRC-64 of whole objects only, or as it is joined, if what OSS tells of the parts is wrong, too.
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

// newKeys begins with those of the server's operator, whom nobody can lock out.
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

// A gateway passes every request on, and answers some in its own name once they have been answered.
type gateway struct {
	next   http.RoundTripper
	status func(*http.Request) int // 0 leaves the reply as it is
}

func (g *gateway) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	status := g.status(r)
	if status == 0 {
		return resp, nil
	}
	resp.Body.Close()
	const page = "<html>gateway</html>"
	return &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"text/html"}}, Body: io.NopCloser(strings.NewReader(page)),
		ContentLength: int64(len(page))}, nil
}

// A toll is what a gateway draws the replies by that it loses.
type toll struct {
	mu     sync.Mutex
	rnd    *rand.Rand
	over   bool
	losses int
}

func (l *toll) draw(*http.Request) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over || l.rnd.IntN(8) != 0 {
		return 0
	}
	l.losses++
	return []int{200, 404, 502, 503, 504}[l.rnd.IntN(5)]
}

// end returns how many replies were lost. No others are.
func (l *toll) end() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	return l.losses
}

// newClient returns one with its credentials from the keys, and a clock that may be off. None of that is a fault,
// unless the keys are moody.
func (c *chaos) newClient() *oss.Client {
	clocks := []time.Duration{-20 * time.Minute, 20 * time.Minute, -4000 * time.Hour,
		4000 * time.Hour, 0, 0, 0, 0, 0, 0, 0, 0}
	off := clocks[c.rnd.IntN(len(clocks))]
	c.clock.Store(int64(off))
	if c.rnd.IntN(3) == 0 {
		// somebody sets it
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
		if c.toll != nil {
			cfg.HTTPClient = &http.Client{Transport: &gateway{next: cfg.HTTPClient.Transport, status: c.toll.draw}}
		}
		cfg.HTTPClient = &http.Client{Transport: counter{c, cfg.HTTPClient.Transport}}
		if c.rnd.IntN(4) == 0 {
			cfg.Signer = signer.V1{}
		}
	})
}
