package credentials_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss/credentials"
	"github.com/ossmultipart/go-oss/oss/credentials/credtest"
	"github.com/ossmultipart/go-oss/signer"
)

// A cloud has a stand-in of everything that can be reached by a network.
type cloud struct {
	metadata *credtest.Metadata
	sts      *credtest.STS
	uri      *credtest.URI
	log      *record
	opts     credentials.Options
}

func newCloud(o credtest.Options) *cloud {
	c := &cloud{log: &record{}, uri: credtest.NewURI(&o)}
	c.sts = credtest.NewSTS(&credtest.STSOptions{
		Users:   []signer.Credentials{user},
		Roles:   []credtest.Role{{ARN: roleARN}, {ARN: roleARN + "-2", ExternalID: "ext"}},
		Tokens:  map[string]string{providerARN: "oidc-token"},
		Options: o,
	})
	ofInstance := o
	ofInstance.OnIssue = func(keys signer.Credentials) {
		c.sts.AddUser(keys) // the role of the instance may assume the others
		if o.OnIssue != nil {
			o.OnIssue(keys)
		}
	}
	c.metadata = credtest.NewMetadata(&credtest.MetadataOptions{RenewAfter: time.Minute, Options: ofInstance})
	c.opts = credentials.Options{Logger: c.log.logger(), HTTPClient: credtest.HTTPClient(map[string]http.Handler{
		credtest.MetadataHost: c.metadata, credtest.STSHost: c.sts, "sts.cn-hangzhou.aliyuncs.com": c.sts,
		"sts-vpc.cn-hangzhou.aliyuncs.com": c.sts, "keys.example.com": c.uri,
	})}
	return c
}

