package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
)

func TestWhatWasLeftIsSwept(t *testing.T) {
	for verb, dry := range map[string]bool{"ended": false, "found": true} {
		said := sweep(t, multipart.SweepOptions{DryRun: dry, OlderThan: time.Nanosecond})
		if !strings.Contains(said, "left/behind.bin") ||
			!strings.Contains(said, verb+" 1 uploads with 0 parts of 0 bytes") {
			t.Errorf("it said %s", said)
		}
	}
}

// R10: what a flag says is done, also in a bucket where there is nothing older.
func TestAnUploadBegunJustNowIsNotOlderThanAWeek(t *testing.T) {
	if said := sweep(t, multipart.SweepOptions{OlderThan: 168 * time.Hour}); !strings.Contains(said,
		"ended 0 uploads") {
		t.Errorf("it said %s", said)
	}
}

func sweep(t *testing.T, opts multipart.SweepOptions) string {
	t.Helper()
	var out bytes.Buffer
	if err := run(t.Context(), func(string) string { return "" }, opts, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
