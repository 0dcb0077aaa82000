package ossdistribution

import (
	"context"
	"net/http"
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
