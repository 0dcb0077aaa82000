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

// Credentials are the keys that sign a request. A value is a CredentialsProvider that returns itself.
type Credentials = signer.Credentials

// A CredentialsProvider supplies keys. It is called before every attempt, so that keys can be rotated without a
// restart. Implementations must be safe for concurrent use.
//
// If OSS refuses keys, a Client calls the provider again, and repeats the request once, immediately, if it gets other
// keys. A provider that caches keys should also have a method Refuse(Credentials): the Client calls it first, with the
// refused keys.
type CredentialsProvider interface {
	Credentials(ctx context.Context) (Credentials, error)
}

// CredentialsFunc adapts a function to a CredentialsProvider.
type CredentialsFunc func(ctx context.Context) (Credentials, error)

// Credentials calls f.
func (f CredentialsFunc) Credentials(ctx context.Context) (Credentials, error) { return f(ctx) }

// EnvCredentials returns a provider that reads the environment variables OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET and
// OSS_SESSION_TOKEN at every call.
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

// AnonymousCredentials returns a provider for public buckets: requests are not signed.
func AnonymousCredentials() CredentialsProvider { return anonymous{} }

type anonymous struct{}

func (anonymous) Credentials(context.Context) (Credentials, error) { return Credentials{}, nil }

// CacheCredentials returns a provider that caches the keys of p. It refreshes them early before they expire, but not
// before half of their lifetime has passed. Concurrent callers share one call of p, which continues for the others if
// the context of one caller ends.
//
// If a refresh fails, or takes longer than five seconds, callers get the old keys while these are valid, and the next
// refresh follows after ten seconds to a minute. If OSS refuses the keys, they are refreshed immediately. A Client
// measures the lifetime by its own clock, which is corrected by OSS's. Keys that have already expired by the local
// clock when p returns them are used until OSS refuses them.
//
// The sources of package oss/credentials need no CacheCredentials. New of that package caches the keys of other sources
// without making any caller wait for a refresh.
func CacheCredentials(p CredentialsProvider, early time.Duration) CredentialsProvider {
	return &credentialsCache{provider: p, early: early}
}

// A credentialsCache is what CacheCredentials returns.
type credentialsCache struct {
	provider CredentialsProvider
	early    time.Duration

	mu            sync.Mutex
	current       Credentials
	margin        time.Duration // time before the expiry of current at which it is refreshed
	deadOnArrival bool          // current had already expired when it was fetched, by the clock of the caller
	refused       bool          // OSS has refused current
	pending       *fetch        // the fetch in progress; nil if there is none
	afterFailure  cooldown      // after a failed refresh
	afterRefusal  cooldown      // after a fetch that returned refused keys again
}

// A fetch is one call of the provider. Done is closed once creds and err are set.
type fetch struct {
	began time.Time
	ahead time.Duration // of the caller's clock against the local one
	done  chan struct{}
	creds Credentials
	err   error
}

// Credentials returns the cached keys, or those of a fetch if the cached keys must be refreshed.
func (c *credentialsCache) Credentials(ctx context.Context) (Credentials, error) {
	return c.credentialsAt(ctx, time.Now())
}

