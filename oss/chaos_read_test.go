package oss_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// This file has the roles of a chaos that read what OSS holds.

// read reads an object, or a range of it, while a rival replaces or deletes it in some calls.
func (a *actor) read() {
	size := []int{200, 3000, 300_000}[a.rnd.IntN(3)]
	key, data := a.newKey(), a.bytes(size)
	a.put(key, data)
	contents := [][]byte{data}
	var allowed []error
	if !a.calm && a.rnd.IntN(4) == 0 {
		after := time.Duration(a.rnd.IntN(2000)) * time.Millisecond
		if a.rnd.IntN(3) > 0 {
			other := a.bytes(size)
			contents = append(contents, other)
			defer time.AfterFunc(after, func() { a.put(key, other) }).Stop()
		} else {
			defer time.AfterFunc(after, func() { a.c.client.DeleteObject(a.c.t.Context(), a.bucket, key, nil) }).Stop()
			allowed = append(allowed, oss.ErrNoSuchKey)
		}
	}
	// At an end that moved, a range can begin past it.
	allowed = append(allowed, oss.Code("InvalidRange"))
	from := 0
	if len(data) > 0 {
		from = a.rnd.IntN(len(data))
	}
	length := 1 + a.rnd.IntN(len(data)-from+1)
	sub := func(b []byte) []byte { return b[min(from, len(b)):min(from+length, len(b))] }
	last := func(b []byte) []byte { return b[max(0, len(b)-length):] }
	whole := func(b []byte) []byte { return b }
	rest := func(b []byte) []byte { return b[min(from, len(b)):] }
	changed := func(err error) error {
		if len(contents) > 1 || len(allowed) > 1 {
			var c *oss.ChangedError
			if errors.As(err, &c) {
				return errChanged
			}
		}
		return err
	}
	allowed = append(allowed, errChanged)
	var got []byte
	var cut func([]byte) []byte
	verified := false
	get := func(opts *oss.GetOptions) func(context.Context) error {
		return func(ctx context.Context) error {
			obj, err := a.c.client.GetObject(ctx, a.bucket, key, opts)
			if err != nil {
				return err
			}
			defer obj.Body.Close()
			verified = obj.Verified
			got, err = a.readAll(obj.Body)
			return changed(err)
		}
	}
	var err error
	op := "GetObject"
	switch a.rnd.IntN(6) {
	case 0:
		cut = sub
		err = a.call(op, get(&oss.GetOptions{Offset: int64(from), Length: int64(length)}), allowed...)
	case 1:
		cut = last
		err = a.call(op, get(&oss.GetOptions{Suffix: int64(length)}), allowed...)
	case 2:
		op = "ReadAt"
		cut = sub
		err = a.call(op, func(ctx context.Context) error {
			r, err := a.c.client.OpenObject(ctx, a.bucket, key, nil)
			if err != nil {
				return err
			}
			defer r.Close()
			got = make([]byte, length)
			n, err := r.ReadAt(got, int64(from))
			if got = got[:n]; err == io.EOF && n < length {
				err = nil
			}
			return changed(err)
		}, allowed...)
	case 3:
		op = "Read"
		cut = rest
		if a.rnd.IntN(2) == 0 {
			from = 0
		}
		err = a.call(op, func(ctx context.Context) error {
			r, err := a.c.client.OpenObject(ctx, a.bucket, key, nil)
			if err != nil {
				return err
			}
			defer r.Close()
			if _, err := r.Seek(int64(from), io.SeekStart); err != nil {
				return err
			}
			verified = from == 0
			got, err = a.readAll(r)
			return changed(err)
		}, allowed...)
	default:
		cut = whole
		err = a.call(op, get(nil), allowed...)
		if err == nil && !verified {
			a.bad("the whole object %q was read without being verified", key)
		}
	}
	if err != nil || a.c.damaging && !verified {
		return
	}
	if !slices.ContainsFunc(contents, func(want []byte) bool { return bytes.Equal(got, cut(want)) }) {
		a.bad("%s of %q from %d, %d bytes, read %d bytes that are none of the object of %d", op, key, from, length,
			len(got), len(data))
	}
}

// errChanged stands for a ChangedError in a call that a rival disturbs.
var errChanged = errors.New("the object has changed")

