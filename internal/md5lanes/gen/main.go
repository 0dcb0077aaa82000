// Command gen writes the assembly of internal/md5lanes. Run it by go generate there.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen directory")
		os.Exit(2)
	}
	if err := writeAll(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// writeAll writes the files to a directory.
func writeAll(dir string) error {
	files, err := generate()
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate returns the files by name.
func generate() (map[string][]byte, error) {
	amd64, err := assembly()
	if err != nil {
		return nil, err
	}
	return map[string][]byte{"kernels_amd64.s": amd64, "kernels_arm64.s": neon()}, nil
}

// assembly returns the file for amd64.
func assembly() ([]byte, error) {
	c := build.NewContext()
	c.ConstraintExpr("!purego")
	table := sines(c)
	avx512(c, table, 2)
	avx512(c, table, 1)
	avx2(c, table)
	detection(c)
	file, err := c.Result()
	if err != nil {
		return nil, err
	}
	if err := pass.Compile.Execute(file); err != nil {
		return nil, err
	}
	return printer.NewGoAsm(printer.Config{Name: "internal/md5lanes/gen", Pkg: "md5lanes"}).Print(file)
}

// detection writes cpuid and xgetbv.
func detection(c *build.Context) {
	begin(c, "cpuid", "func(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32)")
	c.Load(c.Param("leaf"), reg.EAX)
	c.Load(c.Param("subleaf"), reg.ECX)
	c.CPUID()
	c.Store(reg.EAX, c.Return("eax"))
	c.Store(reg.EBX, c.Return("ebx"))
	c.Store(reg.ECX, c.Return("ecx"))
	c.Store(reg.EDX, c.Return("edx"))
	c.RET()

	begin(c, "xgetbv", "func() uint32")
	c.XORL(reg.ECX, reg.ECX)
	c.XGETBV()
	c.Store(reg.EAX, c.ReturnIndex(0))
	c.RET()
}
