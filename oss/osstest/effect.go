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

// An Effect is what a Fault does to a request. It may be used in several Faults.
type Effect interface {
	// applies reports whether the effect can change the outcome of op.
	applies(op *operation) bool
	// apply prepares x to fail later, or makes it fail now: its error is then a *refusal or errCut.
	apply(x *exchange) error
}

// An effect is the Effect that most functions of this package return.
type effect struct {
	name      string
	appliesTo func(*operation) bool
	run       func(*exchange) error
}

func (e *effect) applies(op *operation) bool { return e.appliesTo(op) }
func (e *effect) apply(x *exchange) error    { return e.run(x) }

func anyOperation(*operation) bool { return true }

// hasBody reports whether the request or the reply of op has a body.
func hasBody(op *operation) bool { return op.body != noBody }

// hasContent reports whether op receives, sends or stores bytes of objects.
func hasContent(op *operation) bool {
	return op.body == contentRequest || op.body == contentReply || op.body == linkedContent
}

// newEffect returns an effect whose String shows its arguments.
func newEffect(name string, on func(*operation) bool, do func(*exchange) error, args ...any) *effect {
	if len(args) > 0 {
		name += "(" + strings.TrimSuffix(fmt.Sprintln(args...), "\n") + ")"
	}
	return &effect{name, on, do}
}

// String returns the name that Inject uses in its panics, and that Strike.Effect holds.
func (e *effect) String() string { return e.name }

// Fail replies with an OSS error. The request is not executed. Its body is read first, so the connection stays usable.
func Fail(status int, code oss.Code) Effect {
	checkStatus("Fail", status)
	return newEffect("Fail", anyOperation, func(*exchange) error { return failure(status, code) }, status, code)
}

// checkStatus panics unless status is one of a final reply.
func checkStatus(name string, status int) {
	if status < 200 || status > 599 {
		panic(fmt.Sprintf("osstest: %s: %d is not the status of a reply", name, status))
	}
}

// Delay delays the reply by d. The request is executed at once. A client that times out before the reply cannot know
// whether its request was executed.
func Delay(d time.Duration) Effect {
	return newEffect("Delay", anyOperation, func(x *exchange) error {
		x.onReply = append(x.onReply, func(*reply) error { return x.wait(d) })
		return nil
	}, d)
}

// Hang never replies. It ends when the client gives up or the Server is closed. The request is not executed, though its
// body is read.
func Hang() Effect {
	return newEffect("Hang", anyOperation, func(x *exchange) error {
		if _, err := io.Copy(io.Discard, x.body); err != nil {
			return errCut
		}
		return x.wait(-1)
	})
}

// Drop closes the connection instead of executing the request, whose body is not read.
func Drop() Effect {
	return newEffect("Drop", anyOperation, func(*exchange) error { return errCut })
}

// LoseReply executes the request, and then closes the connection without a reply. The client cannot know whether its
// request was executed.
func LoseReply() Effect {
	return newEffect("LoseReply", anyOperation, func(x *exchange) error {
		x.onReply = append(x.onReply, func(*reply) error { return errCut })
		return nil
	})
}

// Corrupt inverts one bit of the content that a request stores or reads: the lowest bit of the first byte.
//
//   - For UploadPart, PutObject and other operations whose request brings content, the body is damaged in transit. With
//     a Content-MD5 the reply is InvalidDigest. Without one the damaged bytes are stored, and the reply has their ETag
//     and CRC-64.
//   - For CompleteMultipartUpload, UploadPartCopy and CopyObject, the damaged bytes are stored, and the reply has their
//     checksums. The ETag of a completed object is that of its undamaged parts.
//   - For GetObject, the reply has damaged bytes. The object is not changed.
//
// Other operations move no content and do not match.
func Corrupt() Effect {
	return newEffect("Corrupt", hasContent, func(x *exchange) error {
		switch x.op.body {
		case contentRequest:
			x.body.Reader = &flipReader{r: x.body.Reader}
		case contentReply:
			x.replyFilters = append(x.replyFilters, func(_ *exchange, r io.Reader) io.Reader {
				return &flipReader{r: r}
			})
		default:
			x.flipBit = true
		}
		return nil
	})
}

// Truncate closes the connection after n bytes of a body, or after the last byte of a shorter body. It counts the body
// of the request for operations whose request brings content, such as UploadPart and PutObject; they are not executed.
// For others it counts the body of the reply; they are executed. Operations without any body do not match.
func Truncate(n int64) Effect {
	if n < 0 {
		panic("osstest: Truncate: the number of bytes must not be negative")
	}
	return newEffect("Truncate", hasBody, func(x *exchange) error {
		x.filter(func(_ *exchange, r io.Reader) io.Reader {
			return io.MultiReader(io.LimitReader(r, n), cutReader{})
		})
		x.onReply = append(x.onReply, func(rep *reply) error {
			// a complete reply must not leave a broken connection to the next request
			rep.header.Set("Connection", "close")
			return nil
		})
		return nil
	}, n)
}

// Slow limits the rate of a body: that of the request for operations whose request brings content, such as UploadPart
// and PutObject, otherwise that of the reply. Operations without any body do not match.
func Slow(bytesPerSecond int64) Effect {
	if bytesPerSecond < 1 {
		panic("osstest: Slow: the rate must be positive")
	}
	return newEffect("Slow", hasBody, func(x *exchange) error {
		x.filter(throttleTo(bytesPerSecond))
		return nil
	}, bytesPerSecond)
}

// throttleTo returns a filter that passes rate bytes per second.
func throttleTo(rate int64) filter {
	return func(x *exchange, r io.Reader) io.Reader {
		return &slowReader{x: x, r: r, rate: rate, start: time.Now()}
	}
}

// Together applies several effects to the same request, such as Slow and Truncate, or LoseReply and Redeliver. It
// matches the operations that every one of them applies to.
func Together(effects ...Effect) Effect {
	var names []string
	for _, e := range effects {
		if _, ok := e.(*chaos); ok || e == nil {
			panic("osstest: Together: nil or Chaos, whose rates take combined effects, cannot be combined")
		}
		names = append(names, fmt.Sprint(e))
	}
	if len(effects) == 0 {
		panic("osstest: Together: no Effect")
	}
	applies := func(op *operation) bool {
		return !slices.ContainsFunc(effects, func(e Effect) bool { return !e.applies(op) })
	}
	return newEffect(strings.Join(names, "+"), applies, func(x *exchange) error {
		var err error
		for _, e := range effects { // those after a refusal too, because they prepare any reply
			err = cmp.Or(err, e.apply(x))
		}
		return err
	})
}

// filter adds f to the body of the request if it brings content, otherwise to the body of the reply.
func (x *exchange) filter(f filter) {
	if x.op.body == contentRequest {
		x.body.Reader = f(x, x.body.Reader)
		return
	}
	x.replyFilters = append(x.replyFilters, f)
}

// A flipReader inverts the lowest bit of the first byte that it reads.
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

// A cutReader fails like a connection that is closed before the end of a body.
type cutReader struct{}

func (cutReader) Read([]byte) (int, error) { return 0, errCut }

// A slowReader reads at a constant rate, at most the bytes of 0.1 s at a time. It sleeps until the time that follows
// from the total number of bytes, so that inexact sleeps do not add up.
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
