package credentials

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
)

// A file that is written in place while it is read must not give the ID of one pair of keys and the secret of another.
func TestFileThatChangesWhileItIsReadIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Error(err)
		}
	}
	write("old")
	stat := func() (fs.FileInfo, error) { return os.Stat(path) }
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		data, _, err := readUnchanged(context.Background(), func() ([]byte, fs.FileInfo, error) {
			data, info, err := readOnce(path)
			if reads++; reads == 1 {
				write("a new file")
			}
			return data, info, err
		}, stat)
		if string(data) != "a new file" || err != nil || reads != 2 {
			t.Errorf("%q, %v after %d reads", data, err, reads)
		}

		_, _, err = readUnchanged(context.Background(), func() ([]byte, fs.FileInfo, error) {
			data, info, err := readOnce(path)
			write(string(data) + "+")
			return data, info, err
		}, stat)
		if err == nil {
			t.Error("a file that never rests was read")
		}

		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, _, err = readUnchanged(ctx, func() ([]byte, fs.FileInfo, error) {
			data, info, err := readOnce(path)
			write(string(data) + "+")
			return data, info, err
		}, stat)
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
