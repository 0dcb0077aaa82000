package osstest

import (
	"encoding/base64"
	"errors"
	"testing"
)

// FuzzPolicy states that whatever a form calls its policy is either one, all of whose conditions can be checked, or
// refused as InvalidPolicyDocument.
func FuzzPolicy(f *testing.F) {
	for _, text := range []string{
		`{"expiration": "2026-06-17T20:30:00.000Z", "conditions": [{"bucket": "b"}, ["starts-with", "$key", "\$a\\"]]}`,
		`{"expiration": "2026-06-17T20:30:00Z", "conditions": [["in", "$a", ["b"]], ["content-length-range", 0, 1]]}`,
		`{"expiration": null, "conditions": [null, [null, null, null], {"a": null}, ["eq", "$", null]]}`,
		`null`, `[]`, `{"conditions": {}}`, "\\", `"\`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePolicy(base64.StdEncoding.EncodeToString([]byte(text)))
		var refused *refusal
		if err != nil {
			if !errors.As(err, &refused) || refused.code != "InvalidPolicyDocument" {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		for _, c := range p.conditions {
			c.matches("value")
		}
		if least, most := p.sizes(10); least < 0 || most > 10 {
			t.Errorf("%q allows %d to %d bytes of 10", text, least, most)
		}
	})
}
