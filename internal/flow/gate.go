package flow

import (
	"context"
	"time"
)

// A Gate stands before the attempts of an operation. Package oss asks the Gate of an operation's context before the
// first attempt and before every repetition, and leaves the waiting to it. Without a Gate it waits by itself.
type Gate interface {
	// Begin returns when the first attempt may be made. The error it returns instead ends the operation.
	Begin(ctx context.Context) (Attempts, error)
}

// Attempts are those of one operation behind a Gate.
type Attempts interface {
	// Retry returns nil when the next attempt may be made, which may be long after the call. An error ends the
	// operation: that of ctx, or one that says why the Gate gives up.
	Retry(ctx context.Context, f Failure) error
}

// A Failure is a failed attempt that may be repeated.
type Failure struct {
	Kind       Kind
	Err        error         // of the attempt
	Attempt    int           // the number of the attempt, from 1
	MaxAttempt int           // how many package oss would make of its own accord
	Wait       time.Duration // the backoff of package oss
	Idle       time.Duration // how long nothing moved before the attempt was given up; 0 if it failed by itself
	RetryAfter time.Duration // what OSS asked for; 0 if it did not
}

// A Kind says why an attempt failed.
type Kind int

const (
	// Temporary is a failure that another attempt may change and that says nothing of the connection: an answer of OSS,
	// mostly. Package oss bounds these by Retry.Attempts before it asks the Gate.
	Temporary Kind = iota
	// Throttled is an answer of OSS that asks for fewer requests. A Gate bounds these by time.
	Throttled
	// Exhausted means that this machine has no more file descriptors or ports. Fewer requests in flight help.
	Exhausted
	// Outage is a failure of the connection, or a 5xx page that is not from OSS, once OSS has answered the Client. A
	// Gate bounds these by time. Before the first answer of OSS such a failure is Temporary: the endpoint may be wrong.
	Outage
)

// String returns what a log calls k.
func (k Kind) String() string {
	return [...]string{"temporary failure", "throttling", "too many open connections", "outage"}[k]
}

type gateKey struct{}

// WithGate returns a context whose operations are behind g.
func WithGate(ctx context.Context, g Gate) context.Context {
	return context.WithValue(ctx, gateKey{}, g)
}

// GateOf returns the Gate of ctx, or nil.
func GateOf(ctx context.Context) Gate {
	g, _ := ctx.Value(gateKey{}).(Gate)
	return g
}

// Once is a Gate that allows one attempt.
var Once Gate = once{}

type once struct{}

func (once) Begin(context.Context) (Attempts, error) { return once{}, nil }

func (once) Retry(_ context.Context, f Failure) error { return f.Err }
