package oss_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/oss"
)

// A gate is a flow.Gate that waits for a second and keeps what it was asked.
type gate struct {
	failures []flow.Failure
	after    error // what it returns from the second failure on; nil never ends the operation
}

func (g *gate) Begin(context.Context) (flow.Attempts, error) { return g, nil }

func (g *gate) Retry(ctx context.Context, f flow.Failure) error {
	g.failures = append(g.failures, f)
	if len(g.failures) > 1 && g.after != nil {
		return g.after
	}
	select {
	case <-time.After(time.Second):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// kinds returns what the gate was asked, as "1 outage".
func (g *gate) kinds() []string {
	var all []string
	for _, f := range g.failures {
		all = append(all, fmt.Sprint(f.Attempt, " ", f.Kind))
	}
	return all
}

// playAnswered returns a Client that OSS has answered once, with a success; answers follow.
func playAnswered(t *testing.T, cfg oss.Config, answers ...answer) (*script, *oss.Client) {
	t.Helper()
	s := play(append([]answer{says(200, "")}, answers...)...)
	c := s.client(t, cfg)
	if _, err := c.HeadObject(t.Context(), "bucket", "key", nil); err != nil {
		t.Fatal(err)
	}
	return s, c
}

var (
	reset   = breaks(fmt.Errorf("read tcp: %w", syscall.ECONNRESET))
	refused = breaks(fmt.Errorf("dial tcp: %w", syscall.ECONNREFUSED))
	busy    = refuses(503, "ServiceUnavailable", "Retry-After", "7")
	failing = refuses(500, "InternalError")
)

// R3, row 134: a Gate bounds throttling and outages; Retry.Attempts bounds the rest.
func TestGateIsAskedBeforeEveryRepetition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		var waits []time.Duration
		_, c := playAnswered(t, oss.Config{
			Retry: oss.Retry{Attempts: 3},
			Hooks: oss.Hooks{OnAttempt: func(_ context.Context, op oss.Operation, a oss.Attempt) {
				if op.Name == "UploadPart" {
					seen = append(seen, fmt.Sprint(a.Number, " ", a.StatusCode))
					waits = append(waits, a.RetryIn)
				}
			}},
		}, busy, reset, failing, says(502, "<html>"), busy, failing, reset, stores)
		g := &gate{}
		began := time.Now()
		part, err := c.UploadPart(flow.WithGate(t.Context(), g), upload, 1, strings.NewReader("body"), nil)
		if err != nil || part.ETag != etag("body") {
			t.Fatalf("UploadPart = %+v, %v", part, err)
		}
		want := []string{"1 throttling", "2 outage", "3 temporary failure", "4 outage", "5 throttling",
			"6 temporary failure",
			"7 outage"}
		if diff := cmp.Diff(want, g.kinds()); diff != "" {
			t.Errorf("failures (-want +got):\n%s", diff)
		}
		if d := time.Since(began); d < 7*time.Second || d > 7*time.Second+time.Microsecond {
			t.Errorf("took %v, want the 7s of the Gate and no other wait", d)
		}
		if g.failures[0].Wait != 7*time.Second || !errors.Is(g.failures[1].Err, syscall.ECONNRESET) {
			t.Errorf("failures are %+v", g.failures)
		}
		for i, f := range g.failures {
			if f.Wait <= 0 || f.Wait != waits[i] || f.Wait > 7*time.Second {
				t.Errorf("failure %d has Wait %v, the hook was told %v", i+1, f.Wait, waits[i])
			}
		}
		wantSeen := []string{"1 503", "2 0", "3 500", "4 502", "5 503", "6 500", "7 0", "8 200"}
		if diff := cmp.Diff(wantSeen, seen); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
	})
}

