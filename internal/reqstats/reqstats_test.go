package reqstats

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestRequestsCountInTheirContextAndItsParents(t *testing.T) {
	outerCtx, outer := NewContext(context.Background())
	innerCtx, inner := NewContext(outerCtx)
	for i, request := range []struct {
		ctx    context.Context
		status int
		valid  bool
	}{
		{innerCtx, 200, true},
		{innerCtx, 404, true},
		{innerCtx, 503, true},  // throttled
		{innerCtx, 429, true},  // throttled
		{innerCtx, 503, false}, // both: a proxy may have forwarded the request
		{innerCtx, 0, false},   // no response
		{innerCtx, 500, true},  // unanswered: OSS may have done part of the work
		{innerCtx, 200, false}, // unanswered: half a document
		{outerCtx, 0, false},   // no response, in the outer context only
		{context.Background(), 0, false},
	} {
		FromContext(request.ctx).Record(1+i%2, request.status, request.valid, "")
	}
	if n, m := inner.Throttled.Load(), inner.Unanswered.Load(); n != 3 || m != 4 {
		t.Errorf("inner: %d throttled, %d unanswered, want 3 and 4", n, m)
	}
	if n, m := inner.Requests.Load(), inner.Retries.Load(); n != 8 || m != 4 {
		t.Errorf("inner: %d requests, %d retries, want 8 and 4", n, m)
	}
	if n, m := outer.Throttled.Load(), outer.Unanswered.Load(); n != 3 || m != 5 {
		t.Errorf("outer: %d throttled, %d unanswered, want 3 and 5", n, m)
	}
}

func TestNowFollowsTheDateOfTheLastResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, outer := NewContext(t.Context())
		_, inner := NewContext(ctx)
		for _, ahead := range []time.Duration{-time.Hour, 10 * time.Second} {
			want := time.Now().Add(ahead)
			inner.Record(1, 200, true, want.UTC().Format(http.TimeFormat))
			inner.Record(1, 0, false, "") // changes nothing
			time.Sleep(time.Minute)       // in the bubble
			for _, s := range []*Stats{inner, outer} {
				if got := s.Now(); !got.Equal(want.Add(time.Minute)) {
					t.Errorf("Now is %v, want %v", got, want.Add(time.Minute))
				}
			}
		}
	})
}
