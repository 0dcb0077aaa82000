package signer

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
)

// Credentials are the keys that sign a request. They mask the secret and the token when they are printed or logged.
//
// The mask works with fmt and every handler of log/slog, for Credentials, a pointer to them, or a value that has them
// in exported fields, elements or by embedding. It does not work where no methods are called:
//
//   - fmt ignores methods on unexported fields. A struct that keeps Credentials in one needs its own Format method, or
//     a *Credentials, which fmt prints as an address.
//   - fmt prints the fields in its message about a wrong use of %w or %p. go vet finds the first.
//   - A type converted from Credentials has no methods.
//   - encoding/json writes all fields, also when a slog.JSONHandler uses it for a struct.
type Credentials struct {
	AccessKeyID     string    // public part of the key pair
	AccessKeySecret string    // secret part
	SecurityToken   string    // STS token; "" for long-term keys
	Expires         time.Time // when the keys expire; zero means never
}

// Credentials returns c, so that fixed keys are a provider. It returns an error if the key ID or the secret is empty,
// or if a field has a blank, a line break or another character that keys do not have. It does not check Expires: OSS
// does, by its own clock.
func (c Credentials) Credentials(ctx context.Context) (Credentials, error) {
	if err := c.check(); err != nil {
		return Credentials{}, err
	}
	return c, nil
}

// check refuses missing keys, which must not become an anonymous request, and keys read with a line break or blanks,
// which would become a wrong signature. Its errors contain no key.
func (c Credentials) check() error {
	for _, f := range [...]struct{ name, value string }{
		{"AccessKeyID", c.AccessKeyID}, {"AccessKeySecret", c.AccessKeySecret}, {"SecurityToken", c.SecurityToken},
	} {
		switch {
		case f.value == "" && f.name != "SecurityToken":
			return fmt.Errorf("signer: %s is empty", f.name)
		case strings.TrimRight(f.value, "\r\n") != f.value:
			return fmt.Errorf("signer: %s ends with a line break: trim what is read from a file", f.name)
		case strings.ContainsFunc(f.value, isInvalid):
			return fmt.Errorf("signer: %s has a blank, a control character or one that is not ASCII", f.name)
		}
	}
	return nil
}

// isInvalid reports whether keys do not have the character c.
func isInvalid(c rune) bool { return c <= ' ' || c >= 0x7f }

// String masks the secret and the token.
func (c Credentials) String() string {
	return fmt.Sprintf("{AccessKeyID:%s AccessKeySecret:%s SecurityToken:%s Expires:%s}",
		c.AccessKeyID, mask(c.AccessKeySecret), mask(c.SecurityToken), c.expires())
}

// GoString masks the secret and the token for %#v.
func (c Credentials) GoString() string {
	return fmt.Sprintf("signer.Credentials{AccessKeyID:%q, AccessKeySecret:%q, SecurityToken:%q, Expires:%#v}",
		c.AccessKeyID, mask(c.AccessKeySecret), mask(c.SecurityToken), c.Expires)
}

// Format masks the secret and the token for all other verbs. Without it %d, for example, would print the fields.
func (c Credentials) Format(f fmt.State, verb rune) {
	switch {
	case verb == 'v' && f.Flag('#'):
		io.WriteString(f, c.GoString())
	case verb == 'q':
		fmt.Fprintf(f, "%q", c.String())
	default:
		io.WriteString(f, c.String())
	}
}

// LogValue masks the secret and the token for log/slog.
func (c Credentials) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("access_key_id", c.AccessKeyID),
		slog.String("access_key_secret", mask(c.AccessKeySecret)),
		slog.String("security_token", mask(c.SecurityToken)),
		slog.String("expires", c.expires()),
	)
}

// expires returns Expires as text.
func (c Credentials) expires() string {
	if c.Expires.IsZero() {
		return "never"
	}
	return c.Expires.UTC().Format(time.RFC3339)
}

// mask returns "***" for a secret that is set, so that neither its length nor its beginning shows.
func mask(secret string) string {
	if secret == "" {
		return ""
	}
	return "***"
}
