package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/multipart"
)

func TestWhatWasLeftIsSwept(t *testing.T) {
	for verb, dry := range map[string]bool{"ended": false, "found": true} {
		var out bytes.Buffer
		if err := run(t.Context(), func(string) string { return "" }, multipart.SweepOptions{DryRun: dry}, &out); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "left/behind.bin") || !strings.Contains(out.String(), verb+" 1 uploads with 0 parts of 0 bytes") {
			t.Errorf("it said %s", &out)
		}
	}
}
