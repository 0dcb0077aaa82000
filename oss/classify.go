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

// evidence is what a failed attempt shows besides its error.
type evidence struct {
	unsent  bool // no byte of the request has left this machine
	broken  bool // the connection failed before the response was complete
	limited bool // Config.HTTPClient.Timeout ended it
}

// kindOf classifies err, the retryable failure of an attempt with evidence s. Answered says whether OSS has answered
// the Client before.
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

// isFromOSS tells a refusal by OSS from the page of a proxy. The reply to HEAD has a request ID but no document.
func (e *ServiceError) isFromOSS() bool { return e.Code != "" || e.RequestID != "" }

// isAnswer reports whether the last attempt, which ended with err, got a response from OSS.
func (k *call) isAnswer(err error) bool {
	if reply, ok := k.last.(*ServiceError); ok && reply.isFromOSS() || k.reply.RequestID != "" {
		return true
	}
	return err == nil && (k.options.verifyStored || k.options.check != nil) // the check rejects pages of proxies
}

// isNetworkError reports whether err, from a transport that does not trace its connections, is an error of a
// connection.
func isNetworkError(err error) bool {
	var network net.Error
	var errno syscall.Errno
	return errors.As(err, &network) || errors.As(err, &errno) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// isOutOfFiles reports whether err means that no file or socket could be opened. The error of a name lookup has this as
// text only.
func isOutOfFiles(err error) bool {
	for _, full := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE} {
		var lookup *net.DNSError
		if errors.Is(err, full) || errors.As(err, &lookup) && strings.HasSuffix(lookup.Err, full.Error()) {
			return true
		}
	}
	return false
}
