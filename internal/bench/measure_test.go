package main

import (
	"bytes"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// read returns what a file holds.
func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestMediansAreOfEachNumberByItself(t *testing.T) {
	got := medians([]cost{
		{CPU: 3, Pieces: 2, reply: reply{Wall: 10, Peak: 1, Bytes: 7, Allocs: 1}},
		{CPU: 1, Pieces: 4, reply: reply{Wall: 30, Peak: 2, Bytes: 9, Allocs: 1}},
		{CPU: 2, Pieces: 3, reply: reply{Wall: 20, Peak: 9, Bytes: 8, Allocs: 4}},
	})
	if want := (cost{CPU: 2, Pieces: 3, reply: reply{Wall: 20, Peak: 2, Bytes: 8, Allocs: 1}}); got != want {
		t.Errorf("medians = %+v, want %+v", got, want)
	}
}

func TestTableComparesWithinAScenario(t *testing.T) {
	a, b := scenario{name: "a", part: 1 << 20, size: 1 << 30}, scenario{name: "b", size: 1 << 30}
	of := func(cpu, wall time.Duration, pieces int64) cost {
		return cost{CPU: cpu, Pieces: pieces, reply: reply{Wall: wall, Peak: 20, Bytes: 2 << 20, Allocs: 2048}}
	}
	rows := []row{{a, "floor", of(time.Second, time.Second, 1024)}, {a, "ours", of(3*time.Second, 2*time.Second, 1024)},
		{a, "v2", of(2*time.Second, 4*time.Second, 1024)}, {b, "ours", of(3*time.Second, 2*time.Second, 256)},
		{scenario{name: "c", size: 1 << 30}, "floor", of(time.Second, time.Second, 1)}}
	rows[1].Disk, rows[2].Disk = 1280, 1024
	var out bytes.Buffer
	table(&out, rows, 5)
	summary(&out, rows)
	for _, want := range []string{
		"Medians of 5,",
		"| a | ours | 3.00 | 3.00 | 1.50 | 2.00 | 0.50 | 512 | 20 | 1280 | 2.0 | 1024 | 2930 | 2.0 | 2 |",
		"| a | v2 | 2.00 | 2.00 | 1.00 | 4.00 | 1.00 | 256 | 20 | 1024 | 2.0 | 1024 | 1953 | 2.0 | 2 |",
		"| b | ours | 3.00 | - | - | 2.00 | - | 512 | 20 | 0 | 2.0 | 256 | 11719 | 8.0 | 8 |",
		"| scenario | floor | ours | v2 | CPU x v2 | wall x v2 | disk x v2 | peak MiB | allocs/part |\n" +
			"| --- | --: | --: | --: | --: | --: | --: | --: | --: |\n",
		"| a | 1.00 | 3.00 | 2.00 | 1.50 | 0.50 | 1.25 | 20 | 2 |\n| b | - | 3.00 | - | - | - | - | 20 | 8 |\n" +
			"| c | 1.00 | - | - | - | - | - | - | - |\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &out)
		}
	}
}

func TestSizedCountsWhatMustArrive(t *testing.T) {
	const MiB = 1 << 20
	tests := []struct {
		name            string
		size            int64 // of the source
		bytes           int64
		pieces, objects int64
	}{
		{"file-8x3", 17 * MiB, 17 * MiB, 3, 1},
		{"stream-8x3", 16 * MiB, 16 * MiB, 2, 1},
		{"file-defaults", 17 * MiB, 17 * MiB, 0, 1},
		{"small-8", 2<<30 + 1, 1 << 30, 4096, 4096},
		{"small-8", MiB + 1, MiB, 4, 4},
		{"parts-10000", 1 << 30, 10000<<10 - 1, 10000, 1},
		{"slow-8x3", 1 << 30, 96 * MiB, 12, 1},
		{"container-256", 17 * MiB, 17 * MiB, 3, 1},
		{"stream-8x8", 17 * MiB, 17 * MiB, 3, 1},
		{"sparse-100g", MiB, 100 << 30, 6400, 1},
	}
	for _, tt := range tests {
		all, err := choose(tt.name)
		if err != nil || len(all) != 1 {
			t.Fatalf("choose(%q) = %v, %v", tt.name, all, err)
		}
		s := all[0].sized(tt.size)
		if s.size != tt.bytes || s.pieces() != tt.pieces || s.objects() != tt.objects {
			t.Errorf("%s of %d: %d bytes, %d pieces, %d objects, want %d, %d, %d",
				tt.name, tt.size, s.size, s.pieces(), s.objects(), tt.bytes, tt.pieces, tt.objects)
		}
	}
}

func TestEnvironmentKeepsNothingThatTunes(t *testing.T) {
	got := environment([]string{"PATH=/bin", "GOGC=off", "https_proxy=x", "HTTP_PROXY=x", "AWS_REGION=x",
		"SSL_CERT_FILE=x", "GODEBUG=x", "HOME=/"})
	if want := []string{"PATH=/bin", "HOME=/"}; !slices.Equal(got, want) {
		t.Errorf("environment = %q, want %q", got, want)
	}
}

func TestASlowConnectionHasItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		const n = slowRate / 2
		go func() {
			ours.Write(make([]byte, n))
			ours.Close()
		}()
		c, began, buf := &slowConn{Conn: theirs}, time.Now(), make([]byte, 1<<20)
		var got int
		for {
			m, err := c.Read(buf)
			got += m
			if err != nil {
				break
			}
		}
		if took := time.Since(began); got != n || took < 499*time.Millisecond || took > 501*time.Millisecond {
			t.Errorf("read %d bytes in %v, want %d in half a second", got, took, n)
		}
	})
}
