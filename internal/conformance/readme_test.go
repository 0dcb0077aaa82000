package conformance

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

var update = flag.Bool("update", false, "write the README of osstest anew")

// fidelity is the file that tells how like the service the fake is.
const fidelity = "../../oss/osstest/README.md"

func TestReadmeOfTheFakeSaysWhatTheSuiteChecks(t *testing.T) {
	want := readme()
	if *update {
		if err := os.WriteFile(fidelity, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(fidelity)
	if err != nil {
		t.Fatal(err)
	}
	if diff := godiff.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is stale; go test ./internal/conformance -update writes it (-want +got):\n%s", fidelity, diff)
	}
}

func TestEveryOperationOfTheFakeIsChecked(t *testing.T) {
	known := osstest.Operations()
	checked := make(map[string]bool)
	for _, a := range Assumptions() {
		for _, op := range a.Ops {
			checked[op] = true
			if !slices.Contains(known, op) {
				t.Errorf("%s is about %s, which is no operation", a.ID, op)
			}
		}
	}
	for _, op := range known {
		if !checked[op] {
			t.Errorf("no assumption is about %s", op)
		}
	}
	for _, d := range Differences() {
		for _, op := range d.Ops {
			if !slices.Contains(known, op) {
				t.Errorf("%q is about %s, which is no operation", d.What, op)
			}
		}
		if !strings.HasSuffix(d.What, ".") || d.Why == "" {
			t.Errorf("%q is no sentence, or lacks a reason", d.What)
		}
	}
}

// readme writes the file, from the assumptions and the differences alone.
func readme() []byte {
	var b bytes.Buffer
	all := Assumptions()
	live := 0
	for _, a := range all {
		if a.FakeOnly == "" {
			live++
		}
	}
	fmt.Fprintf(&b, `# osstest: how like OSS it is

This file is generated: %s writes it, and the tests fail when it is stale.

The server in this package does what %d numbered assumptions about OSS say. Each has its evidence, and a check that
runs against the server with every %s; %d of the checks run against the service too, where OSS_TEST_BUCKET is set.
Beside them 60 recorded exchanges are replayed, and every header and byte of the replies compared.

| source | what it is | assumptions |
| --- | --- | --- |
`, "`go test ./internal/conformance -update`", len(all), "`go test`", live)
	means := map[Source]string{
		Recorded:     "real exchanges of 2026",
		Recorded2015: "real replies of 2015, kept in unit tests of an SDK",
		LiveTest:     "an SDK's integration test expects it of the service",
		ThirdParty:   "a real reply, quoted in public",
		Documented:   "the official documentation, pages of error codes included",
		SDKSource:    "official SDKs rely on it",
		Inferred:     "follows from the rest; nobody says it",
	}
	for _, s := range Sources() {
		n := 0
		for _, a := range all {
			if a.Source == s {
				n++
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %d |\n", s, means[s], n)
	}
	b.WriteString("\n## Operations\n\nWhat is not in this table is answered with 400 `NotImplemented`. " +
		"The last column has numbers of the differences below.\n\n| operation | checks | sources, the strongest first | differences |\n| --- | --- | --- | --- |\n")
	for _, op := range osstest.Operations() {
		about := slices.DeleteFunc(slices.Clone(all), func(a Assumption) bool { return !slices.Contains(a.Ops, op) })
		fmt.Fprintf(&b, "| %s | %d: %s | %s | %s |\n", op, len(about), numbers(about), tally(about), differing(op))
	}
	b.WriteString("\n## Known differences\n\n")
	for i, d := range Differences() {
		fmt.Fprintf(&b, "%d. %s: %s Why: %s.\n", i+1, cmp.Or(strings.Join(d.Ops, ", "), "All operations"), d.What, d.Why)
	}
	b.WriteString("\n## Assumptions\n\nThose with a star are checked against the fake only.\n\n| ID | what holds | source | where |\n| --- | --- | --- | --- |\n")
	for _, a := range all {
		star := ""
		if a.FakeOnly != "" {
			star = "\\*"
		}
		fmt.Fprintf(&b, "| %s%s | %s | %s | %s |\n", a.ID, star, cell(a.Claim), a.Source, cell(a.Where))
	}
	return b.Bytes()
}

// numbers are the IDs of assumptions; three and more in a row are given as the first and the last.
func numbers(about []Assumption) string {
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

// tally counts assumptions by their source.
func tally(about []Assumption) string {
	var parts []string
	for _, s := range Sources() {
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
	for i, d := range Differences() {
		if slices.Contains(d.Ops, op) {
			parts = append(parts, fmt.Sprint(i+1))
		}
	}
	return strings.Join(parts, ", ")
}

// cell keeps text within a cell of a table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", `\<`, "*", `\*`).Replace(s)
}
