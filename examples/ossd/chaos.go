package main

import (
	"math/rand/v2"
	"time"
)

// newChaos returns where the faults of a seed come from: requests in the same order meet the same ones.
func newChaos(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// nextRound draws faults to be put in force together; the round is over when one of them has struck.
//
// They are such that a client of good sense gets over them by trying again: at least two requests
// pass between two strikes, content is damaged only where a digest shows it, and nothing hangs.
func nextRound(r *rand.Rand) []fault {
	f := fault{skip: 2 + r.IntN(8), times: 1}
	switch r.IntN(8) {
	case 0:
		f.effect = effect{kind: "fail", status: 503, code: "ServiceUnavailable"}
	case 1:
		f.effect = effect{kind: "fail", status: 500, code: "InternalError"}
	case 2:
		f.effect = effect{kind: "delay", wait: time.Duration(100+r.IntN(1900)) * time.Millisecond}
	case 3:
		f.effect = effect{kind: "drop"}
	case 4:
		f.effect = effect{kind: "lose-reply"}
	case 5:
		f.effect = effect{kind: "truncate", bytes: r.Int64N(64 << 10)}
	case 6:
		f.effect = effect{kind: "slow", bytes: 64<<10 + r.Int64N(1<<20)}
	case 7:
		return damage(f)
	}
	return []fault{f}
}

// damage turns f into faults that damage what is sent. Where nothing is sent for long, another fault
// ends the round.
func damage(f fault) []fault {
	f.effect = effect{kind: "corrupt"}
	part, object, other := f, f, f
	part.op, object.op = "UploadPart", "PutObject"
	other.skip, other.effect = 20, effect{kind: "drop"}
	return []fault{part, object, other}
}
