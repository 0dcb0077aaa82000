package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func contextWithTimeout(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

// scripted returns a client whose transport is changed by wrap.
func scripted(t *testing.T, srv *osstest.Server, wrap func(next http.RoundTripper) roundTripper) *oss.Client {
	return client(t, srv, func(cfg *oss.Config) {
		cfg.HTTPClient = &http.Client{Transport: wrap(cfg.HTTPClient.Transport)}
	})
}

// replied makes a reply that no server sent.
func replied(req *http.Request, status int, body string, header ...string) *http.Response {
	if req.Body != nil {
		req.Body.Close()
	}
	resp := &http.Response{StatusCode: status, Header: make(http.Header), Request: req,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
	for i := 0; i < len(header); i += 2 {
		resp.Header.Set(header[i], header[i+1])
	}
	return resp
}

func throttlingOfEveryNameIsWaitedOut(t *testing.T) {
	for status, codes := range map[int][]oss.Code{
		503: {"ServiceUnavailable", "UploadTrafficRateLimitExceeded", "TotalQpsLimitExceeded", "PartitionQpsLimitted",
			"SlowDown", "AnythingLimitExceeded"},
		429: {"QpsLimitExceeded", "TooManyRequests"},
	} {
		for _, code := range codes {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				for _, op := range []string{"InitiateMultipartUpload", "UploadPart", "CompleteMultipartUpload"} {
					srv.Inject(osstest.Fault{Op: op, Times: 9, Effect: osstest.Fail(status, code)})
				}
				res, err := upload(t, srv.Client(), nil)
				wantObject(t, srv, data(1000), res, err)
			})
		}
	}
}

func retryAfterIsObeyed(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		var asked atomic.Bool
		c := scripted(t, srv, func(next http.RoundTripper) roundTripper {
			return func(req *http.Request) (*http.Response, error) {
				if req.URL.Query().Get("partNumber") == "3" && asked.CompareAndSwap(false, true) {
					return replied(req, 503, "<Error><Code>ServiceUnavailable</Code></Error>", "Retry-After", "7"), nil
				}
				return next.RoundTrip(req)
			}
		})
		began := time.Now()
		res, err := upload(t, c, nil)
		wantObject(t, srv, data(1000), res, err)
		if took := time.Since(began); took < 7*time.Second || took > 8*time.Second {
			t.Errorf("it took %v, want the 7 seconds that were asked for", took)
		}
	})
}

func aRefusalThatStaysIsNotRepeated(t *testing.T) {
	for op, fault := range map[string]osstest.Effect{
		"InitiateMultipartUpload": osstest.Fail(404, oss.ErrNoSuchBucket),
		"UploadPart":              osstest.Fail(403, oss.ErrAccessDenied),
		"CompleteMultipartUpload": osstest.Fail(400, "InvalidArgument"),
	} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			srv.Inject(osstest.Fault{Op: op, Effect: fault})
			up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 100, Concurrency: 1})
			_, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(1000)), nil)
			if n := len(srv.Requests(op)); err == nil || n != 1 {
				t.Errorf("%s was sent %d times: %v", op, n, err)
			}
		})
	}
}

func cancellingInABackoffNamesWhatWasRetried(t *testing.T) {
	for _, op := range []string{"UploadPart", "CompleteMultipartUpload"} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			srv.Inject(osstest.Fault{Op: op, Effect: osstest.Fail(500, "InternalError")})
			c := client(t, srv, func(cfg *oss.Config) { cfg.Retry = oss.Retry{MinWait: time.Hour, MaxWait: time.Hour} })
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			began := time.Now()
			_, err := multipart.NewUploader(c, settings(100)).Upload(ctx, bucket, key, bytes.NewReader(data(1000)), nil)
			wantNothing(t, srv, err, context.DeadlineExceeded)
			if took := time.Since(began); took > time.Minute+abortTime ||
				!strings.Contains(err.Error(), "InternalError") {
				t.Errorf("after %v: %v", took, err)
			}
		})
	}
}

func aClockThatIsOffIsCorrectedAndStaysRight(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		var off atomic.Int64
		off.Store(int64(-20 * time.Minute))
		c := client(t, srv, func(cfg *oss.Config) {
			cfg.Now = func() time.Time { return time.Now().Add(time.Duration(off.Load())) }
		})
		// the local clock is corrected, and then wrong the other way
		for _, then := range []time.Duration{0, 40 * time.Minute} {
			res, err := upload(t, c, nil)
			wantObject(t, srv, data(1000), res, err)
			off.Store(int64(then))
		}
		res, err := upload(t, c, nil)
		wantObject(t, srv, data(1000), res, err)
	})
}

