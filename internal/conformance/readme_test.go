package conformance_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	godiff "github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

var update = flag.Bool("update", false, "write the README of osstest")

// readmePath is the file that lists what the fake does and how it differs from the service.
const readmePath = "../../oss/osstest/README.md"

func TestReadmeOfTheFakeSaysWhatTheSuiteChecks(t *testing.T) {
	want := readme()
	if *update {
		if err := os.WriteFile(readmePath, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(readmePath)
	if err != nil {
		t.Fatal(err)
	}
	if diff := godiff.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is stale; go test ./internal/conformance -update writes it (-want +got):\n%s", readmePath, diff)
	}
}

func TestEveryOperationOfTheFakeIsChecked(t *testing.T) {
	known := osstest.Operations()
	checked := make(map[string]bool)
	for _, a := range assumptions() {
		for _, op := range a.Ops {
			checked[op] = true
			if !slices.Contains(known, op) {
				t.Errorf("%s is about %s, which is not an operation", a.ID, op)
			}
		}
	}
	for _, op := range known {
		if !checked[op] {
			t.Errorf("no assumption is about %s", op)
		}
	}
	for _, d := range differences() {
		for _, op := range d.Ops {
			if !slices.Contains(known, op) {
				t.Errorf("%q is about %s, which is not an operation", d.What, op)
			}
		}
		if !strings.HasSuffix(d.What, ".") || d.Why == "" {
			t.Errorf("%q is not a sentence, or has no reason", d.What)
		}
	}
}

// readme returns the file, from the assumptions and the differences.
func readme() []byte {
	var b bytes.Buffer
	all := assumptions()
	live := 0
	for _, a := range all {
		if a.FakeOnly == "" {
			live++
		}
	}
	fmt.Fprintf(&b, `# osstest: conformance to OSS

This file is generated: %s writes it, and the tests fail when it is stale.

%s
| source | kind of evidence | assumptions |
| --- | --- | --- |
`, "`go test ./internal/conformance -update`", item("", fmt.Sprintf("The server in this package meets %d numbered "+
		"assumptions about OSS. Each assumption has its evidence and a check. The checks run against the server with "+
		"every `go test`; %d of them also run against the service if OSS_TEST_BUCKET is set. The tests also replay 60 "+
		"recorded exchanges, and compare every header and byte of the replies.", len(all), live)))
	means := map[source]string{
		recorded:     "real exchanges of 2026",
		recorded2015: "real replies of 2015, in unit tests of an SDK",
		liveTest:     "an SDK's integration test expects it of the service",
		thirdParty:   "a real reply quoted in a public issue",
		documented:   "the official documentation, pages of error codes included",
		sdkSource:    "official SDKs rely on it",
		inferred:     "follows from the others",
	}
	for _, s := range sources() {
		n := 0
		for _, a := range all {
			if a.Source == s {
				n++
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %d |\n", s, means[s], n)
	}
	b.WriteString("\n## Operations\n\nEvery other request is refused with 400 `NotImplemented`. " +
		"The last column has the numbers of the differences below.\n\n| operation | checks | sources, the strongest " +
		"first | differences |\n| --- | --- | --- | --- |\n")
	for _, op := range osstest.Operations() {
		about := slices.DeleteFunc(slices.Clone(all), func(a assumption) bool { return !slices.Contains(a.Ops, op) })
		fmt.Fprintf(&b, "| %s | %d: %s | %s | %s |\n", op, len(about), numbers(about), tally(about), differing(op))
	}
	b.WriteString("\n## Known differences\n\n")
	for i, d := range differences() {
		b.WriteString(item(fmt.Sprintf("%d. ", i+1), fmt.Sprintf("%s: %s Reason: %s.",
			cmp.Or(strings.Join(d.Ops, ", "), "All operations"), d.What, d.Why)))
	}
	b.WriteString("\n## Assumptions\n\nAssumptions with a star are checked against the fake only.\n\n" +
		"| ID | assumption | source | evidence |\n| --- | --- | --- | --- |\n")
	for _, a := range all {
		star := ""
		if a.FakeOnly != "" {
			star = "\\*"
		}
		fmt.Fprintf(&b, "| %s%s | %s | %s | %s |\n", a.ID, star, cell(a.Claim), a.Source, cell(a.Where))
	}
	return b.Bytes()
}

// item returns an item of a list, or a paragraph if mark is empty, in lines of at most 120 columns.
func item(mark, text string) string {
	line, all := mark, ""
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			line += word
		case len(line)+1+len(word) > 120:
			all += line + "\n"
			line = strings.Repeat(" ", len(mark)) + word
		default:
			line += " " + word
		}
	}
	return all + line + "\n"
}

// numbers returns the IDs of assumptions; three or more in a row are given as the first and the last.
func numbers(about []assumption) string {
	var runs [][]string
	last := -1
	for _, a := range about {
		n, _ := strconv.Atoi(a.ID[1:]) // another test makes sure of the form
		if n != last+1 {
			runs = append(runs, nil)
		}
		last = n
		run := &runs[len(runs)-1]
		*run = append(*run, a.ID)
	}
	var parts []string
	for _, run := range runs {
		if len(run) > 2 {
			run = []string{run[0] + "-" + run[len(run)-1]}
		}
		parts = append(parts, run...)
	}
	return strings.Join(parts, " ")
}

// tally returns the numbers of assumptions by source.
func tally(about []assumption) string {
	var parts []string
	for _, s := range sources() {
		n := 0
		for _, a := range about {
			if a.Source == s {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	return strings.Join(parts, ", ")
}

// differing returns the numbers of the differences that are about op.
func differing(op string) string {
	var parts []string
	for i, d := range differences() {
		if slices.Contains(d.Ops, op) {
			parts = append(parts, fmt.Sprint(i+1))
		}
	}
	return strings.Join(parts, ", ")
}

// cell escapes text for a cell of a table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", `\<`, "*", `\*`).Replace(s)
}
