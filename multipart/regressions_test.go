package multipart_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
	"time"

	"github.com/ossmultipart/go-oss/internal/faults"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// This file is what the schedules of chaos have found, each as a test of its own.

func TestAStreamThatCannotBeBegunGivesItsBufferBack(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "InitiateMultipartUpload", Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		up := multipart.NewUploader(srv.Client(), settings(100))
		_, err := up.Upload(t.Context(), bucket, key, plainReader{bytes.NewReader(data(300))}, nil)
		wantNothing(t, srv, err, oss.ErrAccessDenied)
		if slots, bytes := up.InUse(); slots != 0 || bytes != 0 {
			t.Errorf("%d slots and %d bytes of buffers are in use", slots, bytes)
		}
	})
}

func TestBytesSentAgainAfterThrottlingCountOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2, Times: 10,
			Effect: osstest.Fail(503, "ServiceUnavailable")})
		var most int64
		up := multipart.NewUploader(srv.Client(),
			&multipart.Options{PartSize: 100, Progress: func(p multipart.Progress) { most = max(most, p.Sent) }})
		want := data(300)
		res, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(want), nil)
		wantObject(t, srv, want, res, err)
		if most != 300 {
			t.Errorf("%d bytes of 300 were reported as sent", most)
		}
	})
}

func TestAWriterWhoseSourceBreaksSaysWhatIsLeft(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		stuck := srv.Inject(osstest.Fault{Op: "AbortMultipartUpload", Effect: osstest.Fail(403, "UserDisable")})
		w := multipart.NewUploader(srv.Client(), settings(100)).NewWriter(t.Context(), bucket, key, nil)
		_, err := w.ReadFrom(io.MultiReader(bytes.NewReader(data(writerBuffer+300)), iotest.ErrReader(errBroken)))
		if !errors.Is(err, errBroken) {
			t.Fatalf("ReadFrom: %v", err)
		}
		ue := wantNothing(t, srv, w.Close(), errBroken)
		if ue.Aborted || ue.AbortErr == nil || ue.Plan.Upload.ID == "" {
			t.Errorf("Close says %+v", ue)
		}
		stuck.Remove()
		if err := srv.Client().AbortMultipartUpload(t.Context(), ue.Plan.Upload); err != nil {
			t.Error(err)
		}
	})
}

func TestAbortOfAWriterSaysWhatIsLeft(t *testing.T) {
	for _, tt := range []struct {
		name  string
		opts  multipart.Options
		fault osstest.Fault
	}{
		{"kept parts", multipart.Options{PartSize: 100, KeepParts: true},
			osstest.Fault{Op: "GetObject", Effect: osstest.Drop()}},
		{"a lost reply", multipart.Options{PartSize: 100},
			osstest.Fault{Op: "InitiateMultipartUpload", Times: 1, Effect: osstest.LoseReply()}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				srv.Inject(tt.fault)
				up := multipart.NewUploader(srv.Client(), &tt.opts)
				w := up.NewWriter(t.Context(), bucket, key, nil)
				if _, err := w.Write(data(2 * writerBuffer)); err != nil {
					t.Fatal(err)
				}
				if err := w.Abort(); err == nil || len(srv.Uploads()) == 0 {
					t.Errorf("Abort: %v, and left are %v", err, srv.Uploads())
				}
				time.Sleep(time.Second) // of the bubble: Sweep wants some age
				for s, err := range up.Sweep(t.Context(), bucket, &multipart.SweepOptions{OlderThan: time.Nanosecond}) {
					if err != nil {
						t.Error(s, err)
					}
				}
			})
		})
	}
}

func TestAnObjectThatIsWrongDoesNotHideWhatIsLeft(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "InitiateMultipartUpload", Times: 1, Effect: osstest.LoseReply()})
		srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Effect: osstest.Corrupt()})
		_, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key,
			bytes.NewReader(data(300)), nil)
		var ue *multipart.UploadError
		if !errors.As(err, &ue) || !errors.As(err, new(*oss.ChecksumError)) || len(ue.Orphans) != 1 {
			t.Fatalf("error is %v, want a ChecksumError that names what a lost reply has begun", err)
		}
		if err := srv.Client().AbortMultipartUpload(t.Context(), ue.Orphans[0]); err != nil {
			t.Error(err)
		}
	})
}

