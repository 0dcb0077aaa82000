package tries

import (
	"context"
	"time"
)

// A Gate decides when a failed attempt is repeated. Package oss asks the Gate of an operation's context before every
// repetition that it would wait for, and then leaves the waiting to the Gate. Without a Gate it waits by itself.
type Gate interface {
	// Retry returns nil when the next attempt may begin, which may be long after the call, or the error that ends the
	// operation: that of ctx, or one that says why the Gate gives up.
	Retry(ctx context.Context, f Failure) error
}

// A Failure is a failed attempt that may be repeated.
type Failure struct {
	Kind    Kind
	Local   bool          // Throttled by this machine: it has run out of files, so that no connection can be made
	Err     error         // of the attempt
	Attempt int           // the number of the failed attempt, from 1
	Wait    time.Duration // what package oss would wait, or what OSS asked for by Retry-After
}

// A Kind says why an attempt failed.
type Kind int

const (
	// Temporary failures are answers that another attempt may change. Package oss counts them against Retry.Attempts
	// before it asks the Gate.
	Temporary Kind = iota
	// Throttled is a 429 or 503: OSS asks for fewer requests. It is also a connection that cannot be made because
	// this machine has run out of files, which fewer requests in flight mend as well. A Gate bounds them by time, not
	// by number.
	Throttled
	// Outage is a failure of the connection, or a 5xx page that is not from OSS, after OSS has answered this Client.
	// A Gate bounds them by time, not by number. Before the first answer of OSS such a failure is Temporary.
	Outage
)

// String names the kind for errors and logs.
func (k Kind) String() string { return [...]string{"temporary failure", "throttling", "outage"}[k] }

type gateKey struct{}

// WithGate returns a context whose operations ask g before they repeat an attempt.
func WithGate(ctx context.Context, g Gate) context.Context {
	return context.WithValue(ctx, gateKey{}, g)
}

// GateFrom returns the Gate of ctx, or nil.
func GateFrom(ctx context.Context) Gate {
	g, _ := ctx.Value(gateKey{}).(Gate)
	return g
}
