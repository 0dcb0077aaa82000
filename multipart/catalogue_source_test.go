package multipart_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
	"github.com/ossmultipart/go-oss/signer"
)

// operations returns what was asked of the server, in order.
func operations(srv *osstest.Server) []string {
	var ops []string
	for _, r := range srv.Requests() {
		ops = append(ops, r.Op)
	}
	return ops
}

func anEmptyStreamIsOnePutObject(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		res, err := multipart.NewUploader(srv.Client(), nil).Upload(t.Context(), bucket, key,
			plainReader{strings.NewReader("")}, nil)
		wantObject(t, srv, nil, res, err)
		if ops := operations(srv); !slices.Equal(ops, []string{"PutObject"}) {
			t.Errorf("requests are %v", ops)
		}
	})
}

func requestsAreAsFewAsPossible(t *testing.T) {
	for _, tt := range []struct{ size, requests int }{{0, 1}, {99, 1}, {100, 1}, {101, 4}, {950, 12}} {
		for _, known := range []bool{true, false} {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				var src io.Reader = bytes.NewReader(data(tt.size))
				if !known {
					src = plainReader{src}
				}
				res, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key, src,
					nil)
				wantObject(t, srv, data(tt.size), res, err)
				if ops := operations(srv); len(ops) != tt.requests {
					t.Errorf("%d bytes took %v, want %d requests", tt.size, ops, tt.requests)
				}
			})
		}
	}
}

func aSourceShorterThanItsPlanMakesNoObject(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		up, p := begun(t, srv, data(950))
		_, err := up.UploadParts(t.Context(), p, bytes.NewReader(data(949)), nil)
		wantNothing(t, srv, err, multipart.ErrSourceChanged)
		_, err = up.Resume(t.Context(), p, bytes.NewReader(data(850)))
		wantNothing(t, srv, err, multipart.ErrSourceChanged)
		srv.Client().AbortMultipartUpload(t.Context(), p.Upload)
	})
	inBubble(t, func(t *testing.T, srv *osstest.Server) { // one that says more than it has
		src := io.NewSectionReader(bytes.NewReader(data(350)), 0, 400)
		_, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key, src, nil)
		wantNothing(t, srv, err, multipart.ErrSourceChanged)
	})
}

func aSmallStreamIsSentAgainFromMemory(t *testing.T) {
	for _, effect := range []osstest.Effect{osstest.Fail(500, "InternalError"),
		osstest.Truncate(20), osstest.Corrupt()} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			srv.Inject(osstest.Fault{Op: "PutObject", Times: 2, Effect: effect})
			res, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key,
				plainReader{bytes.NewReader(data(50))}, nil)
			wantObject(t, srv, data(50), res, err)
		})
	}
}

func keysAndMetadataArriveByteForByte(t *testing.T) {
	keys := []string{"a b", "a+b", "100%", "a?b=c&d", "a#b", "a//b", "a/../b", "./a", "a\nb", "\U0001F600/\u00e4",
		"%2F", strings.Repeat("k", 1023)}
	for _, s := range []signer.Signer{signer.V1{}, signer.V4{}} {
		for _, size := range []int{50, 250} {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				up := multipart.NewUploader(client(t, srv, func(cfg *oss.Config) { cfg.Signer = s }), settings(100))
				for _, k := range keys {
					opts := &oss.ObjectOptions{Metadata: map[string]string{"name": "\u4e2d\u6587 \u00fc"}}
					if _, err := up.Upload(t.Context(), bucket, k, bytes.NewReader(data(size)), opts); err != nil {
						t.Errorf("%T, key %.20q: %v", s, k, err)
						continue
					}
					obj, ok := srv.Object(bucket, k)
					if !ok || !bytes.Equal(obj.Data, data(size)) ||
						obj.Header.Get("x-oss-meta-name") != opts.Metadata["name"] {
						t.Errorf("%T, key %.20q: stored %v, metadata %q", s, k, ok, obj.Header.Get("x-oss-meta-name"))
					}
				}
				if n := len(srv.Objects(bucket)); n != len(keys) {
					t.Errorf("%d objects, want %d: %q", n, len(keys), srv.Objects(bucket))
				}
			})
		}
	}
}

func noLatePartArrivesAfterTheAbort(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 1, Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Slow(25)})
		_, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key,
			bytes.NewReader(data(950)), nil)
		wantNothing(t, srv, err, oss.ErrAccessDenied)
		synctest.Wait()
		n := len(srv.Requests())
		time.Sleep(time.Minute) // in the bubble
		requests := srv.Requests()
		if len(requests) != n {
			t.Errorf("%d requests came after the end: %v", len(requests)-n, operations(srv))
		}
		// One that was cut off may be seen by the server after the abort, but it has no effect.
		abort := slices.Index(operations(srv), "AbortMultipartUpload")
		for _, r := range requests[abort:] {
			if r.Op == "UploadPart" && r.StatusCode != 0 {
				t.Errorf("part %d was answered with %d after the abort", r.PartNumber, r.StatusCode)
			}
		}
	})
}

