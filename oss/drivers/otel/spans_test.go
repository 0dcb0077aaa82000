package ossotel_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	ossotel "github.com/ossmultipart/go-oss/oss/drivers/otel"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// one is an Uploader that sends one part after the other.
var one = multipart.Options{Concurrency: 1}

func TestAnUploadHasSpansOfPartsAndAttempts(t *testing.T) {
	inBubble(t, func(t *testing.T, o *observed) {
		o.srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2, Times: 1,
			Effect: osstest.Fail(503, "ServiceUnavailable")})
		o.srv.Inject(osstest.Fault{Effect: osstest.Delay(time.Second)})
		if _, err := o.uploader(one).Upload(t.Context(), bucket, key, bytes.NewReader(data(250)), nil); err != nil {
			t.Fatal(err)
		}
		const want = `upload
	InitiateMultipartUpload
		POST
	UploadPart 1
		PUT 1
	UploadPart 2
		PUT 2 ServiceUnavailable
		PUT 2
	UploadPart 3
		PUT 3
	CompleteMultipartUpload
		POST
`
		if got := o.tree(); got != want {
			t.Errorf("spans:\n%swant:\n%s", got, want)
		}
	})
}

func TestDownloadsHaveSpans(t *testing.T) {
	const want = `download
	HeadObject
		HEAD
	GetObject
		GET
	GetObject
		GET
	GetObject
		GET
`
	serial := multipart.DownloadOptions{Concurrency: 1}
	for name, download := range map[string]func(o *observed) error{
		"WriterAt": func(o *observed) error {
			_, err := o.downloader(serial).Download(o.t.Context(), bucket, key, make(bytesAt, 250), nil)
			return err
		},
		"file": func(o *observed) error {
			path := filepath.Join(o.t.TempDir(), "f")
			_, err := o.downloader(serial).DownloadFile(o.t.Context(), bucket, key, path, nil)
			return err
		},
		"Reader": func(o *observed) error {
			r, err := o.downloader(serial).NewReader(o.t.Context(), bucket, key, nil)
			if err != nil {
				return err
			}
			defer r.Close()
			_, err = io.Copy(io.Discard, r)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, o *observed) {
				o.srv.PutObject(bucket, key, data(250))
				o.srv.Inject(osstest.Fault{Effect: osstest.Delay(time.Second)})
				if err := download(o); err != nil {
					t.Fatal(err)
				}
				if got := o.tree(); got != want {
					t.Errorf("spans:\n%swant:\n%s", got, want)
				}
			})
		})
	}
}