func TestProgressOfAnUploadThatBeginsAnewCountsNothingTwice(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		path := filepath.Join(t.TempDir(), "source")
		if err := os.WriteFile(path, data(500), 0o600); err != nil {
			t.Fatal(err)
		}
		var last multipart.Progress
		up := multipart.NewUploader(srv.Client(), &multipart.Options{
			PartSize: 100, Concurrency: 1, Store: multipart.DirStore(t.TempDir()),
			Progress: func(p multipart.Progress) {
				if p.Done < last.Done || p.Sent < last.Sent || p.PartsDone < last.PartsDone || p.Done > 500 ||
					p.Sent > 500 || p.PartsDone > 5 {
					t.Errorf("progress went from %+v to %+v", last, p)
				}
				last = p
			},
		})
		broken := srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 3,
			Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		_, err := up.UploadFile(t.Context(), bucket, key, path, nil)
		wantNothing(t, srv, err, oss.ErrAccessDenied)
		broken.Remove()
		last = multipart.Progress{}
		// The upload is there when it is listed, and gone when part 4 is on its way.
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 4, Times: 1, Effect: osstest.Delay(time.Second)})
		time.AfterFunc(500*time.Millisecond, func() {
			for _, left := range srv.Uploads() {
				if err := srv.Client().AbortMultipartUpload(t.Context(), left.Upload); err != nil {
					t.Error(err)
				}
			}
		})
		res, err := up.UploadFile(t.Context(), bucket, key, path, nil)
		wantObject(t, srv, data(500), res, err)
		if res.Reused != 0 || last.Done != 500 {
			t.Errorf("%d parts were reused, and progress ended with %+v: the upload did not begin anew", res.Reused,
				last)
		}
	})
}

func TestAFileThatChangesAfterItWasStoredDoesNotHideThatItWas(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		path := filepath.Join(t.TempDir(), "source")
		if err := os.WriteFile(path, data(50), 0o600); err != nil {
			t.Fatal(err)
		}
		srv.Inject(osstest.Fault{Op: "PutObject", Times: 1, Effect: osstest.LoseReply()})
		// The second try is refused because of what the first has made, and only then the file changes.
		srv.Inject(osstest.Fault{Op: "PutObject", Effect: osstest.Delay(time.Second)})
		time.AfterFunc(500*time.Millisecond, func() { os.WriteFile(path, make([]byte, 50), 0o600) })
		up := multipart.NewUploader(srv.Client(), settings(100))
		res, err := up.UploadFile(t.Context(), bucket, key, path, &oss.ObjectOptions{ForbidOverwrite: true})
		wantObject(t, srv, data(50), res, err)
	})
}

// writerBuffer is how much a Writer gathers before it sends.
const writerBuffer = 64 << 10

func TestAPageInPlaceOfAReplyIsNoSuccess(t *testing.T) {
	const page = "<html>log in first</html>"
	for _, size := range []int{50, 300} { // by PutObject, and in parts
		for sum := oss.ChecksumMD5; sum <= oss.ChecksumNone; sum++ {
			for _, times := range []int{1, 0} {
				inBubble(t, func(t *testing.T, srv *osstest.Server) {
					srv.Inject(osstest.Fault{Op: "PutObject", Times: times, Effect: osstest.ProxyReply(200, page)})
					srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2, Times: times,
						Effect: osstest.ProxyReply(200, page)})
					up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 100, Checksum: sum})
					res, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(size)), nil)
					if times == 1 {
						wantObject(t, srv, data(size), res, err)
						return
					}
					if _, made := srv.Object(bucket, key); err == nil || made {
						t.Errorf("Upload of %d bytes with checksum %d: %+v, %v", size, sum, res, err)
					}
				})
			}
		}
	}
}

func TestAPageInPlaceOfAReplyToAbortAbortsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Times: 1, Effect: osstest.LoseReply()})
		srv.Inject(osstest.Fault{Op: "ListParts", Times: 1, Effect: osstest.ProxyReply(200, "<html>")})
		srv.Inject(osstest.Fault{Op: "AbortMultipartUpload", Times: 1, Effect: osstest.ProxyReply(200, "<html>")})
		_, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key,
			bytes.NewReader(data(300)), nil)
		if _, made := srv.Object(bucket, key); !made || err != nil && !errors.Is(err, multipart.ErrOutcomeUnknown) {
			t.Errorf("object made: %v, and the error is %v", made, err)
		}
	})
}

