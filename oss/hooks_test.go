package oss_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ossmultipart/go-oss/oss"
)

// spanKey is where OnStart leaves a span.
type spanKey struct{}

func TestHooksSeeEveryStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		var attempts []oss.Attempt
		see := func(ctx context.Context, what string, op oss.Operation) {
			got = append(got, fmt.Sprint(what, " ", op.Name, " in ", ctx.Value(spanKey{})))
			want := oss.Operation{Name: "UploadPart", Bucket: "bucket", Key: "dir/key", UploadID: upload.ID,
				PartNumber: 7, Size: 4, Method: "PUT", URL: op.URL}
			if op != want || op.URL.String() != "https://bucket.oss-cn-hangzhou.aliyuncs.com/dir/key?"+
				"partNumber=7&uploadId=0123456789ABCDEF" {
				t.Errorf("%s of %+v, want %+v", what, op, want)
			}
		}
		busy := refuses(503, "ServiceUnavailable", "Retry-After", "3")
		s := play(func(r *http.Request, body string) (*http.Response, error) {
			time.Sleep(2 * time.Second)
			got = append(got, fmt.Sprint("sent in ", r.Context().Value(spanKey{})))
			return busy(r, body)
		}, stores)
		var last error
		c := s.client(t, oss.Config{Hooks: oss.Hooks{
			OnStart: func(ctx context.Context, op oss.Operation) context.Context {
				see(ctx, "start", op)
				return context.WithValue(ctx, spanKey{}, "span")
			},
			OnAttempt: func(ctx context.Context, op oss.Operation, a oss.Attempt) {
				see(ctx, "attempt", op)
				attempts = append(attempts, a)
			},
			OnEnd: func(ctx context.Context, op oss.Operation, err error) { see(ctx, "end", op); last = err },
		}})
		if _, err := c.UploadPart(t.Context(), upload, 7, strings.NewReader("body"), nil); err != nil || last != nil {
			t.Errorf("UploadPart: %v, OnEnd got %v", err, last)
		}
		want := []string{"start UploadPart in <nil>", "sent in span", "attempt UploadPart in span",
			"attempt UploadPart in span", "end UploadPart in span"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		if len(attempts) != 2 || !errors.Is(attempts[0].Err, oss.Code("ServiceUnavailable")) {
			t.Fatalf("attempts are %+v", attempts)
		}
		wantAttempts := []oss.Attempt{
			{Number: 1, StatusCode: 503, RequestID: "5C3D9175B6FC201293AD4890", Sent: 4, Duration: 2 * time.Second,
				RetryIn: 3 * time.Second},
			{Number: 2, StatusCode: 200, Sent: 4},
		}
		for i, ago := range []time.Duration{5 * time.Second, 0} { // 2 s for the first attempt, 3 s between them
			wantAttempts[i].Start = time.Now().Add(-ago)
		}
		if diff := cmp.Diff(wantAttempts, attempts, cmpopts.IgnoreFields(oss.Attempt{}, "Err")); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
	})
}

// A span of an attempt that OnAttempt makes begins before the keys are fetched. A signature in the URL, as presigned
// URLs have it, is not shown to hooks.
func TestHooksSeeWhenAnAttemptBeganAndNoSignature(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := oss.CredentialsFunc(func(context.Context) (oss.Credentials, error) {
			time.Sleep(7 * time.Second)
			return oss.Credentials{AccessKeyID: "id", AccessKeySecret: "secret", SecurityToken: "token"}, nil
		})
		began := time.Now()
		calls := 0
		c := play(stores).client(t, oss.Config{Credentials: slow, Hooks: oss.Hooks{
			OnAttempt: func(_ context.Context, op oss.Operation, a oss.Attempt) {
				calls++
				if !a.Start.Equal(began) || a.Duration != 0 || strings.Contains(fmt.Sprintf("%+v", op), "token") {
					t.Errorf("%+v of %+v began %v after the call", a, op, a.Start.Sub(began))
				}
			},
		}})
		if _, err := c.UploadPart(t.Context(), upload, 7, strings.NewReader("body"), nil); err != nil || calls != 1 {
			t.Errorf("UploadPart: %v, %d attempts", err, calls)
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		began = time.Now()
		if _, err := c.UploadPart(over, upload, 7, strings.NewReader("body"), nil); err == nil || calls != 1 {
			t.Errorf("a cancelled UploadPart: %v, %d attempts in all", err, calls)
		}
	})
}

func TestNothingComesAfterTheLastAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waits []time.Duration
		c := play(refuses(503, "ServiceUnavailable", "Retry-After", "3")).client(t, oss.Config{
			Retry: oss.Retry{Attempts: 2},
			Hooks: oss.Hooks{OnAttempt: func(_ context.Context, _ oss.Operation, a oss.Attempt) {
				waits = append(waits, a.RetryIn)
			}},
		})
		c.HeadObject(t.Context(), "bucket", "key", nil)
		if diff := cmp.Diff([]time.Duration{3 * time.Second, 0}, waits); diff != "" {
			t.Errorf("RetryIn (-want +got):\n%s", diff)
		}
	})
}

func TestOnEndGetsTheErrorOfTheCaller(t *testing.T) {
	for _, tt := range []struct {
		name string
		only answer
	}{
		{"refused", refuses(403, "AccessDenied")},
		{"broken", breaks(errors.New("broken"))},
		{"damaged", says(200, "", "ETag", `"A"`)},
		{"invalid digest", refuses(400, "InvalidDigest")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var ended []error
			c := play(tt.only).client(t, oss.Config{
				Retry: oss.Retry{MinWait: 1, MaxWait: 1},
				Hooks: oss.Hooks{OnEnd: func(_ context.Context, _ oss.Operation, err error) {
					ended = append(ended, err)
				}},
			})
			_, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader("body"), nil)
			if err == nil || len(ended) != 1 || ended[0] != err {
				t.Errorf("UploadPart: %v, OnEnd got %v", err, ended)
			}
		})
	}
}

// A hook may keep the error, for a log that is written later.
func TestErrorOfAnAttemptStaysAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []int
		var texts sync.WaitGroup // read beside the call: the race detector would see a write
		c := play(refuses(503, "ServiceUnavailable")).client(t, oss.Config{Retry: oss.Retry{Attempts: 2},
			Hooks: oss.Hooks{OnAttempt: func(_ context.Context, _ oss.Operation, a oss.Attempt) {
				seen = append(seen, a.Err.(*oss.ServiceError).Attempts)
				texts.Go(func() { _ = a.Err.Error() })
			}}})
		if _, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader("body"), nil); err == nil {
			t.Error("no error")
		}
		texts.Wait()
		if !slices.Equal(seen, []int{1, 2}) {
			t.Errorf("the errors of two attempts have Attempts %v", seen)
		}
	})
}

// logged returns what fn logs at level and above, without times and durations.
func logged(level slog.Level, fn func(*slog.Logger)) string {
	var b bytes.Buffer
	fn(slog.New(slog.NewTextHandler(&b,
		&slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "took" {
				return slog.Attr{}
			}
			return a
		}})))
	return b.String()
}

func TestAttemptsAreLogged(t *testing.T) {
	run := func(log *slog.Logger) {
		s := play(refuses(503, "ServiceUnavailable", "Retry-After", "0"), stores)
		if _, err := s.client(t, oss.Config{Logger: log}).UploadPart(t.Context(), upload, 7, strings.NewReader("body"),
			nil); err != nil {
			t.Error(err)
		}
		if _, err := play(refuses(404, "NoSuchKey")).client(t, oss.Config{Logger: log}).HeadObject(t.Context(),
			"bucket", "a\nb", nil); err == nil {
			t.Error("no error")
		}
	}
	const id = "5C3D9175B6FC201293AD4890"
	const retried = `level=WARN msg="oss request" op=UploadPart bucket=bucket key=dir/key part=7 attempt=1 ` +
		`status=503 request_id=` + id +
		` error="oss: UploadPart oss://bucket/dir/key part 7: 503 ServiceUnavailable: no., ` +
		`request ID ` + id + `" retry_in=1ns` + "\n"
	const rest = `level=DEBUG msg="oss request" op=UploadPart bucket=bucket key=dir/key part=7 attempt=2 ` +
		`status=200 request_id=""` + "\n" +
		`level=DEBUG msg="oss request" op=HeadObject bucket=bucket key="a\nb" attempt=1 status=404 request_id=` + id +
		` error="oss: HeadObject oss://bucket/a\\nb: 404 NoSuchKey: no., request ID ` + id + `"` + "\n"
	for _, tt := range []struct {
		level slog.Level
		want  string
	}{{slog.LevelDebug, retried + rest}, {slog.LevelWarn, retried}, {slog.LevelError, ""}} {
		if diff := cmp.Diff(tt.want, logged(tt.level, run)); diff != "" {
			t.Errorf("log at %v (-want +got):\n%s", tt.level, diff)
		}
	}
}

func TestOnStartNeedNotReturnAContext(t *testing.T) {
	c := play(says(200, "")).client(t, oss.Config{Hooks: oss.Hooks{
		OnStart: func(context.Context, oss.Operation) context.Context { return nil },
	}})
	if _, err := c.HeadObject(t.Context(), "bucket", "key", nil); err != nil {
		t.Error(err)
	}
}
