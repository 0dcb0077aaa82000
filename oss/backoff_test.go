package oss

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"syscall"
	"testing"
	"time"
)

func TestBackoffDoublesWithinItsBounds(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name     string
		retry    Retry
		attempts int
		want     time.Duration // the longest; the shortest is half of it
	}{
		{"default, first", Retry{}, 1, 200 * ms},
		{"default, second", Retry{}, 2, 400 * ms},
		{"default, third", Retry{}, 3, 800 * ms},
		{"default, late", Retry{}, 20, 20 * time.Second},
		{"capped", Retry{MinWait: 100 * ms, MaxWait: 150 * ms}, 2, 150 * ms},
		{"longest below shortest", Retry{MinWait: time.Second, MaxWait: ms}, 1, ms},
		{"shift that overflows", Retry{MinWait: math.MaxInt64 / 2, MaxWait: math.MaxInt64 / 2}, 4, math.MaxInt64 / 2},
		{"more attempts than bits", Retry{}, 100, 20 * time.Second},
		{"a nanosecond", Retry{MinWait: 1, MaxWait: 1}, 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.retry.orDefault()
			seen := make(map[time.Duration]bool)
			for range 100 {
				d := r.backoff(tt.attempts)
				if d < tt.want/2 || d > tt.want+1 || d <= 0 {
					t.Fatalf("backoff after attempt %d = %v, want %v to %v", tt.attempts, d, tt.want/2, tt.want)
				}
				seen[d] = true
			}
			if tt.want > ms && len(seen) < 50 {
				t.Errorf("only %d of 100 backoffs differ", len(seen))
			}
		})
	}
}

func TestRetryAfterIsRead(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		header string
		want   time.Duration
		ok     bool
	}{
		{"", 0, false},
		{"3", 3 * time.Second, true},
		{"0", 0, true},
		{"300", 5 * time.Minute, true},
		{"301", 5 * time.Minute, true},
		{"9223372036854775807", 5 * time.Minute, true},
		{"92233720368547758070", 0, false},
		{"-1", 0, false},
		{"soon", 0, false},
		{"Sun, 01 Mar 2026 12:00:07 GMT", 7 * time.Second, true},
		{"Sun, 01 Mar 2026 11:59:00 GMT", 0, true},
		{"Sun, 01 Mar 2026 13:00:00 GMT", 5 * time.Minute, true},
	} {
		e := &ServiceError{Header: http.Header{"Retry-After": {tt.header}}}
		if got, ok := e.retryAfter(now); got != tt.want || ok != tt.ok {
			t.Errorf("Retry-After %q = %v, %v, want %v, %v", tt.header, got, ok, tt.want, tt.ok)
		}
		e.Header.Set("Date", now.Format(http.TimeFormat)) // the local clock may be off, theirs is not
		if got, ok := e.retryAfter(now.Add(-time.Hour)); got != tt.want || ok != tt.ok {
			t.Errorf("Retry-After %q beside a Date = %v, %v, want %v, %v", tt.header, got, ok, tt.want, tt.ok)
		}
	}
}

func TestTemporaryRefusals(t *testing.T) {
	for _, tt := range []struct {
		status int
		code   Code
		want   bool
	}{
		{500, "InternalError", true}, {502, "", true}, {503, "ServiceUnavailable", true}, {504, "", true},
		{599, "", true},
		{503, "MetaOperationQpsLimitExceeded", true}, {503, "DownloadTrafficRateLimitExceeded", true},
		{408, "", true}, {429, "", true}, {400, "RequestTimeout", true}, {400, "IncompleteBody", true},
		{400, ErrInvalidDigest, true}, {400, "InvalidCRC64", true},
		{501, "NotImplemented", false}, {501, "", false}, {400, "NotImplemented", false},
		{500, "NotImplemented", false},
		{203, ErrCallbackFailed, false}, {203, "", false}, {304, "NotModified", false}, {307, "", false},
		{400, "InvalidArgument", false}, {400, "", false}, {403, ErrAccessDenied, false}, {404, ErrNoSuchUpload, false},
		{409, ErrAlreadyExists, false}, {412, "PreconditionFailed", false}, {416, "InvalidRange", false},
	} {
		if got := (&ServiceError{StatusCode: tt.status, Code: tt.code}).temporary(); got != tt.want {
			t.Errorf("temporary of %d %s = %v, want %v", tt.status, tt.code, got, tt.want)
		}
	}
}

func TestTransientErrors(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want bool
	}{
		{"reset", fmt.Errorf("read: %w", syscall.ECONNRESET), true},
		{"refused", fmt.Errorf("dial: %w", syscall.ECONNREFUSED), true},
		{"end", io.ErrUnexpectedEOF, true},
		{"stalled", errStalled(time.Second), true},
		{"damaged", &ChecksumError{}, true},
		{"unknown", errors.New("something"), true},
		{"source", &sourceError{err: io.ErrUnexpectedEOF}, false},
		{"permanent", &permanentError{io.EOF}, false},
		{"certificate", fmt.Errorf("tls: %w", &tls.CertificateVerificationError{Err: errors.New("expired")}), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := transient(tt.err); got != tt.want {
				t.Errorf("transient(%v) = %v, want %v", tt.err, got, tt.want)
			}
		})
	}
}

func TestParseContentRange(t *testing.T) {
	for _, tt := range []struct {
		in          string
		first, last int64
		ok          bool
	}{
		{"bytes 0-102399/204800", 0, 102399, true},
		{"bytes 5-5/*", 5, 5, true},
		{"bytes 5-4/9", 0, 0, false},
		{"bytes -4/9", 0, 0, false},
		{"bytes 0-4", 0, 0, false},
		{"bytes */47", 0, 0, false},
		{"0-4/9", 0, 0, false},
		{"", 0, 0, false},
	} {
		first, last, ok := parseContentRange(tt.in)
		if ok != tt.ok || ok && (first != tt.first || last != tt.last) {
			t.Errorf("parseContentRange(%q) = %d, %d, %v, want %d, %d, %v", tt.in, first, last, ok, tt.first, tt.last,
				tt.ok)
		}
	}
}

func TestEffortIsWrittenForPeople(t *testing.T) {
	for _, tt := range []struct {
		attempts int
		elapsed  time.Duration
		want     string
	}{
		{1, 0, "1 attempt"}, {3, 0, "3 attempts"}, {1, 30 * time.Second, "1 attempt in 30.0 s"},
		{4, 1234 * time.Millisecond, "4 attempts in 1.2 s"},
		{2, time.Minute, "2 attempts in 1m0s"}, {9, 312400 * time.Millisecond, "9 attempts in 5m12s"},
	} {
		if got := describeAttempts(tt.attempts, tt.elapsed); got != tt.want {
			t.Errorf("effort(%d, %v) = %q, want %q", tt.attempts, tt.elapsed, got, tt.want)
		}
	}
}
