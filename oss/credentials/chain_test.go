package credentials_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss/credentials"
	"github.com/ossmultipart/go-oss/oss/credentials/credtest"
	"github.com/ossmultipart/go-oss/signer"
)

// The order is that of credentials-go, with ossutil's file after the other files.
func TestDefaultAsksInTheOfficialOrder(t *testing.T) {
	home := isolate(t)
	// From the last to the first: each one hides all that were there before.
	steps := []struct {
		name, want string
		set        func()
	}{
		{"URI", "STS.uri-1", func() { t.Setenv("ALIBABA_CLOUD_CREDENTIALS_URI", "http://keys.example.com/") }},
		{"ECS RAM role", "STS.ecs-1", nil},
		{"ossutil", "LTAI-user", func() { install(t, home, "ossutilconfig1", ".ossutilconfig") }},
		{"credentials file", "id-of-ini", func() {
			install(t, home, "credentials", ".alibabacloud/credentials", "LTAI-user", "id-of-ini")
		}},
		{"CLI profile", "id-of-cli", func() {
			install(t, home, "config.json", ".aliyun/config.json", "LTAI-user", "id-of-cli")
		}},
		{"OIDC", "STS.sts-1", func() { rrsa(t, "oidc-token") }},
		{"environment", "id-of-env", func() {
			t.Setenv("OSS_ACCESS_KEY_ID", "id-of-env")
			t.Setenv("OSS_ACCESS_KEY_SECRET", "s")
		}},
	}
	for _, step := range steps {
		c := newCloud(credtest.Options{})
		if step.name == "URI" { // the only one after the metadata service
			c.metadata.SetRole("")
		}
		if step.set != nil {
			step.set()
		}
		p := credentials.Default(&c.opts)
		if got := ask(t, p); got != step.want || p.String() != "credentials.Provider{chain: "+step.name+"}" {
			t.Errorf("with %s: %s from %v", step.name, got, p)
		}
		if step.name != "URI" && step.name != "ECS RAM role" && c.metadata.Requests() > 0 {
			t.Errorf("with %s: %d requests to the metadata service", step.name, c.metadata.Requests())
		}
	}
}

func TestChainThatFindsNothingSaysWhy(t *testing.T) {
	isolate(t)
	synctest.Test(t, func(t *testing.T) {
		c := newCloud(credtest.Options{})
		c.metadata.Inject(credtest.Fault{Refuse: true})
		began := time.Now()
		err := failure(t, credentials.Default(&c.opts))
		wants(t, err, "credentials: chain: no source has keys: ",
			"environment: not configured: neither OSS_ACCESS_KEY_ID nor ALIBABA_CLOUD_ACCESS_KEY_ID is set; ",
			"OIDC: not configured: ALIBABA_CLOUD_OIDC_PROVIDER_ARN",
			"CLI profile: not configured: open ", "config.json",
			"credentials file: not configured: ", "ossutil: not configured: ",
			"ECS RAM role: no answer: PUT http://100.100.100.200/latest/api/token: dial tcp: connection refused; ",
			"URI: not configured: ALIBABA_CLOUD_CREDENTIALS_URI is not set")
		if !errors.Is(err, credentials.ErrNotConfigured) || time.Since(began) > 0 || c.metadata.Requests() != 1 {
			t.Errorf("%v after %v and %d requests", err, time.Since(began), c.metadata.Requests())
		}
	})
	wants(t, failure(t, credentials.Chain(nil, nil)), "there are no sources")
}

// C4: credentials-go asks its last source for ever after one failure.
func TestChainRecovers(t *testing.T) {
	isolate(t)
	for name, fault := range map[string]credtest.Fault{
		"refused": {Refuse: true}, "silent": {Delay: time.Hour}, "503": {Status: 503}, "garbage": {Status: 200,
			Body: "<html>"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCloud(credtest.Options{})
				c.metadata.Inject(fault)
				p := credentials.Default(&c.opts)
				failure(t, p)
				time.Sleep(10 * time.Minute)
				failure(t, p)
				c.metadata.Clear()
				time.Sleep(time.Minute)
				if got := ask(t, p); got != "STS.ecs-1" {
					t.Error(got)
				}
			})
		})
	}
}

// The role of the node has other rights than that of the pod, and must not stand in for it.
func TestChainDoesNotChangeIdentityInAnOutage(t *testing.T) {
	isolate(t)
	rrsa(t, "oidc-token")
	synctest.Test(t, func(t *testing.T) {
		c := newCloud(credtest.Options{})
		c.sts.Inject(credtest.Fault{Status: 503})
		p := credentials.Default(&c.opts)
		wants(t, failure(t, p), "OIDC: STS refused: 503", "the sources after it are not asked while it is configured")
		c.sts.Clear()
		time.Sleep(time.Minute)
		if got := ask(t, p); got != "STS.sts-1" {
			t.Fatal(got)
		}
		c.sts.Inject(credtest.Fault{Status: 503})
		time.Sleep(2 * time.Hour)
		failure(t, p)
		if n := c.metadata.Requests(); n != 0 {
			t.Errorf("%d requests to the metadata service", n)
		}
	})
}

// A source that has answered is not given up for one failure, and a URI after it is not asked.
func TestChainStaysWithItsSource(t *testing.T) {
	isolate(t)
	t.Setenv("ALIBABA_CLOUD_CREDENTIALS_URI", "http://keys.example.com/")
	synctest.Test(t, func(t *testing.T) {
		c := newCloud(credtest.Options{})
		p := credentials.Default(&c.opts)
		p.Refuse(need(t, p))
		c.metadata.Inject(credtest.Fault{Refuse: true})
		wants(t, failure(t, p), "chain: ECS RAM role: no answer")
		if n := c.uri.Requests(); n != 0 {
			t.Errorf("%d requests to the URI", n)
		}
		c.metadata.Clear()
		c.metadata.SetRole("") // now there is no role any more
		time.Sleep(time.Minute)
		if got := ask(t, p); got != "STS.uri-1" {
			t.Error(got)
		}
	})
}

func TestChainOfOwnSources(t *testing.T) {
	isolate(t)
	own := sourceFunc(func() (signer.Credentials, error) { return user, nil })
	empty := sourceFunc(func() (signer.Credentials, error) { return signer.Credentials{}, nil })
	p := credentials.Chain([]credentials.Source{credentials.Env(nil), own}, nil)
	if got := ask(t, p); got != user.AccessKeyID {
		t.Error(got)
	}
	p = credentials.Chain([]credentials.Source{empty, own}, nil)
	wants(t, failure(t, p), "credentials_test.sourceFunc: the access key ID is empty")
	nested := credentials.Chain([]credentials.Source{credentials.Chain([]credentials.Source{credentials.Env(nil)},
		nil), own}, nil)
	if got := ask(t, nested); got != user.AccessKeyID {
		t.Error(got)
	}
}

// Nothing is sent to the metadata service where the environment forbids it, whatever else is missing.
func TestDefaultHonoursTheBanOfMetadata(t *testing.T) {
	isolate(t)
	t.Setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
	c := newCloud(credtest.Options{})
	err := failure(t, credentials.Default(&c.opts))
	wants(t, err, "ECS RAM role: not configured: ALIBABA_CLOUD_ECS_METADATA_DISABLED is set")
	if n := c.metadata.Requests(); n != 0 {
		t.Errorf("%d requests", n)
	}
}