func whatTheCallerGaveIsNeverModified(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		newOpts := func() *oss.ObjectOptions {
			return &oss.ObjectOptions{
				Metadata: map[string]string{"a": "b"}, Tags: map[string]string{"t": "v"}, ACL: "private",
				Header: http.Header{"x-oss-request-payer": {"requester"}, "X-Oss-Meta-C": {"d"}},
			}
		}
		newOptions := func() *multipart.Options { return &multipart.Options{PartSize: 100, Concurrency: 2} }
		opts, options := newOpts(), newOptions()
		cfg := srv.Config()
		transport, redirects := cfg.HTTPClient.Transport, cfg.HTTPClient.CheckRedirect
		c, err := oss.NewClient(cfg)
		if err != nil {
			t.Fatal(err)
		}
		up := multipart.NewUploader(c, options)
		src := data(950)
		for _, size := range []int{50, 950} {
			if _, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(src[:size]), opts); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(newOpts(), opts); diff != "" {
			t.Errorf("ObjectOptions changed (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(newOptions(), options); diff != "" {
			t.Errorf("Options changed (-want +got):\n%s", diff)
		}
		if cfg.HTTPClient.Transport != transport ||
			reflect.ValueOf(cfg.HTTPClient.CheckRedirect).Pointer() != reflect.ValueOf(redirects).Pointer() {
			t.Error("the http.Client changed")
		}
		if !bytes.Equal(src, data(950)) {
			t.Error("the source changed")
		}
	})
}

func aPartThatStallsIsSentAgain(t *testing.T) {
	for name, effect := range map[string]osstest.Effect{"no reply": osstest.Hang(), "body stops": osstest.Slow(1)} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2, Times: 1, Effect: effect})
			c := client(t, srv, func(cfg *oss.Config) { cfg.Retry = oss.Retry{Stall: 5 * time.Second} })
			const part = 1 << 20 // more than buffers on the way hold
			src := data(3 * part)
			began := time.Now()
			res, err := multipart.NewUploader(c, settings(part)).Upload(t.Context(), bucket,
				key, bytes.NewReader(src), nil)
			wantObject(t, srv, src, res, err)
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("%s: it took %v", name, took)
			}
		})
	}
}

func aTransportThatStillReadsTheLastBodyDoesNoHarm(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		c := client(t, srv, func(cfg *oss.Config) {
			inner := cfg.HTTPClient.Transport
			failed := make(map[string]bool)
			var lock = make(chan struct{}, 1)
			cfg.HTTPClient = &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
				lock <- struct{}{}
				first := !failed[req.URL.String()]
				failed[req.URL.String()] = true
				<-lock
				if !first || req.Body == nil {
					return inner.RoundTrip(req)
				}
				go func() { // as net/http does when the reply comes before the body has gone
					for {
						if _, err := req.Body.Read(make([]byte, 7)); err != nil {
							req.Body.Close()
							return
						}
						time.Sleep(time.Microsecond) // in the bubble
					}
				}()
				return nil, errors.New("connection lost")
			})}
		})
		up := multipart.NewUploader(c, settings(100))
		res, err := up.Upload(t.Context(), bucket, key, plainReader{bytes.NewReader(data(950))}, nil)
		wantObject(t, srv, data(950), res, err)
		time.Sleep(time.Second) // the readers end
		res, err = up.Upload(t.Context(), bucket, key, plainReader{bytes.NewReader(data(950))}, nil)
		wantObject(t, srv, data(950), res, err)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func cancellingInTheMiddleOfAPartAborts(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2, Effect: osstest.Slow(10)})
		ctx, cancel := contextWithTimeout(t, 3*time.Second)
		defer cancel()
		_, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(ctx, bucket, key,
			bytes.NewReader(data(950)), nil)
		ue := wantNothing(t, srv, err, ctx.Err())
		if !ue.Aborted || len(srv.Requests("AbortMultipartUpload")) == 0 {
			t.Errorf("UploadError is %+v", ue)
		}
	})
}

func aPartReplacedUnderWayIsNoticed(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		c := client(t, srv, func(cfg *oss.Config) {
			cfg.Hooks.OnStart = onFirst("CompleteMultipartUpload", func() {
				up := srv.Uploads()[0]
				if _, err := srv.Client().UploadPart(t.Context(), up.Upload, 3,
					bytes.NewReader(make([]byte, 100)), nil); err != nil {
					t.Error(err)
				}
			})
		})
		_, err := multipart.NewUploader(c, settings(100)).Upload(t.Context(), bucket, key,
			bytes.NewReader(data(950)), nil)
		wantNothing(t, srv, err, oss.ErrInvalidPart)
	})
}

