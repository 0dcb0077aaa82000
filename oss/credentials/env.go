package credentials

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/ossmultipart/go-oss/signer"
)

// spellings are the variables for the access key ID, the secret and the token, in the order in which they are looked
// for. A spelling is used as a whole: an ID is never combined with the secret of another.
func spellings() [][3][]string {
	return [][3][]string{
		{{"OSS_ACCESS_KEY_ID"}, {"OSS_ACCESS_KEY_SECRET"}, {"OSS_SESSION_TOKEN", "OSS_STS_TOKEN"}},
		{{"ALIBABA_CLOUD_ACCESS_KEY_ID"}, {"ALIBABA_CLOUD_ACCESS_KEY_SECRET"}, {"ALIBABA_CLOUD_SECURITY_TOKEN"}},
		{{"ALIBABACLOUD_ACCESS_KEY_ID"}, {"ALIBABACLOUD_ACCESS_KEY_SECRET"}, {"ALIBABACLOUD_SECURITY_TOKEN"}},
		{{"ALICLOUD_ACCESS_KEY_ID"}, {"ALICLOUD_ACCESS_KEY_SECRET"}, {"ALICLOUD_SECURITY_TOKEN"}},
		{{"ALICLOUD_ACCESS_KEY"}, {"ALICLOUD_SECRET_KEY"}, {"ALICLOUD_SECURITY_TOKEN"}},
	}
}

// Env reads the environment variables of the process. The first of these spellings of which the ID or the secret is
// set is used, and both must be set then:
//
//   - OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET, OSS_SESSION_TOKEN or OSS_STS_TOKEN (OSS SDKs, ossutil)
//   - ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET, ALIBABA_CLOUD_SECURITY_TOKEN (all SDKs)
//   - the same with the prefix ALIBABACLOUD_ (Alibaba Cloud CLI)
//   - the same with the prefix ALICLOUD_ (JuiceFS, Gardener)
//   - ALICLOUD_ACCESS_KEY, ALICLOUD_SECRET_KEY, ALICLOUD_SECURITY_TOKEN (Terraform, Vault)
//
// A change of the variables is noticed within a second.
func Env(opts *Options) *Provider { return newProvider(env{}, opts) }

type env struct{}

func (env) name() string { return "environment" }

func (env) fetch(context.Context) (answer, error) {
	creds, err := fromEnv()
	return answer{creds: creds, changed: func() bool {
		now, err := fromEnv()
		return err != nil || now != creds
	}}, err
}

func fromEnv() (signer.Credentials, error) {
	for _, names := range spellings() {
		id, secret := getenv(names[0]...), getenv(names[1]...)
		switch {
		case id == "" && secret == "":
			continue
		case id == "":
			return signer.Credentials{}, fmt.Errorf("%s is set and %s is not", names[1][0], names[0][0])
		case secret == "":
			return signer.Credentials{}, fmt.Errorf("%s is set and %s is not", names[0][0], names[1][0])
		}
		return signer.Credentials{AccessKeyID: id, AccessKeySecret: secret, SecurityToken: getenv(names[2]...)}, nil
	}
	return signer.Credentials{}, notConfigured("neither OSS_ACCESS_KEY_ID nor ALIBABA_CLOUD_ACCESS_KEY_ID is set")
}

// getenv returns the first of these variables that is set to more than blanks.
func getenv(names ...string) string {
	for _, name := range names {
		if v := strings.TrimSpace(os.Getenv(name)); v != "" {
			return v
		}
	}
	return ""
}

// isTrue reports whether a variable is set to "true", in upper or lower case, or to "1".
func isTrue(name string) bool {
	v := getenv(name)
	return strings.EqualFold(v, "true") || v == "1"
}
