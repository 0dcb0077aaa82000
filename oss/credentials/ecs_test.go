package credentials_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss/credentials"
	"github.com/ossmultipart/go-oss/oss/credentials/credtest"
)

// newMetadata returns a metadata service and options that reach it.
func newMetadata(o *credtest.MetadataOptions) (*credtest.Metadata, credentials.Options) {
	m := credtest.NewMetadata(o)
	return m, credentials.Options{HTTPClient: credtest.HTTPClient(map[string]http.Handler{credtest.MetadataHost: m})}
}

func TestECSRoleUsesTokens(t *testing.T) {
	isolate(t)
	synctest.Test(t, func(t *testing.T) {
		m, opts := newMetadata(&credtest.MetadataOptions{Hardened: true,
			Options: credtest.Options{Life: 6 * time.Hour}})
		p := credentials.ECSRole(&credentials.ECSRoleOptions{Options: opts})
		if got, want := need(t, p), m.Issued()[0]; got != want {
			t.Errorf("got %v, want %v", got, want)
		}
		if n := m.Requests(); n != 3 || m.Plain() != 0 {
			t.Errorf("%d requests, %d without a token; want a token, a role, keys", n, m.Plain())
		}
		for range 24 * 4 { // a day: the tokens of six hours are replaced
			time.Sleep(15 * time.Minute)
			if left := time.Until(need(t, p).Expires); left < 0 {
				t.Fatalf("keys that expired %v ago", -left)
			}
		}
		if m.Plain() != 0 {
			t.Errorf("%d requests without a token", m.Plain())
		}
	})
}

func TestECSRoleFallsBackOnlyWhereItMay(t *testing.T) {
	tests := []struct {
		name     string
		opts     credtest.MetadataOptions
		fault    *credtest.Fault // of the request for a token
		disabled string          // "option" or "variable"
		want     string          // the error
	}{
		{"a service without tokens", credtest.MetadataOptions{NoTokens: true}, nil, "", ""},
		{"forbidden by an option", credtest.MetadataOptions{NoTokens: true}, nil, "option",
			"the mode without one is disabled"},
		{"forbidden by a variable", credtest.MetadataOptions{NoTokens: true}, nil, "variable",
			"the mode without one is disabled"},
		{"a failure is no reason", credtest.MetadataOptions{}, &credtest.Fault{Status: 500},
			"", "status 500 for a token"},
		{"nor is a cut connection", credtest.MetadataOptions{}, &credtest.Fault{Drop: true}, "", "unexpected EOF"},
		{"nor is silence", credtest.MetadataOptions{}, &credtest.Fault{Delay: time.Hour}, "", "deadline exceeded"},
		{"an empty token", credtest.MetadataOptions{}, &credtest.Fault{Times: 1, Status: 200}, "", "sent no token"},
		{"a page for a token", credtest.MetadataOptions{}, &credtest.Fault{Times: 1, Status: 200,
			Body: "<html>\n<body>"}, "", "sent no token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			isolate(t)
			if tt.disabled == "variable" {
				t.Setenv("ALIBABA_CLOUD_IMDSV1_DISABLED", "true")
			}
			synctest.Test(t, func(t *testing.T) {
				m, opts := newMetadata(&tt.opts)
				if tt.fault != nil {
					m.Inject(*tt.fault)
				}
				p := credentials.ECSRole(&credentials.ECSRoleOptions{DisableV1: tt.disabled == "option", Options: opts})
				if tt.want == "" {
					need(t, p)
					return
				}
				wants(t, failure(t, p), tt.want)
				if m.Plain() > 0 {
					t.Errorf("%d requests without a token", m.Plain())
				}
			})
		})
	}
}