// attributes renders those of the only span with a name.
func (o *observed) attributes(name string) string {
	var found []string
	for _, span := range o.spans.Ended() {
		if span.Name() != name {
			continue
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%s %s %s\n", span.SpanKind(), span.Status().Code, span.Status().Description)
		sorted := attribute.NewSet(span.Attributes()...)
		for _, a := range sorted.ToSlice() {
			fmt.Fprintf(&b, "%s=%s\n", a.Key, a.Value.String())
		}
		found = append(found, b.String())
	}
	return strings.Join(found, "\n")
}

func TestSpansHaveTheNamesOfTheConventions(t *testing.T) {
	inBubble(t, func(t *testing.T, o *observed) {
		o.srv.Inject(osstest.Fault{Op: "UploadPart", Times: 1, Effect: osstest.Fail(503, "SlowDown")})
		up, err := o.client.InitiateMultipartUpload(t.Context(), bucket, key, nil)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := o.client.UploadPart(t.Context(), up, 7, bytes.NewReader(data(100)), nil); err != nil {
			t.Fatal(err)
		}
		took := time.Since(began)
		if err := o.client.AbortMultipartUpload(t.Context(), up); err != nil {
			t.Fatal(err)
		}
		var id []string
		var waited time.Duration
		for _, span := range o.spans.Ended() {
			if level(span) == operation && span.Name() == "UploadPart" && span.EndTime().Sub(span.StartTime()) != took {
				t.Errorf("the span of UploadPart lasts from %v to %v, want %v", span.StartTime(), span.EndTime(), took)
			}
			if level(span) == attempt {
				id = append(id, get(span, "http.response.header.x-oss-request-id"))
				waited += span.EndTime().Sub(span.StartTime())
			}
		}
		const part = `aws.s3.bucket=bucket
aws.s3.key=dir/key
aws.s3.part_number=7
aws.s3.upload_id=%s
cloud.provider=alibaba_cloud
`
		const server = `server.address=bucket.oss-cn-hangzhou.aliyuncs.com
server.port=443
`
		want := fmt.Sprintf("client Unset \n"+part+`rpc.method=UploadPart
rpc.system.name=alibabacloud.oss
`+server, up.ID)
		if got := o.attributes("UploadPart"); got != want {
			t.Errorf("operation:\n%s\nwant:\n%s", got, want)
		}
		if len(id) != 4 {
			t.Fatalf("%d attempts", len(id))
		}
		if got := o.attributes("PUT"); !strings.Contains(got, "oss.attempt.retry_in=") {
			t.Errorf("attempts:\n%s\nwithout retry_in", got)
		}
		const url = "url.full=https://bucket.oss-cn-hangzhou.aliyuncs.com/dir/key\n"
		second := fmt.Sprintf("client Unset \n"+part+`http.request.body.size=100
http.request.method=PUT
http.request.resend_count=1
http.response.header.x-oss-request-id=%s
http.response.status_code=200
oss.attempt.sent=100
`+server+url, up.ID, id[2])
		if _, got, _ := strings.Cut(o.attributes("PUT"), "\n\n"); got != second {
			t.Errorf("second attempt:\n%s\nwant:\n%s", got, second)
		}
	})
}

// known are the keys of semantic conventions that spans may have. Any other key begins with "oss.".
var known = []attribute.Key{
	semconv.CloudProviderKey, semconv.ErrorTypeKey, semconv.RPCSystemNameKey, semconv.RPCMethodKey,
	semconv.AWSS3BucketKey, semconv.AWSS3KeyKey, semconv.AWSS3PartNumberKey, semconv.AWSS3UploadIDKey,
	semconv.ServerAddressKey, semconv.ServerPortKey, semconv.URLFullKey, semconv.HTTPRequestMethodKey,
	semconv.HTTPRequestBodySizeKey, semconv.HTTPRequestResendCountKey, semconv.HTTPResponseStatusCodeKey,
	semconv.HTTPResponseHeader("x-oss-request-id").Key,
}

// checkKeys checks that every attribute is of the conventions or begins with "oss.", and that all text is UTF-8.
func checkKeys(t *testing.T, spans []sdktrace.ReadOnlySpan) {
	t.Helper()
	ok := make(map[attribute.Key]bool)
	for _, k := range known {
		ok[k] = true
	}
	for _, span := range spans {
		all := span.Attributes()
		for _, e := range span.Events() {
			all = append(all, e.Attributes...)
		}
		if text := fmt.Sprint(span.Name(), span.Status(), all); !utf8.ValidString(text) {
			t.Errorf("%q is not UTF-8, as exporters demand", text)
		}
		for _, a := range all {
			if !ok[a.Key] && !strings.HasPrefix(string(a.Key), "oss.") {
				t.Errorf("%s has an attribute %s, which is not of the conventions", span.Name(), a.Key)
			}
		}
	}
}

func TestSpansTellHowATransferEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := observe(t, ossotel.Options{}, nil)
		o.srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 3, Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		_, err := o.uploader(one).Upload(t.Context(), bucket, key, bytes.NewReader(data(950)), nil)
		if !errors.Is(err, oss.ErrAccessDenied) {
			t.Fatal(err)
		}
		o.checkSpans()
		want := fmt.Sprintf(`internal Error %v
aws.s3.bucket=bucket
aws.s3.key=dir/key
cloud.provider=alibaba_cloud
error.type=AccessDenied
oss.transfer.complete=false
oss.transfer.direction=upload
oss.transfer.hedges=0
oss.transfer.moved=200
oss.transfer.parts=2
oss.transfer.requests=6
oss.transfer.retries=0
oss.transfer.reused_parts=0
oss.transfer.size=950
oss.transfer.waited=0
`, err)
		if got := o.attributes("upload"); got != want {
			t.Errorf("upload:\n%s\nwant:\n%s", got, want)
		}
		checkKeys(t, o.spans.Ended())
	})
}

