package multipart

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/ossmultipart/go-oss/oss"
)

// An UploadError is an upload that did not finish. Unwrap gives the first cause.
type UploadError struct {
	Plan     Plan        // Upload.ID is empty if nothing was begun; Size is -1 for a stream, which Resume continues from a source of known size
	Failed   []PartError // parts that failed for good, by number
	Stored   int64       // bytes OSS confirmed before the failure
	Aborted  bool        // the parts are gone; if false they wait to be resumed, and are billed
	AbortErr error       // why the clean-up failed, if it did
	Err      error       // the first cause

	// Orphans are unfinished uploads of the same key, without parts as far as OSS tells, begun while this one was. If
	// a reply to Initiate was lost one may be its doing; or they are another program's, which is why they are not
	// aborted. If OSS does not list them, for want of a line or of a permission, they are not here; Config.Logger is told.
	Orphans []oss.Upload
}

// Error returns one line: the cause, the upload, how many parts failed, what was left behind.
func (e *UploadError) Error() string {
	var b strings.Builder
	up := e.Plan.Upload
	fmt.Fprintf(&b, "multipart: upload to oss://%s/%s: %v", up.Bucket, up.Key, e.Err)
	if n := len(e.Failed); n == 1 {
		fmt.Fprintf(&b, "; part %d failed", e.Failed[0].Number)
	} else if n > 1 {
		fmt.Fprintf(&b, "; %d parts failed", n)
	}
	switch {
	case up.ID == "", e.completed():
	case errors.Is(e.Err, oss.ErrNoSuchUpload) && !e.Aborted:
		fmt.Fprintf(&b, "; upload ID %s is gone", up.ID)
	case e.Aborted:
		b.WriteString("; upload aborted, nothing left")
	case e.AbortErr != nil:
		fmt.Fprintf(&b, "; upload ID %s may be left behind: %v", up.ID, e.AbortErr)
	case errors.Is(e.Err, ErrOutcomeUnknown):
		fmt.Fprintf(&b, "; upload ID %s", up.ID)
	case e.Stored == 0:
		fmt.Fprintf(&b, "; upload ID %s is kept", up.ID)
	default:
		fmt.Fprintf(&b, "; %d bytes kept under upload ID %s", e.Stored, up.ID)
	}
	if n := len(e.Orphans); n > 0 {
		fmt.Fprintf(&b, "; a lost reply may have left upload ID %s", e.Orphans[n-1].ID)
	}
	return oneLine(b.String())
}

// oneLine keeps text from breaking a line of a log: control characters are written as Go writes them in strings.
func oneLine(s string) string {
	if !strings.ContainsFunc(s, unprintable) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unprintable(r) {
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// completed reports whether the upload became an object all the same.
func (e *UploadError) completed() bool {
	var damaged *oss.ChecksumError
	return errors.Is(e.Err, oss.ErrCallbackFailed) || errors.As(e.Err, &damaged) && damaged.PartNumber == 0
}

// Unwrap returns Err.
func (e *UploadError) Unwrap() error { return e.Err }

// ErrOutcomeUnknown is matched by an UploadError whose last request may or may not have made the
// object: the reply was lost and OSS could not be asked, or its answer proved neither. Everything
// else an UploadError says is certain.
var ErrOutcomeUnknown = errors.New("multipart: outcome of complete unknown")

// ErrSourceChanged is matched when what was being uploaded shrank, grew or was rewritten meanwhile.
// No object is made of it.
var ErrSourceChanged = errors.New("multipart: source changed while it was uploaded")

// A PartError is one failed part.
type PartError struct {
	Section       // which
	Err     error // why
}

// Error returns one line: number, range, cause.
func (e PartError) Error() string {
	return oneLine(fmt.Sprintf("part %d (%d bytes at %d): %v", e.Number, e.Size, e.Offset, e.Err))
}

// Unwrap returns Err.
func (e PartError) Unwrap() error { return e.Err }
