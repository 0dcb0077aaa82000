package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

func TestBothLoopbackAddressesAreServed(t *testing.T) {
	if ln, err := net.Listen("tcp6", "[::1]:0"); err != nil {
		t.Skipf("no IPv6 here: %v", err)
	} else {
		ln.Close()
	}
	d := launch(t, nil)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(d.cfg.Endpoint, "http://"))
	d.cfg.Endpoint = "http://[::1]:" + port
	if _, err := d.client(t).PutObject(t.Context(), "b", "k", strings.NewReader("x"), nil); err != nil {
		t.Error(err)
	}
	d.end(t)
}

// TestHTTPS trusts the certificate that is printed, and no other.
func TestHTTPS(t *testing.T) {
	d := launch(t, nil, "-tls")
	text := regexp.MustCompile(`(?s)-----BEGIN CERTIFICATE-----.*-----END CERTIFICATE-----\n`).
		FindString(d.stdout.String())
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(text)) || !strings.HasPrefix(d.cfg.Endpoint, "https://127.0.0.1:") {
		t.Fatalf("printed %s", d.stdout)
	}
	d.cfg.Retry.Attempts = 1
	if _, err := d.client(t).PutObject(t.Context(), "b", "k", strings.NewReader("x"), nil); err == nil {
		t.Error("a client that does not know the certificate trusts it")
	}
	d.cfg.HTTPClient = &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true},
	}
	if _, err := d.client(t).PutObject(t.Context(), "b", "k", strings.NewReader("x"), nil); err != nil {
		t.Error(err)
	}
	addr := strings.TrimPrefix(d.cfg.Endpoint, "https://")
	for _, name := range []string{"bucket.localhost", "localhost"} {
		c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots, ServerName: name})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		c.Close()
	}
	// OSS has no HTTP/2: a client that insists on it finds no protocol.
	if _, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots, NextProtos: []string{"h2"}}); err == nil ||
		!strings.Contains(err.Error(), "no application protocol") {
		t.Errorf("a client of HTTP/2 alone got %v", err)
	}
	d.stop()
	<-d.status
}

func TestHTTPSWithACertificateOfOnesOwn(t *testing.T) {
	made, text, err := makeCertificate(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(made.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	os.WriteFile(cert, []byte(text), 0o600)
	os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600)
	d := launch(t, nil, "-tls-cert", cert, "-tls-key", keyFile)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(text))
	d.cfg.HTTPClient = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	if _, err := d.client(t).PutObject(t.Context(), "b", "k", strings.NewReader("x"), nil); err != nil {
		t.Error(err)
	}
	if strings.Contains(d.stdout.String(), "BEGIN CERTIFICATE") {
		t.Error("printed a certificate that its owner has")
	}
	d.end(t)
}

func TestTheLogCanBeJSON(t *testing.T) {
	var out bytes.Buffer
	l := &requestLog{now: time.Now, out: &out, json: true}
	s := settings{}
	srv, err := s.open(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	l.next = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204); fmt.Fprint(w) })
	l.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("PUT", "/b/k", nil))
	l.print("stopping \"now\"")
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("the log is %s", &out)
	}
	var e entry
	var m struct{ Msg string }
	if json.Unmarshal([]byte(lines[0]), &e) != nil || e.Method != "PUT" ||
		json.Unmarshal([]byte(lines[1]), &m) != nil ||
		m.Msg != `stopping "now"` {
		t.Errorf("the log is %s", &out)
	}
}

func TestFlagsReachTheServer(t *testing.T) {
	var said string
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		said = string(b)
		w.Header().Set("Content-Length", "2")
		io.WriteString(w, "{}")
	}))
	defer app.Close()
	d := launch(
		t,
		nil,
		"-callbacks",
		"-cors",
		"https://a.example",
		"-storage-class",
		"IA",
		"-dir",
		t.TempDir(),
		"-fsync",
	)
	for _, want := range []string{"IA, of buckets", "https://a.example", "callbacks   sent",
		"synced before each reply"} {
		if !strings.Contains(d.stdout.String(), want) {
			t.Errorf("the introduction lacks %q", want)
		}
	}
	c := d.client(t)
	spec := base64.StdEncoding.EncodeToString([]byte(`{"callbackUrl": "` + app.URL + `", "callbackBody": "${object}"}`))
	_, err := c.PutObject(
		t.Context(),
		"b",
		"k",
		strings.NewReader("x"),
		&oss.ObjectOptions{Header: http.Header{"X-Oss-Callback": {spec}}},
	)
	if err != nil || said != "k" {
		t.Errorf("the callback said %q, %v", said, err)
	}
	if info, err := c.HeadObject(t.Context(), "b", "k", nil); err != nil ||
		info.Header.Get("x-oss-storage-class") != "IA" {
		t.Errorf("the object is %+v, %v", info, err)
	}
	req, _ := http.NewRequestWithContext(t.Context(), "OPTIONS", d.cfg.Endpoint+"/b/k", nil)
	req.Header.Set("Origin", "https://a.example")
	req.Header.Set("Access-Control-Request-Method", "PUT")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 || !strings.Contains(resp.Header.Get("Access-Control-Expose-Headers"), "ETag") {
		t.Errorf("a preflight is answered %d, %v", resp.StatusCode, resp.Header)
	}
	d.end(t)
}

func TestFlagsThatCannotBeAreRefused(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-storage-class", "Gold"}, "want Standard, IA"},
		{[]string{"-log", "xml"}, "want text or json"},
		{[]string{"-fsync"}, "-fsync needs -dir"},
		{[]string{"-cors", "localhost:3000"}, "want an origin"},
		{[]string{"-cors", "https://*.*"}, "want an origin"},
		{[]string{"-tls-cert", "x"}, "must be used together"},
		{[]string{"-tls-cert", "/none", "-tls-key", "/none"}, "-tls-cert"},
	} {
		var out, errs bytes.Buffer
		status := run(t.Context(), tt.args, &out, &errs, func(string) string { return "" })
		if status != exitUsage || !strings.Contains(errs.String(), tt.want) {
			t.Errorf("%v: status %d, %q, want %q", tt.args, status, &errs, tt.want)
		}
	}
}
