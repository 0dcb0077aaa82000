package multipart_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// original puts an object with metadata into the bucket and returns it as a source.
func original(t *testing.T, srv *osstest.Server, size int) oss.CopySource {
	t.Helper()
	_, err := srv.Client().PutObject(t.Context(), bucket, "original",
		strings.NewReader(string(data(size))), &oss.ObjectOptions{
			ContentType: "text/x-test", Metadata: map[string]string{"a": "b"}, CacheControl: "no-cache",
		})
	if err != nil {
		t.Fatal(err)
	}
	return oss.CopySource{Bucket: bucket, Key: "original"}
}

func TestCopyMakesAnEqualObject(t *testing.T) {
	for _, tt := range []struct{ size, requests int }{
		{0, 2}, {1, 2}, {100, 2}, // HeadObject and CopyObject
		{101, 5}, {950, 13}, // HeadObject, Initiate, the parts, Complete
	} {
		t.Run(fmt.Sprint(tt.size), func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				src := original(t, srv, tt.size)
				res, err := multipart.NewUploader(srv.Client(), settings(100)).Copy(t.Context(), bucket, key, src, nil)
				wantObject(t, srv, data(tt.size), res, err)
				if n := len(srv.Requests()) - 1; n != tt.requests {
					t.Errorf("%d requests, want %d", n, tt.requests)
				}
				info, err := srv.Client().HeadObject(t.Context(), bucket, key, nil)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(map[string]string{"a": "b"}, info.Metadata); diff != "" ||
					info.ContentType != "text/x-test" || info.Header.Get("Cache-Control") != "no-cache" {
					t.Errorf("the copy has %+v (-want +got):\n%s", info, diff)
				}
			})
		})
	}
}

func TestCopyWithOptionsHasThoseAlone(t *testing.T) {
	for _, size := range []int{50, 950} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			src := original(t, srv, size)
			res, err := multipart.NewUploader(srv.Client(), settings(100)).Copy(t.Context(), bucket, key, src,
				&oss.ObjectOptions{ContentType: "text/y", Metadata: map[string]string{"c": "d"}})
			wantObject(t, srv, data(size), res, err)
			info, err := srv.Client().HeadObject(t.Context(), bucket, key, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(map[string]string{"c": "d"}, info.Metadata); diff != "" ||
				info.ContentType != "text/y" {
				t.Errorf("%d bytes: the copy has %q (-want +got):\n%s", size, info.ContentType, diff)
			}
		})
	}
}

func TestCopyOfARange(t *testing.T) {
	for _, r := range []struct{ offset, length int64 }{{0, 50}, {10, 0}, {100, 333}, {949, 1}, {0, 950}} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			src := original(t, srv, 950)
			src.Offset, src.Length = r.offset, r.length
			end := r.offset + r.length
			if r.length == 0 {
				end = 950
			}
			res, err := multipart.NewUploader(srv.Client(), settings(100)).Copy(t.Context(), bucket, key, src, nil)
			wantObject(t, srv, data(950)[r.offset:end], res, err)
		})
	}
}

func TestCopyOfNothingThereOrOutOfRange(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		up := multipart.NewUploader(srv.Client(), settings(100))
		_, err := up.Copy(t.Context(), bucket, key, oss.CopySource{Bucket: bucket, Key: "missing"}, nil)
		wantNothing(t, srv, err, oss.ErrNoSuchKey)
		src := original(t, srv, 950)
		for _, r := range []struct{ offset, length int64 }{{950, 0}, {951, 0}, {0, 951}, {-1, 0}, {0, -1}, {900, 51}} {
			src.Offset, src.Length = r.offset, r.length
			if res, err := up.Copy(t.Context(), bucket, key, src, nil); err == nil {
				t.Errorf("a copy of %d bytes from %d on is %+v", r.length, r.offset, res)
			}
		}
	})
}

func TestCopyOfASourceThatChangesMakesNoObject(t *testing.T) {
	for _, size := range []int{50, 950} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			src := original(t, srv, size)
			c := client(t, srv, func(cfg *oss.Config) {
				cfg.Hooks.OnStart = onFirst("UploadPartCopy CopyObject", func() {
					srv.PutObject(bucket, "original", make([]byte, size))
				})
			})
			_, err := multipart.NewUploader(c, settings(100)).Copy(t.Context(), bucket, key, src, nil)
			wantNothing(t, srv, err, multipart.ErrSourceChanged)
		})
	}
}

