package oss_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// numbered is a provider whose n-th keys are called "key-n", live for life, and take a second to get.
type numbered struct {
	life time.Duration
	mu   sync.Mutex
	n    int
	fail bool
}

func (p *numbered) Credentials(ctx context.Context) (oss.Credentials, error) {
	p.mu.Lock()
	p.n++
	n, fail := p.n, p.fail
	p.mu.Unlock()
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return oss.Credentials{}, ctx.Err()
	}
	if fail {
		return oss.Credentials{}, errors.New("no answer")
	}
	creds := oss.Credentials{AccessKeyID: fmt.Sprint("key-", n), AccessKeySecret: "secret", SecurityToken: "token"}
	if p.life > 0 {
		creds.Expires = time.Now().Add(p.life)
	}
	return creds, nil
}

func (p *numbered) fetches() int { p.mu.Lock(); defer p.mu.Unlock(); return p.n }

func (p *numbered) breakDown() { p.mu.Lock(); defer p.mu.Unlock(); p.fail = true }

// ask returns the ID of the keys p gives.
func ask(t *testing.T, p oss.CredentialsProvider) string {
	t.Helper()
	creds, err := p.Credentials(t.Context())
	if err != nil {
		return err.Error()
	}
	return creds.AccessKeyID
}

func TestCatalogueK1ManyCallersShareOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &numbered{life: time.Hour}
		cache := oss.CacheCredentials(source, time.Minute)
		s := play(says(200, ""))
		c := s.client(t, oss.Config{Credentials: cache})
		all := func() {
			var wg sync.WaitGroup
			for range 16 {
				wg.Go(func() {
					if _, err := c.HeadObject(t.Context(), "bucket", "key", nil); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		all()
		all()
		if n := source.fetches(); n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
		time.Sleep(2 * time.Hour)
		all()
		if n := source.fetches(); n != 2 {
			t.Errorf("%d fetches after the keys expired, want 2", n)
		}
	})
}

func TestCacheRefreshesEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache := oss.CacheCredentials(&numbered{life: time.Hour}, 10*time.Minute)
		for _, tt := range []struct {
			sleep time.Duration
			want  string
		}{{0, "key-1"}, {49 * time.Minute, "key-1"}, {2 * time.Minute, "key-2"}, {0, "key-2"}} {
			time.Sleep(tt.sleep)
			if got := ask(t, cache); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		}
	})
}

func TestCacheKeepsKeysThatNeverExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache := oss.CacheCredentials(&numbered{}, time.Hour)
		for range 3 {
			if got := ask(t, cache); got != "key-1" {
				t.Errorf("got %s", got)
			}
			time.Sleep(1000 * time.Hour)
		}
	})
}

func TestCatalogueK3FailedRefreshIsHiddenWhileTheOldKeysWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &numbered{life: time.Hour}
		cache := oss.CacheCredentials(source, 10*time.Minute)
		if got := ask(t, cache); got != "key-1" {
			t.Fatal(got)
		}
		source.breakDown()
		time.Sleep(55 * time.Minute)
		if got := ask(t, cache); got != "key-1" {
			t.Errorf("got %s, want key-1, which is good for five minutes more", got)
		}
		time.Sleep(10 * time.Minute)
		if got := ask(t, cache); got != "no answer" {
			t.Errorf("got %s, want the provider's error once the keys have expired", got)
		}
	})
}

func TestCatalogueK3RefreshThatHangsIsHiddenWhileTheOldKeysWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		cache := oss.CacheCredentials(oss.CredentialsFunc(func(ctx context.Context) (oss.Credentials, error) {
			if asked++; asked > 1 {
				<-ctx.Done()
			}
			return oss.Credentials{AccessKeyID: "key-1", AccessKeySecret: "secret", Expires: time.Now().Add(time.Hour)},
				ctx.Err()
		}), 10*time.Minute)
		ask(t, cache)
		time.Sleep(51 * time.Minute)
		for _, want := range []time.Duration{5 * time.Second, 0} { // the second finds that it has been waited for
			began := time.Now()
			if got := ask(t, cache); got != "key-1" || time.Since(began) != want {
				t.Errorf("got %s after %v, want key-1 after %v", got, time.Since(began), want)
			}
		}
		time.Sleep(10 * time.Minute)
		if got := ask(t, cache); got != context.DeadlineExceeded.Error() {
			t.Errorf("got %s once the keys have expired", got)
		}
	})
}

func TestCatalogueK3EmptyKeysDoNotDisplaceGoodOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		good := oss.Credentials{AccessKeyID: "good", AccessKeySecret: "secret", Expires: time.Now().Add(time.Hour)}
		cache := oss.CacheCredentials(steps(&calls, good, oss.Credentials{}), 10*time.Minute)
		for range 3 {
			if got := ask(t, cache); got != "good" {
				t.Errorf("got %s", got)
			}
			time.Sleep(26 * time.Minute)
		}
	})
}

func TestCancelledCallerDoesNotFailTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &numbered{}
		cache := oss.CacheCredentials(source, 0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := cache.Credentials(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the first caller got %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if got := ask(t, cache); got != "key-1" {
				t.Errorf("the second caller got %s", got)
			}
		})
		wg.Wait()
		if n := source.fetches(); n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
	})
}

