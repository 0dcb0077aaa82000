package oss

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// document is a refusal as the service sends it.
const document = `<?xml version="1.0" encoding="UTF-8"?>
<Error>
  <Code>SignatureDoesNotMatch</Code>
  <Message>The request signature we calculated does not match the signature you provided. Check ` +
	`your key and signing method.</Message>
  <RequestId>6A3302E0F8A24B3139D2CF6F</RequestId>
  <HostId>bucket.oss-cn-shanghai.aliyuncs.com</HostId>
  <OSSAccessKeyId>ID</OSSAccessKeyId>
  <SignatureProvided>sig</SignatureProvided>
  <StringToSign>OSS4-HMAC-SHA256
20260617T203008Z</StringToSign>
  <EC>0002-00000201</EC>
  <RecommendDoc>https://api.aliyun.com/troubleshoot?q=0002-00000201</RecommendDoc>
</Error>
`

func TestRefusalIsReadFromEveryKindOfReply(t *testing.T) {
	read := ServiceError{
		Op: "HeadObject", Bucket: "bucket", Key: "key", StatusCode: 403, Code: ErrSignatureMismatch,
		Message: "The request signature we calculated does not match the signature you provided. Check " +
			"your key and signing method.",
		RequestID: "6A3302E0F8A24B3139D2CF6F", HostID: "bucket.oss-cn-shanghai.aliyuncs.com", EC: "0002-00000201",
		HelpURL:      "https://api.aliyun.com/troubleshoot?q=0002-00000201",
		StringToSign: "OSS4-HMAC-SHA256\n20260617T203008Z",
	}
	foreign := ServiceError{Op: "HeadObject", Bucket: "bucket", Key: "key"}
	missing := foreign
	missing.StatusCode, missing.Code, missing.RequestID = 404, ErrNoSuchKey, "ID"
	named := func(key string) string {
		return "<Error><Code>NoSuchKey</Code><RequestId>ID</RequestId><Key>" + key + "</Key></Error>"
	}
	with := func(e ServiceError, change func(*ServiceError)) *ServiceError { change(&e); return &e }
	for _, tt := range []struct {
		name   string
		status int
		body   string
		header http.Header
		want   *ServiceError
	}{
		{"document", 403, document, nil, &read},
		{"document with a namespace", 403,
			strings.Replace(document, "<Error>", `<Error xmlns="http://doc.oss-cn-hangzhou.aliyuncs.com">`, 1), nil,
			&read},
		{"document in a header", 403, "",
			http.Header{"X-Oss-Err": {base64.StdEncoding.EncodeToString([]byte(document))}}, &read},
		{"document without an ID, header with one", 503, "<Error><Code>ServiceUnavailable</Code></Error>",
			http.Header{"X-Oss-Request-Id": {"ID"}, "X-Oss-Ec": {"EC"}}, with(foreign, func(e *ServiceError) {
				e.StatusCode, e.Code, e.RequestID, e.EC = 503, "ServiceUnavailable", "ID", "EC"
			})},
		{"document with a key that is not XML", 404, named("a\fb"), nil, &missing},
		{"document with a key that XML cannot quote", 404, named("a&#x0C;b"), nil, &missing},
		{"half of it", 404, strings.TrimSuffix(named("a\fb"), "</Error>"), nil, with(foreign, func(e *ServiceError) {
			e.StatusCode, e.Body = 404, []byte(strings.TrimSuffix(named("a\fb"), "</Error>"))
		})},
		{"page of a proxy", 502, "<html>bad gateway</html>", nil, with(foreign, func(e *ServiceError) {
			e.StatusCode, e.Body = 502, []byte("<html>bad gateway</html>")
		})},
		{"half a document", 500, document[:100], nil, with(foreign, func(e *ServiceError) {
			e.StatusCode, e.Body = 500, []byte(document[:100])
		})},
		{"document of another kind", 500, "<Result><Code>x</Code></Result>", nil, with(foreign, func(e *ServiceError) {
			e.StatusCode, e.Body = 500, []byte("<Result><Code>x</Code></Result>")
		})},
		{"nothing", 404, "", nil, with(foreign, func(e *ServiceError) { e.StatusCode, e.Body = 404, []byte{} })},
		{"header that is not base64", 404, "", http.Header{"X-Oss-Err": {"***"}}, with(foreign, func(e *ServiceError) {
			e.StatusCode, e.Body = 404, []byte{}
		})},
		{"not modified", 304, "", nil, with(foreign, func(e *ServiceError) {
			e.StatusCode, e.Code, e.Body = 304, "NotModified", []byte{}
		})},
		{"long page", 500, strings.Repeat("x", 1<<20), nil, with(foreign, func(e *ServiceError) {
			e.StatusCode, e.Body = 500, bytes.Repeat([]byte("x"), 1<<10)
		})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.header == nil {
				tt.header = make(http.Header)
			}
			got := newServiceError(Operation{Name: "HeadObject", Bucket: "bucket", Key: "key"},
				&http.Response{StatusCode: tt.status, Header: tt.header,
					Body: io.NopCloser(strings.NewReader(tt.body))}, nil)
			tt.want.Header = tt.header.Clone()
			tt.want.Header.Del("x-oss-err") // it may hold a token, in base64
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("refusal (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzRefusal states that whatever a server sends, its refusal is one line that names operation and
// status, and is never taken for a success.
func FuzzRefusal(f *testing.F) {
	f.Add(403, []byte(document), "")
	f.Add(404, []byte(nil), base64.StdEncoding.EncodeToString([]byte(document)))
	f.Add(502, []byte("<html>"), "")
	f.Add(500, []byte("<Error><Code>a\nb</Code><Message>\x00</Message><RequestId>\r</RequestId></Error>"), "!")
	f.Fuzz(func(t *testing.T, status int, body []byte, packed string) {
		resp := &http.Response{StatusCode: status, Header: make(http.Header), Body: io.NopCloser(bytes.NewReader(body))}
		resp.Header.Set("x-oss-err", packed)
		e := newServiceError(Operation{Name: "GetObject", Bucket: "bucket", Key: "key"}, resp, nil)
		if e.StatusCode != status || e.Op != "GetObject" || len(e.Body) > 1<<10 {
			t.Errorf("refusal = %+v", e)
		}
		text := e.Error()
		if !strings.HasPrefix(text, "oss: GetObject oss://bucket/key: ") || strings.ContainsAny(text, "\r\n\x00") {
			t.Errorf("error is %q", text)
		}
		if e.Code != "" && !e.Is(e.Code) || e.Is(Code("")) {
			t.Errorf("Is of code %q fails", e.Code)
		}
	})
}
