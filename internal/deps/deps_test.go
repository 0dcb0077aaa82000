package deps

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the root of the module, as tests see it.
const root = "../.."

// own are the packages of this module that a package may import, in files that are no tests. A
// path that ends with a slash stands for every package below it, on either side of the table.
//
// internal/footprint is a program that measures, and internal/faults is for tests; no package imports them.
func own(dir string) (allowed []string, known bool) {
	table := []struct {
		dir     string
		allowed []string
	}{
		{"signer", nil},
		{"oss", []string{"signer", "internal/crc64", "internal/ctxcause", "internal/flow", "internal/ossxml",
			"internal/reqstats", "internal/zerocopy"}},
		{"oss/osstest", []string{"oss", "signer", "internal/crc64", "internal/memnet", "internal/ossxml",
			"oss/osstest/internal/store"}},
		{"oss/osstest/internal/store", []string{"oss", "internal/ossxml"}},
		{"oss/ossfs", []string{"oss"}},
		{"oss/credentials", []string{"signer", "internal/rpcsign"}},
		{"oss/credentials/credtest", []string{"signer"}},
		{"multipart", []string{"oss", "internal/crc64", "internal/ctxcause", "internal/flow", "internal/md5lanes",
			"internal/pagecache", "internal/reqstats", "internal/zerocopy"}},
		{"internal/footprint", []string{"oss", "multipart", "signer", "oss/osstest"}},
		{"internal/faults", []string{"oss", "oss/osstest"}},
		{"internal/", nil},
		{"examples/internal/", []string{"oss", "multipart", "signer", "oss/osstest"}},
		{"examples/", []string{"oss", "multipart", "signer", "oss/osstest", "oss/credentials",
			"examples/internal/bucket"}},
	}
	for _, row := range table {
		if row.dir == dir || strings.HasSuffix(row.dir, "/") && strings.HasPrefix(dir, row.dir) {
			return row.allowed, true
		}
	}
	return nil, false
}

// foreign says where a package of another module may be imported, and whether it may at all.
func foreign(imported, file string) (where string, ok bool) {
	switch {
	case imported == "github.com/hashicorp/go-retryablehttp":
		return "in oss/retry.go only", file == "oss/retry.go"
	case imported == "golang.org/x/sync/errgroup":
		return "in multipart/transfer.go only", file == "multipart/transfer.go"
	case within(imported, "github.com/google/go-cmp"):
		return "in tests only", isTest(file)
	}
	return "nowhere", false
}

// A module is what the rules need to know of one.
type module struct {
	path   string   // "github.com/ossmultipart/go-oss"
	nested []string // directories with a go.mod of their own
}

// A source is one Go file: where it is, from the root of the module, and what it imports.
type source struct {
	file    string
	imports []string
}

// violations returns what is wrong with the imports of src, a sentence each.
func (m module) violations(src source) []string {
	var wrong []string
	dir := path.Dir(src.file)
	allowed, known := own(dir)
	if !known {
		return []string{src.file + ": there is no rule for directory " + dir + ": add one to the table"}
	}
	for _, imported := range src.imports {
		rel, isOwn := strings.CutPrefix(imported, m.path+"/")
		switch {
		case isOwn && slices.ContainsFunc(m.nested, func(d string) bool { return within(rel, d) }):
			wrong = append(wrong, fmt.Sprintf("%s imports %s, which is in a nested module", src.file, rel))
		case imported == m.path:
			wrong = append(wrong, fmt.Sprintf("%s imports the root of the module", src.file))
		case isOwn && rel == "multipart" && (dir == "oss" || dir == "signer") && isTest(src.file):
			wrong = append(wrong, fmt.Sprintf("%s imports %s: tests do not look upwards either", src.file, rel))
		case isOwn && !isTest(src.file) && !slices.Contains(allowed, rel):
			wrong = append(wrong, fmt.Sprintf("%s imports %s, but %s may import %s of this module",
				src.file, rel, dir, orNothing(allowed)))
		case !isOwn && !isStandard(imported):
			if where, ok := foreign(imported, src.file); !ok {
				wrong = append(wrong, fmt.Sprintf("%s imports %s, which is allowed %s", src.file, imported, where))
			}
		}
	}
	return wrong
}

func orNothing(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return "only " + strings.Join(list, ", ")
}

func isTest(file string) bool { return strings.HasSuffix(file, "_test.go") }

// isStandard reports whether a path is of the standard library: others begin with a host name.
func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

