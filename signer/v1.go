package signer

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// V1 is the HMAC-SHA1 scheme: "Authorization: OSS AccessKeyID:Signature". New buckets refuse it.
//
// It covers the method, Content-MD5, Content-Type, the date, the x-oss-* headers, bucket and
// key, and of the query the names OSS knows as subresources and those that begin with "x-oss-".
type V1 struct{}

// Sign sets Date, Authorization and, with a token, x-oss-security-token. An x-oss-date header
// in the form of Date (RFC 1123, GMT) that the caller has set stays, and OSS takes it for the date.
//
// See https://help.aliyun.com/en/oss/developer-reference/include-signatures-in-the-authorization-header
func (s V1) Sign(req *http.Request, p Params) error {
	if err := p.check(); err != nil {
		return err
	}
	if _, err := unsign(req); err != nil {
		return err
	}
	req.Header.Set(headerDate, p.Time.UTC().Format(http.TimeFormat))
	if token := p.Credentials.SecurityToken; token != "" {
		req.Header.Set(headerOSSToken, token)
	}
	req.Header.Set(headerAuthorization, s.authorization(p, s.Signature(req, p)))
	return nil
}

// authorization returns the value of the Authorization header.
func (V1) authorization(p Params, signature string) string {
	return "OSS " + p.Credentials.AccessKeyID + ":" + signature
}

// Presign sets Expires, OSSAccessKeyId and Signature in the query and, with a token,
// security-token. The ttl is at least a second and has no upper limit of its own; a URL made
// with a token dies with the token.
//
// See https://help.aliyun.com/en/oss/developer-reference/ddd-signatures-to-urls
func (s V1) Presign(req *http.Request, p Params, ttl time.Duration) error {
	if err := p.check(); err != nil {
		return err
	}
	if ttl < time.Second {
		return fmt.Errorf("signer: ttl %v is less than %v", ttl, time.Second)
	}
	query, err := unsign(req)
	if err != nil {
		return err
	}
	query = append(query,
		pair{"Expires", strconv.FormatInt(p.Time.Add(ttl).Unix(), 10)},
		pair{"OSSAccessKeyId", p.Credentials.AccessKeyID})
	if token := p.Credentials.SecurityToken; token != "" {
		query = append(query, pair{"security-token", token})
	}
	req.URL.RawQuery = encodeQuery(query)
	req.URL.RawQuery += "&Signature=" + escape(s.Signature(req, p))
	return nil
}

// Signature returns what Sign puts after the colon and Presign into the query, for req as it
// stands: the base64 of an HMAC-SHA1 over StringToSign. It changes and checks nothing, so that
// a server can hold it against the signature it received.
func (s V1) Signature(req *http.Request, p Params) string {
	var text [512]byte
	return signV1(p.Credentials.AccessKeySecret, s.appendStringToSign(text[:0], req, p))
}

// signV1 is the scheme's only cryptography.
func signV1(secret string, text []byte) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write(text)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// StringToSign returns the text V1 hashes, to hold against the one in a SignatureDoesNotMatch reply.
//
// It describes req as it stands, so call it after Sign or Presign. The date is the Expires
// parameter if OSSAccessKeyId is in the query, else x-oss-date, else Date, else p.Time. The
// Authorization header and the Signature parameter do not matter.
func (s V1) StringToSign(req *http.Request, p Params) string {
	return string(s.appendStringToSign(nil, req, p))
}

func (s V1) appendStringToSign(b []byte, req *http.Request, p Params) []byte {
	for _, line := range [...]string{
		verb(req),
		textproto.TrimString(req.Header.Get("Content-Md5")),
		textproto.TrimString(req.Header.Get("Content-Type")),
		s.date(req, p),
	} {
		b = append(b, line...)
		b = append(b, '\n')
	}
	b = appendHeaders(b, ossHeaders(req.Header))
	return s.appendResource(b, req, p)
}

// date returns the DATE line.
func (V1) date(req *http.Request, p Params) string {
	if _, ok := queryValue(req.URL.RawQuery, "OSSAccessKeyId"); ok {
		expires, _ := queryValue(req.URL.RawQuery, "Expires")
		return expires
	}
	for _, name := range [...]string{headerOSSDate, headerDate} {
		if date := textproto.TrimString(req.Header.Get(name)); date != "" {
			return date
		}
	}
	return p.Time.UTC().Format(http.TimeFormat)
}

// appendResource appends bucket, key and subresources. None of them is escaped, unlike in V4
// and unlike on the wire: the commonest cause of a mismatch.
func (V1) appendResource(b []byte, req *http.Request, p Params) []byte {
	b = append(b, '/')
	if p.Bucket != "" {
		b = append(b, p.Bucket...)
		b = append(b, '/')
		b = append(b, p.Key...)
	}
	query, _ := parseQuery(req.URL.RawQuery) // Sign has refused a bad one
	signed := query[:0]
	for _, q := range query {
		if isSubresource(q.name) {
			signed = append(signed, q)
		}
	}
	if len(signed) > 0 {
		b = append(b, '?')
	}
	return appendQuery(b, signed)
}

// isSubresource reports whether V1 covers a query parameter. OSS does not publish its list.
// These are the names that the official SDKs sign between them; their lists differ, but each
// name is there because an operation needs it.
func isSubresource(name string) bool {
	switch name {
	case "acl", "append", "bucketInfo", "delete", "location", "objectMeta", "partNumber",
		"position", "restore", "security-token", "sequential", "stat", "symlink", "tagging",
		"uploadId", "uploads", "versionId", "versioning", "versions", "withHashContext":
		return true // objects and multipart uploads
	case "response-cache-control", "response-content-disposition", "response-content-encoding",
		"response-content-language", "response-content-type", "response-expires":
		return true // headers of the reply
	case "accessPoint", "accessPointPolicy", "asyncFetch", "bucketArchiveDirectRead", "callback",
		"callback-var", "cleanRestoredObject", "cloudboxes", "cname", "comp", "continuation-token",
		"cors", "encryption", "endTime", "group", "httpsConfig", "img", "inventory", "inventoryId",
		"lifecycle", "link", "live", "logging", "metaQuery", "objectInfo", "policy", "policyStatus",
		"processConfiguration", "publicAccessBlock", "qos", "qosInfo", "qosRequester",
		"redundancyTransition", "referer", "regionList", "replication", "replicationLocation",
		"replicationProgress", "requestPayment", "requesterQosInfo", "resourceGroup",
		"resourcePool", "resourcePoolBuckets", "resourcePoolInfo", "responseHeader", "rtc", "seal",
		"startTime", "status", "style", "styleName", "transferAcceleration", "udf",
		"udfApplication", "udfApplicationLog", "udfId", "udfImage", "udfImageDesc", "udfName",
		"vip", "vod", "vpcip", "website", "worm", "wormExtend", "wormId":
		return true // buckets and everything else
	}
	return strings.HasPrefix(name, "x-oss-")
}
