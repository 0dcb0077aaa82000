package osstusd_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"

	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"
	"golang.org/x/exp/slog"

	osstusd "github.com/ossmultipart/go-oss/oss/drivers/tusd"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

const (
	bucket   = "uploads"
	basePath = "/files/" // of tusd, whose concatenation takes no "/"
)

// random returns n bytes.
func random(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n)}).Read(b)
	return b
}

// A site is a tusd server with a Store, and its OSS.
type site struct {
	*testing.T
	srv *osstest.Server
	web *httptest.Server
	url string // that creates uploads
}

// newSite returns a site. At its end the bucket must have no unfinished upload.
func newSite(t *testing.T, config handler.Config) *site {
	t.Helper()
	srv := osstest.NewServer(&osstest.Options{Buckets: []string{bucket}})
	web := httptest.NewServer(newHandler(t, srv, config))
	t.Cleanup(func() {
		web.Close()
		srv.Close()
		wantNoUploads(t, srv)
	})
	return &site{t, srv, web, web.URL + basePath}
}

func wantNoUploads(t *testing.T, srv *osstest.Server) {
	t.Helper()
	for _, u := range srv.Uploads() {
		t.Errorf("left behind: %v with %d parts", u.Upload, len(u.Parts))
	}
}

func newHandler(t *testing.T, srv *osstest.Server, config handler.Config) http.Handler {
	t.Helper()
	store, err := osstusd.New(srv.Client(), bucket, &osstusd.Options{Prefix: "files/"})
	if err != nil {
		t.Fatal(err)
	}
	config.StoreComposer = handler.NewStoreComposer()
	store.UseIn(config.StoreComposer)
	memorylocker.New().UseIn(config.StoreComposer)
	config.BasePath, config.Logger = basePath, quiet()
	h, err := handler.NewHandler(config)
	if err != nil {
		t.Fatal(err)
	}
	return http.StripPrefix(basePath, h)
}

