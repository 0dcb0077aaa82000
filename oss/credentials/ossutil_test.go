package credentials_test

import (
	"path/filepath"
	"testing"

	"github.com/ossmultipart/go-oss/oss/credentials"
)

func TestConfigurationOfOssutil(t *testing.T) {
	tests := []struct{ file, profile, want string }{
		{"ossutilconfig1", "", "LTAI-user"},
		{"ossutilconfig2", "", "LTAI-user"},
		{"ossutilconfig2", "temporary", "STS.static"},
		{"ossutilconfig2", "ecs", "STS.ecs-1"},
		{"ossutilconfig2", "role", "STS.sts-1"},
		{"ossutilconfig2", "by-default", "STS.sts-1"},
		{"ossutilconfig2", "public", `error: the mode "Anonymous" is not supported`},
		{"ossutilconfig2", "none", "error: there is no such profile"},
	}
	for _, tt := range tests {
		t.Run(tt.file+" "+tt.profile, func(t *testing.T) {
			install(t, isolate(t), tt.file, ".ossutilconfig")
			t.Setenv("OSSUTIL_PROFILE", tt.profile)
			check(t, func(o credentials.ProfileOptions) *credentials.Provider { return credentials.Ossutil(&o) },
				tt.want)
		})
	}
	for _, tt := range []struct{ text, want string }{
		{"[Credentials]\nlanguage=EN\n[AkService]\n" +
			"ecsAk=http://100.100.100.200/latest/meta-data/Ram/security-credentials/credtest-role\n", "STS.ecs-1"},
		{"[Credentials]\nstsToken=hunter2\naccessid=STS.x\naccess_key=hunter2\n", "STS.x"},
		{"[Credentials]\necsRoleName=credtest-role\n", "STS.ecs-1"},
		{"[Credentials]\naccessKeyID=LTAI\n", "error: access key secret is empty"},
		{"", "error: there is no section"},
		{"hunter2", "error: there is no section"},
		{"[Credentials\nhunter2", "error: line 1 is not the name of a section"},
		{"[a] hunter2", "error: line 1 is not the name of a section"},
	} {
		home := isolate(t)
		replace(t, filepath.Join(home, ".ossutilconfig"), tt.text)
		check(t, func(o credentials.ProfileOptions) *credentials.Provider { return credentials.Ossutil(&o) }, tt.want)
	}
}