func TestECSRoleFollowsTheInstance(t *testing.T) {
	isolate(t)
	synctest.Test(t, func(t *testing.T) {
		m, opts := newMetadata(&credtest.MetadataOptions{Role: "first", Hardened: true})
		p := credentials.ECSRole(&credentials.ECSRoleOptions{Options: opts})
		old := need(t, p)
		m.SetRole("second")
		m.ForgetTokens()
		p.Refuse(old)
		if got := need(t, p); got == old {
			t.Error("the keys of the old role are still used")
		}
		if m.Plain() != 0 {
			t.Errorf("%d requests without a token", m.Plain())
		}
		m.SetRole("")
		if err := failure(t, credentials.ECSRole(&credentials.ECSRoleOptions{Options: opts})); !errors.Is(err,
			credentials.ErrNotConfigured) {
			t.Errorf("without a role: %v", err)
		}
		if err := failure(t, credentials.ECSRole(&credentials.ECSRoleOptions{Role: "first",
			Options: opts})); errors.Is(err, credentials.ErrNotConfigured) {
			t.Errorf("with a name: %v", err)
		}
	})
}

func TestECSRoleRefusesWhatIsNoReply(t *testing.T) {
	isolate(t)
	keys := func(id, token, end string) string {
		return `{"Code": "Success", "AccessKeyId": "` + id + `", "AccessKeySecret": "hunter2", "SecurityToken": "` +
			token + `", "Expiration": "` + end + `"}`
	}
	tests := []struct{ name, role, body, want string }{
		{"a page for a role", "<html>", "", "the reply for the name of the role is not one"},
		{"two roles", "a\nb", "", "the reply for the name of the role is not one"},
		{"garbage", "role", "hunter2", "not a JSON document"},
		{"code", "role", `{"Code": "Failed"}`, `the code "Failed"`},
		{"no code and no keys", "role", `{}`, "access key ID is empty"},
		{"no token", "role", keys("id", "", "2100-01-01T00:00:00Z"), "lacks SecurityToken or Expiration"},
		{"no expiration", "role", keys("id", "token", ""), "lacks SecurityToken or Expiration"},
		{"expired", "role", keys("id", "token", "2001-01-01T00:00:00Z"),
			"the keys expired at 2001-01-01T00:00:00Z, and the source's clock says"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, opts := newMetadata(&credtest.MetadataOptions{})
			m.Inject(credtest.Fault{Times: 1, Status: 200, Body: "token"})
			m.Inject(credtest.Fault{Times: 1, Status: 200, Body: tt.role})
			opts.HTTPClient = dated(opts.HTTPClient)
			m.Inject(credtest.Fault{Status: 200, Body: tt.body})
			wants(t, failure(t, credentials.ECSRole(&credentials.ECSRoleOptions{Options: opts})), tt.want)
		})
	}
}

// dated adds a Date to replies that have none.
func dated(c *http.Client) *http.Client {
	next := c.Transport
	return &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(r)
		if err == nil && resp.Header.Get("Date") == "" {
			resp.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
		}
		return resp, err
	})}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestECSRoleIsNotAskedWhereItIsForbidden(t *testing.T) {
	isolate(t)
	t.Setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "True")
	m, opts := newMetadata(nil)
	err := failure(t, credentials.ECSRole(&credentials.ECSRoleOptions{Options: opts}))
	if !errors.Is(err, credentials.ErrNotConfigured) || m.Requests() != 0 {
		t.Errorf("%v after %d requests", err, m.Requests())
	}
}

// The role of a proxy's own instance would be the answer.
func TestMetadataIsNotReachedByAProxy(t *testing.T) {
	isolate(t)
	m := credtest.NewMetadata(nil)
	port := httptest.NewServer(m)
	defer port.Close()
	asked := false
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer proxy.Close()
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(address), DisableKeepAlives: true}
	need(t, credentials.ECSRole(&credentials.ECSRoleOptions{
		Endpoint: port.URL, Options: credentials.Options{HTTPClient: &http.Client{Transport: transport}},
	}))
	if asked || transport.Proxy == nil {
		t.Error("the proxy was asked, or the caller's transport was changed")
	}
	need(t, credentials.ECSRole(&credentials.ECSRoleOptions{Endpoint: port.URL}))
}
