package ossdistribution

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The conformance suite of the OCI distribution specification passes: pull, push, content discovery and content
// management. Two features are left out because distribution v3.1.2 does not have them, whatever its driver: the
// referrers of a subject, and canonical digests by SHA-512. The suite skips what the specification leaves to the
// registry, such as an upload by POST alone.
func TestOCIConformance(t *testing.T) {
	t.Parallel()
	srv, address := newServer(t)
	port := httptest.NewServer(newRegistry(t, parametersFor(address), false))
	defer port.Close()
	dir := t.TempDir()
	cmd := exec.Command(build(t, "github.com/opencontainers/distribution-spec/conformance"))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "OCI_REGISTRY="+strings.TrimPrefix(port.URL, "http://"), "OCI_TLS=disabled",
		"OCI_VERSION=1.1", "OCI_RESULTS_DIR="+dir,
		"OCI_API_BLOBS_UPLOAD_CANCEL=true", "OCI_DATA_SHA512=false", "OCI_API_REFERRER=false",
		"OCI_DATA_SUBJECT=false", "OCI_DATA_SUBJECT_LIST=false", "OCI_DATA_SUBJECT_MISSING=false")
	out, err := cmd.CombinedOutput()
	if passed := strings.Count(string(out), ": Pass"); err != nil || passed < 500 {
		t.Errorf("%d tests pass: %v\n%s", passed, err, out)
	}
	if left := srv.Uploads(); len(left) > 0 {
		t.Errorf("unfinished uploads: %v", left)
	}
}
