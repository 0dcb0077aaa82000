package oss_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/oss"
)

// row 52: against a server that answers 500 to everything, 300 operations made 1,200 requests.
func TestRetriesOfAClientShareABudget(t *testing.T) {
	const operations, bucket = 300, 100
	for _, tt := range []struct {
		name string
		only answer
		gate bool
		most int
	}{
		{"500", failing, false, operations*11/10 + bucket},
		{"500 behind a Gate", failing, true, operations*11/10 + bucket},
		{"503", busy, false, operations*11/10 + bucket},
		{"reset", reset, false, operations*11/10 + bucket},
		{"one that answers", refuses(403, "AccessDenied"), false, operations},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := play(tt.only)
				c := s.client(t, oss.Config{})
				var running sync.WaitGroup
				errs := make(chan error, operations)
				for range operations {
					running.Go(func() {
						ctx := t.Context()
						if tt.gate {
							ctx = flow.WithGate(ctx, &gate{})
						}
						_, err := c.HeadObject(ctx, "bucket", "key", nil)
						errs <- err
					})
				}
				running.Wait()
				close(errs)
				if n := len(s.messages()); n > tt.most {
					t.Errorf("%d requests, want at most %d", n, tt.most)
				}
				starved := 0
				for err := range errs {
					if err == nil {
						t.Fatal("no error")
					}
					if strings.Contains(err.Error(), "too many operations of this Client fail") {
						starved++
					}
				}
				if want := tt.name != "one that answers"; want != (starved > 0) {
					t.Errorf("%d errors say that the budget is empty", starved)
				}
			})
		})
	}
}

// An empty budget is no error of its own: what failed is reachable as ever.
func TestErrorOfAnEmptyBudgetIsThatOfTheAttempt(t *testing.T) {
	for _, tt := range []struct {
		only answer
		want string
	}{
		{failing, "oss: HeadObject oss://bucket/key: 500 InternalError: no., request ID 5C3D9175B6FC201293AD4890; " +
			"not repeated, because too many operations of this Client fail"},
		{breaks(errors.New("broken")), "oss: HeadObject oss://bucket/key: broken; " +
			"not repeated, because too many operations of this Client fail"},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := play(tt.only).client(t, oss.Config{Retry: oss.Retry{Attempts: 101, MinWait: 1, MaxWait: 1}})
			c.HeadObject(t.Context(), "bucket", "key", nil) // 100 retries
			_, err := c.HeadObject(t.Context(), "bucket", "key", nil)
			if err == nil || err.Error() != tt.want {
				t.Errorf("HeadObject: %v, want %s", err, tt.want)
			}
			var refused *oss.ServiceError
			if strings.Contains(tt.want, "500") && (!errors.As(err, &refused) || refused.Attempts != 1) {
				t.Errorf("HeadObject: %v is no ServiceError of 1 attempt", err)
			}
		})
	}
}

func TestBudgetRefills(t *testing.T) {
	for _, tt := range []struct {
		name  string
		calls []answer // between the end of the budget and the call that is counted
		want  int      // requests of that call
	}{
		{"not by itself", nil, 1},
		{"by ten successes", times(10, says(200, "")), 2},
		{"not by nine", times(9, says(200, "")), 1},
		{"by refusals that stay", times(10, refuses(404, "NoSuchKey")), 2},
		{"not by pages of a proxy", times(10, says(404, "<html>")), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				answers := append(times(101, failing), tt.calls...)
				s := play(append(answers, failing)...)
				c := s.client(t, oss.Config{Retry: oss.Retry{Attempts: 101, MinWait: 1, MaxWait: 1}})
				for range 1 + len(tt.calls) {
					c.HeadObject(t.Context(), "bucket", "key", nil)
				}
				before := len(s.messages())
				c.HeadObject(t.Context(), "bucket", "key", nil)
				if n := len(s.messages()) - before; n != tt.want {
					t.Errorf("%d requests, want %d", n, tt.want)
				}
			})
		})
	}
}

// What succeeds after retries gives them back: a service that fails now and then uses up no budget.
func TestRetriesThatSucceedCostNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n int
		c := newClient(t, oss.Config{Region: "cn-hangzhou", Credentials: keys, Retry: oss.Retry{MinWait: 1, MaxWait: 1},
			HTTPClient: &http.Client{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
				if n++; n%3 != 0 {
					return failing(r, "")
				}
				return says(200, "")(r, "")
			})}})
		for range 1000 {
			if _, err := c.HeadObject(t.Context(), "bucket", "key", nil); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Clocks that are off and keys that have expired concern all operations at once, and are no load that grows.
func TestCorrectionsAreOutsideTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		date := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
		first := refuses(403, "RequestTimeTooSkewed", "Date", date)
		c := play(append(times(300, first), says(200, ""))...).client(t, oss.Config{})
		var running sync.WaitGroup
		for range 300 {
			running.Go(func() {
				_, err := c.HeadObject(t.Context(), "bucket", "key", nil)
				if err != nil && strings.Contains(err.Error(), "too many operations") {
					t.Error(err)
				}
			})
		}
		running.Wait()
	})
}

// Throttling and outages are bounded by the Gate.
func TestGateSparesTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := append(times(300, reset), times(300, busy)...)
		_, c := playAnswered(t, oss.Config{}, append(answers, failing, says(200, ""))...)
		if _, err := c.HeadObject(flow.WithGate(t.Context(), &gate{}), "bucket", "key", nil); err != nil {
			t.Error(err)
		}
	})
}

// times returns a n times.
func times(n int, a answer) []answer {
	all := make([]answer, n)
	for i := range all {
		all[i] = a
	}
	return all
}
