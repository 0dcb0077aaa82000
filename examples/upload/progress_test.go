package main

import (
	"bytes"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

// TestMeter lets a meter see an upload that takes 21 seconds by its clock.
func TestMeter(t *testing.T) {
	const size = 1 << 30
	tests := []struct {
		name  string
		live  bool
		total int64
		want  string
	}{
		{"plain", false, size, "" +
			"film.bin   10%  102.9 MiB of 1.0 GiB  48.8 MiB/s  12/128 parts  ETA 19s\n" +
			"film.bin   20%  205.3 MiB of 1.0 GiB  48.8 MiB/s  25/128 parts  ETA 17s\n" +
			"film.bin   30%  307.7 MiB of 1.0 GiB  48.8 MiB/s  38/128 parts  ETA 15s\n" +
			"film.bin   40%  410.1 MiB of 1.0 GiB  48.8 MiB/s  51/128 parts  ETA 13s\n" +
			"film.bin   50%  512.0 MiB of 1.0 GiB  48.8 MiB/s  64/128 parts  ETA 11s\n" +
			"film.bin   60%  614.9 MiB of 1.0 GiB  48.8 MiB/s  76/128 parts  ETA 8s\n" +
			"film.bin   70%  717.3 MiB of 1.0 GiB  48.8 MiB/s  89/128 parts  ETA 6s\n" +
			"film.bin   80%  819.7 MiB of 1.0 GiB  48.8 MiB/s  102/128 parts  ETA 4s\n" +
			"film.bin   90%  922.1 MiB of 1.0 GiB  48.8 MiB/s  115/128 parts  ETA 2s\n" +
			"film.bin  100%  1.0 GiB of 1.0 GiB  48.8 MiB/s  128/128 parts  ETA 0s\n"},
		{"plain, size unknown", false, -1, "" +
			"film.bin  487.6 MiB  48.8 MiB/s  60 parts\n" +
			"film.bin  975.2 MiB  48.8 MiB/s  121 parts\n"},
		{"live", true, size, ""},
		{"live, size unknown", true, -1, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			now := time.Unix(1700000000, 0)
			m := &meter{out: &out, live: tt.live, now: func() time.Time { return now }}
			m.begin("/films/film.bin")
			const steps = 2100
			for i := range steps {
				now = now.Add(10 * time.Millisecond)
				sent := int64(size) * int64(i+1) / steps
				p := multipart.Progress{Sent: sent, Total: tt.total, PartsDone: int(sent / (8 << 20)), Parts: 128}
				if tt.total < 0 {
					p.Parts = -1
				}
				m.update(p)
			}
			m.end()
			if !tt.live {
				if got := out.String(); got != tt.want {
					t.Errorf("got\n%s\nwant\n%s", got, tt.want)
				}
				return
			}
			redrawn := strings.Split(out.String(), "\r")
			// a split before the first, the wiping and behind it
			if n := len(redrawn) - 3; n != steps/10 || strings.Contains(out.String(), "\n") {
				t.Errorf("drawn %d times, want %d, in one line", n, steps/10)
			}
			for _, line := range redrawn {
				if len(line) >= 80 {
					t.Errorf("%d columns: %q", len(line), line)
				}
			}
			if wiped := redrawn[len(redrawn)-2]; strings.TrimSpace(wiped) != "" ||
				len(wiped) < len(strings.TrimSpace(redrawn[1])) {
				t.Errorf("wiped with %q", wiped)
			}
		})
	}
}

// TestPlainProgressIsQuiet: an upload that is over at once shows no progress.
func TestPlainProgressIsQuiet(t *testing.T) {
	var out bytes.Buffer
	m := newMeter(&out)
	m.now = func() time.Time { return time.Unix(1700000000, 0) }
	m.begin("x")
	for i := range 1000 {
		m.update(multipart.Progress{Sent: int64(i), Total: 1000, Parts: 1})
	}
	m.end()
	if out.Len() > 0 {
		t.Errorf("printed %q", &out)
	}
}

func TestFormatBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB",
		100000000: "95.4 MiB", 1 << 62: "4.0 EiB"} {
		if got := formatBytes(n); got != want {
			t.Errorf("formatBytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestPrintable(t *testing.T) {
	if got, want := printable("a\x1b[2J\nb"), "a?[2J?b"; got != want {
		t.Errorf("printable = %q, want %q", got, want)
	}
}

func TestTheMeterTellsThatTheUploadWaits(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(1700000000, 0)
	m := &meter{out: &out, now: func() time.Time { return now }}
	m.begin("film.bin")
	p := multipart.Progress{Sent: 512, Total: 1024, Parts: 4, WaitingSince: now, WaitingFor: syscall.ECONNRESET}
	for range 25 { // as often as the library calls it
		m.update(p)
		now = now.Add(time.Second)
	}
	p.WaitingFor = &oss.ServiceError{StatusCode: 503, RequestID: "1"}
	now = now.Add(10 * time.Second)
	m.update(p)
	p.WaitingSince, p.WaitingFor, p.Sent = time.Time{}, nil, 600
	m.update(p)
	want := `film.bin   50%  512 B of 1.0 KiB  connection lost, waiting 0s
film.bin   50%  512 B of 1.0 KiB  connection lost, waiting 10s
film.bin   50%  512 B of 1.0 KiB  connection lost, waiting 20s
film.bin   50%  512 B of 1.0 KiB  OSS throttles, waiting 35s
film.bin   58%  600 B of 1.0 KiB  17 B/s  0/4 parts  ETA 25s
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