func TestAnAnswerOfAGatewayLeavesTheOutcomeOpen(t *testing.T) {
	for _, tt := range []struct {
		op   string
		size int
	}{{"PutObject", 50}, {"CompleteMultipartUpload", 300}} {
		for _, status := range []int{404, 503} {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				passed := false
				c := client(t, srv, func(cfg *oss.Config) {
					cfg.HTTPClient.Transport = &faults.Gateway{Next: cfg.HTTPClient.Transport,
						Status: func(*http.Request) int {
							if _, made := srv.Object(bucket, key); made && !passed {
								passed = true
								return status
							}
							return 0
						}}
				})
				srv.Inject(osstest.Fault{Op: tt.op, Skip: 1, Effect: osstest.Fail(403, oss.ErrAccessDenied)})
				res, err := multipart.NewUploader(c, settings(100)).Upload(t.Context(), bucket, key,
					bytes.NewReader(data(tt.size)), nil)
				if !passed {
					t.Fatal("no reply was lost, so nothing is shown")
				}
				wantObject(t, srv, data(tt.size), res, err)
			})
		}
	}
}

// ahead returns a client whose clock is so much ahead of the server's, or behind.
func ahead(t *testing.T, srv *osstest.Server, by time.Duration) *oss.Client {
	return client(t, srv, func(cfg *oss.Config) { cfg.Now = func() time.Time { return time.Now().Add(by) } })
}

func TestAnOrphanWhosePartsCannotBeListedIsReported(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "InitiateMultipartUpload", Times: 1, Effect: osstest.LoseReply()})
		srv.Inject(osstest.Fault{Op: "ListParts", Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		res, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key,
			bytes.NewReader(data(300)), nil)
		wantObject(t, srv, data(300), res, err)
		if left := srv.Uploads(); len(left) != 1 || len(res.Orphans) != 1 || res.Orphans[0] != left[0].Upload {
			t.Fatalf("OSS holds %v, the result names %v", left, res.Orphans)
		}
		srv.Client().AbortMultipartUpload(t.Context(), res.Orphans[0])
	})
}

func TestAClockThatIsOffHidesNoOrphan(t *testing.T) {
	for by, refused := range map[time.Duration]int{-time.Hour: 1, -10 * time.Minute: 0, 10 * time.Second: 0,
		10 * time.Minute: 0, time.Hour: 1} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			older, err := srv.Client().InitiateMultipartUpload(t.Context(), bucket, key, nil)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute) // of the bubble
			srv.Inject(osstest.Fault{Op: "InitiateMultipartUpload", Skip: refused, Times: 1,
				Effect: osstest.LoseReply()})
			up := multipart.NewUploader(ahead(t, srv, by), settings(100))
			res, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(300)), nil)
			wantObject(t, srv, data(300), res, err)
			if len(res.Orphans) != 1 || res.Orphans[0] == older {
				t.Errorf("by a clock %v ahead the orphans are %v, want the one of the lost reply", by, res.Orphans)
			}
			for _, left := range srv.Uploads() {
				srv.Client().AbortMultipartUpload(t.Context(), left.Upload)
			}
		})
	}
}

func TestSweepGoesByTheClockOfOSS(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		young, err := srv.Client().InitiateMultipartUpload(t.Context(), bucket, key, nil)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // of the bubble
		for _, tt := range []struct {
			ahead, older time.Duration
			want         int
		}{{2 * multipart.DefaultSweepAge, 0, 0}, {10 * time.Minute, 65 * time.Minute, 0},
			{-10 * time.Minute, 55 * time.Minute, 1},
			{-2 * multipart.DefaultSweepAge, time.Minute, 1}} {
			swept := 0
			up := multipart.NewUploader(ahead(t, srv, tt.ahead), nil)
			for s, err := range up.Sweep(t.Context(), bucket,
				&multipart.SweepOptions{OlderThan: tt.older, DryRun: true}) {
				if err != nil || s.Upload != young {
					t.Errorf("Sweep: %+v, %v", s, err)
				}
				swept++
			}
			if swept != tt.want {
				t.Errorf("by a clock %v ahead %d uploads were found, want %d", tt.ahead, swept, tt.want)
			}
		}
		if err := srv.Client().AbortMultipartUpload(t.Context(), young); err != nil {
			t.Error(err)
		}
	})
}
