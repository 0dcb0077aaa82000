package osstest_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// At an IP address the C SDK and aliyun-sdk ask for "/B" and sign that, not "/B/" (H15).
func TestABucketWithoutItsSlashIsSignedEitherWay(t *testing.T) {
	srv := start(t, nil)
	srv.PutObject("b", "key", nil)
	ask := func(target, resource string) *wireReply {
		date := time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
		mac := hmac.New(sha1.New, []byte(osstest.AccessKeySecret))
		mac.Write([]byte("GET\n\n\n" + date + "\n" + resource))
		return sendWire(t, srv, "", "GET "+target+" HTTP/1.1", "Host: 127.0.0.1", "Date: "+date,
			"Authorization: OSS "+osstest.AccessKeyID+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	for _, tt := range []struct{ target, resource, status string }{
		{"/b?uploads", "/b?uploads", "200"},
		{"/b?uploads", "/b/?uploads", "200"},
		{"/b", "/b", "200"},
		{"/b?max-keys=1&acl", "/b?acl", "200"},
		{"/b/?uploads", "/b/?uploads", "200"},
		{"/b/?uploads", "/b?uploads", "403"},
		{"/b?uploads", "/?uploads", "403"},
		{"/b?uploads", "/c?uploads", "403"},
		{"/b/key", "/b/key", "200"},
	} {
		wantWire(t, tt.target+" signed as "+tt.resource, ask(tt.target, tt.resource), tt.status, "")
	}
}
