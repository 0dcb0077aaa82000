package ossotel_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/attribute"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	ossotel "github.com/ossmultipart/go-oss/oss/drivers/otel"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

const (
	bucket = "bucket"
	key    = "dir/key"
)

// TestMain fails the run if a test has left a goroutine behind.
func TestMain(m *testing.M) {
	flag.Parse()
	before := runtime.NumGoroutine()
	code := m.Run()
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > before && code == 0; runtime.Gosched() {
		if time.Now().After(deadline) {
			fmt.Fprintf(os.Stderr, "%d goroutines at the end, %d at the start\n", runtime.NumGoroutine(), before)
			pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
			code = 1
		}
	}
	os.Exit(code)
}

// data is n bytes that are not all the same.
func data(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i * 7)
	}
	return p
}

// bytesAt is a WriterAt.
type bytesAt []byte

func (b bytesAt) WriteAt(p []byte, off int64) (int, error) { return copy(b[off:], p), nil }

// An observed server has a client whose telemetry is kept in memory.
type observed struct {
	t        *testing.T
	srv      *osstest.Server
	tel      *ossotel.Telemetry
	client   *oss.Client
	spans    *tracetest.SpanRecorder
	registry *prometheus.Registry
}

// observe returns an observed server. change may change the configuration of the client; nil changes nothing.
func observe(t *testing.T, opts ossotel.Options, change func(*oss.Config)) *observed {
	t.Helper()
	o := &observed{t: t, srv: osstest.NewServer(&osstest.Options{MinPartSize: 1}),
		spans: tracetest.NewSpanRecorder(), registry: prometheus.NewRegistry()}
	t.Cleanup(o.srv.Close)
	exporter, err := otelprom.New(otelprom.WithRegisterer(o.registry))
	if err != nil {
		t.Fatal(err)
	}
	opts.TracerProvider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(o.spans))
	opts.MeterProvider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter))
	if o.tel, err = ossotel.New(&opts); err != nil {
		t.Fatal(err)
	}
	cfg := o.srv.Config()
	cfg.Hooks = o.tel.ClientHooks()
	if change != nil {
		change(&cfg)
	}
	if o.client, err = oss.NewClient(cfg); err != nil {
		t.Fatal(err)
	}
	return o
}

// inBubble runs f with an observed server in a bubble of testing/synctest, and checks its spans.
func inBubble(t *testing.T, f func(t *testing.T, o *observed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := observe(t, ossotel.Options{}, nil)
		f(t, o)
		o.checkSpans()
	})
}

func (o *observed) uploader(opts multipart.Options) *multipart.Uploader {
	opts.PartSize, opts.Hooks = 100, o.tel.UploadHooks()
	return multipart.NewUploader(o.client, &opts)
}

func (o *observed) downloader(opts multipart.DownloadOptions) *multipart.Downloader {
	opts.PartSize, opts.Hooks = 100, o.tel.DownloadHooks()
	return multipart.NewDownloader(o.client, &opts)
}

// checkSpans checks that the spans are well-formed: all have ended, once. An attempt is in an operation, and an
// operation is in a transfer, or a probe of an operation. A child lies in the time of its parent.
func (o *observed) checkSpans() {
	t := o.t
	t.Helper()
	ended := o.spans.Ended()
	if n := len(o.spans.Started()); n != len(ended) || n == 0 {
		t.Errorf("%d spans have begun, %d have ended", n, len(ended))
	}
	byID := make(map[trace.SpanID]sdktrace.ReadOnlySpan)
	for _, span := range ended {
		if id := span.SpanContext().SpanID(); byID[id] != nil {
			t.Errorf("%s ended twice", span.Name())
		} else {
			byID[id] = span
		}
	}
	for _, span := range ended {
		parent, ok := byID[span.Parent().SpanID()]
		depth := level(span)
		switch {
		case !ok && span.Parent().IsValid():
			t.Errorf("the parent of %s has not ended", span.Name())
			continue
		case !ok:
			if depth == attempt {
				t.Errorf("%s has no parent", span.Name())
			}
			continue
		case span.Name() == "HeadObject" && level(parent) == operation: // a probe
		case level(parent) != depth-1:
			t.Errorf("%s is a child of %s", span.Name(), parent.Name())
		case span.SpanContext().TraceID() != parent.SpanContext().TraceID():
			t.Errorf("%s is in another trace than %s", span.Name(), parent.Name())
		}
		if span.StartTime().Before(parent.StartTime()) || span.EndTime().After(parent.EndTime()) ||
			span.EndTime().Before(span.StartTime()) {
			t.Errorf("%s from %v to %v is not within %s from %v to %v", span.Name(), span.StartTime(),
				span.EndTime(), parent.Name(), parent.StartTime(), parent.EndTime())
		}
	}
}

// The levels of spans.
const (
	transfer = iota
	operation
	attempt
)

func level(span sdktrace.ReadOnlySpan) int {
	switch name := span.Name(); {
	case name == "upload" || name == "download":
		return transfer
	case name == strings.ToUpper(name):
		return attempt
	}
	return operation
}

// get returns the value of an attribute, or "".
func get(span sdktrace.ReadOnlySpan, key attribute.Key) string {
	for _, a := range span.Attributes() {
		if a.Key == key {
			return a.Value.String()
		}
	}
	return ""
}

// tree returns the spans as an indented list: name, part number and error type. They are in the order of their start;
// those of parts that begin at the same moment, because a part that waits has given its place to the next, by number.
func (o *observed) tree() string {
	var b strings.Builder
	all := o.spans.Ended()
	slices.SortStableFunc(all, func(x, y sdktrace.ReadOnlySpan) int {
		part := func(s sdktrace.ReadOnlySpan) string { return get(s, semconv.AWSS3PartNumberKey) }
		return cmp.Or(x.StartTime().Compare(y.StartTime()), cmp.Compare(part(x), part(y)))
	})
	var list func(parent trace.SpanID, indent string)
	list = func(parent trace.SpanID, indent string) {
		for _, span := range all {
			if span.Parent().SpanID() != parent {
				continue
			}
			line := strings.TrimRight(strings.Join([]string{span.Name(), get(span, "aws.s3.part_number"),
				get(span, "error.type")}, " "), " ")
			fmt.Fprintf(&b, "%s%s\n", indent, line)
			list(span.SpanContext().SpanID(), indent+"\t")
		}
	}
	list(trace.SpanID{}, "")
	return b.String()
}

// gather returns the metrics by their names.
func (o *observed) gather() map[string]*dto.MetricFamily {
	o.t.Helper()
	families, err := o.registry.Gather()
	if err != nil {
		o.t.Fatal(err)
	}
	m := make(map[string]*dto.MetricFamily)
	for _, f := range families {
		m[f.GetName()] = f
	}
	return m
}

// sum adds up the values of a counter or a gauge, or the counts of a histogram, over the series that have the labels,
// which are pairs of name and value.
func (o *observed) sum(name string, labels ...string) (total float64) {
	o.t.Helper()
	f := o.gather()[name]
	if f == nil {
		o.t.Errorf("there is no metric %s", name)
	}
	for _, m := range f.GetMetric() {
		has := make(map[string]string)
		for _, l := range m.GetLabel() {
			has[l.GetName()] = l.GetValue()
		}
		match := true
		for i := 0; i < len(labels); i += 2 {
			match = match && has[labels[i]] == labels[i+1]
		}
		if match {
			total += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return total
}