// A part that is sent twice has two operations, of which one is cancelled.
func TestAPartThatIsSentTwiceHasTwoOperations(t *testing.T) {
	inBubble(t, func(t *testing.T, o *observed) {
		o.srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 15, Times: 1, Effect: osstest.Delay(4 * time.Minute)})
		o.srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Delay(time.Second)})
		_, err := o.uploader(multipart.Options{Concurrency: 2}).
			Upload(t.Context(), bucket, key, bytes.NewReader(data(2000)), nil)
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, span := range o.spans.Ended() {
			if level(span) == operation && get(span, semconv.AWSS3PartNumberKey) == "15" {
				kinds = append(kinds, get(span, semconv.ErrorTypeKey))
			}
		}
		slices.Sort(kinds)
		if n := o.sum("oss_transfer_hedges_total"); !slices.Equal(kinds, []string{"", "canceled"}) || n != 1 {
			t.Errorf("part 15 has operations with the errors %q; oss_transfer_hedges_total is %v", kinds, n)
		}
	})
}

func TestASpanOfTheCallerIsTheParent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := observe(t, ossotel.Options{}, nil)
		ctx, caller := sdktrace.NewTracerProvider().Tracer("caller").Start(t.Context(), "caller")
		defer caller.End()
		o.srv.PutObject(bucket, key, data(250))
		if _, err := o.client.HeadObject(ctx, bucket, key, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := o.uploader(one).Upload(ctx, bucket, key, bytes.NewReader(data(250)), nil); err != nil {
			t.Fatal(err)
		}
		children := 0
		for _, span := range o.spans.Ended() {
			if span.SpanContext().TraceID() != caller.SpanContext().TraceID() {
				t.Errorf("%s is in another trace", span.Name())
			}
			if span.Parent().SpanID() == caller.SpanContext().SpanID() {
				children++
			}
		}
		if children != 2 {
			t.Errorf("the caller has %d children, want HeadObject and the upload", children)
		}
	})
}

func TestOmitKeysLeavesOutWhatNamesAnObject(t *testing.T) {
	for _, omit := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			o := observe(t, ossotel.Options{OmitKeys: omit}, nil)
			o.srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2, Effect: osstest.Fail(403, oss.ErrAccessDenied)})
			plan := multipart.Options{Concurrency: 1, KeepParts: true}
			_, err := o.uploader(plan).Upload(t.Context(), bucket, "private/name", bytes.NewReader(data(250)), nil)
			var failed *multipart.UploadError
			if !errors.As(err, &failed) || failed.Plan.Upload.ID == "" {
				t.Fatal(err)
			}
			var all strings.Builder
			for _, span := range o.spans.Ended() {
				fmt.Fprintln(&all, span.Name(), span.Attributes(), span.Events(), span.Status())
			}
			for _, secret := range []string{"private", failed.Plan.Upload.ID} {
				if strings.Contains(all.String(), secret) == omit {
					t.Errorf("OmitKeys %t: the spans have %q: %t", omit, secret, !omit)
				}
			}
			for _, secret := range []string{o.srv.Config().Credentials.(oss.Credentials).AccessKeySecret, "Signature"} {
				if strings.Contains(all.String(), secret) {
					t.Errorf("the spans have the secret %q", secret)
				}
			}
			if !strings.Contains(all.String(), "AccessDenied") {
				t.Errorf("OmitKeys %t: the spans do not have the error", omit)
			}
		})
	}
}

// Hooks of another program may replace the context; then there is no span, and no panic.
func TestHooksWithoutTheirContextDoNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := observe(t, ossotel.Options{}, func(cfg *oss.Config) {
			start := cfg.Hooks.OnStart
			cfg.Hooks.OnStart = func(ctx context.Context, op oss.Operation) context.Context {
				trace.SpanFromContext(start(ctx, op)).End()
				return ctx
			}
		})
		hooks := o.tel.UploadHooks()
		hooks.OnStart = nil
		up := multipart.NewUploader(o.client, &multipart.Options{PartSize: 100, Hooks: hooks})
		if _, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(250)), nil); err != nil {
			t.Fatal(err)
		}
		for _, span := range o.spans.Ended() {
			if level(span) != operation || span.Status().Code != codes.Unset {
				t.Errorf("span %s", span.Name())
			}
		}
	})
}
