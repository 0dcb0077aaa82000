package oss

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/ossmultipart/go-oss/internal/flow"
)

// signs are what a failed attempt shows beside its error.
type evidence struct {
	unsent  bool // nothing of the request has left this machine
	broken  bool // the connection failed before there was a whole answer
	limited bool // Config.HTTPClient.Timeout ended it
}

// kindOf says what kind of failure err is, which an attempt with these signs ended with and which may be repeated; answered
// is whether OSS has answered the Client before.
func kindOf(err error, s evidence, answered bool) flow.Kind {
	reply, _ := err.(*ServiceError)
	switch {
	case reply == nil && isOutOfFiles(err):
		return flow.Exhausted
	case !answered || s.limited:
		return flow.Temporary
	case reply != nil && reply.StatusCode == http.StatusTooManyRequests:
		return flow.Throttled
	case reply != nil && reply.StatusCode == http.StatusServiceUnavailable && reply.isFromOSS():
		return flow.Throttled
	case s.broken, reply != nil && reply.StatusCode >= 500 && !reply.isFromOSS():
		return flow.Outage
	}
	return flow.Temporary
}

// isFromOSS tells a refusal of OSS from the page of a proxy. The reply to HEAD has no document, but a request ID.
func (e *ServiceError) isFromOSS() bool { return e.Code != "" || e.RequestID != "" }

// isAnswer reports whether the last attempt, which ended with err, got an answer of OSS.
func (k *call) isAnswer(err error) bool {
	if reply, ok := k.last.(*ServiceError); ok && reply.isFromOSS() || k.reply.RequestID != "" {
		return true
	}
	return err == nil && (k.options.verifyStored || k.options.check != nil) // the check has told it from a page of somebody else
}

// isNetworkError reports whether err, of a transport that does not trace its connections, is one of a connection.
func isNetworkError(err error) bool {
	var network net.Error
	var errno syscall.Errno
	return errors.As(err, &network) || errors.As(err, &errno) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// isOutOfFiles reports whether err is that no file or socket could be opened. The error of a lookup has it as text
// only.
func isOutOfFiles(err error) bool {
	for _, full := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE} {
		var lookup *net.DNSError
		if errors.Is(err, full) || errors.As(err, &lookup) && strings.HasSuffix(lookup.Err, full.Error()) {
			return true
		}
	}
	return false
}