// within reports whether p is dir or below it.
func within(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

func TestImportRulesCatchEveryViolation(t *testing.T) {
	const mod = "github.com/ossmultipart/go-oss/"
	m := module{path: strings.TrimSuffix(mod, "/"), nested: []string{"examples/tracing", "internal/bench"}}
	tests := []struct {
		name    string
		file    string
		imports string
		wrong   string // part of the complaint; empty means that there is none
	}{
		{"the standard library is free", "signer/v4.go", "net/http", ""},
		{"signer stands alone", "signer/v4.go", mod + "internal/crc64",
			"signer/v4.go imports internal/crc64, but signer may import nothing"},
		{"key sources may import signer", "oss/credentials/env.go", mod + "signer", ""},
		{"key sources do not import oss", "oss/credentials/env.go", mod + "oss", "imports oss"},
		{"oss does not import the key sources", "oss/client.go", mod + "oss/credentials", "imports oss/credentials"},
		{"key sources do not import their fakes", "oss/credentials/ecs.go", mod + "oss/credentials/credtest",
			"imports oss/credentials/credtest"},
		{"internal packages stand alone", "internal/ossxml/ossxml.go", mod + "oss", "may import nothing"},
		{"internal packages do not see each other", "internal/ossxml/ossxml.go",
			mod + "internal/crc64", "may import nothing"},
		{"oss may import signer", "oss/client.go", mod + "signer", ""},
		{"oss may import internal packages", "oss/integrity.go", mod + "internal/crc64", ""},
		{"oss does not look upwards", "oss/client.go", mod + "multipart", "imports multipart"},
		{"oss does not import its fake", "oss/client.go", mod + "oss/osstest", "imports oss/osstest"},
		{"tests of oss may", "oss/client_test.go", mod + "oss/osstest", ""},
		{"tests of oss do not look upwards", "oss/client_test.go", mod + "multipart", "tests do not look upwards"},
		{"multipart does not import the fake", "multipart/uploader.go", mod + "oss/osstest", "imports oss/osstest"},
		{"multipart does not sign", "multipart/uploader.go", mod + "signer", "imports signer"},
		{"multipart may import oss", "multipart/uploader.go", mod + "oss", ""},
		{"the fake may import oss", "oss/osstest/server.go", mod + "oss", ""},
		{"the fake does not import multipart", "oss/osstest/server.go", mod + "multipart", "imports multipart"},
		{"the conformance tests may import the fake", "internal/conformance/env_test.go", mod + "oss/osstest", ""},
		{"what measures may import all", "internal/footprint/main.go", mod + "multipart", ""},
		{"examples may import the fake", "examples/upload/main.go", mod + "oss/osstest", ""},
		{"examples share a helper", "examples/upload/main.go", mod + "examples/internal/bucket", ""},
		{"examples do not look inside", "examples/upload/main.go", mod + "internal/crc64", "imports internal/crc64"},
		{"retryablehttp has its file", "oss/retry.go", "github.com/hashicorp/go-retryablehttp", ""},
		{"retryablehttp has no other file", "oss/attempt.go",
			"github.com/hashicorp/go-retryablehttp", "in oss/retry.go only"},
		{"retryablehttp has no test", "oss/retry_test.go",
			"github.com/hashicorp/go-retryablehttp", "in oss/retry.go only"},
		{"errgroup has its file", "multipart/transfer.go", "golang.org/x/sync/errgroup", ""},
		{"errgroup has no other file", "multipart/writer.go", "golang.org/x/sync/errgroup",
			"in multipart/transfer.go only"},
		{"x/sync is errgroup and nothing else", "multipart/transfer.go", "golang.org/x/sync/semaphore", "nowhere"},
		{"cmp is for tests", "multipart/plan_test.go", "github.com/google/go-cmp/cmp", ""},
		{"cmp is for tests only", "multipart/plan.go", "github.com/google/go-cmp/cmp", "in tests only"},
		{"a name that begins alike is another module", "oss/a_test.go", "github.com/google/go-cmpx", "nowhere"},
		{"other modules are refused", "oss/client.go", "golang.org/x/net/http2", "nowhere"},
		{"tests have no other modules either", "oss/client_test.go", "github.com/stretchr/testify", "nowhere"},
		{"nested modules are not imported", "oss/client_test.go", mod + "examples/tracing", "in a nested module"},
		{"what is below them neither", "examples/upload/main.go", mod + "internal/bench/report", "in a nested module"},
		{"the root is no package", "examples/upload/main.go", strings.TrimSuffix(mod, "/"), "the root of the module"},
		{"a new directory needs a rule", "util/strings.go", "strings", "no rule for directory util"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(m.violations(source{tt.file, []string{tt.imports}}), "\n")
			if tt.wrong == "" && got != "" || !strings.Contains(got, tt.wrong) {
				t.Errorf("violations = %q, want %q in it", got, tt.wrong)
			}
		})
	}
}

func TestImportsFollowTheRules(t *testing.T) {
	m, files := load(t)
	for _, file := range files {
		if slices.ContainsFunc(m.nested, func(d string) bool { return within(file, d) }) {
			continue
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ImportsOnly)
		if err != nil {
			t.Errorf("reading imports: %v", err)
			continue
		}
		src := source{file: file}
		for _, spec := range syntax.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			src.imports = append(src.imports, imported)
		}
		for _, wrong := range m.violations(src) {
			t.Error(wrong)
		}
	}
}

// load finds the module and all its Go files, those for other systems and those of nested modules
// included, with paths from its root.
func load(t *testing.T) (m module, files []string) {
	t.Helper()
	gomod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(gomod)) {
		if name, ok := strings.CutPrefix(line, "module "); ok {
			m.path = strings.TrimSpace(name)
		}
	}
	for _, file := range find(t, ".go", "go.mod") {
		switch {
		case strings.HasSuffix(file, ".go"):
			files = append(files, file)
		case file != "go.mod":
			m.nested = append(m.nested, path.Dir(file))
		}
	}
	if m.path == "" || len(files) < 10 {
		t.Fatalf("found module %q with %d Go files", m.path, len(files))
	}
	return m, files
}

// find returns the paths from the root of all files whose names end like this. It leaves out testdata, and directories
// that the go command ignores.
func find(t *testing.T, suffixes ...string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel != "." && (strings.ContainsRune("._", rune(d.Name()[0])) || d.Name() == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if slices.ContainsFunc(suffixes, func(suffix string) bool { return strings.HasSuffix(rel, suffix) }) {
			files = append(files, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
