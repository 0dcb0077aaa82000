package oss

import (
	"bytes"
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
}

// Error returns one line: operation, resource, status, code, message, request ID, EC.
func (e *ServiceError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "oss: %s %s: %d", e.Op, where(e.Bucket, e.Key, e.PartNumber), e.StatusCode)
	if e.Code != "" {
		fmt.Fprintf(&b, " %s", e.Code)
	} else if text := http.StatusText(e.StatusCode); text != "" {
		fmt.Fprintf(&b, " %s", text)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", e.Message)
	}
	if len(e.Body) > 0 {
		fmt.Fprintf(&b, ": reply is not from OSS: %q", excerpt(e.Body))
	}
	if cure := e.cure(); cure != "" {
		fmt.Fprintf(&b, "; %s", cure)
	}
	for _, f := range []struct{ name, value string }{{"request ID", e.RequestID}, {"EC", e.EC}} {
		if f.value != "" {
			fmt.Fprintf(&b, ", %s %s", f.name, f.value)
		}
	}
	if e.Attempts > 1 {
		b.WriteString(", after " + effort(e.Attempts, e.Elapsed))
	}
	return oneLine(b.String())
}

// ecV1Refused marks a refusal of signature V1 by an account or bucket that must use V4.
const ecV1Refused = "0002-00000080"

// cure says what to change where the reply alone leaves a user guessing.
func (e *ServiceError) cure() string {
	switch {
	case e.EC == ecV1Refused:
		return "this bucket refuses signature V1: set Config.Region, which selects V4"
	case e.Endpoint != "":
		return "the bucket is at " + e.Endpoint + ": set Config.Region, and Config.Endpoint if there is one, to match"
	case e.Code == "CallbackFailed":
		return "the object has been stored, only its callback failed"
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
		tried = ", after " + effort(e.Attempts, e.Elapsed)
	}
	if e.Err != nil {
		return fmt.Sprintf("oss: %s %s: damaged on the way: %v%s", e.Op, at, e.Err, tried)
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

// refusal turns a reply that is no success into a ServiceError. It reads the body, never closes it.
func refusal(op Operation, resp *http.Response) *ServiceError {
	e := &ServiceError{
		Op: op.Name, Bucket: op.Bucket, Key: op.Key, PartNumber: op.PartNumber,
		StatusCode: resp.StatusCode,
		RequestID:  resp.Header.Get("x-oss-request-id"),
		EC:         resp.Header.Get("x-oss-ec"),
		Header:     resp.Header,
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // half a document still says more than none
	if packed := resp.Header.Get("x-oss-err"); packed != "" {
		if len(body) == 0 {
			body, _ = base64.StdEncoding.DecodeString(packed) // the reply to HEAD has its document in a header
		}
		e.Header = resp.Header.Clone()
		e.Header.Del("x-oss-err") // where hide would not find a token
	}
	// A key may have characters that no XML can hold. The document is then broken where it names the key, behind the code.
	whole := bytes.HasSuffix(bytes.TrimSpace(body), []byte("</Error>"))
	var doc ossxml.Error
	if err := ossxml.Decode(bytes.NewReader(body), &doc); doc.Code == "" || err != nil && !whole {
		e.Body = body[:min(len(body), 1<<10)]
		if resp.StatusCode == http.StatusNotModified {
			e.Code = "NotModified"
		}
		return e
	}
	e.Code, e.Message, e.HostID, e.HelpURL = Code(doc.Code), doc.Message, doc.HostID, doc.RecommendDoc
	e.Endpoint, e.StringToSign, e.CanonicalRequest = doc.Get("Endpoint"), doc.Get("StringToSign"), doc.Get("CanonicalRequest")
	if doc.RequestID != "" {
		e.RequestID = doc.RequestID
	}
	if doc.EC != "" {
		e.EC = doc.EC
	}
	return e
}

// hide masks keys that a reply repeats: signatures cover the token, and what was signed shows it.
func (e *ServiceError) hide(keys Credentials) *ServiceError {
	for _, secret := range []string{keys.AccessKeySecret, keys.SecurityToken} {
		if secret != "" {
			e.Message = strings.ReplaceAll(e.Message, secret, "***")
			e.StringToSign = strings.ReplaceAll(e.StringToSign, secret, "***")
			e.CanonicalRequest = strings.ReplaceAll(e.CanonicalRequest, secret, "***")
			e.Body = bytes.ReplaceAll(e.Body, []byte(secret), []byte("***"))
		}
	}
	return e
}

// effort says how often something was tried, and how long if that is known: "4 attempts in 1.2 s".
func effort(attempts int, elapsed time.Duration) string {
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
		return "oss://" + bucket
	}
	return "oss://" + bucket + "/" + oneLine(key)
}

// where names the addressed resource, and the part if there is one.
func where(bucket, key string, part int) string {
	if part == 0 {
		return resource(bucket, key)
	}
	return fmt.Sprintf("%s part %d", resource(bucket, key), part)
}

// oneLine keeps text from breaking a log line.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
}

// excerpt is enough of a foreign reply to recognise its sender.
func excerpt(b []byte) []byte { return b[:min(len(b), 200)] }

// excerptOf is excerpt for the body of a success that nobody has masked: it ends before the token, if the reply repeats that.
func excerptOf(resp *http.Response, b []byte) []byte {
	b = excerpt(b)
	if resp.Request == nil {
		return b
	}
	token := resp.Request.Header.Get("X-Oss-Security-Token")
	const telling = 8 // bytes; a reply that is cut has no more of a token
	if at := bytes.Index(b, []byte(token[:min(len(token), telling)])); token != "" && at >= 0 {
		b = b[:at]
	}
	return b
}
