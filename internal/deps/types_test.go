package deps

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A checked is a package with its syntax and its types, without tests.
type checked struct {
	path  string
	fset  *token.FileSet
	files []*ast.File
	pkg   *types.Package
	info  *types.Info
}

// check type-checks files, which import what imp knows.
func check(path string, fset *token.FileSet, files []*ast.File, imp types.Importer) (*checked, error) {
	c := &checked{path: path, fset: fset, files: files}
	c.info = &types.Info{Uses: make(map[*ast.Ident]types.Object), Defs: make(map[*ast.Ident]types.Object)}
	conf := types.Config{Importer: imp}
	var err error
	c.pkg, err = conf.Check(path, fset, files, c.info)
	return c, err
}

// foreignTypes returns a sentence for every exported name that shows a type of a module other than
// m and the standard library. Fields and methods that are not exported show nothing; a type of m
// that is not exported shows what it has, once an exported name leads to it.
func (m module) foreignTypes(c *checked) []string {
	var wrong []string
	scope := c.pkg.Scope()
	for _, name := range scope.Names() {
		if !token.IsExported(name) {
			continue
		}
		seen := make(map[types.Type]bool)
		m.walk(scope.Lookup(name).Type(), seen, func(n *types.TypeName) {
			wrong = append(wrong, fmt.Sprintf("%s.%s shows %s.%s", c.pkg.Name(), name, n.Pkg().Path(), n.Name()))
		})
	}
	return wrong
}

// walk calls report for each foreign type that typ shows.
func (m module) walk(typ types.Type, seen map[types.Type]bool, report func(*types.TypeName)) {
	if typ == nil || seen[typ] {
		return
	}
	seen[typ] = true
	next := func(t types.Type) { m.walk(t, seen, report) }
	switch t := typ.(type) {
	case *types.Alias:
		m.walkNamed(t.Obj(), t.TypeArgs(), seen, report)
		next(types.Unalias(t))
	case *types.Named:
		if !m.walkNamed(t.Obj(), t.TypeArgs(), seen, report) {
			return
		}
		next(t.Underlying())
		for method := range t.Methods() {
			if method.Exported() {
				next(method.Type())
			}
		}
	case *types.Struct:
		for field := range t.Fields() {
			if field.Exported() || field.Embedded() {
				next(field.Type())
			}
		}
	case *types.Interface:
		for method := range t.Methods() {
			if method.Exported() {
				next(method.Type())
			}
		}
	case *types.Signature:
		next(t.Params())
		next(t.Results())
	case *types.Tuple:
		for v := range t.Variables() {
			next(v.Type())
		}
	case *types.Map:
		next(t.Key())
		next(t.Elem())
	case interface{ Elem() types.Type }: // pointers, slices, arrays, channels
		next(t.Elem())
	}
}

// walkNamed looks at the name of a type and at its arguments. It reports whether the type is one
// of m, so that its inside matters.
func (m module) walkNamed(n *types.TypeName, args *types.TypeList, seen map[types.Type]bool,
	report func(*types.TypeName)) bool {
	for arg := range args.Types() {
		m.walk(arg, seen, report)
	}
	if n.Pkg() == nil { // error and such
		return false
	}
	isOwn := within(n.Pkg().Path(), m.path)
	if !isOwn && !isStandard(n.Pkg().Path()) {
		report(n)
	}
	return isOwn
}

func TestForeignTypesAreSeenWhereverTheyShow(t *testing.T) {
	tests := []struct{ name, decl, wrong string }{
		{"nothing shown", "type T struct{ c *foreign.T }\nfunc (T) run(foreign.T) {}\nfunc f(foreign.T) {}", ""},
		{"parameter", "func F(foreign.T) {}", "p.F shows"},
		{"result in a slice", "func F() []*foreign.T { return nil }", "p.F shows"},
		{"field", "type T struct{ C map[string]foreign.T }", "p.T shows"},
		{"embedded", "type t struct{ foreign.T }\ntype U struct{ t }", "p.U shows"},
		{"method", "type T int\nfunc (*T) M(chan foreign.T) {}", "p.T shows"},
		{"interface method", "type T interface{ M(func(foreign.T)) }", "p.T shows"},
		{"variable", "var V foreign.T", "p.V shows"},
		{"alias", "type T = foreign.T", "p.T shows"},
		{"through a name that is not exported", "type t struct{ C foreign.T }\nfunc F() t { return t{} }", "p.F shows"},
		{"type argument", "type G[X any] struct{ x X }\nfunc F() G[foreign.T] { panic(0) }", "p.F shows"},
	}
	foreign := types.NewPackage("example.com/foreign", "foreign")
	name := types.NewTypeName(token.NoPos, foreign, "T", nil)
	types.NewNamed(name, types.NewStruct(nil, nil), nil)
	foreign.Scope().Insert(name)
	foreign.MarkComplete()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := snippet(t, "import \"example.com/foreign\"\n"+tt.decl, foreign)
			got := strings.Join(module{path: "example.org/p"}.foreignTypes(c), "\n")
			if (tt.wrong == "") != (got == "") || !strings.Contains(got, tt.wrong) {
				t.Errorf("foreignTypes = %q, want %q in it", got, tt.wrong)
			}
		})
	}
}

// snippet type-checks the declarations of a package p.
func snippet(t *testing.T, decls string, imports ...*types.Package) *checked {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p.go", "package p\n"+decls, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	std := importer.ForCompiler(fset, "source", nil)
	c, err := check("example.org/p", fset, []*ast.File{file}, importerFunc(func(path string) (*types.Package, error) {
		for _, p := range imports {
			if p.Path() == path {
				return p, nil
			}
		}
		return std.Import(path)
	}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type importerFunc func(path string) (*types.Package, error)

func (f importerFunc) Import(path string) (*types.Package, error) { return f(path) }

func TestExportedNamesShowNoForeignTypes(t *testing.T) {
	m, packages := loadTypes(t)
	for _, name := range []string{"signer", "oss", "multipart", "oss/osstest", "oss/credentials",
		"oss/credentials/credtest"} {
		i := slices.IndexFunc(packages, func(c *checked) bool { return c.path == m.path+"/"+name })
		if i < 0 {
			t.Errorf("package %s was not found", name)
			continue
		}
		for _, wrong := range m.foreignTypes(packages[i]) {
			t.Error(wrong)
		}
	}
}

// loadTypes type-checks every package of the module, nested ones left out, against the export data
// of what they import.
func loadTypes(t *testing.T) (m module, packages []*checked) {
	t.Helper()
	m, _ = load(t)
	cmd := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	type listed struct {
		ImportPath, Dir, Export string
		GoFiles                 []string
	}
	export := make(map[string]string)
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		export[p.ImportPath] = p.Export
		if within(p.ImportPath, m.path) && len(p.GoFiles) > 0 {
			all = append(all, p)
		}
	}
	fset := token.NewFileSet()
	imp := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(export[path]) })
	for _, p := range all {
		var files []*ast.File
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
		c, err := check(p.ImportPath, fset, files, imp)
		if err != nil {
			t.Fatalf("type-checking %s: %v", p.ImportPath, err)
		}
		packages = append(packages, c)
	}
	return m, packages
}
