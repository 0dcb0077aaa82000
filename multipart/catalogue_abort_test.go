package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func theFirstFailureCancelsTheOtherPartsAndIsTheError(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 3, Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Slow(10)}) // the others take ten seconds
		began := time.Now()
		up := multipart.NewUploader(srv.Client(), settings(100))
		_, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(1000)), nil)
		ue := wantNothing(t, srv, err, oss.ErrAccessDenied)
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
		if len(ue.Failed) != 1 || ue.Failed[0].Number != 3 || ue.Failed[0].Offset != 200 || !ue.Aborted {
			t.Errorf("UploadError is %+v, want part 3 failed and the upload aborted", ue)
		}
	})
}

func aPartThatFailsForAWhileIsSentAgain(t *testing.T) {
	for _, tt := range []struct {
		name   string
		effect osstest.Effect
	}{
		{"500", osstest.Fail(500, "InternalError")},
		{"503", osstest.Fail(503, "ServiceUnavailable")},
		{"400 RequestTimeout", osstest.Fail(400, "RequestTimeout")},
		{"cut before the body", osstest.Drop()},
		{"cut in the body", osstest.Truncate(37)},
		{"reply lost", osstest.LoseReply()},
		{"a bit flipped", osstest.Corrupt()},
		{"no reply ever", osstest.Hang()},
	} {
		for _, checksum := range []oss.Checksum{oss.ChecksumMD5, oss.ChecksumCRC64} {
			t.Run(fmt.Sprintf("%s/%d", tt.name, checksum), func(t *testing.T) {
				inBubble(t, func(t *testing.T, srv *osstest.Server) {
					fault := srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2, Times: 2, Effect: tt.effect})
					want := data(1000)
					up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 100, Checksum: checksum})
					res, err := up.Upload(t.Context(), bucket, key, plainReader{bytes.NewReader(want)}, nil)
					wantObject(t, srv, want, res, err)
					if fault.Fired() != 2 {
						t.Errorf("the fault struck %d times, want 2", fault.Fired())
					}
				})
			})
		}
	}
}

func cancellingReturnsAtOnceAndLeavesNothing(t *testing.T) {
	for _, op := range []string{"InitiateMultipartUpload", "UploadPart", "CompleteMultipartUpload"} {
		t.Run(op, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				srv.Inject(osstest.Fault{Op: op, Effect: osstest.Hang()})
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				began := time.Now()
				_, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(ctx, bucket, key,
					bytes.NewReader(data(1000)), nil)
				wantNothing(t, srv, err, context.DeadlineExceeded)
				if took := time.Since(began); took > 5*time.Second+abortTime {
					t.Errorf("it took %v, want the 5s of the deadline", took)
				}
			})
		})
	}
}

func cancellingDoesNotWaitForAReaderThatBlocks(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		r, w := io.Pipe()
		go w.Write(data(150)) // one part and a half, and then nothing more
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		up := multipart.NewUploader(srv.Client(), settings(100))
		_, err := up.Upload(ctx, bucket, key, r, nil)
		wantNothing(t, srv, err, context.DeadlineExceeded)
		if took := time.Since(began); took > 5100*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		w.CloseWithError(io.ErrClosedPipe) // lets the Read end, and with it what waits for it
		res, err := up.Upload(t.Context(), bucket, key, plainReader{bytes.NewReader(data(500))}, nil)
		wantObject(t, srv, data(500), res, err) // which is only possible if its buffer came back
	})
}

// The bubble ends when all of its goroutines have.
func failingUploadsLeaveNoGoroutine(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 7, Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		up := multipart.NewUploader(srv.Client(),
			&multipart.Options{PartSize: 100, Concurrency: 8, Progress: func(multipart.Progress) {}})
		for range 10 {
			src := plainReader{bytes.NewReader(data(2000))}
			_, err := up.Upload(t.Context(), bucket, key, src, nil)
			if !errors.Is(err, oss.ErrAccessDenied) {
				t.Fatalf("error is %v", err)
			}
		}
	})
}

func abortIsRepeatedUntilOSSHoldsNothing(t *testing.T) {
	for _, effect := range []osstest.Effect{osstest.Fail(500, "InternalError"), osstest.Drop(), osstest.LoseReply()} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2, Effect: osstest.Fail(403, oss.ErrAccessDenied)})
			srv.Inject(osstest.Fault{Op: "AbortMultipartUpload", Times: 6, Effect: effect})
			_, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key,
				bytes.NewReader(data(300)), nil)
			if ue := wantNothing(t, srv, err, oss.ErrAccessDenied); !ue.Aborted || ue.AbortErr != nil {
				t.Errorf("UploadError says Aborted %v, AbortErr %v", ue.Aborted, ue.AbortErr)
			}
		})
	}
}

