package multipart

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/internal/pagecache"
	"github.com/ossmultipart/go-oss/oss"
)

// A partialFile is the temporary file of a download with the journal of its ranges. Both are beside the target. The
// journal is only a hint: its ranges are read again before they are kept.
type partialFile struct {
	dir           *os.Root
	name          string // of the target, in dir; temp is the temporary file
	temp, journal string
	lock          string
	replaces      bool        // the target exists
	mode          fs.FileMode // of the target, if it exists

	file *os.File // nil before open, and once it has been removed or renamed

	mu    sync.Mutex
	notes *os.File // the journal; nil before begin
	count int      // ranges in the journal
}

// ownerMayWrite are permissions that the temporary file always has, so that the next call can open it again.
const ownerMayWrite fs.FileMode = 0o600

// maxBase bounds the part of the target's name in those of the other files; names have at most 255 bytes.
const maxBase = 200 // bytes

// newPartialFile returns the temporary file of a target, which must be a regular file or not exist. It creates nothing.
func newPartialFile(dir *os.Root, name string) (*partialFile, error) {
	p := &partialFile{dir: dir, name: name}
	info, err := dir.Lstat(name)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if to, err := dir.Stat(name); err == nil && to.IsDir() {
			info = to
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, &fs.PathError{Op: "download to", Path: filepath.Join(dir.Name(), name),
			Err: errors.New("is a directory")}
	case info.Mode().IsRegular():
		p.replaces, p.mode = true, info.Mode().Perm()
	case info.Mode()&fs.ModeSymlink == 0:
		return nil, &fs.PathError{Op: "download to", Path: filepath.Join(dir.Name(), name),
			Err: errors.New("is no regular file")}
	}
	base := filepath.Base(name)
	if len(base) > maxBase {
		base = fmt.Sprintf("%x", sha256.Sum256([]byte(base)))
	}
	p.temp = filepath.Join(filepath.Dir(name), "."+base+".oss-part")
	p.journal, p.lock = p.temp+".journal", p.temp+".lock"
	return p, nil
}

// A journalHead is the first line of a journal: the object of which the temporary file has ranges.
type journalHead struct {
	Version   int    `json:"version"`
	Bucket    string `json:"bucket"`
	Key       string `json:"key"`
	ETag      string `json:"etag"`
	VersionID string `json:"versionId,omitempty"`
	Size      int64  `json:"size"`
	CRC64     uint64 `json:"crc64,string"`
	PartSize  int64  `json:"partSize"`
}

// journalVersion is the version of the format. Other versions are not read.
const journalVersion = 1

// maxJournal bounds what is read of a journal: the lines of 10,000 ranges have 250 KiB.
const maxJournal = 1 << 20 // bytes

// open opens the temporary file, or creates it. It returns the CRC-64 of the ranges that the journal has of the object
// that about describes, and sets about.PartSize to the size of those ranges.
func (p *partialFile) open(about *journalHead) (noted map[int]uint64, err error) {
	about.Version = journalVersion
	info, err := p.dir.Lstat(p.temp)
	create := errors.Is(err, fs.ErrNotExist)
	switch {
	case create:
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "open", Path: p.temp, Err: errors.New("is no regular file")}
	}
	flag, perm := os.O_RDWR, fs.FileMode(0o666)
	if create {
		flag |= os.O_CREATE | os.O_EXCL
	}
	if p.replaces {
		perm = p.mode | ownerMayWrite
	}
	if p.file, err = p.dir.OpenFile(p.temp, flag, perm); err != nil {
		return nil, err
	}
	opened, err := p.file.Stat()
	if err == nil && !create && !os.SameFile(info, opened) {
		err = &fs.PathError{Op: "open", Path: p.temp, Err: errors.New("was replaced meanwhile")}
	}
	if err == nil && p.replaces && opened.Mode().Perm() != perm {
		err = p.file.Chmod(perm)
	}
	if err != nil || create {
		return nil, err
	}
	head, noted := p.readJournal()
	if !head.same(*about) {
		return nil, nil
	}
	about.PartSize, p.count = head.PartSize, len(noted)
	return noted, nil
}

// same reports whether two journals are of the same object.
func (h journalHead) same(other journalHead) bool {
	h.PartSize = other.PartSize
	return h == other
}

