package multipart_test

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestFailuresExplainsEveryRowOfTheCatalogue holds FAILURES.md against the tests it names.
func TestFailuresExplainsEveryRowOfTheCatalogue(t *testing.T) {
	ids := func(path, pattern string) []string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
			ids = append(ids, m[1])
		}
		return ids
	}
	explained := ids("FAILURES.md", `(?m)^\| ([A-Z][0-9]+) \|`)
	tested := ids("catalogue_test.go", `(?m)^\t\t\{"([A-Z][0-9]+)", `)
	if !slices.Equal(explained, tested) || len(tested) != 102 {
		t.Errorf("FAILURES.md explains %v,\nTestCatalogue tests %v", explained, tested)
	}
}
