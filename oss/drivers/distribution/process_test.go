package ossdistribution

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// registryConfig is the configuration of a registry, with its storage.oss and redirect.disable.
const registryConfig = `
version: 0.1
log: {accesslog: {disabled: true}}
http: {addr: "127.0.0.1:0", secret: the same after a restart}
validation: {manifests: {urls: {allow: ["^https?://"]}}}
storage:
  oss: %s
  delete: {enabled: true}
  redirect: {disable: %t}
  maintenance: {uploadpurging: {enabled: false}}
`

func configOf(t *testing.T, parameters map[string]any, redirect bool) string {
	t.Helper()
	section, err := json.Marshal(parameters) // which is YAML
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(registryConfig, section, !redirect)
}

// newRegistry returns a registry with the driver in this process.
func newRegistry(t *testing.T, parameters map[string]any, redirect bool) http.Handler {
	t.Helper()
	config, err := configuration.Parse(strings.NewReader(configOf(t, parameters, redirect)))
	if err != nil {
		t.Fatal(err)
	}
	return handlers.NewApp(context.Background(), config)
}

// startRegistry starts the program registry, and returns its host.
func startRegistry(t *testing.T, parameters map[string]any) (host string, process *os.Process) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "config.yml")
	if err := os.WriteFile(config, []byte(configOf(t, parameters, false)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(build(t, "github.com/ossmultipart/go-oss/oss/drivers/distribution/registry"), "serve", config)
	return start(t, cmd, regexp.MustCompile(`127\.0\.0\.1:[1-9]\d*`)), cmd.Process
}

// startOSSD starts examples/ossd with the bucket images, and returns its URL.
func startOSSD(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(build(t, "github.com/ossmultipart/go-oss/examples/ossd"), append([]string{
		"-addr", "127.0.0.1:0", "-bucket", "images",
		"-access-key-id", osstest.AccessKeyID, "-access-key-secret", osstest.AccessKeySecret}, args...)...)
	return start(t, cmd, regexp.MustCompile(`http://127\.0\.0\.1:\d+`))
}

// programs is the directory of what build has built.
var programs string

var building sync.Mutex

// build builds a program unless an earlier test has, and returns its path.
func build(t *testing.T, pkg string) string {
	t.Helper()
	building.Lock()
	defer building.Unlock()
	program := filepath.Join(programs, path.Base(pkg))
	if _, err := os.Stat(program); err == nil {
		return program
	}
	if out, err := exec.Command("go", "build", "-o", program, pkg).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// start starts a server, and returns the first match of address in what it prints. At the end the server is killed.
func start(t *testing.T, cmd *exec.Cmd, address *regexp.Regexp) string {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	var printed strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fmt.Fprintln(&printed, lines.Text())
		if found := address.FindString(lines.Text()); found != "" {
			go func() { // so that the server never waits to print
				for lines.Scan() {
				}
			}()
			return found
		}
	}
	t.Fatalf("%s printed no address: %v\n%s", cmd.Path, lines.Err(), printed.String())
	return ""
}
