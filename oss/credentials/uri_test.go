package credentials_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss/credentials"
	"github.com/ossmultipart/go-oss/oss/credentials/credtest"
	"github.com/ossmultipart/go-oss/signer"
)

func TestURIOverALoopbackPort(t *testing.T) {
	isolate(t)
	server := credtest.NewURI(nil)
	port := httptest.NewServer(server)
	defer port.Close()
	if got, want := need(t, credentials.URI(port.URL+"/keys?a=b", nil)), server.Issued()[0]; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	t.Setenv("ALIBABA_CLOUD_CREDENTIALS_URI", port.URL)
	server.Set(signer.Credentials{AccessKeyID: "id", AccessKeySecret: "secret"})
	if got := ask(t, credentials.URI("", nil)); got != "id" {
		t.Errorf("from the environment: %s", got)
	}
}

func TestURIThatIsNoneIsAnError(t *testing.T) {
	isolate(t)
	for _, address := range []string{"ftp://hunter2@host/", "/path", "http://", "http://a b/hunter2", "127.0.0.1:80"} {
		if err := failure(t, credentials.URI(address, nil)); strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
	if err := failure(t, credentials.URI("", nil)); !errors.Is(err, credentials.ErrNotConfigured) {
		t.Error(err)
	}
}

// A redirect could lead anywhere, and the address may have a password in it.
func TestURIFollowsNoRedirect(t *testing.T) {
	server := credtest.NewURI(nil)
	client := credtest.HTTPClient(map[string]http.Handler{
		"a": http.RedirectHandler("http://b/", http.StatusFound), "b": server,
	})
	err := failure(t, credentials.URI("http://user:hunter2@a/p?q=hunter2", &credentials.Options{HTTPClient: client}))
	if wants(t, err, "http://a/p: status 302"); strings.Contains(err.Error(), "hunter2") || server.Requests() != 0 {
		t.Errorf("%v after %d requests elsewhere", err, server.Requests())
	}
}

func TestURIIsAskedAgainAfterATemporaryFailure(t *testing.T) {
	for name, fault := range map[string]credtest.Fault{
		"503": {Times: 2, Status: 503}, "429": {Times: 2, Status: 429}, "cut": {Times: 2, Drop: true},
		"refused": {Times: 2, Refuse: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := credtest.NewURI(nil)
				server.Inject(fault)
				client := credtest.HTTPClient(map[string]http.Handler{"": server})
				began := time.Now()
				need(t, credentials.URI("http://host/", &credentials.Options{HTTPClient: client}))
				if d := time.Since(began); server.Requests() != 3 ||
					d < 300*time.Millisecond || d > 600*time.Millisecond {
					t.Errorf("%d requests in %v, want 3 with backoff", server.Requests(), d)
				}
			})
		})
	}
}
