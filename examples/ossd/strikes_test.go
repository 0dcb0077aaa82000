package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

// TestEveryFaultStrikes sends one PutObject and one GetObject of 1,000 bytes into each kind of
// fault, and looks at the log, at what is stored and at how long it took.
func TestEveryFaultStrikes(t *testing.T) {
	content := strings.Repeat("x", 1000)
	tests := []struct {
		fault    string
		put, get string        // the end of their lines
		stored   bool          // by the put
		took     time.Duration // by both; 0 if it is not the fault's doing
	}{
		{"PutObject:fail=503/ServiceUnavailable", "in=1000 503 ServiceUnavailable fault Fail(503 ServiceUnavailable)",
			"404 NoSuchKey", false, 0},
		{"PutObject:fail-after=100/500/InternalError",
			"in=100 500 InternalError fault FailAfter(100 500 InternalError)", "404 NoSuchKey", false, 0},
		{"PutObject:throttle", "in=1000 503 TotalQpsLimitExceeded fault Throttle(503 TotalQpsLimitExceeded)",
			"404 NoSuchKey", false, 0},
		{"PutObject:throttle=429/QpsLimitExceeded/2s/1s",
			"in=1000 429 QpsLimitExceeded fault Throttle(429 QpsLimitExceeded)",
			"404 NoSuchKey", false, 2 * time.Second},
		{"PutObject:proxy-reply=502/<html>", "in=1000 502 fault ProxyReply(502)", "404 NoSuchKey", false, 0},
		{"PutObject:delay=2s", "in=1000 200 fault Delay(2s)", "out=1000 200", true, 2 * time.Second},
		{"PutObject:hang", "in=1000 cut fault Hang", "404 NoSuchKey", false, 10 * time.Second},
		{"PutObject:drop", "cut fault Drop", "404 NoSuchKey", false, 0},
		{"PutObject:lose-reply", "in=1000 cut fault LoseReply", "out=1000 200", true, 0},
		{"PutObject:delay=2s:lose-reply", "in=1000 cut fault Delay(2s)+LoseReply",
			"out=1000 200", true, 2 * time.Second},
		{"PutObject:cut-reply=30", "in=1000 cut fault CutReply(30)", "out=1000 200", true, 0},
		{"PutObject:wrong-etag", "in=1000 200 fault WrongETag", "out=1000 200", true, 0},
		{"PutObject:wrong-crc64", "in=1000 200 fault WrongCRC64", "out=1000 200", true, 0},
		{"PutObject:corrupt", "in=1000 400 InvalidDigest fault Corrupt", "404 NoSuchKey", false, 0},
		{"PutObject:truncate=100", "in=100 cut fault Truncate(100)", "404 NoSuchKey", false, 0},
		{"PutObject:slow=250/s", "in=1000 200 fault Slow(250)", "out=1000 200", true, 4 * time.Second},
		{"PutObject:slow-connections=25000/s/1", "in=1000 200 fault SlowConnections(25000 1)",
			"out=1000 200", true, 2 * time.Second},
		{"PutObject:expire-token", "in=1000 403 SecurityTokenExpired fault ExpireToken", "404 NoSuchKey", false, 0},
		{"PutObject:revoke-token", "in=1000 403 InvalidSecurityToken fault RevokeToken", "404 NoSuchKey", false, 0},
		// by then the client knows
		{"*:clock-off=-20m", "in=1000 403 RequestTimeTooSkewed fault ClockOff(-20m0s)",
			"404 NoSuchKey fault ClockOff(-20m0s)", false, 0},
		{"GetObject:truncate=100", "in=1000 200", "out=100 200 cut fault Truncate(100)", true, 0},
		{"GetObject:cut-reply=30", "in=1000 200", "cut fault CutReply(30)", true, 0},
		{"GetObject:short-reply=100", "in=1000 200", "out=100 200 fault ShortReply(100)", true, 0},
		{"GetObject:slow=500/s", "in=1000 200", "out=1000 200 fault Slow(500)", true, 2 * time.Second},
		{"GetObject:corrupt", "in=1000 200", "out=1000 200 fault Corrupt", true, 0},
		{"*:key=k:drop", "cut fault Drop", "cut fault Drop", false, 0},
		{"*:key=other:drop", "in=1000 200", "out=1000 200", true, 0},
		{"*:bucket=other:drop", "in=1000 200", "out=1000 200", true, 0},
		{"*:skip=1:drop", "in=1000 200", "cut fault Drop", true, 0},
		{"*:times=1:drop", "cut fault Drop", "404 NoSuchKey", false, 0},
		{"*:above=1:drop", "in=1000 200", "cut fault Drop", true, 0},
		{"*:after=1s:drop", "in=1000 200", "out=1000 200", true, 0},
		{"PutObject:for=1s:drop", "cut fault Drop", "404 NoSuchKey", false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, tt.fault)
				b.cfg.Retry.Stall = 10 * time.Second
				b.transport.DisableKeepAlives = true // or net/http itself sends a GET again
				client := b.once(t)
				began := time.Now()
				// the line in the log says what became of it
				client.PutObject(t.Context(), "b", "k", strings.NewReader(content), nil)
				synctest.Wait() // for that line, which may come after the reply
				if obj, err := client.GetObject(t.Context(), "b", "k", nil); err == nil {
					var all bytes.Buffer
					all.ReadFrom(obj.Body)
					obj.Body.Close()
				}
				if took := time.Since(began); tt.took > 0 && took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				if _, stored := b.server.Object("b", "k"); stored != tt.stored {
					t.Errorf("stored is %t, want %t", stored, tt.stored)
				}
				lines := b.end(t)
				if len(lines) != 2 {
					t.Fatalf("%d lines, want 2: %q", len(lines), lines)
				}
				for i, want := range []string{"PutObject               b/k " + tt.put,
					"GetObject               b/k " + tt.get} {
					got := document.ReplaceAllString(lines[i], "$1")
					if got != want {
						t.Errorf("the log has %q, want %q", got, want)
					}
				}
			})
		})
	}
}

