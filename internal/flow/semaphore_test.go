package flow

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestWaitersAreServedInOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSemaphore(4)
		if err := s.Acquire(t.Context(), 4); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []int64
		var wg sync.WaitGroup
		for _, n := range []int64{3, 1, 4, 2} {
			wg.Go(func() {
				if err := s.Acquire(t.Context(), n); err != nil {
					t.Error(err)
				}
				mu.Lock()
				order = append(order, n)
				mu.Unlock()
				s.Release(n)
			})
			synctest.Wait()
		}
		if s.TryAcquire(0) {
			t.Error("TryAcquire overtook the waiters")
		}
		for range 4 {
			s.Release(1)
			synctest.Wait()
		}
		wg.Wait()
		if want := []int64{3, 1, 4, 2}; !slices.Equal(order[:1], want[:1]) || !slices.Equal(order[2:], want[2:]) {
			t.Errorf("served %v, want %v", order, want)
		}
	})
}

func TestACancelledWaiterLeavesNoTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSemaphore(2)
		s.TryAcquire(1)
		ctx, cancel := context.WithCancel(t.Context())
		large := make(chan error, 1)
		go func() { large <- s.Acquire(ctx, 2) }()
		synctest.Wait()
		small := make(chan error, 1)
		go func() { small <- s.Acquire(t.Context(), 1) }()
		synctest.Wait()
		if s.Held() != 1 || s.Waiting() != 2 {
			t.Fatalf("%d held and %d waiting, want 1 and 2", s.Held(), s.Waiting())
		}
		cancel()
		if err := <-large; !errors.Is(err, context.Canceled) {
			t.Errorf("the cancelled waiter got %v", err)
		}
		if err := <-small; err != nil {
			t.Errorf("the waiter behind it got %v", err)
		}
		if s.Held() != 2 || s.Waiting() != 0 {
			t.Errorf("%d held and %d waiting, want 2 and 0", s.Held(), s.Waiting())
		}
	})
}

func TestADemandAboveTheLimitIsGrantedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSemaphore(2)
		s.TryAcquire(1)
		got := make(chan error, 1)
		go func() { got <- s.Acquire(t.Context(), 5) }()
		synctest.Wait()
		if s.Waiting() != 1 {
			t.Fatal("it did not wait")
		}
		s.Release(1)
		if err := <-got; err != nil || s.Held() != 5 {
			t.Errorf("got %v with %d held, want 5", err, s.Held())
		}
	})
}

func TestReleasingMoreThanIsHeldPanics(t *testing.T) {
	s := NewSemaphore(2)
	s.TryAcquire(1)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
		if s.Held() != 1 {
			t.Errorf("%d held, want 1", s.Held())
		}
	}()
	s.Release(2)
}

// TestNoPermitIsLostOrInvented runs random callers that acquire, try, cancel, release and resize. At every moment the
// permits that callers hold are those the Semaphore counts, and a grant never exceeds the limit of its moment.
func TestNoPermitIsLostOrInvented(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, round))
			s := NewSemaphore(1 + r.Int64N(8))
			most := int64(8) // no limit is ever larger
			var mu sync.Mutex
			var held int64
			take := func(n int64) {
				mu.Lock()
				defer mu.Unlock()
				if held += n; held > most {
					t.Errorf("%d permits are out, the limit was never above %d", held, most)
				}
			}
			give := func(n int64) {
				mu.Lock()
				held -= n
				mu.Unlock()
				s.Release(n)
			}
			var wg sync.WaitGroup
			for range 12 {
				steps, choice := 20, rand.New(rand.NewPCG(r.Uint64(), 0))
				wg.Go(func() {
					for range steps {
						n := 1 + choice.Int64N(3)
						switch choice.IntN(5) {
						case 0:
							if s.TryAcquire(n) {
								take(n)
								give(n)
							}
						case 1:
							s.SetLimit(3 + choice.Int64N(6))
						default:
							ctx, cancel := context.WithCancel(t.Context())
							if choice.IntN(2) == 0 {
								go cancel()
							}
							if err := s.Acquire(ctx, n); err == nil {
								take(n)
								give(n)
							} else if !errors.Is(err, context.Canceled) {
								t.Error(err)
							}
							cancel()
						}
					}
				})
			}
			wg.Wait()
			if s.Held() != 0 || s.Waiting() != 0 || s.queue.first != nil || s.queue.last != nil {
				t.Errorf("%d held, %d waiting at the end", s.Held(), s.Waiting())
			}
			if !s.TryAcquire(s.Limit()) {
				t.Errorf("the whole limit of %d is not free at the end", s.Limit())
			}
		})
	}
}

func TestALongWaitIsLoggedOnceAndNamedInTheError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		s := NewSemaphore(1)
		s.Name, s.Logger = "Concurrency",
			slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		s.TryAcquire(1)
		for _, tt := range []struct {
			wait   time.Duration
			logged int
		}{{900 * time.Millisecond, 0}, {10 * time.Second, 1}} {
			log.Reset()
			ctx, cancel := context.WithTimeout(t.Context(), tt.wait)
			err := s.Acquire(ctx, 1)
			cancel()
			synctest.Wait() // for the timer that logs
			if !errors.Is(err, context.DeadlineExceeded) ||
				!strings.Contains(err.Error(), "while waiting for Concurrency") {
				t.Errorf("after %v the error is %v", tt.wait, err)
			}
			if n := strings.Count(log.String(), "waiting for Concurrency"); n != tt.logged {
				t.Errorf("a wait of %v was logged %d times, want %d", tt.wait, n, tt.logged)
			}
		}
	})
}