func aProxysPageIsNoXMLError(t *testing.T) {
	for name, body := range map[string]string{"a page": "<html><body>Bad Gateway: squid</body></html>", "nothing": "",
		"half a document": "<?xml version=\"1.0\"?><Error><Code>Inter"} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			c := scripted(t, srv, func(next http.RoundTripper) roundTripper {
				return func(req *http.Request) (*http.Response, error) {
					if req.URL.Query().Has("partNumber") {
						return replied(req, 407, body, "Content-Type", "text/html"), nil
					}
					return next.RoundTrip(req)
				}
			})
			_, err := upload(t, c, nil)
			var refused *oss.ServiceError
			if !errors.As(err, &refused) || refused.StatusCode != 407 || string(refused.Body) != body {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func aFailedCallbackSaysThatTheObjectExists(t *testing.T) {
	const document = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>CallbackFailed</Code><Message>Error ` +
		`status : 301.</Message></Error>`
	for _, size := range []int{50, 950} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			var asked atomic.Int64
			c := scripted(t, srv, func(next http.RoundTripper) roundTripper {
				return func(req *http.Request) (*http.Response, error) {
					if req.Header.Get("x-oss-callback") == "" {
						return next.RoundTrip(req)
					}
					asked.Add(1)
					if req.Method == http.MethodPut {
						body, err := io.ReadAll(req.Body)
						srv.PutObject(bucket, key, body)
						return replied(req, 203, document), err
					}
					up := oss.Upload{Bucket: bucket, Key: key, ID: req.URL.Query().Get("uploadId")}
					_, err := srv.Client().CompleteMultipartUpload(req.Context(), up, nil,
						&oss.CompleteOptions{AllParts: true})
					return replied(req, 203, document), err
				}
			})
			_, err := multipart.NewUploader(c, settings(100)).Upload(t.Context(), bucket, key,
				bytes.NewReader(data(size)),
				&oss.ObjectOptions{Header: http.Header{
					"x-oss-callback": {"eyJjYWxsYmFja1VybCI6Imh0dHA6Ly8xMjcuMC4wLjEifQ=="},
				}})
			if !errors.Is(err, oss.ErrCallbackFailed) || !strings.Contains(err.Error(), "the object has been stored") ||
				asked.Load() != 1 {
				t.Errorf("%d bytes, %d tries: %v", size, asked.Load(), err)
			}
		})
	}
}

func aCallbackThatFailsWhenItIsRepeatedIsNotHidden(t *testing.T) {
	const document = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>CallbackFailed</Code><Message>Error ` +
		`status : 301.</Message></Error>`
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		tries := 0
		c := scripted(t, srv, func(next http.RoundTripper) roundTripper {
			return func(req *http.Request) (*http.Response, error) {
				if req.Method != http.MethodPut {
					return next.RoundTrip(req)
				}
				body, err := io.ReadAll(req.Body)
				srv.PutObject(bucket, key, body)
				if tries++; tries == 1 {
					return nil, errors.Join(err, io.ErrUnexpectedEOF) // the reply is lost
				}
				return replied(req, 203, document), err
			}
		})
		_, err := multipart.NewUploader(c, settings(100)).Upload(t.Context(), bucket, key, bytes.NewReader(data(50)),
			&oss.ObjectOptions{Header: http.Header{
				"x-oss-callback": {"eyJjYWxsYmFja1VybCI6Imh0dHA6Ly8xMjcuMC4wLjEifQ=="},
			}})
		if !errors.Is(err, oss.ErrCallbackFailed) || tries != 2 {
			t.Errorf("after %d tries: %v", tries, err)
		}
	})
}

