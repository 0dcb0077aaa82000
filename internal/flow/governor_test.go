package flow

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errDown = errors.New("connection refused")

// A service can be down, or busy, and notes when it was asked while it was.
type service struct {
	mu     sync.Mutex
	down   bool
	busy   bool
	asked  []time.Time // while it was down
	probes int
}

func (s *service) set(down, busy bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down, s.busy = down, busy
}

func (s *service) answer() (kind Kind, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.down:
		s.asked = append(s.asked, time.Now())
		return Outage, errDown
	case s.busy:
		return Throttled, errBusy
	}
	return 0, nil
}

func (s *service) probe(context.Context) error {
	s.mu.Lock()
	s.probes++
	s.mu.Unlock()
	if kind, err := s.answer(); kind == Outage {
		return err
	}
	return nil
}

// operation makes attempts as package oss does, each of the given duration.
func (s *service) operation(took time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		attempts, err := GateOf(ctx).Begin(ctx)
		if err != nil {
			return err
		}
		for n := 1; ; n++ {
			if err := pause(ctx, took); err != nil {
				return err
			}
			kind, err := s.answer()
			if err == nil {
				return nil
			}
			if gave := attempts.Retry(ctx,
				Failure{Kind: kind, Err: err, Attempt: n, MaxAttempt: 4, Wait: 100 * time.Millisecond}); gave != nil {
				return fmt.Errorf("%w: %w", gave, err)
			}
		}
	}
}

func governor(s *service, limit int64, patience time.Duration) *Governor {
	return New(Config{Limit: limit, Patience: patience, Probe: s.probe})
}

// send acquires a permit and runs one operation with it.
func send(ctx context.Context, g *Governor, f func(context.Context) error) error {
	p, err := g.Acquire(ctx, nil)
	if err != nil {
		return err
	}
	defer p.Release()
	return p.Do(ctx, 1<<20, f)
}

func TestOneCallerProbesAndAllGoOnWhenTheServiceIsBack(t *testing.T) {
	for _, down := range []time.Duration{100 * time.Millisecond, 2 * time.Second, 10 * time.Second,
		time.Minute, 4 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			s := &service{}
			g := governor(s, 4, 5*time.Minute)
			s.set(true, false)
			began := time.Now()
			time.AfterFunc(down, func() { s.set(false, false) })
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					if err := send(t.Context(), g, s.operation(time.Millisecond)); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if took := time.Since(began); took > down+longestGap*9/8+time.Second {
				t.Errorf("down for %v: it took %v", down, took)
			}
			if n, most := len(s.asked), 4+1+int(down/time.Second); n > most {
				t.Errorf("down for %v: %d requests, want at most %d", down, n, most)
			}
			if g.InFlight() != 0 {
				t.Errorf("%d permits are held", g.InFlight())
			}
		})
	}
}

func TestAnOperationGivesUpWhenPatienceHasEnded(t *testing.T) {
	for name, set := range map[string]func(*service){
		"outage":     func(s *service) { s.set(true, false) },
		"throttling": func(s *service) { s.set(false, true) },
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &service{}
			set(s)
			g := governor(s, 4, time.Minute)
			began := time.Now()
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					err := send(t.Context(), g, s.operation(time.Millisecond))
					var gave *GaveUpError
					if !errors.As(err, &gave) {
						t.Errorf("%s: the error is %v", name, err)
					}
				})
			}
			wg.Wait()
			if took := time.Since(began); took < time.Minute || took > 2*time.Minute {
				t.Errorf("%s: given up after %v, want a minute", name, took)
			}
			if g.InFlight() != 0 {
				t.Errorf("%s: %d permits are held", name, g.InFlight())
			}
		})
	}
}

func TestWithoutPatienceTheAttemptsCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		s.set(true, false)
		err := send(t.Context(), governor(s, 4, -1), s.operation(time.Millisecond))
		if !errors.Is(err, errDown) || len(s.asked) != 4 || s.probes != 0 {
			t.Errorf("%v after %d attempts and %d probes, want 4 and none", err, len(s.asked), s.probes)
		}
	})
}

// A prober whose context ends hands the probing over.
func TestProbingGoesOnWhenTheProberGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		s.set(true, false)
		g := governor(s, 1, time.Hour)
		done := make(chan error, 1)
		for i := range 10 {
			ctx := t.Context()
			if i < 9 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, time.Duration(i+1)*time.Second)
				defer cancel()
			}
			go func() {
				err := send(ctx, g, s.operation(time.Millisecond))
				if i == 9 {
					done <- err
				} else if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("caller %d: %v", i, err)
				}
			}()
		}
		time.Sleep(20 * time.Second) // of the bubble
		s.set(false, false)
		began := time.Now()
		if err := <-done; err != nil || time.Since(began) > 5*time.Second {
			t.Errorf("%v, %v after the service came back", err, time.Since(began))
		}
	})
}

