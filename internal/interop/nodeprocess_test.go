package interop

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// A node is a process that runs node/client.js, a command at a time.
type node struct {
	mu  sync.Mutex
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	log bytes.Buffer // what it complains of; with cut connections it does
}

// errNoNode is why there can be no node.
var errNoNode = errors.New("the Node client is not installed")

// theNode starts the process that all tests share: to start takes it longer than any test.
var theNode = sync.OnceValues(func() (*node, error) {
	if _, err := exec.LookPath("node"); err != nil {
		return nil, fmt.Errorf("%w: %v", errNoNode, err)
	}
	if err := checkInstalled("node"); err != nil {
		return nil, fmt.Errorf("%w: %v; run npm ci --prefix internal/interop/node", errNoNode, err)
	}
	cmd := exec.Command("node", "client.js")
	n := &node{cmd: cmd}
	cmd.Dir, cmd.Stderr = "node", &n.log
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	n.in, n.out = in, bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	running.Store(n)
	return n, nil
})

// running is the process once there is one, for TestMain to end.
var running atomic.Pointer[node]

// checkInstalled makes sure that dir has the client in the version its package.json names.
func checkInstalled(dir string) error {
	var wanted struct{ Dependencies map[string]string }
	if err := readJSON(filepath.Join(dir, "package.json"), &wanted); err != nil {
		return err
	}
	for name, version := range wanted.Dependencies {
		var got struct{ Version string }
		if err := readJSON(filepath.Join(dir, "node_modules", name, "package.json"), &got); err != nil {
			return err
		}
		if got.Version != version {
			return fmt.Errorf("%s is there in version %s, not %s", name, got.Version, version)
		}
	}
	return nil
}

func readJSON(name string, v any) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// startedNode returns the process. Without Node t is skipped, but not in CI.
func startedNode(t *testing.T) *node {
	t.Helper()
	n, err := theNode()
	if errors.Is(err, errNoNode) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// send sends a command and returns its outcome.
func (n *node) send(command any) ([]byte, error) {
	line, err := json.Marshal(command)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, err := n.in.Write(append(line, '\n')); err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	reply, err := n.out.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	return reply, nil
}

// stop ends the process, which has nothing to do without commands.
func (n *node) stop() error {
	n.in.Close()
	return n.cmd.Wait()
}

func TestMain(m *testing.M) {
	code := m.Run()
	if n := running.Load(); n != nil {
		if err := n.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "node:", err)
			code = max(code, 1)
		}
		if code != 0 {
			fmt.Fprintf(os.Stderr, "node wrote:\n%s", &n.log)
		}
	}
	os.Exit(code)
}
