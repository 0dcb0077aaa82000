package ossotel

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/ossmultipart/go-oss/multipart"
)

// directionKey is the label of all metrics of transfers.
const directionKey = attribute.Key("oss.transfer.direction")

// A transfer is an upload or a download. It is a value of the context of its hooks.
type transfer struct {
	span    trace.Span
	waiting bool // OnWait runs in one goroutine, which has ended before OnEnd
}

type transferKey struct{}

// UploadHooks returns hooks for multipart.Options. They make a span of each upload, and record its numbers.
func (t *Telemetry) UploadHooks() multipart.Hooks { return t.hooks("upload") }

// DownloadHooks returns hooks for multipart.DownloadOptions. They make a span of each download, and record its numbers.
func (t *Telemetry) DownloadHooks() multipart.Hooks { return t.hooks("download") }

// hooks returns the hooks of transfers in a direction, which is also the name of their spans.
func (t *Telemetry) hooks(name string) multipart.Hooks {
	direction := directionKey.String(name)
	labels := metric.WithAttributeSet(attribute.NewSet(direction))
	t.count(context.Background(), multipart.Stats{}, labels) // series that are there from the start have a rate
	t.meter.active.Add(context.Background(), 0, labels)
	t.meter.waiting.Add(context.Background(), 0, labels)
	return multipart.Hooks{
		OnStart: func(ctx context.Context, p multipart.Progress) context.Context {
			attrs := append(t.object(p.Bucket, p.Key, "", 0), direction)
			if p.Total >= 0 {
				attrs = append(attrs, attribute.Int64("oss.transfer.size", p.Total))
			}
			ctx, span := t.tracer.Start(ctx, name, trace.WithAttributes(attrs...))
			t.meter.active.Add(ctx, 1, labels)
			return context.WithValue(ctx, transferKey{}, &transfer{span: span})
		},
		OnWait: func(ctx context.Context, p multipart.Progress) {
			if v, ok := ctx.Value(transferKey{}).(*transfer); ok {
				t.wait(ctx, v, p, labels)
			}
		},
		OnEnd: func(ctx context.Context, p multipart.Progress, s multipart.Stats, err error) {
			if v, ok := ctx.Value(transferKey{}).(*transfer); ok {
				t.endTransfer(ctx, v, direction, p, s, err)
			}
		},
	}
}

// wait notes that a transfer begins to wait, or continues.
func (t *Telemetry) wait(ctx context.Context, v *transfer, p multipart.Progress, labels metric.AddOption) {
	now := !p.WaitingSince.IsZero()
	if now == v.waiting {
		return
	}
	if v.waiting = now; now {
		t.meter.waiting.Add(ctx, 1, labels)
		v.span.AddEvent("waiting", trace.WithTimestamp(p.WaitingSince),
			trace.WithAttributes(semconv.ErrorTypeKey.String(text(errorType(p.WaitingFor)))))
		return
	}
	t.meter.waiting.Add(ctx, -1, labels)
	v.span.AddEvent("continuing")
}

func (t *Telemetry) endTransfer(
	ctx context.Context, v *transfer, direction attribute.KeyValue, p multipart.Progress, s multipart.Stats, err error,
) {
	labels := metric.WithAttributeSet(attribute.NewSet(direction))
	if v.waiting {
		t.meter.waiting.Add(ctx, -1, labels)
	}
	if p.Total >= 0 {
		v.span.SetAttributes(attribute.Int64("oss.transfer.size", p.Total))
	}
	v.span.SetAttributes(
		attribute.Int64("oss.transfer.moved", s.Bytes),
		attribute.Int("oss.transfer.parts", s.Parts),
		attribute.Int("oss.transfer.reused_parts", s.Reused),
		attribute.Int64("oss.transfer.requests", s.Requests),
		attribute.Int64("oss.transfer.retries", s.Retries),
		attribute.Int("oss.transfer.hedges", s.Hedges),
		attribute.Float64("oss.transfer.waited", s.Waited.Seconds()),
		attribute.Bool("oss.transfer.complete", s.Complete),
	)
	t.fail(v.span, err)
	v.span.End()

	ctx = trace.ContextWithSpan(ctx, v.span)
	t.meter.active.Add(ctx, -1, labels)
	t.meter.transfers.Record(ctx, s.Duration.Seconds(),
		metric.WithAttributes(t.failure([]attribute.KeyValue{direction}, err)...))
	t.count(ctx, s, labels)
	if err == nil && s.Complete {
		t.meter.lastSuccess.Record(ctx, float64(time.Now().UnixMilli())/1000, labels)
	}
}

// count adds the numbers of a transfer to the counters.
func (t *Telemetry) count(ctx context.Context, s multipart.Stats, labels metric.AddOption) {
	m := &t.meter
	m.moved.Add(ctx, s.Bytes, labels)
	m.parts.Add(ctx, int64(s.Parts), labels)
	m.reused.Add(ctx, int64(s.Reused), labels)
	m.retries.Add(ctx, s.Retries, labels)
	m.hedges.Add(ctx, int64(s.Hedges), labels)
	m.waited.Add(ctx, s.Waited.Seconds(), labels)
}