// Row bug 11: a request without a body does not queue behind those with one.
func TestControlRequestsNeedNoPermit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		g := governor(s, 1, time.Minute)
		p, err := g.Acquire(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Release()
		began := time.Now()
		if err := s.operation(time.Millisecond)(WithGate(t.Context(), g.Control(nil))); err != nil ||
			time.Since(began) > time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestARequestThatWaitsGivesItsPermitBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		g := governor(s, 1, time.Minute)
		first := make(chan error, 1)
		go func() {
			first <- send(t.Context(), g, func(ctx context.Context) error {
				a, err := GateOf(ctx).Begin(ctx)
				if err != nil {
					return err
				}
				return a.Retry(ctx, Failure{Kind: Temporary, Err: errBusy, Attempt: 1, Wait: 10 * time.Second})
			})
		}()
		synctest.Wait()
		began := time.Now()
		if err := send(t.Context(), g, s.operation(time.Second)); err != nil || time.Since(began) != time.Second {
			t.Errorf("the second request: %v after %v, want a second", err, time.Since(began))
		}
		if err := <-first; err != nil || time.Since(began) != 10*time.Second {
			t.Errorf("the first request: %v after %v, want 10 seconds", err, time.Since(began))
		}
	})
}

// A wait is told as soon as the first probe has failed, also if the caller that waits is the one that probes.
func TestWaitsAreToldOnceWithTheirEnd(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			s := &service{}
			s.set(true, false)
			g := governor(s, 1, time.Minute)
			time.AfterFunc(10*time.Second, func() { s.set(false, false) })
			began := time.Now()
			var waits []Wait
			var told time.Duration // until the first of them
			p, err := g.Acquire(t.Context(), func(w Wait) {
				if waits = append(waits, w); len(waits) == 1 {
					told = time.Since(began)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Release()
			if err := p.Do(t.Context(), 1, s.operation(time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if len(waits) != 2 || waits[0].Since.Sub(began) > time.Second ||
				waits[0].Why != errDown || !waits[1].Since.IsZero() {
				t.Fatalf("told %v", waits)
			}
			if told > time.Millisecond {
				t.Fatalf("told after %v, want at the first probe, after 1ms", told)
			}
		})
	}
}

// TestGovernorLaws runs random operations over a service that comes and goes, throttles and recovers, while callers
// give up and limits change. Never are more requests in flight than the limit has ever been; every operation ends; no
// permit is lost.
func TestGovernorLaws(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, round))
			s := &service{}
			limit, most := 1+r.Int64N(8), int64(0)
			g := New(Config{Limit: limit, MaxLimit: limit * r.Int64N(9),
				Patience: time.Duration(1+r.IntN(60)) * time.Second, Probe: s.probe})
			most = max(limit, g.cfg.MaxLimit)
			stop := make(chan struct{})
			var weather sync.WaitGroup
			weather.Go(func() {
				w := rand.New(rand.NewPCG(seed, round+1000))
				for {
					s.set(w.IntN(3) == 0, w.IntN(4) == 0)
					select {
					case <-stop:
						return
					case <-time.After(time.Duration(w.IntN(5000)) * time.Millisecond):
					}
				}
			})
			var inFlight atomic.Int64
			var wg sync.WaitGroup
			for range 30 {
				choice := rand.New(rand.NewPCG(r.Uint64(), 0))
				wg.Go(func() {
					for range 10 {
						ctx, cancel := context.WithCancel(t.Context())
						if choice.IntN(3) == 0 {
							time.AfterFunc(time.Duration(choice.IntN(3000))*time.Millisecond, cancel)
						}
						took := time.Duration(choice.IntN(500)) * time.Millisecond
						attempt := func(ctx context.Context) error {
							if n := inFlight.Add(1); n > most {
								t.Errorf("%d requests in flight, the limit was at most %d", n, most)
							}
							defer inFlight.Add(-1)
							return pause(ctx, took)
						}
						var err error
						switch choice.IntN(6) {
						case 0:
							err = s.operation(took)(WithGate(ctx, g.Control(nil)))
						case 1:
							if p := g.TryAcquire(); p != nil {
								err = attempt(ctx)
								p.Release()
							}
						default:
							err = send(ctx, g, func(ctx context.Context) error {
								a, err := GateOf(ctx).Begin(ctx)
								for n := 1; err == nil; n++ {
									if err = attempt(ctx); err != nil {
										break
									}
									kind, failed := s.answer()
									if failed == nil {
										return nil
									}
									err = a.Retry(ctx, Failure{Kind: kind, Err: failed,
										Attempt: n, MaxAttempt: 4, Wait: took})
								}
								return err
							})
						}
						var gave *GaveUpError
						if err != nil && !errors.Is(err, context.Canceled) && !errors.As(err, &gave) {
							t.Errorf("an operation ended with %v", err)
						}
						cancel()
					}
				})
			}
			wg.Wait()
			close(stop)
			weather.Wait()
			if g.InFlight() != 0 || g.inFlight.Waiting() != 0 {
				t.Errorf("%d permits held, %d waiting at the end", g.InFlight(), g.inFlight.Waiting())
			}
		})
	}
}
