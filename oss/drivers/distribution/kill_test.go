package ossdistribution

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A registry is killed at every kind of request that a push sends to OSS, either before OSS gets the request or before
// the registry gets the reply. The client goes on where the next registry says, and the layer is right. It must begin
// again only if the registry was killed before it had told where the upload is, or after it had removed it.
func TestAPushSurvivesKillsOfTheRegistry(t *testing.T) {
	t.Parallel()
	upload := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/data") }
	for _, tt := range []struct {
		name   string
		match  func(*http.Request) bool
		nth    int32 // of the requests that match
		begins bool  // the client may have to begin again
	}{
		{"initiation", func(r *http.Request) bool { return upload(r) && r.URL.Query().Has("uploads") }, 1, true},
		{"part", func(r *http.Request) bool { return upload(r) && r.URL.Query().Has("partNumber") }, 3, false},
		{"saving of a checkpoint", func(r *http.Request) bool {
			return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/data.upload-")
		}, 3, false},
		{"completion", func(r *http.Request) bool {
			return upload(r) && r.Method == http.MethodPost && r.URL.Query().Has("uploadId")
		}, 1, false},
		{"deletion of a checkpoint", func(r *http.Request) bool {
			return r.Method == http.MethodDelete && strings.Contains(r.URL.Path, "/data.upload-")
		}, 1, false},
		{"move", isMove, 1, false},
		{"end of the move", func(r *http.Request) bool { return upload(r) && r.Method == http.MethodDelete }, 1, true},
		{"link", func(r *http.Request) bool {
			return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/link")
		}, 1, true},
	} {
		for _, executed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/executed %t", tt.name, executed), func(t *testing.T) {
				trap := &trap{match: tt.match, nth: tt.nth, executed: executed, reached: make(chan struct{})}
				p := newPush(t, trap)
				go func() {
					<-trap.reached
					p.process.Load().Kill()
				}()
				p.run()
				if p.kills != 1 || p.begins > 1 && !tt.begins {
					t.Errorf("the client began %d times, with %d kills", p.begins, p.kills)
				}
				p.check()
				p.checkRest()
			})
		}
	}
}

// crane does not continue a layer, but a second push needs only what the first has not finished.
func TestCranePushesAgainAfterAKill(t *testing.T) {
	t.Parallel()
	image, err := random.Image(3<<20, 4)
	if err != nil {
		t.Fatal(err)
	}
	trap := &trap{match: isMove, nth: 3, reached: make(chan struct{})}
	p := newPush(t, trap)
	go func() {
		<-trap.reached
		p.process.Load().Kill()
	}()
	if err := crane.Push(image, p.host+"/library/alpine:3.20"); err == nil {
		t.Fatal("the push survived the kill")
	}
	p.restart()
	if err := crane.Push(image, p.host+"/library/alpine:3.20"); err != nil {
		t.Fatal(err)
	}
	pulled, err := crane.Pull(p.host + "/library/alpine:3.20")
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(pulled); err != nil {
		t.Error(err)
	}
	p.checkRest()
}

func isMove(r *http.Request) bool { return r.Header.Get("x-oss-copy-source") != "" }

// A trap passes requests on to a server, except one, which gets no reply.
type trap struct {
	server   *osstest.Server
	match    func(*http.Request) bool
	nth      int32 // of the requests that match
	executed bool  // the server executes it

	seen    atomic.Int32
	reached chan struct{}
}

func (tr *trap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !tr.match(r) || tr.seen.Add(1) != tr.nth {
		tr.server.ServeHTTP(w, r)
		return
	}
	if tr.executed {
		tr.server.ServeHTTP(httptest.NewRecorder(), r)
	}
	io.Copy(io.Discard, r.Body)
	close(tr.reached)
	<-r.Context().Done()
}

// A push is that of a layer in chunks, by a client that goes on with another registry when one is killed.
type push struct {
	t          *testing.T
	server     *osstest.Server
	parameters map[string]any
	host       string
	process    atomic.Pointer[os.Process]

	layer    []byte
	chunks   []int64 // offsets at which they end
	location string  // where the next request goes; "" if none has begun
	offset   int64
	begins   int // how often the client began
	kills    int
}

