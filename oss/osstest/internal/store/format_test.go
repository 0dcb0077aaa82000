package store

import (
	"bytes"
	"os"
	"slices"
	"testing"
)

// TestAJournalOfAnEarlierVersionIsRead opens the directory in testdata/persisted, which osstest wrote at commit
// b4b405a: the names in the journal are a format, and a renamed field of a struct must not lose what is stored. The
// journal is as it was written, not compacted, so every kind of change is in it.
func TestAJournalOfAnEarlierVersionIsRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/persisted")); err != nil {
		t.Fatal(err)
	}
	for range 2 { // as it was written, and as this version writes it
		s := persisted(t, dir)
		for _, tt := range []struct {
			name Name
			text string
			etag string
		}{
			{Name{"bucket", "key"}, "second", `"A9F0E61A137D86AA9DB53465E0801612"`},
			{Name{"bucket", "completed"}, "part one, part two", `"2D0EEE7375B3F9D55C4D1994DE176DC9-2"`},
		} {
			if o, ok := s.Current(tt.name); !ok || o.ETag != tt.etag || textOf(t, s, tt.name) != tt.text {
				t.Errorf("%v = %+v, %q, want %q", tt.name, o, textOf(t, s, tt.name), tt.text)
			}
		}
		if o, _ := s.Current(Name{"bucket", "key"}); o.Header.Get("X-Oss-Meta-A") != "v" ||
			o.CRC64 != 8409400034483300408 {
			t.Errorf("object = %+v", o)
		}
		if o, ok := s.Current(Name{"bucket", "gone"}); ok {
			t.Errorf("a deleted object is there: %+v", o)
		}
		old := s.History(Name{"versioned", "key"})
		if len(old) != 3 || !old[0].DeleteMarker || old[1].Size != 3 {
			t.Fatalf("versions = %+v", old)
		}
		if VersionStamp(old[1].VersionID) <= VersionStamp(old[2].VersionID) {
			t.Errorf("versions %s and %s are in the wrong order", old[1].VersionID, old[2].VersionID)
		}
		all := s.Uploads("bucket")
		if len(all) != 2 || all[0].Key != "open" || all[1].Key != "sequential" || !all[1].Sequential {
			t.Fatalf("uploads = %+v", all)
		}
		if parts := s.Parts(all[0]); len(parts) != 1 || parts[0].Number != 7 || parts[0].Size != 10 {
			t.Errorf("parts = %+v", parts)
		}
		_, running, err := s.Expect(all[1].Name, all[1].ID, 2)
		if part := s.Parts(all[1])[0]; err != nil || !bytes.Equal(running.Sum(nil), part.MD5) {
			t.Errorf("MD5 so far is %x, %v, want %x", running.Sum(nil), err, part.MD5)
		}
		if b := s.Bucket("made"); b.Created.IsZero() || b.ACL != "public-read" || b.Deleted {
			t.Errorf("bucket = %+v", b)
		}
		if b := s.Bucket("deleted"); !b.Deleted || slices.Contains(s.BucketNames(), "deleted") {
			t.Errorf("deleted bucket = %+v", b)
		}
		if b := s.Bucket("versioned"); b.Versioning != VersioningEnabled {
			t.Errorf("bucket with versions = %+v", b)
		}
		s.Close()
	}
}
