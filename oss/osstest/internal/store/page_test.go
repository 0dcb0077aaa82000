package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// randomText returns a text of few letters, which often has the delimiter, and sometimes the greatest byte.
func randomText(rng *rand.Rand, size int) string {
	b := make([]byte, rng.IntN(size+1))
	for i := range b {
		b[i] = "ab//\xff"[rng.IntN(5)]
	}
	return string(b)
}

// rolledUp returns what a whole list has, made without an index: keys and common prefixes in order, a key once for each
// of its elements.
func rolledUp(keys []string, q Query) []string {
	var all []string
	for _, key := range slices.Sorted(slices.Values(keys)) {
		rest, ok := strings.CutPrefix(key, q.Prefix)
		if !ok {
			continue
		}
		if before, _, found := strings.Cut(rest, q.Delimiter); found && q.Delimiter != "" {
			common := "prefix " + q.Prefix + before + q.Delimiter
			if !slices.Contains(all, common) {
				all = append(all, common)
			}
			continue
		}
		all = append(all, "key "+key)
	}
	return all
}

// TestPagesMakeTheWholeList lists random keys in pages of every size, as objects, as versions and as uploads.
func TestPagesMakeTheWholeList(t *testing.T) {
	for range 300 {
		seed := rand.Uint64()
		rng := rand.New(rand.NewPCG(seed, 0))
		s, err := Open(Options{})
		if err != nil {
			t.Fatal(err)
		}
		s.ChangeBucket("b", func(b *Bucket) error { b.Versioning = VersioningEnabled; return nil })
		var current, versions, uploads []string
		at := time.Unix(1781728236, 0)
		for range rng.IntN(20) {
			n := Name{"b", "k" + randomText(rng, 5)}
			for range 1 + rng.IntN(2) {
				s.Put(&Object{Name: n, Modified: at}, false)
				s.Begin(&Upload{Name: n, ID: s.IDs.UploadID()})
				versions, uploads = append(versions, n.Key), append(uploads, n.Key)
			}
			if rng.IntN(3) == 0 {
				s.Remove(n, "", at)
				versions = append(versions, n.Key)
			}
		}
		for _, o := range s.Objects("b") {
			current = append(current, o.Key)
		}
		q := Query{Bucket: "b", Prefix: "k" + randomText(rng, 1), Delimiter: randomText(rng, 1), Size: 1 + rng.IntN(8)}
		label := fmt.Sprintf("seed %d: %+v", seed, q)

		after := ""
		checkPages(t, label+": objects", rolledUp(current, q), q, func() Page[*Object] {
			p := s.ListObjects(q, after)
			if n := len(p.Entries); n > 0 {
				if after = p.Entries[n-1].Prefix; after == "" {
					after = p.Entries[n-1].Value.Key
				}
			}
			return p
		}, func(o *Object) string { return o.Key })

		last := Version{Object: new(Object)}
		checkPages(t, label+": versions", rolledUp(versions, q), q, func() Page[Version] {
			p := s.ListVersions(q, last.Key, last.VersionID)
			for _, e := range p.Entries {
				if v := e.Value; v.Object != nil && v.Newest != (v.Object == s.History(v.Name)[0]) {
					t.Errorf("%s: %q, %s is the newest: %t", label, v.Key, v.VersionID, v.Newest)
				}
			}
			last = p.Last
			return p
		}, func(v Version) string { return v.Key })

		from := new(Upload)
		checkPages(t, label+": uploads", rolledUp(uploads, q), q, func() Page[*Upload] {
			p := s.ListUploads(q, from.Key, from.ID)
			from = p.Last
			return p
		}, func(u *Upload) string { return u.Key })
	}
}

// checkPages reads pages to the end.
func checkPages[E any](t *testing.T, label string, want []string, q Query, next func() Page[E], key func(E) string) {
	t.Helper()
	var got []string
	for {
		p := next()
		for _, e := range p.Entries {
			if e.Prefix != "" {
				got = append(got, "prefix "+e.Prefix)
			} else {
				got = append(got, "key "+key(e.Value))
			}
		}
		if p.Truncated != (len(got) < len(want)) || p.Truncated && len(p.Entries) != q.Size {
			t.Fatalf("%s: page of %d, truncated %t, after %d of %d", label, len(p.Entries),
				p.Truncated, len(got), len(want))
		}
		if !p.Truncated {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", label, diff)
	}
}

// TestEndedUploadsLeaveTheList also holds for buckets that have nothing left.
func TestEndedUploadsLeaveTheList(t *testing.T) {
	s, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range []*Upload{{Name: Name{"b", "k"}, ID: "2"}, {Name: Name{"b", "k"}, ID: "1"},
		{Name: Name{"a", "k"}, ID: "3"}} {
		if err := s.Begin(u); err != nil {
			t.Fatal(err)
		}
	}
	ids := func() (ids []string) {
		for _, u := range s.AllUploads() {
			ids = append(ids, u.Bucket+u.ID)
		}
		return ids
	}
	if diff := cmp.Diff([]string{"a3", "b1", "b2"}, ids()); diff != "" {
		t.Errorf("uploads (-want +got):\n%s", diff)
	}
	if err := s.DeleteBucket("a"); err != ErrHasUploads {
		t.Errorf("DeleteBucket = %v, want %v", err, ErrHasUploads)
	}
	for _, u := range s.AllUploads() {
		if err := s.Abort(u.Name, u.ID); err != nil {
			t.Error(err)
		}
	}
	if got := ids(); len(got) > 0 || len(s.BucketNames()) > 0 {
		t.Errorf("uploads %v, buckets %v, want none", got, s.BucketNames())
	}
	if err := s.DeleteBucket("a"); err != nil {
		t.Errorf("DeleteBucket = %v", err)
	}
}
