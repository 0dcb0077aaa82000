package credentials

import (
	"errors"
	"fmt"
)

// ErrNotConfigured reports that this machine has no trace of a source: no variable, no file, no profile of that name,
// or a variable that forbids its use. A Chain then asks the next source.
var ErrNotConfigured = errors.New("not configured")

// errNoAnswer means that there may be no such service here. The search for a source goes on, as after
// ErrNotConfigured, but a source that has answered before is not given up for it.
var errNoAnswer = errors.New("no answer")

// notConfigured says what is missing.
func notConfigured(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrNotConfigured, fmt.Sprintf(format, args...))
}

// An STSError is a refusal by STS. Secrets of the request are masked in Message.
//
// See https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-errorcodes
type STSError struct {
	StatusCode int    // of HTTP
	Code       string // for example "NoPermission" or "EntityNotExist.Role"
	Message    string // for people
	RequestID  string // for Alibaba Cloud's support
}

// Error names the code, the message and the request.
func (e *STSError) Error() string {
	return fmt.Sprintf("STS refused: %d %s: %s (request %s)", e.StatusCode, e.Code, e.Message, e.RequestID)
}
