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

// Options shape a Server. Nil and the zero value both mean the defaults.
type Options struct {
	Region        string            // default "cn-hangzhou"
	Buckets       []string          // the buckets that exist before PutBucket and DeleteBucket; nil means every name does
	PublicBuckets []string          // buckets that anonymous requests may read and write; they exist too
	RequesterPays []string          // buckets of somebody else, for which the requester has to say that he pays; they exist too
	CNAME         map[string]string // custom domains, and the bucket each is bound to
	StorageClass  string            // of buckets that PutBucket gave none; default "Standard"
	MinPartSize   int64             // bytes; 0 means OSS's own 100 KiB; lower it to test many parts cheaply
	Credentials   []oss.Credentials // keys that are good; an expired one answers as OSS does; nil means the test keys
	CORS          []CORSRule        // of buckets to which PutBucketCors gave none; nil means none
	RefuseV1      bool              // answer V1 signatures as a new bucket does
	Dir           string            // keeps bodies in files here rather than in memory; Close removes them
	Persist       bool              // Dir keeps everything, for the next Server to go on with, and is this Server's alone
	Sync          bool              // with Persist: a change is on the disk before it is answered, and survives a loss of power
	SpillSize     int64             // bytes; without Dir a larger body goes to a temporary file; default 8 MiB, negative for never
	Now           func() time.Time  // the server's clock; default time.Now
	Callbacks     *http.Client      // makes the callbacks of uploads, to addresses on loopback only; nil means none can be asked for
	Logger        *slog.Logger      // a line for each request, at Debug: op, bucket, key, part, status, code, size, duration, fault; default: silent
}

// Keys that a Server without Options.Credentials takes for good. They are worth nothing anywhere else.
const (
	AccessKeyID     = "osstest-access-key-id"
	AccessKeySecret = "osstest-access-key-secret"
)

// TestCredentials returns the test keys, for clients that are not made from Config.
func TestCredentials() oss.Credentials {
	return oss.Credentials{AccessKeyID: AccessKeyID, AccessKeySecret: AccessKeySecret}
}

// orDefault returns a copy of o in which every default is spelled out.
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
	v.Buckets, v.PublicBuckets, v.RequesterPays = slices.Clone(v.Buckets), slices.Clone(v.PublicBuckets), slices.Clone(v.RequesterPays)
	v.CNAME = lowerHosts(v.CNAME)
	if v.Now == nil {
		v.Now = time.Now
	}
	if v.Logger == nil {
		v.Logger = slog.New(slog.DiscardHandler)
	}
	return v
}

// A Server behaves as OSS does for the operations package oss wraps: it checks signatures and dates,
// part numbers, sizes, order and ETags, and it computes MD5 and CRC-64. It is an http.Handler.
//
// All methods are safe for concurrent use.
type Server struct {
	opts       Options
	clockIsSet bool // Options.Now was given, so clients must be told of it
	startTime  time.Time
	network    *memnet.Listener
	http       *http.Server
	transport  *http.Transport
	accepting  sync.WaitGroup // the loop that accepts connections of the network
	served     sync.WaitGroup // these connections

	closing context.Context // done when Close begins
	close   context.CancelFunc

	log     requestLog
	faults  faults
	keys    keyring
	objects *store.Store

	handlers struct {
		sync.Mutex
		running sync.WaitGroup
		closed  bool
	}
}

// NewServer starts a Server on an in-memory network: no port is opened, and it works in a
// testing/synctest bubble if it is made inside it. For a real port give the Server to
// httptest.NewServer. Close it at the end. NewServer panics if Options.Dir cannot be used.
func NewServer(opts *Options) *Server {
	s, err := Open(opts)
	if err != nil {
		panic(err)
	}
	return s
}

// Open is NewServer for programs that can do something about a Dir that cannot be used: one that
// another Server persists in, one that has been tampered with, a disk that is full.
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
		DialContext:           func(ctx context.Context, _, _ string) (net.Conn, error) { return s.network.Dial(ctx, false) },
		DialTLSContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return s.network.Dial(ctx, true) },
		MaxIdleConnsPerHost:   256,
		ExpectContinueTimeout: time.Second,
	}
	s.http = &http.Server{
		Handler:     s,
		ErrorLog:    log.New(io.Discard, "", 0), // clients that hang up are no news here
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
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

// connKey is where a request's context holds its connection on the network.
type connKey struct{}

// connOf returns the connection r came over, or nil if it came from elsewhere.
func connOf(r *http.Request) *memnet.Conn {
	c, _ := r.Context().Value(connKey{}).(*memnet.Conn)
	return c
}

// isHTTPS reports whether the client takes its connection for TLS.
func isHTTPS(r *http.Request) bool {
	if c := connOf(r); c != nil {
		return c.Secure()
	}
	return r.TLS != nil
}

// Close stops the Server and waits for its handlers. Requests that are being served are cut off,
// later ones find nobody. Bodies in files are removed, unless Options.Persist is set. Close may be called again.
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

// beginHandler counts a handler in, unless the Server is closed.
func (s *Server) beginHandler() bool {
	s.handlers.Lock()
	defer s.handlers.Unlock()
	if s.handlers.closed {
		return false
	}
	s.handlers.running.Add(1)
	return true
}

// Client returns an oss.Client for the Server with test keys and short backoffs.
func (s *Server) Client() *oss.Client {
	c, err := oss.NewClient(s.Config())
	if err != nil {
		panic(fmt.Sprintf("osstest: %v", err)) // only Options that no client can use get here, such as a bad Region
	}
	return c
}

// Config returns what Client was made from, to change and give to oss.NewClient. Its keys are the
// first of Options.Credentials, and its Region selects signature V4.
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

// HTTPClient returns a client that reaches the Server whatever host a URL names, so real endpoints work unresolved.
// It does so for https too, without certificates.
func (s *Server) HTTPClient() *http.Client {
	return &http.Client{Transport: s.transport}
}

// SetCredentials replaces the keys that are good, as when keys are rotated or a token is revoked.
// Clients made before keep the keys they have.
func (s *Server) SetCredentials(creds ...oss.Credentials) { s.keys.set(creds) }
