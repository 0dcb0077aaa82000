package main

import (
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMain lets the test binary be the sink and the clients, as the command is.
func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) != "" {
		main()
	}
	// Under the race detector each of the processes would wait a second at its end.
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	os.Exit(m.Run())
}

// The sink hashes every byte here, and the command fails if an object is not complete. The slow line is left out: it
// is slow.
func TestEveryClientsObjectsArriveComplete(t *testing.T) {
	temp, profiles := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temp)
	var out, log bytes.Buffer
	sizes := map[string]string{"file-8,stream-8": "8388609", "file-defaults,stream-defaults": "17MiB",
		"small-32,tls-file-16,tls-small": "2MiB",
		"many-files":                     "9MiB", "download-8,download-stream-d,download-tls-d": "9MiB",
		"tree": "1MiB"}
	for only, size := range sizes {
		args := []string{"-size", size, "-runs", "1", "-verify", "-only", only, "-profile", profiles}
		if err := run(t.Context(), args, &out, &log); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range scenarios() {
		for _, c := range contenders() {
			want := c.runs(s) && slices.ContainsFunc(slices.Collect(maps.Keys(sizes)), func(only string) bool {
				return slices.ContainsFunc(strings.Split(only, ","), func(w string) bool {
					return strings.HasPrefix(s.name, w)
				})
			})
			if got := strings.Contains(out.String(), "| "+s.name+" | "+c.name+" |"); got != want {
				t.Errorf("the table has %s of %s: %v, want %v", s.name, c.name, got, want)
			}
			if _, err := os.Stat(filepath.Join(profiles, s.name+"-"+c.name+".prof")); (err == nil) != want {
				t.Errorf("profile of %s of %s: %v, want one: %v", s.name, c.name, err, want)
			}
		}
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A hole takes 100 GiB of time, so only a smaller one is uploaded here, and only by name.
func TestAHoleArrivesComplete(t *testing.T) {
	b := newTestBench(t)
	b.clients, b.size, b.verify = contenders()[:2], 1<<20, true
	s := scenario{name: "hole", mode: modeFile, part: 1 << 20, workers: 2, hole: true, size: 3<<20 + 1}
	rows, err := b.scenario(t.Context(), s.sized(b.size), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.Pieces != 4 {
			t.Errorf("%s sent %d parts, want 4", r.client, r.Pieces)
		}
	}
	for _, s := range must(choose("")) {
		if s.hole {
			t.Errorf("%s runs although it is not named", s.name)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// The row of crypto/md5 is what the others are compared with.
func TestInstructionsAreCountedWithoutAnUpload(t *testing.T) {
	var out, log bytes.Buffer
	if err := run(t.Context(), []string{"-only", "arm64", "-size", "1"}, &out, &log); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| crypto/md5.block |", "| internal/md5lanes.blocksNEONx12 |"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &out)
		}
	}
}

// The client's process ends with the error, and the command with it.
func TestAClientThatFailsIsAnError(t *testing.T) {
	b := newTestBench(t)
	_, err := b.one(t.Context(), scenario{name: "tiny", mode: modeFile, part: 1 << 10, workers: 1, size: 2 << 10},
		contender{name: "v1"}, b.path(t, 2<<10))
	if err == nil || !strings.Contains(err.Error(), "part size") {
		t.Errorf("v1 with parts of 1 KiB: %v, want its complaint", err)
	}
}

func TestAnIncompleteObjectIsAnError(t *testing.T) {
	b := newTestBench(t)
	s := scenario{name: "short", mode: modeFile, part: 1 << 10, workers: 2, size: 4 << 10}
	path := b.path(t, s.size)
	if err := b.server.ask(t.Context(), expectPath, order{Path: path, Size: s.size, Part: s.part}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.one(t.Context(), s, contender{name: "floor"}, path); err != nil {
		t.Fatalf("a whole object: %v", err)
	}
	// What the client takes for the end is a part before it.
	_, err := b.one(t.Context(), scenario{name: "short", mode: modeStream, part: 1 << 10, workers: 2, size: 5 << 10},
		contender{name: "floor"}, path)
	if err == nil || !strings.Contains(err.Error(), "Pieces:4") {
		t.Errorf("an object that lacks a part: %v, want the tally", err)
	}
}

func TestRunRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, args := range [][]string{{"-size", "1GB"}, {"-size", "0"}, {"-runs", "0"}, {"-only", "file,fast"},
		{"-clients", "ours,theirs"}, {"file"}, {"-quick"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("run(%q) = nil", args)
		}
	}
}

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int64{"1": 1, "24MiB": 24 << 20, "1GiB": 1 << 30, "-1": 0,
		"9999999999GiB": 0, "": 0} {
		if got, err := parseBytes(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("parseBytes(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
}

// newTestBench starts a sink that is stopped after t.
func newTestBench(t *testing.T) *bench {
	t.Helper()
	srv, err := startServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.stop(); err != nil {
			t.Errorf("sink: %v", err)
		}
	})
	return &bench{server: srv, dir: t.TempDir(), runs: 1, log: t.Logf}
}

// path returns the name of a new source.
func (b *bench) path(t *testing.T, size int64) string {
	t.Helper()
	path := filepath.Join(b.dir, "source")
	if err := generate(path, size); err != nil {
		t.Fatal(err)
	}
	return path
}
