package ossblob

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"gocloud.dev/blob"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/credentials"
)

// Scheme is the scheme of URLs that package blob opens with this driver.
const Scheme = "oss"

func init() {
	blob.DefaultURLMux().RegisterBucket(Scheme, new(URLOpener))
}

// A URLOpener opens URLs such as
//
//	oss://bucket?region=cn-hangzhou
//	oss://bucket?region=cn-hangzhou&kind=internal
//	oss://bucket?endpoint=https://files.example.com&addressing=cname&region=cn-hangzhou
//
// The host is the bucket. The parameters replace fields of Config:
//
//   - region: Region, for example cn-hangzhou
//   - endpoint: Endpoint, a host or a URL
//   - kind: EndpointKind: public, internal, dualstack, accelerate or accelerate-overseas
//   - addressing: Addressing: virtual, path or cname
//   - anonymous: true sends requests without a signature
//
// Package blob itself handles prefix and key. Any other parameter, a path, and a user are errors. A URL never holds
// keys.
type URLOpener struct {
	// Config is that of the Client of each bucket. Nil Credentials mean those of credentials.Default.
	Config oss.Config
	// Upload are the options of writers; nil means the defaults.
	Upload *multipart.Options
}

var kinds = map[string]oss.EndpointKind{
	"public": oss.PublicEndpoint, "internal": oss.InternalEndpoint, "dualstack": oss.DualStackEndpoint,
	"accelerate": oss.AccelerateEndpoint, "accelerate-overseas": oss.AccelerateOverseasEndpoint,
}

var addressings = map[string]oss.Addressing{"virtual": oss.VirtualHosted, "path": oss.PathStyle, "cname": oss.CNAME}

// OpenBucketURL opens the bucket that u names. It sends no request.
func (o *URLOpener) OpenBucketURL(_ context.Context, u *url.URL) (*blob.Bucket, error) {
	switch {
	case u.User != nil: // a password is not repeated in the error
		return nil, errors.New("ossblob: the URL has a user: keys belong in the environment or in Config.Credentials")
	case u.Path != "" && u.Path != "/":
		return nil, fmt.Errorf("ossblob: %q has a path: use the parameter prefix or key", u.Redacted())
	}
	cfg := o.Config
	for name, values := range u.Query() {
		value, ok := values[0], true
		switch name {
		case "region":
			cfg.Region = value
		case "endpoint":
			cfg.Endpoint = value
		case "kind":
			cfg.EndpointKind, ok = kinds[value]
		case "addressing":
			cfg.Addressing, ok = addressings[value]
		case "anonymous":
			if ok = value == "true" || value == "false"; value == "true" {
				cfg.Credentials = oss.AnonymousCredentials()
			}
		default:
			return nil, fmt.Errorf("ossblob: unknown parameter %q of %s", name, u.Host)
		}
		if !ok || len(values) > 1 {
			return nil, fmt.Errorf("ossblob: parameter %s of %s is %q", name, u.Host, values)
		}
	}
	if cfg.Credentials == nil {
		cfg.Credentials = credentials.Default(nil)
	}
	client, err := oss.NewClient(cfg)
	if err != nil {
		return nil, err
	}
	return OpenBucket(client, u.Host, o.Upload)
}
