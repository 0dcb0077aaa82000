// Package ctxcause makes errors that tell both how and why a context has ended.
package ctxcause

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Join returns err so that errors.Is finds both the error of ctx and its cause, if err says that ctx has ended. Of
// these two, net/http returns only the cause, and ctx.Err only the error.
func Join(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	switch ended := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded); {
	case cause == nil || ended && errors.Is(err, cause):
	case ended:
		return &joined{err, cause}
	case errors.Is(err, cause):
		return &joined{ctx.Err(), err}
	}
	return err
}

// A joined error is an error with the cause of the context that led to it.
type joined struct{ err, cause error }

func (e *joined) Unwrap() []error { return []error{e.err, e.cause} }

// Error appends the cause, unless the text of err already ends with it, as that of net/http may.
func (e *joined) Error() string {
	if text := e.err.Error(); strings.HasSuffix(text, e.cause.Error()) {
		return text
	}
	return fmt.Sprintf("%v: %v", e.err, e.cause)
}
