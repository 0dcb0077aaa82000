package litestream

import (
	"net/http/httptest"
	"os/exec"
	"regexp"
	"testing"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestReplicaClientsOwnTestsPass(t *testing.T) {
	if !effort.Long() {
		t.Skipf("compiling litestream takes minutes; set %s", effort.Variable)
	}
	const bucket = "litestream"
	srv := osstest.NewServer(&osstest.Options{Buckets: []string{bucket}})
	web := httptest.NewServer(srv)
	defer func() {
		srv.Close()
		web.Close()
	}()
	cmd := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-count=1", "-v", "-run", "ReplicaClient",
		"github.com/benbjohnson/litestream", "-integration", "-replica-clients=oss",
		"-oss-endpoint="+web.URL, "-oss-region=cn-hangzhou", "-oss-bucket="+bucket,
		"-oss-access-key-id="+osstest.AccessKeyID, "-oss-access-key-secret="+osstest.AccessKeySecret)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if passed := regexp.MustCompile(`(?m)^ +--- PASS: \S+/oss `).FindAll(out, -1); len(passed) < 10 {
		t.Errorf("%d tests of the replica client passed, want 10 or more:\n%s", len(passed), out)
	}
	if n := len(srv.Requests()); n < 100 {
		t.Errorf("the server got %d requests, want 100 or more", n)
	}
}