func aReplyToCompleteThatIsNoResultIsSettled(t *testing.T) {
	for name, body := range map[string]string{
		"an error document": `<?xml version="1.0" encoding="UTF-8"?><Error><Code>InternalError</Code></Error>`,
		"cut in the middle": `<?xml version="1.0" encoding="UTF-8"?><CompleteMultipartUploadResult><Bucket>buc`,
		"a page":            "<html></html>",
	} {
		for _, happened := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/%v", name, happened), func(t *testing.T) {
				inBubble(t, func(t *testing.T, srv *osstest.Server) {
					c := scripted(t, srv, func(next http.RoundTripper) roundTripper {
						return func(req *http.Request) (*http.Response, error) {
							if req.Method != http.MethodPost || !req.URL.Query().Has("uploadId") {
								return next.RoundTrip(req)
							}
							if happened {
								resp, err := next.RoundTrip(req)
								if err != nil {
									return nil, err
								}
								resp.Body.Close()
							}
							return replied(req, 200, body, "Content-Type", "application/xml"), nil
						}
					})
					res, err := upload(t, c, nil)
					if happened {
						wantObject(t, srv, data(1000), res, err)
					} else if _, ok := srv.Object(bucket, key); err == nil || ok {
						t.Errorf("Upload = %+v, %v", res, err)
					}
				})
			})
		}
	}
}

func aFlippedBitIsRefusedAndSentAgain(t *testing.T) {
	for _, size := range []int{50, 950} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			srv.Inject(osstest.Fault{Op: "UploadPart", Times: 3, Effect: osstest.Corrupt()})
			srv.Inject(osstest.Fault{Op: "PutObject", Times: 3, Effect: osstest.Corrupt()})
			res, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key,
				bytes.NewReader(data(size)), nil)
			wantObject(t, srv, data(size), res, err)
			refused := 0
			for _, r := range srv.Requests("UploadPart", "PutObject") {
				if r.Code == oss.ErrInvalidDigest {
					refused++
				}
			}
			if refused != 3 {
				t.Errorf("%d bodies were refused, want 3", refused)
			}
		})
	}
}

func aWrongReportOfAPartIsDamage(t *testing.T) {
	for _, header := range []string{"ETag", "x-oss-hash-crc64ecma"} {
		for _, always := range []bool{false, true} {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				var lied atomic.Bool
				c := scripted(t, srv, func(next http.RoundTripper) roundTripper {
					return func(req *http.Request) (*http.Response, error) {
						resp, err := next.RoundTrip(req)
						if err == nil && req.URL.Query().Get("partNumber") == "3" && (!lied.Swap(true) || always) {
							if resp.Header.Set(header, "12345"); header == "ETag" {
								resp.Header.Del("x-oss-hash-crc64ecma") // beside which an ETag may follow any rule
							}
						}
						return resp, err
					}
				})
				res, err := upload(t, c, nil)
				var damaged *oss.ChecksumError
				if !always {
					wantObject(t, srv, data(1000), res, err)
				} else if !errors.As(err, &damaged) || damaged.PartNumber != 3 {
					t.Errorf("a wrong %s: %v", header, err)
				}
			})
		}
	}
}

// BR40: a gateway, or encryption elsewhere, gives parts and objects ETags that are not their MD5.
func anETagThatIsNoMD5IsNoDamageBesideTheRightCRC(t *testing.T) {
	const prefix = "gateway-"
	for _, size := range []int{50, 950} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			var log bytes.Buffer
			c := client(t, srv, func(cfg *oss.Config) {
				cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
				next := cfg.HTTPClient.Transport
				cfg.HTTPClient = &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
					// Complete names parts by these ETags
					if req.Method == http.MethodPost && req.URL.Query().Has("uploadId") {
						text, _ := io.ReadAll(req.Body)
						text = bytes.ReplaceAll(text, []byte(prefix), nil)
						req = req.Clone(req.Context())
						req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
					}
					resp, err := next.RoundTrip(req)
					if err == nil && req.Method == http.MethodPut {
						resp.Header.Set("ETag", strings.Replace(resp.Header.Get("ETag"), `"`, `"`+prefix, 1))
					}
					return resp, err
				})}
			})
			up := multipart.NewUploader(c, &multipart.Options{PartSize: 100, Concurrency: 1})
			if _, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(size)), nil); err != nil {
				t.Error(err)
			}
			if n := len(srv.Requests("UploadPart", "PutObject")); n != (size+99)/100 {
				t.Errorf("%d requests with a body", n)
			}
			if obj, _ := srv.Object(bucket, key); !bytes.Equal(obj.Data, data(size)) ||
				!strings.Contains(log.String(), "ETag is not the MD5 of what was sent") {
				t.Errorf("%d bytes are stored, the log is %s", len(obj.Data), &log)
			}
		})
	}
}
