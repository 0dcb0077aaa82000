package store

import (
	"slices"
	"strings"
)

// A Query selects a page of a list.
type Query struct {
	Bucket    string
	Prefix    string // of the keys
	Delimiter string // keys with it behind Prefix are rolled up into a common prefix
	Size      int    // maximum number of entries
}

// A Page is the entries of a list behind a position, as they are at one moment.
type Page[E any] struct {
	Entries   []Entry[E]
	Truncated bool // there are more entries
	Last      E    // the last version or upload of the page, even if it is within a common prefix
}

// An Entry is a common prefix, or a Value.
type Entry[E any] struct {
	Prefix string // "" for a Value
	Value  E
}

// readPage reads a page, beginning at a key. The list has the elements that pick returns for each key. After a common
// prefix, the search continues with the first key outside of it, so that the time does not depend on how many keys have
// the prefix. The caller holds the lock.
func readPage[V, E any](x *index[V], q Query, from string, pick func(key string, v V) []E) (p Page[E]) {
	for c := x.seek(max(from, q.Prefix)); ; {
		e := c.entry()
		if e == nil || !strings.HasPrefix(e.key, q.Prefix) {
			return p
		}
		picked := pick(e.key, e.value)
		if common := q.commonPrefix(e.key); common != "" && len(picked) > 0 {
			if p.Truncated = len(p.Entries) == q.Size; p.Truncated {
				return p
			}
			p.Entries = append(p.Entries, Entry[E]{Prefix: common})
			if next, ok := afterPrefix(common); ok {
				c = x.seek(next)
			} else {
				c = x.end()
			}
			last := c.previous().entry()
			if all := pick(last.key, last.value); len(all) > 0 {
				picked = all
			}
			p.Last = picked[len(picked)-1]
			continue
		}
		for _, v := range picked {
			if p.Truncated = len(p.Entries) == q.Size; p.Truncated {
				return p
			}
			p.Entries, p.Last = append(p.Entries, Entry[E]{Value: v}), v
		}
		c = c.next()
	}
}

// commonPrefix returns key up to the first delimiter after the prefix, or "" if there is none.
func (q Query) commonPrefix(key string) string {
	if q.Delimiter == "" || !strings.HasPrefix(key, q.Prefix) {
		return ""
	}
	i := strings.Index(key[len(q.Prefix):], q.Delimiter)
	if i < 0 {
		return ""
	}
	return key[:len(q.Prefix)+i+len(q.Delimiter)]
}

// afterPrefix returns the first string that is greater than all strings with a prefix, or false if there is none.
func afterPrefix(prefix string) (string, bool) {
	next := []byte(prefix)
	for len(next) > 0 && next[len(next)-1] == 0xFF {
		next = next[:len(next)-1]
	}
	if len(next) == 0 {
		return "", false
	}
	next[len(next)-1]++
	return string(next), true
}

// ListObjects returns a page of the Current versions in a bucket: those of keys greater than after, or, if after is a
// common prefix, those of keys greater than all that begin with it.
func (s *Store) ListObjects(q Query, after string) (p Page[*Object]) {
	from, ok := "", true
	switch {
	case after == "":
	case q.commonPrefix(after) == after:
		from, ok = afterPrefix(after)
	default:
		from = after + "\x00"
	}
	if !ok {
		return p
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return readPage(s.objects.bucket(q.Bucket), q, from, func(_ string, versions []*Object) []*Object {
		if newest := versions[len(versions)-1:]; !newest[0].DeleteMarker {
			return newest
		}
		return nil
	})
}

// A Version is an Object as one of its versions.
type Version struct {
	*Object
	Newest bool // of its key
}

// ListVersions returns a page of the versions and delete markers in a bucket, by key, and of each key the newest first:
// those of keys greater than after, and those of the key after that are older than the version afterID.
func (s *Store) ListVersions(q Query, after, afterID string) Page[Version] {
	s.mu.Lock()
	defer s.mu.Unlock()
	return readPage(s.objects.bucket(q.Bucket), q, after, func(key string, versions []*Object) []Version {
		all := make([]Version, 0, len(versions))
		for i, o := range slices.Backward(versions) {
			all = append(all, Version{o, i == len(versions)-1})
		}
		if after != "" && key == after {
			return olderThan(all, afterID)
		}
		return all
	})
}

// olderThan returns the versions of a key, the newest first, that are older than the one with an ID; none without an
// ID. If that version was deleted, its stamp tells its position. Without a stamp, as in "null", all versions are
// returned, because repeating a version is better than omitting it.
func olderThan(all []Version, id string) []Version {
	if id == "" {
		return nil
	}
	if i := slices.IndexFunc(all, func(v Version) bool { return v.VersionID == id }); i >= 0 {
		return all[i+1:]
	}
	stamp := VersionStamp(id)
	for stamp != 0 && len(all) > 0 && VersionStamp(all[0].VersionID) >= stamp {
		all = all[1:]
	}
	return all
}

// ListUploads returns a page of the uploads of a bucket, by key and ID: those of keys greater than after, and those of
// the key after with an ID greater than afterID, if that is not "".
func (s *Store) ListUploads(q Query, after, afterID string) Page[*Upload] {
	s.mu.Lock()
	defer s.mu.Unlock()
	return readPage(s.uploadsByKey.bucket(q.Bucket), q, after, func(key string, all []*Upload) []*Upload {
		switch {
		case after == "" || key != after:
			return all
		case afterID == "":
			return nil
		}
		i, found := slices.BinarySearchFunc(all, afterID, (*Upload).compareID)
		if found {
			i++
		}
		return all[i:]
	})
}
