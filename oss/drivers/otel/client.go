package ossotel

import (
	"context"
	"net"
	"net/url"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/ossmultipart/go-oss/oss"
)

// system is the value of rpc.system.name. The conventions have none for OSS.
const system = "alibabacloud.oss"

// An operation is one call of a Client. It is a value of the context of the call.
type operation struct {
	span  trace.Span
	began time.Time
}

type operationKey struct{}

// ClientHooks returns hooks for oss.Config. They make a span of each operation and of each attempt, and record their
// durations.
func (t *Telemetry) ClientHooks() oss.Hooks {
	return oss.Hooks{OnStart: t.startOperation, OnAttempt: t.attempt, OnEnd: t.endOperation}
}

func (t *Telemetry) startOperation(ctx context.Context, op oss.Operation) context.Context {
	o := &operation{began: time.Now()}
	attrs := append(t.object(op.Bucket, op.Key, op.UploadID, op.PartNumber),
		semconv.RPCSystemNameKey.String(system), semconv.RPCMethod(text(op.Name)))
	ctx, o.span = t.tracer.Start(ctx, text(op.Name), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithTimestamp(o.began), trace.WithAttributes(append(attrs, server(&op.URL)...)...))
	return context.WithValue(ctx, operationKey{}, o)
}

func (t *Telemetry) endOperation(ctx context.Context, op oss.Operation, err error) {
	o, ok := ctx.Value(operationKey{}).(*operation)
	if !ok { // another hook has replaced the context
		return
	}
	t.fail(o.span, err)
	ended := time.Now()
	o.span.End(trace.WithTimestamp(ended))
	labels := append(t.labels(op, err), semconv.RPCSystemNameKey.String(system))
	t.meter.calls.RecordSet(trace.ContextWithSpan(ctx, o.span), ended.Sub(o.began).Seconds(),
		attribute.NewSet(labels...))
}

// attempt makes the span of an attempt that has ended.
func (t *Telemetry) attempt(ctx context.Context, op oss.Operation, a oss.Attempt) {
	o, ok := ctx.Value(operationKey{}).(*operation)
	if !ok || a.Number == 0 { // no request was made
		return
	}
	attrs := append(t.object(op.Bucket, op.Key, op.UploadID, op.PartNumber), methodOf(op.Method))
	attrs = append(attrs, server(&op.URL)...)
	if u := op.URL; u.Host != "" {
		u.RawQuery = ""
		if t.omitKeys {
			u.Path, u.RawPath = "/", ""
		}
		attrs = append(attrs, semconv.URLFull(u.String()))
	}
	if a.Number > 1 {
		attrs = append(attrs, semconv.HTTPRequestResendCount(a.Number-1))
	}
	if op.Size > 0 {
		attrs = append(attrs, semconv.HTTPRequestBodySize(int(op.Size)), attribute.Int64("oss.attempt.sent", a.Sent))
	}
	if a.StatusCode != 0 {
		attrs = append(attrs, semconv.HTTPResponseStatusCode(a.StatusCode))
	}
	if a.RequestID != "" {
		attrs = append(attrs, semconv.HTTPResponseHeader("x-oss-request-id", text(a.RequestID)))
	}
	if a.RetryIn > 0 {
		attrs = append(attrs, attribute.Float64("oss.attempt.retry_in", a.RetryIn.Seconds()))
	}
	ctx, span := t.tracer.Start(trace.ContextWithSpan(ctx, o.span), op.Method,
		trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(a.Start), trace.WithAttributes(attrs...))
	t.fail(span, a.Err)
	span.End()

	labels := t.labels(op, a.Err)
	if a.StatusCode >= 100 && a.StatusCode < 600 {
		labels = append(labels, semconv.HTTPResponseStatusCode(a.StatusCode))
	}
	t.meter.attempts.Record(ctx, a.Duration.Seconds(), metric.WithAttributes(labels...))
	if a.Sent > 0 {
		t.meter.sent.Add(ctx, a.Sent, metric.WithAttributes(t.labels(op, nil)...))
	}
}

// labels returns the labels of a metric of an operation.
func (t *Telemetry) labels(op oss.Operation, err error) []attribute.KeyValue {
	labels := append(make([]attribute.KeyValue, 0, 4), semconv.RPCMethod(t.methods.word(op.Name)))
	return t.failure(labels, err)
}

// methodOf returns the attribute of an HTTP method. The conventions know only those of RFC 9110 and PATCH.
func methodOf(method string) attribute.KeyValue {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH":
		return semconv.HTTPRequestMethodKey.String(method)
	}
	return semconv.HTTPRequestMethodOther
}

// server returns the attributes of the host of a URL.
func server(u *url.URL) []attribute.KeyValue {
	host, number, err := net.SplitHostPort(u.Host)
	if err != nil { // no port
		host = u.Hostname()
	}
	port, err := strconv.Atoi(number)
	switch {
	case err == nil:
	case u.Scheme == "https":
		port = 443
	default:
		port = 80
	}
	return []attribute.KeyValue{semconv.ServerAddress(host), semconv.ServerPort(port)}
}
