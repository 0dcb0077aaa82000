package osstest

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
)

// A Rate is the share of requests that Chaos applies an Effect to.
type Rate struct {
	Share  float64 // above 0, at most 1
	Effect Effect
}

// Chaos draws at most one Effect for each request, by the shares of the rates, whose sum must be at most 1. An Effect
// is not drawn for operations that it does not apply to. Without rates Chaos takes those of BadDay.
//
//	chaos := srv.Inject(osstest.Fault{Effect: osstest.Chaos(seed)})
//
// The draw depends on the seed, on the operation, bucket, key, part number and range of the request, on the prefix of a
// listing or the digest of a list of objects, and on how often the same request arrived before. It does not depend on
// the order in which concurrent requests arrive, so a seed reproduces a failed test. Injection.Strikes reports what was
// drawn. The same request is struck at most twice in a row: a client that makes three attempts succeeds, unless an
// effect makes it stop earlier. Clients that send the same request at the same time share that count, so one of them
// may be struck more often.
func Chaos(seed uint64, rates ...Rate) Effect {
	if len(rates) == 0 {
		rates = BadDay()
	}
	sum := 0.0
	for _, r := range rates {
		if _, ok := r.Effect.(*chaos); ok || r.Effect == nil || !(r.Share > 0) {
			panic(fmt.Sprintf("osstest: Chaos: a share of %v of %v is not a Rate", r.Share, r.Effect))
		}
		sum += r.Share
	}
	if sum > 1+1e-9 {
		panic(fmt.Sprintf("osstest: Chaos: the sum of the shares is %v, above 1", sum))
	}
	return &chaos{seed, rates}
}

// BadDay returns rates that strike about a quarter of the requests. Any client that retries recovers from its effects,
// and none of them takes time: errors, throttling, proxies, closed connections, lost replies, damaged and truncated
// uploads. It loses no reply to InitiateMultipartUpload, because that leaves an upload whose ID no client knows, and
// none to AppendObject, which cannot be retried.
//
// More rates can be appended. In a testing/synctest bubble Hang, Delay and Slow take no time either.
func BadDay() []Rate {
	appends := func(op *operation) bool { return op.name == "AppendObject" }
	repeats := func(op *operation) bool { return op.name != "InitiateMultipartUpload" && !appends(op) }
	replaces := func(op *operation) bool { return sendsContent(op) && !appends(op) }
	const page = "<html><head><title>502 Bad Gateway</title></head></html>"
	return []Rate{
		{0.03, Fail(500, "InternalError")},
		{0.03, Throttle(nil)},
		{0.02, ProxyReply(502, page)},
		{0.02, ProxyReply(503, "")},
		{0.03, Drop()},
		{0.03, restrict(repeats, LoseReply())},
		{0.03, restrict(repeats, CutReply(30))},
		{0.03, FailAfter(100, 500, "InternalError")},
		{0.03, restrict(replaces, Truncate(100))},
		{0.03, restrict(replaces, Corrupt())},
	}
}

// restrict returns e for those of its operations for which on is true.
func restrict(on func(*operation) bool, e Effect) Effect {
	return newEffect(fmt.Sprint(e), func(op *operation) bool { return on(op) && e.applies(op) }, e.apply)
}

// chaos is the Effect that Chaos returns. Injections draw from it and apply what is drawn.
type chaos struct {
	seed  uint64
	rates []Rate
}

func (c *chaos) String() string { return fmt.Sprintf("Chaos(%d)", c.seed) }

func (c *chaos) applies(op *operation) bool {
	for _, r := range c.rates {
		if r.Effect.applies(op) {
			return true
		}
	}
	return false
}

func (c *chaos) apply(*exchange) error { return nil }

// maxStruck is how often in a row the same request is struck at most.
const maxStruck = 2

// draw returns the Effect for an attempt of a request, or nil.
func (c *chaos) draw(op *operation, same requestKey, h *attempts) Effect {
	if h.struck == maxStruck {
		h.struck = 0
		return nil
	}
	at := same.share(c.seed, h.total)
	for _, r := range c.rates {
		if !r.Effect.applies(op) {
			continue
		}
		if at < r.Share {
			h.struck++
			return r.Effect
		}
		at -= r.Share
	}
	h.struck = 0
	return nil
}

// A requestKey identifies the attempts of one request. It has no upload ID, because those depend on the order of
// arrival.
type requestKey struct {
	op, bucket, key string
	part            int
	rangeHeader     string
	selection       string // of requests without a key: the prefix of a listing, the digest of a list of objects
}

func (x *exchange) requestKey() requestKey {
	same := requestKey{
		op: x.op.name, bucket: x.bucket, key: x.key, part: x.entry.PartNumber, rangeHeader: x.r.Header.Get("Range"),
	}
	if x.key == "" {
		same.selection = x.query.Get("prefix") + x.r.Header.Get("Content-MD5")
	}
	return same
}

// share returns a number in [0, 1) for one attempt of a request.
func (s requestKey) share(seed uint64, try int) float64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%q %q %q %d %q %d", s.op, s.bucket, s.key, s.part, s.rangeHeader, try)
	if s.selection != "" {
		fmt.Fprintf(h, " %q", s.selection)
	}
	return float64(rand.NewPCG(seed, h.Sum64()).Uint64()>>11) / (1 << 53)
}

// attempts counts the attempts of one request.
type attempts struct {
	total  int // including the present one
	struck int // in a row, up to now
}
