package osstest_test

import (
	"strings"
	"testing"
)

// The C SDK and Python v1 send every parameter of a list, with or without a value (H12).
func TestAParameterOfAListWithoutAValueCountsAsAbsent(t *testing.T) {
	srv := startOpen(t)
	srv.PutObject("open", "key", nil)
	id := between(sendWire(t, srv, "", "POST /key?uploads HTTP/1.1", "Content-Length: 0").body, "<UploadId>", "<")
	for _, tt := range []struct{ target, want string }{
		{"/key?uploadId=" + id + "&max-parts=1000&part-number-marker", "<MaxParts>1000</MaxParts>"},
		{"/key?uploadId=" + id + "&max-parts=&part-number-marker=&encoding-type=", "<MaxParts>1000</MaxParts>"},
		{"/?uploads&max-uploads=&key-marker=&upload-id-marker=&prefix=&delimiter=&encoding-type", "<MaxUploads>1000</MaxUploads>"},
		{"/?max-keys=&marker=&prefix=&delimiter=&encoding-type=", "<MaxKeys>100</MaxKeys>"},
		{"/?list-type=2&continuation-token=&start-after=&max-keys=&fetch-owner=", "<KeyCount>1</KeyCount>"},
		{"/?versions&max-keys=&key-marker=&version-id-marker=", "<MaxKeys>100</MaxKeys>"},
	} {
		got := sendWire(t, srv, "", "GET "+tt.target+" HTTP/1.1")
		wantWire(t, tt.target, got, "200", tt.want)
		if strings.Contains(got.body, "EncodingType") {
			t.Errorf("%s is answered with an encoding: %s", tt.target, got.body)
		}
	}
	live := sendSigned(t, srv, "open", "", "", "GET /?live&max-keys= HTTP/1.1")
	wantWire(t, "live channels", live, "200", "<MaxKeys>100</MaxKeys>")
	wantWire(t, "versionId", sendWire(t, srv, "", "GET /key?versionId= HTTP/1.1"), "400", "0012-00000201")
}
