package credentials_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss/credentials"
	"github.com/ossmultipart/go-oss/signer"
)

func TestEnvironmentHasSeveralSpellings(t *testing.T) {
	tests := []struct {
		name string
		env  map[string]string
		want signer.Credentials
		err  string
	}{
		{"OSS", map[string]string{"OSS_ACCESS_KEY_ID": "id", "OSS_ACCESS_KEY_SECRET": "s", "OSS_SESSION_TOKEN": "t"},
			signer.Credentials{AccessKeyID: "id", AccessKeySecret: "s", SecurityToken: "t"}, ""},
		{"ossutil's token", map[string]string{"OSS_ACCESS_KEY_ID": "id",
			"OSS_ACCESS_KEY_SECRET": "s", "OSS_STS_TOKEN": "t"},
			signer.Credentials{AccessKeyID: "id", AccessKeySecret: "s", SecurityToken: "t"}, ""},
		{"SDKs", map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": "id\n", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": " s",
			"ALIBABA_CLOUD_SECURITY_TOKEN": "t\n"},
			signer.Credentials{AccessKeyID: "id", AccessKeySecret: "s", SecurityToken: "t"}, ""},
		{"CLI", map[string]string{"ALIBABACLOUD_ACCESS_KEY_ID": "id", "ALIBABACLOUD_ACCESS_KEY_SECRET": "s"},
			signer.Credentials{AccessKeyID: "id", AccessKeySecret: "s"}, ""},
		{"JuiceFS", map[string]string{"ALICLOUD_ACCESS_KEY_ID": "id", "ALICLOUD_ACCESS_KEY_SECRET": "s"},
			signer.Credentials{AccessKeyID: "id", AccessKeySecret: "s"}, ""},
		{"Terraform", map[string]string{"ALICLOUD_ACCESS_KEY": "id", "ALICLOUD_SECRET_KEY": "s",
			"ALICLOUD_SECURITY_TOKEN": "t"},
			signer.Credentials{AccessKeyID: "id", AccessKeySecret: "s", SecurityToken: "t"}, ""},
		{"OSS goes first, as a whole", map[string]string{
			"OSS_ACCESS_KEY_ID": "id", "OSS_ACCESS_KEY_SECRET": "s",
			"ALIBABA_CLOUD_ACCESS_KEY_ID": "other", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "other",
			"ALIBABA_CLOUD_SECURITY_TOKEN": "other"},
			signer.Credentials{AccessKeyID: "id", AccessKeySecret: "s"}, ""},
		{"no secret", map[string]string{"OSS_ACCESS_KEY_ID": "id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s"},
			signer.Credentials{}, "OSS_ACCESS_KEY_ID is set and OSS_ACCESS_KEY_SECRET is not"},
		{"no ID", map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s"},
			signer.Credentials{}, "ALIBABA_CLOUD_ACCESS_KEY_SECRET is set and ALIBABA_CLOUD_ACCESS_KEY_ID is not"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			isolate(t)
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			c, err := credentials.Env(nil).Credentials(t.Context())
			if tt.err != "" {
				wants(t, err, tt.err)
				if errors.Is(err, credentials.ErrNotConfigured) {
					t.Error("half of the keys is not configured")
				}
			} else if c != tt.want || err != nil {
				t.Errorf("got %#v, %v, want %#v", c, err, tt.want)
			}
		})
	}
	isolate(t)
	if err := failure(t, credentials.Env(nil)); !errors.Is(err, credentials.ErrNotConfigured) {
		t.Error(err)
	}
}

func TestEnvironmentIsReadAgain(t *testing.T) {
	isolate(t)
	t.Setenv("OSS_ACCESS_KEY_ID", "id-1")
	t.Setenv("OSS_ACCESS_KEY_SECRET", "s")
	synctest.Test(t, func(st *testing.T) {
		p := credentials.Env(nil)
		if got := ask(st, p); got != "id-1" {
			st.Error(got)
		}
		t.Setenv("OSS_ACCESS_KEY_ID", "id-2")
		time.Sleep(time.Second)
		ask(st, p)
		synctest.Wait()
		if got := ask(st, p); got != "id-2" {
			st.Error(got)
		}
	})
}
