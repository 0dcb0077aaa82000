package main

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
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
		{"PutObject:fail=503/ServiceUnavailable", "in=1000 503 ServiceUnavailable fault", "404 NoSuchKey", false, 0},
		{"PutObject:delay=2s", "in=1000 200 fault", "out=1000 200", true, 2 * time.Second},
		{"PutObject:hang", "in=1000 cut fault", "404 NoSuchKey", false, 10 * time.Second},
		{"PutObject:drop", "cut fault", "404 NoSuchKey", false, 0},
		{"PutObject:lose-reply", "in=1000 cut fault", "out=1000 200", true, 0},
		{"PutObject:corrupt", "in=1000 400 InvalidDigest fault", "404 NoSuchKey", false, 0},
		{"PutObject:truncate=100", "in=100 cut fault", "404 NoSuchKey", false, 0},
		{"PutObject:slow=250/s", "in=1000 200 fault", "out=1000 200", true, 4 * time.Second},
		{"GetObject:truncate=100", "in=1000 200", "out=100 200 cut fault", true, 0},
		{"GetObject:slow=500/s", "in=1000 200", "out=1000 200 fault", true, 2 * time.Second},
		{"GetObject:corrupt", "in=1000 200", "out=1000 200 fault", true, 0},
		{"*:key=k:drop", "cut fault", "cut fault", false, 0},
		{"*:key=other:drop", "in=1000 200", "out=1000 200", true, 0},
		{"*:bucket=other:drop", "in=1000 200", "out=1000 200", true, 0},
		{"*:skip=1:drop", "in=1000 200", "cut fault", true, 0},
		{"*:times=1:drop", "cut fault", "404 NoSuchKey", false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, nil, tt.fault)
				b.cfg.Retry.Stall = 10 * time.Second
				b.transport.DisableKeepAlives = true // or net/http itself sends a GET again
				client := b.once(t)
				began := time.Now()
				client.PutObject(t.Context(), "b", "k", strings.NewReader(content), nil) // the line in the log says what became of it
				synctest.Wait()                                                          // for that line, which may come after the reply
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
				for i, want := range []string{"PutObject               b/k " + tt.put, "GetObject               b/k " + tt.get} {
					got := document.ReplaceAllString(lines[i], "$1")
					if rest, struck := strings.CutSuffix(want, "fault"); struck {
						want = rest + "fault " + tt.fault
					}
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
// known by its code.
func TestTheLogNamesTheFaultThatStruck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil,
			"UploadPart:part=3:times=2:fail=500/Three", "UploadPart:skip=5:times=4:fail=500/Some", "UploadPart:part=7:times=1:lose-reply", "UploadPart:part=9:delay=1s")
		up := multipart.NewUploader(b.client, &multipart.Options{PartSize: oss.MinPartSize, Concurrency: 8})
		if _, err := up.Upload(t.Context(), "b", "k", bytes.NewReader(make([]byte, 16*oss.MinPartSize)), nil); err != nil {
			t.Error(err)
		}
		count := make(map[string]int)
		for _, line := range b.end(t) {
			_, name, struck := strings.Cut(line, " fault ")
			count[name]++
			ok := struck == strings.Contains(line, "500") || strings.Contains(name, "lose-reply") || strings.Contains(name, "delay")
			if !ok || strings.Contains(line, " cut ") != strings.HasSuffix(name, "lose-reply") ||
				strings.Contains(line, " Three") != strings.HasSuffix(name, "Three") || strings.Contains(line, " Some") != strings.HasSuffix(name, "Some") ||
				strings.HasSuffix(name, "delay=1s") && !strings.Contains(line, "part=9 ") {
				t.Errorf("the log has %q", line)
			}
		}
		if count["UploadPart:part=3:times=2:fail=500/Three"] != 2 || count["UploadPart:skip=5:times=4:fail=500/Some"] != 4 ||
			count["UploadPart:part=7:times=1:lose-reply"] != 1 || count["UploadPart:part=9:delay=1s"] < 1 {
			t.Errorf("the log has %v", count)
		}
	})
}

