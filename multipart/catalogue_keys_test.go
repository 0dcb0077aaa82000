package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
	"github.com/ossmultipart/go-oss/signer"
)

func everyAttemptIsSignedWithTheKeysOfItsMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := osstest.TestCredentials(), oss.Credentials{AccessKeyID: "second", AccessKeySecret: "second-secret"}
		srv := osstest.NewServer(&osstest.Options{MinPartSize: 1, Credentials: []oss.Credentials{one, two}})
		defer srv.Close()
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 1, Times: 1, Effect: osstest.Fail(500, "InternalError")})
		var asked atomic.Int64
		c := client(t, srv, func(cfg *oss.Config) {
			cfg.Retry.MinWait, cfg.Retry.MaxWait = time.Hour, time.Hour // by then a first signature is too old
			cfg.Credentials = oss.CredentialsFunc(func(context.Context) (oss.Credentials, error) {
				if asked.Add(1)%2 == 1 {
					return one, nil
				}
				return two, nil
			})
		})
		res, err := upload(t, c, nil)
		wantObject(t, srv, data(1000), res, err)
		if sent := int64(len(srv.Requests())); asked.Load() != sent {
			t.Errorf("keys were asked for %d times for %d requests", asked.Load(), sent)
		}
	})
}

// tokens is a server whose tokens live for a minute, and a provider of them.
func tokens(t *testing.T, f func(t *testing.T, srv *osstest.Server, issue func() oss.Credentials)) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
		defer srv.Close()
		n := 0
		f(t, srv, func() oss.Credentials {
			n++
			creds := oss.Credentials{AccessKeyID: fmt.Sprint("id", n), AccessKeySecret: fmt.Sprint("secret", n),
				SecurityToken: fmt.Sprint("token", n), Expires: time.Now().Add(time.Minute)}
			srv.SetCredentials(creds)
			return creds
		})
	})
}

func manyPartsShareOneFetchOfKeys(t *testing.T) {
	tokens(t, func(t *testing.T, srv *osstest.Server, issue func() oss.Credentials) {
		var fetches atomic.Int64
		c := client(t, srv, func(cfg *oss.Config) {
			cfg.Credentials = oss.CacheCredentials(oss.CredentialsFunc(func(context.Context) (oss.Credentials, error) {
				fetches.Add(1)
				time.Sleep(time.Second) // in the bubble
				return issue(), nil
			}), 10*time.Second)
		})
		up := multipart.NewUploader(c, &multipart.Options{PartSize: 100, Concurrency: 16})
		for want := int64(1); want <= 2; want++ {
			res, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(1600)), nil)
			wantObject(t, srv, data(1600), res, err)
			if fetches.Load() != want {
				t.Errorf("%d fetches, want %d", fetches.Load(), want)
			}
			time.Sleep(2 * time.Minute) // the keys expire
		}
	})
}

func keysThatExpireUnderWayAreReplacedOnce(t *testing.T) {
	tokens(t, func(t *testing.T, srv *osstest.Server, issue func() oss.Credentials) {
		var fetches atomic.Int64
		c := client(t, srv, func(cfg *oss.Config) {
			cfg.Credentials = oss.CacheCredentials(oss.CredentialsFunc(func(context.Context) (oss.Credentials, error) {
				fetches.Add(1)
				creds := issue()
				creds.Expires = time.Time{} // the provider does not know, so only OSS can tell
				return creds, nil
			}), 0)
		})
		// 16 parts, 2 at once: over the minute
		srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Delay(11 * time.Second)})
		up := multipart.NewUploader(c, &multipart.Options{PartSize: 100, Concurrency: 2})
		res, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(1600)), nil)
		wantObject(t, srv, data(1600), res, err)
		if fetches.Load() != 2 {
			t.Errorf("%d fetches, want 2", fetches.Load())
		}
		if n := len(srv.Requests("UploadPart")); n > 16+2 {
			t.Errorf("%d parts were sent, want those refused, at most 2, once more", n)
		}
	})
}

