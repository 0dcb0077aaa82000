package oss_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss"
)

func TestCatalogueR1TroubleThatPassesIsRetried(t *testing.T) {
	for _, tt := range []struct {
		name  string
		first answer
	}{
		{"500", refuses(500, "InternalError")},
		{"502 of a proxy", says(502, "<html>bad gateway</html>")},
		{"503", refuses(503, "ServiceUnavailable")},
		{"503 of a throttled bucket", refuses(503, "MetaOperationQpsLimitExceeded")},
		{"504", says(504, "")},
		{"429", says(429, "")},
		{"408", says(408, "")},
		{"400 RequestTimeout", refuses(400, "RequestTimeout")},
		{"400 IncompleteBody", refuses(400, "IncompleteBody")},
		{"refused connection", breaks(fmt.Errorf("dial tcp: %w", syscall.ECONNREFUSED))},
		{"reset connection", breaks(fmt.Errorf("write tcp: %w", syscall.ECONNRESET))},
		{"end of the line", breaks(io.ErrUnexpectedEOF)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := play(tt.first, tt.first, stores)
				part, err := s.client(t, oss.Config{}).UploadPart(t.Context(), upload, 1, strings.NewReader("body"),
					nil)
				if err != nil || part.ETag != etag("body") {
					t.Fatalf("UploadPart = %+v, %v", part, err)
				}
				for i, m := range s.messages() {
					if m.Body != "body" || m.Length != 4 {
						t.Errorf("attempt %d sent %q with Content-Length %d", i+1, m.Body, m.Length)
					}
				}
				w := s.waits()
				if len(w) != 2 || w[0] < 100*time.Millisecond || w[0] > 201*time.Millisecond ||
					w[1] < 200*time.Millisecond || w[1] > 401*time.Millisecond {
					t.Errorf("waited %v, want 100ms to 200ms, then 200ms to 400ms", w)
				}
			})
		})
	}
}

