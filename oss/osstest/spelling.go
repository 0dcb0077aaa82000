package osstest

import "strings"

// wireName returns a canonical header name as OSS spells it, because some clients compare names case-sensitively.
func wireName(name string) string {
	switch name {
	case "Etag":
		return "ETag"
	case "Content-Md5":
		return "Content-MD5"
	}
	if strings.HasPrefix(name, "X-Oss-") {
		return strings.ToLower(name)
	}
	return name
}
