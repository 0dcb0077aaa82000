package credentials_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss/credentials"
	"github.com/ossmultipart/go-oss/oss/credentials/credtest"
	"github.com/ossmultipart/go-oss/signer"
)

// newSTS returns an STS with one role and one user, and options that reach it.
func newSTS(o credtest.Options) (*credtest.STS, credentials.Options) {
	sts := credtest.NewSTS(&credtest.STSOptions{
		Users:   []signer.Credentials{user},
		Roles:   []credtest.Role{{ARN: roleARN}, {ARN: roleARN + "-2", ExternalID: "ext", MaxDuration: 4 * time.Hour}},
		Tokens:  map[string]string{providerARN: "oidc-token"},
		Options: o,
	})
	return sts, credentials.Options{HTTPClient: credtest.HTTPClient(map[string]http.Handler{credtest.STSHost: sts})}
}

func TestAssumeRole(t *testing.T) {
	isolate(t)
	sts, opts := newSTS(credtest.Options{})
	p := credentials.AssumeRole(user, roleARN, &credentials.AssumeRoleOptions{
		SessionName: "session", Duration: 30 * time.Minute, Policy: `{"Version": "1"}`, Options: opts,
	})
	if got, want := need(t, p), sts.Issued()[0]; got != want || time.Until(got.Expires) > 30*time.Minute {
		t.Errorf("got %v, want %v", got, want)
	}
	call := sts.Calls()[0]
	want := url.Values{"RoleArn": {roleARN}, "RoleSessionName": {"session"}, "DurationSeconds": {"1800"},
		"Policy": {`{"Version": "1"}`}}
	if call.Form.Encode() != want.Encode() {
		t.Errorf("sent %v, want %v", call.Form, want)
	}
}

func TestAssumeRoleIsChained(t *testing.T) {
	isolate(t)
	sts, opts := newSTS(credtest.Options{})
	first := credentials.AssumeRole(user, roleARN, &credentials.AssumeRoleOptions{Options: opts})
	second := credentials.AssumeRole(first, roleARN+"-2", &credentials.AssumeRoleOptions{
		ExternalID: "ext", Duration: 2 * time.Hour, Options: opts,
	})
	if got, want := need(t, second), sts.Issued()[1]; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := sts.Calls()[1].Query.Get("SecurityToken"), sts.Issued()[0].SecurityToken; got != want {
		t.Errorf("signed with the token %q, want %q", got, want)
	}
}

