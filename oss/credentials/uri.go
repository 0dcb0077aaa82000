package credentials

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// URI gets keys from an http or https address, or from the one in ALIBABA_CLOUD_CREDENTIALS_URI if address is empty.
// The reply is a JSON document with AccessKeyId, AccessKeySecret, SecurityToken and Expiration, and Code "Success"
// if it has a Code. Redirects are not followed.
func URI(address string, opts *Options) *Provider {
	return newProvider(newURI(address, opts.orDefault()), opts)
}

type uri struct {
	address string
	caller  *caller
}

func newURI(address string, o Options) uri { return uri{address, newCaller(o)} }

func (uri) name() string { return "URI" }

func (s uri) fetch(ctx context.Context) (answer, error) {
	address := s.address
	if address == "" {
		if address = getenv("ALIBABA_CLOUD_CREDENTIALS_URI"); address == "" {
			return answer{}, notConfigured("ALIBABA_CLOUD_CREDENTIALS_URI is not set")
		}
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return answer{}, fmt.Errorf("the address is not an http or https URL") // which may have a password in it
	}
	r, err := s.caller.do(ctx, func() (*http.Request, error) { return http.NewRequest(http.MethodGet, address, nil) })
	if err != nil {
		return answer{}, err
	}
	if r.status != http.StatusOK {
		return answer{}, fmt.Errorf("%s://%s%s: status %d", u.Scheme, u.Host, u.Path, r.status)
	}
	creds, err := parse(r.body)
	return answer{creds: creds, asOf: r.date}, err
}
