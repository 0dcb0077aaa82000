package ossotel

import (
	"fmt"
	"strings"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// scope is the name of the instrumentation.
const scope = "github.com/ossmultipart/go-oss/oss/drivers/otel"

// Telemetry makes spans and metrics. It is safe for concurrent use, and may serve any number of clients, Uploaders and
// Downloaders. Their metrics add up.
type Telemetry struct {
	tracer   trace.Tracer
	meter    instruments
	omitKeys bool
	methods  vocabulary
	errors   vocabulary
}

// Options are the options of New. Nil and the zero value mean the defaults.
type Options struct {
	TracerProvider trace.TracerProvider // nil means otel.GetTracerProvider()
	MeterProvider  metric.MeterProvider // nil means otel.GetMeterProvider()

	// OmitKeys leaves out of the spans what names an object: keys, upload IDs, paths of URLs and the texts of errors.
	OmitKeys bool
}

// New returns a Telemetry. It fails if the MeterProvider refuses an instrument.
func New(opts *Options) (*Telemetry, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.TracerProvider == nil {
		o.TracerProvider = otel.GetTracerProvider()
	}
	if o.MeterProvider == nil {
		o.MeterProvider = otel.GetMeterProvider()
	}
	meter, err := newInstruments(o.MeterProvider.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL)))
	if err != nil {
		return nil, fmt.Errorf("ossotel: %w", err)
	}
	return &Telemetry{
		tracer: o.TracerProvider.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL)),
		meter:  meter, omitKeys: o.OmitKeys,
	}, nil
}

// object returns the attributes of a span that name an object.
func (t *Telemetry) object(bucket, key, uploadID string, part int) []attribute.KeyValue {
	attrs := make([]attribute.KeyValue, 0, 16) // the caller adds more
	attrs = append(attrs, semconv.CloudProviderAlibabaCloud)
	if bucket != "" {
		attrs = append(attrs, semconv.AWSS3Bucket(bucket))
	}
	if key != "" && !t.omitKeys {
		attrs = append(attrs, semconv.AWSS3Key(text(key)))
	}
	if uploadID != "" && !t.omitKeys {
		attrs = append(attrs, semconv.AWSS3UploadID(text(uploadID)))
	}
	if part != 0 {
		attrs = append(attrs, semconv.AWSS3PartNumber(part))
	}
	return attrs
}

// fail notes in a span that what it describes failed, if err is not nil.
func (t *Telemetry) fail(span trace.Span, err error) {
	if err == nil {
		return
	}
	kind := text(errorType(err))
	span.SetAttributes(semconv.ErrorTypeKey.String(kind))
	if t.omitKeys {
		span.SetStatus(codes.Error, kind)
	} else {
		span.SetStatus(codes.Error, text(err.Error()))
	}
}

// failure appends the label of an error, if err is not nil.
func (t *Telemetry) failure(labels []attribute.KeyValue, err error) []attribute.KeyValue {
	if err == nil {
		return labels
	}
	return append(labels, semconv.ErrorTypeKey.String(t.errors.word(errorType(err))))
}

// text returns s as UTF-8, which exporters demand.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// A vocabulary bounds the values of a label, which make time series: the first maxWords stay, others become "_OTHER".
type vocabulary struct {
	mu    sync.RWMutex
	words map[string]struct{}
}

const maxWords = 100

func (v *vocabulary) word(s string) string {
	s = text(s)
	v.mu.RLock()
	_, ok := v.words[s]
	v.mu.RUnlock()
	if ok {
		return s
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.words[s]; ok {
		return s
	}
	other := semconv.ErrorTypeOther.Value.AsString()
	if len(v.words) == maxWords || len(s) > maxWordSize || s == other {
		return other
	}
	if v.words == nil {
		v.words = make(map[string]struct{})
	}
	v.words[s] = struct{}{}
	return s
}

const maxWordSize = 100 // bytes
