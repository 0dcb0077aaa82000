package multipart

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/ossmultipart/go-oss/oss"
)

// An UploadError describes an upload that failed. Unwrap returns the first cause.
type UploadError struct {
	// Plan names the upload. Its Upload.ID is empty if none was initiated. Its Size is -1 for a stream, which Resume
	// continues from a source of known size.
	Plan Plan

	Failed   []PartError // parts that failed, by number
	Stored   int64       // bytes OSS confirmed before the failure
	Aborted  bool        // the parts are deleted; if false, OSS keeps and bills them
	AbortErr error       // why the clean-up failed, if it did
	Err      error       // the first cause

	// Orphans are unfinished uploads of the same key that began while this one was initiated and have no parts, as far
	// as OSS reports. They may stem from an InitiateMultipartUpload whose reply was lost, or belong to another program,
	// so they are not aborted. If they cannot be listed, Orphans is empty and Config.Logger gets a warning.
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
		fmt.Fprintf(&b, "; %d bytes kept under upload ID %s, which Resume continues", e.Stored, up.ID)
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

// completed reports whether the object exists although the upload failed.
func (e *UploadError) completed() bool {
	var damaged *oss.ChecksumError
	return errors.Is(e.Err, oss.ErrCallbackFailed) || errors.As(e.Err, &damaged) && damaged.PartNumber == 0
}

// Unwrap returns Err.
func (e *UploadError) Unwrap() error { return e.Err }

// ErrOutcomeUnknown reports that it is unknown whether the object was created: the reply to the last request was lost,
// and OSS could not be asked, or its answer proved neither success nor failure. Everything else that an UploadError
// says is certain.
var ErrOutcomeUnknown = errors.New("multipart: it is unknown whether the upload completed")

// ErrSourceChanged reports that the source shrank, grew or was rewritten during the upload. No object is created.
var ErrSourceChanged = errors.New("multipart: source changed while it was uploaded")

// A PartError describes a part that failed.
type PartError struct {
	Section       // the part
	Err     error // the cause
}

// Error returns one line: number, range, cause.
func (e PartError) Error() string {
	return oneLine(fmt.Sprintf("part %d (%d bytes at %d): %v", e.Number, e.Size, e.Offset, e.Err))
}

// Unwrap returns Err.
func (e PartError) Unwrap() error { return e.Err }
