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
	replaces := func(op *operation) bool { return bringsContent(op) && !appends(op) }
	const page = "<html><head><title>502 Bad Gateway</title></head></html>"
	return []Rate{
		{0.03, Fail(500, "InternalError")},
		{0.03, Throttle(nil)},
		{0.02, ProxyReply(502, page)},
		{0.02, ProxyReply(503, "")},
		{0.03, Drop()},
		{0.03, only(repeats, LoseReply())},
		{0.03, only(repeats, CutReply(30))},
		{0.03, FailAfter(100, 500, "InternalError")},
		{0.03, only(replaces, Truncate(100))},
		{0.03, only(replaces, Corrupt())},
	}
}

// only is e for fewer operations.
func only(on func(*operation) bool, e Effect) Effect {
	return named(fmt.Sprint(e), func(op *operation) bool { return on(op) && e.suits(op) }, e.strike)
}

// chaos is the Effect that Chaos returns. It never strikes itself.
type chaos struct {
	seed  uint64
	rates []Rate
}

func (c *chaos) String() string { return fmt.Sprintf("Chaos(%d)", c.seed) }

func (c *chaos) suits(op *operation) bool {
	for _, r := range c.rates {
		if r.Effect.suits(op) {
			return true
		}
	}
	return false
}

func (c *chaos) strike(*exchange) error { return nil }

// maxRow is how often in a row the same request is struck.
const maxRow = 2

// choose draws what happens to a request, nil for nothing.
func (c *chaos) choose(op *operation, same sameness, h *history) Effect {
	if h.row == maxRow {
		h.row = 0
		return nil
	}
	at := same.draw(c.seed, h.tries)
	for _, r := range c.rates {
		if !r.Effect.suits(op) {
			continue
		}
		if at < r.Share {
			h.row++
			return r.Effect
		}
		at -= r.Share
	}
	h.row = 0
	return nil
}

// A sameness is what two tries of one request have in common. Upload IDs are not in it, as they are
// given in the order of arrival.
type sameness struct {
	op, bucket, key string
	part            int
	span            string
}

func (x *exchange) sameness() sameness {
	return sameness{x.op.name, x.bucket, x.key, x.entry.PartNumber, x.r.Header.Get("Range")}
}

// draw returns a number from 0 up to 1 for one try of a request.
func (s sameness) draw(seed uint64, try int) float64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%q %q %q %d %q %d", s.op, s.bucket, s.key, s.part, s.span, try)
	return float64(rand.NewPCG(seed, h.Sum64()).Uint64()>>11) / (1 << 53)
}

// A history is what became of one request so far.
type history struct {
	tries int // the present one included
	row   int // the last so many were struck
}
