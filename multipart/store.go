package multipart

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A Store keeps Plans of unfinished uploads. Only the Plan is kept: OSS itself knows the parts.
// Implementations are safe for concurrent use.
type Store interface {
	// Load returns the Plan saved as id, or an error that is fs.ErrNotExist.
	Load(ctx context.Context, id string) (Plan, error)
	// Save keeps p as id, replacing what was there.
	Save(ctx context.Context, id string, p Plan) error
	// Delete forgets id; an unknown id is not an error.
	Delete(ctx context.Context, id string) error
}

// DirStore keeps Plans as small JSON files in dir, each replaced atomically and readable by the owner only.
// The directory is made when the first Plan is saved. A record that is damaged, or that a later version of this
// package wrote in a way this one does not know, counts as absent: resuming trusts only what OSS holds, so nothing
// but the work of the earlier try is lost.
func DirStore(dir string) Store { return dirStore(dir) }

type dirStore string

// recordVersion is that of the file format. A reader takes no other.
const recordVersion = 1

// A record is the content of a file. It holds the id to tell it from another of the same file name.
type record struct {
	Version int    `json:"version"`
	ID      string `json:"id"`
	Plan    Plan   `json:"plan"`
}

// path returns the file of id, which may hold any characters.
func (d dirStore) path(id string) string {
	sum := sha256.Sum256([]byte(id))
	return filepath.Join(string(d), hex.EncodeToString(sum[:16])+".json")
}

func (d dirStore) Load(_ context.Context, id string) (Plan, error) {
	text, err := os.ReadFile(d.path(id))
	if err != nil {
		return Plan{}, fmt.Errorf("multipart: %w", err)
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil || r.Version != recordVersion || r.ID != id {
		return Plan{}, fmt.Errorf("multipart: %s is no record of this version: %w", d.path(id), fs.ErrNotExist)
	}
	return r.Plan, nil
}

// Save writes beside the old record and renames: whoever reads sees the one or the other, also after
// a crash of the machine.
func (d dirStore) Save(_ context.Context, id string, p Plan) error {
	text, err := json.Marshal(record{Version: recordVersion, ID: id, Plan: p})
	if err != nil {
		return fmt.Errorf("multipart: %w", err)
	}
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return fmt.Errorf("multipart: %w", err)
	}
	f, err := os.CreateTemp(string(d), ".record-*") // with mode 0600
	if err != nil {
		return fmt.Errorf("multipart: %w", err)
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), d.path(id))
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("multipart: %w", err)
	}
	d.tidy()
	return nil
}

// staleRecord is how old the file of a Save must be that a kill has interrupted, rather than one going on.
const staleRecord = time.Hour

// tidy removes what interrupted Saves have left.
func (d dirStore) tidy() {
	files, _ := os.ReadDir(string(d)) // nothing depends on its success
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), ".record-") {
			continue
		}
		if info, err := f.Info(); err == nil && time.Since(info.ModTime()) > staleRecord {
			os.Remove(filepath.Join(string(d), f.Name()))
		}
	}
}

func (d dirStore) Delete(_ context.Context, id string) error {
	if err := os.Remove(d.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("multipart: %w", err)
	}
	return nil
}
