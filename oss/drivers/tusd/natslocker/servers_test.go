package natslocker_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/exp/slog"

	osstusd "github.com/ossmultipart/go-oss/oss/drivers/tusd"
	"github.com/ossmultipart/go-oss/oss/drivers/tusd/natslocker"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// newTusd returns a tusd server with a Store and l.
func newTusd(t *testing.T, srv *osstest.Server, l *natslocker.Locker) *httptest.Server {
	t.Helper()
	store, err := osstusd.New(srv.Client(), "bucket", nil)
	if err != nil {
		t.Fatal(err)
	}
	composer := handler.NewStoreComposer()
	store.UseIn(composer)
	l.UseIn(composer)
	h, err := handler.NewHandler(handler.Config{
		StoreComposer: composer, BasePath: "/", Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(h)
	t.Cleanup(web.Close)
	return web
}

// A load balancer sends the next request of a client to another server, while the first one does not know yet that the
// connection of the one before is lost. The first server stores what it has, and the other one continues.
func TestTwoServersShareAnUpload(t *testing.T) {
	s := startNATS(t)
	srv := osstest.NewServer(nil)
	defer srv.Close()
	one, _ := newLocker(t, s, 0)
	two, _ := newLocker(t, s, 0)
	first, second := newTusd(t, srv, one), newTusd(t, srv, two)

	content := bytes.Repeat([]byte("0123456789"), 100_000)
	do := func(method, url string, body []byte, offset string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Tus-Resumable", "1.0.0")
		if offset == "" {
			r.Header.Set("Upload-Length", fmt.Sprint(len(content)))
		} else {
			r.Header.Set("Upload-Offset", offset)
			r.Header.Set("Content-Type", "application/offset+octet-stream")
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode >= 300 {
			t.Fatalf("%s: %s", method, resp.Status)
		}
		return resp
	}
	location := do("POST", first.URL, nil, "").Header.Get("Location")
	id := location[strings.LastIndex(location, "/")+1:]

	half, err := net.Dial("tcp", first.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	_, err = fmt.Fprintf(half, "PATCH /%s HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"+
		"Content-Type: application/offset+octet-stream\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		id, len(content))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := half.Read(make([]byte, 1)); err != nil { // the server has the lock, and wants the body
		t.Fatal(err)
	}
	if _, err := half.Write(content[:500_000]); err != nil {
		t.Fatal(err)
	}

	offset := do("HEAD", second.URL+"/"+id, nil, "").Header.Get("Upload-Offset")
	at := 0
	if _, err := fmt.Sscan(offset, &at); err != nil || at > 500_000 {
		t.Errorf("the other server continues at byte %s", offset)
	}
	do("PATCH", second.URL+"/"+id, content[at:], offset)
	object, ok := srv.Object("bucket", id)
	if !ok || !bytes.Equal(object.Data, content) {
		t.Errorf("the object, %v, has %d bytes other than the %d uploaded", ok, len(object.Data), len(content))
	}
	if left := srv.Uploads(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
