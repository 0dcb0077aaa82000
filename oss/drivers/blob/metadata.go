package ossblob

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// encodeName makes the name of metadata from any text. OSS takes letters, digits and hyphens, and reports them in lower
// case, as package blob does. Other bytes become -- and two digits. So does a hyphen that no letter or digit follows,
// so that -- is nothing else.
func encodeName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if isAlphanumeric(c) || c == '-' && i+1 < len(name) && isAlphanumeric(name[i+1]) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "--%02x", c)
		}
	}
	return b.String()
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// decodeName reverses encodeName. A name that encodeName did not make stays as it is.
func decodeName(name string) string {
	decoded := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		if !strings.HasPrefix(name[i:], "--") {
			decoded = append(decoded, name[i])
			continue
		}
		c, err := hex.DecodeString(name[min(i+2, len(name)):min(i+4, len(name))])
		if err != nil || len(c) != 1 {
			return name
		}
		decoded = append(decoded, c[0])
		i += 3
	}
	if !utf8.Valid(decoded) {
		return name
	}
	return string(decoded)
}

// encodeValue makes the value of a header from any text.
func encodeValue(value string) string { return url.PathEscape(value) }

// decodeValue reverses encodeValue. A value that encodeValue did not make stays as it is.
func decodeValue(value string) string {
	if decoded, err := url.PathUnescape(value); err == nil {
		return decoded
	}
	return value
}
