package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

const tableTick = 250 * time.Millisecond

// A table shows what the workers of the cluster do: on a terminal as a table below the lines that are printed,
// elsewhere as a line for each share that ends.
type table struct {
	out  io.Writer
	live bool

	mu    sync.Mutex
	rows  map[string]row
	drawn int // lines of the table on the terminal
}

type row struct {
	event
	began time.Time
	first int64 // bytes of the worker when the table saw it first
}

func newTable(out io.Writer) *table {
	t := &table{out: out, rows: make(map[string]row)}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		t.live = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return t
}

// follow shows the events of all workers. The function that it returns ends that.
func (t *table) follow(nc *nats.Conn) (func(), error) {
	sub, err := nc.Subscribe(eventTopic, func(m *nats.Msg) {
		var e event
		if json.Unmarshal(m.Data, &e) == nil {
			t.add(e, time.Now())
		}
	})
	if err != nil {
		return nil, err
	}
	return func() { sub.Unsubscribe() }, nil
}

func (t *table) add(e event, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r, known := t.rows[e.Worker]
	if !known {
		r = row{began: now, first: e.Bytes}
	}
	r.event = e
	t.rows[e.Worker] = r
	switch {
	case t.live:
		t.clear()
		t.draw(now)
	case e.State != "sends":
		fmt.Fprintf(t.out, "%-9s %s share %d: %s\n", e.Worker, e.Key, e.Share, e.State)
	}
}

// printf prints a line above the table.
func (t *table) printf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clear()
	fmt.Fprintf(t.out, format+"\n", args...)
	if t.live {
		t.draw(time.Now())
	}
}

func (t *table) clear() {
	if t.drawn > 0 {
		fmt.Fprintf(t.out, "\x1b[%dA\x1b[J", t.drawn)
		t.drawn = 0
	}
}

func (t *table) draw(now time.Time) {
	if len(t.rows) == 0 {
		return
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%-24s %-24s %6s %9s %8s  %s\n", "worker", "object", "share", "MiB", "MiB/s", "state")
	var total, rate float64
	for _, name := range slices.Sorted(maps.Keys(t.rows)) {
		r := t.rows[name]
		mib := float64(r.Bytes) / (1 << 20)
		speed := float64(r.Bytes-r.first) / (1 << 20) / max(now.Sub(r.began).Seconds(), 0.1)
		total, rate = total+mib, rate+speed
		fmt.Fprintf(&text, "%-24.24s %-24.24s %6d %9.1f %8.1f  %.30s\n", name, r.Key, r.Share, mib, speed, r.State)
	}
	fmt.Fprintf(&text, "%-24s %-24s %6s %9.1f %8.1f\n", "all", "", "", total, rate)
	io.WriteString(t.out, text.String())
	t.drawn = strings.Count(text.String(), "\n")
}
