package credentials_test

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss/credentials"
	"github.com/ossmultipart/go-oss/oss/credentials/credtest"
	"github.com/ossmultipart/go-oss/signer"
)

func newProcess(t *testing.T) *credtest.Process {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("the program is a script, and there is no sh")
	}
	p, err := credtest.NewProcess(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProcessPrintsKeys(t *testing.T) {
	program := newProcess(t)
	want := signer.Credentials{AccessKeyID: "STS.id", AccessKeySecret: "secret", SecurityToken: "token",
		Expires: time.Now().Add(time.Hour).UTC().Truncate(time.Second)}
	if err := program.Set(want); err != nil {
		t.Fatal(err)
	}
	p := credentials.Process(program.Command(), nil)
	for range 3 {
		if got := need(t, p); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	if n := program.Runs(); n != 1 {
		t.Errorf("%d runs, want 1", n)
	}
	if err := program.Print(`{"AccessKeyId": "id", "AccessKeySecret": "secret"}`, 0); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, credentials.Process(program.Command(), nil)); got != "id" {
		t.Errorf("in the spelling of STS: %s", got)
	}
}

func TestProcessThatFailsIsAnError(t *testing.T) {
	program := newProcess(t)
	tests := []struct {
		name, output string
		code         int
		want         string
	}{
		{"exit code", `{"mode": "AK", "access_key_id": "id", "access_key_secret": "hunter2"}`, 3, "exit status 3"},
		{"garbage", "hunter2", 0, "not a JSON document"},
		{"nothing", "", 0, "not a JSON document"},
		{"no secret", `{"mode": "AK", "access_key_id": "id"}`, 0, "access key secret is empty"},
		{"no token", `{"mode": "StsToken", "access_key_id": "id", "access_key_secret": "hunter2"}`, 0, "no sts_token"},
		{"another mode", `{"mode": "RamRoleArn", "access_key_id": "id", "access_key_secret": "hunter2"}`, 0,
			`the mode "RamRoleArn"`},
		{"too much", strings.Repeat(" ", 1<<20+1), 0, "longer than 1048576 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := program.Print(tt.output, tt.code); err != nil {
				t.Fatal(err)
			}
			err := failure(t, credentials.Process(program.Command(), nil))
			if wants(t, err, tt.want, "process sh"); strings.Contains(err.Error(), "hunter2") ||
				strings.Contains(err.Error(), "a secret on standard error") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
	wants(t, failure(t, credentials.Process(nil, nil)), "the command is empty")
	wants(t, failure(t, credentials.Process([]string{"/no/such/program"}, nil)), "no such file")
}

func TestProcessThatHangsIsKilled(t *testing.T) {
	program := newProcess(t)
	if err := program.Hang(time.Hour); err != nil {
		t.Fatal(err)
	}
	err := failure(t, credentials.Process(program.Command(), &credentials.Options{Timeout: 50 * time.Millisecond}))
	if wants(t, err, "the program was killed"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
