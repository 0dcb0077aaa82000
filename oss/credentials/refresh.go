package credentials

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/signer"
)

// A Source supplies keys. It is the method set of oss.CredentialsProvider, so every provider of package oss is a
// Source and every Provider of this package fits into oss.Config. Implementations are safe for concurrent use.
type Source interface {
	Credentials(ctx context.Context) (signer.Credentials, error)
}

// Options tune how a Provider fetches keys. Nil and the zero value both mean the defaults.
type Options struct {
	HTTPClient   *http.Client     // for all requests; default: proxies from the environment, none for metadata
	Timeout      time.Duration    // of one fetch, its retries included; 0 means 30s
	RefreshAhead time.Duration    // before the keys expire; 0 means 15m; at most 3/4 of their life
	Now          func() time.Time // clock that signs STS requests and dates keys; default time.Now
	Logger       *slog.Logger     // Warn for a failed refresh, Debug for new keys; default: silent
}

func (o *Options) orDefault() Options {
	var v Options
	if o != nil {
		v = *o
	}
	v.Timeout = cmp.Or(v.Timeout, 30*time.Second)
	v.RefreshAhead = cmp.Or(v.RefreshAhead, 15*time.Minute)
	if v.Now == nil {
		v.Now = time.Now
	}
	if v.Logger == nil {
		v.Logger = slog.New(slog.DiscardHandler)
	}
	return v
}

func (o Options) check() error {
	switch {
	case o.Timeout < 0:
		return fmt.Errorf("Options.Timeout %v is negative", o.Timeout)
	case o.RefreshAhead < 0:
		return fmt.Errorf("Options.RefreshAhead %v is negative", o.RefreshAhead)
	}
	return nil
}

// A source fetches keys once, without remembering them. Errors are without the name of the source.
type source interface {
	name() string
	fetch(ctx context.Context) (answer, error)
}

// An answer is what a source replied.
type answer struct {
	creds   signer.Credentials
	asOf    time.Time   // the clock of the source at that moment, zero if it has none
	changed func() bool // reports cheaply whether the source would answer otherwise now; nil if it cannot tell
}

// A Provider keeps the keys of one source fresh. All callers share one fetch. Keys are fetched again in the background
// before they expire, and the old ones are used while they are valid. So callers notice neither a slow source nor an
// outage that is shorter than RefreshAhead and than three quarters of the life of the keys. After a failed fetch the
// source is not asked again for a second, then for longer, up to half a minute.
//
// The Expires of the keys is what the source said. If the source has a clock, it measures how long they are valid, so
// the clock of the machine may be wrong.
//
// A Provider is safe for concurrent use and needs no Close: it has a goroutine only while a fetch is in flight.
type Provider struct {
	source source
	opts   Options
	broken error // Options that cannot work

	mu       sync.Mutex
	held     signer.Credentials // the latest keys, empty if there were none
	expires  time.Time          // when held ends, by our clock; zero means never
	refresh  time.Time          // when to fetch again; zero means never
	changed  func() bool        // of the answer held came in
	looked   time.Time          // when changed was last called
	refused  bool               // the service has refused held
	flight   *flight            // the fetch in flight, nil if there is none
	failures int                // fetches in a row that brought nothing new
	retry    time.Time          // no fetch before
	err      error              // of the last fetch
}

// A flight is one fetch; done is closed when creds and err are set.
type flight struct {
	done  chan struct{}
	creds signer.Credentials
	err   error
}

const (
	minPause    = time.Second
	maxPause    = 30 * time.Second
	lookEvery   = time.Second     // between two calls of changed
	unknownLife = 5 * time.Minute // of keys that have expired by a clock that may be wrong
)

func newProvider(s source, opts *Options) *Provider {
	o := opts.orDefault()
	return &Provider{source: s, opts: o, broken: o.check()}
}

// New keeps the keys of s fresh. Use it for a source of your own: s needs neither a cache nor retries, and its keys
// must have Expires set unless they are valid forever. Unlike oss.CacheCredentials, it refreshes in the background, and
// it has limits, logs and a clock of its own.
func New(s Source, opts *Options) *Provider { return newProvider(asSource(s), opts) }

// asSource returns what is behind a Provider, so that keys are not kept twice.
func asSource(s Source) source {
	if p, ok := s.(*Provider); ok && p.broken == nil {
		return p.source
	}
	return foreign{s}
}

// A foreign source was implemented elsewhere.
type foreign struct{ Source }

func (f foreign) name() string { return fmt.Sprintf("%T", f.Source) }

func (f foreign) fetch(ctx context.Context) (answer, error) {
	if f.Source == nil {
		return answer{}, errors.New("the Source is nil")
	}
	creds, err := f.Credentials(ctx)
	return answer{creds: creds}, err
}

// Credentials returns valid keys. It waits only if there are none: for the fetch in flight, or until ctx ends. While
// the source is not asked again after a failure, it returns the error of that failure.
func (p *Provider) Credentials(ctx context.Context) (signer.Credentials, error) {
	if p.broken != nil {
		return signer.Credentials{}, p.wrap(p.broken)
	}
	if err := ctx.Err(); err != nil {
		return signer.Credentials{}, p.wrap(err)
	}
	p.mu.Lock()
	now := time.Now()
	valid, usable := p.valid(now), p.usable(now)
	paused := now.Before(p.retry) && (valid || p.err != nil) // never without an answer
	if p.flight == nil && !paused {
		if !usable || !p.refresh.IsZero() && !now.Before(p.refresh) {
			p.start(ctx, nil)
		} else if p.changed != nil && now.Sub(p.looked) >= lookEvery {
			p.looked = now
			p.start(ctx, p.changed)
		}
	}
	f, held, err := p.flight, p.held, p.err
	p.mu.Unlock()

	switch {
	case usable:
		return held, nil
	case f == nil && err == nil && valid: // refused, but the source has no others
		return held, nil
	case f == nil:
		return signer.Credentials{}, err
	}
	select {
	case <-f.done:
		return f.creds, f.err
	case <-ctx.Done():
		return signer.Credentials{}, p.wrap(ctx.Err())
	}
}

