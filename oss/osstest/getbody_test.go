package osstest_test

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// net/http reads the body of a request before it replies, and a GET that announces one may send none (H16).
func TestAGetIsAnsweredThoughItsBodyNeverComes(t *testing.T) {
	onPort := func(t *testing.T, srv *osstest.Server) net.Conn { return dialRaw(t, srv) }
	inMemory := func(t *testing.T, srv *osstest.Server) net.Conn { return dialWire(t, srv) }
	for name, dial := range map[string]func(*testing.T, *osstest.Server) net.Conn{"TCP": onPort, "memory": inMemory} {
		for _, method := range []string{"GET", "HEAD"} {
			t.Run(name+" "+method, func(t *testing.T) {
				srv := startOpen(t)
				srv.PutObject("open", "key", []byte("hello"))
				conn := dial(t, srv)
				conn.SetDeadline(time.Now().Add(20 * time.Second)) // no test waits for it
				text := wireText("", method+" /key HTTP/1.1", "Content-Length: 9")
				if _, err := io.WriteString(conn, text); err != nil {
					t.Fatal(err)
				}
				in := bufio.NewReader(conn)
				got := readWire(t, in, method == "HEAD")
				if wantWire(t, method, got, "200", ""); got.header["Connection"] != "close" {
					t.Errorf("the connection is kept, and the next request might be taken for a body: %v", got.header)
				}
				if name == "TCP" {
					return // where the end takes a moment longer
				}
				if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
					t.Errorf("behind the reply come %q and %v, want the end", rest, err)
				}
			})
		}
	}
}

// A body that does come is no request of its own.
func TestABodyBehindAGetIsNoRequest(t *testing.T) {
	srv := startOpen(t)
	srv.PutObject("open", "key", []byte("hello"))
	conn := dialRaw(t, srv)
	body := wireText("", "DELETE /key HTTP/1.1")
	io.WriteString(conn, wireText(body, "GET /key HTTP/1.1", "Content-Length: 9"))
	in := bufio.NewReader(conn)
	wantWire(t, "GET", readWire(t, in, false), "200", "hello")
	io.Copy(io.Discard, in) // to the end of the connection, however it comes
	if _, ok := srv.Stat("open", "key"); !ok || len(srv.Requests()) != 1 {
		t.Errorf("%d requests were served, object %t", len(srv.Requests()), ok)
	}
}
