package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// It must lack the kernels, and the standard library must keep its own.
func TestWithoutKernelsMeansOursAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "plain")
	if err := buildWithoutKernels(t.Context(), path, dir); err != nil {
		t.Fatal(err)
	}
	usual, err := listFiles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pure, err := listFiles(t.Context(), "-tags", "purego")
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(usual, pure) {
		if runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64" {
			t.Fatal("the tag purego leaves the kernels of this architecture in")
		}
		t.Skip("there are no kernels for this architecture")
	}
	symbols, err := exec.CommandContext(t.Context(), "go", "tool", "nm", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range usual {
		if slices.Contains(pure, name) || filepath.Ext(name) != ".s" {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, found := strings.Cut(string(text), "TEXT \u00b7")
		function, _, _ := strings.Cut(rest, "(")
		kernel := filepath.Base(filepath.Dir(name)) + "." + function
		if !found || strings.Contains(string(symbols), kernel) {
			t.Errorf("the program has %q of %s", kernel, name)
		}
	}
	if !strings.Contains(string(symbols), "crypto/md5.block.abi0") {
		t.Error("the program lacks the assembly of crypto/md5")
	}
}
