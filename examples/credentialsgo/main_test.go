package main

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	official "github.com/aliyun/credentials-go/credentials"
	"github.com/aliyun/credentials-go/credentials/providers"

	"github.com/ossmultipart/go-oss/internal/rpcsign"
	"github.com/ossmultipart/go-oss/oss/credentials"
	"github.com/ossmultipart/go-oss/oss/credentials/credtest"
	"github.com/ossmultipart/go-oss/signer"
)

// An object is one of credentials-go that takes a second, and counts.
type object struct {
	official.Credential
	token     string
	calls, in atomic.Int32
	together  atomic.Bool
}

func (o *object) GetCredential() (*official.CredentialModel, error) {
	if o.in.Add(1) > 1 {
		o.together.Store(true)
	}
	defer o.in.Add(-1)
	o.calls.Add(1)
	time.Sleep(time.Second) // of the bubble
	id, secret := "id", "secret"
	m := &official.CredentialModel{AccessKeyId: &id, AccessKeySecret: &secret}
	if o.token != "" {
		m.SecurityToken = &o.token
	}
	return m, nil
}

// C1, C2: an object of credentials-go has data races and fetches once for each caller. Behind the adapter it has one.
func TestAdapterAsksOnceForAllCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &object{}
		p := adapt(o)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				keys, err := p.Credentials(t.Context())
				if want := (signer.Credentials{AccessKeyID: "id", AccessKeySecret: "secret"}); keys != want ||
					err != nil {
					t.Errorf("got %v, %v", keys, err)
				}
			})
		}
		wg.Wait()
		if o.calls.Load() != 1 {
			t.Errorf("%d calls, want 1", o.calls.Load())
		}
		time.Sleep(100 * time.Hour) // of the bubble
		if _, err := p.Credentials(t.Context()); err != nil || o.calls.Load() != 1 {
			t.Errorf("%v after %d calls for keys that last", err, o.calls.Load())
		}
	})
}

func TestAdapterAsksAgainForTemporaryKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &object{token: "token"}
		p := adapt(o)
		for range 60 {
			began := time.Now()
			if _, err := p.Credentials(t.Context()); err != nil || time.Since(began) > time.Second {
				t.Fatalf("%v after %v", err, time.Since(began))
			}
			time.Sleep(time.Minute) // of the bubble
		}
		// Every third minute is the first after two and a half.
		if n := o.calls.Load(); n < 20 || n > 24 || o.together.Load() {
			t.Errorf("%d calls in an hour, at once: %v", n, o.together.Load())
		}
	})
}

// A sent is a request to STS, as far as it is compared.
type sent struct{ url, body, contentType, encoding string }

// tap keeps what reaches an STS.
func tap(sts http.Handler, last *sent) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		*last = sent{
			"https://" + r.Host + r.URL.String(), string(body), r.Header.Get("Content-Type"),
			r.Header.Get("Accept-Encoding"),
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		sts.ServeHTTP(w, r)
	})
}

// again builds the request that a Provider of ours makes, with the nonce and the time of another.
func (s sent) again(t *testing.T, keys signer.Credentials) sent {
	t.Helper()
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	form, err := url.ParseQuery(s.body)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	at, err := time.Parse("2006-01-02T15:04:05Z", q.Get("Timestamp"))
	if err != nil {
		t.Fatal(err)
	}
	call := rpcsign.Call{
		Endpoint: "https://" + u.Host, Action: q.Get("Action"), Version: q.Get("Version"), Form: form,
		Time: at, Nonce: q.Get("SignatureNonce"),
	}
	if call.Action == "AssumeRole" {
		call.AccessKeyID, call.AccessKeySecret = keys.AccessKeyID, keys.AccessKeySecret
		call.SecurityToken = keys.SecurityToken
	}
	r, err := call.Request()
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return sent{r.URL.String(), string(body), r.Header.Get("Content-Type"), r.Header.Get("Accept-Encoding")}
}