// readAll is io.ReadAll with buffers of random sizes.
func (a *actor) readAll(r io.Reader) ([]byte, error) {
	var all []byte
	for {
		buf := make([]byte, 1+a.rnd.IntN(50_000))
		n, err := r.Read(buf)
		all = append(all, buf[:n]...)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

// list lists keys of which some come and go. After an error it continues where the listing ended.
func (a *actor) list() {
	a.keys++
	prefix := fmt.Sprintf("%slist-%d/", a.prefix, a.keys)
	stable := make(map[string][]byte)
	var churn []string
	for range a.rnd.IntN(40) {
		key := prefix + strings.TrimPrefix(a.newKey(), a.prefix)
		if a.rnd.IntN(3) == 0 {
			key = fmt.Sprintf("%sdir-%d/%d", prefix, a.rnd.IntN(4), a.keys)
		}
		if stable[key] = a.bytes(20); !a.calm && a.rnd.IntN(6) == 0 {
			delete(stable, key)
			churn = append(churn, key)
			continue
		}
		a.put(key, stable[key])
	}
	for i, key := range churn {
		time.AfterFunc(time.Duration(i*100)*time.Millisecond, func() { a.put(key, nil) })
	}
	delimiter := ""
	if a.rnd.IntN(2) == 0 {
		delimiter = "/"
	}
	roll := func(key string) string {
		if i := strings.Index(key[len(prefix):], "/"); i >= 0 && delimiter != "" {
			return key[:len(prefix)+i+1]
		}
		return key
	}
	// may says which entries a listing can have, and must which it has to.
	may, must := make(map[string]bool), make(map[string]bool)
	for key := range stable {
		may[roll(key)], must[roll(key)] = true, true
	}
	for _, key := range churn {
		may[roll(key)] = true
	}
	size := 1 + a.rnd.IntN(12)
	var seen []string
	op := "Objects"
	one := func(ctx context.Context) error {
		opts := &oss.ListObjectsOptions{Prefix: prefix, Delimiter: delimiter, PageSize: size, Owner: a.rnd.IntN(2) == 0}
		if len(seen) > 0 {
			opts.After = seen[len(seen)-1]
		}
		return collect(&seen, a.c.client.Objects(ctx, a.bucket, opts), func(e oss.ObjectEntry) string {
			if data, ok := stable[e.Key]; ok && !e.IsPrefix && int(e.Size) != len(data) {
				a.bad("%q is listed with %d bytes, want %d", e.Key, e.Size, len(data))
			}
			if e.IsPrefix != (delimiter != "" && strings.HasSuffix(e.Key, "/")) {
				a.bad("%q is listed as a prefix: %t", e.Key, e.IsPrefix)
			}
			return e.Key
		})
	}
	if a.rnd.IntN(3) == 0 && delimiter == "" {
		op = "ObjectVersions"
		var after oss.ObjectID
		one = func(ctx context.Context) error {
			opts := &oss.ListVersionsOptions{Prefix: prefix, PageSize: size, After: after}
			return collect(&seen, a.c.client.ObjectVersions(ctx, a.bucket, opts), func(v oss.ObjectVersion) string {
				after = v.ObjectID
				if o := a.c.srv.Versions(a.bucket, v.Key); len(o) != 1 || o[0].VersionID != v.VersionID || !v.IsLatest {
					a.bad("%q is listed with the version %q (newest: %t)", v.Key, v.VersionID, v.IsLatest)
				}
				return v.Key
			})
		}
	}
	for range 3 {
		err := a.call(op, one)
		if !slices.IsSorted(seen) || len(slices.Compact(slices.Clone(seen))) != len(seen) {
			a.bad("%s is not in order: %q", op, seen)
		}
		for _, key := range seen {
			if !may[key] {
				a.bad("%s lists %q, which does not exist", op, key)
			}
		}
		if err == nil {
			for key := range must {
				if !slices.Contains(seen, key) {
					a.bad("%s does not list %q among %q", op, key, seen)
				}
			}
			break
		}
	}
}

// collect appends the names of entries to seen, up to an error.
func collect[E any](seen *[]string, entries iter.Seq2[E, error], name func(E) string) error {
	for e, err := range entries {
		if err != nil {
			return err
		}
		*seen = append(*seen, name(e))
	}
	return nil
}
