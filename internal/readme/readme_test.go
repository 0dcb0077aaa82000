package readme

import (
	"os"
	"strings"
	"testing"
)

// TestREADMEShowsOnlyCodeThatRuns finds every Go block of README.md in example_test.go, line by line.
func TestREADMEShowsOnlyCodeThatRuns(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```go\n")[1:]
	if len(blocks) < 4 {
		t.Fatalf("README.md has %d Go blocks, fewer than expected", len(blocks))
	}
	for _, b := range blocks {
		b, _, _ = strings.Cut(b, "```")
		if !strings.Contains(flush(string(code)), flush(b)) {
			t.Errorf("this block of README.md is not in example_test.go:\n%s", b)
		}
	}
}

// flush drops indentation, which differs between a function and a block of its body.
func flush(code string) string {
	lines := strings.Split(strings.TrimSpace(code), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSpace(l)
	}
	return strings.Join(lines, "\n")
}
