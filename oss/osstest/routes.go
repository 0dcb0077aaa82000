package osstest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Routes map a method, followed by the subresource if there is one, to an operation.
var (
	serviceRoutes = map[string]string{
		"GET": "ListBuckets",
	}
	bucketRoutes = map[string]string{
		"PUT":            "PutBucket",
		"DELETE":         "DeleteBucket",
		"GET":            "ListObjects", // or ListObjectsV2
		"HEAD":           "HeadBucket",
		"GET bucketInfo": "GetBucketInfo",
		"GET location":   "GetBucketLocation",
		"GET stat":       "GetBucketStat",
		"PUT acl":        "PutBucketAcl",
		"GET acl":        "GetBucketAcl",
		"PUT versioning": "PutBucketVersioning",
		"GET versioning": "GetBucketVersioning",
		"GET versions":   "ListObjectVersions",
		"GET uploads":    "ListMultipartUploads",
		"GET live":       "ListLiveChannel",
		"POST delete":    "DeleteMultipleObjects",

		"POST":              "PostObject",
		"PUT cors":          "PutBucketCors",
		"GET cors":          "GetBucketCors",
		"DELETE cors":       "DeleteBucketCors",
		"PUT lifecycle":     "PutBucketLifecycle",
		"GET lifecycle":     "GetBucketLifecycle",
		"DELETE lifecycle":  "DeleteBucketLifecycle",
		"PUT encryption":    "PutBucketEncryption",
		"GET encryption":    "GetBucketEncryption",
		"DELETE encryption": "DeleteBucketEncryption",
		"PUT tagging":       "PutBucketTags",
		"GET tagging":       "GetBucketTags",
		"DELETE tagging":    "DeleteBucketTags",
	}
	objectRoutes = map[string]string{
		"PUT":             "PutObject", // or CopyObject
		"GET":             "GetObject",
		"HEAD":            "HeadObject",
		"DELETE":          "DeleteObject",
		"HEAD objectMeta": "GetObjectMeta",
		"POST append":     "AppendObject",
		"POST uploads":    "InitiateMultipartUpload",
		"PUT upload":      "UploadPart", // or UploadPartCopy
		"POST upload":     "CompleteMultipartUpload",
		"DELETE upload":   "AbortMultipartUpload",
		"GET upload":      "ListParts",
		"PUT acl":         "PutObjectACL",
		"GET acl":         "GetObjectACL",
		"PUT tagging":     "PutObjectTagging",
		"GET tagging":     "GetObjectTagging",
		"DELETE tagging":  "DeleteObjectTagging",

		"PUT symlink":  "PutSymlink",
		"GET symlink":  "GetSymlink",
		"POST restore": "RestoreObject",
	}
	copyRoutes = map[string]string{ // with x-oss-copy-source
		"PutObject":  "CopyObject",
		"UploadPart": "UploadPartCopy",
	}
)

// subresources map query parameters to the subresource that selects an operation. Some have two parameters.
var subresources = map[string]string{
	"acl": "acl", "append": "append", "position": "append", "bucketInfo": "bucketInfo", "delete": "delete",
	"live": "live", "location": "location", "objectMeta": "objectMeta", "stat": "stat", "tagging": "tagging",
	"uploads": "uploads", "uploadId": "upload", "partNumber": "upload",
	"versioning": "versioning", "versions": "versions",
	"cors": "cors", "encryption": "encryption", "lifecycle": "lifecycle",
	"restore": "restore", "symlink": "symlink",
}

// route returns the name of the operation, "" if it is unknown. Query parameters of other operations make it unknown:
// "PUT /key?lifecycle" is not a PutObject.
func (x *exchange) route() string {
	route := x.r.Method
	if route == http.MethodOptions && x.bucket != "" {
		return "OptionObject" // for any request
	}
	for name := range x.query {
		if isUnsupported(name) {
			return ""
		}
		if sub := subresources[name]; sub != "" && !strings.HasSuffix(route, " "+sub) {
			route += " " + sub // a request with two subresources has no route
		}
	}
	op := objectRoutes[route]
	switch {
	case x.bucket == "":
		return serviceRoutes[route]
	case x.key == "" && route == http.MethodGet && x.query.Get("list-type") == "2":
		return "ListObjectsV2"
	case x.key == "":
		return bucketRoutes[route]
	case copyRoutes[op] != "" && x.r.Header.Get("x-oss-copy-source") != "":
		return copyRoutes[op]
	}
	return op
}

// isUnsupported reports whether a query parameter selects or changes an operation in a way that a Server does not
// implement. Unknown parameters are ignored, as by OSS, except those that begin with "x-oss-".
func isUnsupported(name string) bool {
	switch name {
	case "accessPoint", "accessPointForObjectProcess", "accessPointPolicy", "accessmonitor",
		"antiDDosInfo", "asyncFetch", "bucketArchiveDirectRead", "callbackSNI", "cleanRestoredObject",
		"cloudboxes", "cname", "comp", "endTime", "fcAccessPoint", "group", "hashContext", "httpsConfig", "img",
		"initiateBucketGroup", "inventory", "inventoryId", "link", "logging", "metaQuery", "objectInfo", "objectWorm",
		"overwriteConfig", "policy", "policyStatus", "processConfiguration", "publicAccessBlock", "qos", "qosInfo",
		"qosRequester", "redundancyTransition", "referer", "regionList", "regions", "replication",
		"replicationLocation", "replicationProgress", "requestPayment", "requesterQosInfo", "resourceGroup",
		"resourcePool", "resourcePoolBuckets", "resourcePoolInfo", "responseHeader", "rtc", "seal", "startTime",
		"status", "style", "styleName", "transferAcceleration", "udf", "udfApplication", "udfApplicationLog", "udfId",
		"udfImage", "udfImageDesc", "udfName", "userDefinedLogFieldsConfig", "vip", "vod", "vpcip", "website",
		"withHashContext", "worm", "wormExtend", "wormId":
		return true
	case "x-oss-signature-version", "x-oss-credential", "x-oss-date", "x-oss-expires", "x-oss-additional-headers",
		"x-oss-security-token", "x-oss-signature", "x-oss-traffic-limit", "x-oss-request-payer":
		return false
	}
	return strings.HasPrefix(name, "x-oss-")
}

// refuseUnknown refuses an unknown operation. The error names the part of the request that is unknown.
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
	for _, name := range slices.Sorted(maps.Keys(x.query)) {
		if isUnsupported(name) || subresources[name] != "" {
			return nil, notImplemented(name)
		}
	}
	return nil, notImplemented(x.r.Method)
}
