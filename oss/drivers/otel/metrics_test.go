package ossotel_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/semconv/v1.43.0/rpcconv"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	ossotel "github.com/ossmultipart/go-oss/oss/drivers/otel"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// withMetrics runs f with a server and metrics that have a series for each name: an upload with a failed part, a
// download, and an operation that failed.
func withMetrics(t *testing.T, f func(t *testing.T, o *observed)) {
	inBubble(t, func(t *testing.T, o *observed) {
		o.srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2, Times: 1,
			Effect: osstest.Fail(500, "InternalError")})
		if _, err := o.uploader(one).Upload(t.Context(), bucket, key, bytes.NewReader(data(950)), nil); err != nil {
			t.Fatal(err)
		}
		_, err := o.downloader(multipart.DownloadOptions{}).Download(t.Context(), bucket, key, make(bytesAt, 950), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.client.HeadObject(t.Context(), bucket, "none", nil); err == nil {
			t.Fatal("no error")
		}
		f(t, o)
	})
}

func TestNamesOfMetricsPassTheLinterOfPrometheus(t *testing.T) {
	withMetrics(t, func(t *testing.T, o *observed) {
		problems, err := testutil.GatherAndLint(o.registry)
		if err != nil || len(problems) > 0 {
			t.Errorf("%v, %+v", err, problems)
		}
		name := strings.ReplaceAll(rpcconv.ClientCallDuration{}.Name(), ".", "_") + "_seconds"
		if o.gather()[name] == nil {
			t.Errorf("there is no %s, the metric of the conventions", name)
		}
	})
}

func TestMetricsCountWhatWasDone(t *testing.T) {
	withMetrics(t, func(t *testing.T, o *observed) {
		const direction = "oss_transfer_direction"
		for _, c := range []struct {
			name   string
			labels []string
			want   float64
		}{
			{"oss_transfer_moved_bytes_total", []string{direction, "upload"}, 950},
			{"oss_transfer_moved_bytes_total", []string{direction, "download"}, 950},
			{"oss_transfer_parts_total", []string{direction, "upload"}, 10},
			{"oss_transfer_parts_total", []string{direction, "download"}, 10},
			{"oss_transfer_reused_parts_total", nil, 0},
			{"oss_transfer_retries_total", []string{direction, "upload"}, 1},
			{"oss_transfer_retries_total", []string{direction, "download"}, 0},
			{"oss_transfer_hedges_total", nil, 0},
			{"oss_transfer_duration_seconds", []string{direction, "upload", "error_type", ""}, 1},
			{"oss_transfer_active", nil, 0},
			{"oss_transfer_waiting", nil, 0},
			{"rpc_client_call_duration_seconds", []string{"rpc_method", "UploadPart", "error_type", ""}, 10},
			{"rpc_client_call_duration_seconds", []string{"rpc_system_name", "alibabacloud.oss"}, 10 + 2 + 11 + 1},
			{"rpc_client_call_duration_seconds", []string{"rpc_method", "HeadObject", "error_type", "NoSuchKey"}, 1},
			{"oss_client_attempt_duration_seconds", []string{"rpc_method", "UploadPart"}, 11},
			{"oss_client_attempt_duration_seconds", []string{"error_type", "InternalError",
				"http_response_status_code", "500"}, 1},
			{"oss_client_attempt_duration_seconds", []string{"http_response_status_code", "404"}, 1},
			{"oss_client_sent_bytes_total", []string{"rpc_method", "UploadPart"}, 950 + 100},
		} {
			if got := o.sum(c.name, c.labels...); got != c.want {
				t.Errorf("%s%q is %v, want %v", c.name, c.labels, got, c.want)
			}
		}
		last := o.sum("oss_transfer_last_success_timestamp_seconds", direction, "download")
		if age := time.Since(time.UnixMilli(int64(last * 1000))); age < 0 || age > time.Minute {
			t.Errorf("the last download was completed %v ago", age)
		}
	})
}