// asks counts the questions to a provider that returns what give does.
func asks(n *int, give func() (oss.Credentials, error)) oss.CredentialsProvider {
	return oss.CredentialsFunc(func(context.Context) (oss.Credentials, error) { *n++; return give() })
}

// lasting returns keys that expire after life.
func lasting(life time.Duration) oss.Credentials {
	return oss.Credentials{AccessKeyID: "id", AccessKeySecret: "secret", SecurityToken: "token",
		Expires: time.Now().Add(life)}
}

// TestCacheIsNoLoadOnItsProvider is bug 8: 100 calls made 100 fetches where early was the life of the keys or more, and
// where a refresh failed.
func TestCacheIsNoLoadOnItsProvider(t *testing.T) {
	for _, tt := range []struct {
		name    string
		early   time.Duration
		later   func() (oss.Credentials, error) // what the source gives after its first answer
		lookFor time.Duration
		most    int // fetches
	}{
		{"early above the life", 2 * time.Hour, func() (oss.Credentials, error) { return lasting(time.Hour), nil },
			10 * time.Hour, 21},
		{"early of the life", time.Hour, func() (oss.Credentials, error) { return lasting(time.Hour), nil },
			10 * time.Hour, 21},
		{"refresh that fails", 30 * time.Minute,
			func() (oss.Credentials, error) { return oss.Credentials{}, errors.New("no answer") }, 59 * time.Minute,
			34},
		{"the same keys again and again", 59 * time.Minute, nil, 59 * time.Minute, 20},
		{"keys that never expire", time.Hour, func() (oss.Credentials, error) { return keys, nil }, 100 * time.Hour, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first, n := lasting(time.Hour), 0
				cache := oss.CacheCredentials(asks(&n, func() (oss.Credentials, error) {
					if n == 1 || tt.later == nil {
						return first, nil
					}
					return tt.later()
				}), tt.early)
				for began := time.Now(); time.Since(began) < tt.lookFor; time.Sleep(time.Second) {
					if _, err := cache.Credentials(t.Context()); err != nil {
						t.Fatalf("after %v: %v", time.Since(began), err)
					}
				}
				if n > tt.most {
					t.Errorf("%d fetches, want at most %d", n, tt.most)
				}
			})
		})
	}
}

func TestCachePausesDoubleWhileARefreshFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, n := lasting(time.Hour), 0
		var at []time.Duration
		began := time.Now()
		cache := oss.CacheCredentials(asks(&n, func() (oss.Credentials, error) {
			if n == 1 {
				return first, nil
			}
			at = append(at, time.Since(began)-30*time.Minute)
			return oss.Credentials{}, errors.New("no answer")
		}), 30*time.Minute)
		for time.Since(began) < 34*time.Minute {
			ask(t, cache)
			time.Sleep(time.Second)
		}
		want := []time.Duration{0, 10 * time.Second, 30 * time.Second, 70 * time.Second, 130 * time.Second,
			190 * time.Second}
		if fmt.Sprint(at) != fmt.Sprint(want) {
			t.Errorf("refreshed at %v, want %v", at, want)
		}
	})
}

// TestCacheOfAHostThatIsAheadAsksSeldom is row 20: with a clock ahead by more than the life of a token every request
// asked the source.
func TestCacheOfAHostThatIsAheadAsksSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ahead = 3 * time.Hour
		theirs := func() time.Time { return time.Now().Add(-ahead) } // the true time
		n := 0
		cache := oss.CacheCredentials(asks(&n,
			func() (oss.Credentials, error) { return lasting(time.Hour - ahead), nil }), 10*time.Minute)
		s := play(func(r *http.Request, body string) (*http.Response, error) {
			signed, err := time.Parse("20060102T150405Z", r.Header.Get("x-oss-date"))
			if err != nil {
				t.Error(err)
			}
			if signed.Sub(theirs()).Abs() > 15*time.Minute {
				return refuses(403, "RequestTimeTooSkewed", "Date", theirs().UTC().Format(http.TimeFormat))(r, body)
			}
			return stores(r, body)
		})
		c := s.client(t, oss.Config{Credentials: cache})
		for range 100 {
			if _, err := c.PutObject(t.Context(), "bucket", "key", strings.NewReader("x"), nil); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
		for range 120 {
			if _, err := c.PutObject(t.Context(), "bucket", "key", strings.NewReader("x"), nil); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		if n != 3 {
			t.Errorf("%d fetches in two hours of keys that live for one, want 3", n)
		}
	})
}

// TestKeysThatSeemToHaveExpiredAreLeftToOSS states what a cache does without a Client that knows the time.
func TestKeysThatSeemToHaveExpiredAreLeftToOSS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		cache := oss.CacheCredentials(asks(&n, func() (oss.Credentials, error) { return lasting(-time.Hour), nil }),
			time.Minute)
		for range 100 {
			if got := ask(t, cache); got != "id" {
				t.Fatal(got)
			}
			time.Sleep(time.Second)
		}
		if n != 4 { // at 0, 10, 30 and 70 seconds
			t.Errorf("%d fetches in 100 seconds, want 4", n)
		}
	})
}
