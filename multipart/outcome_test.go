package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// upload sends 1,000 bytes in parts of 100.
func upload(t *testing.T, c *oss.Client, opts *oss.ObjectOptions) (*multipart.Result, error) {
	return multipart.NewUploader(c, settings(100)).Upload(t.Context(), bucket, key, bytes.NewReader(data(1000)), opts)
}

// once makes Complete try a single time, so that what it did is for the Uploader to find out.
func once(cfg *oss.Config) { cfg.Retry.Attempts = 1 }

func aLostReplyToCompleteIsSettledByTheObject(t *testing.T) {
	for name, change := range map[string]func(*oss.Config){"retried": func(*oss.Config) {}, "tried once": once} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				lost := srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Times: 1, Effect: osstest.LoseReply()})
				res, err := upload(t, client(t, srv, change), nil)
				wantObject(t, srv, data(1000), res, err)
				if lost.Fired() != 1 {
					t.Error("the reply was not lost")
				}
			})
		})
	}
}

func aLostReplyUnderForbidOverwriteIsNotMistakenForAConflict(t *testing.T) {
	for _, size := range []int{1000, 50} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Times: 1, Effect: osstest.LoseReply()})
			srv.Inject(osstest.Fault{Op: "PutObject", Times: 1, Effect: osstest.LoseReply()})
			res, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key,
				bytes.NewReader(data(size)), &oss.ObjectOptions{ForbidOverwrite: true})
			wantObject(t, srv, data(size), res, err)
		})
	}
}

func aConflictUnderForbidOverwriteIsOne(t *testing.T) {
	for _, size := range []int{1000, 50} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			srv.PutObject(bucket, key, []byte("older"))
			_, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key,
				bytes.NewReader(data(size)), &oss.ObjectOptions{ForbidOverwrite: true})
			if !errors.Is(err, oss.ErrAlreadyExists) || errors.Is(err, multipart.ErrOutcomeUnknown) {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestACompleteThatNeverHappenedIsAFailureThatLeavesNothing(t *testing.T) {
	for name, effect := range map[string]osstest.Effect{
		"500": osstest.Fail(500, "InternalError"), "cut": osstest.Drop(), "no reply": osstest.Hang(),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Effect: effect})
				_, err := upload(t, srv.Client(), nil)
				var ue *multipart.UploadError
				if !errors.As(err, &ue) || !ue.Aborted || errors.Is(err, multipart.ErrOutcomeUnknown) {
					t.Errorf("error is %v", err)
				}
				if _, ok := srv.Object(bucket, key); ok {
					t.Error("there is an object")
				}
			})
		})
	}
}

func anEqualOlderObjectProvesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		if _, err := upload(t, srv.Client(), nil); err != nil {
			t.Fatal(err)
		}
		srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Effect: osstest.Drop()})
		if res, err := upload(t, srv.Client(), nil); err == nil {
			t.Errorf("Upload = %+v although Complete never happened", res)
		}
	})
}

func anotherObjectInPlaceOfOursLeavesTheOutcomeUnknown(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Times: 1, Effect: osstest.LoseReply()})
		c := client(t, srv, func(cfg *oss.Config) {
			cfg.Hooks.OnStart = onFirst("ListParts", func() {
				srv.PutObject(bucket, key, []byte("another writer was faster"))
			})
		})
		_, err := upload(t, c, nil)
		if !errors.Is(err, multipart.ErrOutcomeUnknown) ||
			!strings.Contains(err.Error(), "the key holds another object") {
			t.Errorf("error is %v", err)
		}
	})
}

func anOutcomeNobodyMayAskForIsUnknown(t *testing.T) {
	for name, fault := range map[string]osstest.Fault{
		"HEAD is refused": {Op: "HeadObject", Effect: osstest.Fail(403, oss.ErrAccessDenied)},
		"HEAD is cut":     {Op: "HeadObject", Effect: osstest.Drop()},
		"list is refused": {Op: "ListParts", Effect: osstest.Fail(403, oss.ErrAccessDenied)},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Times: 1, Effect: osstest.LoseReply()})
				srv.Inject(fault)
				_, err := upload(t, srv.Client(), nil)
				var ue *multipart.UploadError
				if !errors.As(err, &ue) || !errors.Is(err, multipart.ErrOutcomeUnknown) ||
					!strings.Contains(err.Error(), ue.Plan.Upload.ID) {
					t.Errorf("error is %v", err)
				}
				if n := len(srv.Requests("AbortMultipartUpload")); n != 0 {
					t.Errorf("%d aborts were sent blindly", n)
				}
			})
		})
	}
}

