package osstest

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

// A journal is the file in which a Server that persists writes down its changes, one in each line,
// before they are seen. A line is written at once and behind the others; one that is cut short was
// never answered for, and does not count. So the file can be read after the process ended in any
// way. A loss of power can take the last lines, unless each is forced to the disk.
//
// When the journal has grown long, and whenever a Server starts, it is replaced by a short one
// that makes the same state: that is written beside it and renamed.
type journal struct {
	path  string
	file  *os.File
	size  int64 // bytes of whole lines
	short int64 // size when it was replaced last
	slack int64 // how much it may grow by, however short it was
	sync  bool  // each change is on the disk before append returns
	err   error // why nothing can be appended any more
}

// A journalHead is the first line of a journal.
type journalHead struct {
	Format     string // must be journalFormat
	Generation uint64 // how often Servers have started from it
}

const (
	journalName   = "journal"
	journalFormat = "osstest journal 1"
	journalSlack  = 16 << 20 // bytes
)

// append writes c down. The state it is a change of is asked for if the journal is to be replaced.
func (j *journal) append(c change, state func() []change) error {
	if j.err != nil {
		return j.err
	}
	line, err := encodeChange(c)
	if err != nil {
		return err
	}
	if j.size > 2*j.short+j.slack {
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
		// What was written of the line would spoil the next one.
		if trouble := j.file.Truncate(j.size); trouble != nil {
			j.err = errors.Join(err, trouble)
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

// replace writes a new journal, with the changes that make a state, and goes on with that. The old
// one stays in use if that fails, or nothing can be appended any more.
func (j *journal) replace(h journalHead, state []change) error {
	beside := j.path + ".new"
	size, err := writeJournal(beside, h, state, j.sync)
	if err != nil {
		os.Remove(beside)
		return err
	}
	if j.file != nil {
		j.file.Close() // Windows renames nothing onto a file that is open
	}
	err = os.Rename(beside, j.path)
	if err == nil {
		j.size, j.short = size, size
		if j.sync {
			err = syncDirectory(filepath.Dir(j.path))
		}
	}
	file, openErr := os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND, 0o600)
	j.file, j.err = file, openErr
	return errors.Join(err, openErr)
}

// writeJournal returns the size of the journal it writes.
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

// readJournal calls do with all changes in a journal, which may be missing.
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
			return h, nil // what is left is no line
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

// close ends the journal.
func (j *journal) close() error {
	j.err = errClosed
	return j.file.Close()
}

// bodyFiles are the bodies in a directory, by the name of their file.
type bodyFiles struct {
	path string
	all  map[string]*body
}

// get returns a body, which several contents may have in common.
func (b *bodyFiles) get(name string) (*body, error) {
	if found := b.all[name]; found != nil {
		return found, nil
	}
	if name != filepath.Base(name) {
		return nil, fmt.Errorf("%q is no name of a body", name)
	}
	made := &body{blob: fileBlob(filepath.Join(b.path, name))}
	b.all[name] = made
	return made, nil
}
