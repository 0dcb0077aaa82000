package oss

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/internal/flow"
)

// R3, row 134: what an outage is, and what throttling.
func TestKindOfAFailure(t *testing.T) {
	const temporary, throttled, exhausted, outage = flow.Temporary, flow.Throttled, flow.Exhausted, flow.Outage
	broken := evidence{broken: true}
	unsent := evidence{broken: true, unsent: true}
	page := func(status int) error { return &ServiceError{StatusCode: status, Body: []byte("<html>")} }
	refusal := func(status int, code Code) error {
		return &ServiceError{StatusCode: status, Code: code, RequestID: "5C3D9175B6FC201293AD4890"}
	}
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	tooMany := os.NewSyscallError("socket", syscall.EMFILE)
	for _, tt := range []struct {
		name   string
		err    error
		signs  evidence
		before flow.Kind // OSS has answered
		after  flow.Kind
	}{
		{"refused", dial(syscall.ECONNREFUSED), unsent, temporary, outage},
		{"no route", dial(syscall.EHOSTUNREACH), unsent, temporary, outage},
		{"unknown host", dial(&net.DNSError{Err: "no such host", IsNotFound: true}), unsent, temporary, outage},
		{"handshake cut", io.EOF, unsent, temporary, outage},
		{"reset", &net.OpError{Op: "write", Err: syscall.ECONNRESET}, broken, temporary, outage},
		{"stalled", errStalled(time.Second), broken, temporary, outage},
		{"reply cut", io.ErrUnexpectedEOF, broken, temporary, outage},
		{"document cut by the connection", fmt.Errorf("unreadable: %w", io.ErrUnexpectedEOF), broken, temporary,
			outage},
		{"document cut by its author", fmt.Errorf("unreadable: %w", io.ErrUnexpectedEOF), evidence{}, temporary,
			temporary},
		{"HTTPClient.Timeout", os.ErrDeadlineExceeded, evidence{broken: true, limited: true}, temporary, temporary},
		{"request that the transport refused", errors.New("invalid"), evidence{}, temporary, temporary},
		{"page with 502", page(502), evidence{}, temporary, outage},
		{"page with 503", page(503), evidence{}, temporary, outage},
		{"page with 504", page(504), evidence{}, temporary, outage},
		{"page with 408", page(408), evidence{}, temporary, temporary},
		{"page with 429", page(429), evidence{}, temporary, throttled},
		{"refusal cut", page(400), broken, temporary, outage},
		{"500", refusal(500, "InternalError"), evidence{}, temporary, temporary},
		{"502 of OSS", refusal(502, "BadGateway"), evidence{}, temporary, temporary},
		{"503", refusal(503, "ServiceUnavailable"), evidence{}, temporary, throttled},
		{"503 to HEAD", refusal(503, ""), evidence{}, temporary, throttled},
		{"429", refusal(429, "TooManyRequests"), evidence{}, temporary, throttled},
		{"RequestTimeout", refusal(400, "RequestTimeout"), evidence{}, temporary, temporary},
		{"InvalidDigest", refusal(400, ErrInvalidDigest), evidence{}, temporary, temporary},
		{"clock", refusal(403, "RequestTimeTooSkewed"), evidence{}, temporary, temporary},
		{"damaged", &ChecksumError{}, evidence{}, temporary, temporary},
		{"page instead of a reply", notFromOSS(&http.Response{StatusCode: 200}), evidence{}, temporary, temporary},
		{"out of files", dial(tooMany), unsent, exhausted, exhausted},
		{"machine out of files", dial(os.NewSyscallError("socket", syscall.ENFILE)), unsent, exhausted, exhausted},
		{"lookup out of files", dial(&net.DNSError{Err: "dial udp: socket: too many open files"}), unsent, exhausted,
			exhausted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, answered := range []bool{false, true} {
				want := tt.before
				if answered {
					want = tt.after
				}
				if kind := kindOf(tt.err, tt.signs, answered); kind != want {
					t.Errorf("answered %t: %v, want %v", answered, kind, want)
				}
			}
		})
	}
}

// A transport that does not trace its connections is known by its errors only.
func TestErrorsOfANetworkAreKnown(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{io.EOF, true}, {io.ErrUnexpectedEOF, true}, {net.ErrClosed, true}, {os.ErrDeadlineExceeded, true},
		{fmt.Errorf("dial: %w", syscall.ECONNREFUSED), true}, {&net.DNSError{}, true}, {errStalled(1), true},
		{&net.OpError{Op: "read", Err: errors.New("x")}, true},
		{errors.New("this transport takes no PUT"), false}, {http.ErrNotSupported, false},
	} {
		if got := isNetworkError(tt.err); got != tt.want {
			t.Errorf("isNetworkError(%v) = %v", tt.err, got)
		}
	}
}