// credentialsAt is Credentials at the time now, for a caller whose clock is better than the local one.
func (c *credentialsCache) credentialsAt(ctx context.Context, now time.Time) (Credentials, error) {
	c.mu.Lock()
	have := c.current
	if c.deadOnArrival && now.Before(have.Expires) { // by another clock, or a corrected one
		c.deadOnArrival, c.margin = false, c.marginOf(have.Expires.Sub(now))
	}
	valid := c.deadOnArrival || have.Expires.IsZero() || now.Before(have.Expires)
	usable := valid && have.AccessKeyID != "" && !c.refused
	due := c.deadOnArrival || !have.Expires.IsZero() && !now.Before(have.Expires.Add(-c.margin))
	if usable && (!due || c.afterFailure.active()) {
		c.mu.Unlock()
		return have, nil
	}
	f := c.pending
	if f == nil {
		f = &fetch{began: time.Now(), done: make(chan struct{})}
		f.ahead = now.Sub(f.began)
		c.pending = f
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
	if f.err == nil { // invalid keys are a failed fetch too, and do not replace valid ones
		_, f.err = f.creds.Credentials(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(f.done)
	c.pending = nil
	if f.err != nil {
		c.afterFailure.grow()
		return
	}
	if c.refused && sameKeys(f.creds, c.current) {
		c.afterRefusal.grow()
	} else if !sameKeys(f.creds, c.current) {
		c.afterRefusal = cooldown{}
	}
	life := time.Duration(1) // unless the keys expire
	if !f.creds.Expires.IsZero() {
		life = f.creds.Expires.Sub(time.Now().Add(f.ahead))
	}
	c.current, c.refused, c.deadOnArrival, c.margin = f.creds, false, life <= 0, c.marginOf(life)
	if c.deadOnArrival {
		c.afterFailure.grow()
	} else {
		c.afterFailure = cooldown{}
	}
}

// marginOf returns how long before their expiry keys with the given remaining lifetime are refreshed.
func (c *credentialsCache) marginOf(life time.Duration) time.Duration { return min(c.early, life/2) }

// Format masks the keys for all verbs.
func (c *credentialsCache) Format(f fmt.State, _ rune) {
	io.WriteString(f, "oss.CacheCredentials{***}")
}

const (
	fetchTimeout = time.Minute     // limit of a fetch, which no caller may be waiting for any more
	refreshWait  = 5 * time.Second // how long callers with valid keys wait for a fetch
)

// Refuse makes the next call fetch new keys, unless the refused keys have been replaced, or fetched again recently.
func (c *credentialsCache) Refuse(refused Credentials) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if sameKeys(c.current, refused) && !c.afterRefusal.active() {
		c.refused = true
	}
}

// A cooldown keeps a cache from calling its provider after a failure. It doubles from ten seconds to a minute.
type cooldown struct {
	until  time.Time
	length time.Duration
}

func (p *cooldown) grow() {
	p.length = min(max(2*p.length, 10*time.Second), time.Minute)
	p.until = time.Now().Add(p.length)
}

func (p *cooldown) active() bool { return time.Now().Before(p.until) }

// sameKeys compares the fields that requests are signed with.
func sameKeys(a, b Credentials) bool {
	return a.AccessKeyID == b.AccessKeyID && a.AccessKeySecret == b.AccessKeySecret &&
		a.SecurityToken == b.SecurityToken
}

// keysAt gets keys from p at the time of the Client.
func keysAt(ctx context.Context, p CredentialsProvider, now time.Time) (Credentials, error) {
	if cache, ok := p.(*credentialsCache); ok {
		return cache.credentialsAt(ctx, now)
	}
	return p.Credentials(ctx)
}

// rejectsKeys reports whether code means that OSS does not accept the keys, so that other keys may help.
//
// See https://help.aliyun.com/en/oss/user-guide/http-403-status-code
func rejectsKeys(code Code) bool {
	switch code {
	case "SecurityTokenExpired", "InvalidSecurityToken", "InvalidAccessKeyId", "AccessKeyIdAndSecurityTokenNotMatch":
		return true
	}
	return false
}

// refreshKeys asks the provider for other keys after a refusal, once for each call, and reports whether it got some.
// The next attempt uses them.
func (k *call) refreshKeys(ctx context.Context) bool {
	if k.refreshed {
		return false
	}
	k.refreshed = true
	if keeps, ok := k.client.credentials.(interface{ Refuse(Credentials) }); ok {
		keeps.Refuse(k.creds)
	}
	if k.attempts == k.client.retry.Attempts {
		return false // no attempt is left; the next call benefits from Refuse
	}
	creds, err := keysAt(ctx, k.client.credentials, k.client.Now())
	if err != nil || sameKeys(creds, k.creds) {
		return false
	}
	k.nextCreds = &creds
	return true
}
