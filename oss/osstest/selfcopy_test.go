package osstest_test

import "testing"

// PHP and C++ change the metadata of an object by a copy onto itself, without REPLACE (H20).
func TestACopyOntoItselfTakesTheMetadataOfTheRequest(t *testing.T) {
	srv := startOpen(t)
	const length, source = "Content-Length: 0", "x-oss-copy-source: /open/key"
	for _, directive := range []string{"X-Nothing: 1", "x-oss-metadata-directive: COPY", "x-oss-metadata-directive: REPLACE"} {
		sendWire(t, srv, "", "PUT /key HTTP/1.1", length, "x-oss-meta-a: old", "Content-Type: text/css")
		copied := sendWire(t, srv, "", "PUT /key HTTP/1.1", length, source, directive, "x-oss-meta-b: new", "Content-Disposition: inline")
		wantWire(t, directive, copied, "200", "<ETag>")
		got := sendWire(t, srv, "", "HEAD /key HTTP/1.1").header
		if got["x-oss-meta-a"] != "" || got["x-oss-meta-b"] != "new" || got["Content-Disposition"] != "inline" {
			t.Errorf("with %s the object has %v", directive, got)
		}
	}
	sendWire(t, srv, "", "PUT /key HTTP/1.1", length, source)
	if got := sendWire(t, srv, "", "HEAD /key HTTP/1.1").header; got["x-oss-meta-b"] != "new" {
		t.Errorf("a copy onto itself without metadata leaves %v", got)
	}
	sendWire(t, srv, "", "PUT /other HTTP/1.1", length, source, "x-oss-meta-b: newer")
	if got := sendWire(t, srv, "", "HEAD /other HTTP/1.1").header; got["x-oss-meta-b"] != "new" {
		t.Errorf("a copy elsewhere takes the metadata of the request: %v", got)
	}
}