func newPush(t *testing.T, trap *trap) *push {
	t.Helper()
	p := &push{t: t, server: osstest.NewServer(&osstest.Options{Buckets: []string{"images"}})}
	trap.server = p.server
	port := httptest.NewServer(trap)
	t.Cleanup(func() {
		port.Close()
		p.server.Close()
	})
	p.parameters = parametersFor(port.URL)
	p.parameters["chunksize"] = 1 << 20
	p.layer = make([]byte, 5<<20)
	rand.NewChaCha8([32]byte{1}).Read(p.layer)
	p.chunks = []int64{1<<20 + 7, 1<<20 + 50, 5 << 20} // the second has fewer bytes than a part may have
	p.restart()
	return p
}

func (p *push) restart() {
	p.t.Helper()
	host, process := startRegistry(p.t, p.parameters)
	p.host = host
	p.process.Store(process)
}

// run pushes the layer.
func (p *push) run() {
	p.t.Helper()
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(p.layer))
	for {
		switch {
		case p.location == "":
			p.begins++
			p.offset = 0
			if !p.do(http.MethodPost, "http://"+p.host+"/v2/repo/blobs/uploads/", nil, http.StatusAccepted) {
				p.recover()
			}
		case p.offset < int64(len(p.layer)):
			end := p.chunks[0]
			for _, end = range p.chunks {
				if end > p.offset {
					break
				}
			}
			if p.do(http.MethodPatch, p.location, p.layer[p.offset:end], http.StatusAccepted) {
				p.offset = end
			} else {
				p.recover()
			}
		default:
			if p.do(http.MethodPut, p.location+"&digest="+url.QueryEscape(digest), nil, http.StatusCreated) {
				return
			}
			p.recover()
		}
	}
}

// recover starts another registry after a request got no reply, and asks it where to go on.
func (p *push) recover() {
	p.t.Helper()
	if p.kills++; p.kills > 1 {
		p.t.Fatal("a request failed without a kill")
	}
	p.restart()
	if p.location == "" {
		return
	}
	old, err := url.Parse(p.location)
	if err != nil {
		p.t.Fatal(err)
	}
	old.Host = p.host
	resp, err := http.Get(old.String())
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	p.location = ""
	if resp.StatusCode == http.StatusNoContent {
		p.location = resp.Header.Get("Location")
		var first, last int64
		fmt.Sscanf(resp.Header.Get("Range"), "%d-%d", &first, &last)
		if p.offset = last + 1; last == 0 {
			p.offset = 0
		}
	}
}

// do sends a request, and returns false if it got no reply. Any reply but the one wanted ends the test.
func (p *push) do(method, target string, body []byte, want int) bool {
	p.t.Helper()
	r, err := http.NewRequest(method, target, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if method == http.MethodPatch {
		r.Header.Set("Content-Range", fmt.Sprintf("%d-%d", p.offset, p.offset+int64(len(body))-1))
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != want {
		p.t.Fatalf("%s: %s\n%s", method, resp.Status, text)
	}
	p.location = resp.Header.Get("Location")
	return true
}

// check compares the layer.
func (p *push) check() {
	p.t.Helper()
	resp, err := http.Get("http://" + p.host + "/v2/repo/blobs/" + fmt.Sprintf("sha256:%x", sha256.Sum256(p.layer)))
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); !bytes.Equal(got, p.layer) {
		p.t.Errorf("the layer has %d other bytes, %v", len(got), err)
	}
}

// checkRest checks what is left when the registry has purged its unfinished uploads.
func (p *push) checkRest() {
	p.t.Helper()
	d, err := FromParameters(p.parameters)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, errs := storage.PurgeUploads(context.Background(), d, time.Now().Add(time.Hour), true); len(errs) > 0 {
		p.t.Errorf("purge: %v", errs)
	}
	if left := p.server.Uploads(); len(left) > 0 {
		p.t.Errorf("unfinished uploads: %v", left)
	}
	for _, key := range p.server.Objects("images") {
		if strings.Contains(key, "/_uploads/") {
			p.t.Errorf("%s is left", key)
		}
	}
}
