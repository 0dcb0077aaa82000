package vault

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/hashicorp/vault/sdk/physical"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// exercise runs the suite against a new server.
func exercise(t *testing.T, faults ...osstest.Fault) []*osstest.Injection {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	var injected []*osstest.Injection
	for _, f := range faults {
		injected = append(injected, srv.Inject(f))
	}
	b := &Backend{Client: srv.Client(), Bucket: "vault"}
	physical.ExerciseBackend(t, b)
	physical.ExerciseBackend_ListPrefix(t, b)
	return injected
}

func TestSuitePasses(t *testing.T) { exercise(t) }

func TestSuitePassesOnABadDay(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				chaos := exercise(t, osstest.Fault{Effect: osstest.Chaos(seed)})[0]
				if chaos.Fired() < 5 {
					t.Errorf("%d faults struck, want 5 or more", chaos.Fired())
				}
			})
		})
	}
}

// The adapter is short because the API of package oss is what adapters need.
func TestTheAdapterIsShort(t *testing.T) {
	source, err := os.ReadFile("backend.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(source), "\n// A Backend")
	lines := 0
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			lines++
		}
	}
	if lines > 35 {
		t.Errorf("the adapter has %d lines, want at most 35", lines)
	}
	t.Log(lines, "lines")
}
