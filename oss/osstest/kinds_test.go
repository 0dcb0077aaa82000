package osstest_test

import (
	"bufio"
	"io"
	"strings"
	"testing"
)

// Requests that net/http would not send, but other clients do.
func TestRequestsOfEveryShapeAreServed(t *testing.T) {
	const meta = "x-oss-meta-a: 1"
	for _, tt := range []struct {
		name, body string
		head       []string
		status     string
		stored     string // in "open/key"; "" if nothing is
	}{
		{"HTTP/1.0", "hello", []string{"PUT /key HTTP/1.0", "Content-Length: 5"}, "200", "hello"},
		{"HTTP/1.0 without a length", "", []string{"PUT /key HTTP/1.0"}, "411", ""},
		{"HTTP/1.1 without a length", "", []string{"PUT /key HTTP/1.1"}, "411", ""},
		{"chunks", "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", []string{"PUT /key HTTP/1.1", "Transfer-Encoding: chunked"},
			"200", "hello"},
		{"chunks with a trailer", "5\r\nhello\r\n0\r\nx-oss-meta-b: 2\r\n\r\n",
			[]string{"PUT /key HTTP/1.1", "Transfer-Encoding: chunked", "Trailer: x-oss-meta-b"}, "200", "hello"},
		{"a chunk that is none", "xyz\r\nhel", []string{"PUT /key HTTP/1.1", "Transfer-Encoding: chunked"}, "400", ""},
		{"the absolute form", "hello", []string{"PUT http://open.localhost/key HTTP/1.1", "Content-Length: 5"}, "200",
			"hello"},
		{"names in any case", "hello", []string{"PUT /key HTTP/1.1", "content-LENGTH: 5", "X-OSS-Meta-A: 1"}, "200",
			"hello"},
		{"a header twice", "hello", []string{"PUT /key HTTP/1.1", "Content-Length: 5", meta, meta}, "200", "hello"},
		{"the same length twice", "hello", []string{"PUT /key HTTP/1.1", "Content-Length: 5", "Content-Length: 5"},
			"200", "hello"},
		{"a parameter without a name", "hello", []string{"PUT /key?&=&=x& HTTP/1.1", "Content-Length: 5"}, "200",
			"hello"},
		{"almost 8 KiB of metadata", "hello", []string{"PUT /key HTTP/1.1", "Content-Length: 5",
			"x-oss-meta-a: " + strings.Repeat("a", 8<<10-13)}, "200", "hello"},
		{"64 KiB of a header that counts for nothing", "hello",
			[]string{"PUT /key HTTP/1.1", "Content-Length: 5", "X-Note: " + strings.Repeat("a", 64<<10)}, "200",
			"hello"},
	} {
		srv := startOpen(t)
		got := sendWire(t, srv, tt.body, tt.head...)
		wantWire(t, tt.name, got, tt.status, "")
		if id := got.header["x-oss-request-id"]; len(id) != 24 {
			t.Errorf("%s: the reply is none of OSS: %v", tt.name, got.header)
		}
		if o, _ := srv.Object("open", "key"); string(o.Data) != tt.stored {
			t.Errorf("%s: stored is %q, want %q", tt.name, o.Data, tt.stored)
		}
	}
	srv := startOpen(t)
	target := "/" + "%E4%B8%AD" + strings.Repeat("%6B", 1020) // 1,023 bytes in 3,069
	wantWire(t, "a long path", sendWire(t, srv, "", "PUT "+target+" HTTP/1.1", "Content-Length: 0"), "200", "")
	wantWire(t, "a longer one", sendWire(t, srv, "", "PUT "+target+"k HTTP/1.1", "Content-Length: 0"), "400",
		"InvalidObjectName")
	query := "?prefix=a&x=" + strings.Repeat("y", 64<<10)
	wantWire(t, "a long query", sendWire(t, srv, "", "GET /"+query+" HTTP/1.1"), "200", "<Prefix>a</Prefix>")
}

// Package net/url drops a parameter with a semicolon, so that a list had no prefix.
func TestASemicolonSeparatesNoParameters(t *testing.T) {
	srv := startOpen(t)
	srv.PutObject("open", "a;b", nil)
	srv.PutObject("open", "c", nil)
	got := sendWire(t, srv, "", "GET /?prefix=a;b&max-keys=5 HTTP/1.1")
	if wantWire(t, "a prefix", got, "200", "<Prefix>a;b</Prefix>"); strings.Contains(got.body, "<Key>c</Key>") {
		t.Errorf("the prefix is ignored: %s", got.body)
	}
	wantWire(t, "a bad escape", sendWire(t, srv, "", "GET /?prefix=%zz HTTP/1.1"), "200", "<Prefix></Prefix>")
}

// A client that waits for "100 Continue" sends its body only to a server that wants it.
func TestABodyIsAskedForOnlyIfItIsWanted(t *testing.T) {
	srv := startOpen(t)
	conn := dialWire(t, srv)
	head := []string{"PUT /key HTTP/1.1", "Content-Length: 5", "Expect: 100-continue"}
	io.WriteString(conn, wireText("", head...))
	in := bufio.NewReader(conn)
	if first := readWire(t, in, false); first.line != "HTTP/1.1 100 Continue" {
		t.Fatalf("first comes %s %v", first.line, first.header)
	}
	io.WriteString(conn, "hello")
	wantWire(t, "the body", readWire(t, in, false), "200", "")
	refused := sendWire(t, srv, "", append(head, "x-oss-object-acl: none")...)
	wantWire(t, "a refusal", refused, "400", "InvalidArgument")
}
