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

// A ServiceError is a reply in which OSS refused an operation, or a reply of a proxy in place of OSS.
//
// See https://help.aliyun.com/en/oss/developer-reference/error-responses
type ServiceError struct {
	Op           string // for example "UploadPart"
	Bucket, Key  string // of the request
	StatusCode   int    // HTTP status
	Code         Code   // compare with errors.Is(err, oss.ErrNoSuchUpload)
	Message      string // of OSS, for people
	RequestID    string // identifies the request to Alibaba Cloud support
	HostID       string // host that replied
	EC           string // detailed code, for diagnosis only: OSS may change it
	HelpURL      string // troubleshooting page that OSS recommends
	Endpoint     string // of the bucket, if it differs from the one addressed
	StringToSign string // the text that OSS signed, in a SignatureDoesNotMatch reply
	Attempts     int    // number of attempts made
	Body         []byte // beginning of a reply that is not an OSS error document, such as the page of a proxy

	// Header is that of the reply. It holds facts that an error document has no place for, such as the ETag of the
	// object beside ErrCallbackFailed.
	Header http.Header

	PartNumber int // of UploadPart and UploadPartCopy; 0 if there is none

	Elapsed time.Duration // from the start of the first attempt to this reply

	CanonicalRequest string // for V4, the text whose hash is the last line of StringToSign

	Hint string // what to change, if the reply alone does not say; for people
}

// Error returns one line: operation, resource, status, code, message, hint, request ID, EC, and the number of attempts.
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

// foreignReply describes a reply without a code, such as a proxy sends; "" for any other.
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

// Values of EC whose reason the code does not tell.
const (
	ecV1Refused       = "0002-00000080" // signature V1, from an account or to a bucket that requires V4
	ecRegionMalformed = "0002-00000226"
	ecRegionWrong     = "0002-00000228"
	ecRequesterPays   = "0003-00000703"
)

// hint says what to change if the reply alone does not. SignedV4 says whether the request was signed with V4.
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
		// Every refusal of OSS has an EC. An older installation that knows only V1 ignores the header of V4.
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
			return fmt.Sprintf("copy more than %d bytes with UploadPartCopy, or with "+
				"Uploader.Copy of package multipart",
				MaxCopySize)
		}
	}
	return ""
}

// Is matches e.Code, and fs.ErrNotExist, fs.ErrExist or fs.ErrPermission if the code has that meaning.
func (e *ServiceError) Is(target error) bool {
	switch target {
	case e.Code:
		return e.Code != ""
	case fs.ErrNotExist:
		switch e.Code {
		case ErrNoSuchKey, ErrNoSuchBucket, ErrNoSuchUpload, "NoSuchVersion", "SymlinkTargetNotExist":
			return true
		case "": // the reply of an old server to HEAD has only a status
			return e.StatusCode == http.StatusNotFound
		}
	case fs.ErrExist:
		return e.Code == ErrAlreadyExists
	case fs.ErrPermission:
		return e.Code == ErrAccessDenied || e.Code == "" && e.StatusCode == http.StatusForbidden
	}
	return false
}

// A Code is an error code of OSS. It is an error, so that errors.Is can match it. Codes that are not listed here match
// as well.
//
// See https://help.aliyun.com/en/oss/user-guide/error-responses
type Code string

// Error returns the code.
func (c Code) Error() string { return string(c) }

// Error codes that programs commonly test for.
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

	ErrPosition          Code = "PositionNotEqualToLength" // of AppendObject
	ErrNotAppendable     Code = "ObjectNotAppendable"      // of AppendObject
	ErrNotSymlink        Code = "NotSymlink"               // of GetSymlink
	ErrInvalidState      Code = "InvalidObjectState"       // an archived object that is not restored
	ErrRestoreInProgress Code = "RestoreAlreadyInProgress" // of RestoreObject
	ErrBucketNotEmpty    Code = "BucketNotEmpty"           // of DeleteBucket
	// of PutBucket: it belongs to another account, or has another class
	ErrBucketExists    Code = "BucketAlreadyExists"
	ErrNoSuchLifecycle Code = "NoSuchLifecycle"
	ErrNoSuchCORS      Code = "NoSuchCORSConfiguration"
)

