package osstest_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// pattern sends a PUT every so often and returns "x" for each that failed and "." for the others.
func pattern(t *testing.T, srv *osstest.Server, n int, every time.Duration, key func(int) string) (got string) {
	t.Helper()
	for i := range n {
		c := putKey
		if key != nil {
			c.key = key(i)
		}
		if send(t, srv, c).status == 200 {
			got += "."
		} else {
			got += "x"
		}
		time.Sleep(every)
	}
	return got
}

func TestFaultsHaveWindowsAndRates(t *testing.T) {
	tests := []struct {
		name  string
		fault osstest.Fault
		every time.Duration
		want  string
	}{
		{"after", osstest.Fault{After: 3 * time.Second}, time.Second, "...xxxxx"},
		{"for", osstest.Fault{For: 3 * time.Second}, time.Second, "xxx....."},
		{"window", osstest.Fault{After: 2 * time.Second, For: 3 * time.Second}, time.Second, "..xxx..."},
		{"skip counts inside the window", osstest.Fault{After: 2 * time.Second, Skip: 2}, time.Second, "....xxxx"},
		{"above a rate", osstest.Fault{Above: 2}, 250 * time.Millisecond, "..xx..xx"},
		{"at the rate", osstest.Fault{Above: 4}, 250 * time.Millisecond, "........"},
		{"above a rate, so often", osstest.Fault{Above: 1, Times: 3}, 0, ".xxx...."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := osstest.NewServer(nil)
				defer srv.Close()
				tt.fault.Effect = osstest.Throttle(nil)
				srv.Inject(tt.fault)
				if got := pattern(t, srv, 8, tt.every, nil); got != tt.want {
					t.Errorf("got %s, want %s", got, tt.want)
				}
			})
		})
	}
}

func TestWindowsGoByTheClockOfTheServer(t *testing.T) {
	now := time.Now()
	srv := start(t, &osstest.Options{Now: func() time.Time { return now }})
	srv.Inject(osstest.Fault{After: time.Minute, Effect: osstest.Throttle(nil)})
	if got := send(t, srv, putKey); got.status != 200 {
		t.Errorf("before the window: %v", got)
	}
	now = now.Add(time.Minute)
	if got := send(t, srv, putKey); got.status != 503 {
		t.Errorf("in the window: %v", got)
	}
}

// The n-th time of the same request is struck or not, whatever was sent in between.
func TestSharesDoNotDependOnTheOrder(t *testing.T) {
	run := func(share float64, seed uint64, key func(int) string) string {
		srv := start(t, nil)
		srv.Inject(osstest.Fault{Share: share, Seed: seed, Effect: osstest.Throttle(nil)})
		return pattern(t, srv, 100, 0, key)
	}
	forward := run(0.3, 1, func(i int) string { return fmt.Sprint("key", i) })
	backward := run(0.3, 1, func(i int) string { return fmt.Sprint("key", 99-i) })
	struck := 0
	for i := range forward {
		if forward[i] != backward[99-i] {
			t.Errorf("key%d: %c in one order, %c in the other", i, forward[i], backward[99-i])
		}
		if forward[i] == 'x' {
			struck++
		}
	}
	if struck < 20 || struck > 40 {
		t.Errorf("%d of 100 were struck, want about 30", struck)
	}
	if again := run(0.3, 2, nil); again == run(0.3, 3, nil) {
		t.Errorf("two seeds give the same %s", again)
	}
	if all := run(1, 1, nil); all != run(0, 1, nil) {
		t.Errorf("a share of 1 strikes %s, not all", all)
	}
}

