package osstest

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/internal/memnet"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// Options are the options of a Server. Nil and the zero value mean the defaults.
type Options struct {
	Region string // default "cn-hangzhou"

	// Buckets exist before any PutBucket and DeleteBucket; nil means that every name is a bucket. Those in
	// PublicBuckets and RequesterPays exist as well.
	Buckets []string
	// PublicBuckets may be read and written by anonymous requests.
	PublicBuckets []string
	// RequesterPays are buckets of another account. Requests for them need x-oss-request-payer.
	RequesterPays []string
	// CNAME maps custom domains to the buckets that they are bound to.
	CNAME map[string]string
	// StorageClass is that of buckets for which PutBucket set none; default "Standard".
	StorageClass string
	// CORS are the rules of buckets without rules of their own.
	CORS []CORSRule
	// MinPartSize is the minimum size of all parts but the last, in bytes; default 100 KiB, as OSS has it.
	MinPartSize int64

	// Credentials are accepted until their Expires, and are then refused as OSS does; default TestCredentials.
	Credentials []oss.Credentials
	// RefuseV1 refuses V1 signatures, as OSS does for new buckets.
	RefuseV1 bool

	// Dir is the directory of the bodies, in files that Close removes. Without it they are in memory and in temporary
	// files.
	Dir string
	// Persist makes Dir hold the whole state for the next Server. No other Server can use Dir at the same time.
	Persist bool
	// Sync makes every change survive a loss of power, with Persist: it is on the disk before its request is answered.
	Sync bool
	// SpillSize is the size in bytes above which a body goes to a temporary file, without Dir; default 8 MiB, negative
	// for no limit.
	SpillSize int64

	// Now is the clock of the Server; default time.Now.
	Now func() time.Time
	// Callbacks sends the callbacks of uploads, to loopback addresses only; nil refuses callbacks.
	Callbacks *http.Client
	// Logger gets a record for each request, at level Debug, with the attributes op, method, bucket, key, part, status,
	// code, size, duration, request_id and fault; default none.
	Logger *slog.Logger
}

// Credentials that a Server without Options.Credentials accepts. OSS does not accept them.
const (
	AccessKeyID     = "osstest-access-key-id"
	AccessKeySecret = "osstest-access-key-secret"
)

// TestCredentials returns AccessKeyID and AccessKeySecret, for clients that are not made from Config.
func TestCredentials() oss.Credentials {
	return oss.Credentials{AccessKeyID: AccessKeyID, AccessKeySecret: AccessKeySecret}
}

// orDefault returns a copy of o with all defaults set.
func (o *Options) orDefault() Options {
	var v Options
	if o != nil {
		v = *o
	}
	v.Region = cmp.Or(v.Region, "cn-hangzhou")
	v.MinPartSize = cmp.Or(v.MinPartSize, oss.MinPartSize)
	if v.Credentials == nil {
		v.Credentials = []oss.Credentials{TestCredentials()}
	}
	v.Credentials = slices.Clone(v.Credentials)
	v.Buckets, v.PublicBuckets = slices.Clone(v.Buckets), slices.Clone(v.PublicBuckets)
	v.RequesterPays = slices.Clone(v.RequesterPays)
	v.CNAME = lowerHosts(v.CNAME)
	if v.Now == nil {
		v.Now = time.Now
	}
	if v.Logger == nil {
		v.Logger = slog.New(slog.DiscardHandler)
	}
	return v
}

// A Server behaves like OSS. It is an http.Handler; see the package documentation for what it implements.
//
// All methods are safe for concurrent use.
type Server struct {
	opts       Options
	clockIsSet bool // Options.Now was given, and Config passes it on
	startTime  time.Time
	network    *memnet.Listener
	http       *http.Server    // serves the network
	transport  *http.Transport // dials the network
	accepting  sync.WaitGroup  // the goroutine of http.Serve
	served     sync.WaitGroup  // connections of the network

	closing context.Context // canceled when Close begins
	close   context.CancelFunc

	log     requestLog
	faults  faults
	keys    keyring
	objects *store.Store

	handlers struct {
		sync.Mutex // guards closed, and Add of running
		running    sync.WaitGroup
		closed     bool
	}
}

// NewServer starts a Server on an in-memory network, which its Client and HTTPClient use. No port is opened; for a real
// port pass the Server to httptest.NewServer. In a testing/synctest bubble make the Server inside the bubble. The
// caller calls Close. NewServer panics where Open returns an error.
func NewServer(opts *Options) *Server {
	s, err := Open(opts)
	if err != nil {
		panic(err)
	}
	return s
}

