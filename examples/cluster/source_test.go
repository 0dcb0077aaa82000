package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestSourcesMayBeURLsAndObjects(t *testing.T) {
	n, srv := newNode(t)
	n.start(t)
	want := write(t, filepath.Join(t.TempDir(), "film"), 5*testPart+3, 1)
	srv.PutObject("elsewhere", "a/object", want)
	srv.PutObject("elsewhere", "small", want[:10])
	port := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, r, "film", time.Time{}, bytes.NewReader(want))
	}))
	defer port.Close()
	jobs := n.do(t, port.URL+"/b/film?Signature=secret", "oss://elsewhere/a/object", "oss://elsewhere/small")
	for _, j := range jobs {
		if j.Error != "" {
			t.Error(j.Error)
		}
	}
	wantObject(t, srv, "film", want)
	wantObject(t, srv, "object", want)
	wantObject(t, srv, "small", want[:10])
}

// TestSourcesThatCannotBeReadInRangesAreRefused checks that an error does not tell the query of a URL, which may be a
// signature.
func TestSourcesThatCannotBeReadInRangesAreRefused(t *testing.T) {
	whole := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("all"))
	}))
	defer whole.Close()
	unversioned := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "film", time.Time{}, strings.NewReader("film"))
	}))
	defer unversioned.Close()
	closed := httptest.NewServer(nil)
	closed.Close()
	srv := osstest.NewServer(nil)
	defer srv.Close()
	dir := t.TempDir()
	for name, want := range map[string]string{
		whole.URL + "/film?secret":       "film: server does not send a range, but 200 OK",
		unversioned.URL + "/film?secret": "server tells neither ETag nor Last-Modified of film",
		closed.URL + "/film?secret":      "refused",
		"http://%zz?secret":              "source: ",
		filepath.Join(dir, "missing"):    "no such file",
		dir:                              "is no regular file",
		"oss://bucket/missing":           "NoSuchKey",
	} {
		_, err := describe(t.Context(), srv.Client(), name)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q in it", name, err, want)
		}
	}
}

// TestASourceThatChangesEndsTheJob changes the source after it was submitted, and again while its parts are sent. In
// both cases nothing is left.
func TestASourceThatChangesEndsTheJob(t *testing.T) {
	for _, during := range []bool{false, true} {
		t.Run(fmt.Sprint(during), func(t *testing.T) {
			n, srv := newNode(t)
			path := filepath.Join(t.TempDir(), "film")
			write(t, path, 2*testPart, 0)
			jobs := jobsOf(t, n, path)
			change := func() {
				if err := os.Chtimes(path, time.Time{}, time.Unix(1, 0)); err != nil {
					t.Error(err)
				}
			}
			if !during {
				change()
			} else {
				n.client = clientWith(t, srv, sync.OnceFunc(change))
			}
			if err := n.submit(t.Context(), jobs[0]); err != nil {
				t.Fatal(err)
			}
			n.start(t)
			j := ended(t, n)[0]
			if !strings.Contains(j.Error, multipart.ErrSourceChanged.Error()) {
				t.Errorf("the job ended with %q", j.Error)
			}
			if _, ok := srv.Object(bucketName, "film"); ok || len(srv.Uploads()) > 0 {
				t.Errorf("object exists: %t; uploads are left: %v", ok, srv.Uploads())
			}
		})
	}
}

// clientWith returns a client that calls f before each part.
func clientWith(t *testing.T, srv *osstest.Server, f func()) *oss.Client {
	t.Helper()
	cfg := srv.Config()
	next := cfg.HTTPClient.Transport
	cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Has("partNumber") {
			f()
		}
		return next.RoundTrip(r)
	})}
	c, err := oss.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
