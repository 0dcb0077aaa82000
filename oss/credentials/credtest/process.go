package credtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ossmultipart/go-oss/signer"
)

// A Process is a program that prints keys, as the mode External of the CLI runs. It is a script for sh, so it works
// where there is one.
type Process struct{ dir string }

// NewProcess writes the script to dir, which should be the TempDir of a test.
func NewProcess(dir string) (*Process, error) {
	p := &Process{dir}
	script := `cd "$(dirname "$0")"
echo run >> runs
if [ -f wait ]; then exec sleep "$(cat wait)"; fi
echo "a secret on standard error" >&2
cat output
exit "$(cat code)"
`
	if err := p.write("keys.sh", script); err != nil {
		return nil, err
	}
	return p, p.Print("", 0)
}

// Command returns the command that runs it.
func (p *Process) Command() []string { return []string{"sh", filepath.Join(p.dir, "keys.sh")} }

// Set makes it print these keys, in the spelling of the CLI.
func (p *Process) Set(keys signer.Credentials) error {
	d := map[string]string{"mode": "AK", "access_key_id": keys.AccessKeyID, "access_key_secret": keys.AccessKeySecret}
	if keys.SecurityToken != "" {
		d["mode"], d["sts_token"] = "StsToken", keys.SecurityToken
	}
	if !keys.Expires.IsZero() {
		d["expiration"] = keys.Expires.UTC().Format(time.RFC3339)
	}
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return p.Print(string(text), 0)
}

// Print makes it print a text and exit with a code.
func (p *Process) Print(text string, code int) error {
	if err := p.write("output", text); err != nil {
		return err
	}
	return p.write("code", fmt.Sprint(code))
}

// Hang makes it print nothing for so long.
func (p *Process) Hang(d time.Duration) error { return p.write("wait", fmt.Sprint(d.Seconds())) }

// Runs returns how often it was run.
func (p *Process) Runs() int {
	data, _ := os.ReadFile(filepath.Join(p.dir, "runs"))
	return bytes.Count(data, []byte("\n"))
}

// write replaces a file at once, as the script may be reading it.
func (p *Process) write(name, text string) error {
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
