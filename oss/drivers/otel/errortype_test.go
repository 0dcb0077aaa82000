package ossotel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

func TestErrorTypesHaveFewValues(t *testing.T) {
	denied := &oss.ServiceError{StatusCode: 403, Code: oss.ErrAccessDenied}
	for _, c := range []struct {
		err  error
		want string
	}{
		{denied, "AccessDenied"},
		{&multipart.UploadError{Err: denied}, "AccessDenied"},
		{&multipart.DownloadError{Err: denied}, "AccessDenied"},
		{&oss.ServiceError{StatusCode: 502}, "502"},
		{fmt.Errorf("ended: %w, after: %w", context.Canceled, denied), "canceled"},
		{fmt.Errorf("ended: %w", context.DeadlineExceeded), "timeout"},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, "timeout"},
		{&net.OpError{Op: "read", Err: errors.New("reset")}, "network"},
		{&net.DNSError{Name: "host"}, "network"},
		{fmt.Errorf("reply: %w", io.ErrUnexpectedEOF), "network"},
		{&oss.ChecksumError{}, "checksum"},
		{&oss.ChecksumError{Err: denied}, "checksum"},
		{&oss.ChangedError{Err: denied}, "changed"},
		{multipart.ErrSourceChanged, "changed"},
		{&multipart.UploadError{Err: multipart.ErrOutcomeUnknown}, "outcome_unknown"},
		{errors.New("key 4711 is odd"), "_OTHER"},
	} {
		if got := errorType(c.err); got != c.want {
			t.Errorf("%v has the type %q, want %q", c.err, got, c.want)
		}
	}
}