func TestAttemptsBoundOnlyTemporaryFailuresBehindAGate(t *testing.T) {
	for _, tt := range []struct {
		name     string
		answers  []answer
		attempts int
		asked    []string
		want     error
	}{
		{"temporary", []answer{failing}, 3,
			[]string{"1 temporary failure", "2 temporary failure"}, oss.Code("InternalError")},
		{"throttled between", []answer{failing, busy, busy, failing, reset, failing, stores}, 6,
			[]string{"1 temporary failure", "2 throttling", "3 throttling", "4 temporary failure", "5 outage"},
			oss.Code("InternalError")},
		{"for good", []answer{busy, refuses(403, "AccessDenied")}, 2, []string{"1 throttling"}, oss.ErrAccessDenied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c := playAnswered(t, oss.Config{Retry: oss.Retry{Attempts: 3}}, tt.answers...)
				g := &gate{}
				_, err := c.UploadPart(flow.WithGate(t.Context(), g), upload, 1, strings.NewReader("body"), nil)
				var refused *oss.ServiceError
				if !errors.Is(err, tt.want) || !errors.As(err, &refused) || refused.Attempts != tt.attempts {
					t.Errorf("UploadPart: %v, want %v after %d attempts", err, tt.want, tt.attempts)
				}
				if diff := cmp.Diff(tt.asked, g.kinds()); diff != "" {
					t.Errorf("failures (-want +got):\n%s", diff)
				}
				if n := len(s.messages()) - 1; n != tt.attempts {
					t.Errorf("%d requests, want %d", n, tt.attempts)
				}
			})
		})
	}
}

// R9: a wrong endpoint fails at once, whatever the patience.
func TestBeforeTheFirstAnswerNothingIsAnOutage(t *testing.T) {
	for _, only := range []answer{refused, reset, says(502, "<html>"), says(200, "<html>")} {
		synctest.Test(t, func(t *testing.T) {
			s, g := play(only), &gate{}
			_, err := s.client(t, oss.Config{}).ListParts(flow.WithGate(t.Context(), g), upload, nil)
			want := []string{"1 temporary failure", "2 temporary failure", "3 temporary failure"}
			if diff := cmp.Diff(want, g.kinds()); err == nil || diff != "" {
				t.Errorf("ListParts: %v, failures (-want +got):\n%s", err, diff)
			}
		})
	}
}

// Any answer of OSS shows that the endpoint is right, a refusal too; that of a proxy does not.
func TestOutagesBeginWithTheFirstAnswerOfOSS(t *testing.T) {
	for _, tt := range []struct {
		name  string
		first answer
		want  flow.Kind
	}{
		{"refusal", refuses(404, "NoSuchKey"), flow.Outage},
		{"refusal to HEAD", says(403, "", "x-oss-request-id", "5C3D9175B6FC201293AD4890"), flow.Outage},
		{"success", says(200, "<ListPartsResult></ListPartsResult>"), flow.Outage},
		{"page of a proxy", says(403, "<html>"), flow.Temporary},
		{"success of a proxy", says(200, "<html>"), flow.Temporary},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, g := play(tt.first, reset), &gate{after: errors.New("enough")}
				c := s.client(t, oss.Config{Retry: oss.Retry{Attempts: 1}})
				c.ListParts(t.Context(), upload, nil)
				c.ListParts(flow.WithGate(t.Context(), g), upload, nil)
				var want []string // one attempt of a temporary failure is all that Attempts allows
				if tt.want == flow.Outage {
					want = []string{"1 outage", "2 outage"}
				}
				if diff := cmp.Diff(want, g.kinds()); diff != "" {
					t.Errorf("failures (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestDoTellsAnAnswerOfOSSByItsRequestID(t *testing.T) {
	for _, tt := range []struct {
		first answer
		asked int
	}{{says(200, "<html>"), 0}, {says(200, "", "x-oss-request-id", "5C3D9175B6FC201293AD4890"), 2}} {
		synctest.Test(t, func(t *testing.T) {
			s, g := play(tt.first, reset), &gate{after: errors.New("enough")}
			c := s.client(t, oss.Config{Retry: oss.Retry{Attempts: 1}})
			for range 2 {
				if resp, err := c.Do(flow.WithGate(t.Context(), g), &oss.Request{Bucket: "bucket"}); err == nil {
					resp.Body.Close()
				}
			}
			if len(g.failures) != tt.asked {
				t.Errorf("the Gate was asked %v, want %d times", g.kinds(), tt.asked)
			}
		})
	}
}

func TestGateThatGivesUpEndsTheOperation(t *testing.T) {
	enough := errors.New("patience has ended")
	for _, tt := range []struct {
		name   string
		answer answer
		want   error
	}{
		{"refused connection", refused, syscall.ECONNREFUSED},
		{"throttled", busy, oss.Code("ServiceUnavailable")},
		{"damaged", refuses(400, "InvalidDigest"), oss.ErrInvalidDigest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ended error
				hooks := oss.Hooks{OnEnd: func(_ context.Context, _ oss.Operation, err error) { ended = err }}
				s, c := playAnswered(t, oss.Config{Hooks: hooks}, tt.answer)
				_, err := c.UploadPart(flow.WithGate(t.Context(), &gate{after: enough}), upload, 1,
					strings.NewReader("body"), nil)
				if !errors.Is(err, enough) || !errors.Is(err, tt.want) || ended != err ||
					strings.Contains(err.Error(), "\n") {
					t.Errorf("UploadPart: %v, OnEnd got %v, want %v and %v", err, ended, enough, tt.want)
				}
				var damaged *oss.ChecksumError
				if tt.name == "damaged" && !errors.As(err, &damaged) {
					t.Errorf("UploadPart: %v is no ChecksumError", err)
				}
				if n := len(s.messages()) - 1; n != 2 {
					t.Errorf("%d requests, want 2", n)
				}
			})
		})
	}
}

