// Count prints how many instructions the NEON kernels of internal/md5lanes take for a byte, and those of
// crypto/md5 on arm64. It builds a program for arm64 and counts in its machine code, so it runs anywhere.
//
//	go -C internal/md5lanes/gen run ./count
//
// A count is not a time: a core executes fewer vector than scalar instructions in a cycle, and most of them take
// longer.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "count:", err)
		os.Exit(1)
	}
}

const modulePath = "github.com/ossmultipart/go-oss/"

// run prints a table in Markdown. It expects to run in the directory of the module.
func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "count")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "md5lanes")
	if err := build(ctx, program, ".."); err != nil {
		return err
	}
	loops, err := loopsOf(program)
	if err != nil {
		return err
	}
	fmt.Println("| loop | bytes | instructions | of them vector | load, store | per byte | x crypto/md5 |")
	fmt.Println("| --- | --: | --: | --: | --: | --: | --: |")
	for _, l := range loops {
		fmt.Printf("| %s | %d | %d | %d | %d | %.2f | %.2f |\n", strings.TrimPrefix(l.name, modulePath),
			l.bytes, l.instructions, l.vector, l.memory, l.perByte(), l.perByte()/loops[0].perByte())
	}
	return nil
}
