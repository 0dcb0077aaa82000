package osstusd_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A slowClient sends one PATCH a few bytes at a time.
type slowClient struct {
	id      string
	conn    net.Conn
	content []byte
	sent    int
}

// 50 clients send in turns, a little each, so that each is slow beside the others and the server must read from all of
// them at any time. A request that waits for one that is not finished would wait forever. In the middle of it a client
// that is not slow uploads a large file.
func TestFiftySlowClients(t *testing.T) {
	const clients, turn = 50, 16 << 10
	size := effort.Of(600<<10, 3<<20, 20<<20)
	srv := newOSS(t)
	server := startTusd(t, srv, 0)
	all := make([]*slowClient, clients)
	for i := range all {
		all[i] = newSlowClient(t, server, random(size+i))
	}
	for round, sent := 0, 0; sent < len(all); round++ {
		if round == size/turn/2 {
			fast := random(32 << 20)
			r, err := http.NewRequest("POST", server.url(), bytes.NewReader(fast))
			if err != nil {
				t.Fatal(err)
			}
			r.Header = http.Header{"Tus-Resumable": {"1.0.0"}, "Upload-Length": {strconv.Itoa(len(fast))},
				"Content-Type": {"application/offset+octet-stream"}}
			resp, err := (&http.Client{Timeout: time.Minute}).Do(r)
			if err != nil || resp.StatusCode != http.StatusCreated {
				t.Fatalf("the fast client: %v, %v", resp, err)
			}
			resp.Body.Close()
		}
		sent = 0
		for _, c := range all {
			if c.send(t, turn); c.sent == len(c.content) {
				sent++
			}
		}
	}
	for _, c := range all {
		c.wantDone(t, srv)
	}
	peak := peakMemory(t, server)
	if t.Logf("the server took %d MiB", peak>>20); peak >= 150<<20 && !raceEnabled() {
		t.Error("want less than 150 MiB")
	}
}

// newSlowClient creates an upload and sends the header of its PATCH.
func newSlowClient(t *testing.T, server *tusd, content []byte) *slowClient {
	t.Helper()
	r, err := http.NewRequest("POST", server.url(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Tus-Resumable": {"1.0.0"}, "Upload-Length": {strconv.Itoa(len(content))}}
	resp, err := http.DefaultClient.Do(r)
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("POST: %v, %v", resp, err)
	}
	resp.Body.Close()
	url := resp.Header.Get("Location")
	c := &slowClient{id: url[strings.LastIndex(url, "/")+1:], content: content}
	if c.conn, err = net.Dial("tcp", server.address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.conn.Close() })
	_, err = fmt.Fprintf(c.conn, "PATCH %s%s HTTP/1.1\r\nHost: %s\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"+
		"Content-Type: application/offset+octet-stream\r\nContent-Length: %d\r\nConnection: close\r\n\r\n",
		basePath, c.id, server.address, len(content))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// send sends up to n bytes.
func (c *slowClient) send(t *testing.T, n int) {
	t.Helper()
	c.conn.SetDeadline(time.Now().Add(30 * time.Second))
	n, err := c.conn.Write(c.content[c.sent:min(len(c.content), c.sent+n)])
	if err != nil {
		t.Fatalf("after %d bytes the server reads no more: %v", c.sent, err)
	}
	c.sent += n
}

// wantDone checks the reply and the object.
func (c *slowClient) wantDone(t *testing.T, srv *osstest.Server) {
	t.Helper()
	reply, err := io.ReadAll(c.conn)
	if err != nil || !bytes.HasPrefix(reply, []byte("HTTP/1.1 204 ")) {
		t.Fatalf("PATCH: %.200q, %v", reply, err)
	}
	object, ok := srv.Object(bucket, "files/"+c.id)
	if !ok || !bytes.Equal(object.Data, c.content) {
		t.Errorf("the object, %v, has %d bytes other than the %d uploaded", ok, len(object.Data), len(c.content))
	}
}

// raceEnabled reports whether the race detector, which takes several times the memory, is in this program.
func raceEnabled() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// peakMemory returns the most memory, in bytes, that the process of the server has had. On systems that do not tell, t
// is skipped.
func peakMemory(t *testing.T, server *tusd) (peak int64) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", server.cmd.Process.Pid))
	if err != nil {
		t.Skipf("%s does not tell the memory of a process: %v", runtime.GOOS, err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(after, &peak); err != nil {
		t.Fatalf("reading VmHWM: %v", err)
	}
	return peak << 10
}
