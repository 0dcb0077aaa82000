package credentials

import (
	"slices"
	"testing"
)

func TestCommandsAreSplitAsTheCLIDoes(t *testing.T) {
	tests := []struct {
		goos, command string
		want          []string
	}{
		{"linux", "tool a  b\tc", []string{"tool", "a", "b", "c"}},
		{"linux", `tool "a b" 'c d' e"f"g`, []string{"tool", "a b", "c d", "efg"}},
		{"linux", `tool "" a`, []string{"tool", "", "a"}},
		{"linux", `a\ tool \"b "c\"\d" '\e'`, []string{"a tool", `"b`, `c"\d`, `\e`}},
		{"linux", "tool \\\n a\\\nb", []string{"tool", "ab"}},
		{"windows", `C:\bin\tool.exe "C:\Program Files\a" "say \"x\""`, []string{`C:\bin\tool.exe`,
			`C:\Program Files\a`, `say "x"`}},
		{"linux", `tool "a`, nil},
		{"linux", `tool a\`, nil},
		{"linux", ` `, nil},
		{"linux", `"" a`, nil},
	}
	for _, tt := range tests {
		got, err := splitCommandFor(tt.goos, tt.command)
		if (err != nil) != (tt.want == nil) || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, %v, want %q", tt.command, got, err, tt.want)
		}
	}
}
