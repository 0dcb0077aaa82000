package multipart

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"sync/atomic"
)

// A treeDir is the directory that a tree is downloaded to. Everything is done below its os.Root, so that neither a key
// nor a symbolic link leads out of it.
type treeDir struct {
	root   *os.Root
	claims *treeClaims
	parent *treeParent // directory of the latest file
}

// openTreeDir opens a directory, which it creates if it does not exist.
func openTreeDir(dir string) (*treeDir, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("multipart: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("multipart: %w", err)
	}
	ignore, err := ignoresCase(root)
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("multipart: %w", err)
	}
	return &treeDir{root: root, claims: newTreeClaims(ignore)}, nil
}

func (t *treeDir) close() {
	t.leave()
	t.root.Close()
}

// A treeParent is a directory with files that are being downloaded. Keys arrive in ascending order, so it is opened
// once for all files of a directory.
type treeParent struct {
	path  string
	dir   *os.Root
	users atomic.Int64
}

func (p *treeParent) release() {
	if p.users.Add(-1) == 0 {
		p.dir.Close()
	}
}

// enter returns the directory of a file, which the caller releases. It creates the directory.
func (t *treeDir) enter(name string) (*treeParent, error) {
	dir := path.Dir(name)
	if t.parent == nil || t.parent.path != dir {
		t.leave()
		if err := t.mkdir(dir); err != nil {
			return nil, err
		}
		root, err := t.root.OpenRoot(dir)
		if err != nil {
			return nil, err
		}
		t.parent = &treeParent{path: dir, dir: root}
		t.parent.users.Add(1)
	}
	t.parent.users.Add(1)
	return t.parent, nil
}

// mkdir creates a directory, with those above it.
func (t *treeDir) mkdir(name string) error {
	err := t.root.MkdirAll(name, 0o777)
	if err == nil {
		return nil
	}
	for p := name; p != "."; p = path.Dir(p) {
		if info, statErr := t.root.Stat(p); statErr == nil && !info.IsDir() {
			return fmt.Errorf("%w: %q is a file and not a directory", ErrUnsafeKey, p)
		}
	}
	return err
}

// leave closes the directory of the latest file once its files are done.
func (t *treeDir) leave() {
	if t.parent != nil {
		t.parent.release()
		t.parent = nil
	}
}

// tempName returns a name for a temporary file.
func tempName() string { return fmt.Sprintf(".%016x%s", rand.Uint64(), partialSuffix) }