// valid reports whether there are keys that have not expired.
func (p *Provider) valid(now time.Time) bool {
	return p.held.AccessKeyID != "" && (p.expires.IsZero() || now.Before(p.expires))
}

// usable reports whether there are keys to give out without a fetch.
func (p *Provider) usable(now time.Time) bool { return p.valid(now) && !p.refused }

// start begins a flight, which runs on when the caller that began it is cancelled: others may be waiting. With look
// it is a fetch only if look says so, or if the keys are not usable any more by then.
func (p *Provider) start(ctx context.Context, look func() bool) {
	f := &flight{done: make(chan struct{})}
	p.flight = f
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.opts.Timeout)
		defer cancel()
		if look == nil || look() || !p.keep(f) {
			p.fetch(ctx, f)
		}
	}()
}

// keep ends a flight with the keys at hand, if they are usable.
func (p *Provider) keep(f *flight) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.usable(time.Now()) {
		return false
	}
	f.creds, p.flight = p.held, nil
	close(f.done)
	return true
}

// sameKeys compares what a service knows of keys.
func sameKeys(a, b signer.Credentials) bool {
	a.Expires, b.Expires = time.Time{}, time.Time{}
	return a == b
}

// Refuse tells p that a service has refused keys, so that the next call of Credentials fetches others. It does
// nothing if p has others already. A Client of package oss calls it.
func (p *Provider) Refuse(keys signer.Credentials) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if sameKeys(p.held, keys) {
		p.refused = true
	}
}

// fetch asks the source and ends the flight.
func (p *Provider) fetch(ctx context.Context, f *flight) {
	began := time.Now()
	a, err := p.source.fetch(ctx)
	if err == nil {
		a.creds, err = clean(a.creds)
	}
	var life time.Duration
	if err == nil {
		life, err = p.life(a)
	}

	p.mu.Lock()
	now := time.Now()
	p.flight = nil
	if err == nil {
		p.take(a, began, life, now)
		f.creds = a.creds
	} else {
		p.err = p.wrap(err)
		p.pause(now)
		f.err = p.err
	}
	valid, pause := p.valid(now), p.retry.Sub(now)
	p.mu.Unlock()
	close(f.done)

	from := slog.String("source", p.source.name())
	if err != nil {
		p.opts.Logger.LogAttrs(ctx, slog.LevelWarn, "credentials: fetch failed", from,
			slog.Any("error", err), slog.Bool("old_keys_valid", valid), slog.Duration("retry_in", pause))
		return
	}
	p.opts.Logger.LogAttrs(ctx, slog.LevelDebug, "credentials: fetched", from, slog.Any("keys", a.creds))
}

// take replaces the keys. Their life counts from before the fetch, so that a slow one does not prolong it.
func (p *Provider) take(a answer, began time.Time, life time.Duration, now time.Time) {
	if p.refused && sameKeys(p.held, a.creds) {
		p.pause(now) // the source has no others: it is asked again, but not for every request
	} else {
		p.failures, p.retry = 0, time.Time{}
	}
	p.held, p.refused, p.changed, p.looked, p.err = a.creds, false, a.changed, now, nil
	p.expires, p.refresh = time.Time{}, time.Time{}
	if life > 0 {
		p.expires = began.Add(life)
		p.refresh = p.expires.Add(-min(p.opts.RefreshAhead, life/4*3))
		if soonest := now.Add(minPause); p.refresh.Before(soonest) {
			p.refresh = soonest
		}
	}
}

// life returns how long the keys of a are valid, 0 meaning forever.
func (p *Provider) life(a answer) (time.Duration, error) {
	end := a.creds.Expires
	if end.IsZero() {
		return 0, nil
	}
	if !a.asOf.IsZero() {
		if life := end.Sub(a.asOf); life > 0 {
			return life, nil
		}
		return 0, fmt.Errorf("the keys expired at %s, and the source's clock says %s",
			end.UTC().Format(time.RFC3339), a.asOf.UTC().Format(time.RFC3339))
	}
	if life := end.Sub(p.opts.Now()); life > 0 {
		return life, nil
	}
	// Either the keys are old or this clock is ahead. A Client corrects its clock by that of OSS, which decides.
	return unknownLife, nil
}

// pause doubles with each failure, and is drawn from the upper half, so that processes that failed together do not
// come back together.
func (p *Provider) pause(now time.Time) {
	d := min(minPause<<min(p.failures, 10), maxPause)
	p.failures++
	p.retry = now.Add(d/2 + rand.N(d/2+1))
	if p.valid(now) && !p.expires.IsZero() && p.expires.Before(p.retry) {
		p.retry = p.expires // when the source is needed it may be back
	}
}

// wrap names the source.
func (p *Provider) wrap(err error) error {
	return fmt.Errorf("credentials: %s: %w", p.source.name(), err)
}

// String names the source and shows no keys.
func (p *Provider) String() string { return "credentials.Provider{" + p.source.name() + "}" }

// Format prints String for all verbs.
func (p *Provider) Format(f fmt.State, _ rune) { io.WriteString(f, p.String()) }
