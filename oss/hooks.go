package oss

import (
	"context"
	"log/slog"
	"time"
)

// Hooks observe a Client, for traces and metrics. Any may be nil; all must be quick and concurrent-safe.
type Hooks struct {
	// OnStart runs before the first attempt; the context it returns, with a span say, carries the operation. Nil keeps ctx.
	OnStart func(ctx context.Context, op Operation) context.Context
	// OnAttempt runs after every HTTP attempt.
	OnAttempt func(ctx context.Context, op Operation, a Attempt)
	// OnEnd runs once, with the error the caller will get. Two things it cannot know: what was to be deleted or aborted and
	// is gone already is no error to the caller; a range or a page that is not the one asked for is.
	OnEnd func(ctx context.Context, op Operation, err error)
}

// An Operation is one call of a Client method.
type Operation struct {
	Name, Bucket, Key, UploadID string // Name is the OSS action, "UploadPart"
	PartNumber                  int    // 0 if there is none
	Size                        int64  // body bytes to send
}

// An Attempt is one HTTP exchange of an Operation.
type Attempt struct {
	Number     int           // from 1
	StatusCode int           // 0 if no reply came
	RequestID  string        // from the reply
	Sent       int64         // body bytes
	Duration   time.Duration // until the reply's header
	Err        error         // nil if it succeeded
	RetryIn    time.Duration // wait before the next attempt, which an Uploader may change; 0 if this was the last
}

func (h Hooks) start(ctx context.Context, op Operation) context.Context {
	if h.OnStart == nil {
		return ctx
	}
	if own := h.OnStart(ctx, op); own != nil {
		return own
	}
	return ctx
}

func (h Hooks) attempt(ctx context.Context, op Operation, a Attempt) {
	if h.OnAttempt != nil {
		h.OnAttempt(ctx, op, a)
	}
}

func (h Hooks) end(ctx context.Context, op Operation, err error) {
	if h.OnEnd != nil {
		h.OnEnd(ctx, op, err)
	}
}

// logAttempt writes one line an attempt: Debug when it settled the matter, Warn when it is repeated.
func logAttempt(ctx context.Context, log *slog.Logger, op Operation, a Attempt) {
	level := slog.LevelDebug
	if a.RetryIn > 0 {
		level = slog.LevelWarn
	}
	if !log.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 10)
	attrs = append(attrs, slog.String("op", op.Name), slog.String("bucket", op.Bucket), slog.String("key", op.Key))
	if op.PartNumber != 0 {
		attrs = append(attrs, slog.Int("part", op.PartNumber))
	}
	attrs = append(attrs, slog.Int("attempt", a.Number), slog.Int("status", a.StatusCode),
		slog.String("request_id", a.RequestID), slog.Duration("took", a.Duration))
	if a.Err != nil {
		attrs = append(attrs, slog.Any("error", a.Err))
	}
	if a.RetryIn > 0 {
		attrs = append(attrs, slog.Duration("retry_in", a.RetryIn))
	}
	log.LogAttrs(ctx, level, "oss request", attrs...)
}
