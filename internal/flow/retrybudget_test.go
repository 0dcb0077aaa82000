package flow

import (
	"math/rand/v2"
	"sync"
	"testing"
)

func TestRetryBudgetTakesAndGivesBack(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(b *RetryBudget)
		want int // tokens left of 3
	}{
		{"new", func(*RetryBudget) {}, 3},
		{"a retry", func(b *RetryBudget) { b.Take() }, 2},
		{"all and more", func(b *RetryBudget) {
			for range 10 {
				b.Take()
			}
		}, 0},
		{"success after retries", func(b *RetryBudget) { b.Take(); b.Take(); b.Succeeded(2) }, 3},
		{"success without any", func(b *RetryBudget) { b.Take(); b.Succeeded(0) }, 2},
		{"nine successes", func(b *RetryBudget) {
			b.Take()
			for range 9 {
				b.Succeeded(0)
			}
		}, 2},
		{"ten successes", func(b *RetryBudget) {
			b.Take()
			for range 10 {
				b.Succeeded(0)
			}
		}, 3},
		{"never more than full", func(b *RetryBudget) { b.Succeeded(0); b.Succeeded(5) }, 3},
		{"none refused gives nothing", func(b *RetryBudget) { b.Take(); b.Take(); b.Take(); b.Take(); b.Succeeded(0) },
			0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := NewRetryBudget(3)
			tt.do(b)
			if got := b.Left(); got != tt.want {
				t.Errorf("%d tokens are left, want %d", got, tt.want)
			}
		})
	}
}

// Whatever the order: the retries granted are at most the bucket, what was given back, and a tenth of the successes.
func TestRetriesAreBounded(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		const tokens = 7
		b := NewRetryBudget(tokens)
		granted, returned, successes := 0, 0, 0
		for range 500 {
			switch taken := rnd.IntN(4); {
			case rnd.IntN(3) > 0:
				if b.Take() {
					granted++
				}
			case taken > 0 && granted-returned >= taken:
				b.Succeeded(taken)
				returned += taken
			default:
				b.Succeeded(0)
				successes++
			}
			if left := b.Left(); left < 0 || left > tokens {
				t.Fatalf("%d tokens are left of %d", left, tokens)
			}
			if granted*tenths > (tokens+returned)*tenths+successes {
				t.Fatalf("%d retries with %d tokens, %d given back and %d successes", granted,
					tokens, returned, successes)
			}
		}
	}
}

func TestTokensAreNeitherLostNorInvented(t *testing.T) {
	const tokens = 50
	b := NewRetryBudget(tokens)
	var workers sync.WaitGroup
	for range 20 {
		workers.Go(func() {
			for range 1000 {
				if b.Take() {
					b.Succeeded(1)
				}
			}
		})
	}
	workers.Wait()
	if got := b.Left(); got != tokens {
		t.Errorf("%d tokens are left, want %d", got, tokens)
	}
}
