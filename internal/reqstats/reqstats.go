// Package reqstats counts what happens to the requests of an operation, through a context, as net/http/httptrace
// reports events of one request. Package oss records each attempt; package multipart reads the counts.
//
// An error tells this only of an operation that failed. Package multipart needs it of successes too: a request that was
// throttled, one that was never answered (which leaves the outcome of the operation uncertain), and the server's clock.
package reqstats

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"
)

// Stats counts the requests of all operations whose context is the Stats, or derived from it. It is a context.Context
// and safe for concurrent use.
type Stats struct {
	context.Context
	outer *Stats // of the parent context; every request counts there too

	Requests   atomic.Int64 // requests that may have reached OSS
	Retries    atomic.Int64 // of those, the requests after the first of their operation
	Throttled  atomic.Int64 // requests answered with 429 or 503
	Unanswered atomic.Int64 // requests without an answer that tells whether they were carried out

	ahead atomic.Int64 // nanoseconds that OSS's clock is ahead of this machine's, by the last reply
}

// ErrSuperseded is the context.Cause of a request that package multipart cancels because another request has done the
// same work. Its outcome is not recorded: it says nothing about OSS or the connection.
var ErrSuperseded = errors.New("another request has done the same")

type contextKey struct{}

// NewContext returns a context whose operations are counted, and the counts.
func NewContext(ctx context.Context) (context.Context, *Stats) {
	s := &Stats{Context: ctx, outer: FromContext(ctx)}
	return s, s
}

// Value implements context.Context.
func (s *Stats) Value(key any) any {
	if key == (contextKey{}) {
		return s
	}
	return s.Context.Value(key)
}

// FromContext returns the innermost Stats of ctx, or nil. Record works on nil.
func FromContext(ctx context.Context) *Stats {
	s, _ := ctx.Value(contextKey{}).(*Stats)
	return s
}

// Record counts one request, the attempt-th of its operation from 1. Status is 0 if there was no response. Valid says
// that the response was read to its end and came from OSS. Date is the Date header of the response.
func (s *Stats) Record(attempt, status int, valid bool, date string) {
	at, err := http.ParseTime(date)
	for ; s != nil; s = s.outer {
		if err == nil {
			s.ahead.Store(int64(time.Until(at)))
		}
		s.Requests.Add(1)
		if attempt > 1 {
			s.Retries.Add(1)
		}
		throttled := status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
		if throttled {
			s.Throttled.Add(1)
		}
		// A throttled request was not carried out. Any other 5xx may come from the middle of the work.
		if !valid || status == 0 || status >= 500 && !throttled {
			s.Unanswered.Add(1)
		}
	}
}

// Now returns the time by OSS's clock, to the second, or by this machine's clock if no response had a Date.
func (s *Stats) Now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }
