package main

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// visitPage asks for an address of a daemon and returns status, headers and body.
func visitPage(t *testing.T, d *daemon, method, host, path string) (int, http.Header, string) {
	t.Helper()
	u, err := url.Parse(d.cfg.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+u.Host+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		req.Host = host
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}

func TestTheStatusPageShowsWhatThereIs(t *testing.T) {
	d := launch(t, nil, "-bucket", "films")
	status, _, body := visitPage(t, d, "GET", "", "/-/health")
	if status != 200 || body != "ok\n" {
		t.Errorf("health is %d %q", status, body)
	}
	c := d.client(t)
	if _, err := c.PutObject(t.Context(), "films", "<script>alert(1)</script>",
		strings.NewReader(strings.Repeat("x", 2048)), nil); err != nil {
		t.Fatal(err)
	}
	up, err := c.InitiateMultipartUpload(t.Context(), "films", "long.mkv", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.UploadPart(t.Context(), up, 1, strings.NewReader("part"), nil); err != nil {
		t.Fatal(err)
	}
	status, header, body := visitPage(t, d, "GET", "", "/-/")
	if kind := header.Get("Content-Type"); status != 200 || kind != "text/html; charset=utf-8" {
		t.Errorf("the page is %d %s", status, kind)
	}
	for _, want := range []string{
		"<td>films</td><td>Standard</td><td>private</td>", "2048 B", "long.mkv", up.ID, "InitiateMultipartUpload",
		"&lt;script&gt;alert(1)&lt;/script&gt;", `<td class="number">1</td><td class="number">4 B</td>`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for range shownUploads {
		if _, err := c.InitiateMultipartUpload(t.Context(), "films", "more", nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, long := visitPage(t, d, "GET", "", "/-/"); !strings.Contains(long, "<p>There are 1 more.</p>") {
		t.Error("the page does not say that it leaves out an upload")
	}
	if strings.Contains(body, "<script>") ||
		strings.Contains(body, d.cfg.Credentials.(interface{ String() string }).String()) {
		t.Error("the page has a script or keys")
	}
	if status, header, _ = visitPage(t, d, "POST", "", "/-/"); status != 405 || header.Get("Allow") != "GET, HEAD" {
		t.Errorf("a POST is answered %d, %v", status, header)
	}
	// At the host of a bucket these are names of objects.
	if status, header, _ = visitPage(t, d, "GET", "films.localhost", "/-/health"); status != 403 ||
		header.Get("x-oss-request-id") == "" {
		t.Errorf("an object called -/health is answered %d, %v", status, header)
	}
	if log := d.end(t); strings.Contains(log, "/-/\n") || !strings.Contains(log, "films/-/health") {
		t.Errorf("the log is\n%s", log)
	}
}
