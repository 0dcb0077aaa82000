package oss

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/signer"
)

// Credentials are the keys a request is signed with. A value is a CredentialsProvider of itself.
type Credentials = signer.Credentials

// A CredentialsProvider supplies keys. It is asked before every attempt, so rotation needs no restart.
// Implementations are safe for concurrent use.
type CredentialsProvider interface {
	Credentials(ctx context.Context) (Credentials, error)
}

// CredentialsFunc makes a function a CredentialsProvider.
type CredentialsFunc func(ctx context.Context) (Credentials, error)

// Credentials calls f.
func (f CredentialsFunc) Credentials(ctx context.Context) (Credentials, error) { return f(ctx) }

// EnvCredentials reads OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET and OSS_SESSION_TOKEN each time.
//
// See https://help.aliyun.com/en/oss/developer-reference/configure-access-credentials
func EnvCredentials() CredentialsProvider { return CredentialsFunc(fromEnv) }

func fromEnv(context.Context) (Credentials, error) {
	c := Credentials{
		AccessKeyID:     os.Getenv("OSS_ACCESS_KEY_ID"),
		AccessKeySecret: os.Getenv("OSS_ACCESS_KEY_SECRET"),
		SecurityToken:   os.Getenv("OSS_SESSION_TOKEN"),
	}
	switch {
	case c.AccessKeyID == "":
		return Credentials{}, errors.New("oss: OSS_ACCESS_KEY_ID is not set")
	case c.AccessKeySecret == "":
		return Credentials{}, errors.New("oss: OSS_ACCESS_KEY_SECRET is not set")
	}
	return c, nil
}

// AnonymousCredentials leaves requests unsigned, for public buckets.
func AnonymousCredentials() CredentialsProvider { return anonymous{} }

type anonymous struct{}

func (anonymous) Credentials(context.Context) (Credentials, error) { return Credentials{}, nil }

// CacheCredentials asks p once for many callers and again early before Expires; a refresh that fails,
// or takes seconds, is hidden while the old keys still work. A Client that OSS tells that the keys are no good any
// more makes the cache ask again at once. Callers waiting for one fetch share its outcome; the
// fetch runs on, for the others, when the caller that began it is cancelled.
func CacheCredentials(p CredentialsProvider, early time.Duration) CredentialsProvider {
	return &credentialsCache{provider: p, early: early, now: time.Now}
}

// A credentialsCache is never printed with what it holds.
type credentialsCache struct {
	provider CredentialsProvider
	early    time.Duration
	now      func() time.Time

	mu      sync.Mutex
	have    Credentials
	stale   bool   // have was refused by OSS
	running *fetch // the refresh under way, nil if there is none
}

// A fetch is one question to the provider; done is closed when creds and err stand.
type fetch struct {
	began time.Time
	done  chan struct{}
	creds Credentials
	err   error
}

// Credentials returns the keys at hand while they are good for longer than early, else those of a fetch.
func (c *credentialsCache) Credentials(ctx context.Context) (Credentials, error) {
	c.mu.Lock()
	have, now := c.have, c.now()
	usable := have.AccessKeyID != "" && !c.stale && (have.Expires.IsZero() || now.Before(have.Expires))
	if usable && (have.Expires.IsZero() || now.Before(have.Expires.Add(-c.early))) {
		c.mu.Unlock()
		return have, nil
	}
	f := c.running
	if f == nil {
		f = &fetch{began: time.Now(), done: make(chan struct{})}
		c.running = f
		go c.fetch(context.WithoutCancel(ctx), f)
	}
	c.mu.Unlock()

	var enough <-chan time.Time
	if usable {
		enough = time.After(refreshWait - time.Since(f.began))
	}
	select {
	case <-f.done:
	case <-enough:
		return have, nil
	case <-ctx.Done():
		return Credentials{}, ctx.Err()
	}
	if f.err != nil && usable {
		return have, nil
	}
	return f.creds, f.err
}

func (c *credentialsCache) fetch(ctx context.Context, f *fetch) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	f.creds, f.err = c.provider.Credentials(ctx)
	if f.err == nil { // empty keys are a failed fetch too, and do not displace good ones
		_, f.err = f.creds.Credentials(ctx)
	}
	c.mu.Lock()
	if f.err == nil {
		c.have, c.stale = f.creds, false
	}
	c.running = nil
	c.mu.Unlock()
	close(f.done)
}

// Format masks the keys for all verbs.
func (c *credentialsCache) Format(f fmt.State, _ rune) {
	io.WriteString(f, "oss.CacheCredentials{***}")
}

const (
	fetchTimeout = time.Minute     // of a fetch that no caller may be waiting for any more
	refreshWait  = 5 * time.Second // for a fetch by callers who have keys that still work
)

// refuse makes the next call fetch, unless the refused keys have been replaced meanwhile.
func (c *credentialsCache) refuse(refused Credentials) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.have == refused {
		c.stale = true
	}
}
