package oss

import (
	"context"
	"log/slog"
	"net/url"
	"time"
)

// Hooks observe a Client, for traces and metrics. Any of them may be nil. They run in the goroutine of the call and
// delay it, and must be safe for concurrent use.
type Hooks struct {
	// OnStart runs before the first attempt. The context that it returns, with a span for example, becomes that of the
	// operation; nil keeps ctx.
	OnStart func(ctx context.Context, op Operation) context.Context
	// OnAttempt runs after each attempt.
	OnAttempt func(ctx context.Context, op Operation, a Attempt)
	// OnEnd runs once, after the last attempt. Its err differs from the error of the caller in two cases: deleting an
	// object or aborting an upload that does not exist is an error here, and nil to the caller; a reply to GetObject or
	// UploadPartCopy with another range than requested is nil here, and an error to the caller.
	OnEnd func(ctx context.Context, op Operation, err error)
}

// An Operation is one call of a Client method, as hooks see it.
type Operation struct {
	Name, Bucket, Key, UploadID string // Name is the OSS action, for example "UploadPart"
	PartNumber                  int    // 0 if there is none
	Size                        int64  // bytes of the body to send
	Method                      string // of HTTP, for example "PUT"
	// URL is the address of the requests, with their parameters. A signature is not part of it.
	URL url.URL
}

// An Attempt is one HTTP request of an Operation, and its reply.
type Attempt struct {
	Number     int           // 1 for the first
	Start      time.Time     // before the keys were fetched
	StatusCode int           // 0 if there was no reply
	RequestID  string        // of the reply
	Sent       int64         // bytes of the body that were read for sending
	Duration   time.Duration // until the reply's header was complete
	Err        error         // nil if the attempt succeeded
	// RetryIn is the wait before the next attempt, 0 if this was the last. An Uploader of package multipart may wait
	// longer or shorter.
	RetryIn time.Duration
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

// logAttempt logs an attempt: at Warn if it is retried, otherwise at Debug.
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