// Open is like NewServer, and returns an error if Options.Dir cannot be used: because another Server persists in it,
// files in it are missing or damaged, or the disk is full.
func Open(opts *Options) (*Server, error) {
	s := &Server{opts: opts.orDefault(), clockIsSet: opts != nil && opts.Now != nil, network: memnet.Listen("osstest")}
	s.startTime = s.now()
	var err error
	s.objects, err = store.Open(store.Options{
		Dir: s.opts.Dir, Persist: s.opts.Persist, Sync: s.opts.Sync, SpillSize: s.opts.SpillSize, Time: s.opts.Now(),
	})
	if err != nil {
		return nil, fmt.Errorf("osstest: %w", err)
	}
	s.keys.set(s.opts.Credentials)
	s.closing, s.close = context.WithCancel(context.Background())
	s.transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return s.network.Dial(ctx, false)
		},
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return s.network.Dial(ctx, true)
		},
		MaxIdleConnsPerHost:   256,
		ExpectContinueTimeout: time.Second,
	}
	s.http = &http.Server{
		Handler:  s,
		ErrorLog: log.New(io.Discard, "", 0), // net/http logs clients that close their connection
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				s.served.Add(1)
			case http.StateClosed, http.StateHijacked:
				s.network.Forget(c)
				s.served.Done()
			}
		},
	}
	s.accepting.Go(func() { s.http.Serve(s.network) })
	return s, nil
}

// connKey is the key of a connection in the contexts of its requests.
type connKey struct{}

// connOf returns the in-memory connection of r, or nil if r came over another network.
func connOf(r *http.Request) *memnet.Conn {
	c, _ := r.Context().Value(connKey{}).(*memnet.Conn)
	return c
}

// isHTTPS reports whether the client used an https URL.
func isHTTPS(r *http.Request) bool {
	if c := connOf(r); c != nil {
		return c.Secure()
	}
	return r.TLS != nil
}

// Close closes all connections and waits for the handlers. Requests in progress get no reply, and later ones no
// connection. Files of bodies are removed, unless Options.Persist is set. Close may be called again.
func (s *Server) Close() {
	s.handlers.Lock()
	s.handlers.closed = true
	s.handlers.Unlock()
	s.close()
	s.http.Close()
	s.accepting.Wait()
	s.network.CloseConns()
	s.transport.CloseIdleConnections()
	s.handlers.running.Wait()
	s.served.Wait()
	if err := s.objects.Close(); err != nil {
		s.opts.Logger.Warn("osstest: closing the storage: " + err.Error())
	}
}

// beginHandler counts a running handler. It returns false once the Server is closed.
func (s *Server) beginHandler() bool {
	s.handlers.Lock()
	defer s.handlers.Unlock()
	if s.handlers.closed {
		return false
	}
	s.handlers.running.Add(1)
	return true
}

// Client returns an oss.Client made from Config, with backoffs of at most 10 ms. It panics if Options allow no client,
// for example with a malformed Region.
func (s *Server) Client() *oss.Client {
	c, err := oss.NewClient(s.Config())
	if err != nil {
		panic(fmt.Sprintf("osstest: %v", err))
	}
	return c
}

// Config returns a configuration for oss.NewClient, which the caller may change. It has the first of the Credentials,
// and the Region, so requests are signed with V4.
func (s *Server) Config() oss.Config {
	cfg := oss.Config{
		Region:      s.opts.Region,
		Credentials: s.keys.first(),
		HTTPClient:  s.HTTPClient(),
		Retry:       oss.Retry{MinWait: time.Millisecond, MaxWait: 10 * time.Millisecond},
		MinPartSize: s.opts.MinPartSize,
	}
	if s.clockIsSet {
		cfg.Now = s.opts.Now
	}
	return cfg
}

// HTTPClient returns a client that connects to the Server whatever host a URL names, for http and https, without name
// resolution and certificates.
func (s *Server) HTTPClient() *http.Client {
	return &http.Client{Transport: s.transport}
}

// SetCredentials replaces the credentials that are accepted, as when keys are rotated or a token is revoked. Existing
// clients keep the credentials that they have.
func (s *Server) SetCredentials(creds ...oss.Credentials) { s.keys.set(creds) }
