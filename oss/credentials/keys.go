package credentials

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/signer"
)

// clean returns c without the blanks and line ends around its fields, which files and variables often bring along.
// A control character or a blank inside cannot be sent in a header, so it is an error that names the field.
func clean(c signer.Credentials) (signer.Credentials, error) {
	for _, f := range []struct {
		name     string
		value    *string
		optional bool
	}{
		{"the access key ID", &c.AccessKeyID, false},
		{"the access key secret", &c.AccessKeySecret, false},
		{"the security token", &c.SecurityToken, true},
	} {
		*f.value = strings.TrimSpace(*f.value)
		if *f.value == "" && !f.optional {
			return signer.Credentials{}, errors.New(f.name + " is empty")
		}
		for i, b := range []byte(*f.value) {
			if b <= ' ' || b >= 0x7f {
				return signer.Credentials{}, fmt.Errorf("%s has the byte %#02x at position %d", f.name, b, i)
			}
		}
	}
	return c, nil
}

// A document has keys as JSON: in the spelling of STS, the metadata service and URIs, or in that of the Alibaba
// Cloud CLI and the processes it runs.
type document struct {
	Code            string `json:"Code"` // "Success" where there is one
	AccessKeyID     string `json:"AccessKeyId"`
	AccessKeySecret string `json:"AccessKeySecret"`
	SecurityToken   string `json:"SecurityToken"`
	Expiration      string `json:"Expiration"` // "2006-01-02T15:04:05Z"

	CLIMode   string `json:"mode"`
	CLIID     string `json:"access_key_id"`
	CLISecret string `json:"access_key_secret"`
	CLIToken  string `json:"sts_token"`
}

// parse reads a document. Its errors quote nothing of data.
func parse(data []byte) (signer.Credentials, error) {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return signer.Credentials{}, errors.New("the reply is not a JSON document with keys")
	}
	switch {
	case d.Code != "" && d.Code != "Success":
		return signer.Credentials{}, fmt.Errorf("the reply has the code %q", excerpt(d.Code))
	case d.CLIMode != "" && d.CLIMode != "AK" && d.CLIMode != "StsToken":
		return signer.Credentials{}, fmt.Errorf("the reply has the mode %q, neither AK nor StsToken",
			excerpt(d.CLIMode))
	case d.CLIMode == "StsToken" && d.CLIToken == "":
		return signer.Credentials{}, errors.New("the reply has the mode StsToken and no sts_token")
	}
	c := signer.Credentials{AccessKeyID: d.AccessKeyID, AccessKeySecret: d.AccessKeySecret,
		SecurityToken: d.SecurityToken}
	if d.CLIID != "" {
		c = signer.Credentials{AccessKeyID: d.CLIID, AccessKeySecret: d.CLISecret, SecurityToken: d.CLIToken}
	}
	c, err := clean(c)
	if err != nil || d.Expiration == "" {
		return c, err
	}
	if c.Expires, err = time.Parse(time.RFC3339, d.Expiration); err != nil {
		return signer.Credentials{}, fmt.Errorf("the expiration %q is not a time as in RFC 3339", excerpt(d.Expiration))
	}
	return c, nil
}

// excerpt returns the beginning of a text, for errors.
func excerpt(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
