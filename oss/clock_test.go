package oss_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/signer"
)

func TestCatalogueR5ClockIsLearned(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  oss.Config
	}{
		{"V4", oss.Config{Region: "cn-hangzhou"}},
		{"V1", oss.Config{Endpoint: "oss-cn-hangzhou.aliyuncs.com", Signer: signer.V1{}}},
		{"even where nothing is retried", oss.Config{Region: "cn-hangzhou", Retry: oss.Retry{Attempts: 1}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				off := -20 * time.Minute
				srv := newServer(t, nil)
				cfg := srv.Config()
				cfg.Region, cfg.Endpoint, cfg.Retry = tt.cfg.Region, tt.cfg.Endpoint, tt.cfg.Retry
				cfg.Now = func() time.Time { return time.Now().Add(off) }
				c := newClient(t, cfg)
				began := time.Now()
				put := func(want ...int) {
					t.Helper()
					before := len(srv.Requests())
					_, err := c.PutObject(t.Context(), "bucket", "key", strings.NewReader("x"), nil)
					var got []int
					for _, r := range srv.Requests()[before:] {
						got = append(got, r.StatusCode)
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("PutObject: %v, replies (-want +got):\n%s", err, diff)
					}
				}
				if cfg.Retry.Attempts == 1 {
					put(403)
					put(200)
					return
				}
				put(403, 200)
				put(200)
				off = 0 // the clock is set right
				put(403, 200)
				put(200)
				if d := time.Since(began); d > time.Millisecond {
					t.Errorf("learning took %v, want no waiting", d)
				}
			})
		})
	}
}

func TestCatalogueR5ClockThatCannotBeLearnedIsAnError(t *testing.T) {
	for _, tt := range []struct {
		name string
		only answer
		want int // requests
	}{
		{"reply without a date", refuses(403, "RequestTimeTooSkewed"), 1},
		{"refused for ever", refuses(403, "RequestTimeTooSkewed", "Date", "Sun, 01 Mar 2026 12:00:00 GMT"), 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := play(tt.only)
			_, err := s.client(t, oss.Config{}).HeadObject(t.Context(), "bucket", "key", nil)
			if n := len(s.messages()); n != tt.want || !errors.Is(err, oss.Code("RequestTimeTooSkewed")) {
				t.Errorf("HeadObject: %v after %d requests, want RequestTimeTooSkewed after %d", err, n, tt.want)
			}
		})
	}
}
