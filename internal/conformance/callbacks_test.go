package conformance_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A callee stands for the server that is called back: it needs no port.
type callee struct {
	status int
	answer string
	heard  string
}

func (c *callee) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	c.heard = string(body)
	return &http.Response{StatusCode: c.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header), Request: r,
		Body: io.NopCloser(strings.NewReader(c.answer)), ContentLength: int64(len(c.answer))}, nil
}

// callbackAssumptions are about the callbacks of uploads.
func callbackAssumptions() []assumption {
	const noServer = "the service would need a server of ours to call"
	ops := []string{"PutObject", "CompleteMultipartUpload"}
	with := func(t *testing.T, e *env, c *callee) (*env, []string) {
		t.Helper()
		e = &env{system: fakeSystemWith(t, osstest.Options{Callbacks: &http.Client{Transport: c}}), id: e.id}
		spec := fmt.Sprintf(`{"callbackUrl":"http://127.0.0.1/","callbackBody":%q}`,
			"filename=${object}&size=${size}&mimeType=${mimeType}&x=${x:own}")
		pack := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
		return e, []string{"x-oss-callback", pack(spec), "x-oss-callback-var", pack(`{"x:own":"a b"}`)}
	}
	return []assumption{
		{
			ID: "A290", Source: documented, Where: "docs: Callback", Ops: ops, FakeOnly: noServer,
			Claim: "After the upload the callback's body is sent with its variables filled in, and the answer to it " +
				"is the answer to the uploader.",
			check: func(t *testing.T, e *env) {
				c := &callee{status: 200, answer: `{"ok":true}`}
				e, header := with(t, e, c)
				key, data := e.key("object"), []byte("hi oss")
				r := e.send(t, request{method: "PUT", key: key, body: data,
					header: append(header, "Content-Type", "text/plain")}).wants(t, 200)
				equal(t, "body", string(r.body), c.answer)
				equal(t, "heard", c.heard, "filename="+escapeQuery(key)+"&size=6&mimeType=text%2Fplain&x=a%20b")
				r.is(t, "ETag", etagOf(data), "x-oss-hash-crc64ecma", crcOf(data), "Content-Type", "application/json")
				r = e.complete(t, key, e.begin(t, key, data), numbered(data), header...).wants(t, 200)
				equal(t, "body", string(r.body), c.answer)
				r.is(t, "ETag", joinedETag(data))
			},
		},
		{
			ID: "A291", Source: liveTest, Where: goSDK, Ops: ops, FakeOnly: noServer,
			Claim: "A callback that is answered by another status than 200 is 203 CallbackFailed; the object is " +
				"there, with its ETag and CRC-64 in the reply.",
			check: func(t *testing.T, e *env) {
				c := &callee{status: 301}
				e, header := with(t, e, c)
				key, data := e.key("object"), []byte("hi oss")
				for _, send := range []func() *reply{
					func() *reply { return e.send(t, request{method: "PUT", key: key, body: data, header: header}) },
					func() *reply { return e.complete(t, key, e.begin(t, key, data), numbered(data), header...) },
				} {
					r := send()
					doc := e.refused(t, r, 203, "CallbackFailed", "0007-00000203")
					equal(t, "Message", doc.get("Message"), "Error status : 301.")
					r.is(t, "x-oss-hash-crc64ecma", crcOf(data), "x-oss-ec", "0007-00000203",
						"Content-Type", "application/xml")
					r.is(t, "ETag", e.head(t, key).wants(t, 200).header.Get("ETag"))
				}
				e.holds(t, key, data)
			},
		},
	}
}

// callbackStepAssumptions are about the other steps of an upload with a callback, and about whom OSS calls.
func callbackStepAssumptions() []assumption {
	pack := func(url string) []string {
		spec := fmt.Sprintf(`{"callbackUrl":%q,"callbackBody":"x"}`, url)
		return []string{"x-oss-callback", base64.StdEncoding.EncodeToString([]byte(spec))}
	}
	return []assumption{
		{
			ID: "A445", Source: liveTest, Ops: []string{"InitiateMultipartUpload", "UploadPart"},
			Where: goV1SDK + " TestUploadFileWithCallbackResult; " + cSDK +
				" test_resumable_upload_callback; " + cppSDK,
			Claim: "Initiate and UploadPart ignore a callback.",
			check: func(t *testing.T, e *env) {
				key, header := e.key("object"), pack("http://example.com/")
				id := e.initiate(t, key, header...)
				e.upload(t, key, id, 1, []byte("1"), header...).wants(t, 200)
			},
		},
		{
			ID: "A446", Source: liveTest, Where: cppSDK + " ResumableUploadCallbackUrlNegativeTest",
			Ops:   []string{"PutObject", "CompleteMultipartUpload"},
			Claim: "A callbackUrl that is empty or a private address is 400 InvalidArgument, and nothing is stored.",
			check: func(t *testing.T, e *env) {
				for _, url := range []string{"", "http://192.168.1.1"} {
					key := e.key("object")
					r := e.send(t, request{method: "PUT", key: key, body: []byte("1"), header: pack(url)})
					e.refused(t, r, 400, "InvalidArgument", "")
					e.head(t, key).wants(t, 404)
				}
			},
		},
	}
}
