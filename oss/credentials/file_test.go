package credentials_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss/credentials"
)

// replace renames a new file over path, as programs that keep keys up to date do.
func replace(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func keyFile(id string) string {
	return fmt.Sprintf(`{"AccessKeyId": %q, "AccessKeySecret": "hunter2"}`, id)
}

func TestFileIsReadAgainWhenItChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	replace(t, path, keyFile("id-1"))
	synctest.Test(t, func(t *testing.T) {
		p := credentials.File(path, nil)
		refreshed := func() string {
			time.Sleep(time.Second)
			ask(t, p)
			synctest.Wait()
			return ask(t, p)
		}
		if got := ask(t, p); got != "id-1" {
			t.Fatal(got)
		}
		replace(t, path, keyFile("id-2"))
		if got := refreshed(); got != "id-2" {
			t.Errorf("after it was replaced: %s", got)
		}
		for name, text := range map[string]string{"empty": "",
			"half": `{"AccessKeyId": "id-3", "Acce`, "no keys": "{}"} {
			replace(t, path, text)
			if got := refreshed(); got != "id-2" {
				t.Errorf("%s: %s", name, got)
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if got := refreshed(); got != "id-2" {
			t.Errorf("after it was removed: %s", got)
		}
		replace(t, path, keyFile("id-4"))
		time.Sleep(time.Minute) // the pause after the failures
		if got := refreshed(); got != "id-4" {
			t.Errorf("after it came back: %s", got)
		}
	})
}

func TestFileThatHasNoKeysIsAnError(t *testing.T) {
	dir := t.TempDir()
	tests := []struct{ name, text, want string }{
		{"garbage", "hunter2", "not a JSON document"},
		{"empty", "", "not a JSON document"},
		{"no keys", `{}`, "access key ID is empty"},
		{"no secret", `{"AccessKeyId": "id"}`, "access key secret is empty"},
		{"number", `{"AccessKeyId": "id", "AccessKeySecret": 31337}`, "not a JSON document"},
		{"bad time", `{"AccessKeyId": "id", "AccessKeySecret": "hunter2", "Expiration": "soon"}`,
			`the expiration "soon"`},
		{"failure", `{"Code": "Failed", "AccessKeyId": "id", "AccessKeySecret": "hunter2"}`, `the code "Failed"`},
		{"huge", strings.Repeat(" ", 1<<20+1), "more than 1048576 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(dir, tt.name)
			replace(t, path, tt.text)
			err := failure(t, credentials.File(path, nil))
			if wants(t, err, tt.want, path); strings.Contains(err.Error(), "hunter2") ||
				strings.Contains(err.Error(), "31337") {
				t.Errorf("the error shows a secret: %v", err)
			}
			if errors.Is(err, credentials.ErrNotConfigured) {
				t.Error("a broken file is one that is not there")
			}
		})
	}
	if err := failure(t, credentials.File(filepath.Join(dir, "none"), nil)); !errors.Is(err,
		credentials.ErrNotConfigured) || !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	wants(t, failure(t, credentials.File(dir, nil)), "not a regular file")
	wants(t, failure(t, credentials.File("", nil)), "the path is empty")
}
