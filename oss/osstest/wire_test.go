package osstest_test

import (
	"bufio"
	"io"
	"maps"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss/osstest"
	"github.com/ossmultipart/go-oss/signer"
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

// sendWire writes a request with these lines as its head and reads the reply. Without a line with Host it is
// sent to the bucket "open", which needs no signature if srv was started by startOpen.
func sendWire(t testing.TB, srv *osstest.Server, body string, head ...string) *wireReply {
	t.Helper()
	return exchangeWire(t, dialWire(t, srv), wireText(body, head...))
}

func wireText(body string, head ...string) string {
	if !slices.ContainsFunc(head, func(line string) bool { return strings.HasPrefix(line, "Host:") }) {
		head = slices.Insert(slices.Clone(head), 1, "Host: open.oss-cn-hangzhou.aliyuncs.com")
	}
	return strings.Join(head, "\r\n") + "\r\n\r\n" + body
}

// sendSigned is sendWire with the lines of a V4 signature for an object, a bucket or, without both, the service.
func sendSigned(t testing.TB, srv *osstest.Server, bucket, key, body string, head ...string) *wireReply {
	t.Helper()
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wireText(body, head...))))
	if err != nil {
		t.Fatal(err)
	}
	before := maps.Clone(req.Header)
	p := signer.Params{Bucket: bucket, Key: key, Region: "cn-hangzhou", Time: time.Now()}
	p.Credentials = osstest.TestCredentials()
	if err := (signer.V4{}).Sign(req, p); err != nil {
		t.Fatal(err)
	}
	for name, values := range req.Header {
		if before[name] == nil {
			head = append(head, name+": "+values[0])
		}
	}
	return sendWire(t, srv, body, head...)
}

// startOpen starts a Server whose bucket "open" takes requests without a signature.
func startOpen(t testing.TB) *osstest.Server {
	t.Helper()
	return start(t, &osstest.Options{PublicBuckets: []string{"open"}})
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

// between returns the text between two others.
func between(text, before, after string) string {
	_, text, _ = strings.Cut(text, before)
	text, _, _ = strings.Cut(text, after)
	return text
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
	sendWire(t, srv, "hello", "PUT /key HTTP/1.1", "Content-Length: 5", "X-Oss-Meta-Author: me",
		"Content-Type: text/plain",
		"x-oss-tagging: a=b", "X-Oss-Server-Side-Encryption: AES256")
	for _, tt := range []struct {
		what  string
		reply *wireReply
		names []string
	}{
		{"GetObject", sendWire(t, srv, "", "GET /key HTTP/1.1"), []string{"x-oss-meta-author", "ETag", "Content-MD5",
			"x-oss-request-id",
			"x-oss-server-time", "x-oss-hash-crc64ecma", "x-oss-object-type",
			"x-oss-storage-class", "x-oss-tagging-count", "x-oss-server-side-encryption", "Server", "Date",
			"Content-Type", "Content-Length", "Last-Modified", "Accept-Ranges", "Vary"}},
		{"a refusal of HEAD", sendWire(t, srv, "", "HEAD /none HTTP/1.1"), []string{"x-oss-ec", "x-oss-err",
			"x-oss-request-id",
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
