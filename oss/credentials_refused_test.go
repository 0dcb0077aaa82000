package oss_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

func TestCatalogueK2RefusedKeysAreReplacedOnce(t *testing.T) {
	for _, code := range []oss.Code{"SecurityTokenExpired", "InvalidSecurityToken", "InvalidAccessKeyId"} {
		t.Run(string(code), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source := &numbered{}
				old := refuses(403, code)
				s := play(nil)
				s.answers[0] = func(r *http.Request, body string) (*http.Response, error) {
					if strings.Contains(r.Header.Get("Authorization"), "key-1") &&
						strings.HasSuffix(r.URL.Path, "/late") {
						time.Sleep(time.Second) // so that all are on their way before the first is refused
						return old(r, body)
					}
					return stores(r, body)
				}
				c := s.client(t, oss.Config{Credentials: oss.CacheCredentials(source, 0)})
				if _, err := c.PutObject(t.Context(), "bucket", "early", strings.NewReader("x"), nil); err != nil {
					t.Fatal(err)
				}
				var wg sync.WaitGroup
				for range 16 {
					wg.Go(func() {
						if _, err := c.PutObject(t.Context(), "bucket", "late", strings.NewReader("x"),
							nil); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				if n := source.fetches(); n != 2 {
					t.Errorf("%d fetches, want 2", n)
				}
				if n := len(s.messages()); n != 1+16+16 {
					t.Errorf("%d requests, want one early, 16 refused and those 16 again", n)
				}
			})
		})
	}
}

func TestKeysThatAreRefusedForEverAreTriedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &numbered{}
		s := play(refuses(403, "InvalidAccessKeyId"))
		_, err := s.client(t, oss.Config{Credentials: oss.CacheCredentials(source, 0)}).HeadObject(t.Context(),
			"bucket", "key", nil)
		if n := len(s.messages()); n != 2 || source.fetches() != 2 || !errors.Is(err, oss.Code("InvalidAccessKeyId")) {
			t.Errorf("HeadObject: %v after %d requests and %d fetches, want 2 and 2", err, n, source.fetches())
		}
	})
}

// TestAnyProviderIsAskedAgainWhenItsKeysAreRefused is row 21: only the cache of this package was asked again.
func TestAnyProviderIsAskedAgainWhenItsKeysAreRefused(t *testing.T) {
	old := oss.Credentials{AccessKeyID: "old", AccessKeySecret: "secret", SecurityToken: "token"}
	young := oss.Credentials{AccessKeyID: "young", AccessKeySecret: "secret", SecurityToken: "token"}
	failed := oss.CredentialsFunc(func(context.Context) (oss.Credentials, error) {
		return oss.Credentials{}, errors.New("no answer")
	})
	then := func(p oss.CredentialsProvider) oss.CredentialsProvider { // old keys, and then those of p
		asked := 0
		return oss.CredentialsFunc(func(ctx context.Context) (oss.Credentials, error) {
			if asked++; asked == 1 {
				return old, nil
			}
			return p.Credentials(ctx)
		})
	}
	type provider = func() oss.CredentialsProvider // a new one for each code
	is := func(p oss.CredentialsProvider) provider { return func() oss.CredentialsProvider { return p } }
	afterOld := func(p oss.CredentialsProvider) provider { return func() oss.CredentialsProvider { return then(p) } }
	cached := func(p provider) provider {
		return func() oss.CredentialsProvider { return oss.CacheCredentials(p(), 0) }
	}
	for _, tt := range []struct {
		name     string
		provider provider
		requests int
		ok       bool
	}{
		{"other keys", afterOld(young), 2, true},
		{"other keys, cached", cached(afterOld(young)), 2, true},
		{"the same keys", afterOld(old), 1, false},
		{"the same keys, cached", cached(afterOld(old)), 1, false},
		{"fixed keys", is(old), 1, false},
		{"no keys", afterOld(failed), 1, false},
		{"other keys that are refused", afterOld(oss.Credentials{AccessKeyID: "bad", AccessKeySecret: "secret"}), 2,
			false},
		{"anonymous", is(oss.AnonymousCredentials()), 1, false},
	} {
		for _, code := range []oss.Code{"SecurityTokenExpired", "InvalidSecurityToken", "InvalidAccessKeyId",
			"AccessKeyIdAndSecurityTokenNotMatch"} {
			t.Run(fmt.Sprint(tt.name, " ", code), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := play(func(r *http.Request, body string) (*http.Response, error) {
						if strings.Contains(r.Header.Get("Authorization"), "young") {
							return stores(r, body)
						}
						return refuses(403, code)(r, body)
					})
					_, err := s.client(t, oss.Config{Credentials: tt.provider()}).PutObject(t.Context(), "bucket",
						"key", strings.NewReader("x"), nil)
					if (err == nil) != tt.ok || err != nil && !errors.Is(err, code) {
						t.Errorf("PutObject: %v, want success: %v", err, tt.ok)
					}
					if n := len(s.messages()); n != tt.requests {
						t.Errorf("%d requests, want %d", n, tt.requests)
					}
					if waits := s.waits(); len(waits) > 0 && waits[0] > time.Millisecond {
						t.Errorf("other keys were tried after %v", waits[0])
					}
				})
			})
		}
	}
}

