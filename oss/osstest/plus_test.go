package osstest_test

import "testing"

// The Ruby SDK writes a space as "+" in paths; a client that leaves a plus bare addresses another key (H13).
func TestABarePlusInAPathIsASpace(t *testing.T) {
	srv := startOpen(t)
	for target, key := range map[string]string{"/a+b": "a b", "/a%20c": "a c", "/a%2Bd": "a+d", "/%2B+%2b/+": "+ +/ "} {
		wantWire(t, target, sendWire(t, srv, "", "PUT "+target+" HTTP/1.1", "Content-Length: 0"), "200", "")
		if _, ok := srv.Stat("open", key); !ok {
			t.Errorf("PUT %s makes no object %q", target, key)
		}
	}
	if got := srv.Objects("open"); len(got) != 4 {
		t.Errorf("objects are %q", got)
	}
	signed := sendSigned(t, srv, "open", "x y", "", "PUT /open/x+y HTTP/1.1", "Host: 127.0.0.1", "Content-Length: 0")
	wantWire(t, "signed for a space", signed, "200", "")
	signed = sendSigned(t, srv, "open", "x+y", "", "PUT /x+y HTTP/1.1", "Content-Length: 0")
	wantWire(t, "signed for a plus", signed, "403", "SignatureDoesNotMatch")
}
