package osstest

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
)

// A Rate says how often Chaos does what.
type Rate struct {
	Share  float64 // of the requests, above 0
	Effect Effect
}

// Chaos does one of many things, or mostly nothing: to each request it draws an Effect by the rates,
// whose shares are 1 or less in sum. Effects that can do nothing to the operation are not drawn for it.
// No rates mean those of BadDay.
//
//	chaos := srv.Inject(osstest.Fault{Effect: osstest.Chaos(seed)})
//
// What is drawn follows from the seed, from the operation, bucket, key, part number and range of the
// request, and from how often that same request came before: not from the order in which parts
// arrive that are sent at the same time. So the seed of a test that failed makes it fail again, and
// Strikes tells what was done. No request is struck more than twice in a row: a client that tries
// three times gets through, if no effect is one that makes it give up.
func Chaos(seed uint64, rates ...Rate) Effect {
	if len(rates) == 0 {
		rates = BadDay()
	}
	sum := 0.0
	for _, r := range rates {
		if _, ok := r.Effect.(*chaos); ok || r.Effect == nil || !(r.Share > 0) {
			panic(fmt.Sprintf("osstest: Chaos: a share of %v of %v is none", r.Share, r.Effect))
		}
		sum += r.Share
	}
	if sum > 1+1e-9 {
		panic(fmt.Sprintf("osstest: Chaos: the shares are %v in sum, more than all requests", sum))
	}
	return &chaos{seed, rates}
}

// BadDay returns rates that strike about a quarter of the requests with effects of which any client
// that repeats requests recovers, none of which takes time: errors, throttling, proxies, cut connections,
// lost replies, damaged and truncated uploads. No reply to InitiateMultipartUpload is lost, since that
// leaves an upload of which nobody knows, and none to AppendObject, which cannot be repeated.
//
// Append rates of your own: in a testing/synctest bubble, Hang, Delay and Slow cost nothing.
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

// restrict is e for fewer operations.
func restrict(on func(*operation) bool, e Effect) Effect {
	return newEffect(fmt.Sprint(e), func(op *operation) bool { return on(op) && e.applies(op) }, e.apply)
}

// chaos is the Effect that Chaos returns. It never strikes itself.
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

// maxStruck is how often in a row the same request is struck.
const maxStruck = 2

// draw draws what happens to a request, nil for nothing.
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

// A requestKey is what two tries of one request have in common. Upload IDs are not in it, as they are
// given in the order of arrival.
type requestKey struct {
	op, bucket, key string
	part            int
	rangeHeader     string
}

func (x *exchange) requestKey() requestKey {
	return requestKey{x.op.name, x.bucket, x.key, x.entry.PartNumber, x.r.Header.Get("Range")}
}

// share returns a number from 0 up to 1 for one try of a request.
func (s requestKey) share(seed uint64, try int) float64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%q %q %q %d %q %d", s.op, s.bucket, s.key, s.part, s.rangeHeader, try)
	return float64(rand.NewPCG(seed, h.Sum64()).Uint64()>>11) / (1 << 53)
}

// A attempts is what became of one request so far.
type attempts struct {
	total  int // the present one included
	struck int // the last so many were struck
}
