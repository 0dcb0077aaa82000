package osstest

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// An Effect is what a Fault does. The same one may be used in many Faults.
type Effect interface {
	// suits reports whether the effect can do anything to op.
	applies(op *operation) bool
	// strike prepares x to go wrong later, or makes it go wrong now: the error is then a refusal
	// or errCut.
	apply(x *exchange) error
}

// An effect is what Effects are made of.
type effect struct {
	name      string
	appliesTo func(*operation) bool
	run       func(*exchange) error
}

func (e *effect) applies(op *operation) bool { return e.appliesTo(op) }
func (e *effect) apply(x *exchange) error    { return e.run(x) }

func anyOperation(*operation) bool { return true }

// hasBody: there is something to move, one way or the other.
func hasBody(op *operation) bool { return op.body != noBody }

// hasContent: more is moved than documents.
func hasContent(op *operation) bool {
	return op.body == contentRequest || op.body == contentReply || op.body == linkedContent
}

// newEffect returns an effect whose name shows its arguments.
func newEffect(name string, on func(*operation) bool, do func(*exchange) error, args ...any) *effect {
	if len(args) > 0 {
		name += "(" + strings.TrimSuffix(fmt.Sprintln(args...), "\n") + ")"
	}
	return &effect{name, on, do}
}

// String names the effect in the panics of Inject and in a Strike.
func (e *effect) String() string { return e.name }

// Fail answers with an OSS error. The request has no effect. Its body is read first, as by a
// server that means to keep the connection.
func Fail(status int, code oss.Code) Effect {
	checkStatus("Fail", status)
	return newEffect("Fail", anyOperation, func(*exchange) error { return failure(status, code) }, status, code)
}

// checkStatus panics on a status that no final reply can have.
func checkStatus(name string, status int) {
	if status < 200 || status > 599 {
		panic(fmt.Sprintf("osstest: %s: %d is no status of a reply", name, status))
	}
}

// Delay answers correctly, d later. The request takes effect at once, only the answer waits: a
// client that gives up meanwhile, as any does if d is beyond all its timeouts, has done what it
// asked for and does not know.
func Delay(d time.Duration) Effect {
	return newEffect("Delay", anyOperation, func(x *exchange) error {
		x.onReply = append(x.onReply, func(*reply) error { return x.wait(d) })
		return nil
	}, d)
}

// Hang never answers; it ends when the client gives up or the Server closes. The request has no
// effect, though its body is read.
func Hang() Effect {
	return newEffect("Hang", anyOperation, func(x *exchange) error {
		if _, err := io.Copy(io.Discard, x.body); err != nil {
			return errCut
		}
		return x.wait(-1)
	})
}

// Drop cuts the connection before the request takes effect. Its body is not read.
func Drop() Effect {
	return newEffect("Drop", anyOperation, func(*exchange) error { return errCut })
}

// LoseReply lets the request take effect, then cuts the connection: the client cannot know.
func LoseReply() Effect {
	return newEffect("LoseReply", anyOperation, func(x *exchange) error {
		x.onReply = append(x.onReply, func(*reply) error { return errCut })
		return nil
	})
}

// Corrupt flips a bit of what is stored, or of what is read back: the lowest bit of the first byte.
//
// The body of UploadPart and PutObject is damaged on the way. With Content-MD5 the Server notices and
// answers InvalidDigest; without, it stores the damaged bytes and reports their ETag and CRC-64. What
// CompleteMultipartUpload, UploadPartCopy and CopyObject put together is stored damaged, and reported
// as it is, except that a completed object has the ETag of its undamaged parts. GetObject sends
// damaged bytes; the object stays whole. Other operations move no content and do not match.
func Corrupt() Effect {
	return newEffect("Corrupt", hasContent, func(x *exchange) error {
		switch x.op.body {
		case contentRequest:
			x.body.Reader = &flipReader{r: x.body.Reader}
		case contentReply:
			x.replyFilters = append(x.replyFilters, func(_ *exchange, r io.Reader) io.Reader { return &flipReader{r: r} })
		default:
			x.flipBit = true
		}
		return nil
	})
}

