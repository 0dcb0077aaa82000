package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const (
	modulePath  = "github.com/ossmultipart/go-oss"
	programPath = modulePath + "/internal/bench"
)

// program returns the executable that c is part of. It builds the one without kernels when it is first wanted.
func (b *bench) program(ctx context.Context, c contender) (string, error) {
	if !c.plain {
		return os.Executable()
	}
	if b.plain == "" {
		b.log("building this program without kernels")
		plain := filepath.Join(b.dir, "plain")
		if err := buildWithoutKernels(ctx, plain, b.dir); err != nil {
			return "", fmt.Errorf("building without kernels: %w", err)
		}
		b.plain = plain
	}
	return b.plain, nil
}

// buildWithoutKernels builds this program to path as the tag purego would, but for the packages of this module alone.
// The standard library obeys that tag too: its MD5 then takes 1.6 times as long, SHA-256 and AES many times, which is
// what no machine does that has Go but not our kernels. So an overlay gives our packages the files that they have with
// the tag, and there is no tag. dir is for files that the build needs.
func buildWithoutKernels(ctx context.Context, path, dir string) error {
	usual, err := listFiles(ctx)
	if err != nil {
		return err
	}
	pure, err := listFiles(ctx, "-tags", "purego")
	if err != nil {
		return err
	}
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	for _, name := range usual {
		if !slices.Contains(pure, name) {
			overlay.Replace[name] = "" // as if there were no such file
		}
	}
	for i, name := range pure {
		if slices.Contains(usual, name) {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		_, text, found := bytes.Cut(text, []byte("//go:build "))
		if !found {
			return fmt.Errorf("%s has no constraint", name)
		}
		free := filepath.Join(dir, fmt.Sprintf("pure%d.go", i))
		if err := os.WriteFile(free, append([]byte("// "), text...), 0o600); err != nil {
			return err
		}
		overlay.Replace[name] = free
	}
	text, err := json.Marshal(overlay)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	_, err = goCommand(ctx, "build", "-overlay", file, "-o", path, programPath)
	return err
}

// listFiles returns the source files of this module that the program is made of.
func listFiles(ctx context.Context, flags ...string) ([]string, error) {
	const perFile = `{{$d := .Dir}}{{range .GoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{range ` +
		`.SFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}`
	const format = `{{with .Module}}{{if eq .Path "` + modulePath + `"}}{{$.ImportPath}}{{"\n"}}{{end}}{{end}}`
	packages, err := goCommand(ctx, append(append([]string{"list", "-deps", "-f", format}, flags...), programPath)...)
	if err != nil {
		return nil, err
	}
	files, err := goCommand(ctx,
		append(append([]string{"list", "-f", perFile}, flags...), strings.Fields(packages)...)...)
	return strings.Split(strings.TrimSpace(files), "\n"), err
}

// countInstructions returns a table of the instructions per byte of the arm64 kernels, and of crypto/md5.
func countInstructions(ctx context.Context) (string, error) {
	dir, err := goCommand(ctx, "list", "-f", "{{.Dir}}", modulePath+"/internal/md5lanes")
	if err != nil {
		return "", err
	}
	return goCommand(ctx, "run", "-C", filepath.Join(strings.TrimSpace(dir), "gen"), "./count")
}

// goCommand returns what go prints.
func goCommand(ctx context.Context, args ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w: %s", args[0], err, &stderr)
	}
	return string(out), nil
}
