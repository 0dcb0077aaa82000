package conformance_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A rawReply is a reply byte for byte, which net/http does not show: header names are as they were spelled.
type rawReply struct {
	status int
	header map[string]string
	body   string
}

// rawTimeout bounds an exchange by hand.
const rawTimeout = 30 * time.Second

// dial opens a connection to the target.
func (e *env) dial(t *testing.T, host string) net.Conn {
	t.Helper()
	transport, ok := e.http.Transport.(*http.Transport)
	address := net.JoinHostPort(host, map[string]string{"http": "80", "https": "443"}[e.endpoint.Scheme])
	if e.endpoint.Port() != "" {
		address = host
	}
	var conn net.Conn
	var err error
	switch {
	case e.http.Transport != nil && (!ok || transport.DialContext == nil):
		t.Fatal("the target has no connections of its own")
	case e.http.Transport != nil:
		conn, err = transport.DialContext(t.Context(), "tcp", address)
	case e.endpoint.Scheme == "https":
		conn, err = tls.Dial("tcp", address, &tls.Config{NextProtos: []string{"http/1.1"}})
	default:
		conn, err = net.Dial("tcp", address)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(rawTimeout))
	return conn
}

// raw sends r over a connection of its own and reads the reply without net/http. The change is made to the
// text of the request, when all else is done; nil changes nothing.
func (e *env) raw(t *testing.T, r request, change func(text string) string) *rawReply {
	t.Helper()
	req := e.signed(t, r)
	var b strings.Builder
	if err := req.Write(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if change != nil {
		text = change(text)
	}
	conn := e.dial(t, req.URL.Host)
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return readRaw(t, conn, r.method)
}

// readRaw reads the reply to a request of that method.
func readRaw(t *testing.T, conn net.Conn, method string) *rawReply {
	t.Helper()
	in := bufio.NewReader(conn)
	lines := textproto.NewReader(in)
	first, err := lines.ReadLine()
	fields := strings.Fields(first)
	if err != nil || len(fields) < 2 {
		t.Fatalf("no status line but %q: %v", first, err)
	}
	reply := &rawReply{header: make(map[string]string)}
	if reply.status, err = strconv.Atoi(fields[1]); err != nil {
		t.Fatal(err)
	}
	for {
		line, err := lines.ReadLine()
		if err != nil {
			t.Fatal(err)
		}
		if line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		reply.header[name] = strings.TrimSpace(value)
	}
	size, _ := strconv.ParseInt(reply.header["Content-Length"], 10, 64) // none means none here
	if method == http.MethodHead {
		return reply
	}
	body, err := io.ReadAll(io.LimitReader(in, size))
	if err != nil {
		t.Fatal(err)
	}
	reply.body = string(body)
	return reply
}

// contains fails t unless text has part in it.
func contains(t *testing.T, what, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%s has no %q:\n%s", what, part, text)
	}
}

// wants fails t unless the status is want.
func (r *rawReply) wants(t *testing.T, want int) *rawReply {
	t.Helper()
	if r.status != want {
		t.Fatalf("status %d, want %d\n%v\n%s", r.status, want, r.header, r.body)
	}
	return r
}
