package osstest_test

import (
	"fmt"
	"testing"
)

// With KMS and no key of one's own every reply names the default key (H17).
func TestKMSWithoutAKeyNamesTheDefaultKey(t *testing.T) {
	srv := startOpen(t)
	const kms, name = "x-oss-server-side-encryption: KMS", "x-oss-server-side-encryption-key-id"
	keys := make(map[string]string)
	note := func(what string, reply *wireReply) string {
		wantWire(t, what, reply, "200", "")
		keys[what] = reply.header[name]
		return reply.body
	}
	note("PutObject", sendWire(t, srv, "", "PUT /key HTTP/1.1", "Content-Length: 0", kms))
	note("HeadObject", sendWire(t, srv, "", "HEAD /key HTTP/1.1"))
	note("GetObject", sendWire(t, srv, "", "GET /key HTTP/1.1"))
	note("AppendObject", sendWire(t, srv, "", "POST /log?append&position=0 HTTP/1.1", "Content-Length: 0", kms))
	note("CopyObject", sendWire(t, srv, "", "PUT /copy HTTP/1.1", "Content-Length: 0", "x-oss-copy-source: /open/key", kms))
	id := between(note("Initiate", sendWire(t, srv, "", "POST /key?uploads HTTP/1.1", "Content-Length: 0", kms)), "<UploadId>", "<")
	part := "PUT /key?partNumber=1&uploadId=" + id + " HTTP/1.1"
	note("UploadPart", sendWire(t, srv, "", part, "Content-Length: 0"))
	note("UploadPartCopy", sendWire(t, srv, "", part, "Content-Length: 0", "x-oss-copy-source: /open/key"))
	list := "<CompleteMultipartUpload/>"
	note("Complete", sendWire(t, srv, list, "POST /key?uploadId="+id+" HTTP/1.1", fmt.Sprintf("Content-Length: %d", len(list))))
	for what, key := range keys {
		if key == "" || key != keys["PutObject"] {
			t.Errorf("%s names the key %q, PutObject %q", what, key, keys["PutObject"])
		}
	}
	sendWire(t, srv, "", "PUT /own HTTP/1.1", "Content-Length: 0", kms, name+": mine")
	if got := sendWire(t, srv, "", "HEAD /own HTTP/1.1").header[name]; got != "mine" {
		t.Errorf("a key of one's own becomes %q", got)
	}
	sendWire(t, srv, "", "PUT /aes HTTP/1.1", "Content-Length: 0", "x-oss-server-side-encryption: AES256")
	if got, ok := sendWire(t, srv, "", "HEAD /aes HTTP/1.1").header[name]; ok {
		t.Errorf("AES256 has the key %q", got)
	}
}