// A ChecksumError reports that bytes were corrupted: the checksums of what was sent, or read, and of what OSS holds
// differ.
type ChecksumError struct {
	Op            string // for example "UploadPart"
	Bucket, Key   string // of the object written or read
	PartNumber    int    // 0 for a whole object
	Local, Remote uint64 // CRC-64 computed here and reported by OSS; both 0 if Err is set
	Err           error  // the difference, if it is not one of CRC-64: InvalidDigest of OSS, or two ETags

	// Attempts is the number of attempts made. It is 0 if Err has it, or if no attempt failed, as when the body of
	// GetObject turns out to be corrupted.
	Attempts int
	Elapsed  time.Duration // from the start of the first attempt to the end of the last
}

// Error returns one line with the operation, the resource and both checksums.
func (e *ChecksumError) Error() string {
	at, tried := where(e.Bucket, e.Key, e.PartNumber), ""
	if e.Attempts > 1 {
		tried = ", after " + describeAttempts(e.Attempts, e.Elapsed)
	}
	if e.Err != nil {
		return fmt.Sprintf("oss: %s %s: corrupted in transit: %s%s", e.Op, at, oneLine(e.Err.Error()), tried)
	}
	if e.Op == "CompleteMultipartUpload" {
		at += ": the object exists and is wrong"
	}
	return fmt.Sprintf("oss: %s %s: CRC-64 is %016X here and %016X in OSS%s", e.Op, at, e.Local, e.Remote, tried)
}

// Unwrap returns Err.
func (e *ChecksumError) Unwrap() error { return e.Err }

// maxErrorBody is the number of bytes read of an error reply. Error documents of OSS have less than 4 KiB.
const maxErrorBody = 64 << 10

// maxShown is the number of bytes kept of a reply that is not from OSS.
const maxShown = 1 << 10

// newServiceError turns a reply that is not a success into a ServiceError without the secrets of m. It reads the body
// and does not close it.
func newServiceError(op Operation, resp *http.Response, m mask) *ServiceError {
	header := m.header(resp.Header)
	header.Del("x-oss-err") // a mask would not find a token in its base64
	e := &ServiceError{
		Op: op.Name, Bucket: op.Bucket, Key: op.Key, PartNumber: op.PartNumber,
		StatusCode: resp.StatusCode,
		RequestID:  header.Get("x-oss-request-id"),
		EC:         header.Get("x-oss-ec"),
		Header:     header,
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // part of a document still tells more than none
	if packed := resp.Header.Get("x-oss-err"); packed != "" && len(body) == 0 {
		// The reply to HEAD has its document in this header.
		body, _ = base64.StdEncoding.DecodeString(packed[:min(len(packed), maxErrorBody)])
	}
	// A key may have characters that XML cannot represent. Then the document is broken at the key, after the code, and
	// ends as it should.
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

// bareCode returns the code of a reply without a document whose status leaves no doubt. Old installations answer HEAD
// with a request ID and nothing else; whether the object or the bucket is missing, they do not tell.
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

// describeAttempts returns for example "4 attempts in 1.2 s", or "4 attempts" if elapsed is 0.
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

// resource returns the URI of a bucket or an object in one line.
func resource(bucket, key string) string {
	switch {
	case bucket == "":
		return "oss:"
	case key == "":
		return "oss://" + oneLine(bucket)
	}
	return "oss://" + oneLine(bucket) + "/" + oneLine(key)
}

// where is resource with the part number, if there is one.
func where(bucket, key string, part int) string {
	if part == 0 {
		return resource(bucket, key)
	}
	return fmt.Sprintf("%s part %d", resource(bucket, key), part)
}

// oneLine escapes s as a Go string, without the quotes, if it has an unprintable character. So it cannot break or forge
// a line of a log.
func oneLine(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) || r == utf8.RuneError }) {
		return s
	}
	quoted := strconv.Quote(s)
	return quoted[1 : len(quoted)-1]
}

// clip is oneLine for text of a reply, of which an error shows at most the beginning.
func clip(s string) string {
	const most = 1000 // bytes
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return oneLine(s)
}

// excerpt returns enough of a foreign reply to recognise its sender.
func excerpt(b []byte) []byte { return b[:min(len(b), 200)] }

// maskedExcerpt is excerpt for the body of a success, which is not masked yet.
func maskedExcerpt(resp *http.Response, b []byte) []byte {
	b = b[:min(len(b), maxShown)]
	return excerpt([]byte(maskOf(resp.Request, Credentials{}).text(string(b))))
}
