package readme

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the root of the module, as tests see it.
const root = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestREADMEShowsOnlyCodeThatRuns finds every Go block of README.md, line by line, in example_test.go or in
// examples/quickstart, whose program it shows from the package clause to the end.
func TestREADMEShowsOnlyCodeThatRuns(t *testing.T) {
	examples := flush(read(t, "example_test.go"))
	_, program, _ := strings.Cut(read(t, root+"/examples/quickstart/main.go"), "\npackage main\n")
	program = flush("package main\n" + program)
	blocks := strings.Split(read(t, root+"/README.md"), "```go\n")[1:]
	if len(blocks) < 3 {
		t.Fatalf("README.md has %d Go blocks, fewer than expected", len(blocks))
	}
	whole := 0
	for _, b := range blocks {
		b, _, _ = strings.Cut(b, "```")
		if flush(b) == program {
			whole++
		} else if !strings.Contains(examples, flush(b)) {
			t.Errorf("this block of README.md is neither in example_test.go nor the program of "+
				"examples/quickstart:\n%s", b)
		}
	}
	if whole != 1 {
		t.Errorf("README.md shows the program of examples/quickstart %d times, want once", whole)
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

func TestREADMEIsShort(t *testing.T) {
	if n := strings.Count(read(t, root+"/README.md"), "\n"); n > 220 {
		t.Errorf("README.md has %d lines, want at most 220", n)
	}
}

var (
	links    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headings = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

// TestLinksOfTheDocumentsLeadSomewhere checks the links between the Markdown files of this module, and to its files.
func TestLinksOfTheDocumentsLeadSomewhere(t *testing.T) {
	checked := 0
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || d.Name() == ".git"):
			return filepath.SkipDir
		case filepath.Ext(name) != ".md":
			return nil
		}
		for _, m := range links.FindAllStringSubmatch(read(t, name), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			checked++
			file, heading, _ := strings.Cut(m[1], "#")
			target := filepath.Join(filepath.Dir(name), file)
			if file == "" {
				target = name
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
			} else if heading != "" && !hasHeading(read(t, target), heading) {
				t.Errorf("%s links to %s, which has no such heading", name, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked < 10 {
		t.Errorf("%d links checked, fewer than expected", checked)
	}
}

// declared matches a link to a Go file and the name that follows it.
var declared = regexp.MustCompile("\\]\\(([^)\\s]+\\.go)\\)\\s+`(\\w+)`")

// TestNamesOfTheArchitecturePageExist keeps the page true when code is renamed or moved.
func TestNamesOfTheArchitecturePageExist(t *testing.T) {
	page := root + "/internal/README.md"
	found := declared.FindAllStringSubmatch(read(t, page), -1)
	if len(found) < 30 {
		t.Errorf("%d names found, fewer than expected", len(found))
	}
	for _, m := range found {
		name := regexp.QuoteMeta(m[2])
		declaration := regexp.MustCompile(`(?m)^(type ` + name + `\b|func (\([^)]*\) )?` + name + `[\[(])`)
		if !declaration.MatchString(read(t, filepath.Join(filepath.Dir(page), m[1]))) {
			t.Errorf("%s does not declare %s", m[1], m[2])
		}
	}
}

// hasHeading reports whether a document has a heading with the anchor that code hosts give it: lower case, hyphens for
// spaces, and no punctuation.
func hasHeading(text, anchor string) bool {
	for _, m := range headings.FindAllStringSubmatch(text, -1) {
		have := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
				return r
			}
			return -1
		}, strings.ToLower(m[1]))
		if have == anchor {
			return true
		}
	}
	return false
}
