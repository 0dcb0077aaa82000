package tries

import (
	"context"
	"testing"
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
		{innerCtx, 0, false},   // lost
		{innerCtx, 500, true},  // lost: nobody knows what was done before
		{innerCtx, 200, false}, // lost: half a document
		{outerCtx, 0, false},   // lost, and not the inner one's
		{context.Background(), 0, false},
	} {
		From(request.ctx).Add(request.status, request.understood)
	}
	if n, m := inner.Throttled.Load(), inner.Lost.Load(); n != 2 || m != 3 {
		t.Errorf("inner: %d throttled, %d lost, want 2 and 3", n, m)
	}
	if n, m := outer.Throttled.Load(), outer.Lost.Load(); n != 2 || m != 4 {
		t.Errorf("outer: %d throttled, %d lost, want 2 and 4", n, m)
	}
}
