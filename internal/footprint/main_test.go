package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	if os.Getenv(serveVariable) != "" {
		main()
	}
	os.Exit(m.Run())
}

// TestRun keeps the promises at a small size: three parts and a bit, as a file and through a pipe, both ways.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program, and moves the bytes of many parts")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Fatal("needs the go command to build examples/upload")
	}
	temp := useTempDir(t)
	var out bytes.Buffer
	if err := run(t.Context(), 3*partSize+1, false, &out); err != nil {
		t.Errorf("run: %v", err)
	}
	t.Logf("\n%s", &out)
	for _, name := range []string{"file", "pipe", "download file", "download pipe"} {
		if !strings.Contains(out.String(), name) {
			t.Errorf("output lacks the case %q", name)
		}
	}
	wantEmpty(t, temp)
}

func TestRunCancelled(t *testing.T) {
	temp := useTempDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, partSize, false, new(bytes.Buffer)); !errors.Is(err, context.Canceled) {
		t.Errorf("run = %v, want context.Canceled", err)
	}
	wantEmpty(t, temp)
}

func TestReport(t *testing.T) {
	tests := []struct {
		name    string
		measure measure
		want    string // in the table
		fails   bool
	}{
		{"good", measure{peak: 40, sha256: "x"}, " ok", false},
		{"at the limit", measure{peak: 80, sha256: "x"}, " ok", false},
		{"too much memory", measure{peak: 80.1, sha256: "x"}, "TOO MUCH MEMORY", true},
		{"damaged", measure{peak: 40, sha256: "y"}, "BYTES DIFFER", true},
		{"no such measure", measure{sha256: "x"}, "not measured", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.measure.name, tt.measure.limit = "file", 80
			var out bytes.Buffer
			err := report(&out, 1<<30, "x", []*measure{&tt.measure})
			if (err != nil) != tt.fails || !strings.Contains(out.String(), tt.want) {
				t.Errorf("report = %v and\n%s\nwant %q in it", err, &out, tt.want)
			}
		})
	}
}

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int64{"1": 1, "24MiB": 24 << 20, "1GiB": 1 << 30, "0": 0, "-1": 0, "1GB": 0,
		"9999999999GiB": 0, "": 0} {
		if got, err := parseBytes(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("parseBytes(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
}

// useTempDir makes run keep its files where the test can look.
func useTempDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	return dir
}

// wantEmpty says that nothing of run's is left. The go command may keep things of its own there.
func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	if names, _ := filepath.Glob(filepath.Join(dir, "go-oss-*")); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
}
