package faults_test

import (
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/internal/faults"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestEveryDrawnFaultIsValid(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 20 {
		for _, effect := range faults.Anywhere(rnd) {
			for _, op := range append(osstest.Operations(), "") {
				f := osstest.Fault{Op: op, Effect: effect, Times: 1}
				faults.Narrow(rnd, &f)
				if err := f.Validate(); err != nil {
					t.Errorf("%+v: %v", f, err)
				}
			}
		}
	}
}

func TestNamesTakeAnEffectApart(t *testing.T) {
	for _, tt := range []struct {
		effect osstest.Effect
		want   []string
	}{
		{osstest.Drop(), []string{"Drop"}},
		{osstest.Together(osstest.LoseReply(), osstest.Redeliver(time.Second)),
			[]string{"LoseReply", "Redeliver", "Together"}},
	} {
		if got := faults.Names(tt.effect); !slices.Equal(got, tt.want) {
			t.Errorf("names of %v are %q, want %q", tt.effect, got, tt.want)
		}
	}
}

// TestAGatewayLosesRepliesOfExecutedRequests counts the requests that a server gets, and the replies of a client.
func TestAGatewayLosesRepliesOfExecutedRequests(t *testing.T) {
	executed := 0
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { executed++ }))
	defer srv.Close()
	losses := faults.NewLosses(rand.New(rand.NewPCG(1, 0)))
	client := &http.Client{Transport: &faults.Gateway{Next: srv.Client().Transport, Status: losses.Status}}
	get := func() string {
		resp, err := client.Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		page, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(page)
	}
	lost := 0
	for range 100 {
		if get() != "" {
			lost++
		}
	}
	if n := losses.End(); executed != 100 || lost != n || n == 0 || n == 100 {
		t.Errorf("%d of 100 requests executed, %d replies lost and %d counted", executed, lost, n)
	}
	for range 100 {
		if page := get(); page != "" {
			t.Fatalf("after End the reply is %q", page)
		}
	}
}