// TestNoRequestIsBlamedForAnother sends thousands of requests at once, half of them into one fault,
// half into another.
func TestNoRequestIsBlamedForAnother(t *testing.T) {
	var faults []fault
	for _, text := range []string{"HeadObject:key=one:fail=500/One", "HeadObject:key=two:fail=500/Two"} {
		f, err := parseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		faults = append(faults, f)
	}
	var out bytes.Buffer
	l := &requestLog{now: time.Now, out: &out}
	srv := osstest.NewServer(&osstest.Options{Logger: slog.New(&l.told)})
	defer srv.Close()
	l.next, l.strikes = srv, newStrikes(srv, faults, nil)
	var senders sync.WaitGroup
	for range 16 {
		senders.Go(func() {
			for range 250 {
				for _, key := range []string{"one", "two"} {
					l.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("HEAD", "http://127.0.0.1/b/"+key, nil))
				}
			}
		})
	}
	senders.Wait()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 8000 {
		t.Errorf("%d lines, want one for each of 8000 requests", len(lines))
	}
	for _, line := range lines {
		ofOne := strings.Contains(line, "b/one 500 One ") && strings.HasSuffix(line, " fault HeadObject:key=one:fail=500/One")
		ofTwo := strings.Contains(line, "b/two 500 Two ") && strings.HasSuffix(line, " fault HeadObject:key=two:fail=500/Two")
		if !ofOne && !ofTwo {
			t.Fatalf("the log has %q", line)
		}
	}
}

// TestAnUploadSurvivesChaos has many days of bad weather, in no time.
func TestAnUploadSurvivesChaos(t *testing.T) {
	data := make([]byte, 12*oss.MinPartSize+1)
	rand.NewChaCha8([32]byte{}).Read(data)
	kinds := make(map[string]bool)
	for seed := range uint64(8) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, &seed)
			b.cfg.Retry.Attempts = 10 // parts side by side may have worse luck than one alone
			client, err := oss.NewClient(b.cfg)
			if err != nil {
				t.Fatal(err)
			}
			up := multipart.NewUploader(client, &multipart.Options{PartSize: oss.MinPartSize})
			for _, key := range []string{"one", "two"} {
				_, err := up.Upload(t.Context(), "b", key, bytes.NewReader(data), nil)
				if obj, _ := b.server.Object("b", key); err != nil || !bytes.Equal(obj.Data, data) {
					t.Errorf("seed %d, %s: %v, and %d bytes stored", seed, key, err, len(obj.Data))
				}
			}
			for _, line := range b.end(t) {
				if _, name, struck := strings.Cut(line, " fault chaos "); struck {
					kind, _, _ := strings.Cut(name, "=")
					kinds[kind] = true
				}
			}
		})
	}
	for _, want := range []string{"*:fail", "*:delay", "*:drop", "*:lose-reply", "*:truncate", "*:slow", "UploadPart:corrupt"} {
		if !kinds[want] {
			t.Errorf("%s never struck", want)
		}
	}
}

// TestChaosLetsTwoRequestsPassBetweenStrikes: so four attempts are enough for a request alone.
func TestChaosLetsTwoRequestsPassBetweenStrikes(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, &seed)
			b.transport.DisableKeepAlives = true // or net/http itself sends a HEAD again
			for range 30 {
				if _, err := b.client.PutObject(t.Context(), "b", "k", strings.NewReader("content"), nil); err != nil {
					t.Errorf("seed %d: %v", seed, err)
				}
				synctest.Wait() // for its line, which may come after its reply
				if _, err := b.client.HeadObject(t.Context(), "b", "k", nil); err != nil {
					t.Errorf("seed %d: %v", seed, err)
				}
				synctest.Wait()
			}
			passed, strikes := 2, 0
			for _, line := range b.end(t) {
				if !strings.Contains(line, " fault chaos ") {
					passed++
					continue
				}
				if strikes++; passed < 2 {
					t.Errorf("seed %d: %d requests passed before %q", seed, passed, line)
				}
				passed = 0
			}
			if strikes < 3 {
				t.Errorf("seed %d: %d strikes in 60 requests", seed, strikes)
			}
		})
	}
}

// TestChaosFollowsFromItsSeed sends the same requests one by one, twice with one seed and once with another.
func TestChaosFollowsFromItsSeed(t *testing.T) {
	logOf := func(seed uint64) (lines []string) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, &seed, "PutObject:times=1:fail=500/First")
			client := b.once(t)
			for range 300 {
				client.PutObject(t.Context(), "b", "k", strings.NewReader("content"), nil)
				synctest.Wait() // for its line, which may come after its reply
			}
			for _, line := range b.end(t) {
				_, name, _ := strings.Cut(line, " fault ")
				lines = append(lines, name)
			}
		})
		return lines
	}
	first, again, other := logOf(1), logOf(1), logOf(2)
	if len(first) != 300 || !slices.Contains(first, "chaos PutObject:corrupt") || !slices.Equal(first, again) || slices.Equal(first, other) {
		t.Errorf("with one seed\n%q\nand\n%q\nwith another\n%q", first, again, other)
	}
	if first[0] != "PutObject:times=1:fail=500/First" {
		t.Errorf("first came %q, want the fault that was asked for", first[0])
	}
}
