// Package tries lets package multipart know what package oss went through for it: how often an
// operation was sent without an answer, which decides whether an outcome is certain, how often
// OSS asked for less, and what time it is there.
// Errors say it only where an operation failed.
package tries

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"
)

// A Count is of all operations that ran with it as their context, or with one made from it.
type Count struct {
	context.Context
	outer *Count

	Throttled atomic.Int64 // requests answered with 429 or 503
	Lost      atomic.Int64 // requests without an answer that says what they did

	ahead atomic.Int64 // nanoseconds that OSS's clock is ahead of this machine's, by the last reply
}

// ErrSuperseded is the cause, as context.Cause tells it, of a context that package multipart cancels because another
// request has done the same work. How the attempt then ends is not counted: it tells nothing of OSS or the connection.
var ErrSuperseded = errors.New("another request has done the same")

type contextKey struct{}

// Watch returns a context whose operations are counted.
func Watch(ctx context.Context) (context.Context, *Count) {
	c := &Count{Context: ctx, outer: From(ctx)}
	return c, c
}

// Value implements context.Context.
func (c *Count) Value(key any) any {
	if key == (contextKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// From returns the Count of ctx, or nil.
func From(ctx context.Context) *Count {
	c, _ := ctx.Value(contextKey{}).(*Count)
	return c
}

// Add counts one request, answered with status, or 0 if it was not. With understood, the answer
// was read and is one of OSS.
// The date is that of the answer, as its header has it.
func (c *Count) Add(status int, understood bool, date string) {
	at, err := http.ParseTime(date)
	for ; c != nil; c = c.outer {
		if err == nil {
			c.ahead.Store(int64(time.Until(at)))
		}
		throttled := status == 429 || status == 503 // by OSS itself: then they did nothing
		if throttled {
			c.Throttled.Add(1)
		}
		if !understood || status == 0 || status >= 500 && !throttled {
			c.Lost.Add(1)
		}
	}
}

// Now returns the time by OSS's clock, which tells whole seconds, or by this machine's if no answer told it.
func (c *Count) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }
