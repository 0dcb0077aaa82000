package osstest_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// packed is a value as a callback header has it.
func packed(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(text)
}

// A heard is a callback as it arrived.
type heard struct {
	host, path, kind, body, tag string
}

// A listener is a server that is called back.
type listener struct {
	*httptest.Server
	heard []heard
}

// listen returns a listener on loopback that answers everything with a status and a body.
func listen(t *testing.T, status int, answer string) *listener {
	t.Helper()
	l := new(listener)
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		l.heard = append(l.heard,
			heard{r.Host, r.URL.String(), r.Header.Get("Content-Type"), string(body), r.Header.Get("x-oss-tag")})
		w.Header().Set("Location", "/elsewhere")
		if answer != "chunked" {
			w.Header().Set("Content-Length", fmt.Sprint(len(answer)))
		}
		w.WriteHeader(status)
		http.NewResponseController(w).Flush() // the length is given now, or never
		io.WriteString(w, answer)
	}))
	t.Cleanup(l.Close)
	return l
}

func TestCallbackTellsOfTheUploadAndAnswersForIt(t *testing.T) {
	l := listen(t, 200, `{"a":"b"}`)
	srv := start(t, &osstest.Options{Callbacks: http.DefaultClient, MinPartSize: 1})
	form := "bucket=${bucket}&object=${object}&etag=${etag}&size=${size}&mimeType=${mimeType}&h=${imageInfo.height}&" +
		"crc=${crc64}&my=${x:my}&none=${x:none}&$ {"
	spec := map[string]any{"callbackUrl": l.URL + "/done?q=1", "callbackBody": form, "callbackHost": "example.com"}
	header := []string{"x-oss-callback", packed(t, spec), "x-oss-callback-var",
		packed(t, map[string]string{"x:my": "a & b"}), "Content-Type", "text/plain", "body", "data"}
	body, h, err := ask(t, srv, "PUT bucket/dir/key", header...)
	if body != `{"a":"b"}` || h.Get("Content-Type") != "application/json" || h.Get("ETag") == "" ||
		h.Get("x-oss-hash-crc64ecma") != crcOf("data") || err != nil {
		t.Errorf("PutObject = %q, %v, %v", body, h, err)
	}
	id := initiate(t, srv, nil)
	part := put(t, srv, id, 1, "more")
	spec["callbackBody"], spec["callbackBodyType"] =
		`{"object":${object},"size":${size},"type":"${mimeType}","my":${x:my},"q":"${x:my}"}`, "application/json"
	delete(spec, "callbackHost")
	query := "&callback=" + url.QueryEscape(packed(t, spec)) +
		"&callback-var=" + url.QueryEscape(packed(t, map[string]string{"x:my": `"quoted"`}))
	body, h, err = ask(t, srv, "POST bucket/key?uploadId="+id+query, "body", partList(1, part))
	if body != `{"a":"b"}` || !strings.HasSuffix(h.Get("ETag"), `-1"`) || err != nil {
		t.Errorf("CompleteMultipartUpload = %q, %v, %v", body, h, err)
	}
	want := []heard{
		{"example.com", "/done?q=1", "application/x-www-form-urlencoded",
			"bucket=bucket&object=dir%2Fkey&etag=8D777F385D3DFEC8815D20F7496026DC&size=4&" +
				"mimeType=text%2Fplain&h=&crc=" + crcOf("data") + "&my=a%20%26%20b&none=&$ {", "CALLBACK"},
		{strings.TrimPrefix(l.URL, "http://"), "/done?q=1", "application/json",
			`{"object":"key","size":4,"type":"application/octet-stream","my":"\"quoted\"","q":"\"quoted\""}`,
			"CALLBACK"},
	}
	if diff := cmp.Diff(want, l.heard, cmp.AllowUnexported(heard{})); diff != "" {
		t.Errorf("heard (-want +got):\n%s", diff)
	}
}

func TestCallbackThatFailsLeavesTheObject(t *testing.T) {
	moved, wrong, huge := listen(t, 301, ""), listen(t, 200, "<html>"), listen(t, 200, strings.Repeat(" ", 1<<20)+"{}")
	chunked := listen(t, 200, "chunked")
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, tt := range map[string]struct{ url, message string }{
		"status":      {moved.URL, "Error status : 301."},
		"no JSON":     {wrong.URL, "Response body is not valid json format."},
		"too large":   {huge.URL, "Response body is too large."},
		"no length":   {chunked.URL, "Response header has no Content-Length."},
		"no listener": {gone.URL, "Error status : -1. OSS can not connect to your callbackUrl, please check it."},
		"far away": {"http://192.0.2.1/x",
			"Error status : -1. 192.0.2.1 is not on loopback, and no other address is called."},
		"by name": {"example.com/x",
			"Error status : -1. example.com is not on loopback, and no other address is called."},
	} {
		t.Run(name, func(t *testing.T) {
			srv := start(t, &osstest.Options{Callbacks: http.DefaultClient, MinPartSize: 1})
			client := srv.Client()
			callback := packed(t, map[string]any{"callbackUrl": tt.url, "callbackBody": "size=${size}"})
			_, _, err := ask(t, srv, "PUT bucket/key", "body", "data", "x-oss-callback", callback)
			var refused *oss.ServiceError
			if !errors.Is(err, oss.ErrCallbackFailed) || !errors.As(err, &refused) {
				t.Fatalf("PutObject: %v", err)
			}
			if refused.StatusCode != 203 || refused.EC != "0007-00000203" ||
				refused.Message != tt.message || refused.Attempts != 1 {
				t.Errorf("refusal is %+v", refused)
			}
			o, ok := srv.Object("bucket", "key")
			if !ok || string(o.Data) != "data" || refused.Header.Get("ETag") != o.ETag ||
				refused.Header.Get("x-oss-hash-crc64ecma") != crcOf("data") {
				t.Errorf("stored %t %+v, header %v", ok, o, refused.Header)
			}
			up, err := client.InitiateMultipartUpload(t.Context(), "bucket", "parts", nil)
			if err != nil {
				t.Fatal(err)
			}
			part, err := client.UploadPart(t.Context(), up, 1, strings.NewReader("part"), nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.CompleteMultipartUpload(t.Context(), up, []oss.Part{part},
				&oss.CompleteOptions{Header: http.Header{"X-Oss-Callback": {callback}}})
			if !errors.Is(err, oss.ErrCallbackFailed) {
				t.Errorf("CompleteMultipartUpload: %v", err)
			}
			if o, _ := srv.Object("bucket", "parts"); string(o.Data) != "part" || len(srv.Uploads()) > 0 {
				t.Errorf("object is %q, uploads are %v", o.Data, srv.Uploads())
			}
		})
	}
	if len(moved.heard) != 2 || moved.heard[0].path != "/" {
		t.Errorf("heard %v: a redirect is not to be followed", moved.heard)
	}
}

func TestCallbackGoesToTheNextAddress(t *testing.T) {
	bad, good := listen(t, 500, ""), listen(t, 200, "{}")
	srv := start(t, &osstest.Options{Callbacks: http.DefaultClient})
	spec := map[string]any{"callbackUrl": bad.URL + ";" + strings.TrimPrefix(good.URL, "http://") + ";" + bad.URL,
		"callbackBody": "x"}
	body, _, err := ask(t, srv, "PUT bucket/key", "x-oss-callback", packed(t, spec))
	if body != "{}" || err != nil || len(bad.heard) != 1 || len(good.heard) != 1 {
		t.Errorf("PutObject = %q, %v; heard %v and %v", body, err, bad.heard, good.heard)
	}
}

// A slowpoke never answers.
type slowpoke struct{}

func (slowpoke) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestCallbackHasFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{Callbacks: &http.Client{Transport: slowpoke{}}})
		defer srv.Close()
		began := time.Now()
		_, _, err := ask(t, srv, "PUT bucket/key", "x-oss-callback",
			packed(t, map[string]any{"callbackUrl": "http://localhost/", "callbackBody": "x"}))
		if took := time.Since(began); !errors.Is(err, oss.ErrCallbackFailed) || took != 5*time.Second {
			t.Errorf("PutObject: %v after %v, want CallbackFailed after 5s", err, took)
		}
	})
}

