package ossotel

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

// errorType returns the error.type of err: the code of OSS, or the HTTP status if OSS told no code, or one of
// "canceled", "timeout", "network", "checksum", "changed", "outcome_unknown" and "_OTHER".
func errorType(err error) string {
	var refused *oss.ServiceError
	var damaged *oss.ChecksumError
	var changed *oss.ChangedError
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, multipart.ErrOutcomeUnknown):
		return "outcome_unknown"
	case errors.As(err, &damaged):
		return "checksum"
	case errors.As(err, &changed), errors.Is(err, multipart.ErrSourceChanged):
		return "changed"
	case errors.As(err, &refused) && refused.Code != "":
		return string(refused.Code)
	case refused != nil:
		return strconv.Itoa(refused.StatusCode)
	case errors.As(err, &network) && network.Timeout():
		return "timeout"
	case network != nil, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "network"
	}
	return semconv.ErrorTypeOther.Value.AsString()
}
