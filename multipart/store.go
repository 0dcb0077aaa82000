package multipart

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// A Store keeps the Plans of unfinished uploads. It keeps no parts: OSS lists them. Implementations must be safe for
// concurrent use.
type Store interface {
	// Load returns the Plan saved under id, or an error that matches fs.ErrNotExist.
	Load(ctx context.Context, id string) (Plan, error)
	// Save saves p under id, and replaces an earlier Plan.
	Save(ctx context.Context, id string, p Plan) error
	// Delete deletes the Plan saved under id. An unknown id is not an error.
	Delete(ctx context.Context, id string) error
}

// A RecordLocker is a Store that locks records. UploadFile holds the lock of a record from loading it until the record
// names the upload that it has begun. If two processes upload the same file, the second joins the upload of the first.
type RecordLocker interface {
	Store
	// Lock waits until no other process or goroutine holds the lock of id, or ctx ends. The locks of a process
	// that is killed are released.
	Lock(ctx context.Context, id string) (unlock func(), err error)
}

// A RecordDeleter is a Store that compares and deletes in one step.
type RecordDeleter interface {
	Store
	// DeleteIf deletes the record of id if it names upload. It leaves any other record as it is, without an error.
	DeleteIf(ctx context.Context, id string, upload oss.Upload) error
}

// A RecordLister is a Store that lists its records. Sweep then deletes those of uploads that no longer exist.
type RecordLister interface {
	Store
	// List iterates over the records, in any order. An error is the last pair.
	List(ctx context.Context) iter.Seq2[Record, error]
}

// A Record is a Plan with the id under which a Store keeps it. A Plan without an upload ID says that an upload was
// about to begin.
type Record struct {
	ID   string
	Plan Plan
}

// DirStore keeps Plans as small JSON files in dir. Each file is replaced atomically and readable by its owner only. The
// directory is created when the first Plan is saved. A record that is damaged, or that a later version of this package
// wrote in an unknown format, counts as absent, and the upload starts again.
//
// The Store is a RecordLocker, a RecordDeleter and a RecordLister. It locks by flock on Linux, macOS and the BSDs; on
// other systems Lock has no effect.
func DirStore(dir string) Store { return dirStore(dir) }

type dirStore string

// recordVersion is the version of the file format. Other versions are not read.
const recordVersion = 1

// A recordFile is the content of a file. It holds the id to tell it from another of the same file name.
type recordFile struct {
	Version int    `json:"version"`
	ID      string `json:"id"`
	Plan    Plan   `json:"plan"`
}

// path returns the file of id, which may contain any characters.
func (d dirStore) path(id string) string {
	return filepath.Join(string(d), nameOf(id)+".json")
}

func (d dirStore) Load(_ context.Context, id string) (Plan, error) {
	r, err := readRecord(d.path(id))
	if err == nil && r.ID != id {
		err = fmt.Errorf("multipart: %s is the record of another id: %w", d.path(id), fs.ErrNotExist)
	}
	if err != nil {
		return Plan{}, err
	}
	return r.Plan, nil
}

// readRecord reads a file. If it is not a record of this version, the error matches fs.ErrNotExist.
func readRecord(path string) (Record, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Record{}, fmt.Errorf("multipart: %w", err)
	}
	r, err := decodeRecord(text)
	if err != nil {
		return Record{}, fmt.Errorf("multipart: %s is not a record in the format of this version: %w", path, err)
	}
	return r, nil
}

// decodeRecord decodes the text of a record, or returns fs.ErrNotExist.
func decodeRecord(text []byte) (Record, error) {
	var r recordFile
	if err := json.Unmarshal(text, &r); err != nil || r.Version != recordVersion {
		return Record{}, fs.ErrNotExist
	}
	return Record{ID: r.ID, Plan: r.Plan}, nil
}

// Save writes a new file and renames it, so that a reader sees the old record or the new one, even after a crash of the
// machine.
func (d dirStore) Save(_ context.Context, id string, p Plan) error {
	text, err := json.Marshal(recordFile{Version: recordVersion, ID: id, Plan: p})
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

// staleRecord is the age at which the temporary file of a Save counts as left by a killed process.
const staleRecord = time.Hour

// tidy removes the temporary files of interrupted Saves.
func (d dirStore) tidy() {
	files, _ := os.ReadDir(string(d)) // best effort
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

// Lock implements RecordLocker.
func (d dirStore) Lock(ctx context.Context, id string) (unlock func(), err error) {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return nil, fmt.Errorf("multipart: %w", err)
	}
	unlock, err = lockFile(ctx, strings.TrimSuffix(d.path(id), ".json")+".lock")
	if err != nil {
		return nil, fmt.Errorf("multipart: %w", err)
	}
	return unlock, nil
}

// DeleteIf implements RecordDeleter.
func (d dirStore) DeleteIf(ctx context.Context, id string, upload oss.Upload) error {
	if _, err := os.Stat(d.path(id)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	unlock, err := d.Lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	saved, err := d.Load(ctx, id)
	if errors.Is(err, fs.ErrNotExist) || err == nil && saved.Upload != upload {
		return nil
	}
	if err != nil {
		return err
	}
	return d.Delete(ctx, id)
}

// List implements RecordLister.
func (d dirStore) List(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		files, err := os.ReadDir(string(d))
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		for _, f := range files {
			if err = ctx.Err(); err != nil {
				break
			}
			if !strings.HasSuffix(f.Name(), ".json") {
				continue
			}
			r, readErr := readRecord(filepath.Join(string(d), f.Name()))
			if errors.Is(readErr, fs.ErrNotExist) {
				continue // deleted since ReadDir, or not a record
			}
			if !yield(r, readErr) || readErr != nil {
				return
			}
		}
		if err != nil {
			yield(Record{}, fmt.Errorf("multipart: %w", err))
		}
	}
}
