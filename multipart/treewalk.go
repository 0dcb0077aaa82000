package multipart

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
)

// Symlinks says what an upload of a tree does with symbolic links.
type Symlinks int

const (
	// SymlinksFail reports an error for each symbolic link.
	SymlinksFail Symlinks = iota
	// SymlinksSkip leaves symbolic links out.
	SymlinksSkip
	// SymlinksFollow uploads the file, or the files of the directory, that a link leads to. Links of os.DirFS may lead
	// out of its directory, those of os.Root.FS may not.
	SymlinksFollow
)

// A treeWalk visits the files of an fs.FS in the order of their keys: the bytes of their paths. It holds the entries of
// one directory on each level.
type treeWalk struct {
	fsys     fs.FS
	filter   func(path string, d fs.DirEntry) bool
	symlinks Symlinks
	// visit gets each file, or the error that kept walk from visiting it, and returns false to end the walk. The
	// DirEntry of a link that is followed describes its target.
	visit func(path string, d fs.DirEntry, err error) bool
}

// A treeNode is an entry of a directory.
type treeNode struct {
	path string
	d    fs.DirEntry // of the target of a link that is followed
	err  error
}

// maxLinks bounds the links to directories on one path where the file system cannot tell that two of them are the same.
const maxLinks = 40

// walk visits all files. Its error is that of the root.
func (w *treeWalk) walk(ctx context.Context) error {
	_, err := w.dir(ctx, ".", 0)
	return cmp.Or(err, ctx.Err())
}

// dir visits the files below a directory, on whose path there are so many links. It returns false to end the walk, and
// an error if nothing of the directory can be read.
func (w *treeWalk) dir(ctx context.Context, dir string, links int) (more bool, err error) {
	entries, err := fs.ReadDir(w.fsys, dir)
	if err != nil && len(entries) == 0 {
		return true, fmt.Errorf("multipart: %w", err)
	}
	if err != nil && !w.visit(dir, nil, fmt.Errorf("multipart: %w", err)) {
		return false, nil
	}
	nodes := make([]treeNode, 0, len(entries))
	for _, d := range entries {
		p := path.Join(dir, d.Name())
		if w.filter != nil && !w.filter(p, d) || d.Type()&fs.ModeSymlink != 0 && w.symlinks == SymlinksSkip {
			continue
		}
		n := treeNode{path: p, d: d}
		if d.Type()&fs.ModeSymlink != 0 {
			n.d, n.err = w.follow(n, links)
		}
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, func(a, b treeNode) int { return cmp.Compare(a.order(), b.order()) })
	for _, n := range nodes {
		if ctx.Err() != nil {
			return false, nil
		}
		if n.err == nil && n.d.IsDir() {
			below := links
			if n.d.Type()&fs.ModeSymlink != 0 {
				below++
			}
			more, err := w.dir(ctx, n.path, below)
			if err != nil {
				more = w.visit(n.path, nil, err)
			}
			if !more {
				return false, nil
			}
			continue
		}
		if n.err == nil && !n.d.Type().IsRegular() && !followed(n.d) {
			n.err = fmt.Errorf("multipart: %s is no regular file: %v", n.path, n.d.Type())
		}
		if !w.visit(n.path, n.d, n.err) {
			return false, nil
		}
	}
	return true, nil
}

// order returns the string by which the keys below a node compare with those of its siblings.
func (n treeNode) order() string {
	if n.err == nil && n.d.IsDir() {
		return n.path + "/"
	}
	return n.path
}

// A linkTarget is the entry of a link, with the properties of what it leads to.
type linkTarget struct {
	fs.DirEntry
	target fs.FileInfo
}

func (l linkTarget) IsDir() bool                { return l.target.IsDir() }
func (l linkTarget) Info() (fs.FileInfo, error) { return l.target, nil }

// followed reports whether d is a link that leads to a regular file.
func followed(d fs.DirEntry) bool {
	l, ok := d.(linkTarget)
	return ok && l.target.Mode().IsRegular()
}

// follow returns the entry of the link n with what it leads to, or why there is none.
func (w *treeWalk) follow(n treeNode, links int) (fs.DirEntry, error) {
	if w.symlinks == SymlinksFail {
		return n.d, fmt.Errorf("multipart: %s is a symbolic link; "+
			"UploadTreeOptions.Symlinks says what becomes of links", n.path)
	}
	target, err := fs.Stat(w.fsys, n.path)
	if err != nil {
		return n.d, fmt.Errorf("multipart: %w", err)
	}
	if target.IsDir() {
		if links >= maxLinks {
			return n.d, fmt.Errorf("multipart: %s is below %d symbolic links", n.path, links)
		}
		if err := w.checkCycle(n.path, target); err != nil {
			return n.d, err
		}
	}
	return linkTarget{n.d, target}, nil
}

var errLinkCycle = errors.New("the symbolic link leads to a directory that contains it")

// checkCycle returns an error if the target of the link at p is one of the directories on the path.
func (w *treeWalk) checkCycle(p string, target fs.FileInfo) error {
	for dir := path.Dir(p); ; dir = path.Dir(dir) {
		if info, err := fs.Stat(w.fsys, dir); err == nil && os.SameFile(info, target) {
			return fmt.Errorf("multipart: %s: %w", p, errLinkCycle)
		}
		if dir == "." {
			return nil
		}
	}
}
