package ossotel_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	ossotel "github.com/ossmultipart/go-oss/oss/drivers/otel"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// The client of the example is one of a test server, and the exporter keeps the spans in memory.
func ExampleNew() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	spans := tracetest.NewInMemoryExporter()
	registry := prometheus.NewRegistry()

	exporter, err := otelprom.New(otelprom.WithRegisterer(registry))
	if err != nil {
		log.Fatal(err)
	}
	tel, err := ossotel.New(&ossotel.Options{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)),
		MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter)),
	})
	if err != nil {
		log.Fatal(err)
	}
	cfg := srv.Config()
	cfg.Hooks = tel.ClientHooks()
	client, err := oss.NewClient(cfg)
	if err != nil {
		log.Fatal(err)
	}
	up := multipart.NewUploader(client, &multipart.Options{Concurrency: 1, Hooks: tel.UploadHooks()})

	body := bytes.NewReader(make([]byte, 20<<20))
	if _, err := up.Upload(context.Background(), "backups", "today.tar", body, nil); err != nil {
		log.Fatal(err)
	}
	for _, span := range slices.Backward(spans.GetSpans()) { // those that ended last come first
		if !span.Parent.IsValid() || span.Name == "UploadPart" {
			fmt.Println(span.Name)
		}
	}
	families, err := registry.Gather()
	if err != nil {
		log.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "oss_transfer_moved_bytes_total" {
			fmt.Println(family.GetName(), family.GetMetric()[0].GetCounter().GetValue())
		}
	}
	// Output:
	// upload
	// UploadPart
	// UploadPart
	// UploadPart
	// oss_transfer_moved_bytes_total 2.097152e+07
}
