package store

import (
	"os"
	"testing"
)

// TestSyncIsPartOfAChange appends to a pipe, which can be written to but not synced.
func TestSyncIsPartOfAChange(t *testing.T) {
	for _, sync := range []bool{false, true} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		j := &journal{path: t.TempDir(), file: w, slack: journalSlack, sync: sync}
		if err := j.append(change{end: "id"}, nil); (err != nil) != sync {
			t.Errorf("sync %t: append = %v", sync, err)
		}
		r.Close()
		w.Close()
	}
}

// TestSyncCoversTheNameOfABody removes the directory of a body: without a name the body is lost with the power.
func TestSyncCoversTheNameOfABody(t *testing.T) {
	for _, sync := range []bool{false, true} {
		d := &directory{path: t.TempDir(), sync: sync}
		s, err := d.create(-1)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(d.path); err != nil {
			t.Skipf("a file that is open cannot be removed here: %v", err)
		}
		if _, err := s.keep(); (err != nil) != sync {
			t.Errorf("sync %t: keep = %v", sync, err)
		}
	}
}