func TestCatalogueR2RefusalThatStaysIsNotRetried(t *testing.T) {
	for _, tt := range []struct {
		name string
		only answer
		want error
	}{
		{"403", refuses(403, "AccessDenied"), oss.ErrAccessDenied},
		{"403 SignatureDoesNotMatch", refuses(403, "SignatureDoesNotMatch"), oss.ErrSignatureMismatch},
		{"403 of keys that are not cached", refuses(403, "SecurityTokenExpired"), oss.Code("SecurityTokenExpired")},
		{"404 NoSuchUpload", refuses(404, "NoSuchUpload"), oss.ErrNoSuchUpload},
		{"404 NoSuchBucket", refuses(404, "NoSuchBucket"), oss.ErrNoSuchBucket},
		{"400", refuses(400, "InvalidArgument"), oss.Code("InvalidArgument")},
		{"409", refuses(409, "FileAlreadyExists"), oss.ErrAlreadyExists},
		{"501", refuses(501, "NotImplemented"), oss.Code("NotImplemented")},
		{"R9: 203 of a callback", refuses(203, "CallbackFailed", "ETag", `"ABC"`), oss.ErrCallbackFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := play(tt.only)
			_, err := s.client(t, oss.Config{}).PutObject(t.Context(), "bucket", "key", strings.NewReader("body"), nil)
			var refused *oss.ServiceError
			if !errors.As(err, &refused) || !errors.Is(err, tt.want) || refused.Attempts != 1 {
				t.Errorf("PutObject: %#v, want %v after 1 attempt", err, tt.want)
			}
			if n := len(s.messages()); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}

// A body can be an object that is read at the same time, and keys can come from another service with the same errors.
func TestRefusalOfAnotherRequestIsNoAnswer(t *testing.T) {
	other := &oss.ServiceError{Op: "GetObject", Bucket: "other", Key: "source", StatusCode: 503,
		Code: "ServiceUnavailable"}
	var asked int
	for _, tt := range []struct {
		name string
		body func() error
		keys oss.CredentialsProvider
		want string
	}{
		{"body", func() error { asked++; return other }, keys, "reading the body"},
		{"body that is damaged", func() error { asked++; return &oss.ChecksumError{Op: "GetObject"} }, keys,
			"reading the body"},
		{"keys", nil, oss.CredentialsFunc(func(context.Context) (oss.Credentials, error) {
			asked++
			return oss.Credentials{}, other
		}), "no credentials"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked = 0
			body := bodyFunc{4, func([]byte, int64) (int, error) { return 0, tt.body() }}
			c := play(stores).client(t, oss.Config{Credentials: tt.keys, Retry: oss.Retry{MinWait: 1, MaxWait: 1}})
			_, err := c.UploadPart(t.Context(), upload, 1, body, &oss.PartOptions{Checksum: oss.ChecksumNone})
			if err == nil || !strings.HasPrefix(err.Error(), "oss: UploadPart oss://bucket/dir/key part 1: "+tt.want) ||
				asked != 1 || other.Attempts != 0 {
				t.Errorf("UploadPart: %v after %d attempts, and the other has %d attempts", err, asked, other.Attempts)
			}
		})
	}
}

func TestCatalogueR9FailedCallbackSaysThatTheObjectExists(t *testing.T) {
	s := play(refuses(203, "CallbackFailed", "ETag", `"ABC"`))
	_, err := s.client(t, oss.Config{}).CompleteMultipartUpload(t.Context(), upload, []oss.Part{{Number: 1, ETag: "a"}},
		nil)
	var refused *oss.ServiceError
	if !errors.As(err, &refused) || refused.Header.Get("ETag") != `"ABC"` ||
		!strings.Contains(err.Error(), "the object has been stored") {
		t.Errorf("CompleteMultipartUpload: %v, want a ServiceError with the ETag that says the object is there", err)
	}
}

func TestAttemptsAreBounded(t *testing.T) {
	for _, tt := range []struct{ set, want int }{{0, 4}, {1, 1}, {7, 7}} {
		synctest.Test(t, func(t *testing.T) {
			s := play(refuses(503, "ServiceUnavailable"))
			_, err := s.client(t, oss.Config{Retry: oss.Retry{Attempts: tt.set}}).HeadObject(t.Context(), "bucket",
				"key", nil)
			var refused *oss.ServiceError
			if n := len(s.messages()); n != tt.want || !errors.As(err, &refused) || refused.Attempts != tt.want {
				t.Errorf("Attempts %d: %d requests, %v, want %d", tt.set, n, err, tt.want)
			}
		})
	}
}

// Row 134: the error of an operation that was given up says how long it was tried, whatever failed.
func TestErrorSaysHowLongItWasTried(t *testing.T) {
	wait := func(a answer) answer {
		return func(r *http.Request, body string) (*http.Response, error) {
			time.Sleep(time.Second)
			return a(r, body)
		}
	}
	for _, tt := range []struct {
		name string
		only answer
		want string
	}{
		{"refused", refuses(500, "InternalError"), ", after 3 attempts in 3.0 s"},
		{"broken", breaks(errors.New("broken")), ": after 3 attempts in 3.0 s: broken"},
		{"damaged", says(200, "", "ETag", `"A"`), ", after 3 attempts in 3.0 s"},
		{"damaged, says OSS", refuses(400, "InvalidDigest"), ", after 3 attempts in 3.0 s"},
		{"refused once", refuses(403, "AccessDenied"), "no., request ID 5C3D9175B6FC201293AD4890"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := play(wait(tt.only)).client(t, oss.Config{Retry: oss.Retry{Attempts: 3, MinWait: 1, MaxWait: 1}})
				_, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader("body"), nil)
				if err == nil || !strings.HasSuffix(err.Error(), tt.want) {
					t.Errorf("UploadPart: %v, want %s", err, tt.want)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		c := play(wait(refuses(503, "ServiceUnavailable", "Retry-After", "60"))).client(t, oss.Config{})
		_, err := c.HeadObject(ctx, "bucket", "key", nil)
		if !errors.Is(err, context.DeadlineExceeded) ||
			!strings.Contains(err.Error(), "context deadline exceeded, after 1 attempt in 2.5 s: oss: HeadObject") {
			t.Errorf("HeadObject: %v, want the deadline after 2.5 s", err)
		}
	})
}

func TestRetryAfterIsObeyed(t *testing.T) {
	date := func(d time.Duration) func() string {
		return func() string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	}
	text := func(s string) func() string { return func() string { return s } }
	for _, tt := range []struct {
		name     string
		header   func() string
		from, to time.Duration
	}{
		{"seconds", text("7"), 7 * time.Second, 7 * time.Second},
		{"more than MaxWait", text("90"), 90 * time.Second, 90 * time.Second},
		{"capped", text("86400"), 5 * time.Minute, 5 * time.Minute},
		{"at once", text("0"), 0, 1},
		{"date", date(30 * time.Second), 30 * time.Second, 30 * time.Second},
		{"date that has passed", date(-time.Hour), 0, 1},
		{"distant date", date(time.Hour), 5 * time.Minute, 5 * time.Minute},
		{"nonsense", text("later"), 100 * time.Millisecond, 201 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := play(refuses(503, "ServiceUnavailable", "Retry-After", tt.header()), says(200, ""))
				if _, err := s.client(t, oss.Config{}).HeadObject(t.Context(), "bucket", "key", nil); err != nil {
					t.Fatal(err)
				}
				if w := s.waits(); len(w) != 1 || w[0] < tt.from || w[0] > tt.to {
					t.Errorf("waited %v, want %v to %v", w, tt.from, tt.to)
				}
			})
		})
	}
}