// Truncate cuts the connection after n body bytes, or at the end of a shorter body: of the request
// for UploadPart and PutObject, which then have no effect, else of the reply, whose request does.
// Operations without either body do not match.
func Truncate(n int64) Effect {
	if n < 0 {
		panic("osstest: Truncate: the number of bytes must not be negative")
	}
	return newEffect("Truncate", hasBody, func(x *exchange) error {
		x.filter(func(_ *exchange, r io.Reader) io.Reader {
			return io.MultiReader(io.LimitReader(r, n), cutReader{})
		})
		x.onReply = append(x.onReply, func(rep *reply) error {
			rep.header.Set("Connection", "close") // so that the end behind a whole reply strikes no later request
			return nil
		})
		return nil
	}, n)
}

// Slow moves body bytes at the given rate: of the request for UploadPart and PutObject, else of
// the reply. Operations without either body do not match.
func Slow(bytesPerSecond int64) Effect {
	if bytesPerSecond < 1 {
		panic("osstest: Slow: the rate must be positive")
	}
	return newEffect("Slow", hasBody, func(x *exchange) error {
		x.filter(throttleTo(bytesPerSecond))
		return nil
	}, bytesPerSecond)
}

// throttleTo returns a filter that passes so many bytes a second.
func throttleTo(rate int64) filter {
	return func(x *exchange, r io.Reader) io.Reader {
		return &slowReader{x: x, r: r, rate: rate, start: time.Now()}
	}
}

// Together has all effects on the same request: a reply that is slow and then cut, or one that is lost
// and whose part is delivered again. It matches operations to which each of them can do something.
func Together(effects ...Effect) Effect {
	var names []string
	for _, e := range effects {
		if _, ok := e.(*chaos); ok || e == nil {
			panic("osstest: Together: no Effect, or Chaos, which has its own ways to combine")
		}
		names = append(names, fmt.Sprint(e))
	}
	if len(effects) == 0 {
		panic("osstest: Together: no Effect")
	}
	suits := func(op *operation) bool {
		return !slices.ContainsFunc(effects, func(e Effect) bool { return !e.applies(op) })
	}
	return newEffect(strings.Join(names, "+"), suits, func(x *exchange) error {
		var err error
		for _, e := range effects { // also those after one that answers: what they prepare is for any answer
			err = cmp.Or(err, e.apply(x))
		}
		return err
	})
}

// filter puts f between the client and the body that counts: that of the request if it brings
// content, else that of the reply.
func (x *exchange) filter(f filter) {
	if x.op.body == contentRequest {
		x.body.Reader = f(x, x.body.Reader)
		return
	}
	x.replyFilters = append(x.replyFilters, f)
}

// A flipReader inverts the lowest bit of the first byte.
type flipReader struct {
	r    io.Reader
	done bool
}

func (f *flipReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if n > 0 && !f.done {
		p[0] ^= 1
		f.done = true
	}
	return n, err
}

// A cutReader is the end of a connection where the end of a body was expected.
type cutReader struct{}

func (cutReader) Read([]byte) (int, error) { return 0, errCut }

// A slowReader spreads what it reads over time, a tenth of a second's worth at once. It keeps to the
// clock and not to its own pauses, so that they do not add up.
type slowReader struct {
	x     *exchange
	r     io.Reader
	rate  int64
	start time.Time
	n     int64
}

func (s *slowReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p[:min(int64(len(p)), max(1, s.rate/10))])
	s.n += int64(n)
	due := s.start.Add(time.Duration(float64(s.n) / float64(s.rate) * float64(time.Second)))
	if wait := time.Until(due); n > 0 && wait > 0 {
		if err := s.x.wait(wait); err != nil {
			return 0, err
		}
	}
	return n, err
}
