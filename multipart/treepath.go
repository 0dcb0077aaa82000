package multipart

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"unicode"
)

// This file decides which file an object of a tree becomes. Keys are any bytes, so they are not trusted as paths.

// ErrUnsafeKey reports that DownloadTree does not store an object: its key is not the path of a file below the
// directory, or another object has become that file.
var ErrUnsafeKey = errors.New("multipart: key is no safe path")

// partialSuffix ends the names of temporary files, possibly before that of their journal or lock.
const partialSuffix = ".oss-part"

// treePath returns the path of the file for rel, the part of a key after the prefix of a tree, with slashes, and
// reports whether the file is a directory: OSS consoles create objects whose keys end with a slash for directories. It
// refuses every name that could lead out of the directory or that the file system does not take literally. On Windows
// these include names of devices and streams, and names that Windows would change.
func treePath(rel string, windows bool) (name string, dir bool, err error) {
	name, dir = strings.CutSuffix(rel, "/")
	if name == "" && rel == "/" || rel == "" {
		return "", dir, fmt.Errorf("%w: it has no name", ErrUnsafeKey)
	}
	for elem := range strings.SplitSeq(name, "/") {
		if why := unsafeName(elem, windows); why != "" {
			return "", dir, fmt.Errorf("%w: its element %.80q %s", ErrUnsafeKey, elem, why)
		}
	}
	return name, dir, nil
}

// unsafeName returns why an element of a key cannot be the name of a file, or "".
func unsafeName(elem string, windows bool) string {
	switch {
	case elem == "":
		return "is empty"
	case elem == "." || elem == "..":
		return "is a directory"
	case strings.Contains(elem, "\x00"):
		return "has a zero byte"
	case elem[0] == '.' && isPartial(elem):
		return "is a name of temporary files"
	case !windows:
		return ""
	case strings.ContainsFunc(elem, func(r rune) bool { return r < ' ' || strings.ContainsRune(`<>:"/\|?*`, r) }):
		return "has a character that Windows does not allow"
	case strings.HasSuffix(elem, ".") || strings.HasSuffix(elem, " "):
		return "ends with a character that Windows drops"
	case isDevice(elem):
		return "is a device of Windows"
	}
	return ""
}

// isPartial reports whether a name is one of those that downloads give to temporary files.
func isPartial(name string) bool {
	_, rest, ok := strings.Cut(strings.ToLower(name), partialSuffix)
	return ok && (rest == "" || rest[0] == '.')
}

// isDevice reports whether Windows takes a name, without its extensions, for that of a device.
//
// See https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file
func isDevice(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	switch base = strings.ToUpper(strings.TrimRight(base, " ")); base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	number, isPort := strings.CutPrefix(base, "COM")
	if !isPort {
		number, isPort = strings.CutPrefix(base, "LPT")
	}
	return isPort && len([]rune(number)) == 1 && strings.Contains("0123456789\u00b9\u00b2\u00b3", number)
}

// treeClaims ensures that no two objects become one file.
type treeClaims struct {
	mu       sync.Mutex
	inFlight map[string]struct{} // paths of files that are being downloaded

	// Paths of all files without regard to case, as hashes. It is nil if the file system distinguishes cases: then
	// different keys are different files.
	folded map[uint64]struct{}
	seed   maphash.Seed
}

func newTreeClaims(ignoreCase bool) *treeClaims {
	c := &treeClaims{inFlight: make(map[string]struct{}), seed: maphash.MakeSeed()}
	if ignoreCase {
		c.folded = make(map[uint64]struct{})
	}
	return c
}

// claim reserves the path of a file until release, or refuses it. With dir, name is the path of a directory, which
// claim checks and does not reserve. Keys arrive in ascending order, so the file "a" is claimed before the file "a/b".
func (c *treeClaims) claim(name string, dir bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for p := name; p != "."; p = path.Dir(p) {
		if _, taken := c.inFlight[p]; taken {
			return fmt.Errorf("%w: %q is a file and not a directory", ErrUnsafeKey, p)
		}
	}
	if dir {
		return nil
	}
	if c.folded != nil {
		h := maphash.String(c.seed, strings.Map(foldRune, name))
		if _, taken := c.folded[h]; taken {
			return fmt.Errorf("%w: it differs from that of another file in its case only", ErrUnsafeKey)
		}
		c.folded[h] = struct{}{}
	}
	c.inFlight[name] = struct{}{}
	return nil
}

func (c *treeClaims) release(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.inFlight, name)
}

// foldRune returns the least of the runes that differ from r only in case, among them r.
func foldRune(r rune) rune {
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return least
}

// ignoresCase reports whether the file system of a directory ignores the case of names.
var ignoresCase = func(dir *os.Root) (bool, error) {
	name := tempName()
	f, err := dir.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return false, err
	}
	f.Close()
	defer dir.Remove(name)
	_, err = dir.Lstat(strings.ToUpper(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