// TestMetricsHaveExemplars: the exemplars of histograms lead to spans.
func TestMetricsHaveExemplars(t *testing.T) {
	withMetrics(t, func(t *testing.T, o *observed) {
		for name, depth := range map[string]int{"oss_transfer_duration_seconds": transfer,
			"rpc_client_call_duration_seconds": operation, "oss_client_attempt_duration_seconds": attempt} {
			spans := make(map[string]bool)
			for _, span := range o.spans.Ended() {
				if id := span.SpanContext(); level(span) == depth {
					spans[id.TraceID().String()+id.SpanID().String()] = true
				}
			}
			found := 0
			for _, m := range o.gather()[name].GetMetric() {
				for _, b := range m.GetHistogram().GetBucket() {
					labels := labelsOf(b.GetExemplar().GetLabel())
					if b.GetExemplar() == nil {
						continue
					}
					if found++; !spans[labels["trace_id"]+labels["span_id"]] {
						t.Errorf("an exemplar of %s has %v, which is no span of its level", name, labels)
					}
				}
			}
			if found == 0 {
				t.Errorf("%s has no exemplars", name)
			}
		}
	})
}

func labelsOf(pairs []*dto.LabelPair) map[string]string {
	m := make(map[string]string)
	for _, l := range pairs {
		m[l.GetName()] = l.GetValue()
	}
	return m
}

// Values of labels make time series: neither a program with any number of keys, nor one that calls Client.Do with any
// name, nor a server that answers with any code, may make more than a bounded number.
func TestLabelsHaveABoundedNumberOfValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := observe(t, ossotel.Options{}, nil)
		up := o.uploader(one)
		for i := range 300 {
			_, err := up.Upload(t.Context(), bucket, fmt.Sprint("key", i), bytes.NewReader(data(50)), nil)
			if err != nil {
				t.Fatal(err)
			}
		}
		o.srv.Inject(osstest.Fault{Times: 1, Effect: osstest.Fail(400, oss.Code(strings.Repeat("C", 200)))})
		if _, err := o.client.HeadObject(t.Context(), bucket, key, nil); err == nil {
			t.Fatal("no error")
		}
		for i := range 300 {
			fault := o.srv.Inject(osstest.Fault{Effect: osstest.Fail(400, oss.Code(fmt.Sprint("Code", i)))})
			_, err := o.client.Do(t.Context(), &oss.Request{Op: fmt.Sprint("Op\xff", i), Method: http.MethodGet,
				Bucket: fmt.Sprint("bucket", i), Key: fmt.Sprint("key", i)})
			if err == nil {
				t.Fatal("no error")
			}
			fault.Remove()
		}
		checkKeys(t, o.spans.Ended())
		values := make(map[string]map[string]bool)
		for name, f := range o.gather() {
			for _, m := range f.GetMetric() {
				for label, value := range labelsOf(m.GetLabel()) {
					if name == "target_info" || strings.HasPrefix(label, "otel_scope_") {
						continue
					}
					if values[label] == nil {
						values[label] = make(map[string]bool)
					}
					values[label][value] = true
				}
			}
		}
		want := []string{"error_type", "http_response_status_code", "oss_transfer_direction", "rpc_method",
			"rpc_system_name"}
		if got := slices.Sorted(maps.Keys(values)); !slices.Equal(got, want) {
			t.Errorf("labels %q, want %q", got, want)
		}
		for _, label := range []string{"error_type", "rpc_method"} {
			if n := len(values[label]); n != 101 || !values[label]["_OTHER"] {
				t.Errorf("%s has %d values, want 100 and _OTHER", label, n)
			}
		}
		if !values["rpc_method"]["PutObject"] {
			t.Error("PutObject, which came before the others, is no longer counted by its name")
		}
	})
}