func TestRefusalOfSTSIsAnSTSError(t *testing.T) {
	isolate(t)
	wrong := user
	wrong.AccessKeySecret = "hunter2-wrong"
	temporary := signer.Credentials{AccessKeyID: "STS.x", AccessKeySecret: "hunter2", SecurityToken: "hunter2/+ ~*"}
	temporary.SecurityToken = "hunter2/+~*"
	tests := []struct {
		name string
		base signer.Credentials
		role string
		opts credentials.AssumeRoleOptions
		code string
	}{
		{"wrong secret", wrong, roleARN, credentials.AssumeRoleOptions{}, "SignatureDoesNotMatch"},
		{"unknown keys", temporary, roleARN, credentials.AssumeRoleOptions{}, "InvalidAccessKeyId.NotFound"},
		{"unknown role", user, roleARN + "-3", credentials.AssumeRoleOptions{}, "EntityNotExist.Role"},
		{"external ID", user, roleARN + "-2", credentials.AssumeRoleOptions{ExternalID: "other"}, "NoPermission"},
		{"too long", user, roleARN, credentials.AssumeRoleOptions{Duration: 2 * time.Hour},
			"InvalidParameter.DurationSeconds"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sts, opts := newSTS(credtest.Options{})
			log := &record{}
			opts.Logger = log.logger()
			tt.opts.Options = opts
			err := failure(t, credentials.AssumeRole(tt.base, tt.role, &tt.opts))
			var refused *credentials.STSError
			if !errors.As(err, &refused) || refused.Code != tt.code ||
				refused.RequestID == "" || refused.StatusCode < 400 {
				t.Errorf("%v, want %s", err, tt.code)
			}
			if text := log.String() + err.Error(); strings.Contains(text, "hunter2") {
				t.Errorf("a secret shows in %s", text)
			}
			if n := sts.Requests(); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}

func TestThrottledSTSIsAskedAgain(t *testing.T) {
	isolate(t)
	synctest.Test(t, func(t *testing.T) {
		sts, opts := newSTS(credtest.Options{})
		sts.Inject(credtest.Fault{Times: 2, Status: 400,
			Body: `{"Code": "Throttling.User", "Message": "Request was denied."}`})
		need(t, credentials.AssumeRole(user, roleARN, &credentials.AssumeRoleOptions{Options: opts}))
		if n := sts.Requests(); n != 3 {
			t.Errorf("%d requests, want 3", n)
		}
	})
}

func TestSessionNameStaysTheSame(t *testing.T) {
	isolate(t)
	synctest.Test(t, func(t *testing.T) {
		sts, opts := newSTS(credtest.Options{})
		p := credentials.AssumeRole(user, roleARN, &credentials.AssumeRoleOptions{Options: opts})
		p.Refuse(need(t, p))
		time.Sleep(time.Second)
		need(t, p)
		first, second := sts.Calls()[0].Form.Get("RoleSessionName"), sts.Calls()[1].Form.Get("RoleSessionName")
		if first != second || !strings.HasPrefix(first, "go-oss-") {
			t.Errorf("sessions %q and %q", first, second)
		}
	})
	t.Setenv("ALIBABA_CLOUD_ROLE_SESSION_NAME", "of-variable")
	sts, opts := newSTS(credtest.Options{})
	need(t, credentials.AssumeRole(user, roleARN, &credentials.AssumeRoleOptions{Options: opts}))
	if got := sts.Calls()[0].Form.Get("RoleSessionName"); got != "of-variable" {
		t.Errorf("session %q", got)
	}
}

// A role is configured even if the keys that assume it are not, and must not be skipped by a chain.
func TestRoleWithoutABaseIsNotSkipped(t *testing.T) {
	isolate(t)
	role := credentials.AssumeRole(credentials.Env(nil), roleARN, nil)
	if err := failure(t, role); errors.Is(err, credentials.ErrNotConfigured) {
		t.Errorf("%v matches ErrNotConfigured", err)
	}
	wants(t, failure(t, credentials.Chain([]credentials.Source{role, user}, nil)), "keys that assume it: ")
}

// STS repeats the string to sign in the message, with the token escaped twice; a proxy may repeat anything.
func TestSecretsThatSTSRepeatsAreMasked(t *testing.T) {
	isolate(t)
	base := signer.Credentials{AccessKeyID: "STS.x", AccessKeySecret: "hunter2-secret",
		SecurityToken: "hunter2/+~*token"}
	once := url.QueryEscape(base.SecurityToken)
	for _, echo := range []string{base.AccessKeySecret, base.SecurityToken, once, url.QueryEscape(once)} {
		sts, opts := newSTS(credtest.Options{})
		sts.Inject(credtest.Fault{Status: 400,
			Body: `{"Code": "SignatureDoesNotMatch", "Message": "to sign: ` + echo + `&end"}`})
		err := failure(t, credentials.AssumeRole(base, roleARN, &credentials.AssumeRoleOptions{Options: opts}))
		if wants(t, err, "to sign: ***&end"); strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
}

func TestArgumentsOfARoleAreCheckedBeforeAnyRequest(t *testing.T) {
	isolate(t)
	sts, opts := newSTS(credtest.Options{})
	tests := []struct {
		name string
		role string
		opts credentials.AssumeRoleOptions
		want string
	}{
		{"no role", "", credentials.AssumeRoleOptions{}, `"" is not the ARN of a RAM role`},
		{"no ARN", "writer", credentials.AssumeRoleOptions{}, `"writer" is not the ARN of a RAM role`},
		{"session", roleARN, credentials.AssumeRoleOptions{SessionName: "a b"}, `the session name "a b"`},
		{"duration", roleARN, credentials.AssumeRoleOptions{Duration: 899 * time.Second},
			"the duration 14m59s is less than 15m0s"},
		{"policy", roleARN, credentials.AssumeRoleOptions{Policy: "{"}, "the policy is not JSON"},
		{"endpoint", roleARN, credentials.AssumeRoleOptions{STS: credentials.STS{Endpoint: "https://a/b"}},
			`"https://a/b" is not an endpoint`},
		{"VPC", roleARN, credentials.AssumeRoleOptions{STS: credentials.STS{VPC: true}},
			"the VPC endpoint of STS needs a region"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.opts.Options = opts
			wants(t, failure(t, credentials.AssumeRole(user, tt.role, &tt.opts)), tt.want)
		})
	}
	wants(t, failure(t, credentials.AssumeRole(nil, roleARN, nil)), "no Source of the keys")
	if n := sts.Requests(); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestEndpointsOfSTS(t *testing.T) {
	tests := []struct {
		name string
		sts  credentials.STS
		env  map[string]string
		want string
	}{
		{"default", credentials.STS{}, nil, "sts.aliyuncs.com"},
		{"region", credentials.STS{Region: "cn-beijing"}, nil, "sts.cn-beijing.aliyuncs.com"},
		{"VPC", credentials.STS{Region: "cn-beijing", VPC: true}, nil, "sts-vpc.cn-beijing.aliyuncs.com"},
		{"host", credentials.STS{Endpoint: "sts.example.com"}, nil, "sts.example.com"},
		{"URL", credentials.STS{Endpoint: "http://sts.example.com:8080/"}, nil, "sts.example.com:8080"},
		{"region of the environment", credentials.STS{}, map[string]string{"ALIBABA_CLOUD_STS_REGION": "cn-shanghai"},
			"sts.cn-shanghai.aliyuncs.com"},
		{"VPC of the environment", credentials.STS{}, map[string]string{
			"ALIBABA_CLOUD_STS_REGION": "cn-shanghai", "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED": "TRUE"},
			"sts-vpc.cn-shanghai.aliyuncs.com"},
		{"VPC without a region", credentials.STS{}, map[string]string{"ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED": "true"},
			"sts.aliyuncs.com"},
		{"endpoint of the environment", credentials.STS{}, map[string]string{
			"ALIBABA_CLOUD_STS_ENDPOINT": "sts.example.com", "ALIBABA_CLOUD_STS_REGION": "cn-shanghai"},
			"sts.example.com"},
		{"options go first", credentials.STS{Region: "cn-beijing"},
			map[string]string{"ALIBABA_CLOUD_STS_ENDPOINT": "sts.example.com"}, "sts.cn-beijing.aliyuncs.com"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			isolate(t)
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			var host string
			sts, _ := newSTS(credtest.Options{})
			client := credtest.HTTPClient(map[string]http.Handler{"": http.HandlerFunc(func(w http.ResponseWriter,
				r *http.Request) {
				host = r.Host
				sts.ServeHTTP(w, r)
			})})
			need(t, credentials.AssumeRole(user, roleARN, &credentials.AssumeRoleOptions{
				STS: tt.sts, Options: credentials.Options{HTTPClient: client}}))
			if host != tt.want {
				t.Errorf("asked %s, want %s", host, tt.want)
			}
		})
	}
}

// Row 20: clocks that are hours apart. STS refuses the time once, and the life of the keys is measured by its clock.
func TestClockThatIsHoursOffIsCorrected(t *testing.T) {
	isolate(t)
	for _, off := range []time.Duration{-10 * time.Hour, 10 * time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sts, opts := newSTS(credtest.Options{})
				opts.Now = func() time.Time { return time.Now().Add(off) }
				p := credentials.AssumeRole(user, roleARN, &credentials.AssumeRoleOptions{Options: opts})
				for range 100 {
					need(t, p)
				}
				if n := sts.Requests(); n != 2 {
					t.Errorf("%d requests, want 2: one refused for its time, one with the right one", n)
				}
				time.Sleep(44 * time.Minute)
				need(t, p)
				if n := sts.Requests(); n != 2 {
					t.Errorf("%d requests after 44 minutes, want 2", n)
				}
				time.Sleep(2 * time.Minute)
				need(t, p)
				synctest.Wait()
				if n := sts.Requests(); n != 3 {
					t.Errorf("%d requests after 46 minutes, want 3", n)
				}
			})
		})
	}
}

