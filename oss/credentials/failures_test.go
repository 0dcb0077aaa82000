package credentials_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss/credentials"
	"github.com/ossmultipart/go-oss/oss/credentials/credtest"
	"github.com/ossmultipart/go-oss/signer"
)

// A networked is a source that is reached by a network, and the stand-in it asks.
type networked struct {
	name   string
	make   func(c *cloud, o credentials.Options) *credentials.Provider
	faults func(c *cloud) *credtest.Faults
}

func networkSources() []networked {
	ofSTS := func(c *cloud) *credtest.Faults { return &c.sts.Faults }
	return []networked{
		{"ECS RAM role", func(c *cloud, o credentials.Options) *credentials.Provider {
			return credentials.ECSRole(&credentials.ECSRoleOptions{Options: o})
		}, func(c *cloud) *credtest.Faults { return &c.metadata.Faults }},
		{"OIDC", func(c *cloud, o credentials.Options) *credentials.Provider {
			return credentials.OIDC(&credentials.OIDCOptions{Options: o, Duration: 15 * time.Minute})
		}, ofSTS},
		{"role " + roleARN, func(c *cloud, o credentials.Options) *credentials.Provider {
			return credentials.AssumeRole(user, roleARN,
				&credentials.AssumeRoleOptions{Options: o, Duration: 15 * time.Minute})
		}, ofSTS},
		{"URI", func(c *cloud, o credentials.Options) *credentials.Provider {
			return credentials.URI("http://keys.example.com/", &o)
		}, func(c *cloud) *credtest.Faults { return &c.uri.Faults }},
		{"CLI profile", func(c *cloud, o credentials.Options) *credentials.Provider {
			return credentials.Profile(&credentials.ProfileOptions{Name: "role15", Options: o})
		}, ofSTS},
		{"chain: OIDC", func(c *cloud, o credentials.Options) *credentials.Provider {
			return credentials.Default(&o)
		}, ofSTS},
	}
}

// configure makes all network sources usable.
func configure(t *testing.T) {
	t.Helper()
	home := isolate(t)
	rrsa(t, "oidc-token")
	install(t, home, "config.json", ".aliyun/config.json", `"name": "ak", "mode": "AK",`,
		fmt.Sprintf(`"name": "role15", "mode": "RamRoleArn", "ram_role_arn": %q, "expired_seconds": 900,`, roleARN))
}

// Every source, with every failure: it says what is wrong without a secret, is left alone, and recovers.
func TestEverySourceSurvivesEveryFailure(t *testing.T) {
	configure(t)
	failures := []struct {
		name  string
		fault credtest.Fault
		want  string // in the error
	}{
		{"refused", credtest.Fault{Refuse: true}, "connection refused"},
		{"cut", credtest.Fault{Drop: true}, "unexpected EOF"},
		{"silent", credtest.Fault{Delay: time.Hour}, "deadline exceeded"},
		{"500", credtest.Fault{Status: 500, Body: "hunter2"}, "500"},
		{"400", credtest.Fault{Status: 400, Body: "hunter2"}, "400"},
		{"empty", credtest.Fault{Status: 200}, ""},
		{"page", credtest.Fault{Status: 200, Body: "<html>hunter2"}, ""},
		{"half", credtest.Fault{Status: 200, Body: `{"AccessKeyId": "hunter2`}, ""},
		{"other JSON", credtest.Fault{Status: 200,
			Body: `{"Credentials": {"AccessKeyId": "id", "AccessKeySecret": "hunter2"}}`}, ""},
		{"huge", credtest.Fault{Status: 200, Body: strings.Repeat("hunter2", 200_000)}, "more than 1048576 bytes"},
	}
	for i, source := range networkSources() {
		for j, failed := range failures {
			if testing.Short() && (i+j)%3 != 0 { // still every failure, and every source
				continue
			}
			t.Run(source.name+" "+failed.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := newCloud(credtest.Options{Life: 15 * time.Minute})
					p := source.make(c, c.opts)
					faults := source.faults(c)
					faults.Inject(failed.fault)
					began := time.Now()
					err := failure(t, p)
					wants(t, err, failed.want, strings.TrimPrefix(source.name, "chain: "))
					if d := time.Since(began); d > 31*time.Second {
						t.Errorf("the error took %v", d)
					}
					requests := faults.Requests()
					for range 100 {
						failure(t, p)
					}
					if n := faults.Requests() - requests; n != 0 {
						t.Errorf("%d requests for 100 calls in the pause", n)
					}

					faults.Clear()
					time.Sleep(time.Minute)
					old := need(t, p)
					faults.Inject(failed.fault)
					time.Sleep(5 * time.Minute)
					for ; time.Until(old.Expires) > time.Second; time.Sleep(20 * time.Second) {
						began := time.Now()
						if got := need(t, p); got != old || time.Since(began) > 0 {
							t.Fatalf("got %v after %v, want the old keys at once", got, time.Since(began))
						}
					}
					faults.Clear()
					time.Sleep(2 * time.Minute)
					if got := need(t, p); got == old {
						t.Error("the old keys are used after they have expired")
					}
					if text := err.Error() + c.log.String(); strings.Contains(text, "hunter2") ||
						strings.Contains(text, "-token/") {
						t.Errorf("a secret shows in %s", text)
					}
				})
			})
		}
	}
}

// C1 and C2, for every source: run with -race.
func TestEverySourceMakesOneFetchForSixteenCallers(t *testing.T) {
	configure(t)
	for _, source := range networkSources() {
		t.Run(source.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCloud(credtest.Options{Life: 15 * time.Minute})
				source.faults(c).Inject(credtest.Fault{Times: 1, Delay: time.Second})
				p := source.make(c, c.opts)
				var wg sync.WaitGroup
				for range 16 {
					wg.Go(func() {
						if got := ask(t, p); !strings.HasPrefix(got, "STS.") {
							t.Error(got)
						}
					})
				}
				wg.Wait()
				if n := len(c.sts.Issued()) + len(c.uri.Issued()) + len(c.metadata.Issued()); n != 1 {
					t.Errorf("%d fetches, want 1", n)
				}
			})
		})
	}
}

// Row 20, for every source: with a clock that is hours off nothing is fetched more often, and nothing expires.
func TestEverySourceWorksWithAWrongClock(t *testing.T) {
	configure(t)
	for _, source := range networkSources() {
		for _, off := range []time.Duration{-10 * time.Hour, 10 * time.Hour} {
			t.Run(fmt.Sprint(source.name, " ", off), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := newCloud(credtest.Options{Life: 15 * time.Minute})
					o := c.opts
					o.Now = func() time.Time { return time.Now().Add(off) }
					p := source.make(c, o)
					for range 60 {
						if left := time.Until(need(t, p).Expires); left <= 0 {
							t.Fatalf("keys that expired %v ago", -left)
						}
						time.Sleep(time.Minute)
					}
					// Keys of 15 minutes are refreshed every four; those of the instance are renewed by it. Each
					// fetch is at most three requests, and the first may be repeated for its time.
					if n := source.faults(c).Requests(); n > 60 {
						t.Errorf("%d requests in an hour", n)
					}
				})
			})
		}
	}
}

// Keys that have expired by the clock of their source are not used.
func TestExpiredKeysOfASourceAreAnError(t *testing.T) {
	configure(t)
	synctest.Test(t, func(t *testing.T) {
		c := newCloud(credtest.Options{})
		old := signer.Credentials{AccessKeyID: "id", AccessKeySecret: "hunter2", SecurityToken: "t",
			Expires: time.Now().Add(-time.Minute)}
		c.uri.Set(old)
		wants(t, failure(t, credentials.URI("http://keys.example.com/", &c.opts)), "the keys expired at ",
			"the source's clock says ")
	})
}

// A host without a stand-in is a refused connection, not a panic.
func TestHostWithoutAStandInIsRefused(t *testing.T) {
	isolate(t)
	o := credentials.Options{HTTPClient: credtest.HTTPClient(map[string]http.Handler{})}
	wants(t, failure(t, credentials.URI("http://keys.example.com/", &o)), "connection refused")
}
