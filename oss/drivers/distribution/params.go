package ossdistribution

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/factory"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/credentials"
)

func init() { factory.Register(driverName, fromConfig{}) }

// fromConfig makes the driver for the configuration of a registry.
type fromConfig struct{}

// Create implements factory.StorageDriverFactory.
func (fromConfig) Create(_ context.Context, parameters map[string]any) (storagedriver.StorageDriver, error) {
	return FromParameters(parameters)
}

// FromParameters returns the Driver for the section storage.oss of a registry's configuration. It sends no request.
// These are the parameters; the first two are required:
//
//	bucket            name of the bucket
//	region            region of the bucket, such as cn-hangzhou or oss-cn-hangzhou
//	accesskeyid       ID of the access key; without it credentials.Default finds the keys
//	accesskeysecret   its secret
//	endpoint          host of the bucket; the default is that of the region
//	internal          use the endpoint inside Alibaba Cloud, unless there is an endpoint; default false
//	secure            use HTTPS; default true
//	redirectendpoint  host of the bucket in the URLs for clients; the default is the endpoint
//	encrypt           encrypt objects at rest; default false
//	encryptionkeyid   ID of the KMS key for that; the default is a key of OSS
//	chunksize         bytes in the first parts of an upload, 102400 or more; the default is that of package multipart
//	rootdirectory     directory in the bucket that is the root; the default is the bucket
//	useragent         added to the User-Agent of requests
//
// An endpoint may be a host of OSS, with or without the bucket before it, an IP address with an optional port, which
// gets the bucket as the first part of the path, or any other host, which must be a domain that is bound to the bucket.
//
// Other parameters are errors: a misspelled one may be that which encrypts.
func FromParameters(parameters map[string]any) (*Driver, error) {
	p := &params{values: parameters}
	cfg := oss.Config{
		Region: p.text("region"), UserAgent: p.text("useragent"),
		Logger: slog.Default(), // which shows warnings
	}
	bucket, root := p.text("bucket"), p.text("rootdirectory")
	id, secret := p.text("accesskeyid"), p.text("accesskeysecret")
	endpoint, redirect, internal := p.text("endpoint"), p.text("redirectendpoint"), p.flag("internal", false)
	scheme := "https"
	if !p.flag("secure", true) {
		scheme = "http"
	}
	opts := &Options{RootDirectory: root}
	opts.Encryption.KeyID = p.text("encryptionkeyid")
	encrypt := p.flag("encrypt", false)
	opts.Uploads.PartSize = p.size("chunksize", oss.MinPartSize, oss.MaxPartSize)

	switch {
	case cfg.Region == "" || bucket == "":
		p.fail(errors.New("the parameters region and bucket are required"))
	case (id == "") != (secret == ""):
		p.fail(errors.New("one of accesskeyid and accesskeysecret is missing"))
	case !encrypt && opts.Encryption.KeyID != "":
		p.fail(errors.New("encryptionkeyid is set, and encrypt is not"))
	}
	switch {
	case encrypt && opts.Encryption.KeyID != "":
		opts.Encryption.Algorithm = oss.EncryptKMS
	case encrypt:
		opts.Encryption.Algorithm = oss.EncryptAES256
	}
	if id != "" {
		keys := oss.Credentials{AccessKeyID: id, AccessKeySecret: secret}
		cfg.Credentials = oss.CredentialsFunc(func(context.Context) (oss.Credentials, error) { return keys, nil })
	} else {
		cfg.Credentials = credentials.Default(nil)
	}
	if endpoint == "" {
		endpoint = "oss-" + strings.TrimPrefix(cfg.Region, "oss-")
		if internal {
			endpoint += "-internal"
		}
		endpoint += ".aliyuncs.com"
	}
	cfg.Endpoint, cfg.Addressing = p.endpoint(endpoint, bucket, scheme)
	if redirect != "" {
		cfg.PresignEndpoint, cfg.PresignAddressing = p.endpoint(redirect, bucket, scheme)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("ossdistribution: %w", err)
	}
	client, err := oss.NewClient(cfg)
	if err != nil {
		return nil, err
	}
	return New(client, bucket, opts)
}

// params reads parameters. The first error counts.
type params struct {
	values map[string]any
	read   []string
	err    error
}

func (p *params) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

// text returns a parameter as text, "" if it is missing. A text of digits is a number in YAML.
func (p *params) text(name string) string {
	p.read = append(p.read, name)
	if v := p.values[name]; v != nil {
		return fmt.Sprint(v)
	}
	return ""
}

func (p *params) flag(name string, missing bool) bool {
	text := p.text(name)
	if text == "" {
		return missing
	}
	v, err := strconv.ParseBool(text)
	if err != nil {
		p.fail(fmt.Errorf("the parameter %s is %q, and must be true or false", name, text))
	}
	return v
}

func (p *params) size(name string, least, most int64) int64 {
	text := p.text(name)
	if text == "" {
		return 0
	}
	v, err := strconv.ParseInt(text, 0, 64)
	if err != nil || v < least || v > most {
		p.fail(fmt.Errorf("the parameter %s is %q, and must be a number between %d and %d", name, text, least, most))
	}
	return v
}

// endpoint returns the endpoint without the bucket, as a URL, and where the bucket belongs.
func (p *params) endpoint(host, bucket, scheme string) (string, oss.Addressing) {
	if before, after, ok := strings.Cut(host, "://"); ok {
		if p.values["secure"] != nil && before != scheme {
			p.fail(fmt.Errorf("the scheme of the endpoint is %s, and the parameter secure means %s", before, scheme))
		}
		scheme, host = before, after
	}
	u := url.URL{Scheme: scheme, Host: strings.TrimPrefix(host, bucket+".")}
	_, notIP := netip.ParseAddr(u.Hostname())
	switch {
	case u.Host != host || strings.HasSuffix(u.Hostname(), ".aliyuncs.com"):
		return u.String(), oss.VirtualHosted
	case notIP == nil:
		return u.String(), oss.PathStyle
	}
	return u.String(), oss.CNAME
}

// check returns the first error, or that there are other parameters than those that were read.
func (p *params) check() error {
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		if !slices.Contains(p.read, name) {
			p.fail(fmt.Errorf("there is no parameter %q; the parameters are %s", name, strings.Join(p.read, ", ")))
		}
	}
	return p.err
}
