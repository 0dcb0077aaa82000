package ossotel

import (
	"errors"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/semconv/v1.43.0/rpcconv"
)

// instruments are the metrics. Prometheus adds the unit and "_total" to their names: see README.md.
type instruments struct {
	calls    rpcconv.ClientCallDuration
	attempts metric.Float64Histogram
	sent     metric.Int64Counter

	active      metric.Int64UpDownCounter
	waiting     metric.Int64UpDownCounter
	transfers   metric.Float64Histogram
	moved       metric.Int64Counter
	parts       metric.Int64Counter
	reused      metric.Int64Counter
	retries     metric.Int64Counter
	hedges      metric.Int64Counter
	waited      metric.Float64Counter
	lastSuccess metric.Float64Gauge
}

// Bounds of histograms in seconds: of requests, which take up to minutes, and of transfers, which may take hours.
var (
	requestSeconds = metric.WithExplicitBucketBoundaries(
		.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300)
	transferSeconds = metric.WithExplicitBucketBoundaries(
		.05, .1, .5, 1, 5, 15, 60, 300, 900, 3600, 4*3600, 12*3600)
)

func newInstruments(m metric.Meter) (v instruments, err error) {
	var failed error
	keep := func(err error) { failed = errors.Join(failed, err) }
	v.calls, err = rpcconv.NewClientCallDuration(m, requestSeconds)
	keep(err)
	v.attempts, err = m.Float64Histogram("oss.client.attempt.duration", requestSeconds, metric.WithUnit("s"),
		metric.WithDescription("Duration of HTTP requests until the header of the reply, failed ones too."))
	keep(err)
	v.transfers, err = m.Float64Histogram("oss.transfer.duration", transferSeconds, metric.WithUnit("s"),
		metric.WithDescription("Duration of whole uploads and downloads."))
	keep(err)
	counter := func(name, unit, description string) metric.Int64Counter {
		c, err := m.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
		keep(err)
		return c
	}
	v.sent = counter("oss.client.sent", "By", "Bytes of bodies that were read for sending, repeated ones too.")
	v.moved = counter("oss.transfer.moved", "By",
		"Bytes of uploads that OSS has confirmed, and of downloads that were received in whole ranges.")
	v.parts = counter("oss.transfer.parts", "{part}", "Parts of uploads and ranges of downloads that were transferred.")
	v.reused = counter("oss.transfer.reused_parts", "{part}",
		"Parts and ranges that were there from an earlier call.")
	v.retries = counter("oss.transfer.retries", "{request}", "Requests of transfers that repeated a failed one.")
	v.hedges = counter("oss.transfer.hedges", "{part}",
		"Parts and ranges that were requested twice because the first request was slow.")
	gauge := func(name, description string) metric.Int64UpDownCounter {
		c, err := m.Int64UpDownCounter(name, metric.WithUnit("{transfer}"), metric.WithDescription(description))
		keep(err)
		return c
	}
	v.active = gauge("oss.transfer.active", "Uploads and downloads in progress.")
	v.waiting = gauge("oss.transfer.waiting",
		"Uploads and downloads that wait because OSS throttles or cannot be reached.")
	v.waited, err = m.Float64Counter("oss.transfer.waited", metric.WithUnit("s"),
		metric.WithDescription("Time that uploads and downloads have waited because OSS throttled or was not reached."))
	keep(err)
	v.lastSuccess, err = m.Float64Gauge("oss.transfer.last_success.timestamp", metric.WithUnit("s"),
		metric.WithDescription("Unix time at which the last upload or download was completed."))
	keep(err)
	return v, failed
}