// names returns the names of all metrics and labels.
func (o *observed) names() (metrics, labels map[string]bool) {
	metrics, labels = make(map[string]bool), make(map[string]bool)
	for name, f := range o.gather() {
		if name == "target_info" || name == "otel_scope_info" {
			continue
		}
		metrics[name] = true
		for _, m := range f.GetMetric() {
			for label := range labelsOf(m.GetLabel()) {
				if !strings.HasPrefix(label, "otel_scope_") {
					labels[label] = true
				}
			}
		}
	}
	return metrics, labels
}

func TestREADMEListsTheMetrics(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	withMetrics(t, func(t *testing.T, o *observed) {
		metrics, labels := o.names()
		listed := make(map[string]bool)
		for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|").FindAllSubmatch(text, -1) {
			listed[string(row[1])] = true
		}
		if !maps.Equal(listed, metrics) {
			t.Errorf("README.md lists %q, want %q", slices.Sorted(maps.Keys(listed)), slices.Sorted(maps.Keys(metrics)))
		}
		for label := range labels {
			if !bytes.Contains(text, []byte("`"+label+"`")) {
				t.Errorf("README.md does not name the label %s", label)
			}
		}
	})
}

// A panel is a part of a dashboard of Grafana.
type panel struct {
	ID      int
	Type    string
	Title   string
	GridPos struct{ H, W, X, Y int }
	Targets []struct{ Expr, LegendFormat string }
}

func TestDashboardNamesOnlyMetricsThatExist(t *testing.T) {
	text, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Title      string
		UID        string
		Panels     []panel
		Templating struct{ List []struct{ Name string } }
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	withMetrics(t, func(t *testing.T, o *observed) {
		metrics, labels := o.names()
		for name, f := range o.gather() {
			if f.GetType() == dto.MetricType_HISTOGRAM {
				delete(metrics, name) // only the series exist
				for _, suffix := range []string{"_bucket", "_sum", "_count"} {
					metrics[name+suffix] = true
				}
			}
		}
		used := make(map[string]bool)
		for _, p := range dashboard.Panels {
			if p.Title == "" || p.GridPos.W == 0 || len(p.Targets) == 0 && p.Type != "row" {
				t.Errorf("panel %d %q is incomplete", p.ID, p.Title)
			}
			for _, target := range p.Targets {
				checkExpression(t, p.Title, target.Expr, metrics, labels, used)
				fields := regexp.MustCompile(`\{\{(.*?)\}\}`).FindAllStringSubmatch(target.LegendFormat, -1)
				for _, field := range fields {
					if name := strings.TrimSpace(field[1]); !labels[name] {
						t.Errorf("%s: the legend names %s, which is no label", p.Title, name)
					}
				}
			}
		}
		for name := range metrics {
			if base := strings.TrimSuffix(name, "_bucket"); !used[name] && name != base && !used[base+"_count"] {
				t.Errorf("no panel shows %s", base)
			}
		}
		if dashboard.Title == "" || dashboard.UID == "" || len(dashboard.Templating.List) != 1 {
			t.Errorf("dashboard %q %q has %d variables", dashboard.Title, dashboard.UID, len(dashboard.Templating.List))
		}
	})
}

// checkExpression checks the words of a PromQL expression: each is a metric, a label or a word of the language. It adds
// the metrics to used.
func checkExpression(t *testing.T, title, expr string, metrics, labels, used map[string]bool) {
	t.Helper()
	language := []string{"sum", "rate", "increase", "max", "by", "le", "time", "histogram_quantile", "or", "vector",
		"__rate_interval"}
	found := false
	for _, word := range regexp.MustCompile(`[A-Za-z_:][A-Za-z0-9_:]*`).FindAllString(
		regexp.MustCompile(`"[^"]*"`).ReplaceAllString(expr, `""`), -1) {
		switch {
		case metrics[word]:
			used[word], found = true, true
		case !labels[word] && !slices.Contains(language, word):
			t.Errorf("%s: %s in %q is neither a metric nor a label", title, word, expr)
		}
	}
	if !found {
		t.Errorf("%s: %q names no metric", title, expr)
	}
}
