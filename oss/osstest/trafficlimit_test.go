package osstest_test

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// Go v1's live test sends three parts of 170 KiB at 819220 bit/s and expects them to take their time (H9).
func TestATrafficLimitIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{PublicBuckets: []string{"open"}})
		defer srv.Close()
		data := strings.Repeat("a", 170<<10)
		const limit, length = "x-oss-traffic-limit: 819220", "Content-Length: 174080"
		id := between(sendWire(t, srv, "", "POST /key?uploads HTTP/1.1", "Content-Length: 0").body, "<UploadId>", "<")
		for _, tt := range []struct {
			body string
			head []string
		}{
			{data, []string{"PUT /key?partNumber=1&uploadId=" + id + " HTTP/1.1", length, limit}},
			{data, []string{"PUT /key HTTP/1.1", length, limit}},
			{data, []string{"POST /log?append&position=0&x-oss-traffic-limit=819220 HTTP/1.1", length}},
			{"", []string{"GET /key HTTP/1.1", limit}},
		} {
			began := time.Now()
			got := sendWire(t, srv, tt.body, tt.head...)
			took := time.Since(began)
			if wantWire(t, tt.head[0], got, "200", ""); took < 1699*time.Millisecond || took > 1801*time.Millisecond {
				t.Errorf("%s takes %v, want 1.7s", tt.head[0], took)
			}
			if got := got.header["x-oss-qos-delay-time"]; got != "1699" {
				t.Errorf("%s: x-oss-qos-delay-time is %q", tt.head[0], got)
			}
		}
		began := time.Now()
		got := sendWire(t, srv, data, "PUT /key HTTP/1.1", length)
		if took := time.Since(began); took > 0 || got.header["x-oss-qos-delay-time"] != "" {
			t.Errorf("without a limit a part takes %v: %v", took, got.header)
		}
	})
}

// ali-oss's live test gives every step 645763, which is below the documented minimum (H8).
func TestATrafficLimitBelowTheMinimumIsTaken(t *testing.T) {
	srv := startOpen(t)
	const low = "x-oss-traffic-limit: 645763"
	begun := sendWire(t, srv, "", "POST /key?uploads HTTP/1.1", "Content-Length: 0", low)
	wantWire(t, "Initiate", begun, "200", "")
	upload := "uploadId=" + between(begun.body, "<UploadId>", "<")
	got := sendWire(t, srv, "a", "PUT /key?partNumber=1&"+upload+" HTTP/1.1", "Content-Length: 1", low)
	wantWire(t, "UploadPart", got, "200", "")
	list := partList(1, got.header["ETag"])
	got = sendWire(t, srv, list, "POST /key?"+upload+" HTTP/1.1", "Content-Length: "+strconv.Itoa(len(list)), low)
	wantWire(t, "Complete", got, "200", "")
	const senseless = "x-oss-traffic-limit: fast"
	for _, head := range []string{"HEAD /key HTTP/1.1", "GET / HTTP/1.1", "POST /key?uploads HTTP/1.1"} {
		wantWire(t, head, sendWire(t, srv, "", head, "Content-Length: 0", senseless), "200", "")
	}
	for _, value := range []string{"fast", "-1", "838860801", "1.5"} {
		got := sendWire(t, srv, "", "PUT /key HTTP/1.1", "Content-Length: 0", "x-oss-traffic-limit: "+value)
		wantWire(t, value, got, "400", "0004-00000502")
	}
}
