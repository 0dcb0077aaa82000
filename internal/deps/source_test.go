package deps

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// notASCII returns the first line of text with a byte that is not ASCII, 0 if there is none.
func notASCII(text []byte) int {
	line := 1
	for _, c := range text {
		if c == '\n' {
			line++
		}
		if c >= 0x80 {
			return line
		}
	}
	return 0
}

// columns is the longest line of source and prose; a tab counts as 4.
const columns = 120

// longLines returns the numbers of the lines of a file that are longer than columns. Generated files
// have none, nor have tables and fenced blocks of Markdown, and lines that no blank divides, such as links.
func longLines(file string, text []byte) (numbers []int) {
	if generated.Match(text) {
		return nil
	}
	markdown, fenced, n := strings.HasSuffix(file, ".md"), false, 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimRight(line, "\n")
		if markdown && strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		}
		width := len(line) + 3*strings.Count(line, "\t")
		if width <= columns || markdown && (fenced || strings.HasPrefix(line, "|")) {
			continue
		}
		_, text, _ := strings.Cut(strings.TrimSpace(line), " ") // behind the mark of a comment or of a list
		if strings.Contains(text, " ") {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// undocumented returns a sentence for every exported name of c without a doc comment, and for
// every function and type whose comment does not begin with its name. In a group one comment is
// enough for all of it, and behind a value a comment on its line.
func undocumented(c *checked) []string {
	var wrong []string
	report := func(name *ast.Ident, problem string) {
		wrong = append(wrong, fmt.Sprintf("%s: %s %s", c.fset.Position(name.Pos()), name.Name, problem))
	}
	for _, file := range c.files {
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && receiverIsExported(d) && !names(d.Doc, d.Name.Name) {
					report(d.Name, "has no comment that begins with its name")
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.TypeSpec:
						doc := s.Doc
						if !d.Lparen.IsValid() {
							doc = d.Doc
						}
						if s.Name.IsExported() && !names(doc, s.Name.Name) {
							report(s.Name, "has no comment that begins with its name")
						}
					case *ast.ValueSpec:
						for _, name := range s.Names {
							if name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
								report(name, "has no comment")
							}
						}
					}
				}
			}
		}
	}
	return wrong
}

// names reports whether a comment begins with name, an article aside.
func names(doc *ast.CommentGroup, name string) bool {
	text := doc.Text()
	for _, article := range []string{"A ", "An ", "The "} {
		text = strings.TrimPrefix(text, article)
	}
	rest, ok := strings.CutPrefix(text, name)
	return ok && (rest == "" || !token.IsIdentifier(name+rest[:1]))
}

func receiverIsExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	for {
		switch t := typ.(type) {
		case *ast.StarExpr:
			typ = t.X
		case *ast.IndexExpr:
			typ = t.X
		case *ast.Ident:
			return t.IsExported()
		default:
			return true
		}
	}
}

// state returns a sentence for every init function of c and for every package-level variable that
// is more than a name for a value: one that nothing is given to at once, that is assigned to, in
// whole or in part, or whose address is taken, or whose type is there to be changed. A sync.Pool is
// exempt: its content is not observable.
func state(c *checked) []string {
	var wrong []string
	vars := make(map[types.Object]bool)
	report := func(at ast.Node, format string, args ...any) {
		wrong = append(wrong, c.fset.Position(at.Pos()).String()+": "+fmt.Sprintf(format, args...))
	}
	for _, file := range c.files {
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				report(f, "init function")
			}
			d, ok := decl.(*ast.GenDecl)
			if !ok || d.Tok != token.VAR {
				continue
			}
			for _, spec := range d.Specs {
				s := spec.(*ast.ValueSpec)
				for _, name := range s.Names {
					if name.Name == "_" {
						continue
					}
					obj := c.info.Defs[name]
					vars[obj] = true
					if len(s.Values) == 0 {
						report(name, "variable %s has no value from the start", name.Name)
					} else if t := obj.Type().String(); t != "sync.Pool" && strings.HasPrefix(t, "sync.") ||
						strings.HasPrefix(t, "sync/atomic.") {
						report(name, "variable %s is a %s", name.Name, t)
					}
				}
			}
		}
	}
	changed := func(e ast.Expr, how string) {
		for {
			switch x := e.(type) {
			case *ast.ParenExpr:
				e = x.X
			case *ast.IndexExpr:
				e = x.X
			case *ast.StarExpr:
				e = x.X
			case *ast.SelectorExpr:
				e = x.X
			case *ast.Ident:
				if vars[c.info.Uses[x]] {
					report(x, "variable %s is %s", x.Name, how)
				}
				return
			default:
				return
			}
		}
	}
	for _, file := range c.files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, lhs := range n.Lhs {
					changed(lhs, "assigned to")
				}
			case *ast.IncDecStmt:
				changed(n.X, "counted with")
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					changed(n.X, "pointed to")
				}
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "delete" || f.Name == "clear") && len(n.Args) > 0 {
					changed(n.Args[0], "emptied")
				}
			}
			return true
		})
	}
	return wrong
}

