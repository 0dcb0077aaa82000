package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A dataDir is the directory of a Store with Options.Persist. It has three entries: bodies, with a file for each body;
// journal; and lock, which is locked while a Store has the directory open.
type dataDir struct {
	lock       *os.File
	bodies     *directory
	journal    *journal
	generation uint64
	closed     bool
}

// openDataDir locks dir and loads the state in it into s, which is empty. With sync, later changes are on the disk when
// they return.
func (s *Store) openDataDir(dir string, sync bool) (*dataDir, error) {
	d := &dataDir{bodies: &directory{path: filepath.Join(dir, "bodies"), stays: true, sync: sync}}
	if err := os.MkdirAll(d.bodies.path, 0o700); err != nil {
		return nil, err
	}
	var err error
	if d.lock, err = lockFile(filepath.Join(dir, "lock")); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if err := s.restore(d, filepath.Join(dir, journalName)); err != nil {
		d.lock.Close()
		return nil, err
	}
	return d, nil
}

// restore applies the changes in the journal, checks the bodies, and compacts the journal.
func (s *Store) restore(d *dataDir, path string) error {
	known := &bodyFiles{path: d.bodies.path, all: make(map[string]*body)}
	var orphan error
	head, err := readJournal(path, known, func(c change) {
		if c.part != nil && s.uploads[c.part.upload] == nil {
			orphan = fmt.Errorf("%s: a part is of upload %s, which is not there", path, c.part.upload)
			return
		}
		s.apply(c) // references are counted below, because later lines may refer to a body that this one frees
	})
	if err := errors.Join(err, orphan); err != nil {
		return err
	}
	state := s.snapshot()
	for _, c := range state {
		c.content().Retain()
	}
	if err := d.checkBodies(known, state); err != nil {
		return err
	}
	head.Generation++
	d.generation = head.Generation
	d.journal = &journal{path: path, slack: journalSlack, sync: d.bodies.sync}
	return d.journal.replace(head, state)
}

// checkBodies removes the files that state does not refer to, and fails if a body that it refers to is missing or too
// short. It also sets the number after which new bodies are named.
func (d *dataDir) checkBodies(known *bodyFiles, state []change) error {
	files, err := os.ReadDir(d.bodies.path)
	if err != nil {
		return err
	}
	sizes := make(map[string]int64, len(files))
	for _, f := range files {
		if b := known.all[f.Name()]; b == nil || b.refs.Load() == 0 {
			if err := os.Remove(filepath.Join(d.bodies.path, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			continue
		}
		info, err := f.Info()
		if err != nil {
			return err
		}
		sizes[f.Name()] = info.Size()
		if n, err := strconv.ParseInt(strings.TrimPrefix(f.Name(), bodyPrefix), 10, 64); err == nil {
			d.bodies.last.Store(max(d.bodies.last.Load(), n))
		}
	}
	for _, c := range state {
		for _, r := range recordContent(c.content()) {
			if size, ok := sizes[r.Body]; !ok || size < r.Offset+r.Size {
				return fmt.Errorf("%s is missing or has been cut short", filepath.Join(d.bodies.path, r.Body))
			}
		}
	}
	return nil
}

// close lets another Store open the directory.
func (d *dataDir) close() error {
	return errors.Join(d.journal.close(), d.lock.Close())
}

// content returns the content that a change stores.
func (c change) content() Content {
	switch {
	case c.put != nil:
		return c.put.Content
	case c.part != nil:
		return c.part.part.Content
	}
	return nil
}

// snapshot returns changes that make the state of s from nothing. The caller holds the lock.
func (s *Store) snapshot() []change {
	var all []change
	for _, b := range s.buckets {
		all = append(all, change{bucket: &b})
	}
	for _, bucket := range s.objects {
		for _, versions := range bucket.all {
			for _, o := range versions {
				all = append(all, change{put: o})
			}
		}
	}
	for _, u := range s.uploads {
		all = append(all, change{begin: u})
		for _, p := range u.sorted() { // the MD5 of the last one stays
			all = append(all, change{part: &storedPart{u.ID, p, u.md5}})
		}
	}
	return all
}
