package osstest

import "net/http"

// An operation is something a Server can do.
type operation struct {
	name  string
	moves traffic
	run   func(*exchange) (*reply, error)
}

// traffic is where the bytes of an operation go: what an Effect may damage, cut or slow.
type traffic int

const (
	nothing   traffic = iota // no body either way
	documents                // the reply is a document
	joined                   // so it is, and content that OSS holds becomes new content
	received                 // the request brings content
	sent                     // the reply brings content
)

// operations are all there are. Other requests are refused as not implemented.
var operations = []*operation{
	{"InitiateMultipartUpload", documents, (*exchange).initiate},
	{"UploadPart", received, (*exchange).uploadPart},
	{"UploadPartCopy", joined, (*exchange).uploadPartCopy},
	{"CompleteMultipartUpload", joined, (*exchange).complete},
	{"AbortMultipartUpload", nothing, (*exchange).abort},
	{"ListParts", documents, (*exchange).listParts},
	{"ListMultipartUploads", documents, (*exchange).listUploads},
	{"PutObject", received, (*exchange).putObject},
	{"CopyObject", joined, (*exchange).copyObject},
	{"GetObject", sent, (*exchange).getObject},
	{"HeadObject", nothing, (*exchange).headObject},
	{"GetObjectMeta", nothing, (*exchange).objectMeta},
	{"DeleteObject", nothing, (*exchange).deleteObject},
}

// unknownOperation is every other request.
var unknownOperation = &operation{"", nothing, (*exchange).refuseUnknown}

// operationNamed returns the operation of that name, or unknownOperation.
func operationNamed(name string) *operation {
	for _, op := range operations {
		if op.name == name {
			return op
		}
	}
	return unknownOperation
}

// route names the operation that a request asks for, or returns "" if it is none of ours. The
// query has the first word: "PUT /key?acl" is not a PutObject.
func (x *exchange) route() string {
	for name := range x.query {
		if isForeign(name) {
			return ""
		}
	}
	q, copies := x.query, x.r.Header.Get("x-oss-copy-source") != ""
	if x.key == "" {
		if x.bucket != "" && x.r.Method == http.MethodGet && q.Has("uploads") {
			return "ListMultipartUploads"
		}
		return ""
	}
	upload := q.Has("uploadId") || q.Has("partNumber")
	switch x.r.Method {
	case http.MethodPost:
		switch {
		case q.Has("uploads"):
			return "InitiateMultipartUpload"
		case upload:
			return "CompleteMultipartUpload"
		}
	case http.MethodPut:
		switch {
		case upload && copies:
			return "UploadPartCopy"
		case upload:
			return "UploadPart"
		case copies:
			return "CopyObject"
		case !q.Has("uploads"):
			return "PutObject"
		}
	case http.MethodDelete:
		if upload {
			return "AbortMultipartUpload"
		}
		return "DeleteObject"
	case http.MethodGet:
		switch {
		case upload:
			return "ListParts"
		case !q.Has("uploads"):
			return "GetObject"
		}
	case http.MethodHead:
		switch {
		case q.Has("objectMeta"):
			return "GetObjectMeta"
		case !upload && !q.Has("uploads"):
			return "HeadObject"
		}
	}
	return ""
}

// isForeign reports whether a query parameter turns a request into an operation that is none of
// ours, or changes what one of ours does. OSS ignores parameters it does not know, and so do we.
func isForeign(name string) bool {
	switch name {
	case "acl", "append", "callback", "callback-var", "cleanRestoredObject", "cname", "comp", "cors",
		"delete", "encryption", "img", "inventory", "lifecycle", "link", "live", "location", "logging",
		"metaQuery", "objectInfo", "policy", "position", "qos", "qosInfo", "referer", "replication",
		"requestPayment", "resourceGroup", "restore", "seal", "stat", "status", "style", "symlink",
		"tagging", "transferAcceleration", "udf", "versioning", "versions", "vod", "website",
		"withHashContext", "worm", "wormExtend", "wormId", "x-oss-async-process", "x-oss-process":
		return true
	}
	return false
}

// refuseUnknown says which part of a request a Server does not know.
func (x *exchange) refuseUnknown() (*reply, error) {
	switch x.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodDelete:
	default:
		kind := "Object"
		if x.key == "" {
			kind = "Bucket"
		}
		return nil, refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", "0017-00000001",
			"The specified method is not allowed against this resource.", "Method", x.r.Method, "ResourceType", kind)
	}
	for name := range x.query {
		if isForeign(name) {
			return nil, notImplemented(name)
		}
	}
	return nil, notImplemented(x.r.Method)
}
