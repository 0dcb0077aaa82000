package oss

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ossmultipart/go-oss/internal/ossxml"
)

// A ServiceError is a reply in which OSS refused an operation.
//
// See https://help.aliyun.com/en/oss/developer-reference/error-responses
type ServiceError struct {
	Op           string // "UploadPart"
	Bucket, Key  string // as asked
	StatusCode   int    // HTTP
	Code         Code   // compare with errors.Is(err, oss.ErrNoSuchUpload)
	Message      string // for people
	RequestID    string // for Alibaba Cloud support
	HostID       string // host that answered
	EC           string // finer code, for diagnosis only: OSS may change it
	HelpURL      string // troubleshooting page OSS recommends
	Endpoint     string // of the bucket, if it is not the one that was asked
	StringToSign string // what OSS hashed, in a SignatureDoesNotMatch reply
	Attempts     int    // tries made
	Body         []byte // start of a reply that was not OSS XML, as a proxy sends

	Header http.Header // of the reply, for what an error document cannot carry, such as the ETag beside CallbackFailed

	PartNumber int // of UploadPart and UploadPartCopy; 0 if there is none

	Elapsed time.Duration // from the beginning of the first of the Attempts to this reply

	CanonicalRequest string // what the last line of a StringToSign of V4 is the hash of

	Hint string // what to change, where the reply alone leaves a user guessing; for people
}

// Error returns one line: operation, resource, status, code, message, hint, request ID, EC.
func (e *ServiceError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "oss: %s %s: %d", clip(e.Op), where(e.Bucket, e.Key, e.PartNumber), e.StatusCode)
	if e.Code != "" {
		fmt.Fprintf(&b, " %s", clip(string(e.Code)))
	} else if text := http.StatusText(e.StatusCode); text != "" {
		fmt.Fprintf(&b, " %s", text)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", clip(e.Message))
	}
	if foreign := e.foreignReply(); foreign != "" {
		fmt.Fprintf(&b, ": reply is not from OSS%s", foreign)
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, "; %s", clip(e.Hint))
	}
	for _, f := range []struct{ name, value string }{{"request ID", e.RequestID}, {"EC", e.EC}} {
		if f.value != "" {
			fmt.Fprintf(&b, ", %s %s", f.name, clip(f.value))
		}
	}
	if e.Attempts > 1 {
		b.WriteString(", after " + describeAttempts(e.Attempts, e.Elapsed))
	}
	return b.String()
}

// foreign describes a reply without a code, as a proxy or a portal sends it.
func (e *ServiceError) foreignReply() string {
	location := e.Header.Get("Location")
	switch {
	case e.Code != "":
		return ""
	case e.StatusCode >= 300 && e.StatusCode < 400 && location != "":
		return fmt.Sprintf(": it redirects to %.200q", location)
	case len(e.Body) > 0:
		return fmt.Sprintf(": %q", excerpt(e.Body))
	}
	return ""
}

// Refusals whose reason only their EC tells.
const (
	ecV1Refused       = "0002-00000080" // signature V1, by an account or bucket that must use V4
	ecRegionMalformed = "0002-00000226"
	ecRegionWrong     = "0002-00000228"
	ecRequesterPays   = "0003-00000703"
)

// hint says what to change where the reply alone leaves a user guessing. signedV4 says how the request was signed.
func (e *ServiceError) hint(signedV4 bool) string {
	switch {
	case e.EC == ecV1Refused:
		return "this bucket refuses signature V1: set Config.Region, which selects V4"
	case e.EC == ecRegionMalformed || e.EC == ecRegionWrong:
		return "set Config.Region to the region of the bucket"
	case e.EC == ecRequesterPays:
		return "the requester pays for this bucket: set x-oss-request-payer to \"requester\" in Config.Header"
	case e.Endpoint != "":
		return "the bucket is at " + e.Endpoint + ": set Config.Region, and Config.Endpoint if there is one, to match"
	case e.StatusCode == http.StatusBadRequest && e.Code == "InvalidArgument" && e.EC == "" && signedV4:
		// OSS names an EC in every refusal. An installation that knows V1 only does not read the header of V4.
		return "if this installation does not know signature V4, set Config.Signer to signer.V1{}"
	}
	switch e.Code {
	case ErrCallbackFailed:
		return "the object has been stored, only its callback failed"
	case "SecondLevelDomainForbidden":
		return "this endpoint takes no bucket in the path: set Config.Addressing to VirtualHosted"
	case "RequestTimeTooSkewed":
		return "set the clock of this machine"
	case "EntityTooLarge":
		if e.Op == "CopyObject" {
			return fmt.Sprintf("copy more than %d bytes by UploadPartCopy, or by Uploader.Copy of package multipart", MaxCopySize)
		}
	}
	return ""
}