// For one nonce and one time, the requests of credentials-go and of package credentials are the same, byte by byte, and
// an STS that checks signatures with code of its own accepts both.
func TestRequestsToSTSAreThoseOfCredentialsGo(t *testing.T) {
	const (
		arn      = "acs:ram::1234567890123456:role/writer"
		provider = "acs:ram::1234567890123456:oidc-provider/ack"
		policy   = `{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "oss:*", ` +
			`"Resource": "acs:oss:*:*:b/~ +%"}]}`
		external = "ext id/+*~="
	)
	user := signer.Credentials{AccessKeyID: "LTAI-user", AccessKeySecret: "secret"}
	temporary := signer.Credentials{AccessKeyID: "STS.x", AccessKeySecret: "secret", SecurityToken: "to/ken+~*=="}
	sts := credtest.NewSTS(&credtest.STSOptions{
		Users: []signer.Credentials{user, temporary}, Roles: []credtest.Role{{ARN: arn, ExternalID: external}},
		Tokens: map[string]string{provider: "oidc-token"},
	})
	var last sent
	port := httptest.NewTLSServer(tap(sts, &last))
	defer port.Close()
	host := port.Listener.Addr().String()
	trust(t, port)

	for _, keys := range []signer.Credentials{user, temporary} {
		b := providers.NewRAMRoleARNCredentialsProviderBuilder().WithAccessKeyId(keys.AccessKeyID).
			WithAccessKeySecret(keys.AccessKeySecret).WithSecurityToken(keys.SecurityToken).WithRoleArn(arn).
			WithRoleSessionName("session").WithPolicy(policy).
			WithExternalId(external).WithDurationSeconds(900).WithStsEndpoint(host)
		theirs, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := theirs.GetCredentials(); err != nil {
			t.Fatalf("credentials-go: %v", err)
		}
		of := last
		if got := of.again(t, keys); got != of {
			t.Errorf("credentials-go sent\n%+v\nwe send\n%+v", of, got)
		}
		ours := credentials.AssumeRole(keys, arn, &credentials.AssumeRoleOptions{
			SessionName: "session", Policy: policy, ExternalID: external, Duration: 15 * time.Minute,
			STS: credentials.STS{Endpoint: host}, Options: credentials.Options{HTTPClient: port.Client()},
		})
		if _, err := ours.Credentials(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := last.again(t, keys); got != last || got.body != of.body {
			t.Errorf("a Provider sent\n%+v\nwant\n%+v", last, got)
		}
	}

	token := t.TempDir() + "/token"
	write(t, token, "oidc-token")
	theirs, err := providers.NewOIDCCredentialsProviderBuilder().WithRoleArn(arn).WithOIDCProviderARN(provider).
		WithOIDCTokenFilePath(token).WithRoleSessionName("session").WithSTSEndpoint(host).Build()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := theirs.GetCredentials(); err != nil {
		t.Fatalf("credentials-go: %v", err)
	}
	of := last
	if got := of.again(t, signer.Credentials{}); got != of {
		t.Errorf("credentials-go sent\n%+v\nwe send\n%+v", of, got)
	}
	ours := credentials.OIDC(&credentials.OIDCOptions{
		RoleARN: arn, ProviderARN: provider, TokenFile: token, SessionName: "session",
		STS: credentials.STS{Endpoint: host}, Options: credentials.Options{HTTPClient: port.Client()},
	})
	if _, err := ours.Credentials(t.Context()); err != nil {
		t.Fatal(err)
	}
	if last.body != of.body {
		t.Errorf("a Provider sent\n%s\ncredentials-go\n%s", last.body, of.body)
	}
}

// trust makes http.DefaultTransport, which credentials-go copies, trust the certificate of a server.
func trust(t *testing.T, port *httptest.Server) {
	t.Helper()
	old := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = old })
	roots := x509.NewCertPool()
	roots.AddCert(port.Certificate())
	changed := old.(*http.Transport).Clone()
	changed.TLSClientConfig = &tls.Config{RootCAs: roots}
	http.DefaultTransport = changed
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
