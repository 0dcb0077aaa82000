package osstest_test

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// deleteWire deletes what a document of Object elements names in the bucket "open".
func deleteWire(t testing.TB, do func(body string, head ...string) *wireReply, objects string) *wireReply {
	t.Helper()
	body := "<Delete>" + objects + "</Delete>"
	sum := md5.Sum([]byte(body))
	return do(body, "POST /?delete HTTP/1.1", "Content-MD5: "+base64.StdEncoding.EncodeToString(sum[:]),
		fmt.Sprintf("Content-Length: %d", len(body)))
}

// Go v2 writes &#x0B;, Python v2 &#11; and &#01;, Python v1 and C++ the bytes themselves (H3).
func TestControlCharactersInARequestsDocumentAreRead(t *testing.T) {
	srv := startOpen(t)
	for _, key := range []string{"a\vb", "c\vd", "e\x01", "f\f\x1c\x1a", "g\vh"} {
		srv.PutObject("open", key, nil)
	}
	send := func(body string, head ...string) *wireReply { return sendWire(t, srv, body, head...) }
	got := deleteWire(t, send, "<Object><Key>a&#x0B;b</Key></Object><Object><Key>c&#11;d</Key></Object>"+
		"<Object><Key>e&#01;</Key></Object><Object><Key>f\f\x1c\x1a</Key></Object>"+
		"<Object><Key>g&#x0b;h</Key><VersionId>null</VersionId></Object>")
	wantWire(t, "delete", got, "200", "<Key>a&#11;b</Key>")
	if left := srv.Objects("open"); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// Without encoding-type the service writes references: two keys that differ in a control character stay two (BR51, H18).
func TestControlCharactersInRepliesSurvive(t *testing.T) {
	srv := startOpen(t)
	get := func(target string) string {
		got := sendWire(t, srv, "", "GET /"+target+" HTTP/1.1")
		wantWire(t, target, got, "200", "")
		return got.body
	}
	srv.PutObject("open", "X\x01Y", nil)
	srv.PutObject("open", "X\x02Y", nil)
	id := between(sendWire(t, srv, "", "POST /U%1C?uploads HTTP/1.1", "Content-Length: 0").body, "<UploadId>", "<")
	for _, tt := range []struct{ target, want string }{
		{"", "<Key>X&#1;Y</Key>"},
		{"", "<Key>X&#2;Y</Key>"},
		{"?max-keys=1", "<NextMarker>X&#1;Y</NextMarker>"},
		{"?marker=X%01Y&prefix=X", "<Marker>X&#1;Y</Marker>"},
		{"?delimiter=%01", "<Prefix>X&#1;</Prefix>"},
		{"?list-type=2", "<Key>X&#2;Y</Key>"},
		{"?versions&max-keys=1", "<NextKeyMarker>X&#1;Y</NextKeyMarker>"},
		{"?uploads", "<Key>U&#28;</Key>"},
		{"U%1C?uploadId=" + id, "<Key>U&#28;</Key>"},
		{"?encoding-type=url", "<Key>X%01Y</Key>"},
	} {
		if got := get(tt.target); !strings.Contains(got, tt.want) {
			t.Errorf("GET /%s has no %s:\n%s", tt.target, tt.want, got)
		}
	}
	none := sendWire(t, srv, "", "GET /none%1F HTTP/1.1")
	wantWire(t, "a refusal", none, "404", "<Key>none&#31;</Key>")
}
