package oss

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/signer"
)

// Version is the version of this module, as it appears in the User-Agent header.
const Version = "0.1.0"

// Config says how a Client reaches OSS. A Region, or an Endpoint, is enough; every other field has a default.
type Config struct {
	Region      string              // for example "cn-hangzhou", or "oss-cn-hangzhou"; setting it selects signature V4
	Endpoint    string              // host or URL; default: that of Region and EndpointKind, by https
	Addressing  Addressing          // where the bucket goes in the URL; default VirtualHosted
	Credentials CredentialsProvider // default EnvCredentials() alone; credentials.Default of oss/credentials finds more
	Signer      signer.Signer       // default: signer.V4{} when Region is set or Endpoint names it, else signer.V1{}
	HTTPClient  *http.Client        // default: own pool sized for parallel parts; never modified
	Retry       Retry               // default: see Retry
	Logger      *slog.Logger        // default: silent
	Hooks       Hooks               // default: none
	Header      http.Header         // sent with every request that has no other value; default: none
	UserAgent   string              // added after this module's own name and version
	Now         func() time.Time    // clock for dates and signatures; default time.Now

	// EndpointKind chooses among the endpoints of Region; it cannot be set beside Endpoint.
	EndpointKind EndpointKind
	// PresignEndpoint is the host or URL that presigned URLs lead to, for example the public endpoint where Endpoint is
	// an internal one, or a domain of one's own; default: the endpoint of the Client, in its Addressing.
	PresignEndpoint   string
	PresignAddressing Addressing // where the bucket goes in URLs to PresignEndpoint; default VirtualHosted
	// CloudBoxID selects a CloudBox, an OSS of one's own premises, for example "cb-f8z7yvzgwfkl9q0h"; with Region it
	// gives the Endpoint. It is the region of signature V4 there. An Endpoint below oss-cloudbox.aliyuncs.com names it.
	CloudBoxID string

	MinPartSize int64 // bytes; what the service takes at least, 0 means MinPartSize; lower only for a test server that does
}

// Retry bounds the retrying of one operation. The zero value is a good default: with it, a connection that is refused
// and a host that is not found fail in under 1.5 seconds, and packets that vanish in under 30 seconds, since lookup,
// connection and TLS handshake have 7 seconds together in each attempt.
//
// The operations of a Client also share a budget of 100 retries, so that many of them together do not add load to a
// service that fails. A retry takes one from it. An operation that succeeds gives back what it took, or a tenth of a
// retry if it took none; the budget never exceeds 100. While it is empty, operations fail with the error of their
// first attempt, which says so. Corrections of the clock and of refused keys are outside the budget.
//
// Package multipart adds multipart.Options.Patience: its uploads do not count attempts that fail because OSS throttles
// or cannot be reached. They wait for a time instead.
type Retry struct {
	Attempts int           // tries in all, the first included; 0 means 4, 1 means never retry
	MinWait  time.Duration // first backoff, before jitter; 0 means 200ms
	MaxWait  time.Duration // longest backoff; 0 means 20s; a Retry-After header wins, up to five minutes

	// Stall is how long an attempt may move no byte before it is given up; 0 means 30s. A request that has been sent
	// is given as long for the first byte of its reply, and as long again if sending it took that long.
	// CompleteMultipartUpload, UploadPartCopy and CopyObject are given ten times as long, because OSS works before it
	// replies. So a server that accepts connections and never answers costs Attempts times Stall and the waits, about
	// two minutes with the defaults and twenty for the slow operations; a context with a deadline ends either
	// earlier. A given-up attempt matches os.ErrDeadlineExceeded.
	Stall time.Duration
}

func (r Retry) orDefault() Retry {
	r.Attempts = cmp.Or(r.Attempts, 4)
	r.MinWait = cmp.Or(r.MinWait, 200*time.Millisecond)
	r.MaxWait = cmp.Or(r.MaxWait, 20*time.Second)
	r.Stall = min(cmp.Or(r.Stall, 30*time.Second), maxStall)
	return r
}

// retryBudget is more than the retries of the 64 parts that an Uploader has in flight at most, should one failure hit
// them all at once, and little beside the load of a program that it matters to.
const retryBudget = 100

// maxStall can be waited for ten times over, as a watch does, and be counted.
const maxStall time.Duration = math.MaxInt64 / 10

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

// A Client calls OSS. It is safe for concurrent use and needs no Close.
type Client struct {
	endpoint     endpoint
	region       string // of signatures
	credentials  CredentialsProvider
	signer       signer.Signer
	http         http.Client // a copy; its Transport is used, never closed
	ownTransport bool        // the Transport is defaultTransport
	limitsConns  bool        // requests wait for one another's connections there
	retry        Retry
	log          *slog.Logger
	hooks        Hooks
	header       http.Header // for every request
	userAgent    []string    // the value of a header
	now          func() time.Time
	minPartSize  int64
	skew         atomic.Int64 // nanoseconds OSS's clock is ahead of ours, as it told in a RequestTimeTooSkewed reply
	budget       *flow.RetryBudget
	answered     atomic.Bool // OSS has answered a request of this Client

	presignEndpoint endpoint
}

