package main

import (
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestStop interrupts a second into a PutObject.
func TestStop(t *testing.T) {
	const stopping = "stopping: running requests have 5s, a second interrupt ends them now\n"
	const cutting = "cutting off the requests that are still running\n"
	tests := []struct {
		name, fault, content string
		done                 bool          // the PutObject
		after                time.Duration // the interrupt, until the end
		said                 string
	}{
		{"a request that ends in time is finished", "PutObject:delay=4s", "hello", true, 3 * time.Second,
			stopping + "TIME PutObject               b/k in=5 200 4000.0ms fault Delay(4s)\nstopped\n"},
		{"so is one whose body ends in time", "PutObject:slow=1/s", "hello", true, 4 * time.Second,
			stopping + "TIME PutObject               b/k in=5 200 5000.0ms fault Slow(1)\nstopped\n"},
		{"a request that hangs is cut off", "PutObject:hang", "hello", false, grace,
			stopping + cutting + "TIME PutObject               b/k in=5 cut 6000.0ms fault Hang\nstopped\n"},
		{"so is one whose body is too slow", "PutObject:slow=1/s", strings.Repeat("hello", 5), false, grace,
			stopping + cutting + "TIME PutObject               b/k in=7 cut 6000.0ms fault Slow(1)\nstopped\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, tt.fault)
				client := b.once(t)
				put := make(chan error, 1)
				go func() {
					_, err := client.PutObject(t.Context(), "b", "k", strings.NewReader(tt.content), nil)
					put <- err
				}()
				time.Sleep(time.Second) // in the bubble: the request is being served
				began := time.Now()
				b.interrupt()
				synctest.Wait()
				if _, err := client.HeadObject(t.Context(), "b", "k", nil); !errors.Is(err, net.ErrClosed) {
					t.Errorf("a new request got %v, want no connection", err)
				}
				b.end(t)
				// Shutdown looks twice in a second
				if took := time.Since(began); took < tt.after || took > tt.after+time.Second/2 {
					t.Errorf("ended %v after the interrupt, want %v", took, tt.after)
				}
				if err := <-put; (err == nil) != tt.done {
					t.Errorf("the running request ended with %v", err)
				}
				if said := anyTime.ReplaceAllString(b.log.String(), "TIME"); said != tt.said {
					t.Errorf("the log has\n%s\nwant\n%s", said, tt.said)
				}
			})
		})
	}
}

func TestStopReturnsAtOnceWhenNothingRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.client.HeadObject(t.Context(), "b", "k", nil) // leaves an idle connection
		synctest.Wait()
		began := time.Now()
		b.end(t)
		if took := time.Since(began); took > 0 {
			t.Errorf("took %v", took)
		}
	})
}

func TestServeReportsABrokenListener(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if err := serve(t.Context(), new(requestLog), new(requestLog), func() {}, ln); !errors.Is(err, net.ErrClosed) {
		t.Errorf("serve = %v", err)
	}
}