// readJournal returns what the journal says, up to the first line that is damaged. A damaged first line is a zero head.
func (p *partialFile) readJournal() (head journalHead, noted map[int]uint64) {
	f, err := p.dir.Open(p.journal)
	if err != nil {
		return journalHead{}, nil
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, maxJournal))
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	if json.Unmarshal(first, &head) != nil || head.PartSize < 1 {
		return journalHead{}, nil
	}
	noted = make(map[int]uint64)
	for line := range strings.Lines(string(rest)) {
		number, sum, _ := strings.Cut(line, " ")
		sum, whole := strings.CutSuffix(sum, "\n")
		n, err := strconv.Atoi(number)
		crc, sumErr := strconv.ParseUint(sum, 16, 64)
		if err != nil || sumErr != nil || !whole || len(sum) != 16 {
			break
		}
		noted[n] = crc
	}
	return head, noted
}

// begin replaces the journal by one with the ranges that the file has, and gives the file its size.
func (p *partialFile) begin(about journalHead, have []oss.Part) error {
	var text bytes.Buffer
	if err := json.NewEncoder(&text).Encode(about); err != nil {
		return err
	}
	for _, part := range have {
		writeNote(&text, part)
	}
	f, err := p.dir.OpenFile(p.journal+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(text.Bytes()); err == nil {
		err = p.dir.Rename(p.journal+".new", p.journal)
	}
	if err != nil {
		return errors.Join(err, f.Close(), p.dir.Remove(p.journal+".new"))
	}
	p.notes, p.count = f, len(have)
	if len(have) == 0 {
		if err := p.file.Truncate(0); err != nil {
			return err
		}
	}
	return p.file.Truncate(about.Size)
}

// writeNote writes the line of a range.
func writeNote(w io.Writer, part oss.Part) error {
	_, err := fmt.Fprintf(w, "%d %016x\n", part.Number, part.CRC64)
	return err
}

// keep implements sink. The disk begins to write while the next bytes are received: the kernel alone would begin when a
// tenth of the memory is to be written, and all of a smaller file would wait for commit.
func (p *partialFile) keep(b *step, n int, offset int64) (*step, error) {
	err := writeAt(p.file, b[:n], offset)
	if end := (offset + int64(n)) / writeback * writeback; end > offset && err == nil {
		pagecache.StartWriteback(p.file, end-writeback, writeback)
	}
	return b, err
}

// writeback is how much of the file is handed to the disk at a time.
const writeback = 8 << 20 // bytes

// note adds a range that has been written to the journal.
func (p *partialFile) note(part oss.Part) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count++
	return writeNote(p.notes, part)
}

// commit gives the file the permissions of the target, syncs it, gives it the name, and removes the journal.
func (p *partialFile) commit() error {
	if p.replaces && p.mode != p.mode|ownerMayWrite {
		if err := p.file.Chmod(p.mode); err != nil {
			return err
		}
	}
	if err := p.file.Sync(); err != nil {
		p.count = 0 // what is read again may be in memory only
		return err
	}
	err := p.file.Close()
	if err == nil {
		err = p.dir.Rename(p.temp, p.name)
	}
	if err != nil {
		return err
	}
	p.file = nil
	if err := p.syncDir(); err != nil {
		return fmt.Errorf("the file is complete, but its directory could not be synced: %w", err)
	}
	p.close()
	p.dir.Remove(p.journal) // without the temporary file it says nothing
	return nil
}

// syncDir makes the renaming durable. Windows does not need it, and some file systems do not support it.
func (p *partialFile) syncDir() error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := p.dir.Open(filepath.Dir(p.name))
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// leave ends a call that failed. If the temporary file is wanted and has a range, leave keeps it and returns its path.
// Otherwise it removes what this call has opened.
func (p *partialFile) leave(keep bool) (path string) {
	if p.file == nil {
		return ""
	}
	if p.close(); keep && p.count > 0 {
		return filepath.Join(p.dir.Name(), p.temp)
	}
	p.dir.Remove(p.temp)
	p.dir.Remove(p.journal)
	return ""
}

// close closes the files.
func (p *partialFile) close() {
	for _, f := range []**os.File{&p.file, &p.notes} {
		if *f != nil {
			(*f).Close()
			*f = nil
		}
	}
}

// fileCRC returns the CRC-64 of a range of f.
func fileCRC(ctx context.Context, f *os.File, s Section) (crc uint64, err error) {
	b := steps.Get().(*step)
	defer steps.Put(b)
	for off := int64(0); off < s.Size; {
		p := b[:min(fetchStep, s.Size-off)]
		if _, err := f.ReadAt(p, s.Offset+off); err != nil {
			return 0, err
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		crc = crc64.Update(crc, p)
		off += int64(len(p))
	}
	return crc, nil
}
