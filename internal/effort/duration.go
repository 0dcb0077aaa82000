package effort

import (
	"os"
	"testing"
	"time"
)

// Duration is Of for a test that runs for a time. If Variable is a duration, such as 30m, it is that duration instead
// of long.
func Duration(short, usual, long time.Duration) time.Duration {
	value := os.Getenv(Variable)
	switch {
	case testing.Short():
		return short
	case value == "":
		return usual
	}
	if d, err := time.ParseDuration(value); err == nil && d > 0 {
		return d
	}
	return long
}
