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
	"testing"
)

// A process runs clients of another language, a command at a time: each line of its input is a command in JSON, each
// line of its output the outcome.
type process struct {
	language string
	mu       sync.Mutex
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *bufio.Reader
	log      bytes.Buffer // what it complains of; with cut connections it does
}

// A language starts the process that all its tests share: to start takes it longer than any test.
type language func() (*process, error)

// errNotInstalled is why there can be no process.
var errNotInstalled = errors.New("not installed")

// running are the processes, for TestMain to end.
var running struct {
	sync.Mutex
	all []*process
}

// speaks returns a language whose process is made by command, if installed finds nothing missing.
func speaks(name string, installed func() error, dir string, command ...string) language {
	return sync.OnceValues(func() (*process, error) {
		if _, err := exec.LookPath(command[0]); err != nil {
			return nil, fmt.Errorf("%s: %w: %v", name, errNotInstalled, err)
		}
		if err := installed(); err != nil {
			return nil, fmt.Errorf("%s: %w: %v", name, errNotInstalled, err)
		}
		p := &process{language: name, cmd: exec.Command(command[0], command[1:]...)}
		p.cmd.Dir, p.cmd.Stderr = dir, &p.log
		in, err := p.cmd.StdinPipe()
		if err != nil {
			return nil, err
		}
		out, err := p.cmd.StdoutPipe()
		if err != nil {
			return nil, err
		}
		p.in, p.out = in, bufio.NewReader(out)
		if err := p.cmd.Start(); err != nil {
			return nil, err
		}
		running.Lock()
		defer running.Unlock()
		running.all = append(running.all, p)
		return p, nil
	})
}

// The languages of clients that are not written in Go.
var (
	node = speaks("Node", checkNode, "node", "node", "main.js")
	ruby = speaks("Ruby", checkRuby, "ruby", "ruby", "main.rb")
)

// checkNode makes sure that the clients are there in the versions that package.json names.
func checkNode() error {
	var wanted struct{ Dependencies map[string]string }
	if err := readJSON("node/package.json", &wanted); err != nil {
		return err
	}
	for name, version := range wanted.Dependencies {
		var got struct{ Version string }
		if err := readJSON(filepath.Join("node/node_modules", name, "package.json"), &got); err != nil {
			return fmt.Errorf("%v; run npm ci --prefix internal/interop/node", err)
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

// checkRuby makes sure that fog-aliyun is there, in whatever version Debian has it.
func checkRuby() error {
	if text, err := exec.Command("ruby", "-e", "require 'fog/aliyun'").CombinedOutput(); err != nil {
		return fmt.Errorf("fog-aliyun: %v: %.200s; on Debian it is in the package ruby-fog-aliyun", err, text)
	}
	return nil
}

// started returns the process. Where its clients are not installed, t is skipped, but not in CI.
func (l language) started(t *testing.T) *process {
	t.Helper()
	p, err := l()
	if errors.Is(err, errNotInstalled) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// send sends a command and returns its outcome.
func (p *process) send(command any) ([]byte, error) {
	line, err := json.Marshal(command)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return nil, fmt.Errorf("%s: %w", p.language, err)
	}
	reply, err := p.out.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.language, err)
	}
	return reply, nil
}

// stop ends the process, which has nothing to do without commands.
func (p *process) stop() error {
	p.in.Close()
	return p.cmd.Wait()
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, p := range running.all {
		if err := p.stop(); err != nil {
			fmt.Fprintln(os.Stderr, p.language+":", err)
			code = max(code, 1)
		}
		if code != 0 {
			fmt.Fprintf(os.Stderr, "%s wrote:\n%s", p.language, &p.log)
		}
	}
	os.Exit(code)
}