func TestSourceRulesCatchEveryViolation(t *testing.T) {
	tests := []struct {
		name, decls string
		rule        func(*checked) []string
		wrong       string
	}{
		{"documented", "// F runs.\nfunc F() {}\n\n// A T is one.\ntype T int\n\n// M runs.\nfunc (T) M() {}",
			undocumented, ""},
		{"function", "func F() {}", undocumented, "F has no comment that"},
		{"function by another name", "// Fn runs.\nfunc F() {}", undocumented, "F has no comment that"},
		{"method", "// T is one.\ntype T int\nfunc (*T) M() {}", undocumented, "M has no comment that"},
		{"method of an unexported type", "type t int\nfunc (*t) M() {}", undocumented, ""},
		{"type", "type T int", undocumented, "T has no comment that"},
		{"type in a group", "// Types.\ntype (\n\tT int\n)", undocumented, "T has no comment that"},
		{"constant", "const C = 1", undocumented, "C has no comment"},
		{"constants in a group", "// Numbers.\nconst (\n\tC = 1\n\tD = 2\n)", undocumented, ""},
		{"constant with a line of its own", "const (\n\tC = 1 // one\n)", undocumented, ""},
		{"tables and errors", "import \"errors\"\nvar e = errors.New(\"\")\nvar m = map[int]int{1: 2}\n" +
			"var _ error = e\nfunc f() int { return m[1] }", state, ""},
		{"locals are free", "func f() { m := map[int]int{}; m[1] = 2 }", state, ""},
		{"init", "func init() {}", state, "init function"},
		{"a method init is none", "type t int\nfunc (t) init() {}", state, ""},
		{"empty variable", "var v int", state, "v has no value"},
		{"assignment", "var v = 1\nfunc f() { v = 2 }", state, "v is assigned to"},
		{"map", "var m = map[int]int{}\nfunc f() { m[1] = 2 }", state, "m is assigned to"},
		{"field", "var s = struct{ n []int }{}\nfunc f() { s.n[0] = 2 }", state, "s is assigned to"},
		{"counter", "var v = 1\nfunc f() { v++ }", state, "v is counted with"},
		{"address", "var v = 1\nfunc f() *int { return &v }", state, "v is pointed to"},
		{"emptied", "var m = map[int]int{}\nfunc f() { clear(m) }", state, "m is emptied"},
		{"pool", "import \"sync\"\nvar p = sync.Pool{New: func() any { return 0 }}\nfunc f() any { return p.Get() }",
			state, ""},
		{"lock", "import \"sync\"\nvar mu = sync.Mutex{}", state, "mu is a sync.Mutex"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(tt.rule(snippet(t, tt.decls)), "\n")
			if (tt.wrong == "") != (got == "") || !strings.Contains(got, tt.wrong) {
				t.Errorf("rule = %q, want %q in it", got, tt.wrong)
			}
		})
	}
	if got := notASCII([]byte("a\nb\xc3\xa9\n")); got != 2 {
		t.Errorf("notASCII = line %d, want 2", got)
	}
}

func TestPackagesKeepNoStateAndAreDocumented(t *testing.T) {
	_, packages := loadTypes(t)
	for _, c := range packages {
		for _, wrong := range state(c) {
			t.Error(wrong)
		}
		if c.pkg.Name() == "main" {
			continue
		}
		for _, wrong := range undocumented(c) {
			t.Error(wrong)
		}
	}
}

func TestLinesThatAreTooLongAreFound(t *testing.T) {
	long := strings.Repeat("word ", 25) // 125 columns
	tests := []struct {
		name, file, text string
		want             []int
	}{
		{"just short enough", "a.go", long[:120] + "\n", nil},
		{"one more", "a.go", "package a\n" + long[:121] + "\n", []int{2}},
		{"a tab counts as four", "a.go", "\t" + long[:117] + "\n\t" + long[:116] + "\n", []int{1}},
		{"a generated file", "a.go", "// Code generated by b. DO NOT EDIT.\n" + long + "\n", nil},
		{"a link in a comment", "a.go", "// https://example.com/" + strings.Repeat("x", 120) + "\n", nil},
		{"prose", "a.md", "# A\n" + long + "\n", []int{2}},
		{"an item of a list", "a.md", "- " + long + "\n", []int{1}},
		{"a table", "a.md", "| " + long + "|\n", nil},
		{"a fenced block", "a.md", "```\n" + long + "\n```\n" + long + "\n", []int{4}},
		{"a bar of source is no table", "a.go", "| " + long + "\n", []int{1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := longLines(tt.file, []byte(tt.text)); !slices.Equal(got, tt.want) {
				t.Errorf("longLines = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestSourceIsASCIIInShortLines(t *testing.T) {
	files := find(t, ".go", ".md")
	if len(files) < 100 {
		t.Fatalf("found %d files", len(files))
	}
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		if line := notASCII(text); line > 0 {
			t.Errorf("%s:%d is not ASCII", file, line)
		}
		for _, line := range longLines(file, text) {
			t.Errorf("%s:%d is longer than %d columns", file, line, columns)
		}
	}
}
