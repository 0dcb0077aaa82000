package signer

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"hash"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"time"
)

// V1 is the scheme with HMAC-SHA1: "Authorization: OSS AccessKeyID:Signature". New buckets refuse it.
//
// It covers the method, Content-MD5, Content-Type, the date, the x-oss-* headers, bucket and key. Of the query it
// covers the parameters that OSS calls subresources and those that begin with "x-oss-".
type V1 struct{}

// Sign sets Date, Authorization and, for keys with a token, x-oss-security-token. An x-oss-date header in the form of
// Date (RFC 1123, GMT) that the caller has set is kept, and OSS uses it as the date.
//
// See https://help.aliyun.com/en/oss/developer-reference/include-signatures-in-the-authorization-header
func (s V1) Sign(req *http.Request, p Params) error {
	if err := p.check(); err != nil {
		return err
	}
	var room pairBuffer
	if _, err := removeSignature(room[:0], req); err != nil {
		return err
	}
	values := make(headerSetter, 0, 3)
	values.set(req.Header, headerDate, p.Time.UTC().Format(http.TimeFormat))
	if token := p.Credentials.SecurityToken; token != "" {
		values.set(req.Header, headerOSSToken, token)
	}
	values.set(req.Header, headerAuthorization, s.authorization(p, s.Signature(req, p)))
	return nil
}

// authorization returns the value of the Authorization header.
func (V1) authorization(p Params, signature string) string {
	return "OSS " + p.Credentials.AccessKeyID + ":" + signature
}

// Presign adds Expires, OSSAccessKeyId, Signature and, for keys with a token, security-token to the query. The ttl is
// at least one second and has no maximum. A URL that contains a token expires with the token if that is sooner.
//
// See https://help.aliyun.com/en/oss/developer-reference/ddd-signatures-to-urls
func (s V1) Presign(req *http.Request, p Params, ttl time.Duration) error {
	if err := p.check(); err != nil {
		return err
	}
	if ttl < time.Second {
		return fmt.Errorf("signer: ttl %v is less than %v", ttl, time.Second)
	}
	var room pairBuffer
	query, err := removeSignature(room[:0], req)
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

// Signature returns the signature of req as it stands, which Sign puts after the colon and Presign into the query: the
// base64 of an HMAC-SHA1 of StringToSign. It changes and checks nothing, so that a server can compare it with the
// signature that it received.
func (s V1) Signature(req *http.Request, p Params) string {
	key := v1Keys.Get().(*v1Key)
	defer v1Keys.Put(key)
	key.buf = s.appendStringToSign(key.buf[:0], req, p)
	return key.sign(p.Credentials.AccessKeySecret)
}

// A v1Key is an HMAC with a secret. Keeping it saves the hashing of the secret: most requests have the same one.
type v1Key struct {
	secret string
	mac    hash.Hash // nil if there is no secret yet
	buf    []byte    // the text to sign; reused
}

// v1Keys are keys of recent signatures. A goroutine has its key to itself.
var v1Keys = sync.Pool{New: func() any { return new(v1Key) }}

// sign replaces the text in k.buf, and returns its signature.
func (k *v1Key) sign(secret string) string {
	if k.mac == nil || k.secret != secret {
		k.secret, k.mac = secret, hmac.New(sha1.New, []byte(secret))
	}
	k.mac.Reset()
	k.mac.Write(k.buf)
	k.buf = k.mac.Sum(k.buf[:0])
	return base64.StdEncoding.EncodeToString(k.buf)
}

// StringToSign returns the text that V1 signs, to compare with the one in a SignatureDoesNotMatch reply.
//
// It describes req as it stands, so call it after Sign or Presign. The date is the Expires parameter if OSSAccessKeyId
// is in the query, else x-oss-date, else Date, else p.Time. It does not depend on the Authorization header and the
// Signature parameter.
func (s V1) StringToSign(req *http.Request, p Params) string {
	return string(s.appendStringToSign(nil, req, p))
}

func (s V1) appendStringToSign(b []byte, req *http.Request, p Params) []byte {
	for _, line := range [...]string{
		method(req),
		textproto.TrimString(req.Header.Get("Content-Md5")),
		textproto.TrimString(req.Header.Get("Content-Type")),
		s.date(req, p),
	} {
		b = append(b, line...)
		b = append(b, '\n')
	}
	var room pairBuffer
	b = appendHeaders(b, ossHeaders(room[:0], req.Header))
	return s.appendResource(b, req, p)
}

// date returns the line of the date.
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

// appendResource appends bucket, key and subresources. None of them is escaped, unlike in V4 and in the URL. This is
// the most common cause of a mismatch.
func (V1) appendResource(b []byte, req *http.Request, p Params) []byte {
	b = append(b, '/')
	if p.Bucket != "" {
		b = append(b, p.Bucket...)
		b = append(b, '/')
		b = append(b, p.Key...)
	}
	var room pairBuffer
	query, _ := parseQuery(room[:0], req.URL.RawQuery) // Sign refuses an invalid one
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

// isSubresource reports whether V1 covers a query parameter. OSS does not publish its list. These are the names that
// the official SDKs sign, taken together; their lists differ, but an operation needs each of the names.
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
