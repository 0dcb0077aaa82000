package multipart_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// original puts an object with metadata into the bucket and returns it as a source.
func original(t *testing.T, srv *osstest.Server, size int) oss.CopySource {
	t.Helper()
	_, err := srv.Client().PutObject(t.Context(), bucket, "original", strings.NewReader(string(data(size))), &oss.ObjectOptions{
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
				if diff := cmp.Diff(map[string]string{"a": "b"}, info.Metadata); diff != "" || info.ContentType != "text/x-test" || info.Header.Get("Cache-Control") != "no-cache" {
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
			if diff := cmp.Diff(map[string]string{"c": "d"}, info.Metadata); diff != "" || info.ContentType != "text/y" {
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
				cfg.Hooks.OnStart = onFirst("UploadPartCopy CopyObject", func() { srv.PutObject(bucket, "original", make([]byte, size)) })
			})
			_, err := multipart.NewUploader(c, settings(100)).Copy(t.Context(), bucket, key, src, nil)
			wantNothing(t, srv, err, multipart.ErrSourceChanged)
		})
	}
}

func TestCopySurvivesFaultsAndLeavesNothingWhenItFails(t *testing.T) {
	for _, op := range []string{"UploadPartCopy", "CompleteMultipartUpload"} {
		for _, effect := range []osstest.Effect{osstest.LoseReply(), osstest.Drop(), osstest.Fail(500, "InternalError")} {
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
