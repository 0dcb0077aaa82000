package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

// A meter shows the progress of an upload: on a terminal in one line that it rewrites, elsewhere in a few lines.
type meter struct {
	out  io.Writer
	live bool // out is a terminal
	now  func() time.Time

	name         string
	began, shown time.Time
	percent      int64 // when last shown
	width        int   // of the live line on the screen
	waiting      bool  // for OSS

	speed  float64   // bytes per second, smoothed; 0 while unknown
	mark   time.Time // when it was last measured
	marked int64     // bytes sent at that time
}

// How often a meter writes.
const (
	liveEvery  = 100 * time.Millisecond
	plainStep  = 10               // percent, and at most one line a second
	plainEvery = 10 * time.Second // at the latest, also while the size is unknown
)

func newMeter(out io.Writer) *meter {
	return &meter{out: out, live: isTerminal(out), now: time.Now}
}

// isTerminal reports whether w is a terminal or another character device.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// begin starts with the next file.
func (m *meter) begin(file string) {
	now := m.now()
	name := printable(filepath.Base(file))
	*m = meter{out: m.out, live: m.live, now: m.now, name: name, began: now, shown: now, mark: now}
}

// update is a multipart.Options.Progress.
func (m *meter) update(p multipart.Progress) {
	now := m.now()
	waiting := !p.WaitingSince.IsZero()
	if waiting {
		m.mark, m.marked = now, p.Sent // waits do not count towards the speed
	} else {
		m.measure(now, p.Sent)
	}
	changed := waiting != m.waiting
	m.waiting = waiting
	if !changed && !m.due(now, percent(p)) {
		return
	}
	m.shown, m.percent = now, percent(p)
	if !m.live {
		fmt.Fprintln(m.out, m.line(now, p))
		return
	}
	line := m.line(now, p)
	fmt.Fprintf(m.out, "\r%-*s", m.width, line) // the spaces erase the rest of a longer line
	m.width = len(line)
}

func (m *meter) due(now time.Time, percent int64) bool {
	since := now.Sub(m.shown)
	if m.live {
		return since >= liveEvery
	}
	return since >= plainEvery || since >= time.Second && percent >= m.percent+plainStep
}

// end erases the live line.
func (m *meter) end() {
	if m.width > 0 {
		fmt.Fprintf(m.out, "\r%*s\r", m.width, "")
		m.width = 0
	}
}

// measure updates the speed, an average in which older seconds count less.
func (m *meter) measure(now time.Time, sent int64) {
	took := now.Sub(m.mark).Seconds()
	if took < 1 {
		return
	}
	latest := float64(sent-m.marked) / took
	if m.speed == 0 {
		m.speed = latest
	}
	m.speed += (latest - m.speed) / 3
	m.mark, m.marked = now, sent
}

// line describes p in less than 80 columns.
func (m *meter) line(now time.Time, p multipart.Progress) string {
	speed := m.speed
	if took := now.Sub(m.began).Seconds(); speed == 0 && took > 0 {
		speed = float64(p.Sent) / took
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-.20s  ", m.name)
	if p.Total >= 0 {
		fmt.Fprintf(&b, "%3d%%  %s of %s", percent(p), formatBytes(p.Sent), formatBytes(p.Total))
	} else {
		fmt.Fprintf(&b, "%s", formatBytes(p.Sent))
	}
	if !p.WaitingSince.IsZero() {
		fmt.Fprintf(&b, "  %s, waiting %v", reason(p.WaitingFor), now.Sub(p.WaitingSince).Round(time.Second))
		return b.String()
	}
	fmt.Fprintf(&b, "  %s/s  ", formatBytes(int64(speed)))
	if p.Parts >= 0 {
		fmt.Fprintf(&b, "%d/%d parts", p.PartsDone, p.Parts)
	} else {
		fmt.Fprintf(&b, "%d parts", p.PartsDone)
	}
	if p.Total >= 0 && speed > 0 {
		rest := time.Duration(float64(p.Total-p.Sent) / speed * float64(time.Second))
		fmt.Fprintf(&b, "  ETA %v", rest.Round(time.Second))
	}
	return b.String()
}

// reason describes in two words why an upload waits.
func reason(err error) string {
	var refused *oss.ServiceError
	if errors.As(err, &refused) && refused.RequestID != "" {
		return "OSS throttles"
	}
	return "connection lost"
}

// percent is how much of the upload has been sent, 0 while its size is unknown.
func percent(p multipart.Progress) int64 {
	if p.Total <= 0 {
		return 0
	}
	return int64(100 * float64(p.Sent) / float64(p.Total))
}

// formatBytes formats n for display.
func formatBytes(n int64) string {
	const unit = 1 << 10
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, prefix := float64(n)/unit, 0
	for value >= unit && prefix < len("KMGTPE")-1 {
		value, prefix = value/unit, prefix+1
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTPE"[prefix])
}

// printable escapes control characters of a name, which would move the cursor or break the line.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, name)
}
