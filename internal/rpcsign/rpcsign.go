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

// A Call is one action of an API, with what makes its signature reproducible.
type Call struct {
	Endpoint string     // scheme and host, for example "https://sts.aliyuncs.com"
	Action   string     // for example "AssumeRole"
	Version  string     // of the API, for example "2015-04-01"
	Form     url.Values // parameters of the action; they travel in the body
	Time     time.Time
	Nonce    string // never used before; only signed calls have one

	AccessKeyID, AccessKeySecret string // both empty for a call without a signature
	SecurityToken                string // of temporary keys
}

// Request returns the POST request of c.
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

// Signature returns the signature of a request with these parameters, in base64.
func Signature(method string, query, form url.Values, secret string) string {
	all := maps.Clone(query)
	maps.Copy(all, form)
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte(method + "&%2F&" + escape(escaped(all))))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// escaped is the canonical query: sorted, with the escapes of RFC 3986. Those of the standard library differ from them
// for a blank only.
func escaped(v url.Values) string { return strings.ReplaceAll(v.Encode(), "+", "%20") }

func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
