package oss

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/signer"
)

// Version is the version of this module, as it appears in the User-Agent header.
const Version = "0.1.0"

// A Client calls OSS. It is safe for concurrent use and needs no Close; see CloseIdleConnections.
type Client struct {
	endpoint        endpoint
	presignEndpoint endpoint
	region          string // of signatures
	credentials     CredentialsProvider
	signer          signer.Signer
	retry           Retry
	budget          *flow.RetryBudget
	log             *slog.Logger
	hooks           Hooks
	header          http.Header // of every request
	userAgent       []string    // value of the User-Agent header
	now             func() time.Time
	minPartSize     int64

	http         http.Client // a copy
	ownTransport bool        // the Transport is defaultTransport
	netHTTP      bool        // the Transport is a *http.Transport
	limitsConns  bool        // MaxConnsPerHost is set, so requests may queue for a connection

	skew     atomic.Int64 // nanoseconds that OSS's clock is ahead of this machine's, from a RequestTimeTooSkewed reply
	answered atomic.Bool  // OSS has answered a request of this Client
}

// NewClient checks cfg and returns a Client. It does not touch the network.
func NewClient(cfg Config) (*Client, error) {
	to, err := cfg.destination()
	if err != nil {
		return nil, err
	}
	presign, err := cfg.presignEndpoint(to.endpoint)
	if err != nil {
		return nil, err
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg = cfg.orDefault(to)
	c := &Client{
		endpoint:        to.endpoint,
		presignEndpoint: presign,
		region:          to.region,
		credentials:     cfg.Credentials,
		signer:          cfg.Signer,
		retry:           cfg.Retry,
		budget:          flow.NewRetryBudget(retryBudget),
		log:             cfg.Logger,
		hooks:           cfg.Hooks,
		header:          make(http.Header),
		userAgent:       []string{userAgent(cfg.UserAgent)},
		now:             cfg.Now,
		minPartSize:     cfg.MinPartSize,
	}
	if err := c.checkDefaults(cfg.Header); err != nil {
		return nil, err
	}
	addHeader(c.header, cfg.Header)
	c.useHTTP(cfg.HTTPClient)
	return c, nil
}

// useHTTP makes c send its requests with a copy of h, or with its own transport if h is nil.
func (c *Client) useHTTP(h *http.Client) {
	if h != nil {
		c.http = *h
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
		c.netHTTP, c.limitsConns = true, t.MaxConnsPerHost > 0
	}
	// A redirected request would carry a signature that was made for another address.
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
}

// isV4 reports whether requests are signed with V4.
func (c *Client) isV4() bool {
	_, ok := c.signer.(signer.V4)
	return ok
}

// MinPartSize returns the minimum size in bytes of every part but the last: the constant MinPartSize, unless Config
// changed it.
func (c *Client) MinPartSize() int64 { return c.minPartSize }

// Format prints only the endpoint of c, for all verbs: its fields hold keys.
func (c *Client) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "oss.Client{%s://%s}", c.endpoint.scheme, c.endpoint.host)
}

// CloseIdleConnections closes connections that no request uses, and those of requests in flight once these have ended,
// unless another request comes first. They include those that other users of Config.HTTPClient's Transport made. A
// program need not call it: idle connections are closed after 50 seconds. The Client remains usable.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

// Now returns the time of Config.Now, corrected by OSS's clock once OSS has refused a request for its time.
func (c *Client) Now() time.Time { return c.now().Add(time.Duration(c.skew.Load())) }

// Logger returns Config.Logger, or a Logger that discards everything. Packages built on this one log to it too.
func (c *Client) Logger() *slog.Logger { return c.log }

func userAgent(extra string) string {
	ua := "go-oss/" + Version + " (" + runtime.GOOS + "/" + runtime.GOARCH + "; " + runtime.Version() + ")"
	if extra != "" {
		ua += " " + extra
	}
	return ua
}