func anUploadThatSomebodyElseAbortedIsAPlainFailure(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		c := client(t, srv, func(cfg *oss.Config) {
			cfg.Hooks.OnStart = onFirst("CompleteMultipartUpload", func() {
				if err := srv.Client().AbortMultipartUpload(context.Background(), srv.Uploads()[0].Upload); err != nil {
					t.Error(err)
				}
			})
		})
		_, err := upload(t, c, nil)
		ue := wantNothing(t, srv, err, oss.ErrNoSuchUpload)
		if errors.Is(err, multipart.ErrOutcomeUnknown) || !ue.Aborted {
			t.Errorf("error is %+v", ue)
		}
	})
}

func completeIsWaitedForAMinute(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Effect: osstest.Delay(time.Minute)})
		res, err := upload(t, srv.Client(), nil)
		wantObject(t, srv, data(1000), res, err)
	})
}

func anObjectWithAnotherCRCIsAChecksumErrorThatSaysItExists(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Effect: osstest.Corrupt()})
		_, err := upload(t, srv.Client(), nil)
		var damaged *oss.ChecksumError
		if !errors.As(err, &damaged) || damaged.Local == damaged.Remote ||
			!strings.Contains(err.Error(), "the object exists and is wrong") {
			t.Errorf("error is %v", err)
		}
	})
}

func anETagOutsideTheRuleWarnsAndDoesNotFail(t *testing.T) {
	for _, tt := range []struct {
		name string
		also func(http.Header)
		warn string
	}{
		{"with a CRC-64", func(http.Header) {}, "does not follow from its parts; its CRC-64 is right"},
		{"with none", func(h http.Header) { h.Del("X-Oss-Hash-Crc64ecma") },
			"does not follow from its parts; its CRC-64 is not known"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				var log bytes.Buffer
				c := client(t, srv, func(cfg *oss.Config) {
					cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
					cfg.HTTPClient = &http.Client{
						Transport: rewriting{cfg.HTTPClient.Transport, func(resp *http.Response) {
							if resp.Request.Method == http.MethodPost && resp.Header.Get("ETag") != "" {
								resp.Header.Set("ETag", `"0004B999EF5A239BB9138C6227D69F95"`)
								tt.also(resp.Header)
							}
						}}}
				})
				res, err := upload(t, c, nil)
				if err != nil || res.ETag != `"0004B999EF5A239BB9138C6227D69F95"` {
					t.Errorf("Upload = %+v, %v", res, err)
				}
				if !strings.Contains(log.String(), tt.warn) {
					t.Errorf("log is %q, want %q", &log, tt.warn)
				}
			})
		})
	}
}

// rewriting changes replies on their way to the client.
type rewriting struct {
	http.RoundTripper
	change func(*http.Response)
}

func (r rewriting) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.RoundTripper.RoundTrip(req)
	if err == nil {
		r.change(resp)
	}
	return resp, err
}

func putObjectOutcomes(t *testing.T) {
	small := data(50)
	for _, tt := range []struct {
		name    string
		faults  []osstest.Fault
		stored  bool
		unknown bool
	}{
		{"reply lost every time, object ours", []osstest.Fault{{Op: "PutObject", Effect: osstest.LoseReply()}}, true,
			false},
		{"reply lost and HEAD refused", []osstest.Fault{
			{Op: "PutObject", Effect: osstest.LoseReply()},
			{Op: "HeadObject", Effect: osstest.Fail(403, oss.ErrAccessDenied)}}, false, true},
		{"refused", []osstest.Fault{{Op: "PutObject", Effect: osstest.Fail(403, oss.ErrAccessDenied)}}, false, false},
		{"throttled for ever", []osstest.Fault{{Op: "PutObject", Effect: osstest.Fail(503, "ServiceUnavailable")}},
			false, false},
		{"cut in the body every time", []osstest.Fault{{Op: "PutObject", Effect: osstest.Truncate(10)}}, false, true},
		{"lost once, refused then", []osstest.Fault{
			{Op: "PutObject", Times: 1, Effect: osstest.LoseReply()},
			{Op: "PutObject", Effect: osstest.Fail(403, oss.ErrAccessDenied)}}, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				for _, f := range tt.faults {
					srv.Inject(f)
				}
				res, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key,
					bytes.NewReader(small), nil)
				if tt.stored {
					wantObject(t, srv, small, res, err)
				} else if err == nil || errors.Is(err, multipart.ErrOutcomeUnknown) != tt.unknown {
					t.Errorf("Upload = %+v, %v, want outcome unknown: %v", res, err, tt.unknown)
				}
			})
		})
	}
}

