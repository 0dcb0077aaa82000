package ossdistribution

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/factory"
	"github.com/distribution/distribution/v3/registry/storage/driver/testsuites"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

func runSuite(t *testing.T, parameters map[string]any) {
	t.Parallel() // a test of the suite sleeps for 15 seconds
	testsuites.Driver(t, func() (storagedriver.StorageDriver, error) {
		return factory.Create(context.Background(), "oss", parameters)
	}, false)
}

func TestSuite(t *testing.T) {
	_, address := newServer(t)
	runSuite(t, parametersFor(address))
}

func TestSuiteBelowADirectoryWithDataOnDisk(t *testing.T) {
	parameters := parametersFor(startOSSD(t, "-dir", t.TempDir()))
	parameters["rootdirectory"] = "/some/registry/"
	parameters["encrypt"] = true
	runSuite(t, parameters)
}

// Clients of redirects do not retry, so this driver has none.
func TestSuiteOnABadDay(t *testing.T) {
	srv, address := newServer(t)
	chaos := srv.Inject(osstest.Fault{Effect: osstest.Chaos(1)})
	t.Cleanup(func() {
		if chaos.Fired() < 100 {
			t.Errorf("%d faults struck, want 100 or more", chaos.Fired())
		}
	})
	t.Parallel()
	testsuites.Driver(t, func() (storagedriver.StorageDriver, error) {
		return withoutRedirects{driverFor(t, address)}, nil
	}, false)
}

type withoutRedirects struct{ *Driver }

func (withoutRedirects) RedirectURL(*http.Request, string) (string, error) { return "", nil }

// startOSSD starts examples/ossd as a process, with the bucket images, and returns its address.
func startOSSD(t *testing.T, args ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "ossd")
	build := exec.Command("go", "build", "-o", program, "github.com/ossmultipart/go-oss/examples/ossd")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(program, append([]string{"-addr", "127.0.0.1:0", "-bucket", "images",
		"-access-key-id", osstest.AccessKeyID, "-access-key-secret", osstest.AccessKeySecret}, args...)...)
	cmd.Stderr = os.Stderr
	return start(t, cmd, regexp.MustCompile(`http://127\.0\.0\.1:\d+`))
}

// start starts a server and returns the first match of address in what it prints. The server is killed at the end.
func start(t *testing.T, cmd *exec.Cmd, address *regexp.Regexp) string {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := address.FindString(lines.Text()); found != "" {
			go func() { // so that the server never waits to print
				for lines.Scan() {
				}
			}()
			return found
		}
	}
	t.Fatalf("%s printed no address: %v", cmd.Path, lines.Err())
	return ""
}
