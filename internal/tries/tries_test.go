package tries

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestACountIsOfItsContextAndOfThoseMadeFromIt(t *testing.T) {
	outerCtx, outer := Watch(context.Background())
	innerCtx, inner := Watch(outerCtx)
	for _, request := range []struct {
		ctx        context.Context
		status     int
		understood bool
	}{
		{innerCtx, 200, true},
		{innerCtx, 404, true},
		{innerCtx, 503, true},  // throttled
		{innerCtx, 429, true},  // throttled
		{innerCtx, 503, false}, // both: a proxy may have passed it on
		{innerCtx, 0, false},   // lost
		{innerCtx, 500, true},  // lost: nobody knows what was done before
		{innerCtx, 200, false}, // lost: half a document
		{outerCtx, 0, false},   // lost, and not the inner one's
		{context.Background(), 0, false},
	} {
		From(request.ctx).Add(request.status, request.understood, "")
	}
	if n, m := inner.Throttled.Load(), inner.Lost.Load(); n != 3 || m != 4 {
		t.Errorf("inner: %d throttled, %d lost, want 3 and 4", n, m)
	}
	if n, m := outer.Throttled.Load(), outer.Lost.Load(); n != 3 || m != 5 {
		t.Errorf("outer: %d throttled, %d lost, want 3 and 5", n, m)
	}
}

func TestNowIsThatOfTheLastAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, outer := Watch(t.Context())
		_, inner := Watch(ctx)
		for _, ahead := range []time.Duration{-time.Hour, 10 * time.Second} {
			want := time.Now().Add(ahead)
			inner.Add(200, true, want.UTC().Format(http.TimeFormat))
			inner.Add(0, false, "") // tells nothing
			time.Sleep(time.Minute) // of the bubble
			for _, c := range []*Count{inner, outer} {
				if got := c.Now(); !got.Equal(want.Add(time.Minute)) {
					t.Errorf("Now is %v, want %v", got, want.Add(time.Minute))
				}
			}
		}
	})
}
