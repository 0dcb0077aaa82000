package osstest

import (
	"cmp"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss"
)

// errCut means that the connection is closed instead of a reply.
var errCut = errors.New("osstest: connection cut")

// A refusal is an error reply of OSS.
type refusal struct {
	status       int
	code         oss.Code
	ec           string // the EC; empty if OSS sends none or it is not known
	message      string
	extra        []ossxml.Field // further elements, in their order
	header       http.Header    // further headers of the reply; may be nil
	noServerTime bool           // the reply has no x-oss-server-time
}

// refuse returns a refusal; extra has alternating names and values.
func refuse(status int, code oss.Code, ec, message string, extra ...string) *refusal {
	r := &refusal{status: status, code: code, ec: ec, message: message}
	for i := 0; i < len(extra); i += 2 {
		r.extra = append(r.extra, ossxml.Field{XMLName: xml.Name{Local: extra[i]}, Value: extra[i+1]})
	}
	return r
}

// Error makes a refusal an error; clients never see this text.
func (r *refusal) Error() string { return fmt.Sprintf("%d %s: %s", r.status, r.code, r.message) }

// reply returns the reply with the document of r, which is in a header if the request is a HEAD.
func (r *refusal) reply(x *exchange) *reply {
	doc := ossxml.Error{
		Code: string(r.code), Message: r.message, RequestID: x.id, HostID: x.r.Host, Extra: r.extra, EC: r.ec,
	}
	if r.ec != "" {
		doc.RecommendDoc = "https://api.aliyun.com/troubleshoot?q=" + r.ec
	}
	rep := xmlReply(r.status, doc)
	rep.refusal = r
	maps.Copy(rep.header, r.header)
	if r.ec != "" {
		rep.header.Set("x-oss-ec", r.ec)
	}
	if x.r.Method == http.MethodHead {
		rep.header.Set("x-oss-err", base64.StdEncoding.EncodeToString([]byte(rep.document)))
		rep.header.Set("Content-Length", "0")
	}
	return rep
}

// invalidArgument refuses the value of a header or a parameter.
func invalidArgument(ec, message, name, value string) *refusal {
	return refuse(http.StatusBadRequest, "InvalidArgument", ec, message, "ArgumentName", name, "ArgumentValue", value)
}

// missingArgument refuses a request that lacks a header.
func missingArgument(name string) *refusal {
	return refuse(http.StatusBadRequest, "MissingArgument", "", "Missing Some Required Arguments.", "ArgumentName",
		name)
}

// notImplemented refuses a feature of OSS that a Server does not have.
func notImplemented(what string) *refusal {
	return refuse(http.StatusBadRequest, "NotImplemented", "",
		"A header you provided implies functionality that is not implemented.", "Header", what)
}

func noSuchKey(key string) *refusal {
	return refuse(http.StatusNotFound, oss.ErrNoSuchKey, "0026-00000001",
		"The specified key does not exist.", "Key", key)
}

// noSuchUpload refuses an unknown upload. The EC depends on the operation.
func noSuchUpload(id, ec string) *refusal {
	return refuse(http.StatusNotFound, oss.ErrNoSuchUpload, ec,
		"The specified upload does not exist. The upload ID may be invalid, or the upload may have "+
			"been aborted or completed.",
		"UploadId", id)
}

// alreadyExists refuses to overwrite an object. The EC depends on the operation.
func alreadyExists(ec string) *refusal {
	return refuse(http.StatusConflict, oss.ErrAlreadyExists, ec,
		"The object you specified already exists and can not be overwritten.")
}

func accessDenied(ec, message string, extra ...string) *refusal {
	return refuse(http.StatusForbidden, oss.ErrAccessDenied, ec, message, extra...)
}

func preconditionFailed(condition string) *refusal {
	return refuse(http.StatusPreconditionFailed, "PreconditionFailed", "",
		"At least one of the pre-conditions you specified did not hold.", "Condition", condition)
}

func malformedXML() *refusal {
	return refuse(http.StatusBadRequest, "MalformedXML", "0042-00000205",
		"The XML you provided was not well-formed or did not validate against our published schema.")
}

func entityTooLarge(size int64) *refusal {
	return refuse(http.StatusBadRequest, "EntityTooLarge", "",
		"Your proposed upload exceeds the maximum allowed size.",
		"MaxSizeAllowed", strconv.FormatInt(oss.MaxPartSize, 10), "ProposedSize", strconv.FormatInt(size, 10))
}

// wrongEndpoint refuses a request at the endpoint of another region.
func wrongEndpoint(bucket, right string) *refusal {
	return accessDenied("0003-00001403",
		"The bucket you are attempting to access must be addressed using the specified endpoint. "+
			"Please send all future requests to this endpoint.", "Bucket", bucket, "Endpoint", right)
}

// tooSkewed refuses a signature whose time differs from now by more than maxSkew.
func tooSkewed(signed, now time.Time) *refusal {
	return refuse(http.StatusForbidden, "RequestTimeTooSkewed", "0002-00000504",
		"The difference between the request time and the current time is too large.",
		"MaxAllowedSkewMilliseconds", strconv.FormatInt(maxSkew.Milliseconds(), 10),
		"RequestTime", formatTime(signed), "ServerTime", formatTime(now))
}

// formatTime formats a time for a document, in whole seconds.
func formatTime(t time.Time) string { return t.UTC().Truncate(time.Second).Format(ossxml.TimeFormat) }

// internalError replies to a failure of the Server, such as a full disk.
func internalError() *refusal {
	return refuse(http.StatusInternalServerError, "InternalError", "", messages["InternalError"])
}

// messages are the messages of codes that only effects send.
var messages = map[oss.Code]string{
	"InternalError":                 "We encountered an internal error. Please try again.",
	"ServiceUnavailable":            "Thread pool is almost full, please retry later.",
	"SecurityTokenExpired":          "The security token you provided has expired.",
	"InvalidSecurityToken":          "The security token you provided is invalid.",
	"MetaOperationQpsLimitExceeded": "Qps limit for the meta operation is exceeded.",
	"RequestTimeout": "Your socket connection to the server was not read from or written to " +
		"within the timeout period. " +
		"Idle connections will be closed.",
}

// failure returns the refusal of Fail.
func failure(status int, code oss.Code) *refusal {
	return refuse(status, code, "", cmp.Or(messages[code], strings.TrimSpace("Injected by a test: "+string(code))))
}
