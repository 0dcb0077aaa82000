package effort_test

import (
	"flag"
	"testing"

	"github.com/ossmultipart/go-oss/internal/effort"
)

func TestShortWinsOverLong(t *testing.T) {
	short := flag.Lookup("test.short").Value
	before := short.String()
	defer short.Set(before)
	for _, tt := range []struct {
		short, variable string
		want            int
	}{
		{"true", "", 1}, {"true", "1", 1}, {"false", "", 2}, {"false", "1", 3},
	} {
		t.Setenv(effort.Variable, tt.variable)
		if err := short.Set(tt.short); err != nil {
			t.Fatal(err)
		}
		if got := effort.Of(1, 2, 3); got != tt.want || effort.Long() != (tt.want == 3) {
			t.Errorf("-short=%s with %s=%q: Of(1, 2, 3) = %d, Long() = %v, want %d",
				tt.short, effort.Variable, tt.variable, got, effort.Long(), tt.want)
		}
	}
}
