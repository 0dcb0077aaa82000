// Package rpcsign builds requests in the RPC style of Alibaba Cloud and signs them with signature version 1.0. STS
// takes such requests.
//
// See https://www.alibabacloud.com/help/en/sdk/product-overview/rpc-mechanism
package rpcsign

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A Call is one action of an API, and all that its signature depends on.
type Call struct {
	Endpoint string     // scheme and host, for example "https://sts.aliyuncs.com"
	Action   string     // for example "AssumeRole"
	Version  string     // of the API, for example "2015-04-01"
	Form     url.Values // parameters of the action, sent in the body
	Time     time.Time
	Nonce    string // unique for each signed request; unused without a signature

	AccessKeyID, AccessKeySecret string // both "" for a request without a signature
	SecurityToken                string // of temporary keys
}

// Request returns the POST request of c, signed if c has keys.
func (c Call) Request() (*http.Request, error) {
	query := url.Values{
		"Action": {c.Action}, "Version": {c.Version}, "Format": {"JSON"},
		"Timestamp": {c.Time.UTC().Format("2006-01-02T15:04:05Z")},
	}
	if c.AccessKeyID != "" {
		query.Set("SignatureMethod", "HMAC-SHA1")
		query.Set("SignatureVersion", "1.0")
		query.Set("SignatureNonce", c.Nonce)
		query.Set("AccessKeyId", c.AccessKeyID)
		if c.SecurityToken != "" {
			query.Set("SecurityToken", c.SecurityToken)
		}
		query.Set("Signature", Signature(http.MethodPost, query, c.Form, c.AccessKeySecret))
	}
	req, err := http.NewRequest(http.MethodPost, c.Endpoint+"/?"+query.Encode(), strings.NewReader(c.Form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept-Encoding", "identity")
	return req, nil
}

// Signature returns the base64 signature of a request with the given parameters.
func Signature(method string, query, form url.Values, secret string) string {
	all := maps.Clone(query)
	maps.Copy(all, form)
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte(method + "&%2F&" + escape(escaped(all))))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// escaped returns the canonical query: sorted and escaped by RFC 3986. The escapes of package net/url differ only for a
// space.
func escaped(v url.Values) string { return strings.ReplaceAll(v.Encode(), "+", "%20") }

// escape percent-encodes everything but the unreserved characters of RFC 3986.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
