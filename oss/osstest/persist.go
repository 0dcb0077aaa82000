package osstest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A home is a directory that a Server persists in: its bodies, its journal, and a lock that keeps
// other Servers out.
type home struct {
	lock       *os.File
	bodies     *directory
	journal    *journal
	generation uint64
}

// load makes dir the home of s and takes in what an earlier Server left there. With sync all that is
// written from now on is on the disk before anybody is told.
func (s *store) load(dir string, sync bool) (*home, error) {
	h := &home{bodies: &directory{path: filepath.Join(dir, "bodies"), stays: true, sync: sync}}
	if err := os.MkdirAll(h.bodies.path, 0o700); err != nil {
		return nil, err
	}
	var err error
	if h.lock, err = lockFile(filepath.Join(dir, "lock")); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if err := s.restore(h, filepath.Join(dir, journalName)); err != nil {
		h.lock.Close()
		return nil, err
	}
	return h, nil
}

// restore reads the journal, removes the bodies that nothing in it refers to, and begins a new one.
func (s *store) restore(h *home, path string) error {
	known := &bodyFiles{path: h.bodies.path, all: make(map[string]*body)}
	var lost error
	head, err := readJournal(path, known, func(c change) {
		if c.part != nil && s.uploads[c.part.upload] == nil {
			lost = fmt.Errorf("%s: a part is of upload %s, which is not there", path, c.part.upload)
			return
		}
		s.apply(c) // what it frees may be referred to again: references are counted at the end
	})
	if err := errors.Join(err, lost); err != nil {
		return err
	}
	state := s.snapshot()
	for _, c := range state {
		c.content().retain()
	}
	if err := h.tidy(known, state); err != nil {
		return err
	}
	head.Generation++
	h.generation = head.Generation
	h.journal = &journal{path: path, slack: journalSlack, sync: h.bodies.sync}
	return h.journal.replace(head, state)
}

// tidy removes what is no body in use, and fails if a body is not whole. It sees to it that new
// bodies get new names.
func (h *home) tidy(known *bodyFiles, state []change) error {
	files, err := os.ReadDir(h.bodies.path)
	if err != nil {
		return err
	}
	sizes := make(map[string]int64, len(files))
	for _, f := range files {
		if b := known.all[f.Name()]; b == nil || b.refs.Load() == 0 {
			if err := os.Remove(filepath.Join(h.bodies.path, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
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
			h.bodies.last.Store(max(h.bodies.last.Load(), n))
		}
	}
	for _, c := range state {
		for _, r := range recordContent(c.content()) {
			if size, ok := sizes[r.Body]; !ok || size < r.Offset+r.Size {
				return fmt.Errorf("%s is missing or has been cut short", filepath.Join(h.bodies.path, r.Body))
			}
		}
	}
	return nil
}

// leave lets another Server in.
func (h *home) leave() error {
	return errors.Join(h.journal.close(), h.lock.Close())
}

// content is what a change brings.
func (c change) content() content {
	switch {
	case c.put != nil:
		return c.put.content
	case c.part != nil:
		return c.part.part.content
	}
	return nil
}

// snapshot returns changes that make the state of s. The caller holds the lock.
func (s *store) snapshot() []change {
	var all []change
	for _, b := range s.buckets {
		all = append(all, change{bucket: &b})
	}
	for _, versions := range s.history {
		for _, o := range versions {
			all = append(all, change{put: o})
		}
	}
	for _, u := range s.uploads {
		all = append(all, change{begin: u})
		for _, p := range u.sorted() { // of a sequential upload the last MD5 is the one that counts
			all = append(all, change{part: &arrival{u.id, p, u.md5}})
		}
	}
	return all
}
