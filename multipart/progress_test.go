package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func progressIsMonotoneAndEndsExactlyAtTheSize(t *testing.T) {
	for _, size := range []int{0, 50, 1000} {
		for _, known := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d/known=%v", size, known), func(t *testing.T) {
				inBubble(t, func(t *testing.T, srv *osstest.Server) {
					srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 3, Times: 2, Effect: osstest.Truncate(40)})
					srv.Inject(osstest.Fault{Op: "PutObject", Times: 1, Effect: osstest.LoseReply()})
					var last multipart.Progress
					var calls int
					up := multipart.NewUploader(srv.Client(),
						&multipart.Options{PartSize: 100, Progress: func(p multipart.Progress) {
							if p.Done < last.Done || p.Sent < last.Sent ||
								p.PartsDone < last.PartsDone || p.Done > p.Sent {
								t.Errorf("progress went from %+v to %+v", last, p)
							}
							if _, exists := srv.Stat(bucket, key); p.Done == p.Total && !exists {
								t.Errorf("%+v was reported before there was an object", p)
							}
							last = p
							calls++
						}})
					src := plainReader{bytes.NewReader(data(size))}
					var err error
					if known {
						_, err = up.Upload(t.Context(), bucket, key, src.Reader, nil)
					} else {
						_, err = up.Upload(t.Context(), bucket, key, src, nil)
					}
					if err != nil {
						t.Fatal(err)
					}
					parts := 0
					if size > 100 {
						parts = size / 100
					}
					want := multipart.Progress{Bucket: bucket, Key: key, Done: int64(size), Total: int64(size),
						PartsDone: parts, Parts: parts, Sent: int64(size)}
					if diff := cmp.Diff(want, last); diff != "" || calls == 0 {
						t.Errorf("after %d calls (-want +got):\n%s", calls, diff)
					}
				})
			})
		}
	}
}

func aPanicOfTheProgressFunctionReachesTheCaller(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		defer func() {
			if v := recover(); v != "enough" {
				t.Errorf("recovered %v", v)
			}
			if _, ok := srv.Object(bucket, key); ok {
				t.Error("the object was made all the same")
			}
		}()
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 9, Effect: osstest.Hang()})
		up := multipart.NewUploader(srv.Client(),
			&multipart.Options{PartSize: 100, Progress: func(p multipart.Progress) {
				if p.Done >= 300 {
					panic("enough")
				}
			}})
		res, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(1000)), nil)
		t.Errorf("Upload returned %+v, %v", res, err)
	})
}

func aProgressFunctionMayUpload(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		var up *multipart.Uploader
		done := false
		up = multipart.NewUploader(srv.Client(),
			&multipart.Options{PartSize: 100, Concurrency: 1, Progress: func(p multipart.Progress) {
				if p.Key == key && !done {
					done = true
					if _, err := up.Upload(t.Context(), bucket, "inner", bytes.NewReader(data(300)), nil); err != nil {
						t.Error(err)
					}
				}
			}})
		res, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(1000)), nil)
		wantObject(t, srv, data(1000), res, err)
		if _, ok := srv.Object(bucket, "inner"); !ok {
			t.Error("the inner upload did not happen")
		}
	})
}

func aFailedUploadNeverReportsEverything(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		up := multipart.NewUploader(srv.Client(),
			&multipart.Options{PartSize: 100, Progress: func(p multipart.Progress) {
				if p.Done == p.Total {
					t.Errorf("%+v was reported", p)
				}
			}})
		_, err := up.Upload(context.Background(), bucket, key, bytes.NewReader(data(1000)), nil)
		if !errors.Is(err, oss.ErrAccessDenied) {
			t.Error(err)
		}
	})
}

// An empty object has no bytes that could be missing, so that its Total is not told before it exists.
func aFailedUploadOfNothingNeverReportsEverything(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "PutObject", Times: 1, Effect: osstest.Fail(503, "ServiceUnavailable")})
		srv.Inject(osstest.Fault{Op: "PutObject", Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		calls := 0
		up := multipart.NewUploader(srv.Client(), &multipart.Options{Progress: func(p multipart.Progress) {
			if calls++; p.Done == p.Total {
				t.Errorf("%+v was reported", p)
			}
		}})
		_, err := up.Upload(context.Background(), bucket, key, bytes.NewReader(nil), nil)
		if !errors.Is(err, oss.ErrAccessDenied) || calls == 0 {
			t.Errorf("%v, %d calls", err, calls)
		}
	})
}
