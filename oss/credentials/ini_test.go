package credentials_test

import (
	"testing"

	"github.com/ossmultipart/go-oss/oss/credentials"
)

func TestSharedCredentialsFile(t *testing.T) {
	tests := []struct{ profile, want string }{
		{"", "LTAI-user"},
		{"sts", "STS.static"},
		{"ecs", "STS.ecs-1"},
		{"role", "STS.sts-1"},
		{"rsa", `error: the mode "rsa_key_pair" is not supported`},
		{"notype", "error: it has no mode"},
		{"off", "error: there is no such profile"},
		{"none", "error: there is no such profile"},
		{"bad-duration", "error: its duration is not a number of seconds"},
	}
	for _, tt := range tests {
		t.Run("profile "+tt.profile, func(t *testing.T) {
			install(t, isolate(t), "credentials", ".alibabacloud/credentials")
			t.Setenv("ALIBABA_CLOUD_PROFILE", tt.profile)
			check(t, func(o credentials.ProfileOptions) *credentials.Provider { return credentials.INI(&o) }, tt.want)
		})
	}
}