// document finds the length of an error document, which does not matter.
var document = regexp.MustCompile(`out=\d+ ([45]\d\d )`)

// TestTheLogNamesTheFaultThatStruck sends parts side by side into several faults, each of which is
// known by what became of the request.
func TestTheLogNamesTheFaultThatStruck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "UploadPart:part=3:times=2:fail=500/Three", "UploadPart:skip=5:times=4:fail=500/Some",
			"UploadPart:part=7:times=1:redeliver=1s:lose-reply", "UploadPart:part=9:delay=1s")
		up := multipart.NewUploader(b.client, &multipart.Options{PartSize: oss.MinPartSize, Concurrency: 8})
		if _, err := up.Upload(t.Context(), "b", "k", bytes.NewReader(make([]byte, 16*oss.MinPartSize)),
			nil); err != nil {
			t.Error(err)
		}
		count := make(map[string]int)
		for _, line := range b.end(t) {
			_, name, _ := strings.Cut(line, " fault ")
			count[name]++
			want := ""
			switch {
			case strings.Contains(line, " part=3 ") && strings.Contains(line, " 500 Three"):
				want = "Fail(500 Three)"
			case strings.Contains(line, " 500 Some"):
				want = "Fail(500 Some)"
			case strings.Contains(line, " part=7 ") && strings.Contains(line, " cut"):
				want = "Redeliver(1s)+LoseReply"
			case strings.Contains(line, " part=9 "):
				want = "Delay(1s)"
			}
			if name != want {
				t.Errorf("the log has %q, want fault %s", line, want)
			}
		}
		if count["Fail(500 Three)"] != 2 || count["Fail(500 Some)"] != 4 ||
			count["Redeliver(1s)+LoseReply"] != 1 || count["Delay(1s)"] < 1 {
			t.Errorf("the log has %v", count)
		}
	})
}

// TestAnUploadSurvivesChaos has many bad days, in no time.
func TestAnUploadSurvivesChaos(t *testing.T) {
	data := make([]byte, 12*oss.MinPartSize+1)
	rand.NewChaCha8([32]byte{}).Read(data)
	for seed := range 8 {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, fmt.Sprint("*:chaos=", seed))
			up := multipart.NewUploader(b.client, &multipart.Options{PartSize: oss.MinPartSize})
			_, err := up.Upload(t.Context(), "b", "k", bytes.NewReader(data), nil)
			if obj, _ := b.server.Object("b", "k"); err != nil || !bytes.Equal(obj.Data, data) {
				t.Errorf("seed %d: %v, and %d bytes stored", seed, err, len(obj.Data))
			}
			if log := strings.Join(b.end(t), "\n"); !strings.Contains(log, " fault ") {
				t.Errorf("seed %d never struck:\n%s", seed, log)
			}
		})
	}
}
