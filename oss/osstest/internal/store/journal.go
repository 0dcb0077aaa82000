package store

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// A journal is the file of the changes of a Store, one per line, in the order in which they were made.
//
// A line is appended with one write before its change is visible. If the process ends during that write, the last line
// has no end, and is ignored: no request was answered for it. A loss of power can lose the last lines, unless sync is
// set.
//
// The journal is compacted when a Store is opened, and when it has become much longer than its state: a new file with
// only the changes that make the state replaces it by a rename.
type journal struct {
	path  string
	file  *os.File
	size  int64 // bytes of complete lines
	base  int64 // size after the last compaction
	slack int64 // bytes; the journal is compacted when size exceeds 2*base + slack
	sync  bool  // a change is on the disk before append returns
	err   error // returned by append; set when the file can no longer be appended to
}

// A journalHead is the first line of a journal.
type journalHead struct {
	Format     string // journalFormat
	Generation uint64 // how often a Store was opened with it
}

const (
	journalName   = "journal"
	journalFormat = "osstest journal 1"
	journalSlack  = 16 << 20 // bytes
)

// append appends c. It may compact the journal first, and then calls state for the changes that make the state
// before c.
func (j *journal) append(c change, state func() []change) error {
	if j.err != nil {
		return j.err
	}
	line, err := encodeChange(c)
	if err != nil {
		return err
	}
	if j.size > 2*j.base+j.slack {
		var h journalHead
		if h, err = j.head(); err == nil {
			err = j.replace(h, state())
		}
		if err != nil {
			return err
		}
	}
	_, err = j.file.Write(line)
	if err == nil && j.sync {
		err = j.file.Sync()
	}
	if err != nil {
		// An incomplete line must not come before the next one.
		if truncErr := j.file.Truncate(j.size); truncErr != nil {
			j.err = errors.Join(err, truncErr)
		}
		return err
	}
	j.size += int64(len(line))
	return nil
}

// head reads the first line.
func (j *journal) head() (h journalHead, err error) {
	f, err := os.Open(j.path)
	if err != nil {
		return h, err
	}
	defer f.Close()
	line, err := bufio.NewReader(f).ReadBytes('\n')
	if err != nil {
		return h, err
	}
	return h, decodeHead(line, &h)
}

// replace writes a new journal with the changes that make a state, and continues with it. If that fails, either the old
// file stays in use, or err is set.
func (j *journal) replace(h journalHead, state []change) error {
	next := j.path + ".new"
	size, err := writeJournal(next, h, state, j.sync)
	if err != nil {
		os.Remove(next)
		return err
	}
	if j.file != nil {
		j.file.Close() // Windows does not rename onto an open file
	}
	err = os.Rename(next, j.path)
	if err == nil {
		j.size, j.base = size, size
		if j.sync {
			err = syncDirectory(filepath.Dir(j.path))
		}
	}
	file, openErr := os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND, 0o600)
	j.file, j.err = file, openErr
	return errors.Join(err, openErr)
}

// writeJournal writes a journal and returns its size in bytes.
func writeJournal(path string, h journalHead, state []change, sync bool) (int64, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	h.Format = journalFormat
	first, err := json.Marshal(h)
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriter(f)
	w.Write(append(first, '\n'))
	for _, c := range state {
		line, err := encodeChange(c)
		if err != nil {
			return 0, err
		}
		w.Write(line)
	}
	if err := w.Flush(); err != nil {
		return 0, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil && sync {
		err = f.Sync()
	}
	return size, errors.Join(err, f.Close())
}

// readJournal calls do with each change in a journal. A missing file is an empty journal.
func readJournal(path string, bodies *bodyFiles, do func(change)) (h journalHead, err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return h, nil
	}
	if err != nil {
		return h, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	for number := 1; ; number++ {
		line, err := r.ReadBytes('\n')
		if err == io.EOF {
			return h, nil // an incomplete line is ignored
		}
		if err != nil {
			return h, err
		}
		if number == 1 {
			err = decodeHead(line, &h)
		} else {
			var c change
			if c, err = decodeChange(line, bodies); err == nil {
				do(c)
			}
		}
		if err != nil {
			return h, fmt.Errorf("%s, line %d: %w", path, number, err)
		}
	}
}

func decodeHead(line []byte, h *journalHead) error {
	if err := json.Unmarshal(bytes.TrimSpace(line), h); err != nil {
		return err
	}
	if h.Format != journalFormat {
		return fmt.Errorf("format is %q, want %q", h.Format, journalFormat)
	}
	return nil
}

// close closes the file, and makes append fail.
func (j *journal) close() error {
	j.err = errClosed
	return j.file.Close()
}

// bodyFiles are the bodies that a journal refers to.
type bodyFiles struct {
	path string           // of their directory
	all  map[string]*body // by file name
}

// get returns the body in a file. Contents that refer to the same file share one body.
func (b *bodyFiles) get(name string) (*body, error) {
	if found := b.all[name]; found != nil {
		return found, nil
	}
	if name != filepath.Base(name) {
		return nil, fmt.Errorf("%q is not the name of a body", name)
	}
	made := &body{blob: fileBlob(filepath.Join(b.path, name))}
	b.all[name] = made
	return made, nil
}