func aFailedRefreshIsHiddenWhileTheOldKeysWork(t *testing.T) {
	tokens(t, func(t *testing.T, srv *osstest.Server, issue func() oss.Credentials) {
		first := issue()
		var fetches atomic.Int64
		cache := oss.CacheCredentials(oss.CredentialsFunc(func(context.Context) (oss.Credentials, error) {
			if fetches.Add(1) == 1 {
				return first, nil
			}
			return oss.Credentials{}, errors.New("the token service is down")
		}), 50*time.Second)
		c := client(t, srv, func(cfg *oss.Config) { cfg.Credentials = cache })
		if _, err := cache.Credentials(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(40 * time.Second) // 20 seconds are left, less than half the life
		res, err := upload(t, c, nil)
		wantObject(t, srv, data(1000), res, err)
		if fetches.Load() < 2 {
			t.Error("no refresh was tried")
		}
	})
}

func emptyKeysAreAnErrorBeforeAnyRequest(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		for _, size := range []int{50, 950} {
			c := client(t, srv, func(cfg *oss.Config) {
				cfg.Credentials = oss.CredentialsFunc(func(context.Context) (oss.Credentials, error) {
					return oss.Credentials{}, nil
				})
			})
			_, err := multipart.NewUploader(c, settings(100)).Upload(t.Context(), bucket, key,
				bytes.NewReader(data(size)), nil)
			if err == nil || !strings.Contains(err.Error(), "AccessKeyID is empty") || len(srv.Requests()) != 0 {
				t.Errorf("after %d requests: %v", len(srv.Requests()), err)
			}
		}
	})
}

func nothingSecretIsLoggedOrReported(t *testing.T) {
	creds := oss.Credentials{AccessKeyID: "id", AccessKeySecret: "hide-this-secret", SecurityToken: "hide-this-token"}
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{MinPartSize: 1, Credentials: []oss.Credentials{creds}})
		defer srv.Close()
		var said bytes.Buffer
		c := client(t, srv, func(cfg *oss.Config) {
			cfg.Logger = slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		up := multipart.NewUploader(c, &multipart.Options{PartSize: 100, Concurrency: 1})
		for _, effect := range []osstest.Effect{osstest.Fail(403, oss.ErrSignatureMismatch), osstest.Drop(),
			osstest.Fail(500, "InternalError"), osstest.Corrupt()} {
			fault := srv.Inject(osstest.Fault{Op: "UploadPart", Effect: effect})
			_, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(950)), nil)
			fmt.Fprintf(&said, "%v\n%+v\n%#v\n", err, err, err)
			fault.Remove()
		}
		// a real SignatureDoesNotMatch
		srv.SetCredentials(oss.Credentials{AccessKeyID: "id", AccessKeySecret: "another"})
		_, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(950)), nil)
		fmt.Fprintf(&said, "%v\n%+v\n%#v\n%+v\n%#v\n%+v\n", err, err, err, c, c, up)
		if said.Len() < 1000 {
			t.Errorf("little was said: %s", &said)
		}
		for _, secret := range []string{creds.AccessKeySecret, creds.SecurityToken, "Signature=", "Credential="} {
			if i := strings.Index(said.String(), secret); i >= 0 {
				t.Errorf("%q is in %.200q", secret, said.String()[max(0, i-100):])
			}
		}
	})
}

func aRefusalOfV1NamesTheCure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{MinPartSize: 1, RefuseV1: true})
		defer srv.Close()
		c := client(t, srv, func(cfg *oss.Config) {
			cfg.Region, cfg.Signer, cfg.Endpoint = "", signer.V1{}, "https://oss-cn-hangzhou.aliyuncs.com"
		})
		_, err := upload(t, c, nil)
		if err == nil || !strings.Contains(err.Error(), "set Config.Region") {
			t.Errorf("error is %v", err)
		}
	})
}
