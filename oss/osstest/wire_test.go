package osstest_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A wireReply is a reply byte for byte: header names are spelled as the server spelled them.
type wireReply struct {
	line   string            // "HTTP/1.1 200 OK"
	header map[string]string // exact names
	body   string
}

// status is the second field of the status line.
func (r *wireReply) status() string { return strings.Fields(r.line)[1] }

// dialWire opens a connection to srv on its own network. Reads and writes give up after some seconds.
func dialWire(t testing.TB, srv *osstest.Server) net.Conn {
	t.Helper()
	conn, err := srv.HTTPClient().Transport.(*http.Transport).DialContext(t.Context(), "tcp", "osstest:80")
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	t.Cleanup(func() { conn.Close() })
	return conn
}

// sendWire writes a request as it stands and reads the reply. The lines of the head come first, the
// body behind them; "Host" and the end of the head are added. A bucket named "open" needs no signature
// if srv was started by startOpen.
func sendWire(t testing.TB, srv *osstest.Server, body string, head ...string) *wireReply {
	t.Helper()
	conn := dialWire(t, srv)
	lines := append([]string{head[0], "Host: open.oss-cn-hangzhou.aliyuncs.com"}, head[1:]...)
	return exchangeWire(t, conn, strings.Join(lines, "\r\n")+"\r\n\r\n"+body)
}

// startOpen starts a Server whose bucket "open" takes requests without a signature.
func startOpen(t testing.TB) *osstest.Server {
	t.Helper()
	return start(t, &osstest.Options{PublicBuckets: []string{"open"}})
}

// wire sends a signed call and returns the reply byte for byte.
func wire(t testing.TB, srv *osstest.Server, c call) *wireReply {
	t.Helper()
	var request bytes.Buffer
	if err := c.request(t).Write(&request); err != nil {
		t.Fatal(err)
	}
	return exchangeWire(t, dialWire(t, srv), request.String())
}

// exchangeWire writes a request to conn and reads one reply.
func exchangeWire(t testing.TB, conn net.Conn, request string) *wireReply {
	t.Helper()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatalf("writing the request: %v", err)
	}
	return readWire(t, bufio.NewReader(conn), strings.HasPrefix(request, "HEAD "))
}

// readWire reads one reply; that to HEAD has no body.
func readWire(t testing.TB, r *bufio.Reader, head bool) *wireReply {
	t.Helper()
	text := textproto.NewReader(r)
	reply := &wireReply{header: make(map[string]string)}
	var err error
	if reply.line, err = text.ReadLine(); err != nil {
		t.Fatalf("reading the status line: %v", err)
	}
	for {
		line, err := text.ReadLine()
		if err != nil {
			t.Fatalf("reading the head behind %q: %v", reply.line, err)
		}
		if line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ": ")
		reply.header[name] = value
	}
	size, _ := strconv.ParseInt(reply.header["Content-Length"], 10, 64)
	if head {
		size = 0
	}
	body, err := io.ReadAll(io.LimitReader(r, size))
	if err != nil || int64(len(body)) != size {
		t.Fatalf("reading the body: %d of %d bytes, %v", len(body), size, err)
	}
	reply.body = string(body)
	return reply
}

// wantWire fails the test unless the status and, if it is not empty, a text of the body are right.
func wantWire(t testing.TB, what string, got *wireReply, status, text string) {
	t.Helper()
	if got.status() != status || !strings.Contains(got.body, text) {
		t.Errorf("%s: %s %v %q\nwant status %s and %q", what, got.line, got.header, got.body, status, text)
	}
}

// The C++ SDK looks for "x-oss-meta-" as the service spells it (H11).
func TestReplyHeadersAreSpelledAsTheServiceSpellsThem(t *testing.T) {
	srv := startOpen(t)
	sendWire(t, srv, "hello", "PUT /key HTTP/1.1", "Content-Length: 5", "X-Oss-Meta-Author: me", "Content-Type: text/plain",
		"x-oss-tagging: a=b", "X-Oss-Server-Side-Encryption: AES256")
	for _, tt := range []struct {
		what  string
		reply *wireReply
		names []string
	}{
		{"GetObject", sendWire(t, srv, "", "GET /key HTTP/1.1"), []string{"x-oss-meta-author", "ETag", "Content-MD5", "x-oss-request-id",
			"x-oss-server-time", "x-oss-hash-crc64ecma", "x-oss-object-type", "x-oss-storage-class", "x-oss-tagging-count",
			"x-oss-server-side-encryption", "Server", "Date", "Content-Type", "Content-Length", "Last-Modified", "Accept-Ranges", "Vary"}},
		{"a refusal of HEAD", sendWire(t, srv, "", "HEAD /none HTTP/1.1"), []string{"x-oss-ec", "x-oss-err", "x-oss-request-id",
			"x-oss-server-time", "Server", "Date", "Content-Type", "Content-Length"}},
	} {
		for _, name := range tt.names {
			if _, ok := tt.reply.header[name]; !ok {
				t.Errorf("%s has no header %s: %v", tt.what, name, tt.reply.header)
			}
		}
		if len(tt.reply.header) != len(tt.names) {
			t.Errorf("%s has other headers besides: %v", tt.what, tt.reply.header)
		}
	}
	srv.Inject(osstest.Fault{Effect: osstest.CutReply(1 << 20)})
	if got := sendWire(t, srv, "", "GET /key HTTP/1.1").header; got["x-oss-meta-author"] != "me" || got["ETag"] == "" {
		t.Errorf("a reply that is counted for CutReply has %v", got)
	}
}
