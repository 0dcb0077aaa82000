package ctxcause_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/internal/ctxcause"
)

func TestAnErrorOfAnEndedContextHasItsCause(t *testing.T) {
	stop := errors.New("stop")
	cancelled, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	plain, cancelPlain := context.WithCancel(t.Context())
	cancelPlain()
	late, end := context.WithDeadlineCause(t.Context(), time.Now(), stop)
	defer end()
	for _, tt := range []struct {
		name string
		ctx  context.Context
		err  error
		text string
		is   []error
	}{
		{"the error", cancelled, context.Canceled, "context canceled: stop", []error{context.Canceled, stop}},
		{"the error, wrapped", cancelled, fmt.Errorf("a: %w", context.Canceled), "a: context canceled: stop",
			[]error{context.Canceled, stop}},
		{"the cause", cancelled, stop, "context canceled: stop", []error{context.Canceled, stop}},
		{"the cause, wrapped", cancelled, fmt.Errorf("a: %w", stop), "context canceled: a: stop",
			[]error{context.Canceled, stop}},
		{"both", cancelled, fmt.Errorf("%w: %w", context.Canceled, stop), "context canceled: stop",
			[]error{context.Canceled, stop}},
		{"a deadline", late, context.DeadlineExceeded, "context deadline exceeded: stop",
			[]error{context.DeadlineExceeded, stop}},
		{"the cause of a deadline", late, stop, "context deadline exceeded: stop",
			[]error{context.DeadlineExceeded, stop}},
		{"no cause", plain, context.Canceled, "context canceled", []error{context.Canceled}},
		{"another error", cancelled, io.EOF, "EOF", []error{io.EOF}},
		{"no end", t.Context(), io.EOF, "EOF", []error{io.EOF}},
	} {
		err := ctxcause.Join(tt.ctx, tt.err)
		if err.Error() != tt.text {
			t.Errorf("%s: %q, want %q", tt.name, err, tt.text)
		}
		for _, want := range tt.is {
			if !errors.Is(err, want) {
				t.Errorf("%s: %v does not match %v", tt.name, err, want)
			}
		}
	}
	if err := ctxcause.Join(cancelled, nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}
