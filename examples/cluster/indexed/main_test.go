package main

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A cluster runs the program as the pods of job.yaml do.
type cluster struct {
	t   *testing.T
	srv *osstest.Server
	env map[string]string
}

func newCluster(t *testing.T) *cluster {
	srv := osstest.NewServer(nil)
	t.Cleanup(srv.Close)
	port := httptest.NewServer(srv)
	t.Cleanup(port.Close)
	return &cluster{t: t, srv: srv, env: map[string]string{
		"OSS_ACCESS_KEY_ID": osstest.AccessKeyID, "OSS_ACCESS_KEY_SECRET": osstest.AccessKeySecret,
		"OSS_REGION": "cn-hangzhou", "OSS_ENDPOINT": port.URL, "OSS_BUCKET": "films",
	}}
}

func (c *cluster) run(args ...string) (string, error) {
	var out bytes.Buffer
	err := run(c.t.Context(), func(name string) string { return c.env[name] }, args, &out)
	return strings.TrimSpace(out.String()), err
}

func (c *cluster) must(args ...string) string {
	c.t.Helper()
	out, err := c.run(args...)
	if err != nil {
		c.t.Fatalf("%v: %v", args, err)
	}
	return out
}

func film(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "film.mov")
	if err := os.WriteFile(path, bytes.Repeat([]byte("film"), 9<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestThePodsOfTheManifestUploadTheObject decodes job.yaml as the API server does, and runs what its pods would run.
func TestThePodsOfTheManifestUploadTheObject(t *testing.T) {
	text, err := os.ReadFile("job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var job batchv1.Job
	if err := yaml.UnmarshalStrict(text, &job); err != nil {
		t.Fatal(err)
	}
	spec := job.Spec
	if spec.CompletionMode == nil || *spec.CompletionMode != batchv1.IndexedCompletion {
		t.Error("the pods have no index")
	}
	if job.APIVersion != "batch/v1" || job.Kind != "Job" || spec.BackoffLimitPerIndex == nil {
		t.Errorf("%s %s is no Job that retries each index", job.APIVersion, job.Kind)
	}
	if spec.Template.Spec.RestartPolicy != corev1.RestartPolicyNever {
		t.Error("backoffLimitPerIndex and podFailurePolicy need restartPolicy Never")
	}
	container := spec.Template.Spec.Containers[0]
	mount, source := container.VolumeMounts[0], container.Args[1]
	if !strings.HasPrefix(source, mount.MountPath+"/") || mount.Name != spec.Template.Spec.Volumes[0].Name {
		t.Errorf("%s is not in the volume %s", source, mount.Name)
	}

	c, path := newCluster(t), film(t)
	plan := c.must("begin", path, "film.mov")
	sent := 0
	for _, e := range container.Env {
		if e.Value != "" {
			c.env[e.Name] = e.Value
		} else if e.ValueFrom.ConfigMapKeyRef.Key == "plan" {
			c.env[e.Name] = plan
		}
	}
	for i := range *spec.Completions {
		c.env["JOB_COMPLETION_INDEX"] = fmt.Sprint(i)
		var n int
		fmt.Sscanf(c.must(container.Args[0], path), "%d parts", &n)
		sent += n
	}
	out := c.must("finish")
	object, _ := c.srv.Object("films", "film.mov")
	if sent != 5 || !strings.HasPrefix(out, "37748736 bytes in 5 parts") || len(object.Data) != 36<<20 {
		t.Errorf("%d parts sent, %d bytes stored; finish: %s", sent, len(object.Data), out)
	}
}

func TestAPodThatStartsAgainSendsOnlyWhatIsMissing(t *testing.T) {
	c, path := newCluster(t), film(t)
	c.env["PLAN"] = c.must("begin", path, "film.mov")
	c.env["SHARES"], c.env["JOB_COMPLETION_INDEX"] = "5", "2"
	c.must("share", path) // part 3, as a pod that died after it
	c.env["SHARES"], c.env["JOB_COMPLETION_INDEX"] = "2", "1"
	for _, want := range []string{"2 parts sent", "0 parts sent"} { // of parts 3 to 5
		if got := c.must("share", path); got != want {
			t.Errorf("share says %q, want %q", got, want)
		}
	}
	if _, err := c.run("finish"); err == nil || !strings.Contains(err.Error(), "2 of 5 parts are missing") {
		t.Errorf("finish with half of the parts: %v", err)
	}
	c.must("abort")
	if left := c.srv.Uploads(); len(left) > 0 {
		t.Errorf("uploads are left: %v", left)
	}
}

func TestAFileThatHasChangedIsAnError(t *testing.T) {
	c, path := newCluster(t), film(t)
	c.env["PLAN"] = c.must("begin", path, "film.mov")
	c.env["SHARES"], c.env["JOB_COMPLETION_INDEX"] = "1", "0"
	if err := os.WriteFile(path, bytes.Repeat([]byte("FILM"), 9<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := c.run("share", path); err == nil {
		t.Errorf("share says %q", out)
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	for _, tt := range []struct {
		unset, set, value string
		args              []string
		want              string
	}{
		{"OSS_BUCKET", "", "", []string{"finish"}, "OSS_BUCKET is not set"},
		{"", "PLAN", "", []string{"finish"}, "PLAN: "},
		{"", "PLAN", "{}", []string{"share", "film.mov"}, `JOB_COMPLETION_INDEX "" of SHARES ""`},
		{"", "PLAN", "{}", []string{"finish"}, "bucket name is empty"},
		{"", "PLAN", "{}", []string{"begin"}, "usage: "},
	} {
		c := newCluster(t)
		delete(c.env, tt.unset)
		c.env[tt.set] = tt.value
		if _, err := c.run(tt.args...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q in it", tt.args, err, tt.want)
		}
	}
}
