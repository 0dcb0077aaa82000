package oss

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/signer"
)

// Config configures a Client. A Region or an Endpoint is required; every other field has a default.
type Config struct {
	// Region is the region of the buckets, for example "cn-hangzhou" or "oss-cn-hangzhou". Setting it selects signature
	// V4.
	Region string
	// Endpoint is a host or a URL; without a scheme it means https. The default is the endpoint of Region and
	// EndpointKind.
	Endpoint string
	// EndpointKind chooses among the endpoints of Region. It cannot be combined with Endpoint.
	EndpointKind EndpointKind
	// Addressing is the place of the bucket in the URL; the default is VirtualHosted.
	Addressing Addressing
	// CloudBoxID is the ID of a CloudBox, which is OSS on the premises of a customer, for example
	// "cb-f8z7yvzgwfkl9q0h". It replaces Region in signatures, and with Region it determines the Endpoint. An Endpoint
	// below oss-cloudbox.aliyuncs.com implies it.
	CloudBoxID string

	// Credentials supplies the keys. The default is EnvCredentials(), which reads the environment only;
	// credentials.Default of package oss/credentials searches more sources.
	Credentials CredentialsProvider
	// Signer signs requests. The default is signer.V4{} if Region is set or Endpoint names a region, otherwise
	// signer.V1{}.
	Signer signer.Signer

	// HTTPClient sends the requests. It is not modified. Redirects are not followed. The default is the transport of
	// NewTransport(nil), with a connection pool sized for parallel parts. NewTransport has options such as
	// proxies and certificates, and tells what other transports cost.
	HTTPClient *http.Client
	// Retry limits the retries of an operation.
	Retry Retry
	// Header is sent with every request that does not set the same header, for example x-oss-request-payer or a header
	// for tracing; the default is none. Headers of an object or a body are refused.
	Header http.Header
	// UserAgent is appended to the name and version of this module; the default is "".
	UserAgent string

	// Logger receives one record of each attempt, at Warn if it is retried and otherwise at Debug, and a Warn about
	// anything unusual. The default discards them.
	Logger *slog.Logger
	// Hooks observe operations and attempts; the default is none.
	Hooks Hooks
	// Now is the clock of dates and signatures; the default is time.Now.
	Now func() time.Time

	// PresignEndpoint is the host or URL of presigned URLs, for example the public endpoint if Endpoint is an internal
	// one, or a custom domain. The default is the endpoint of the Client with its Addressing.
	PresignEndpoint string
	// PresignAddressing is the place of the bucket in URLs to PresignEndpoint; the default is VirtualHosted.
	PresignAddressing Addressing

	// MinPartSize is the service's minimum part size in bytes; 0 means the constant MinPartSize. Lower it only for test
	// servers.
	MinPartSize int64
}

// Retry limits the retries of one operation. With the zero value, a refused connection and an unknown host fail within
// 1.5 seconds, and vanishing packets within 30 seconds: lookup, connection and TLS handshake share 7 seconds in each
// attempt.
//
// All operations of a Client also share a budget of 100 retries, so that many of them together do not add load to a
// failing service. A retry takes one from the budget. An operation that succeeds returns what it took, or adds a tenth
// of a retry if it took none; the budget never exceeds 100. While the budget is empty, operations fail with the error
// of their first attempt, which says so. Corrections of the clock and of refused keys do not use the budget.
//
// An Uploader of package multipart adds multipart.Options.Patience: attempts that fail because OSS throttles or cannot
// be reached do not count there. They are repeated for a time instead.
type Retry struct {
	// Attempts is the maximum number of attempts, including the first; 0 means 4, 1 disables retries.
	Attempts int
	// MinWait is the first backoff, before jitter; 0 means 200ms.
	MinWait time.Duration
	// MaxWait is the longest backoff; 0 means 20s. A Retry-After header takes precedence, up to five minutes.
	MaxWait time.Duration

	// Stall is how long an attempt may make no progress before it is abandoned; 0 means 30s. An abandoned attempt
	// matches os.ErrDeadlineExceeded.
	//
	// After a request has been sent, its reply must begin within Stall, plus up to Stall more if sending took that
	// long. CompleteMultipartUpload, UploadPartCopy and CopyObject have ten times Stall, because OSS works before it
	// replies. A server that accepts connections and never answers therefore costs Attempts times Stall and the
	// backoffs: about two minutes with the defaults, and twenty for the slow operations. A context with a deadline ends
	// either earlier.
	Stall time.Duration
}

