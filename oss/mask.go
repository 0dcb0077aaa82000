package oss

import (
	"net/http"
	"strconv"
	"strings"
)

// A mask replaces the secrets that a reply may repeat: the signature of the request, its token and its keys.
type mask []string

// masked replaces a secret.
const masked = "***"

// minSecret is the length from which the beginning of a secret is masked at the end of a truncated text.
const minSecret = 8

// maskOf returns the mask for a reply to req, which was signed with keys.
func maskOf(req *http.Request, keys Credentials) mask {
	secrets := []string{keys.AccessKeySecret, keys.SecurityToken}
	if req != nil {
		secrets = append(secrets, req.Header.Get("X-Oss-Security-Token"), signatureOf(req.Header.Get("Authorization")))
	}
	var m mask
	for _, s := range secrets {
		if s != "" {
			m = append(m, s)
		}
	}
	return m
}

// signatureOf returns the signature in an Authorization header of V1 or V4. A header of any other scheme is secret as a
// whole.
func signatureOf(authorization string) string {
	if _, v4, ok := strings.Cut(authorization, "Signature="); ok {
		return v4
	}
	if scheme, v1, ok := strings.Cut(authorization, ":"); ok && strings.HasPrefix(scheme, "OSS ") {
		return v1
	}
	return authorization
}

// text masks the secrets in s, also those escaped for a URL, HTML or JSON, and the beginning of a secret at the end of
// s.
func (m mask) text(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		n := m.at(s[i:])
		if n > 0 {
			b.WriteString(masked)
			i += n
			continue
		}
		b.WriteByte(s[i])
		i++
	}
	return b.String()
}

// at returns the length of the secret that s begins with, 0 if it begins with none.
func (m mask) at(s string) int {
	longest := 0
	for _, secret := range m {
		longest = max(longest, secretAt(s, secret))
	}
	return longest
}

// secretAt returns the length of secret, escaped or not, at the beginning of s, 0 if s does not begin with it.
func secretAt(s, secret string) int {
	n := 0
	for i := range len(secret) {
		step := quotedAt(s[n:], secret[i])
		if step == 0 {
			if i >= minSecret && quotedCut(s[n:]) {
				return len(s)
			}
			return 0
		}
		n += step
	}
	return n
}

// quotedAt returns the length of c, escaped or not, at the beginning of s, 0 if s does not begin with it.
func quotedAt(s string, c byte) int {
	if s == "" {
		return 0
	}
	if quoted, n := unquote(s); n > 0 && quoted == c {
		return n
	}
	if s[0] == c {
		return 1
	}
	return 0
}

// unquote decodes the escaped character, of a URL, HTML or JSON, that s begins with. N is its length, 0 if there is
// none.
func unquote(s string) (c byte, n int) {
	number := func(digits string, base, n int) (byte, int) {
		v, err := strconv.ParseUint(digits, base, 8)
		if err != nil {
			return 0, 0
		}
		return byte(v), n
	}
	switch {
	case s[0] == '%' && len(s) >= 3:
		return number(s[1:3], 16, 3)
	case s[0] == '\\' && len(s) >= 6 && strings.HasPrefix(s[1:], "u00"):
		return number(s[4:6], 16, 6)
	case s[0] == '\\' && len(s) >= 2:
		return s[1], 2
	case s[0] == '&':
		name, _, ok := strings.Cut(s[1:min(len(s), 8)], ";")
		switch {
		case !ok:
		case strings.HasPrefix(name, "#x"), strings.HasPrefix(name, "#X"):
			return number(name[2:], 16, len(name)+2)
		case strings.HasPrefix(name, "#"):
			return number(name[1:], 10, len(name)+2)
		default:
			return entities[name], len(name) + 2
		}
	}
	return 0, 0
}

var entities = map[string]byte{"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\''}

// quotedCut reports whether s, the rest of a text after the beginning of a secret, ends within one escaped character.
func quotedCut(s string) bool {
	return s == "" || len(s) < len(`\u0000`) && strings.IndexByte(`%&\`, s[0]) >= 0
}

// header returns a copy of h with the secrets masked.
func (m mask) header(h http.Header) http.Header {
	h = h.Clone()
	for _, values := range h {
		for i, v := range values {
			values[i] = m.text(v)
		}
	}
	return h
}

// err masks the secrets in the text of err. The result still matches err with errors.Is and errors.As.
func (m mask) err(err error) error {
	text := err.Error()
	if shown := m.text(text); shown != text {
		return &maskedError{shown, err}
	}
	return err
}

// A maskedError is an error of the transport whose text had a secret, such as one that quotes a malformed reply.
type maskedError struct {
	text string
	err  error
}

func (e *maskedError) Error() string { return e.text }
func (e *maskedError) Unwrap() error { return e.err }
