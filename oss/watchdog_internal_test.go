package oss

import (
	"testing"
	"time"
)

// A transport may read the body after the attempt has ended, and a caller after Close. A timer that this set would keep
// the attempt in memory for Stall.
func TestAStoppedWatchdogSetsNoTimer(t *testing.T) {
	for _, tt := range []struct {
		name   string
		report func(*watchdog)
	}{
		{"progress", (*watchdog).progressed},
		{"the end of the body", (*watchdog).bodySent},
		{"a header", (*watchdog).received},
		{"a complete header", func(w *watchdog) { w.rearm(w.stall, true) }},
		{"a read of the reply", (*watchdog).reading},
		{"a connection after a queue", (*watchdog).resume},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w watchdog
			w.begin(t.Context(), &call{client: &Client{retry: Retry{Stall: time.Hour}}})
			w.stop()
			w.expires = time.Time{} // as if the next report would extend it
			tt.report(&w)
			if w.timer.Stop() {
				t.Error("the timer of a stopped watchdog was set")
			}
		})
	}
}