// retryBudget exceeds the 64 parts that an Uploader has in flight at most, so that one failure of all of them can be
// retried, and is small against the load of a program for which a budget matters.
const retryBudget = 100

// maxStall keeps 10*Stall from overflowing.
const maxStall time.Duration = math.MaxInt64 / 10

func (r Retry) orDefault() Retry {
	r.Attempts = cmp.Or(r.Attempts, 4)
	r.MinWait = cmp.Or(r.MinWait, 200*time.Millisecond)
	r.MaxWait = cmp.Or(r.MaxWait, 20*time.Second)
	r.Stall = min(cmp.Or(r.Stall, 30*time.Second), maxStall)
	return r
}

func (r Retry) check() error {
	if r.Attempts < 0 {
		return fmt.Errorf("oss: Retry.Attempts %d is negative", r.Attempts)
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"MinWait", r.MinWait}, {"MaxWait", r.MaxWait}, {"Stall", r.Stall}} {
		if d.value < 0 {
			return fmt.Errorf("oss: Retry.%s %v is negative", d.name, d.value)
		}
	}
	return nil
}

// check checks everything but the endpoints and Header, which need more than the Config.
func (cfg *Config) check() error {
	if err := cfg.Retry.check(); err != nil {
		return err
	}
	if cfg.MinPartSize < 0 {
		return fmt.Errorf("oss: Config.MinPartSize %d is negative", cfg.MinPartSize)
	}
	if !isHeaderValue(cfg.UserAgent) {
		return fmt.Errorf("oss: Config.UserAgent %q has a control character", cfg.UserAgent)
	}
	for _, f := range []struct {
		name  string
		value any
	}{{"Credentials", cfg.Credentials}, {"Signer", cfg.Signer}} {
		if f.value != nil && isNil(f.value) {
			return fmt.Errorf("oss: Config.%s is a nil %T", f.name, f.value)
		}
	}
	if keys, ok := cfg.Credentials.(Credentials); ok {
		if _, err := keys.Credentials(context.Background()); err != nil {
			return fmt.Errorf("oss: Config.Credentials: %w", err)
		}
	}
	return nil
}

// orDefault returns cfg with its defaults for a Client that calls d.
func (cfg Config) orDefault(d destination) Config {
	cfg.Retry = cfg.Retry.orDefault()
	cfg.MinPartSize = cmp.Or(cfg.MinPartSize, MinPartSize)
	switch keys := cfg.Credentials.(type) {
	case nil:
		cfg.Credentials = EnvCredentials()
	case Credentials:
		// fmt ignores Format on a value in an unexported field, and prints a pointer there as an address.
		cfg.Credentials = &keys
	}
	if cfg.Signer == nil && d.region != "" {
		cfg.Signer = signer.V4{}
	} else if cfg.Signer == nil {
		cfg.Signer = signer.V1{}
	}
	if v4, ok := cfg.Signer.(signer.V4); ok && v4.Product == "" {
		v4.Product = d.product
		cfg.Signer = v4
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return cfg
}

// presignEndpoint returns the endpoint of presigned URLs, which is own by default.
func (cfg *Config) presignEndpoint(own endpoint) (endpoint, error) {
	switch {
	case cfg.PresignEndpoint != "":
		ep, err := parseEndpoint(cfg.PresignEndpoint, cfg.PresignAddressing)
		if err != nil {
			return endpoint{}, fmt.Errorf("oss: Config.PresignEndpoint: %s", strings.TrimPrefix(err.Error(), "oss: "))
		}
		return ep, nil
	case cfg.PresignAddressing != VirtualHosted:
		return endpoint{}, errors.New("oss: Config.PresignAddressing is set without PresignEndpoint")
	}
	return own, nil
}
