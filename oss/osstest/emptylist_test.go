package osstest_test

import (
	"fmt"
	"testing"
)

// Five SDKs complete an upload with a list that names no part, and get an object of no bytes (H6).
func TestACompleteThatListsNoPartMakesAnEmptyObject(t *testing.T) {
	srv := startOpen(t)
	for _, body := range []string{
		"<CompleteMultipartUpload></CompleteMultipartUpload>", "<CompleteMultipartUpload/>",
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CompleteMultipartUpload>\n</CompleteMultipartUpload>\n",
	} {
		for _, parts := range []int{0, 1} {
			begun := sendWire(t, srv, "", "POST /key?uploads HTTP/1.1", "Content-Length: 0", "Content-Type: text/css")
			id := between(begun.body, "<UploadId>", "<")
			if parts == 1 { // uploaded and not listed
				sendWire(t, srv, "abc", "PUT /key?partNumber=1&uploadId="+id+" HTTP/1.1", "Content-Length: 3")
			}
			length := fmt.Sprintf("Content-Length: %d", len(body))
			got := sendWire(t, srv, body, "POST /key?uploadId="+id+" HTTP/1.1", length)
			wantWire(t, body, got, "200", "<ETag>\"D41D8CD98F00B204E9800998ECF8427E-0\"</ETag>")
			if got.header["x-oss-hash-crc64ecma"] != "0" {
				t.Errorf("CRC-64 of nothing: %v", got.header)
			}
			head := sendWire(t, srv, "", "GET /key HTTP/1.1")
			wantWire(t, "the object", head, "200", "")
			if head.header["Content-Length"] != "0" || head.header["Content-Type"] != "text/css" || head.header["x-oss-object-type"] != "Multipart" {
				t.Errorf("the object has %v", head.header)
			}
		}
	}
	if left := srv.Uploads(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