// do sends a request with headers, given as names and values in turn, and wants a status.
func (s *site) do(status int, method, url string, body []byte, headers ...string) *http.Response {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Tus-Resumable", "1.0.0")
	if body != nil {
		r.Header.Set("Content-Type", "application/offset+octet-stream")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := s.web.Client().Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	if resp.StatusCode != status {
		s.Fatalf("%s %s: %d %.200s, want %d", method, url, resp.StatusCode, text, status)
	}
	resp.Body = io.NopCloser(bytes.NewReader(text))
	return resp
}

// create creates an upload, and returns its URL.
func (s *site) create(headers ...string) string {
	s.Helper()
	return s.do(http.StatusCreated, "POST", s.url, nil, headers...).Header.Get("Location")
}

// patch appends a chunk.
func (s *site) patch(url string, offset int, chunk []byte, headers ...string) {
	s.Helper()
	headers = append(headers, "Upload-Offset", strconv.Itoa(offset))
	resp := s.do(http.StatusNoContent, "PATCH", url, chunk, headers...)
	if got := resp.Header.Get("Upload-Offset"); got != strconv.Itoa(offset+len(chunk)) {
		s.Fatalf("a PATCH of %d bytes at %d moves the offset to %s", len(chunk), offset, got)
	}
}

// wantOffset checks what HEAD says.
func (s *site) wantOffset(url string, want int) {
	s.Helper()
	resp := s.do(http.StatusOK, "HEAD", url, nil)
	if got := resp.Header.Get("Upload-Offset"); got != strconv.Itoa(want) {
		s.Fatalf("HEAD: offset %s, want %d", got, want)
	}
}

// wantObject checks that the upload is complete, what its object has, and that nothing else is left of it but its
// description. It returns the key.
func (s *site) wantObject(url string, want []byte) (key string) {
	s.Helper()
	s.wantOffset(url, len(want))
	key = "files/" + url[strings.LastIndex(url, "/")+1:]
	object, ok := s.srv.Object(bucket, key)
	if !ok || !bytes.Equal(object.Data, want) {
		s.Fatalf("the object, %v, has %d bytes other than the %d uploaded", ok, len(object.Data), len(want))
	}
	for _, name := range s.srv.Objects(bucket) {
		if strings.HasPrefix(name, ".tus/writers/") {
			s.Errorf("%s is left", name)
		}
	}
	return key
}

func TestUploadInChunks(t *testing.T) {
	for _, cuts := range [][]int{{0}, {1}, {100}, {10, 20, 30}, {150 << 10}, {150 << 10, 150<<10 + 1, 200 << 10},
		{5 << 20}, {99 << 10, 3 << 20, 7<<20 + 5}} {
		t.Run(fmt.Sprint(cuts), func(t *testing.T) {
			s := newSite(t, handler.Config{})
			want := random(cuts[len(cuts)-1])
			url := s.create("Upload-Length", strconv.Itoa(len(want)), "Upload-Metadata",
				"filename "+base64.StdEncoding.EncodeToString([]byte("\u6d4b\u8bd5 1%.mp4"))+
					",filetype "+base64.StdEncoding.EncodeToString([]byte("video/mp4"))+
					",no_name "+base64.StdEncoding.EncodeToString([]byte("x"))+",tus-id eA==,empty")
			at := 0
			for _, cut := range cuts {
				if cut > 0 {
					s.patch(url, at, want[at:cut])
				}
				at = cut
				s.wantOffset(url, at)
			}
			key := s.wantObject(url, want)
			info, err := s.srv.Client().HeadObject(t.Context(), bucket, key, nil)
			if err != nil || info.ContentType != "video/mp4" || len(info.Metadata) != 3 ||
				info.Metadata["filename"] != "%E6%B5%8B%E8%AF%95%201%25.mp4" ||
				info.Metadata["filetype"] != "video%2Fmp4" || info.Metadata["tus-id"] == "x" {
				t.Errorf("the object has %+v, %v", info, err)
			}
			head := s.do(http.StatusOK, "HEAD", url, nil)
			if m := head.Header.Get("Upload-Metadata"); !strings.Contains(m, "no_name eA==") {
				t.Errorf("HEAD: metadata %q", m)
			}
			if got, _ := io.ReadAll(s.do(http.StatusOK, "GET", url, nil).Body); !bytes.Equal(got, want) {
				t.Errorf("GET has %d other bytes", len(got))
			}
			if len(want) > 5 {
				part := s.do(http.StatusPartialContent, "GET", url, nil, "Range", "bytes=2-4")
				if got, _ := io.ReadAll(part.Body); !bytes.Equal(got, want[2:5]) {
					t.Errorf("a range has %d other bytes", len(got))
				}
			}
			s.do(http.StatusNoContent, "DELETE", url, nil)
			s.do(http.StatusNotFound, "HEAD", url, nil)
			if left := s.srv.Objects(bucket); len(left) > 0 {
				t.Errorf("left after DELETE: %q", left)
			}
		})
	}
}

// A small file takes one request to create and one that stores it, without a multipart upload.
func TestASmallUploadIsOnePutObject(t *testing.T) {
	s := newSite(t, handler.Config{})
	want := random(1 << 20)
	resp := s.do(http.StatusCreated, "POST", s.url, want, "Upload-Length", strconv.Itoa(len(want)))
	var ops []string
	for _, r := range s.srv.Requests() {
		ops = append(ops, r.Op)
	}
	// The description, the look for a record that there is not, and the object.
	if got := fmt.Sprint(ops); got != "[PutObject GetObject PutObject]" {
		t.Errorf("requests: %s", got)
	}
	s.wantObject(resp.Header.Get("Location"), want)
}

// A PATCH in the middle reads the description and the record, lists the parts before and after its own, and replaces
// the record, which it reads again before.
func TestRequestsOfAPatchInTheMiddle(t *testing.T) {
	s := newSite(t, handler.Config{})
	want := random(900 << 10)
	url := s.create("Upload-Length", strconv.Itoa(len(want)))
	s.patch(url, 0, want[:300<<10])
	before := len(s.srv.Requests())
	s.patch(url, 300<<10, want[300<<10:600<<10])
	var ops []string
	for _, r := range s.srv.Requests()[before:] {
		ops = append(ops, r.Op)
	}
	if got := fmt.Sprint(ops); got != "[GetObject GetObject ListParts UploadPart ListParts GetObject PutObject]" {
		t.Errorf("requests: %s", got)
	}
	s.patch(url, 600<<10, want[600<<10:])
	s.wantObject(url, want)
}

func TestDeferredLength(t *testing.T) {
	for name, last := range map[string]int{"with the last chunk": 10, "after the last chunk": 0} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, handler.Config{})
			want := random(300 << 10)
			url := s.create("Upload-Defer-Length", "1")
			at := len(want) - last
			s.patch(url, 0, want[:50])
			s.patch(url, 50, want[50:at])
			s.wantOffset(url, at)
			s.do(http.StatusBadRequest, "GET", url, nil) // incomplete
			s.patch(url, at, want[at:], "Upload-Length", strconv.Itoa(len(want)))
			s.wantObject(url, want)
		})
	}
}

// The draft of the IETF completes an upload of unknown length by a header.
func TestIETFDraft(t *testing.T) {
	s := newSite(t, handler.Config{EnableExperimentalProtocol: true})
	want := random(250 << 10)
	draft := []string{"Upload-Draft-Interop-Version", "6", "Content-Type", "application/partial-upload"}
	resp := s.do(http.StatusCreated, "POST", s.url, want[:1000], append(draft, "Upload-Complete", "?0")...)
	url := resp.Header.Get("Location")
	draft = append(draft, "Upload-Complete", "?1", "Upload-Offset", "1000")
	s.do(http.StatusNoContent, "PATCH", url, want[1000:], draft...)
	s.wantObject(url, want)
}