// Is matches a Code, and the fs.ErrNotExist, fs.ErrExist or fs.ErrPermission that means the same.
func (e *ServiceError) Is(target error) bool {
	switch target {
	case e.Code:
		return e.Code != ""
	case fs.ErrNotExist:
		switch e.Code {
		case ErrNoSuchKey, ErrNoSuchBucket, ErrNoSuchUpload, "NoSuchVersion":
			return true
		case "": // a HEAD reply of an old server has only its status
			return e.StatusCode == http.StatusNotFound
		}
	case fs.ErrExist:
		return e.Code == ErrAlreadyExists
	case fs.ErrPermission:
		return e.Code == ErrAccessDenied || e.Code == "" && e.StatusCode == http.StatusForbidden
	}
	return false
}

// A Code is an OSS error code and, being an error, a target for errors.Is. Any code will do,
// listed here or not.
//
// See https://help.aliyun.com/en/oss/user-guide/error-responses
type Code string

// Error returns the code.
func (c Code) Error() string { return string(c) }

// Codes worth a branch.
const (
	ErrNoSuchUpload      Code = "NoSuchUpload"
	ErrNoSuchKey         Code = "NoSuchKey"
	ErrNoSuchBucket      Code = "NoSuchBucket"
	ErrAlreadyExists     Code = "FileAlreadyExists"
	ErrAccessDenied      Code = "AccessDenied"
	ErrInvalidPart       Code = "InvalidPart"
	ErrInvalidDigest     Code = "InvalidDigest"
	ErrSignatureMismatch Code = "SignatureDoesNotMatch"
	ErrCallbackFailed    Code = "CallbackFailed"
)

// A ChecksumError says the bytes OSS holds, or has sent, are not the bytes of the other side.
type ChecksumError struct {
	Op            string // "UploadPart"
	Bucket, Key   string // what was written or read
	PartNumber    int    // 0 for a whole object
	Local, Remote uint64 // CRC-64 here and there; both 0 where Err tells the difference
	Err           error  // the difference where it is not one of CRC-64: OSS's InvalidDigest, or two ETags

	Attempts int           // tries made; 0 if Err has them, or if it was not the reply to a request
	Elapsed  time.Duration // from the beginning of the first of them to the end of the last
}

// Error returns one line with both sums.
func (e *ChecksumError) Error() string {
	at, tried := where(e.Bucket, e.Key, e.PartNumber), ""
	if e.Attempts > 1 {
		tried = ", after " + describeAttempts(e.Attempts, e.Elapsed)
	}
	if e.Err != nil {
		return fmt.Sprintf("oss: %s %s: damaged on the way: %s%s", e.Op, at, oneLine(e.Err.Error()), tried)
	}
	if e.Op == "CompleteMultipartUpload" {
		at += ": the object exists and is wrong"
	}
	return fmt.Sprintf("oss: %s %s: CRC-64 is %016X here and %016X in OSS%s", e.Op, at, e.Local, e.Remote, tried)
}

// Unwrap returns Err.
func (e *ChecksumError) Unwrap() error { return e.Err }

// maxErrorBody is how much of a refusal is read; OSS's documents are below 4 KiB.
const maxErrorBody = 64 << 10

// maxShown is how much is kept of a reply that is not from OSS.
const maxShown = 1 << 10

