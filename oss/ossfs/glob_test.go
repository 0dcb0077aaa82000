package ossfs_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGlobListsOnlyWhatCanMatch(t *testing.T) {
	var keys []string
	for i := range 2000 {
		keys = append(keys, fmt.Sprintf("log/a%04d", i))
	}
	srv, fsys := newFS(t, "",
		append(keys, "log/2026-01/x.gz", "log/2026-02/x.gz", "log/2026-02/y", "log/2026-03", "[")...)
	for _, tt := range []struct {
		pattern  string
		requests int
		want     []string
	}{
		{"log/2026-*", 1, []string{"log/2026-01", "log/2026-02", "log/2026-03"}},
		{"log/2026-*/*.gz", 3, []string{"log/2026-01/x.gz", "log/2026-02/x.gz"}},
		{"l*/2026-02/y", 2, []string{"log/2026-02/y"}},
		{"log/2026-03", 1, []string{"log/2026-03"}},
		{"log", 2, []string{"log"}},
		{".", 1, []string{"."}},
		{"\\[", 1, []string{"["}},
		{"nothing", 2, nil},
		{"nothing/*", 1, nil},
		{"/*", 0, nil},
		{"log//*", 0, nil},
		{"*/../x", 1, nil},
		{"x\xff*", 0, nil},
	} {
		before := len(srv.Requests())
		got, err := fsys.Glob(tt.pattern)
		if err != nil {
			t.Errorf("Glob(%q): %v", tt.pattern, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("Glob(%q) (-want +got):\n%s", tt.pattern, diff)
		}
		if n := len(srv.Requests()) - before; n != tt.requests {
			t.Errorf("Glob(%q) sent %d requests, want %d", tt.pattern, n, tt.requests)
		}
	}
	if _, err := fsys.Glob("[]"); err == nil {
		t.Error("Glob of a malformed pattern succeeds")
	}
}
