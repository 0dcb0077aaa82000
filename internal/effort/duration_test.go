package effort_test

import (
	"flag"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/internal/effort"
)

func TestTheVariableCanBeADuration(t *testing.T) {
	short := flag.Lookup("test.short").Value
	before := short.String()
	defer short.Set(before)
	for _, tt := range []struct {
		short, variable string
		want            time.Duration
	}{
		{"false", "", 2}, {"false", "1", 3}, {"false", "-1h", 3},
		{"false", "30m", 30 * time.Minute}, {"true", "30m", 1},
	} {
		t.Setenv(effort.Variable, tt.variable)
		if err := short.Set(tt.short); err != nil {
			t.Fatal(err)
		}
		if got := effort.Duration(1, 2, 3); got != tt.want {
			t.Errorf("-short=%s with %s=%q: Duration(1, 2, 3) = %v, want %v",
				tt.short, effort.Variable, tt.variable, got, tt.want)
		}
	}
}