func TestThrottleSaysWhatOSSSays(t *testing.T) {
	tests := []struct {
		name       string
		opts       *osstest.ThrottleOptions
		want       string
		qos, retry string
		took       time.Duration
	}{
		{"defaults", nil, "503 TotalQpsLimitExceeded", "", "", 0},
		{"requests", &osstest.ThrottleOptions{Code: "QpsLimitExceeded"}, "429 QpsLimitExceeded", "", "", 0},
		{"traffic", &osstest.ThrottleOptions{Code: "UploadTrafficRateLimitExceeded", Hold: 1500 * time.Millisecond},
			"503 UploadTrafficRateLimitExceeded", "1500", "", 1500 * time.Millisecond},
		{"status", &osstest.ThrottleOptions{Status: 429, RetryAfter: 1200 * time.Millisecond},
			"429 TotalQpsLimitExceeded", "", "2", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := osstest.NewServer(nil)
				defer srv.Close()
				srv.Inject(osstest.Fault{Effect: osstest.Throttle(tt.opts)})
				begin := time.Now()
				got := send(t, srv, putKey)
				qos, retry := got.header.Get("x-oss-qos-delay-time"), got.header.Get("Retry-After")
				if took := time.Since(begin); got.String() != tt.want || qos != tt.qos ||
					retry != tt.retry || took != tt.took {
					t.Errorf("got %v, delay %q, Retry-After %q after %v, want %+v", got, qos, retry, took, tt)
				}
				if _, ok := srv.Object("bucket", "key"); ok {
					t.Error("the object was stored")
				}
			})
		})
	}
}

func TestInjectPanicsOnNumbersThatMeanNothing(t *testing.T) {
	srv := start(t, nil)
	for name, f := range map[string]osstest.Fault{
		"share":  {Share: 1.1},
		"less":   {Share: -0.1},
		"skip":   {Skip: -1},
		"times":  {Times: -1},
		"above":  {Above: -1},
		"after":  {After: -1},
		"window": {For: -1},
	} {
		f.Effect = osstest.Drop()
		wantPanic(t, name, func() { srv.Inject(f) })
	}
	if got := send(t, srv, putKey); got.status != 200 {
		t.Errorf("after no injections: %v", got)
	}
}

func wantPanic(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: no panic", name)
		}
	}()
	f()
}

func TestImpossibleEffectsPanic(t *testing.T) {
	for name, f := range map[string]func(){
		"status of Fail":           func() { osstest.Fail(0, "x") },
		"status of Throttle":       func() { osstest.Throttle(&osstest.ThrottleOptions{Status: 101}) },
		"status of ProxyReply":     func() { osstest.ProxyReply(600, "") },
		"status of FailAfter":      func() { osstest.FailAfter(0, 1000, "x") },
		"bytes of FailAfter":       func() { osstest.FailAfter(-1, 500, "x") },
		"bytes of CutReply":        func() { osstest.CutReply(-1) },
		"bytes of ShortReply":      func() { osstest.ShortReply(-1) },
		"rate of connections":      func() { osstest.SlowConnections(49, 0.5) },
		"no share of connections":  func() { osstest.SlowConnections(1000, 0) },
		"all connections and more": func() { osstest.SlowConnections(1000, 1.5) },
		"nothing together":         func() { osstest.Together() },
		"chaos together":           func() { osstest.Together(osstest.Chaos(1)) },
		"no effect together":       func() { osstest.Together(nil) },
		"shares of chaos": func() {
			osstest.Chaos(1, osstest.Rate{0.6, osstest.Drop()}, osstest.Rate{0.5, osstest.Hang()})
		},
		"no share of chaos":  func() { osstest.Chaos(1, osstest.Rate{Effect: osstest.Drop()}) },
		"no effect of chaos": func() { osstest.Chaos(1, osstest.Rate{Share: 1}) },
		"chaos of chaos":     func() { osstest.Chaos(1, osstest.Rate{1, osstest.Chaos(2)}) },
	} {
		wantPanic(t, name, f)
	}
	srv := start(t, nil)
	for op, effect := range map[string]osstest.Effect{
		"HeadObject":              osstest.ShortReply(1),
		"GetObject":               osstest.FailAfter(1, 500, "x"),
		"InitiateMultipartUpload": osstest.WrongETag(),
		"UploadPartCopy":          osstest.WrongCRC64(),
		"DeleteObject":            osstest.WrongETag(),
		"PutObject":               osstest.Redeliver(1),
		"AbortMultipartUpload":    osstest.SlowConnections(1000, 1),
		"ListParts":               osstest.Together(osstest.Drop(), osstest.Corrupt()),
		"HeadNothing":             osstest.Drop(),
		"CopyObject":              osstest.Chaos(1, osstest.Rate{1, osstest.FailAfter(1, 500, "x")}),
	} {
		wantPanic(t, op, func() { srv.Inject(osstest.Fault{Op: op, Effect: effect}) })
	}
}