func TestCopySurvivesFaultsAndLeavesNothingWhenItFails(t *testing.T) {
	for _, op := range []string{"UploadPartCopy", "CompleteMultipartUpload"} {
		for _, effect := range []osstest.Effect{osstest.LoseReply(), osstest.Drop(),
			osstest.Fail(500, "InternalError")} {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				src := original(t, srv, 950)
				srv.Inject(osstest.Fault{Op: op, Times: 2, Effect: effect})
				res, err := multipart.NewUploader(srv.Client(), settings(100)).Copy(t.Context(), bucket, key, src, nil)
				wantObject(t, srv, data(950), res, err)
			})
		}
	}
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		src := original(t, srv, 50)
		srv.Inject(osstest.Fault{Op: "CopyObject", Effect: osstest.LoseReply()})
		res, err := multipart.NewUploader(srv.Client(), settings(100)).Copy(t.Context(), bucket, key, src, nil)
		wantObject(t, srv, data(50), res, err)
	})
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		src := original(t, srv, 950)
		srv.Inject(osstest.Fault{Op: "UploadPartCopy", PartNumber: 5, Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		_, err := multipart.NewUploader(srv.Client(), settings(100)).Copy(t.Context(), bucket, key, src, nil)
		wantNothing(t, srv, err, oss.ErrAccessDenied)
	})
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		src := original(t, srv, 950)
		src.Offset = 7 // of a range, where no sum of the source helps
		srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Effect: osstest.Corrupt()})
		_, err := multipart.NewUploader(srv.Client(), settings(100)).Copy(t.Context(), bucket, key, src, nil)
		var damaged *oss.ChecksumError
		if !errors.As(err, &damaged) || strings.Contains(err.Error(), "nothing left") {
			t.Errorf("a damaged copy of a range: %v", err)
		}
	})
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		src := original(t, srv, 950)
		srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Effect: osstest.Corrupt()})
		_, err := multipart.NewUploader(srv.Client(), settings(100)).Copy(t.Context(), bucket, key, src, nil)
		var damaged *oss.ChecksumError
		if !errors.As(err, &damaged) {
			t.Errorf("a damaged copy: %v", err)
		}
	})
}

// BR42, R4: what a copy has does not depend on whether it was made by one request or in parts.
func TestACopyHasTheSameInOnePieceAndInParts(t *testing.T) {
	source := &oss.ObjectOptions{
		ContentType: "text/x-test", CacheControl: "no-cache", ContentLanguage: "de",
		Metadata: map[string]string{"a": "b"},
		Tags:     map[string]string{"team": "red blue", "x": ""}, StorageClass: "IA",
	}
	const tags = "team=red%20blue&x="
	type seen struct{ ContentType, CacheControl, Language, Meta, Tags, Class string }
	all := seen{"text/x-test", "no-cache", "de", "b", tags, "IA"}
	copies := func(u *multipart.Uploader) func(context.Context, string, string, oss.CopySource,
		*oss.ObjectOptions) (*multipart.Result, error) {
		return u.Copy
	}
	clones := func(u *multipart.Uploader) func(context.Context, string, string, oss.CopySource,
		*oss.ObjectOptions) (*multipart.Result, error) {
		return u.Clone
	}
	for _, tt := range []struct {
		name string
		way  func(*multipart.Uploader) func(context.Context, string, string, oss.CopySource,
			*oss.ObjectOptions) (*multipart.Result, error)
		opts *oss.ObjectOptions
		want seen
	}{
		{"a copy", copies, nil, seen{"text/x-test", "no-cache", "de", "b", "", ""}},
		{"a copy with no options", copies, &oss.ObjectOptions{}, seen{"application/octet-stream", "", "", "", "", ""}},
		{"a copy with tags", copies,
			&oss.ObjectOptions{ContentType: "text/y", Tags: map[string]string{"k": "v"}, StorageClass: "Archive"},
			seen{"text/y", "", "", "", "k=v", "Archive"}},
		{"a copy with a header of tags", copies,
			&oss.ObjectOptions{ContentType: "text/y", Header: http.Header{"X-Oss-Tagging": {"k=v"}}},
			seen{"text/y", "", "", "", "k=v", ""}},
		{"a clone", clones, nil, all},
		{"a clone of another class", clones, &oss.ObjectOptions{StorageClass: "Archive"},
			seen{"text/x-test", "no-cache", "de", "b", tags, "Archive"}},
		{"a clone without tags and metadata", clones,
			&oss.ObjectOptions{Tags: map[string]string{}, Metadata: map[string]string{}},
			seen{"text/x-test", "no-cache", "de", "", "", "IA"}},
	} {
		for _, size := range []int{0, 50, 100, 101, 950} {
			t.Run(fmt.Sprintf("%s/%d", tt.name, size), func(t *testing.T) {
				inBubble(t, func(t *testing.T, srv *osstest.Server) {
					src := oss.CopySource{Bucket: bucket, Key: "original"}
					if _, err := srv.Client().PutObject(t.Context(), bucket, src.Key,
						strings.NewReader(string(data(size))), source); err != nil {
						t.Fatal(err)
					}
					res, err := tt.way(multipart.NewUploader(srv.Client(), settings(100)))(t.Context(), bucket, key,
						src, tt.opts)
					wantObject(t, srv, data(size), res, err)
					obj, _ := srv.Object(bucket, key)
					h := obj.Header
					got := seen{h.Get("Content-Type"), h.Get("Cache-Control"),
						h.Get("Content-Language"), h.Get("X-Oss-Meta-A"),
						h.Get("X-Oss-Tagging"), h.Get("X-Oss-Storage-Class")}
					if diff := cmp.Diff(tt.want, got); diff != "" {
						t.Errorf("the copy has (-want +got):\n%s", diff)
					}
				})
			})
		}
	}
}

