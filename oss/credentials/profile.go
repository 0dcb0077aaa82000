package credentials

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/signer"
)

// ProfileOptions name a profile of a configuration file.
type ProfileOptions struct {
	File string // default: the variable and the path that the function names
	Name string // default: the variable and the profile that the function names
	Options
}

func (o *ProfileOptions) orDefault() ProfileOptions {
	var v ProfileOptions
	if o != nil {
		v = *o
	}
	v.Options = v.Options.orDefault()
	return v
}

// Profile uses a profile of the Alibaba Cloud CLI: from ALIBABA_CLOUD_CONFIG_FILE or ~/.aliyun/config.json, the one
// named by ALIBABA_CLOUD_PROFILE or else the current one. The modes are AK, StsToken, RamRoleArn,
// ChainableRamRoleArn, RamRoleArnWithRoleName, EcsRamRole, OIDC, External, CredentialsURI, CloudSSO and OAuth. Of
// the last two, only keys that the CLI has fetched and that have not expired can be used: nobody can log in here.
// A change of the file is noticed within a second.
//
// With ALIBABA_CLOUD_CLI_PROFILE_DISABLED set to "true" the file is not read. With
// ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS set to "true" the modes External and CredentialsURI are errors.
//
// See https://www.alibabacloud.com/help/en/cli/configure-credentials
func Profile(opts *ProfileOptions) *Provider {
	o := opts.orDefault()
	return newProvider(newProfileSource("CLI profile", o, cliFormat), &o.Options)
}

// A format is a kind of configuration file.
type format struct {
	disabled string   // variable that forbids its use
	file     []string // variables with its path
	path     string   // below the home directory
	names    []string // variables with the name of the profile
	parse    func(data []byte) (profiles, error)
}

// profiles is what a file has.
type profiles struct {
	current string
	find    func(name string) (profile, bool)
}

// A profile has the settings of all kinds of file, in the terms of the CLI.
type profile struct {
	Name            string `json:"name"`
	Mode            string `json:"mode"`
	AccessKeyID     string `json:"access_key_id"`
	AccessKeySecret string `json:"access_key_secret"`
	SecurityToken   string `json:"sts_token"`
	STSExpiration   int64  `json:"sts_expiration"` // Unix time in seconds
	STSRegion       string `json:"sts_region"`
	STSEndpoint     string `json:"sts_endpoint"`
	VPC             bool   `json:"enable_vpc"`
	RoleARN         string `json:"ram_role_arn"`
	RoleName        string `json:"ram_role_name"`
	SessionName     string `json:"ram_session_name"`
	Duration        int64  `json:"expired_seconds"`
	Policy          string `json:"policy"`
	ExternalID      string `json:"external_id"`
	SourceProfile   string `json:"source_profile"`
	OIDCProviderARN string `json:"oidc_provider_arn"`
	OIDCTokenFile   string `json:"oidc_token_file"`
	OIDCToken       string `json:"oidc_token"`
	Process         string `json:"process_command"`
	URI             string `json:"credentials_uri"`
}

func cliFormat() format {
	return format{
		disabled: "ALIBABA_CLOUD_CLI_PROFILE_DISABLED",
		file:     []string{"ALIBABA_CLOUD_CONFIG_FILE"},
		path:     ".aliyun/config.json",
		names:    []string{"ALIBABA_CLOUD_PROFILE"},
		parse:    parseCLI,
	}
}

// parseCLI reads the config.json of the CLI. Its errors quote nothing of data.
func parseCLI(data []byte) (profiles, error) {
	var conf struct {
		Current  string    `json:"current"`
		Profiles []profile `json:"profiles"`
	}
	if err := json.Unmarshal(data, &conf); err != nil {
		return profiles{}, errors.New("not the JSON of the CLI")
	}
	return profiles{current: cmp.Or(conf.Current, "default"), find: func(name string) (profile, bool) {
		for _, p := range conf.Profiles {
			if p.Name == name {
				return p, true
			}
		}
		return profile{}, false
	}}, nil
}

// A profileSource keeps the source that a profile describes until the file or the choice of the profile changes: the
// source may have a token or a clock of its own to remember.
type profileSource struct {
	title  string
	opts   ProfileOptions
	format format

	mu      sync.Mutex
	data    []byte
	chosen  string
	current source
}

func newProfileSource(title string, o ProfileOptions, f func() format) *profileSource {
	return &profileSource{title: title, opts: o, format: f()}
}

func (s *profileSource) name() string { return s.title }

func (s *profileSource) fetch(ctx context.Context) (answer, error) {
	if v := s.format.disabled; v != "" && isTrue(v) {
		return answer{}, notConfigured("%s is set", v)
	}
	path := cmp.Or(s.opts.File, getenv(s.format.file...))
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return answer{}, notConfigured("%v", err)
		}
		path = filepath.Join(home, filepath.FromSlash(s.format.path))
	}
	data, changed, err := readFile(ctx, path)
	if err != nil {
		return answer{}, err
	}
	src, where, err := s.source(path, data)
	if err != nil {
		return answer{}, fmt.Errorf("%s: %w", where, err)
	}
	a, err := src.fetch(ctx)
	if err != nil {
		if errors.Is(err, ErrNotConfigured) || errors.Is(err, errNoAnswer) { // the profile is configured
			return answer{}, fmt.Errorf("%s: %v", where, err)
		}
		return answer{}, fmt.Errorf("%s: %w", where, err)
	}
	inner := a.changed
	a.changed = func() bool { return changed() || inner != nil && inner() }
	return a, nil
}

