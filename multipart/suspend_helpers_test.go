package multipart_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// leastTestPart is the smallest part that is not the last, in the tests of Suspend.
const leastTestPart = 64

// withSessions runs f in a bubble with a server whose smallest part has leastTestPart bytes. When f is done no upload
// and no object besides the target may be left.
func withSessions(t *testing.T, f func(t *testing.T, srv *osstest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{MinPartSize: leastTestPart})
		defer srv.Close()
		f(t, srv)
		wantClean(t, srv)
	})
}

// wantClean checks that OSS holds nothing but finished objects under the key of the tests.
func wantClean(t *testing.T, srv *osstest.Server) {
	t.Helper()
	for _, up := range srv.Uploads() {
		t.Errorf("left behind: %v with %d parts", up.Upload, len(up.Parts))
	}
	for _, name := range srv.Objects(bucket) {
		if name != key {
			t.Errorf("left behind: object %s", name)
		}
	}
}

// anUploader returns an Uploader that knows nothing of the others.
func anUploader(srv *osstest.Server, opts multipart.Options) *multipart.Uploader {
	opts.PartSize = 256
	return multipart.NewUploader(srv.Client(), &opts)
}

// write writes p to w in pieces of at most 100 bytes.
func write(t *testing.T, w *multipart.Writer, p []byte) {
	t.Helper()
	for len(p) > 0 {
		n := min(100, len(p))
		if _, err := w.Write(p[:n]); err != nil {
			t.Fatalf("Write: %v", err)
		}
		p = p[n:]
	}
}

// suspended writes p to w and returns its Checkpoint as another process reads it.
func suspended(t *testing.T, w *multipart.Writer, p []byte) *multipart.Checkpoint {
	t.Helper()
	write(t, w, p)
	cp, err := w.Suspend(t.Context())
	if err != nil {
		t.Fatalf("Suspend: %v", err)
	}
	return throughJSON(t, cp)
}

func throughJSON(t *testing.T, cp *multipart.Checkpoint) *multipart.Checkpoint {
	t.Helper()
	text, err := json.Marshal(cp)
	var read multipart.Checkpoint
	if err == nil {
		err = json.Unmarshal(text, &read)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &read
}