// Section B, "ulimit -n 1024": a machine that has run out of files asks for fewer requests, as OSS does by throttling.
func TestMachineOutOfFilesIsThrottling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", syscall.EMFILE)}
		g := &gate{}
		s := play(breaks(full), breaks(full), breaks(full), says(200, ""))
		c := s.client(t, oss.Config{Retry: oss.Retry{Attempts: 2}})
		_, err := c.HeadObject(flow.WithGate(t.Context(), g), "bucket", "key", nil)
		if err != nil || len(g.failures) != 3 || g.failures[0].Kind != flow.Exhausted {
			t.Errorf("HeadObject: %v, failures are %+v", err, g.failures)
		}
	})
}

func TestCancelledWhileTheGateWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := playAnswered(t, oss.Config{}, reset)
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err := c.HeadObject(flow.WithGate(ctx, &gate{}), "bucket", "key", nil)
		d := time.Since(began)
		if d != 2500*time.Millisecond || !errors.Is(err, context.DeadlineExceeded) ||
			!errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("HeadObject: %v after %v, want the deadline and the reset after 2.5s", err, d)
		}
	})
}

// What was wrong with the request itself is corrected at once.
func TestGateIsNotAskedBeforeACorrection(t *testing.T) {
	skewed := refuses(403, "RequestTimeTooSkewed", "Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
	expired := refuses(403, "SecurityTokenExpired")
	calls := 0
	second := oss.Credentials{AccessKeyID: "second", AccessKeySecret: "b"}
	cached := oss.CacheCredentials(steps(&calls, keys, second), time.Minute)
	s, g := play(skewed, expired, says(200, "")), &gate{}
	c := s.client(t, oss.Config{Credentials: cached})
	if _, err := c.HeadObject(flow.WithGate(t.Context(), g), "bucket", "key", nil); err != nil || len(g.failures) > 0 {
		t.Errorf("HeadObject: %v, the Gate was asked %v", err, g.kinds())
	}
	if w := s.waits(); len(w) != 2 || slices.Max(w) > time.Second {
		t.Errorf("waited %v", w)
	}
}

// A server that answers half a refusal and breaks off has not answered.
func TestRefusalCutByTheConnectionIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newRawServer(t, func(e *serverConn) {
			e.request()
			if e.number == 1 {
				e.say("HTTP/1.1 404 Not Found\r\nContent-Length: 200\r\n\r\n<Error><Code>NoSuch")
				e.Close()
				return
			}
			e.say(ok(""))
		})
		_, err := line.client(t, oss.Config{}).UploadPart(t.Context(), upload, 1, strings.NewReader(""), nil)
		if err != nil || line.dials() != 2 {
			t.Errorf("UploadPart: %v over %d connections", err, line.dials())
		}
	})
}
