package credentials

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// INI uses a profile of the credentials file that the SDKs of Alibaba Cloud share: from
// ALIBABA_CLOUD_CREDENTIALS_FILE or ~/.alibabacloud/credentials, the one named by ALIBABA_CLOUD_PROFILE or else
// "default". Its type is access_key, sts, ecs_ram_role, ram_role_arn, oidc_role_arn or credentials_uri. A change of
// the file is noticed within a second.
//
// See https://www.alibabacloud.com/help/en/sdk/developer-reference/v2-manage-go-access-credentials
func INI(opts *ProfileOptions) *Provider {
	o := opts.orDefault()
	return newProvider(newProfileSource("credentials file", o, iniFormat), &o.Options)
}

func iniFormat() format {
	return format{
		file:  []string{"ALIBABA_CLOUD_CREDENTIALS_FILE"},
		path:  ".alibabacloud/credentials",
		names: []string{"ALIBABA_CLOUD_PROFILE"},
		parse: func(data []byte) (profiles, error) {
			sections, err := parseINI(data)
			return profiles{current: "default", find: func(name string) (profile, bool) {
				s, ok := sections[name]
				return s.shared(name), ok && s["enable"] != "false"
			}}, err
		},
	}
}

// shared translates a section of the shared credentials file.
func (s section) shared(name string) profile {
	modes := map[string]string{
		"access_key": "AK", "sts": "StsToken", "ecs_ram_role": "EcsRamRole", "ram_role_arn": "RamRoleArn",
		"oidc_role_arn": "OIDC", "credentials_uri": "CredentialsURI",
	}
	return profile{
		Name: name,
		Mode: cmp.Or(modes[s["type"]], s["type"]),

		AccessKeyID: s["accesskeyid"], AccessKeySecret: s["accesskeysecret"], SecurityToken: s["securitytoken"],
		RoleARN: s["rolearn"], RoleName: s["rolename"], SessionName: s["rolesessionname"],
		Duration: s.seconds("durationseconds"), Policy: s["policy"], ExternalID: s["externalid"],
		OIDCProviderARN: s["oidcproviderarn"], OIDCTokenFile: s["oidctokenfilepath"],
		STSRegion: s["stsregion"], STSEndpoint: s["stsendpoint"], URI: s["credentialsuri"],
	}
}

// A section has the settings of a section of an INI file. Names are in lower case, without - and _.
type section map[string]string

// seconds returns a number, or one that is refused later.
func (s section) seconds(name string) int64 {
	if s[name] == "" {
		return 0
	}
	n, err := strconv.ParseInt(s[name], 10, 32)
	if err != nil {
		return -1
	}
	return n
}

// parseINI reads an INI file: sections, settings with = between name and value, comments that begin with # or ; at
// the beginning of a line or after a blank, quotes around a value. Lines of another form are skipped, as ossutil
// writes some. Its errors quote nothing of data.
func parseINI(data []byte) (map[string]section, error) {
	sections := make(map[string]section)
	current := section{} // what comes before the first section is lost
	text := strings.TrimPrefix(string(data), "\ufeff")
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if line[0] == '[' {
			name, rest, ok := strings.Cut(line[1:], "]")
			name = strings.TrimSpace(name)
			if !ok || name == "" || strings.TrimSpace(uncommented(" "+rest)) != "" {
				return nil, fmt.Errorf("line %d is not the name of a section", number)
			}
			if sections[name] == nil {
				sections[name] = section{}
			}
			current = sections[name]
			continue
		}
		if name, value, ok := strings.Cut(line, "="); ok {
			current[plainName(name)] = unquoted(strings.TrimSpace(value))
		}
	}
	if len(sections) == 0 {
		return nil, errors.New("there is no section")
	}
	return sections, nil
}

// plainName turns accessKeyID, access-key-id and access_key_id into one name.
func plainName(name string) string {
	return strings.ToLower(strings.TrimSpace(strings.NewReplacer("-", "", "_", "").Replace(name)))
}

// unquoted returns a value without its quotes or its comment.
func unquoted(v string) string {
	if len(v) > 0 && (v[0] == '"' || v[0] == '\'') {
		if inner, _, ok := strings.Cut(v[1:], v[:1]); ok {
			return inner
		}
	}
	return strings.TrimSpace(uncommented(v))
}

// uncommented cuts a comment that begins after a blank.
func uncommented(v string) string {
	for i := 1; i < len(v); i++ {
		if (v[i] == '#' || v[i] == ';') && (v[i-1] == ' ' || v[i-1] == '\t') {
			return v[:i]
		}
	}
	return v
}