// refusal turns a reply that is no success into a ServiceError that shows nothing m hides. It reads the body, never
// closes it.
func newServiceError(op Operation, resp *http.Response, m mask) *ServiceError {
	header := m.header(resp.Header)
	header.Del("x-oss-err") // where no mask would find a token
	e := &ServiceError{
		Op: op.Name, Bucket: op.Bucket, Key: op.Key, PartNumber: op.PartNumber,
		StatusCode: resp.StatusCode,
		RequestID:  header.Get("x-oss-request-id"),
		EC:         header.Get("x-oss-ec"),
		Header:     header,
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // half a document still says more than none
	if packed := resp.Header.Get("x-oss-err"); packed != "" && len(body) == 0 {
		// The reply to HEAD has its document in a header.
		body, _ = base64.StdEncoding.DecodeString(packed[:min(len(packed), maxErrorBody)])
	}
	// A key may have characters that no XML can hold. The document is then broken where it names the key, behind the
	// code.
	whole := bytes.HasSuffix(bytes.TrimSpace(body), []byte("</Error>"))
	var doc ossxml.Error
	if err := ossxml.Decode(bytes.NewReader(body), &doc); doc.Code == "" || err != nil && !whole {
		body = []byte(m.text(string(body[:min(len(body), maxShown)])))
		e.Body, e.Code = body[:min(len(body), maxShown)], bareCode(e)
		return e
	}
	e.Code, e.Message = Code(m.text(doc.Code)), m.text(doc.Message)
	e.HostID, e.HelpURL = m.text(doc.HostID), m.text(doc.RecommendDoc)
	e.Endpoint, e.StringToSign = m.text(doc.Get("Endpoint")), m.text(doc.Get("StringToSign"))
	e.CanonicalRequest = m.text(doc.Get("CanonicalRequest"))
	e.RequestID, e.EC = cmp.Or(m.text(doc.RequestID), e.RequestID), cmp.Or(m.text(doc.EC), e.EC)
	return e
}

// bareCode returns the code of a refusal without a document, where its status leaves no doubt. Installations of some
// age answer HEAD with a request ID and nothing else; whether they miss the object or its bucket they do not tell.
func bareCode(e *ServiceError) Code {
	if e.StatusCode == http.StatusNotModified {
		return "NotModified"
	}
	if e.Op != "HeadObject" || e.RequestID == "" {
		return ""
	}
	switch e.StatusCode {
	case http.StatusNotFound:
		return ErrNoSuchKey
	case http.StatusForbidden:
		return ErrAccessDenied
	case http.StatusPreconditionFailed:
		return "PreconditionFailed"
	}
	return ""
}

// effort says how often something was tried, and how long if that is known: "4 attempts in 1.2 s".
func describeAttempts(attempts int, elapsed time.Duration) string {
	s := strconv.Itoa(attempts) + " attempts"
	if attempts == 1 {
		s = "1 attempt"
	}
	switch {
	case elapsed <= 0:
		return s
	case elapsed >= time.Minute:
		return s + " in " + elapsed.Round(time.Second).String()
	}
	return fmt.Sprintf("%s in %.1f s", s, elapsed.Seconds())
}

// resource names a bucket or an object for people.
func resource(bucket, key string) string {
	switch {
	case bucket == "":
		return "oss:"
	case key == "":
		return "oss://" + oneLine(bucket)
	}
	return "oss://" + oneLine(bucket) + "/" + oneLine(key)
}

// where names the addressed resource, and the part if there is one.
func where(bucket, key string, part int) string {
	if part == 0 {
		return resource(bucket, key)
	}
	return fmt.Sprintf("%s part %d", resource(bucket, key), part)
}

// oneLine keeps text from breaking or forging a log line: if a character is not printable, it is escaped as in Go, and
// so are quotes and backslashes then.
func oneLine(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) || r == utf8.RuneError }) {
		return s
	}
	quoted := strconv.Quote(s)
	return quoted[1 : len(quoted)-1]
}

// clip is oneLine for the text of a reply, of which a line of an error shows the beginning.
func clip(s string) string {
	const most = 1000 // bytes
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return oneLine(s)
}

// excerpt is enough of a foreign reply to recognise its sender.
func excerpt(b []byte) []byte { return b[:min(len(b), 200)] }

// excerptOf is excerpt for the body of a success, which is not masked yet.
func maskedExcerpt(resp *http.Response, b []byte) []byte {
	b = b[:min(len(b), maxShown)]
	return excerpt([]byte(maskOf(resp.Request, Credentials{}).text(string(b))))
}