// source returns what data says, and where that is.
func (s *profileSource) source(path string, data []byte) (src source, where string, err error) {
	parsed, err := s.format.parse(data)
	if err != nil {
		return nil, path, err
	}
	name := cmp.Or(s.opts.Name, getenv(s.format.names...), parsed.current)
	where = fmt.Sprintf("%s: profile %q", path, name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil && s.chosen == name && bytes.Equal(s.data, data) {
		return s.current, where, nil
	}
	p, ok := parsed.find(name)
	if !ok {
		return nil, where, notConfigured("there is no such profile")
	}
	src, err = resolver{parsed, s.opts.Options, newCaller(s.opts.Options)}.source(p, 0)
	if err != nil {
		return nil, where, err
	}
	s.current, s.chosen, s.data = src, name, data
	return src, where, nil
}

// A resolver makes sources of profiles.
type resolver struct {
	profiles profiles
	opts     Options
	caller   *caller
}

// maxProfiles is the longest chain of source_profile.
const maxProfiles = 8

func (r resolver) source(p profile, depth int) (source, error) {
	keys := signer.Credentials{AccessKeyID: p.AccessKeyID, AccessKeySecret: p.AccessKeySecret}
	temporary := keys
	temporary.SecurityToken = p.SecurityToken
	sts := STS{Endpoint: p.STSEndpoint, Region: p.STSRegion, VPC: p.VPC && p.STSRegion != ""}
	duration := time.Duration(p.Duration) * time.Second
	if p.Duration < 0 {
		return nil, errors.New("its duration is not a number of seconds")
	}
	switch p.Mode {
	case "AK":
		return fixed{keys}, nil
	case "StsToken":
		if p.SecurityToken == "" {
			return nil, errors.New("it has no STS token")
		}
		return fixed{temporary}, nil
	case "CloudSSO", "OAuth":
		temporary.Expires = time.Unix(p.STSExpiration, 0)
		return loggedIn{fixed{temporary}, p, r.opts.Now}, nil
	case "EcsRamRole":
		return r.ecsRole(p), nil
	case "OIDC":
		s := newOIDC(OIDCOptions{
			RoleARN: p.RoleARN, ProviderARN: p.OIDCProviderARN, TokenFile: p.OIDCTokenFile,
			SessionName: p.SessionName, Duration: duration, Policy: p.Policy, STS: sts, Options: r.opts,
		}, r.caller)
		s.token = p.OIDCToken
		return s, nil
	case "External", "CredentialsURI":
		return r.external(p)
	case "RamRoleArn", "ChainableRamRoleArn", "RamRoleArnWithRoleName":
		base, err := r.base(p, fixed{temporary}, depth)
		if err != nil {
			return nil, err
		}
		return newAssumeRole(once{base}, p.RoleARN, AssumeRoleOptions{
			SessionName: p.SessionName, Duration: duration, Policy: p.Policy, ExternalID: p.ExternalID,
			STS: sts, Options: r.opts,
		}, r.caller), nil
	case "":
		return nil, errors.New("it has no mode")
	}
	return nil, fmt.Errorf("the mode %q is not supported", excerpt(p.Mode))
}

// base returns the source of the keys that assume the role of p; own are the keys in p itself.
func (r resolver) base(p profile, own source, depth int) (source, error) {
	switch {
	case p.Mode == "RamRoleArnWithRoleName":
		return r.ecsRole(p), nil
	case p.Mode == "RamRoleArn" && p.SourceProfile == "":
		return own, nil
	case depth == maxProfiles:
		return nil, fmt.Errorf("more than %d profiles refer to one another", maxProfiles)
	}
	next, ok := r.profiles.find(p.SourceProfile)
	if !ok {
		return nil, fmt.Errorf("there is no source profile %q", p.SourceProfile)
	}
	base, err := r.source(next, depth+1)
	if err != nil {
		return nil, fmt.Errorf("source profile %q: %w", p.SourceProfile, err)
	}
	return base, nil
}

func (r resolver) ecsRole(p profile) source {
	return newECSRole((&ECSRoleOptions{Role: p.RoleName, Options: r.opts}).orDefault())
}

func (r resolver) external(p profile) (source, error) {
	const disabled = "ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS"
	if isTrue(disabled) {
		return nil, fmt.Errorf("%s is set, which forbids the mode %s", disabled, p.Mode)
	}
	if p.Mode == "CredentialsURI" {
		return newURI(p.URI, r.opts), nil
	}
	command, err := splitCommand(p.Process)
	return process{command}, err
}

// fixed keys are in the file itself.
type fixed struct{ creds signer.Credentials }

func (fixed) name() string { return "keys" }

func (f fixed) fetch(context.Context) (answer, error) {
	creds, err := clean(f.creds)
	return answer{creds: creds}, err
}

// loggedIn are the keys that the CLI got by a login.
type loggedIn struct {
	fixed
	profile profile
	now     func() time.Time
}

func (l loggedIn) fetch(context.Context) (answer, error) {
	if l.creds.AccessKeyID == "" || l.creds.SecurityToken == "" || !l.now().Before(l.creds.Expires) {
		return answer{}, fmt.Errorf("the keys of the login by %s have expired: run \"aliyun configure --profile %s\"",
			l.profile.Mode, l.profile.Name)
	}
	return answer{creds: l.creds}, nil
}

// once makes a source a Source that is asked each time.
type once struct{ source }

// Credentials asks the source.
func (o once) Credentials(ctx context.Context) (signer.Credentials, error) {
	a, err := o.fetch(ctx)
	if err != nil {
		return signer.Credentials{}, fmt.Errorf("%s: %w", o.name(), err)
	}
	return clean(a.creds)
}
