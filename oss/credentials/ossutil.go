package credentials

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Ossutil uses the configuration of ossutil: from OSSUTIL_CONFIG_FILE or ~/.ossutilconfig. It has the section
// Credentials of version 1, or the sections "default" and "profile NAME" of version 2. Without a name the first of
// default and Credentials is used. The modes are AK, StsToken, RamRoleArn and EcsRamRole; without one it follows
// from the settings. The section AkService of version 1 is used if Credentials has no keys. A change of the file is
// noticed within a second.
//
// See https://www.alibabacloud.com/help/en/oss/developer-reference/configure-ossutil2
func Ossutil(opts *ProfileOptions) *Provider {
	o := opts.orDefault()
	return newProvider(newProfileSource("ossutil", o, ossutilFormat), &o.Options)
}

func ossutilFormat() format {
	return format{
		file:  []string{"OSSUTIL_CONFIG_FILE"},
		path:  ".ossutilconfig",
		names: []string{"OSSUTIL_PROFILE"},
		parse: func(data []byte) (profiles, error) {
			sections, err := parseINI(data)
			if err != nil {
				return profiles{}, err
			}
			find := func(name string) (profile, bool) {
				for _, title := range slices.Sorted(maps.Keys(sections)) {
					s := sections[title]
					if strings.EqualFold(title, name) || strings.EqualFold(title, "profile "+name) {
						return s.ossutil(name, sections["AkService"]), true
					}
				}
				return profile{}, false
			}
			current := "default"
			if _, ok := find(current); !ok {
				current = "Credentials"
			}
			return profiles{current: current, find: find}, nil
		},
	}
}

// ossutil translates a section of the configuration of ossutil.
func (s section) ossutil(name string, service section) profile {
	p := profile{
		Name:            name,
		Mode:            s["mode"],
		AccessKeyID:     cmp.Or(s["accesskeyid"], s["accessid"]),
		AccessKeySecret: cmp.Or(s["accesskeysecret"], s["accesskey"]),
		SecurityToken:   s["ststoken"],
		RoleARN:         cmp.Or(s["rolearn"], s["ramrolearn"]),
		RoleName:        s["ecsrolename"],
		SessionName:     s["rolesessionname"],
		Duration:        s.seconds("tokentimeout"),
		ExternalID:      s["externalid"],
		SourceProfile:   s["sourceprofile"],
		STSRegion:       s["stsregion"],
	}
	if strings.EqualFold(p.Mode, "Anonymous") {
		p.Mode = "Anonymous" // which is not supported: nothing here may make requests anonymous
	}
	for _, mode := range []string{"AK", "StsToken", "RamRoleArn", "EcsRamRole"} {
		if strings.EqualFold(p.Mode, mode) {
			p.Mode = mode
		}
	}
	if p.Mode != "" {
		return p
	}
	switch {
	case p.AccessKeyID == "" && service["ecsak"] != "":
		p.Mode, p.RoleName = "EcsRamRole", service["ecsak"][strings.LastIndex(service["ecsak"], "/")+1:]
	case p.RoleARN != "":
		p.Mode = "RamRoleArn"
	case p.AccessKeyID == "" && p.RoleName != "":
		p.Mode = "EcsRamRole"
	case p.SecurityToken != "":
		p.Mode = "StsToken"
	default:
		p.Mode = "AK"
	}
	return p
}