func aLatePartThatRevivesTheUploadIsAbortedToo(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		late := srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 1, Effect: osstest.Redeliver(time.Second)})
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2, Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		// done at once, and told when the part has come
		srv.Inject(osstest.Fault{Op: "AbortMultipartUpload", Times: 1, Effect: osstest.Delay(2 * time.Second)})
		up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 100, Concurrency: 1})
		_, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(300)), nil)
		wantNothing(t, srv, err, oss.ErrAccessDenied)
		if n := len(srv.Requests("AbortMultipartUpload")); n != 2 || late.Fired() != 1 {
			t.Errorf("%d aborts after %d late parts, want the second for the part that came back", n, late.Fired())
		}
	})
}

// Row 82: a part that was cut off in flight is stored a moment after the abort.
func aPartStoredAMomentAfterTheAbortIsAbortedToo(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		ctx, cancel := context.WithCancel(t.Context())
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 1,
			Effect: osstest.Together(osstest.LoseReply(), osstest.Redeliver(200*time.Millisecond))})
		c := client(t, srv, func(cfg *oss.Config) {
			cfg.Hooks.OnAttempt = func(_ context.Context, op oss.Operation, _ oss.Attempt) {
				if op.Name == "UploadPart" {
					cancel()
				}
			}
		})
		began := time.Now()
		_, err := multipart.NewUploader(c, &multipart.Options{PartSize: 100, Concurrency: 1}).Upload(ctx, bucket, key,
			bytes.NewReader(data(300)), nil)
		ue := wantNothing(t, srv, err, context.Canceled)
		took := time.Since(began)
		time.Sleep(time.Minute) // in the bubble
		if !ue.Aborted || len(srv.Uploads()) != 0 || took > 600*time.Millisecond {
			t.Errorf("error %v after %v, OSS holds %v", err, took, srv.Uploads())
		}
	})
}

// BR31: keys that may abort an upload and not list its parts learn of its end by a second abort.
func keysThatMayNotListPartsAbortTwice(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "ListParts", Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2, Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		began := time.Now()
		up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 100, Concurrency: 1})
		_, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(300)), nil)
		ue := wantNothing(t, srv, err, oss.ErrAccessDenied)
		if !ue.Aborted || ue.AbortErr != nil || !strings.Contains(err.Error(), "nothing left") {
			t.Errorf("error is %v", err)
		}
		if n, took := len(srv.Requests("AbortMultipartUpload")), time.Since(began); n != 2 ||
			took > 200*time.Millisecond {
			t.Errorf("%d aborts in %v, want 2 at once", n, took)
		}
	})
}

func anAbortThatFailsForGoodIsReportedWithTheUploadID(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2, Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		stuck := srv.Inject(osstest.Fault{Op: "AbortMultipartUpload", Effect: osstest.Fail(403, "UserDisable")})
		_, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key,
			bytes.NewReader(data(300)), nil)
		ue := wantNothing(t, srv, err, oss.ErrAccessDenied)
		if ue.Aborted || !errors.Is(ue.AbortErr, oss.Code("UserDisable")) ||
			!strings.Contains(err.Error(), ue.Plan.Upload.ID) {
			t.Errorf("UploadError is %+v", ue)
		}
		stuck.Remove()
		if err := srv.Client().AbortMultipartUpload(t.Context(), ue.Plan.Upload); err != nil {
			t.Error(err)
		}
	})
}

func TestKeepPartsLeavesThePartsAndSaysWhere(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 3, Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 100, Concurrency: 1, KeepParts: true})
		_, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(500)), nil)
		ue := wantNothing(t, srv, err, oss.ErrAccessDenied)
		left := srv.Uploads()
		if len(left) != 1 || left[0].Upload != ue.Plan.Upload || len(left[0].Parts) != 2 ||
			ue.Stored != 200 || ue.Aborted {
			t.Errorf("OSS holds %+v, UploadError says %+v", left, ue)
		}
		if err := srv.Client().AbortMultipartUpload(t.Context(), ue.Plan.Upload); err != nil {
			t.Error(err)
		}
	})
}

func twoFailuresDoNotHideTheFirst(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2, Effect: osstest.Fail(404, oss.ErrNoSuchUpload)})
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 1, Effect: osstest.Slow(100)})
		_, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key,
			io.MultiReader(bytes.NewReader(data(250)), readerFunc(func([]byte) (int, error) {
				time.Sleep(time.Second / 2) // in the bubble: part 2 has failed by now
				return 0, errors.New("the tape tore")
			})), nil)
		wantNothing(t, srv, err, oss.ErrNoSuchUpload)
		time.Sleep(time.Second) // in the bubble, for the read that was left to itself
	})
}