func encryptionIsNoFalseAlarm(t *testing.T) {
	for _, size := range []int{50, 950} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			res, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key,
				bytes.NewReader(data(size)),
				&oss.ObjectOptions{Encryption: oss.Encryption{Algorithm: "KMS", KeyID: "key-1"}})
			wantObject(t, srv, data(size), res, err)
		})
	}
}

// In a versioned bucket each object has a version ID, which the result names, whether the reply told it
// or the object did. Sequential mode does not concern an Uploader: it never asks for it, since its parts
// arrive in any order.
func versionsAreNoFalseAlarm(t *testing.T) {
	for _, size := range []int{50, 950} {
		for _, lost := range []bool{false, true} {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				srv.SetVersioning(bucket, true)
				srv.PutObject(bucket, key, []byte("an older version"))
				if lost {
					srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Times: 1, Effect: osstest.LoseReply()})
					srv.Inject(osstest.Fault{Op: "PutObject", Times: 4, Effect: osstest.LoseReply()})
				}
				res, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key,
					bytes.NewReader(data(size)), nil)
				wantObject(t, srv, data(size), res, err)
				if obj, _ := srv.Object(bucket, key); res.VersionID == "" || res.VersionID != obj.VersionID {
					t.Errorf("version ID is %q, want %q", res.VersionID, obj.VersionID)
				}
			})
		}
	}
	inBubble(t, func(t *testing.T, srv *osstest.Server) { // a later version hides ours: the outcome is unknown
		srv.SetVersioning(bucket, true)
		srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Times: 1, Effect: osstest.LoseReply()})
		c := client(t, srv, func(cfg *oss.Config) {
			cfg.Hooks.OnStart = onFirst("ListParts", func() { srv.PutObject(bucket, key, []byte("a later version")) })
		})
		if _, err := upload(t, c, nil); !errors.Is(err, multipart.ErrOutcomeUnknown) {
			t.Errorf("error is %v", err)
		}
	})
}

func whatALostReplyToInitiateMayHaveBegunIsReported(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) { // a retry succeeds
		srv.Inject(osstest.Fault{Op: "InitiateMultipartUpload", Times: 2, Effect: osstest.LoseReply()})
		res, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key,
			bytes.NewReader(data(950)), nil)
		wantObject(t, srv, data(950), res, err)
		if left := srv.Uploads(); len(left) != 2 || len(res.Orphans) != 2 {
			t.Errorf("OSS holds %v, the result names %v", left, res.Orphans)
		}
		for _, up := range res.Orphans {
			srv.Client().AbortMultipartUpload(t.Context(), up)
		}
	})
	inBubble(t, func(t *testing.T, srv *osstest.Server) { // none does
		srv.Inject(osstest.Fault{Op: "InitiateMultipartUpload", Effect: osstest.LoseReply()})
		_, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key,
			bytes.NewReader(data(950)), nil)
		var ue *multipart.UploadError
		if !errors.As(err, &ue) || len(ue.Orphans) != len(srv.Uploads()) ||
			!strings.Contains(err.Error(), ue.Orphans[0].ID) &&
				!strings.Contains(err.Error(), ue.Orphans[len(ue.Orphans)-1].ID) {
			t.Fatalf("error %v, OSS holds %v", err, srv.Uploads())
		}
		for _, up := range ue.Orphans {
			srv.Client().AbortMultipartUpload(t.Context(), up)
		}
	})
	inBubble(t, func(t *testing.T, srv *osstest.Server) { // another program's upload with parts is none
		other := multipart.NewUploader(srv.Client(), settings(100))
		p, err := other.Begin(t.Context(), bucket, key, 950, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.UploadParts(t.Context(), p, bytes.NewReader(data(950)), []int{1}); err != nil {
			t.Fatal(err)
		}
		srv.Inject(osstest.Fault{Op: "InitiateMultipartUpload", Times: 1, Effect: osstest.Drop()})
		res, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key,
			bytes.NewReader(data(950)), nil)
		wantObject(t, srv, data(950), res, err)
		if len(res.Orphans) != 0 {
			t.Errorf("orphans are %v", res.Orphans)
		}
		srv.Client().AbortMultipartUpload(t.Context(), p.Upload)
	})
}

func aProgressFunctionThatBlocksStopsNoPart(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		free := make(chan struct{})
		up := multipart.NewUploader(srv.Client(),
			&multipart.Options{PartSize: 100, Progress: func(multipart.Progress) { <-free }})
		go func() {
			time.Sleep(time.Hour) // in the bubble
			if _, ok := srv.Stat(bucket, key); !ok {
				t.Error("the callback has held up the upload")
			}
			close(free)
		}()
		res, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(950)), nil)
		wantObject(t, srv, data(950), res, err)
	})
}
