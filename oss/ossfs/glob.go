package ossfs

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Glob returns the names that match pattern, in the syntax of path.Match, sorted. Unlike fs.Glob it returns an error if
// a request fails. Of each directory it lists only the names that begin with the text before the first wildcard.
func (f *FS) Glob(pattern string) ([]string, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, err
	}
	if literalOf(pattern) == pattern {
		return f.existing(pattern)
	}
	found := []string{"."}
	elements := strings.Split(pattern, "/")
	for i, element := range elements {
		var next []string
		for _, dir := range found {
			names, err := f.matches(dir, element, i == len(elements)-1)
			if err != nil {
				return nil, err
			}
			next = append(next, names...)
		}
		found = next
	}
	slices.Sort(found)
	return found, nil
}

// matches returns the names in dir that match an element of a pattern. Before the last element only directories do.
func (f *FS) matches(dir, element string, last bool) ([]string, error) {
	literal := literalOf(element)
	switch {
	case literal == element && !isElement(element):
		return nil, nil
	case literal == element && last:
		return f.existing(path.Join(dir, element))
	case literal == element: // if it does not exist, listing it finds nothing
		return []string{path.Join(dir, element)}, nil
	}
	d := f.directory(dir, literal, 0)
	var names []string
	for {
		entry, err := d.next()
		if err == io.EOF {
			return names, nil
		}
		if err != nil {
			return nil, &fs.PathError{Op: "glob", Path: dir, Err: err}
		}
		matched, err := path.Match(element, entry.Name())
		if err != nil {
			return nil, err
		}
		if matched && (last || entry.IsDir()) {
			names = append(names, path.Join(dir, entry.Name()))
		}
	}
}

// existing returns name if it exists.
func (f *FS) existing(name string) ([]string, error) {
	switch _, err := f.Stat(name); {
	case err == nil:
		return []string{name}, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrInvalid):
		return nil, nil
	default:
		return nil, err
	}
}

// literalOf returns the part of a pattern before its first wildcard or escape.
func literalOf(pattern string) string {
	if i := strings.IndexAny(pattern, `*?[\`); i >= 0 {
		return pattern[:i]
	}
	return pattern
}
