package osstest_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
	"github.com/ossmultipart/go-oss/signer"
)

// A call is a request made by hand, so that the server is tested by more than its own client. The
// zero value of everything but the method is good.
type call struct {
	method, key string
	bucket      string // default "bucket"
	query       string // as in the URL
	header      map[string]string
	body        string
	reader      io.Reader               // instead of body; sent in chunks
	host        string                  // default: of the bucket in cn-hangzhou
	keys        oss.Credentials         // default: the test keys
	time        time.Time               // of the signature; default now
	signer      signer.Signer           // default signer.V4{}
	ttl         time.Duration           // presigns if it is not 0
	change      func(req *http.Request) // after signing
	client      *http.Client            // default srv.HTTPClient()
	unsigned    bool                    // send no signature
}

var putKey = call{method: "PUT", key: "key", body: "content"}

// An answer is a reply that has been read to its end.
type answer struct {
	status int
	header http.Header
	body   string
	err    ossxml.Error // of a refusal
}

// String is what most tests compare.
func (a *answer) String() string {
	if a.status < 300 {
		return fmt.Sprint(a.status)
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", a.status, a.err.Code, a.err.EC))
}

// request builds and signs.
func (c call) request(t testing.TB) *http.Request {
	t.Helper()
	if c.bucket == "" {
		c.bucket = "bucket"
	}
	if c.host == "" {
		c.host = c.bucket + ".oss-cn-hangzhou.aliyuncs.com"
	}
	var body io.Reader = strings.NewReader(c.body)
	if c.reader != nil {
		body = c.reader
	}
	u := &url.URL{Scheme: "https", Host: c.host, Path: "/" + c.key, RawPath: "/" + escapeAll(c.key), RawQuery: c.query}
	req, err := http.NewRequestWithContext(t.Context(), c.method, u.String(), body)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range c.header {
		req.Header.Set(name, value)
	}
	if !c.unsigned {
		p := signer.Params{Bucket: c.bucket, Key: c.key, Region: "cn-hangzhou", Time: c.time, Credentials: c.keys}
		if p.Time.IsZero() {
			p.Time = time.Now()
		}
		if p.Credentials == (oss.Credentials{}) {
			p.Credentials = osstest.TestCredentials()
		}
		var s signer.Signer = signer.V4{}
		if c.signer != nil {
			s = c.signer
		}
		if c.ttl != 0 {
			err = s.Presign(req, p, c.ttl)
		} else {
			err = s.Sign(req, p)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if c.change != nil {
		c.change(req)
	}
	return req
}

// escapeAll percent-encodes a key as a careful client does.
func escapeAll(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(key), "+", "%20"), "%2F", "/")
}

// send sends c and reads the answer.
func send(t testing.TB, srv *osstest.Server, c call) *answer {
	t.Helper()
	a, err := trySend(t, srv, c)
	if err != nil {
		t.Fatalf("%s %s?%s: %v", c.method, c.key, c.query, err)
	}
	return a
}

// trySend is send for exchanges that are to fail.
func trySend(t testing.TB, srv *osstest.Server, c call) (*answer, error) {
	t.Helper()
	client := srv.HTTPClient()
	if c.client != nil {
		client = c.client
	}
	resp, err := client.Do(c.request(t))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	a := &answer{status: resp.StatusCode, header: resp.Header, body: string(body)}
	doc := body
	if packed := resp.Header.Get("x-oss-err"); packed != "" {
		if doc, err = base64.StdEncoding.DecodeString(packed); err != nil {
			t.Errorf("x-oss-err: %v", err)
		}
	}
	if resp.StatusCode >= 400 {
		if err := ossxml.Decode(bytes.NewReader(doc), &a.err); err != nil {
			t.Errorf("%s %s: error document: %v: %q", c.method, c.key, err, doc)
		}
	}
	return a, nil
}

// crcOf is the CRC-64 of s as a header says it.
func crcOf(s string) string { return strconv.FormatUint(crc64.Checksum([]byte(s)), 10) }

// start returns a Server that ends with the test.
func start(t testing.TB, opts *osstest.Options) *osstest.Server {
	t.Helper()
	srv := osstest.NewServer(opts)
	t.Cleanup(srv.Close)
	return srv
}

// initiate begins an upload of "bucket/key" and returns its ID.
func initiate(t testing.TB, srv *osstest.Server, header map[string]string) string {
	t.Helper()
	a := send(t, srv, call{method: "POST", key: "key", query: "uploads", header: header})
	var doc ossxml.Initiated
	decode(t, a, &doc)
	return doc.UploadID
}

// put uploads a part of "bucket/key" and returns its ETag.
func put(t testing.TB, srv *osstest.Server, id string, number int, body string) string {
	t.Helper()
	a := send(t, srv, call{method: "PUT", key: "key", query: fmt.Sprintf("partNumber=%d&uploadId=%s", number, id),
		body: body})
	if a.status != 200 {
		t.Fatalf("part %d: %v", number, a)
	}
	return a.header.Get("ETag")
}

// complete completes an upload of "bucket/key" with parts, numbers and ETags by turns.
func complete(t testing.TB, srv *osstest.Server, id string, header map[string]string, parts ...any) *answer {
	t.Helper()
	return send(t, srv, call{method: "POST", key: "key", query: "uploadId=" + id,
		header: header, body: partList(parts...)})
}

func partList(parts ...any) string {
	var b strings.Builder
	b.WriteString("<CompleteMultipartUpload>")
	for i := 0; i < len(parts); i += 2 {
		fmt.Fprintf(&b, "<Part><PartNumber>%v</PartNumber><ETag>%v</ETag></Part>", parts[i], parts[i+1])
	}
	b.WriteString("</CompleteMultipartUpload>")
	return b.String()
}

// decode reads the document of an answer.
func decode(t testing.TB, a *answer, doc any) {
	t.Helper()
	if a.status >= 300 {
		t.Fatalf("answer is %v", a)
	}
	if err := ossxml.Decode(strings.NewReader(a.body), doc); err != nil {
		t.Fatalf("document: %v: %s", err, a.body)
	}
}

// wantGoroutines waits until there are no more goroutines than before. It fails the test after a minute, which those of
// a closed connection do not need on any machine.
func wantGoroutines(t testing.TB, before int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, want %d:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
}

// dialRaw connects to srv through a real port, to say things no http.Client would.
func dialRaw(t testing.TB, srv *osstest.Server) net.Conn {
	t.Helper()
	real := httptest.NewServer(srv)
	t.Cleanup(real.Close)
	conn, err := net.Dial("tcp", real.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// readStatus reads a reply and returns its status.
func readStatus(t testing.TB, conn net.Conn) int {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}