func TestConcatenation(t *testing.T) {
	for _, sizes := range [][]int{{0}, {1, 0, 2}, {150 << 10, 150 << 10}, {3 << 20, 10, 20, 3 << 20, 1}} {
		t.Run(fmt.Sprint(sizes), func(t *testing.T) {
			s := newSite(t, handler.Config{})
			var want []byte
			var urls []string
			for i, n := range sizes {
				part := random(n + i)[:n]
				url := s.create("Upload-Length", strconv.Itoa(n), "Upload-Concat", "partial")
				if n > 0 {
					s.patch(url, 0, part)
				}
				s.wantOffset(url, n)
				want = append(want, part...)
				urls = append(urls, url)
			}
			read := len(s.srv.Requests("GetObject"))
			url := s.create("Upload-Concat", "final;"+strings.Join(urls, " "))
			s.wantObject(url, want)
			for _, r := range s.srv.Requests("GetObject")[read:] {
				if strings.HasPrefix(r.Key, "files/") && len(want) < 5<<20 && sizes[0] > 100<<10 {
					t.Errorf("%s is read, not copied", r.Key)
				}
			}
			for _, u := range append(urls, url) {
				s.do(http.StatusNoContent, "DELETE", u, nil)
			}
			if left := s.srv.Objects(bucket); len(left) > 0 {
				t.Errorf("left after DELETE: %q", left)
			}
		})
	}
}

func TestAnUnfinishedUploadIsNotConcatenated(t *testing.T) {
	s := newSite(t, handler.Config{})
	url := s.create("Upload-Length", "10", "Upload-Concat", "partial")
	s.patch(url, 0, random(9))
	s.do(http.StatusBadRequest, "POST", s.url, nil, "Upload-Concat", "final;"+url)
	s.do(http.StatusNoContent, "DELETE", url, nil)
}

// DELETE in every state leaves nothing.
func TestTerminationLeavesNothing(t *testing.T) {
	for _, size := range []int{0, 10, 200 << 10, 5 << 20} {
		s := newSite(t, handler.Config{})
		url := s.create("Upload-Length", strconv.Itoa(size+1))
		if size > 0 {
			s.patch(url, 0, random(size))
		}
		s.do(http.StatusNoContent, "DELETE", url, nil)
		s.do(http.StatusNotFound, "HEAD", url, nil)
		s.do(http.StatusNotFound, "PATCH", url, random(1), "Upload-Offset", strconv.Itoa(size))
		if left := s.srv.Objects(bucket); len(left) > 0 {
			t.Errorf("%d bytes: left after DELETE: %q", size, left)
		}
	}
}

// A hook chooses the ID, which can be used once, and the key.
func TestHooksChooseIDAndKey(t *testing.T) {
	var id, key string
	s := newSite(t, handler.Config{
		PreUploadCreateCallback: func(handler.HookEvent) (handler.HTTPResponse, handler.FileInfoChanges, error) {
			return handler.HTTPResponse{}, handler.FileInfoChanges{ID: id, Storage: map[string]string{"Key": key}}, nil
		},
	})
	id, key = "a/b.mp4", "videos/2026/c.mp4"
	s.create("Upload-Length", "3")
	s.patch(s.url+"a/b.mp4", 0, []byte("abc"))
	if got, ok := s.srv.Object(bucket, key); !ok || string(got.Data) != "abc" {
		t.Errorf("the object has %q", got.Data)
	}
	s.do(http.StatusConflict, "POST", s.url, nil, "Upload-Length", "3")
	id = "a/d.mp4" // a later upload to the same key
	s.create("Upload-Length", "3")
	s.patch(s.url+"a/d.mp4", 0, []byte("xyz"))
	s.do(http.StatusNoContent, "DELETE", s.url+"a/b.mp4", nil)
	if got, ok := s.srv.Object(bucket, key); !ok || string(got.Data) != "xyz" {
		t.Errorf("the object of the later upload has %q, %v", got.Data, ok)
	}
	for _, bad := range [][2]string{{"a/../b", "x"}, {".", "x"}, {"x", ".tus/info/a/d.mp4.json"}} {
		id, key = bad[0], bad[1]
		s.do(http.StatusInternalServerError, "POST", s.url, nil, "Upload-Length", "3")
	}
}

func TestUnknownUploadsAreNotFound(t *testing.T) {
	s := newSite(t, handler.Config{})
	s.srv.PutObject(bucket, "files/object", []byte("of another program"))
	for _, id := range []string{"x", "object", "..", ".", "a/../b", strings.Repeat("x", 2000), "%00", "%ff"} {
		s.do(http.StatusNotFound, "HEAD", s.url+strings.ReplaceAll(id, ".", "%2E"), nil)
	}
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