// NewClient checks cfg and returns a Client. It does not touch the network.
func NewClient(cfg Config) (*Client, error) {
	at, err := cfg.destination()
	if err != nil {
		return nil, err
	}
	presign := at.endpoint
	switch {
	case cfg.PresignEndpoint != "":
		if presign, err = parseEndpoint(cfg.PresignEndpoint, cfg.PresignAddressing); err != nil {
			return nil, fmt.Errorf("oss: Config.PresignEndpoint: %s", strings.TrimPrefix(err.Error(), "oss: "))
		}
	case cfg.PresignAddressing != VirtualHosted:
		return nil, errors.New("oss: Config.PresignAddressing is set without PresignEndpoint")
	}
	if err := cfg.Retry.check(); err != nil {
		return nil, err
	}
	if cfg.MinPartSize < 0 {
		return nil, fmt.Errorf("oss: Config.MinPartSize %d is negative", cfg.MinPartSize)
	}
	if !isHeaderValue(cfg.UserAgent) {
		return nil, fmt.Errorf("oss: Config.UserAgent %q has a control character", cfg.UserAgent)
	}
	for _, f := range []struct {
		name  string
		value any
	}{{"Credentials", cfg.Credentials}, {"Signer", cfg.Signer}} {
		if f.value != nil && isNil(f.value) {
			return nil, fmt.Errorf("oss: Config.%s is a nil %T", f.name, f.value)
		}
	}
	if keys, ok := cfg.Credentials.(Credentials); ok {
		if _, err := keys.Credentials(context.Background()); err != nil {
			return nil, fmt.Errorf("oss: Config.Credentials: %w", err)
		}
		cfg.Credentials = &keys // fmt masks no value in an unexported field, but follows no pointer either
	}
	c := &Client{
		endpoint:    at.endpoint,
		region:      at.region,
		credentials: cfg.Credentials,
		signer:      cfg.Signer,
		retry:       cfg.Retry.orDefault(),
		log:         cfg.Logger,
		hooks:       cfg.Hooks,
		userAgent:   []string{userAgent(cfg.UserAgent)},
		now:         cfg.Now,
		minPartSize: cmp.Or(cfg.MinPartSize, MinPartSize),
		budget:      flow.NewRetryBudget(retryBudget),

		presignEndpoint: presign,
	}
	if c.credentials == nil {
		c.credentials = EnvCredentials()
	}
	if c.signer == nil && c.region != "" {
		c.signer = signer.V4{}
	} else if c.signer == nil {
		c.signer = signer.V1{}
	}
	if v4, ok := c.signer.(signer.V4); ok && v4.Product == "" {
		v4.Product = at.product
		c.signer = v4
	}
	if err := c.checkDefaults(cfg.Header); err != nil {
		return nil, err
	}
	c.header = make(http.Header)
	addHeader(c.header, cfg.Header)
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.now == nil {
		c.now = time.Now
	}
	if cfg.HTTPClient != nil {
		c.http = *cfg.HTTPClient
	} else {
		c.http.Transport, c.ownTransport = defaultTransport(), true
	}
	if c.http.Transport == nil {
		c.http.Transport = http.DefaultTransport
	}
	if c.http.Timeout > 0 {
		c.log.Warn("oss: Config.HTTPClient.Timeout ends every request that takes longer, even while bytes move",
			slog.Duration("timeout", c.http.Timeout))
	}
	if t, ok := c.http.Transport.(*http.Transport); ok {
		c.limitsConns = t.MaxConnsPerHost > 0
	}
	// A redirected request would carry a signature made for another address.
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// isV4 reports whether requests are signed with V4.
func (c *Client) isV4() bool {
	_, ok := c.signer.(signer.V4)
	return ok
}

// MinPartSize returns the bytes that every part but the last must have: MinPartSize, unless Config lowered it.
func (c *Client) MinPartSize() int64 { return c.minPartSize }

// Format prints where c leads and nothing else, for all verbs: its fields hold keys.
func (c *Client) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "oss.Client{%s://%s}", c.endpoint.scheme, c.endpoint.host)
}

// Now returns the time as OSS sees it: that of Config.Now, corrected once OSS has complained of it.
func (c *Client) Now() time.Time { return c.now().Add(time.Duration(c.skew.Load())) }

// Logger returns Config.Logger, or one that discards; packages built on this one log to it too.
func (c *Client) Logger() *slog.Logger { return c.log }

func userAgent(extra string) string {
	ua := "go-oss/" + Version + " (" + runtime.GOOS + "/" + runtime.GOARCH + "; " + runtime.Version() + ")"
	if extra != "" {
		ua += " " + extra
	}
	return ua
}