// The keys that assume a role may be revoked: the next fetch uses others.
func TestRefusedBaseIsRefreshed(t *testing.T) {
	isolate(t)
	synctest.Test(t, func(t *testing.T) {
		_, opts := newSTS(credtest.Options{})
		keys := []signer.Credentials{{AccessKeyID: "revoked", AccessKeySecret: "s"}, user}
		n := 0
		base := credentials.New(sourceFunc(func() (signer.Credentials, error) {
			n++
			return keys[min(n, len(keys))-1], nil
		}), nil)
		p := credentials.AssumeRole(base, roleARN, &credentials.AssumeRoleOptions{Options: opts})
		wants(t, failure(t, p), "InvalidAccessKeyId.NotFound")
		time.Sleep(time.Second)
		need(t, p)
	})
}

// A proxy from the environment carries requests to STS; here it is the STS itself, asked by its full address.
func TestSTSIsReachedByAProxy(t *testing.T) {
	isolate(t)
	sts, _ := newSTS(credtest.Options{})
	asked := ""
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.RequestURI
		sts.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(address), DisableKeepAlives: true}
	need(t, credentials.AssumeRole(user, roleARN, &credentials.AssumeRoleOptions{
		STS:     credentials.STS{Endpoint: "http://sts.cn-hangzhou.aliyuncs.com"},
		Options: credentials.Options{HTTPClient: &http.Client{Transport: transport}},
	}))
	if !strings.HasPrefix(asked, "http://sts.cn-hangzhou.aliyuncs.com/?") {
		t.Errorf("the proxy was asked for %s", asked)
	}
}