// A keeper keeps keys, and is told of those that OSS refuses.
type keeper struct {
	keys    []oss.Credentials
	refused []oss.Credentials
}

func (k *keeper) Credentials(context.Context) (oss.Credentials, error) { return k.keys[0], nil }

func (k *keeper) Refuse(keys oss.Credentials) {
	k.refused = append(k.refused, keys)
	k.keys = k.keys[1:]
}

func TestProviderThatKeepsKeysIsToldOfThoseThatAreRefused(t *testing.T) {
	old := oss.Credentials{AccessKeyID: "old", AccessKeySecret: "secret"}
	k := &keeper{keys: []oss.Credentials{old, keys}}
	s := play(refuses(403, "InvalidAccessKeyId"), says(200, ""))
	_, err := s.client(t, oss.Config{Credentials: k}).HeadObject(t.Context(), "bucket", "key", nil)
	if err != nil || len(k.refused) != 1 || k.refused[0] != old || len(s.messages()) != 2 {
		t.Errorf("HeadObject: %v after %d requests, told of %v", err, len(s.messages()), k.refused)
	}
}

func TestRefusedKeysThatComeBackAreNotAskedForAtEveryRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		cache := oss.CacheCredentials(asks(&n, func() (oss.Credentials, error) { return keys, nil }), time.Minute)
		s := play(refuses(403, "InvalidAccessKeyId"))
		c := s.client(t, oss.Config{Credentials: cache})
		for range 100 {
			if _, err := c.HeadObject(t.Context(), "bucket", "key", nil); !errors.Is(err,
				oss.Code("InvalidAccessKeyId")) {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if n != 5 { // the first, and after 0, 10, 30 and 70 seconds
			t.Errorf("%d fetches in 100 seconds, want 5", n)
		}
		if sent := len(s.messages()); sent != 100 {
			t.Errorf("%d requests for 100 calls", sent)
		}
	})
}

func TestRefusedKeysAreReplacedForTheNextCallWhereNothingIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(refuses(403, "SecurityTokenExpired"), says(200, ""))
		c := s.client(t, oss.Config{Credentials: oss.CacheCredentials(&numbered{}, 0), Retry: oss.Retry{Attempts: 1}})
		_, err := c.HeadObject(t.Context(), "bucket", "key", nil)
		_, err2 := c.HeadObject(t.Context(), "bucket", "key", nil)
		if err == nil || err2 != nil || !strings.Contains(s.messages()[1].Header.Get("Authorization"), "key-2") {
			t.Errorf("HeadObject: %v, then %v signed %q", err, err2, s.messages()[1].Header.Get("Authorization"))
		}
	})
}