// BR42: tags that cannot be read are no missing tags.
func TestACloneWhoseTagsCannotBeReadIsAnError(t *testing.T) {
	for name, effect := range map[string]osstest.Effect{"refused": osstest.Fail(403, oss.ErrAccessDenied),
		"a page": osstest.ProxyReply(200, "<html>")} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				src := original(t, srv, 50)
				srv.Inject(osstest.Fault{Op: "GetObjectTagging", Effect: effect})
				up := multipart.NewUploader(srv.Client(), settings(100))
				_, err := up.Clone(t.Context(), bucket, key, src, nil)
				if _, ok := srv.Object(bucket, key); ok || err == nil ||
					!strings.Contains(err.Error(), "reading the tags of the source") {
					t.Errorf("error %v, object %v", err, ok)
				}
				// which asks for none
				res, err := up.Clone(t.Context(), bucket, key, src, &oss.ObjectOptions{Tags: map[string]string{}})
				wantObject(t, srv, data(50), res, err)
			})
		})
	}
}

// Bug 9: CopyObject takes sources of at most 1 GiB, whatever the part size.
func TestASourceLargerThanCopyObjectTakesIsCopiedInParts(t *testing.T) {
	for size, want := range map[int64]string{oss.MaxCopySize: "CopyObject",
		oss.MaxCopySize + 1: "InitiateMultipartUpload"} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			src := original(t, srv, 50)
			for _, op := range []string{"CopyObject", "InitiateMultipartUpload"} {
				srv.Inject(osstest.Fault{Op: op, Effect: osstest.Fail(403, oss.ErrAccessDenied)})
			}
			c := client(t, srv, func(cfg *oss.Config) {
				cfg.HTTPClient = &http.Client{Transport: rewriting{cfg.HTTPClient.Transport, func(resp *http.Response) {
					if resp.Request.Method == http.MethodHead {
						resp.ContentLength = size
					}
				}}}
			})
			up := multipart.NewUploader(c, settings(2<<30))
			if _, err := up.Copy(t.Context(), bucket, key, src, nil); !errors.Is(err, oss.ErrAccessDenied) ||
				len(srv.Requests(want)) != 1 {
				t.Errorf("%d bytes: %v, want a %s", size, err, want)
			}
		})
	}
}

// answering is a server of callbacks that says the same to all of them.
type answering string

func (a answering) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}},
		ContentLength: int64(len(a)),
		Body:          io.NopCloser(strings.NewReader(string(a))), Request: req}, nil
}

// Row 117: CopyObject has no callback, so a small copy with one is made in parts.
func TestACopyHonoursOrRefusesEveryOption(t *testing.T) {
	callback := http.Header{"X-Oss-Callback": {
		"eyJjYWxsYmFja1VybCI6ICJodHRwOi8vMTI3LjAuMC4xOjEvIiwgImNhbGxiYWNrQm9keSI6ICJhIn0=",
	}}
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(
			&osstest.Options{MinPartSize: 1, Callbacks: &http.Client{Transport: answering(`{"ok":true}`)}})
		defer srv.Close()
		src := original(t, srv, 50)
		up := multipart.NewUploader(srv.Client(), settings(100))
		res, err := up.Copy(t.Context(), bucket, key, src, &oss.ObjectOptions{Header: callback})
		wantObject(t, srv, data(50), res, err)
		if string(res.Callback) != `{"ok":true}` {
			t.Errorf("the callback answered %q", res.Callback)
		}
		empty := original(t, srv, 0)
		if _, err := up.Copy(t.Context(), bucket, key, empty, &oss.ObjectOptions{Header: callback}); err == nil ||
			!strings.Contains(err.Error(), "supports no callback") {
			t.Errorf("a callback of an empty copy: %v", err)
		}
		for _, name := range []string{"x-oss-tagging-directive", "X-Oss-Metadata-Directive", "x-oss-copy-source",
			"x-oss-copy-source-if-match"} {
			opts := &oss.ObjectOptions{Header: http.Header{name: {"COPY"}}}
			_, copyErr := up.Copy(t.Context(), bucket, key, src, opts)
			_, putErr := up.Upload(t.Context(), bucket, key, strings.NewReader("x"), opts)
			for _, err := range []error{copyErr, putErr} {
				if err == nil || !strings.Contains(err.Error(), http.CanonicalHeaderKey(name)+" is for CopyObject") {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	})
}