func TestCallbackThatMakesNoSenseIsRefusedBeforeAnythingIsStored(t *testing.T) {
	srv := start(t, &osstest.Options{Callbacks: http.DefaultClient})
	good := map[string]any{"callbackUrl": "http://localhost:1/", "callbackBody": "x"}
	with := func(name string, value any) string {
		v := map[string]any{"callbackUrl": "http://localhost:1/", "callbackBody": "x"}
		v[name] = value
		return packed(t, v)
	}
	for name, header := range map[string][]string{
		"no base64":      {"x-oss-callback", "***"},
		"no JSON":        {"x-oss-callback", base64.StdEncoding.EncodeToString([]byte("x"))},
		"too long":       {"x-oss-callback", with("callbackBody", strings.Repeat("x", 5<<10))},
		"no URL":         {"x-oss-callback", with("callbackUrl", "")},
		"private URL":    {"x-oss-callback", with("callbackUrl", "http://192.168.1.1/")}, // H5
		"link-local URL": {"x-oss-callback", with("callbackUrl", "localhost;http://[fe80::1]/")},
		"odd URL":        {"x-oss-callback", with("callbackUrl", "ftp://localhost/")},
		"six URLs":       {"x-oss-callback", with("callbackUrl", strings.Repeat("localhost;", 5)+"localhost")},
		"no body":        {"x-oss-callback", with("callbackBody", "")},
		"odd type":       {"x-oss-callback", with("callbackBodyType", "text/plain")},
		"odd variable": {"x-oss-callback", packed(t, good), "x-oss-callback-var",
			packed(t, map[string]string{"y": "1"})},
		"upper case": {"x-oss-callback", packed(t, good), "x-oss-callback-var",
			packed(t, map[string]string{"x:A": "1"})},
		"variable no JSON": {"x-oss-callback", packed(t, good), "x-oss-callback-var", "e30"},
	} {
		if _, _, err := ask(t, srv, "PUT bucket/key", header...); outcome(err) != "400 InvalidArgument" {
			t.Errorf("%s: %s", name, outcome(err))
		}
	}
	twice := "PUT bucket/key?callback=" + url.QueryEscape(packed(t, good))
	wants(t, srv, twice, "400 InvalidArgument", "x-oss-callback", packed(t, good))
	if left := fmt.Sprint(srv.Objects("bucket"), srv.Uploads()); left != "[] []" {
		t.Errorf("stored %s", left)
	}
}

// Clients give every step of an upload the headers of the last (H5).
func TestACallbackIsIgnoredWhereNoneIsMade(t *testing.T) {
	srv := startOpen(t)
	srv.PutObject("open", "key", []byte("hello"))
	const callback = "x-oss-callback: e30="
	begun := sendWire(t, srv, "", "POST /key?uploads HTTP/1.1", "Content-Length: 0", callback)
	wantWire(t, "Initiate", begun, "200", "")
	part := "PUT /key?partNumber=1&uploadId=" + between(begun.body, "<UploadId>", "<") + " HTTP/1.1"
	for _, head := range [][]string{
		{part, "Content-Length: 0", callback}, {part, "Content-Length: 0", "x-oss-copy-source: /open/key", callback},
		{"GET /key?callback=e30%3D HTTP/1.1"}, {"POST /log?append&position=0 HTTP/1.1", "Content-Length: 0", callback},
		{"PUT /copy HTTP/1.1", "Content-Length: 0", "x-oss-copy-source: /open/key", "x-oss-callback-var: e30="},
	} {
		wantWire(t, head[0], sendWire(t, srv, "", head...), "200", "")
	}
	refused := sendWire(t, srv, "", "PUT /key HTTP/1.1", "Content-Length: 0", callback)
	wantWire(t, "PutObject where callbacks are not possible", refused, "400", "<Code>NotImplemented</Code>")
}

func TestCloseDoesNotWaitForACallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{Callbacks: &http.Client{Transport: slowpoke{}}})
		defer srv.Close()
		began := time.Now()
		time.AfterFunc(time.Second, srv.Close)
		header := map[string]string{
			"x-oss-callback": packed(t, map[string]any{"callbackUrl": "http://[::1]/", "callbackBody": "x"}),
		}
		got, err := trySend(t, srv, call{method: "PUT", key: "key", header: header})
		if took := time.Since(began); err == nil || took != time.Second {
			t.Errorf("PutObject = %v, %v after %v, want a connection that is cut after 1s", got, err, took)
		}
	})
}

func ExampleOptions_callbacks() {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("stored:", r.PostFormValue("object"), r.PostFormValue("size"))
		w.Header().Set("Content-Length", "2")
		io.WriteString(w, "{}")
	}))
	defer app.Close()
	srv := osstest.NewServer(&osstest.Options{Callbacks: app.Client()})
	defer srv.Close()

	callback := base64.StdEncoding.EncodeToString(fmt.Appendf(nil,
		`{"callbackUrl": %q, "callbackBody": "object=${object}&size=${size}"}`, app.URL))
	resp, err := srv.Client().Do(context.Background(), &oss.Request{
		Op: "PutObject", Method: http.MethodPut, Bucket: "photos", Key: "cat.jpg",
		Header: http.Header{"X-Oss-Callback": {callback}}, Body: strings.NewReader("miaow"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println("answer:", string(body), err)
	// Output:
	// stored: cat.jpg 5
	// answer: {} <nil>
}
