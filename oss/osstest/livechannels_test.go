package osstest_test

import (
	"strings"
	"testing"
)

// The clean-up of four official SDKs lists live channels before it deletes a bucket (H2).
func TestLiveChannelsAreAnEmptyList(t *testing.T) {
	srv := start(t, nil)
	list := func(query string) *wireReply {
		return sendSigned(t, srv, "b", "", "", "GET /b/?live"+query+" HTTP/1.1", "Host: 127.0.0.1")
	}
	got := list("")
	wantWire(t, "without parameters", got, "200",
		"<MaxKeys>100</MaxKeys>\n  <IsTruncated>false</IsTruncated>\n</ListLiveChannelResult>\n")
	got = list("&prefix=p%3C&marker=m&max-keys=1000")
	wantWire(t, "with parameters", got, "200",
		"<Prefix>p&lt;</Prefix>\n  <Marker>m</Marker>\n  <MaxKeys>1000</MaxKeys>")
	wantWire(t, "too many", list("&max-keys=1001"), "400", "<Code>InvalidArgument</Code>")
	for _, method := range []string{"PUT", "DELETE", "POST"} {
		got := sendSigned(t, srv, "b", "channel", "", method+" /b/channel?live HTTP/1.1",
			"Host: 127.0.0.1", "Content-Length: 0")
		if wantWire(t, method, got, "400", "<Code>NotImplemented</Code>"); !strings.Contains(got.body, "<Header>live</Header>") {
			t.Errorf("%s does not say what is not implemented: %s", method, got.body)
		}
	}
}
