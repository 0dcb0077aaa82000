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
//
// When OSS refuses keys, a Client asks the provider again, and repeats the request once, at once, if it gets other
// keys. A provider that keeps keys should have a method Refuse(Credentials) beside the interface: the Client calls it
// first, with the keys that were refused.
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

// CacheCredentials asks p once for many callers, and again early before the keys expire, but never before half their
// life is over. Callers that wait for one fetch share its outcome. The fetch runs on, for the others, when the caller
// that began it is cancelled.
//
// A refresh that fails, or takes longer than five seconds, is hidden while the old keys still work, and repeated after
// pauses of ten seconds to a minute. Keys that OSS refuses are replaced at once. A Client measures the life of keys by
// the clock of OSS once OSS has complained of its own; keys that have expired by the local clock when p returns them
// are used until OSS refuses them.
func CacheCredentials(p CredentialsProvider, early time.Duration) CredentialsProvider {
	return &credentialsCache{provider: p, early: early}
}

// A credentialsCache is never printed with what it holds.
type credentialsCache struct {
	provider CredentialsProvider
	early    time.Duration

	mu            sync.Mutex
	current       Credentials
	margin        time.Duration // before have expires, when it is replaced
	deadOnArrival bool          // have had expired by the clock of the caller when it was fetched
	refused       bool          // have was refused by OSS
	pending       *fetch        // the refresh under way, nil if there is none
	afterFailure  cooldown      // after a refresh that brought nothing new
	afterRefusal  cooldown      // after a fetch that returned keys that OSS had refused
}

// A fetch is one question to the provider; done is closed when creds and err stand.
type fetch struct {
	began time.Time
	ahead time.Duration // of the caller's clock
	done  chan struct{}
	creds Credentials
	err   error
}

// Credentials returns the keys at hand while they are good for longer than the margin, else those of a fetch.
func (c *credentialsCache) Credentials(ctx context.Context) (Credentials, error) {
	return c.credentialsAt(ctx, time.Now())
}

// credentialsAt is Credentials for a caller who knows the time better than the local clock.
func (c *credentialsCache) credentialsAt(ctx context.Context, now time.Time) (Credentials, error) {
	c.mu.Lock()
	have := c.current
	if c.deadOnArrival && now.Before(have.Expires) { // another clock, or a corrected one
		c.deadOnArrival, c.margin = false, c.marginOf(have.Expires.Sub(now))
	}
	usable := have.AccessKeyID != "" && !c.refused && (c.deadOnArrival || have.Expires.IsZero() || now.Before(have.Expires))
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
	if f.err == nil { // empty keys are a failed fetch too, and do not displace good ones
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

// marginOf returns how long before their end keys with so much life left are replaced.
func (c *credentialsCache) marginOf(life time.Duration) time.Duration { return min(c.early, life/2) }

// Format masks the keys for all verbs.
func (c *credentialsCache) Format(f fmt.State, _ rune) {
	io.WriteString(f, "oss.CacheCredentials{***}")
}

const (
	fetchTimeout = time.Minute     // of a fetch that no caller may be waiting for any more
	refreshWait  = 5 * time.Second // for a fetch by callers who have keys that still work
)

// Refuse makes the next call fetch, unless the refused keys have been replaced meanwhile, or have just been fetched
// again.
func (c *credentialsCache) Refuse(refused Credentials) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if sameKeys(c.current, refused) && !c.afterRefusal.active() {
		c.refused = true
	}
}

// A pause is a time without questions to a provider that has just failed. It doubles from ten seconds to a minute.
type cooldown struct {
	until  time.Time
	length time.Duration
}

func (p *cooldown) grow() {
	p.length = min(max(2*p.length, 10*time.Second), time.Minute)
	p.until = time.Now().Add(p.length)
}

func (p *cooldown) active() bool { return time.Now().Before(p.until) }

// sameKeys compares what OSS knows of keys.
func sameKeys(a, b Credentials) bool {
	return a.AccessKeyID == b.AccessKeyID && a.AccessKeySecret == b.AccessKeySecret && a.SecurityToken == b.SecurityToken
}

// keysOf asks p for keys, at a time that the Client knows.
func keysAt(ctx context.Context, p CredentialsProvider, now time.Time) (Credentials, error) {
	if cache, ok := p.(*credentialsCache); ok {
		return cache.credentialsAt(ctx, now)
	}
	return p.Credentials(ctx)
}

// refusesKeys reports whether OSS says that it does not accept the keys, or not any more, so that others are worth
// asking for.
//
// See https://help.aliyun.com/en/oss/user-guide/http-403-status-code
func rejectsKeys(code Code) bool {
	switch code {
	case "SecurityTokenExpired", "InvalidSecurityToken", "InvalidAccessKeyId", "AccessKeyIdAndSecurityTokenNotMatch":
		return true
	}
	return false
}

// renew asks the provider for other keys than those that OSS has refused, once for each call, and reports whether it
// has some. The attempt that follows takes these.
func (k *call) refreshKeys(ctx context.Context) bool {
	if k.refreshed {
		return false
	}
	k.refreshed = true
	if keeps, ok := k.client.credentials.(interface{ Refuse(Credentials) }); ok {
		keeps.Refuse(k.creds)
	}
	if k.attempts == k.client.retry.Attempts {
		return false // what was learnt of the keys is for the next call
	}
	creds, err := keysAt(ctx, k.client.credentials, k.client.Now())
	if err != nil || sameKeys(creds, k.creds) {
		return false
	}
	k.nextCreds = &creds
	return true
}
