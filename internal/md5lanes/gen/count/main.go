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
	"text/tabwriter"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "count:", err)
		os.Exit(1)
	}
}

// run prints a table. It expects to run in the directory of the module.
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
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "loop\tbytes\tinstructions\tof them vector\tload, store\tinstructions per byte\tto crypto/md5\t")
	for _, l := range loops {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%.2f\t%.3f\t\n",
			l.name, l.bytes, l.instructions, l.vector, l.memory, l.perByte(), l.perByte()/loops[0].perByte())
	}
	return w.Flush()
}
