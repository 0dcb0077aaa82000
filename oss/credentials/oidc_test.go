package credentials_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss/credentials"
	"github.com/ossmultipart/go-oss/oss/credentials/credtest"
)

// rrsa sets the variables of a pod with RRSA and returns the path of its token.
func rrsa(t *testing.T, token string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ALIBABA_CLOUD_ROLE_ARN", roleARN)
	t.Setenv("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", providerARN)
	t.Setenv("ALIBABA_CLOUD_OIDC_TOKEN_FILE", path)
	return path
}

func TestOIDCNeedsNoArgumentsInAPod(t *testing.T) {
	isolate(t)
	path := rrsa(t, "oidc-token\n")
	synctest.Test(t, func(t *testing.T) {
		sts, opts := newSTS(credtest.Options{})
		p := credentials.OIDC(&credentials.OIDCOptions{Options: opts})
		if got, want := need(t, p), sts.Issued()[0]; got != want {
			t.Errorf("got %v, want %v", got, want)
		}
		call := sts.Calls()[0]
		if call.Query.Has("Signature") || call.Query.Has("OIDCToken") || call.Form.Get("DurationSeconds") != "3600" {
			t.Errorf("sent %v and %v", call.Query, call.Form)
		}
		replace(t, path, "another-token")
		sts.SetToken(providerARN, "another-token")
		time.Sleep(50 * time.Minute)
		need(t, p)
		synctest.Wait()
		if got, want := need(t, p), sts.Issued(); len(want) != 2 || got != want[1] {
			t.Errorf("after the token was rotated: got %v, want the second of %v", got, want)
		}
	})
}

func TestOIDCSaysWhatIsMissing(t *testing.T) {
	isolate(t)
	sts, opts := newSTS(credtest.Options{})
	p := func() error { return failure(t, credentials.OIDC(&credentials.OIDCOptions{Options: opts})) }
	if err := p(); !errors.Is(err, credentials.ErrNotConfigured) {
		t.Error(err)
	}
	path := rrsa(t, "")
	wants(t, p(), "the token file "+path+" is empty")
	os.Remove(path)
	if err := p(); errors.Is(err, credentials.ErrNotConfigured) {
		t.Errorf("%v: a pod without its token is not one without RRSA", err)
	}
	for _, name := range []string{"ALIBABA_CLOUD_ROLE_ARN", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN",
		"ALIBABA_CLOUD_OIDC_TOKEN_FILE"} {
		rrsa(t, "token")
		t.Setenv(name, "")
		wants(t, p(), name+" is not set")
	}
	if n := sts.Requests(); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestTokenThatSTSRefusesIsMasked(t *testing.T) {
	isolate(t)
	rrsa(t, "hunter2-token")
	sts, opts := newSTS(credtest.Options{})
	err := failure(t, credentials.OIDC(&credentials.OIDCOptions{Options: opts}))
	if wants(t, err, "AuthenticationFail.OIDCToken.Invalid", "***"); strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error shows the token: %v", err)
	}
	if n := sts.Requests(); n != 1 {
		t.Errorf("%d requests", n)
	}
}
