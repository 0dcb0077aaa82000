package ossdistribution

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

var (
	full  = flag.Bool("full", false, "run testsuites.Driver without -short: with streams of 5 GiB, for minutes")
	layer = flag.Int64("layer", 256<<20, "bytes of the layer whose push and pull are measured")
)

func TestMain(m *testing.M) {
	logrus.SetOutput(io.Discard) // of registries
	slog.SetDefault(slog.New(slog.DiscardHandler))
	flag.Parse()
	flag.Set("test.parallel", "8") // tests mostly wait: for sleeps of the suite, backoffs and processes
	if !*full {                    // the suite skips its stream of 5 GiB, and takes fewer and smaller streams
		flag.Set("test.short", "true")
	}
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	var err error
	if programs, err = os.MkdirTemp("", "ossdistribution"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(programs)
	return m.Run()
}

// parametersFor returns the parameters of a registry for a server at address, such as http://127.0.0.1:9000.
func parametersFor(address string) map[string]any {
	return map[string]any{
		"accesskeyid": osstest.AccessKeyID, "accesskeysecret": osstest.AccessKeySecret,
		"region": "cn-hangzhou", "bucket": "images", "endpoint": address, "secure": false,
	}
}

// newServer returns a server on a port, and its address. At the end no unfinished upload may be left.
func newServer(t *testing.T) (*osstest.Server, string) {
	t.Helper()
	srv := osstest.NewServer(&osstest.Options{Buckets: []string{"images"}})
	port := httptest.NewServer(srv)
	t.Cleanup(func() {
		if left := srv.Uploads(); len(left) > 0 {
			t.Errorf("unfinished uploads: %v", left)
		}
		port.Close()
		srv.Close()
	})
	return srv, port.URL
}
