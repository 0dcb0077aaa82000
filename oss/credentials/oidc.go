package credentials

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/signer"
)

// OIDCOptions are the options of OIDC. The zero value and nil use the variables that RRSA (RAM Roles for Service
// Accounts) sets in the pods of a cluster.
type OIDCOptions struct {
	RoleARN     string        // default ALIBABA_CLOUD_ROLE_ARN
	ProviderARN string        // default ALIBABA_CLOUD_OIDC_PROVIDER_ARN
	TokenFile   string        // default ALIBABA_CLOUD_OIDC_TOKEN_FILE; read anew for each fetch
	SessionName string        // default ALIBABA_CLOUD_ROLE_SESSION_NAME, or "go-oss-N"
	Duration    time.Duration // life of the keys, from 15m to the role's maximum; 0 means 1h
	Policy      string        // JSON that narrows what the keys may do
	STS         STS
	Options
}

func (o *OIDCOptions) orDefault() OIDCOptions {
	var v OIDCOptions
	if o != nil {
		v = *o
	}
	v.Options = v.Options.orDefault()
	return v
}

// OIDC exchanges the OIDC token of a Kubernetes service account for the keys of a RAM role. With a nil opts that is
// all a program in a pod with RRSA needs. The error matches ErrNotConfigured if the role, the provider and the token
// are all missing.
//
// See https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerolewithoidc
func OIDC(opts *OIDCOptions) *Provider {
	o := opts.orDefault()
	return newProvider(newOIDC(o, newCaller(o.Options)), &o.Options)
}

type oidc struct {
	opts    OIDCOptions
	token   string // used in place of the file
	session string // if neither the options nor a variable has one
	sts     *stsClient
}

func newOIDC(o OIDCOptions, c *caller) *oidc {
	return &oidc{opts: o, session: newSession(o.Now()), sts: &stsClient{sts: o.STS, caller: c, now: o.Now}}
}

func (*oidc) name() string { return "OIDC" }

func (s *oidc) fetch(ctx context.Context) (answer, error) {
	roleARN := cmp.Or(s.opts.RoleARN, getenv("ALIBABA_CLOUD_ROLE_ARN"))
	provider := cmp.Or(s.opts.ProviderARN, getenv("ALIBABA_CLOUD_OIDC_PROVIDER_ARN"))
	path := cmp.Or(s.opts.TokenFile, getenv("ALIBABA_CLOUD_OIDC_TOKEN_FILE"))
	token := cmp.Or(s.token, getenv("ALIBABA_CLOUD_OIDC_TOKEN"))
	if s.opts.TokenFile != "" {
		token = s.token
	}
	switch {
	case provider == "" && path == "" && token == "": // a role alone is for other sources, too
		return answer{}, notConfigured("ALIBABA_CLOUD_OIDC_PROVIDER_ARN and ALIBABA_CLOUD_OIDC_TOKEN_FILE are not set")
	case provider == "":
		return answer{}, errors.New("ALIBABA_CLOUD_OIDC_PROVIDER_ARN is not set")
	case path == "" && token == "":
		return answer{}, errors.New("ALIBABA_CLOUD_OIDC_TOKEN_FILE is not set")
	case roleARN == "":
		return answer{}, errors.New("ALIBABA_CLOUD_ROLE_ARN is not set")
	}
	if token == "" {
		data, _, err := readFile(ctx, path)
		if err != nil {
			return answer{}, fmt.Errorf("token file: %v", err) // not %w: the source is configured
		}
		if token = strings.TrimSpace(string(data)); token == "" {
			return answer{}, fmt.Errorf("the token file %s is empty", path)
		}
	}
	r := role{
		arn: roleARN, session: s.opts.SessionName, fallback: s.session,
		duration: s.opts.Duration, policy: s.opts.Policy,
	}
	form, err := r.form()
	if err != nil {
		return answer{}, err
	}
	form.Set("OIDCProviderArn", provider)
	form.Set("OIDCToken", token)
	return s.sts.call(ctx, "AssumeRoleWithOIDC", form, signer.Credentials{})
}
