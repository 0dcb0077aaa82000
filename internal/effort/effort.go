// Package effort says how many cases the tests of this module try whose number is a choice: random fault schedules,
// killed processes, seeds.
//
//	go test -short ./...                       a quick look: few cases, nothing of thousands of parts
//	go test ./...                              what a change is tried with
//	GO_OSS_LONG_TESTS=1 go test ./multipart    everything, also what moves a gigabyte; .ci/run does this
//	GO_OSS_LONG_TESTS=30m go test -run ...     everything, and tests with a length take half an hour
package effort

import (
	"os"
	"testing"
)

// Variable is the environment variable that asks for everything, by any value but the empty one. It is the only
// such switch of the module.
const Variable = "GO_OSS_LONG_TESTS"

// Of returns short under -short, long if Variable is set, and usual otherwise. -short wins over Variable.
func Of(short, usual, long int) int {
	switch {
	case testing.Short():
		return short
	case os.Getenv(Variable) != "":
		return long
	}
	return usual
}

// Long reports whether Of returns long.
func Long() bool { return Of(0, 0, 1) == 1 }
