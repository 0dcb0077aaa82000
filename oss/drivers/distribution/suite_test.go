package ossdistribution

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/factory"
	"github.com/distribution/distribution/v3/registry/storage/driver/testsuites"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestSuite(t *testing.T) {
	if inOwnProcess(t) {
		_, address := newServer(t)
		runSuite(t, parametersFor(address))
	}
}

func TestSuiteBelowADirectoryWithDataOnDisk(t *testing.T) {
	if inOwnProcess(t) {
		parameters := parametersFor(startOSSD(t, "-dir", t.TempDir()))
		parameters["rootdirectory"] = "/some/registry/"
		parameters["encrypt"] = true
		runSuite(t, parameters)
	}
}

func runSuite(t *testing.T, parameters map[string]any) {
	testsuites.Driver(t, func() (storagedriver.StorageDriver, error) {
		return factory.Create(context.Background(), "oss", parameters)
	}, false)
}

// Clients of redirects do not retry, so this driver has none. The client of the server has short backoffs.
func TestSuiteOnABadDay(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	srv, _ := newServer(t)
	chaos := srv.Inject(osstest.Fault{Effect: osstest.Chaos(1)})
	testsuites.Driver(t, func() (storagedriver.StorageDriver, error) {
		d, err := New(srv.Client(), "images", nil)
		return withoutRedirects{d}, err
	}, false)
	if chaos.Fired() < 100 {
		t.Errorf("%d faults struck, want 100 or more", chaos.Fired())
	}
}

type withoutRedirects struct{ *Driver }

func (withoutRedirects) RedirectURL(*http.Request, string) (string, error) { return "", nil }

const suiteVariable = "OSSDISTRIBUTION_TEST_SUITE"

// inOwnProcess returns true in a process of its own, and otherwise false when that process has ended. One test of the
// suite sleeps for 15 seconds, so suites should run side by side, and they cannot in one process: they all compare with
// the same global bytes, which TestReaderWithOffset of the suite changes.
func inOwnProcess(t *testing.T) bool {
	t.Helper()
	if os.Getenv(suiteVariable) != "" {
		return true
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$", "-test.timeout=20m",
		fmt.Sprint("-full=", *full))
	cmd.Env = append(os.Environ(), suiteVariable+"=1")
	out, err := cmd.CombinedOutput()
	passed, skipped := strings.Count(string(out), "    --- PASS: "), strings.Count(string(out), "    --- SKIP: ")
	want := 36
	if !*full {
		want = 35 // without the stream of 5 GiB
	}
	if err != nil || passed != want || passed+skipped != 36 {
		t.Errorf("%d tests pass and %d are skipped, want %d of 36: %v\n%s", passed, skipped, want, err, out)
	}
	return false
}
