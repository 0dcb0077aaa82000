package interop

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// The buckets there are, and one there is not.
const (
	region  = "cn-hangzhou"
	bucket  = "interop"
	other   = "interop-other"
	missing = "interop-missing"
)

// partSize is that of the smallest part that another may follow.
const partSize = 100 << 10

// A server is an osstest.Server on a port of the loopback interface.
type server struct {
	*osstest.Server
	addr   string              // 127.0.0.1 and the port
	ahead  atomic.Int64        // nanoseconds that the clock of the server is ahead of that of the clients
	before func(*http.Request) // called before a request is served; nil means nothing is; set before the first
}

// ServeHTTP implements http.Handler. It is a proxy too, for a client that knows no port but this of its proxy.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.IsAbs() {
		r.URL.Scheme, r.URL.Host = "", ""
		r.RequestURI = r.URL.RequestURI()
	}
	if s.before != nil {
		s.before(r)
	}
	s.Server.ServeHTTP(w, r)
}

// newServer starts a server that must have no unfinished upload left at the end of t.
func newServer(t *testing.T) *server {
	t.Helper()
	srv := new(server)
	srv.Server = osstest.NewServer(&osstest.Options{
		Buckets:   []string{bucket, other},
		Callbacks: http.DefaultClient,
		Now:       func() time.Time { return time.Now().Add(time.Duration(srv.ahead.Load())) },
	})
	web := httptest.NewServer(srv)
	t.Cleanup(func() {
		for _, u := range srv.Uploads() {
			t.Errorf("left behind: %v with %d parts", u.Upload, len(u.Parts))
		}
		srv.Close()
		web.Close()
	})
	srv.addr = web.Listener.Addr().String()
	return srv
}

// A wiring is how a client signs and where it puts the bucket.
type wiring struct {
	v4     bool // signature V4, not V1
	hosted bool // "bucket.endpoint/key", not "endpoint/bucket/key"
}

func wirings() []wiring { return []wiring{{false, false}, {false, true}, {true, false}, {true, true}} }

// String names a subtest.
func (w wiring) String() string {
	name := "V1"
	if w.v4 {
		name = "V4"
	}
	if w.hosted {
		return name + "-virtual-hosted"
	}
	return name + "-path-style"
}

// endpoint is what a client is told. A public endpoint is reached through dial, and refuses to find
// the bucket in the path, as OSS does.
func (s *server) endpoint(w wiring) string {
	if !w.hosted {
		return "http://" + s.addr
	}
	_, port, _ := strings.Cut(s.addr, ":")
	return "http://oss-" + region + ".aliyuncs.com:" + port
}

// dial returns a client whose connections all lead to s, whatever host they ask for: no name is looked up.
func (s *server) dial(t *testing.T) *http.Client {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, s.addr)
		},
		MaxIdleConnsPerHost: 16,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// checkWiring fails t if a request was signed or addressed in another way than w. Otherwise the
// variants of a test could all be the same.
func (s *server) checkWiring(t *testing.T, w wiring) {
	t.Helper()
	all := s.Requests()
	if len(all) == 0 {
		t.Error("the server got no request")
	}
	for _, r := range all {
		auth, q := r.Header.Get("Authorization"), r.Query
		v4 := strings.HasPrefix(auth, "OSS4-HMAC-SHA256 ") || q.Has("x-oss-signature")
		v1 := strings.HasPrefix(auth, "OSS ") || q.Has("Signature")
		if v4 == v1 || v4 != w.v4 {
			t.Errorf("%s has Authorization %q and query %v, want them to be of %v", r.Op, auth, q, w)
		}
		if r.Bucket == "" {
			continue // the service has one address only
		}
		if hosted := strings.HasPrefix(r.Host, r.Bucket+"."); hosted != w.hosted {
			t.Errorf("%s for bucket %s went to host %s, want %v", r.Op, r.Bucket, r.Host, w)
		}
	}
}

// last returns the request that came last.
func (s *server) last(t *testing.T) osstest.Request {
	t.Helper()
	all := s.Requests()
	if len(all) == 0 {
		t.Fatal("the server got no request")
	}
	return all[len(all)-1]
}

// random returns n bytes that are the same in each run and differ for each seed.
func random(seed uint64, n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), 1}).Read(data)
	return data
}

// file writes data to a file that is gone after t.
func file(t *testing.T, data []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file.bin")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// fetch sends a request that is not signed but by its URL.
func fetch(t *testing.T, c *http.Client, method, url string, header http.Header, body []byte) (status int,
	h http.Header, data []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if data, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, data
}

// send sends data to a presigned URL that it asks c for, and returns the ETag.
func send(t *testing.T, anyone *http.Client, c client, method, key, id string, number int, data []byte) string {
	t.Helper()
	signed, header, err := c.presign(method, key, id, number)
	if err != nil {
		t.Fatal(err)
	}
	status, h, body := fetch(t, anyone, method, signed, header, data)
	if status != 200 {
		t.Fatalf("%s to %s: status %d: %s", method, signed, status, body)
	}
	return h.Get("ETag")
}
