package credentials_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/credentials"
	"github.com/ossmultipart/go-oss/signer"
)

var (
	_ oss.CredentialsProvider = (*credentials.Provider)(nil)
	_ credentials.Source      = oss.CredentialsProvider(nil)
)

// C1 and C2: credentials-go 1.4.14 has data races here and fetches 16 times.
func TestSixteenFirstCallsMakeOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &counted{life: time.Hour}
		p := credentials.New(source, nil)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if got := ask(t, p); got != "key-1" {
					t.Errorf("got %s", got)
				}
			})
		}
		wg.Wait()
		if n := source.fetches(); n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
	})
}

func TestKeysAreRefreshedInTheBackground(t *testing.T) {
	tests := []struct {
		name        string
		life, ahead time.Duration
		refreshed   time.Duration // after the fetch
	}{
		{"15 minutes before they expire", 6 * time.Hour, 0, 5*time.Hour + 45*time.Minute},
		{"after a quarter of a short life", 12 * time.Minute, 0, 3 * time.Minute},
		{"as early as asked", time.Hour, 10 * time.Minute, 50 * time.Minute},
		{"after a quarter at the earliest (K8)", time.Hour, 2 * time.Hour, 15 * time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source := &counted{life: tt.life}
				p := credentials.New(source, &credentials.Options{RefreshAhead: tt.ahead})
				if got := ask(t, p); got != "key-1" {
					t.Fatal(got)
				}
				time.Sleep(tt.refreshed - 2*time.Second)
				ask(t, p)
				if n := source.fetches(); n != 1 {
					t.Errorf("%d fetches before it is time, want 1", n)
				}
				time.Sleep(4 * time.Second)
				began := time.Now()
				for range 100 {
					if got := ask(t, p); got != "key-1" || time.Since(began) > 0 {
						t.Fatalf("got %s after %v, want key-1 at once", got, time.Since(began))
					}
				}
				time.Sleep(2 * time.Second)
				if got := ask(t, p); got != "key-2" || source.fetches() != 2 {
					t.Errorf("got %s after %d fetches, want key-2 after 2", got, source.fetches())
				}
			})
		})
	}
}

// A Client asks before every attempt.
func TestKeysAtHandCostNoMemory(t *testing.T) {
	keys := signer.Credentials{AccessKeyID: "id", AccessKeySecret: "secret", SecurityToken: "t",
		Expires: time.Now().Add(time.Hour)}
	p := credentials.New(keys, nil)
	need(t, p)
	if n := testing.AllocsPerRun(100, func() { need(t, p) }); n > 0 {
		t.Errorf("%v allocations for each call", n)
	}
}

func TestKeysThatNeverExpireAreFetchedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := credentials.New(&counted{}, nil)
		for range 3 {
			if got := ask(t, p); got != "key-1" {
				t.Errorf("got %s", got)
			}
			time.Sleep(10000 * time.Hour)
		}
	})
}

// C3: credentials-go drops keys that are valid for two more minutes when their source is down. K3, K8.
func TestOldKeysAreUsedWhileTheyAreValid(t *testing.T) {
	for _, hangs := range []bool{false, true} {
		t.Run(fmt.Sprint("hangs ", hangs), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source := &counted{life: time.Hour}
				log := &record{}
				p := credentials.New(source, &credentials.Options{Logger: log.logger()})
				ask(t, p)
				source.set(errDown, hangs)
				for time.Sleep(44 * time.Minute); true; time.Sleep(time.Second) {
					if time.Until(need(t, p).Expires) <= 2*time.Second {
						break
					}
				}
				// 16 minutes at most every half minute, and a few more at the beginning.
				if n := source.fetches(); n > 1+16*2*2+5 {
					t.Errorf("%d fetches", n)
				}
				if !strings.Contains(log.String(), `"old_keys_valid":true`) {
					t.Error("a failed refresh is not logged")
				}
				time.Sleep(time.Minute)
				err := failure(t, p)
				if hangs {
					wants(t, err, "context deadline exceeded")
				} else if !errors.Is(err, errDown) {
					t.Errorf("%v is not the error of the source", err)
				}
				source.set(nil, false)
				time.Sleep(time.Minute)
				if got := ask(t, p); !strings.HasPrefix(got, "key-") {
					t.Errorf("after it has recovered: %s", got)
				}
			})
		})
	}
}

// K8: an outage costs a fetch now and then, not one for each request.
func TestSourceThatFailsIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &counted{fails: errDown}
		p := credentials.New(source, nil)
		for range 600 {
			if err := failure(t, p); !errors.Is(err, errDown) {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if n := source.fetches(); n < 10 || n > 50 {
			t.Errorf("%d fetches in ten minutes", n)
		}
	})
}

func TestContextEndsTheWaitAndNotTheFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &counted{}
		p := credentials.New(source, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := p.Credentials(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if got := ask(t, p); got != "key-1" || source.fetches() != 1 {
			t.Errorf("got %s after %d fetches, want key-1 after 1", got, source.fetches())
		}
		if _, err := p.Credentials(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v with a context that has ended", err)
		}
	})
}

func TestFetchEndsAfterTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := credentials.New(&counted{hangs: true}, &credentials.Options{Timeout: 7 * time.Second})
		began := time.Now()
		if err := failure(t, p); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 7*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// K2: 16 refusals of the same keys are one fetch.
func TestRefusedKeysAreReplacedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &counted{}
		p := credentials.New(source, nil)
		old := need(t, p)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				p.Refuse(old)
				if got := ask(t, p); got != "key-2" {
					t.Errorf("got %s", got)
				}
			})
		}
		wg.Wait()
		p.Refuse(old)
		if got := ask(t, p); got != "key-2" || source.fetches() != 2 {
			t.Errorf("got %s after %d fetches", got, source.fetches())
		}
	})
}

func TestSourceWithoutOtherKeysIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &counted{same: true}
		p := credentials.New(source, nil)
		for range 600 {
			p.Refuse(need(t, p))
			time.Sleep(time.Second)
		}
		if n := source.fetches(); n > 60 {
			t.Errorf("%d fetches in ten minutes", n)
		}
	})
}

func TestRefusedKeysAreNotUsedWhenTheirSourceIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &counted{life: time.Hour}
		p := credentials.New(source, nil)
		p.Refuse(need(t, p))
		source.set(errDown, false)
		for range 3 {
			if err := failure(t, p); !errors.Is(err, errDown) {
				t.Error(err)
			}
		}
	})
}

// Row 20: keys that have expired by a clock that may be wrong are used, and do not cost a fetch for each request.
func TestKeysThatSeemExpiredAreLeftToTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &counted{life: time.Hour}
		ahead := func() time.Time { return time.Now().Add(10 * time.Hour) }
		p := credentials.New(source, &credentials.Options{Now: ahead})
		for range 100 {
			need(t, p)
			time.Sleep(time.Second)
		}
		if n := source.fetches(); n > 10 {
			t.Errorf("%d fetches in 100 seconds", n)
		}
	})
}

// BR01: keys from files and variables often end with a line feed.
func TestKeysAreTrimmedAndChecked(t *testing.T) {
	tests := []struct {
		name string
		keys signer.Credentials
		want string // the error; empty if the keys are usable
	}{
		{"line feeds around", signer.Credentials{AccessKeyID: " id\r\n", AccessKeySecret: "\tsecret\n",
			SecurityToken: "token\n"}, ""},
		{"line feed in the ID", signer.Credentials{AccessKeyID: "i\nd", AccessKeySecret: "hunter2"},
			"the access key ID has the byte 0x0a at position 1"},
		{"blank in the secret", signer.Credentials{AccessKeyID: "id", AccessKeySecret: "hunter2 hunter2"},
			"the access key secret has the byte 0x20 at position 7"},
		{"other letters in the token", signer.Credentials{AccessKeyID: "id", AccessKeySecret: "hunter2",
			SecurityToken: "hunter2\u00e9"}, "the security token has the byte 0xc3"},
		{"no ID (K4)", signer.Credentials{AccessKeySecret: "hunter2"}, "the access key ID is empty"},
		{"no secret", signer.Credentials{AccessKeyID: "id", AccessKeySecret: "\n"}, "the access key secret is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			source := oss.CredentialsFunc(func(context.Context) (oss.Credentials, error) { return tt.keys, nil })
			c, err := credentials.New(source, nil).Credentials(t.Context())
			if tt.want != "" {
				if wants(t, err, tt.want, "credentials: oss.CredentialsFunc: "); strings.Contains(err.Error(),
					"hunter2") {
					t.Errorf("the error shows a secret: %v", err)
				}
				return
			}
			if want := (signer.Credentials{AccessKeyID: "id", AccessKeySecret: "secret",
				SecurityToken: "token"}); c != want || err != nil {
				t.Errorf("got %v, %v", c, err)
			}
		})
	}
}

func TestNothingOfAProviderPrintsKeys(t *testing.T) {
	log := &record{}
	keys := signer.Credentials{AccessKeyID: "id", AccessKeySecret: "hunter2-secret", SecurityToken: "hunter2-token"}
	p := credentials.New(keys, &credentials.Options{Logger: log.logger()})
	need(t, p)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		fmt.Fprintf(log, format+"\n", p)
		fmt.Fprintf(log, format+"\n", struct{ P *credentials.Provider }{p})
	}
	if text := log.String(); strings.Contains(text, "hunter2") || !strings.Contains(text,
		"credentials.Provider{signer.Credentials}") {
		t.Errorf("printed:\n%s", text)
	}
}

func TestOptionsThatCannotWorkAreErrors(t *testing.T) {
	for want, opts := range map[string]credentials.Options{
		"Options.Timeout -1s is negative":       {Timeout: -time.Second},
		"Options.RefreshAhead -1ns is negative": {RefreshAhead: -1},
	} {
		source := &counted{}
		wants(t, failure(t, credentials.New(source, &opts)), want)
		if source.fetches() != 0 {
			t.Error("the source was asked")
		}
	}
	wants(t, failure(t, credentials.New(nil, nil)), "the Source is nil")
}

// K4: keys that expire in the pause after a refusal, from a source that has no others, do not become empty ones.
func TestKeysThatExpireInAPauseAreNotReplacedByNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := time.Now().Add(time.Minute)
		n := 0
		p := credentials.New(sourceFunc(func() (signer.Credentials, error) {
			n++
			return signer.Credentials{AccessKeyID: "id", AccessKeySecret: "secret", Expires: end}, nil
		}), nil)
		for range 180 {
			keys := need(t, p)
			if keys.AccessKeyID != "id" {
				t.Fatalf("got %v", keys)
			}
			p.Refuse(keys)
			time.Sleep(time.Second)
		}
		if n > 40 {
			t.Errorf("%d fetches in three minutes", n)
		}
	})
}
