// Gen generates the assembly of internal/crc64 and the Go declarations of its functions.
//
//	go generate ./internal/crc64
//
// The generated files are checked in, so that building the SDK needs neither this module nor avo. The test of this
// module fails if they are out of date.
package main

import (
	"log"
	"os"
	"path/filepath"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

func main() {
	files, err := generate()
	if err != nil {
		log.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join("..", name), content, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}

// generate returns the files by name.
func generate() (map[string][]byte, error) {
	c := build.NewContext()
	c.ConstraintExpr("!purego")
	cpuid(c)
	xgetbv(c)
	foldPCLMULQDQ(c)
	foldVPCLMULQDQ(c)
	parsed, err := c.Result()
	if err != nil {
		return nil, err
	}
	if err := pass.Compile.Execute(parsed); err != nil {
		return nil, err
	}
	cfg := printer.Config{Name: "internal/crc64/gen", Pkg: "crc64"}
	assembly, err := printer.NewGoAsm(cfg).Print(parsed)
	if err != nil {
		return nil, err
	}
	stubs, err := printer.NewStubs(cfg).Print(parsed)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{"asm_amd64.s": assembly, "asm_amd64.go": stubs}, nil
}