func TestARefusalDoesNotDenyADamagedObjectThatWasMadeBefore(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "PutObject", Times: 1, Effect: osstest.Corrupt()})
		srv.Inject(osstest.Fault{Op: "PutObject", Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 100, Checksum: oss.ChecksumCRC64})
		_, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(50)), nil)
		if obj, ok := srv.Object(bucket, key); !ok || bytes.Equal(obj.Data, data(50)) {
			t.Fatal("there is no damaged object, so nothing is shown")
		}
		if !errors.Is(err, multipart.ErrOutcomeUnknown) || !errors.Is(err, oss.ErrAccessDenied) {
			t.Errorf("error is %v, want the refusal, and that the outcome is unknown", err)
		}
	})
}

func TestARefusalDoesNotDenyADamagedCopyThatWasMadeBefore(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.PutObject("source", key, data(50))
		srv.Inject(osstest.Fault{Op: "CopyObject", Times: 1,
			Effect: osstest.Together(osstest.Corrupt(), osstest.LoseReply())})
		srv.Inject(osstest.Fault{Op: "CopyObject", Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		_, err := multipart.NewUploader(srv.Client(), settings(100)).Copy(t.Context(), bucket, key,
			oss.CopySource{Bucket: "source", Key: key}, nil)
		if obj, ok := srv.Object(bucket, key); !ok || bytes.Equal(obj.Data, data(50)) {
			t.Fatal("there is no damaged copy, so nothing is shown")
		}
		if !errors.Is(err, multipart.ErrOutcomeUnknown) || !errors.Is(err, oss.ErrAccessDenied) {
			t.Errorf("error is %v, want the refusal, and that the outcome is unknown", err)
		}
	})
}

// completing returns a client on whose first abort a try of Complete arrives that was thought lost: OSS was asked, and
// had the upload, only just before.
func completing(t *testing.T, srv *osstest.Server) *oss.Client {
	return client(t, srv, func(cfg *oss.Config) {
		cfg.Hooks.OnStart = onFirst("AbortMultipartUpload", func() {
			for _, up := range srv.Uploads() {
				if _, err := srv.Client().CompleteMultipartUpload(t.Context(), up.Upload, up.Parts, nil); err != nil {
					t.Error(err)
				}
			}
		})
	})
}

func TestACompleteThatHappensJustBeforeTheAbortIsASuccess(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Times: 4, Effect: osstest.Fail(500, "InternalError")})
		res, err := multipart.NewUploader(completing(t, srv), settings(100)).Upload(t.Context(), bucket, key,
			bytes.NewReader(data(300)), nil)
		wantObject(t, srv, data(300), res, err)
	})
}

func TestAnAbortThatFailsProvesNothingOfALostComplete(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Times: 4, Effect: osstest.Fail(500, "InternalError")})
		srv.Inject(osstest.Fault{Op: "AbortMultipartUpload", Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		_, err := multipart.NewUploader(completing(t, srv), settings(100)).Upload(t.Context(), bucket, key,
			bytes.NewReader(data(300)), nil)
		if _, made := srv.Object(bucket, key); !made {
			t.Fatal("there is no object, so nothing is shown")
		}
		var ue *multipart.UploadError
		if !errors.As(err, &ue) || !errors.Is(err, multipart.ErrOutcomeUnknown) ||
			!errors.Is(ue.AbortErr, oss.ErrAccessDenied) {
			t.Errorf("error is %v, want an unknown outcome, and why the abort failed", err)
		}
	})
}
