package conformance_test

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestFakeMeetsEveryAssumption(t *testing.T) {
	checkAll(t, fakeSystem(t))
}

func TestServiceMeetsEveryAssumption(t *testing.T) {
	target := serviceSystem(t, os.Getenv)
	if target == nil {
		t.Skip("OSS_TEST_BUCKET is not set")
	}
	checkAll(t, target)
}

func TestEveryAssumptionIsNumberedAndSourced(t *testing.T) {
	last := "A000"
	for _, a := range assumptions() {
		if len(a.ID) != 4 || a.ID <= last {
			t.Errorf("%q follows %q: IDs are a letter and three digits, in order", a.ID, last)
		}
		last = a.ID
		if !slices.Contains(sources(), a.Source) {
			t.Errorf("%s has source %q", a.ID, a.Source)
		}
		if !strings.HasSuffix(a.Claim, ".") || a.Where == "" || len(a.Ops) == 0 || a.check == nil {
			t.Errorf("%s lacks a claim, its place, an operation or a check", a.ID)
		}
	}
}

func TestSuiteUsesOnlyItsOwnKeys(t *testing.T) {
	target := fakeSystem(t)
	target.Fake = nil // as if it were the service
	own := target.prefix + "A001/object"
	for _, tt := range []struct {
		method, bucket, key string
		allowed             bool
	}{
		{"PUT", fakeBucket, own, true},
		{"GET", fakeBucket, own, true},
		{"GET", fakeBucket, "", true},
		{"PUT", target.missingBucket(), "key", true},
		{"PUT", fakeBucket, "", false},
		{"DELETE", fakeBucket, "", false},
		{"GET", fakeBucket, "precious", false},
		{"DELETE", fakeBucket, "go-oss-conformance/another-run/object", false},
		{"PUT", "another-bucket", own, false},
	} {
		if err := target.allow(tt.method, tt.bucket, tt.key); (err == nil) != tt.allowed {
			t.Errorf("%s %s/%s: %v, want allowed %t", tt.method, tt.bucket, tt.key, err, tt.allowed)
		}
	}
	if len(target.made) != 1 || !target.made[own] {
		t.Errorf("remembered %v for removal, want %s", target.made, own)
	}
}

func TestSuiteRemovesWhatItCreated(t *testing.T) {
	srv := osstest.NewServer(&osstest.Options{Buckets: []string{fakeBucket}, Callbacks: new(http.Client)})
	defer srv.Close()
	t.Run("suite", func(t *testing.T) {
		target, err := newSystem(fakeBucket, srv.Config()) // without Fake, as if it were the service
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { target.removeAll(t) })
		checkAll(t, target)
	})
	if left := srv.Uploads(); len(left) > 0 {
		t.Errorf("%d uploads are left: %v", len(left), left)
	}
	for _, r := range srv.Requests("PutObject", "CompleteMultipartUpload", "CopyObject") {
		if _, ok := srv.Object(r.Bucket, r.Key); ok {
			t.Errorf("object %q is left", r.Key)
		}
	}
}

// statusVariable is the environment variable with the status that TestConstantStatus makes a server reply with.
const statusVariable = "GO_OSS_CONFORMANCE_STATUS"

// A constantStatus replies to every request with a status and nothing else.
type constantStatus int

func (c constantStatus) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	return &http.Response{
		StatusCode: int(c), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header), Body: http.NoBody, Request: r,
	}, nil
}

func TestConstantStatus(t *testing.T) {
	status, err := strconv.Atoi(os.Getenv(statusVariable))
	if err != nil {
		t.Skip("run by TestEveryCheckCanFail")
	}
	srv := osstest.NewServer(nil)
	defer srv.Close()
	cfg := srv.Config()
	cfg.HTTPClient = &http.Client{Transport: constantStatus(status)}
	target, err := newSystem(fakeBucket, cfg)
	if err != nil {
		t.Fatal(err)
	}
	checkAll(t, target)
}

// TestEveryCheckCanFail runs the checks in other processes, against a server that replies 200 to every request and one
// that replies 403: each check must fail with one of them.
func TestEveryCheckCanFail(t *testing.T) {
	var said string
	for _, status := range []string{"200", "403"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestConstantStatus$", "-test.v")
		cmd.Env = append(os.Environ(), statusVariable+"="+status)
		out, err := cmd.CombinedOutput()
		if err == nil || strings.Contains(string(out), "panic:") {
			t.Errorf("with a server that only replies %s the suite ends with %v", status, err)
		}
		said += string(out)
	}
	for _, a := range assumptions() {
		if a.FakeOnly == "" && !strings.Contains(said, "--- FAIL: TestConstantStatus/"+a.ID) {
			t.Errorf("%s does not fail: %s", a.ID, a.Claim)
		}
	}
}