// install copies a file of testdata below the home directory, with names of this machine in it.
func install(t *testing.T, home, name, path string, edits ...string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(home, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	replace(t, path, strings.NewReplacer(edits...).Replace(string(text)))
}

func TestProfilesOfTheCLI(t *testing.T) {
	tests := []struct {
		profile, want string // prefix of the ID, or part of the error after "error: "
	}{
		{"", "LTAI-user"},
		{"ak", "LTAI-user"},
		{"sts", "STS.static"},
		{"role", "STS.sts-1"},
		{"vpc", "STS.sts-1"},
		{"chained", "STS.sts-2"},
		{"ecs", "STS.ecs-1"},
		{"any-ecs", "STS.ecs-1"},
		{"oidc", "STS.sts-1"},
		{"external", "id-of-process"},
		{"uri", "STS.uri-1"},
		{"sso", "STS.sso"},
		{"oauth", "STS.oauth"},
		{"sso-expired", `error: run "aliyun configure --profile sso-expired"`},
		{"sso-new", `error: run "aliyun configure --profile sso-new"`},
		{"role-by-ecs", "STS.sts-1"},
		{"loop", "error: more than 8 profiles refer to one another"},
		{"orphan", `error: there is no source profile "none"`},
		{"no-token", "error: it has no STS token"},
		{"no-secret", "error: access key secret is empty"},
		{"no-mode", "error: it has no mode"},
		{"bearer", `error: the mode "BearerToken" is not supported`},
	}
	for _, tt := range tests {
		t.Run("profile "+tt.profile, func(t *testing.T) {
			home := isolate(t)
			program := newProcess(t)
			if err := program.Set(signer.Credentials{AccessKeyID: "id-of-process",
				AccessKeySecret: "hunter2"}); err != nil {
				t.Fatal(err)
			}
			token := filepath.Join(home, "token")
			replace(t, token, "oidc-token")
			install(t, home, "config.json", ".aliyun/config.json", "TOKENFILE", token, "PROCESS",
				strings.Join(program.Command(), " "))
			t.Setenv("ALIBABA_CLOUD_PROFILE", tt.profile)
			c := newCloud(credtest.Options{})
			keys, err := credentials.Profile(&credentials.ProfileOptions{Options: c.opts}).Credentials(t.Context())
			if text, ok := strings.CutPrefix(tt.want, "error: "); ok {
				wants(t, err, text, "CLI profile", fmt.Sprintf("profile %q", tt.profile))
				if errors.Is(err, credentials.ErrNotConfigured) {
					t.Errorf("%v says that it is not configured", err)
				}
				if text := err.Error() + c.log.String(); strings.Contains(text, "hunter2") {
					t.Errorf("a secret shows in %s", text)
				}
				return
			}
			if err != nil || keys.AccessKeyID != tt.want {
				t.Errorf("got %v, %v, want %s", keys, err, tt.want)
			}
		})
	}
}

func TestProfileHasTheSettingsOfTheRole(t *testing.T) {
	install(t, isolate(t), "config.json", ".aliyun/config.json")
	c := newCloud(credtest.Options{})
	need(t, credentials.Profile(&credentials.ProfileOptions{Name: "role", Options: c.opts}))
	const want = "DurationSeconds=1800&ExternalId=ext&Policy=%7B%22Version%22%3A+%221%22%7D&" +
		"RoleArn=acs%3Aram%3A%3A1234567890123456%3Arole%2Fwriter-2&RoleSessionName=cli"
	if got := c.sts.Calls()[0].Form.Encode(); got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
}

func TestProfileThatIsNotThereIsNotConfigured(t *testing.T) {
	home := isolate(t)
	p := func() error { return failure(t, credentials.Profile(nil)) }
	if err := p(); !errors.Is(err, credentials.ErrNotConfigured) {
		t.Errorf("no file: %v", err)
	}
	install(t, home, "config.json", "elsewhere.json")
	t.Setenv("ALIBABA_CLOUD_CONFIG_FILE", filepath.Join(home, "elsewhere.json"))
	if got := ask(t, credentials.Profile(nil)); got != "LTAI-user" {
		t.Errorf("elsewhere: %s", got)
	}
	t.Setenv("ALIBABA_CLOUD_PROFILE", "another")
	if err := p(); !errors.Is(err, credentials.ErrNotConfigured) {
		t.Errorf("no profile: %v", err)
	}
	t.Setenv("ALIBABA_CLOUD_PROFILE", "")
	t.Setenv("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "true")
	if err := p(); !errors.Is(err, credentials.ErrNotConfigured) {
		t.Errorf("disabled: %v", err)
	}
	t.Setenv("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "")
	replace(t, filepath.Join(home, "elsewhere.json"), `{"current": "hunter2`)
	err := p()
	if wants(t, err, "not the JSON of the CLI"); errors.Is(err, credentials.ErrNotConfigured) ||
		strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}

func TestExternalProfilesCanBeForbidden(t *testing.T) {
	install(t, isolate(t), "config.json", ".aliyun/config.json")
	t.Setenv("ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS", "1")
	c := newCloud(credtest.Options{})
	for _, name := range []string{"external", "uri"} {
		wants(t, failure(t, credentials.Profile(&credentials.ProfileOptions{Name: name, Options: c.opts})),
			"ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS is set")
	}
	if n := c.uri.Requests(); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestChangeOfAProfileIsNoticed(t *testing.T) {
	home := isolate(t)
	install(t, home, "config.json", ".aliyun/config.json")
	synctest.Test(t, func(t *testing.T) {
		c := newCloud(credtest.Options{})
		p := credentials.Profile(&credentials.ProfileOptions{Options: c.opts})
		if got := ask(t, p); got != "LTAI-user" {
			t.Error(got)
		}
		install(t, home, "config.json", ".aliyun/config.json", `"current": "ak"`, `"current": "ecs"`)
		time.Sleep(time.Second)
		ask(t, p)
		synctest.Wait()
		if got := ask(t, p); got != "STS.ecs-1" {
			t.Error(got)
		}
	})
}

// check asks a provider of a file for keys.
func check(t *testing.T, make func(credentials.ProfileOptions) *credentials.Provider, want string) {
	t.Helper()
	c := newCloud(credtest.Options{})
	keys, err := make(credentials.ProfileOptions{Options: c.opts}).Credentials(t.Context())
	if text, ok := strings.CutPrefix(want, "error: "); ok {
		if wants(t, err, text); strings.Contains(err.Error()+c.log.String(), "hunter2") {
			t.Errorf("a secret shows in %v", err)
		}
		return
	}
	if err != nil || keys.AccessKeyID != want || strings.HasPrefix(keys.AccessKeySecret, `"`) {
		t.Errorf("got %v, %v, want %s", keys, err, want)
	}
}