func TestCatalogueR4CancelledWhileWaitingReturnsAtOnce(t *testing.T) {
	cancelled := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(time.Second, cancel)
		return ctx, cancel
	}
	deadline := func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, time.Second)
	}
	for _, tt := range []struct {
		name string
		ctx  func(context.Context) (context.Context, context.CancelFunc)
		want error
	}{
		{"cancelled", cancelled, context.Canceled},
		{"deadline", deadline, context.DeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := tt.ctx(t.Context())
				defer cancel()
				began := time.Now()
				s := play(refuses(503, "ServiceUnavailable", "Retry-After", "60"))
				_, err := s.client(t, oss.Config{}).HeadObject(ctx, "bucket", "key", nil)
				if d := time.Since(began); d != time.Second {
					t.Errorf("returned after %v, want 1s", d)
				}
				if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), "503 ServiceUnavailable") {
					t.Errorf("HeadObject: %v, want %v and the refusal that was being retried", err, tt.want)
				}
			})
		})
	}
}

func TestCatalogueR4CancelledInFlightReturnsAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(ctx context.Context, c *oss.Client) error
	}{
		{"waiting for a reply", func(ctx context.Context, c *oss.Client) error {
			_, err := c.HeadObject(ctx, "bucket", "key", nil)
			return err
		}},
		{"sending", func(ctx context.Context, c *oss.Client) error {
			_, err := c.UploadPart(ctx, upload, 1, strings.NewReader(content(1<<20)),
				&oss.PartOptions{Checksum: oss.ChecksumNone})
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				line := newRawServer(t, func(c *serverConn) { c.receive(100) }) // then silence
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { cancel(errors.New("the user's own reason")) })
				began := time.Now()
				err := tt.do(ctx, line.client(t, oss.Config{}))
				if d := time.Since(began); d != time.Second || !errors.Is(err, context.Canceled) {
					t.Errorf("returned %v after %v, want context.Canceled after 1s", err, d)
				}
			})
		})
	}
}

func TestCatalogueR4CancelledBeforehandSendsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := play(stores)
	c := s.client(t, oss.Config{})
	_, err := c.HeadObject(ctx, "bucket", "key", nil)
	read := 0
	body := bodyFunc{size: 1 << 40 >> 8,
		read: func(p []byte, _ int64) (int, error) { read += len(p); return len(p), nil }}
	_, err2 := c.UploadPart(ctx, upload, 1, body, nil)
	if !errors.Is(err, context.Canceled) || !errors.Is(err2, context.Canceled) {
		t.Errorf("HeadObject: %v, UploadPart: %v, want context.Canceled", err, err2)
	}
	if n := len(s.messages()); n != 0 || read > 1<<20 {
		t.Errorf("%d requests were sent, %d bytes read for a checksum", n, read)
	}
}

func TestCatalogueR8ForeignRepliesAreToldApart(t *testing.T) {
	const page = "<html><body>Please log in to the hotel's network</body></html>"
	list := `<ListPartsResult><Part><PartNumber>1</PartNumber><ETag>"A"</ETag></Part>`
	for _, tt := range []struct {
		name string
		only answer
		want []string
	}{
		{"page with a status", says(502, page), []string{"502 Bad Gateway", "not from OSS", "Please log in"}},
		{"nothing with a status", says(503, ""), []string{"503 Service Unavailable"}},
		{"half a refusal", says(500, "<Error><Code>Intern"), []string{"500", "<Error><Code>Intern"}},
		{"page instead of a list", says(200, page), []string{"status 200", "Please log in"}},
		{"nothing instead of a list", says(200, ""), []string{"status 200", "EOF"}},
		{"half a list", says(200, list), []string{"status 200", "unexpected EOF"}},
		{"list with something behind", says(200, list+"</ListPartsResult><!-- --> x"),
			[]string{"status 200", "after the root"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := play(tt.only)
				_, err := s.client(t, oss.Config{}).ListParts(t.Context(), upload, nil)
				for _, want := range tt.want {
					if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
						t.Errorf("ListParts: %v, want one line that says %q", err, want)
					}
				}
				if n := len(s.messages()); n != 4 {
					t.Errorf("%d requests, want 4", n)
				}
			})
		})
	}
}

func TestHalfAListLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := `<ListPartsResult><Part><PartNumber>1</PartNumber><ETag>"A"</ETag></Part>`
		s := play(says(200, list), says(200, list+"</ListPartsResult>"))
		page, err := s.client(t, oss.Config{}).ListParts(t.Context(), upload, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]oss.Part{{Number: 1, ETag: `"A"`}}, page.Parts); diff != "" {
			t.Errorf("parts (-want +got):\n%s", diff)
		}
	})
}
