package oss_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

func TestEnvCredentialsAreReadEachTime(t *testing.T) {
	env := func(id, secret, token string) {
		t.Setenv("OSS_ACCESS_KEY_ID", id)
		t.Setenv("OSS_ACCESS_KEY_SECRET", secret)
		t.Setenv("OSS_SESSION_TOKEN", token)
	}
	p := oss.EnvCredentials()
	for _, tt := range []struct {
		id, secret, token string
		want              string // in the error
	}{
		{"id", "secret", "", ""},
		{"id2", "secret2", "token", ""},
		{"", "secret", "", "OSS_ACCESS_KEY_ID is not set"},
		{"id", "", "token", "OSS_ACCESS_KEY_SECRET is not set"},
	} {
		env(tt.id, tt.secret, tt.token)
		got, err := p.Credentials(t.Context())
		if tt.want != "" {
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Credentials: %v, want %s", err, tt.want)
			}
			continue
		}
		if want := (oss.Credentials{AccessKeyID: tt.id, AccessKeySecret: tt.secret,
			SecurityToken: tt.token}); got != want || err != nil {
			t.Errorf("Credentials = %#v, %v, want %#v", got, err, want)
		}
	}
}

func TestCatalogueK4MissingKeysAreNeverAnonymous(t *testing.T) {
	t.Setenv("OSS_ACCESS_KEY_ID", "")
	failed := errors.New("metadata service is down")
	for _, tt := range []struct {
		name     string
		provider oss.CredentialsProvider
		want     string
	}{
		{"default", oss.EnvCredentials(), "OSS_ACCESS_KEY_ID is not set"},
		{"function with empty keys",
			oss.CredentialsFunc(func(context.Context) (oss.Credentials, error) { return oss.Credentials{}, nil }),
			"AccessKeyID is empty"},
		{"function without a secret", oss.CredentialsFunc(func(context.Context) (oss.Credentials, error) {
			return oss.Credentials{AccessKeyID: "id"}, nil
		}), "AccessKeySecret is empty"},
		{"function that fails",
			oss.CredentialsFunc(func(context.Context) (oss.Credentials, error) { return oss.Credentials{}, failed }),
			failed.Error()},
		{"cache of an anonymous provider", oss.CacheCredentials(oss.AnonymousCredentials(), 0), "AccessKeyID is empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := play(says(200, ""))
			c := s.client(t, oss.Config{Credentials: tt.provider})
			_, err := c.HeadObject(t.Context(), "bucket", "key", nil)
			_, err2 := c.PresignGet(t.Context(), "bucket", "key", time.Hour, nil)
			for _, err := range []error{err, err2} {
				if err == nil || !strings.Contains(err.Error(), tt.want) ||
					!strings.Contains(err.Error(), "oss://bucket/key") {
					t.Errorf("got %v, want %s", err, tt.want)
				}
			}
			if n := len(s.messages()); n != 0 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}
	s := play(says(200, ""))
	c := s.client(t, oss.Config{Credentials: oss.CredentialsFunc(func(context.Context) (oss.Credentials, error) {
		return oss.Credentials{}, failed
	})})
	if _, err := c.HeadObject(t.Context(), "bucket", "key", nil); !errors.Is(err, failed) {
		t.Errorf("%v does not wrap the provider's error", err)
	}
	if _, err := s.client(t, oss.Config{Credentials: oss.AnonymousCredentials()}).PresignGet(t.Context(), "bucket",
		"key", time.Hour, nil); err == nil {
		t.Error("anonymous credentials presigned a request")
	}
}

func TestKeysThatTakeLongToGetAreNoStall(t *testing.T) {
	for _, tt := range []struct {
		name  string
		cache func(oss.CredentialsProvider) oss.CredentialsProvider
	}{
		{"cached", func(p oss.CredentialsProvider) oss.CredentialsProvider {
			return oss.CacheCredentials(p, time.Minute)
		}},
		{"not cached", func(p oss.CredentialsProvider) oss.CredentialsProvider { return p }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slow := oss.CredentialsFunc(func(ctx context.Context) (oss.Credentials, error) {
					select {
					case <-time.After(40 * time.Second): // longer than Retry.Stall
						return oss.Credentials{AccessKeyID: "id", AccessKeySecret: "secret"}, nil
					case <-ctx.Done():
						return oss.Credentials{}, ctx.Err()
					}
				})
				s := play(stores)
				c := s.client(t, oss.Config{Credentials: tt.cache(slow)})
				if _, err := c.PutObject(t.Context(), "bucket", "key", strings.NewReader("body"), nil); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
