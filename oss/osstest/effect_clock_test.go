package osstest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
	"github.com/ossmultipart/go-oss/signer"
)

func TestAClockThatIsOffRefusesAndTellsTheTime(t *testing.T) {
	srv := start(t, &osstest.Options{Now: atNoon})
	for _, d := range []time.Duration{time.Hour, -time.Hour} {
		i := srv.Inject(osstest.Fault{Effect: osstest.ClockOff(d)})
		got := send(t, srv, call{method: "PUT", key: "key", body: "x", time: noon})
		theirs := noon.Add(d).Format(http.TimeFormat)
		if got.String() != "403 RequestTimeTooSkewed 0002-00000504" || got.header.Get("Date") != theirs {
			t.Errorf("%v: %v at %s, want %s", d, got, got.header.Get("Date"), theirs)
		}
		if got := send(t, srv, call{method: "PUT", key: "key", body: "x", time: noon.Add(d)}); got.status != 200 {
			t.Errorf("%v: %v with the time learned", d, got)
		}
		if o, _ := srv.Stat("bucket", "key"); !o.Time.Equal(noon) {
			t.Errorf("object is of %v", o.Time)
		}
		i.Remove()
	}
}

func TestClientsLearnTheTimeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(nil)
		defer srv.Close()
		c := srv.Client()
		srv.Inject(osstest.Fault{After: time.Minute, Effect: osstest.ClockOff(-3 * time.Hour)})
		for range 4 {
			if _, err := c.PutObject(t.Context(), "bucket", "key", strings.NewReader("x"), nil); err != nil {
				t.Error(err)
			}
			time.Sleep(30 * time.Second)
		}
		var codes []string
		for _, r := range srv.Requests() {
			codes = append(codes, string(r.Code))
		}
		if got := strings.Join(codes, ","); got != ",,RequestTimeTooSkewed,," {
			t.Errorf("codes are %q, want one refusal, at the moment the clock goes wrong", got)
		}
	})
}

func TestTokensDieInTheMiddle(t *testing.T) {
	keys := func(token string) oss.Credentials {
		return oss.Credentials{AccessKeyID: "id", AccessKeySecret: "secret", SecurityToken: token}
	}
	for want, effect := range map[oss.Code]osstest.Effect{"SecurityTokenExpired": osstest.ExpireToken(),
		"InvalidSecurityToken": osstest.RevokeToken()} {
		t.Run(string(want), func(t *testing.T) {
			srv := start(t, &osstest.Options{Credentials: []oss.Credentials{keys("old"), keys("new")}})
			i := srv.Inject(osstest.Fault{Skip: 1, Times: 1, Effect: effect})
			for n, tt := range []struct {
				token  string
				signer signer.Signer
				ttl    time.Duration
				status int
			}{
				{"old", nil, 0, 200},
				{"old", nil, 0, 403}, // it dies
				{"old", nil, 0, 403},
				{"old", signer.V1{}, 0, 403},
				{"old", nil, time.Minute, 403},
				{"old", signer.V1{}, time.Minute, 403},
				{"new", nil, 0, 200},
				{"new", signer.V1{}, time.Minute, 200},
			} {
				c := putKey
				c.keys, c.signer, c.ttl = keys(tt.token), tt.signer, tt.ttl
				got := send(t, srv, c)
				if got.status != tt.status || tt.status == 403 && got.err.Code != string(want) {
					t.Errorf("request %d: %v, want %d", n, got, tt.status)
				}
			}
			if i.Fired() != 1 {
				t.Errorf("fired %d times", i.Fired())
			}
			c := putKey // without any token
			c.keys = osstest.TestCredentials()
			srv.SetCredentials(c.keys)
			srv.Inject(osstest.Fault{Times: 1, Effect: effect})
			if got := send(t, srv, c); got.err.Code != string(want) {
				t.Errorf("without a token: %v", got)
			}
			if got := send(t, srv, c); got.status != 200 {
				t.Errorf("without a token, afterwards: %v", got)
			}
		})
	}
}

func TestSomeConnectionsAreSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(nil)
		defer srv.Close()
		srv.Inject(osstest.Fault{Op: "PutObject", Effect: osstest.SlowConnections(50_000, 0.25)})
		transport := func() *http.Client { // with one connection of its own
			own := srv.HTTPClient().Transport.(*http.Transport).Clone()
			t.Cleanup(own.CloseIdleConnections)
			return &http.Client{Transport: own}
		}
		c := call{method: "PUT", key: "key", body: strings.Repeat("x", 50_000)}
		var took []time.Duration
		for range 8 {
			c.client = transport()
			begin := time.Now()
			send(t, srv, c)
			first := time.Since(begin)
			send(t, srv, c)
			if again := time.Since(begin) - first; again.Round(time.Second) != first.Round(time.Second) {
				t.Errorf("a connection took %v and then %v", first, again)
			}
			took = append(took, first.Round(time.Second))
			c.client.CloseIdleConnections()
		}
		for i, d := range took {
			want := time.Second
			if i%4 == 3 {
				want = 50 * time.Second
			}
			if d != want {
				t.Errorf("connection %d took %v, want %v", i+1, d, want)
			}
		}
	})
}

// The server tells connections apart by the address of the client. A share that a float64 cannot represent is met
// exactly.
func TestSharesOfConnectionsAreExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(nil)
		defer srv.Close()
		srv.PutObject("bucket", "key", make([]byte, 100))
		srv.Inject(osstest.Fault{Effect: osstest.SlowConnections(100, 0.29)})
		slow := 0
		for i := range 100 {
			req := call{method: "GET", key: "key"}.request(t)
			req.RemoteAddr = fmt.Sprint("192.0.2.1:", i)
			begin := time.Now()
			srv.ServeHTTP(httptest.NewRecorder(), req)
			if time.Since(begin) > 40*time.Second {
				slow++
			}
		}
		if slow != 29 {
			t.Errorf("%d of 100 connections are slow, want 29", slow)
		}
	})
}
