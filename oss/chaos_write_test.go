package oss_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// This file has the roles of a chaos that change what OSS holds.

// write makes an object in one of three ways.
func (a *actor) write() {
	key, want := a.newKey(), a.bytes(2000)
	var before []byte
	if a.rnd.IntN(3) == 0 {
		before = []byte("an older object")
		a.put(key, before)
	}
	opts := &oss.ObjectOptions{ForbidOverwrite: a.rnd.IntN(3) == 0}
	forbidden := opts.ForbidOverwrite && before != nil && a.bucket != "versioned"
	var allowed []error
	if forbidden {
		allowed = append(allowed, oss.ErrAlreadyExists)
	}
	check := func(op string, err error) {
		switch {
		case err == nil && forbidden:
			a.bad("%s overwrote %q, which was forbidden", op, key)
		case err == nil:
			a.wantContent(op, key, err, want)
		case a.mayBeDamaged(err, opts.Checksum):
		default:
			a.wantContent(op, key, err, want, before)
		}
	}
	switch a.rnd.IntN(4) {
	case 0:
		source := a.newKey()
		a.put(source, want)
		check("CopyObject", a.call("CopyObject", func(ctx context.Context) error {
			_, err := a.c.client.CopyObject(ctx, a.bucket, key, oss.CopySource{Bucket: a.bucket, Key: source},
				&oss.CopyOptions{Object: opts})
			return err
		}, allowed...))
	case 1:
		target := a.newKey()
		err := a.call("PutSymlink", func(ctx context.Context) error {
			_, err := a.c.client.PutSymlink(ctx, a.bucket, key, target, opts)
			return err
		}, allowed...)
		o, _ := a.c.srv.Stat(a.bucket, key)
		got, escapeErr := url.QueryUnescape(o.Header.Get("x-oss-symlink-target"))
		if stored := got == target; err == nil && (!stored || forbidden) || escapeErr != nil {
			a.bad("PutSymlink %q to %q succeeded, and the link leads to %q (%v)", key, target, got, escapeErr)
		} else if !stored {
			a.wantContent("PutSymlink", key, err, before)
		}
	default:
		opts.Checksum = oss.Checksum(a.rnd.IntN(2))
		check("PutObject", a.call("PutObject", func(ctx context.Context) error {
			result, err := a.c.client.PutObject(ctx, a.bucket, key, bytes.NewReader(want), opts)
			if o, ok := a.c.srv.Stat(a.bucket, key); err == nil && (!ok || result.CRC64 != o.CRC64) {
				a.bad("PutObject reported the CRC-64 %d, and the object has %d", result.CRC64, o.CRC64)
			}
			return err
		}, allowed...))
	}
}

// mayBeDamaged reports whether OSS may have stored damaged bytes in a call that failed with err. Only a Content-MD5
// lets OSS refuse them; the CRC-64 of a reply tells the caller.
func (a *actor) mayBeDamaged(err error, sum oss.Checksum) bool {
	return err != nil && sum != oss.ChecksumMD5 && a.c.struck("Corrupt")
}

// append adds to one object again and again, beside a rival in some calls.
func (a *actor) append() {
	key := a.prefix + "log"
	a.bucket = "bucket"
	before := a.stored(key)
	chunk, position := append(a.bytes(1500), 1), int64(len(before))
	stale := position > 0 && a.rnd.IntN(8) == 0
	if stale { // as a program does that has lost track
		position = a.rnd.Int64N(position)
	}
	opts := &oss.AppendOptions{Checksum: oss.Checksum(a.rnd.IntN(2))}
	if o, ok := a.c.srv.Stat(a.bucket, key); ok && !stale && a.rnd.IntN(2) == 0 {
		opts.CRC64 = &o.CRC64
	}
	var rival []byte
	allowed := []error{}
	if stale {
		allowed = append(allowed, oss.ErrPosition)
	}
	if !a.calm && !stale && a.rnd.IntN(4) == 0 {
		rival = append(a.bytes(100), 2)
		allowed = append(allowed, oss.ErrPosition)
		ctx, cancel := context.WithTimeout(a.c.t.Context(), time.Second)
		defer cancel()
		time.AfterFunc(time.Duration(a.rnd.IntN(300))*time.Millisecond, func() {
			o, _ := a.c.srv.Stat(a.bucket, key)
			a.c.client.AppendObject(ctx, a.bucket, key, o.Size, bytes.NewReader(rival), nil) // may fail
		})
	}
	var result *oss.AppendResult
	err := a.call("AppendObject", func(ctx context.Context) (err error) {
		result, err = a.c.client.AppendObject(ctx, a.bucket, key, position, bytes.NewReader(chunk), opts)
		return err
	}, allowed...)
	now := a.stored(key)
	if opts.Checksum != oss.ChecksumMD5 && opts.CRC64 == nil && position > 0 && a.c.struck("Corrupt") {
		return // nothing verifies the bytes
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(append([][]byte{before}, parts...), nil) }
	with := [][]byte{join(chunk), join(chunk, rival), join(rival, chunk)}
	without := [][]byte{join(), join(rival)}
	is := func(all [][]byte) bool {
		return slices.ContainsFunc(all, func(want []byte) bool { return bytes.Equal(now, want) })
	}
	end := position + int64(len(chunk))
	damaged := a.mayBeDamaged(err, opts.Checksum)
	switch {
	case stale && (err == nil || !bytes.Equal(now, before)):
		a.bad("AppendObject at %d = %v, and the object had %d bytes and has %d", position, err, len(before), len(now))
	case err == nil && (!is(with) || result.NextPosition != end || !bytes.Equal(now[position:end], chunk)):
		a.bad("AppendObject of %d bytes at %d = %+v, and the object has %d bytes",
			len(chunk), position, result, len(now))
	case err == nil && result.CRC64 != 0 && int64(len(now)) == end && !a.c.struck("WrongCRC64"):
		if o, _ := a.c.srv.Stat(a.bucket, key); result.CRC64 != o.CRC64 {
			a.bad("AppendObject reported the CRC-64 %d, and the object has %d", result.CRC64, o.CRC64)
		}
	case err != nil && !damaged && !is(with) && !is(without):
		a.bad("after AppendObject of %d bytes at %d = %v the object of %d bytes has %d", len(chunk), position, err,
			len(before), len(now))
	}
}

// delete makes objects and deletes some of them, or versions of them.
func (a *actor) delete() {
	n := 1 + a.rnd.IntN(20)
	if a.rnd.IntN(20) == 0 {
		n += 1000 // several requests
	}
	var objects []oss.ObjectID
	stay := make(map[string]bool) // keys
	for range n {
		key := a.newKey()
		switch a.rnd.IntN(6) {
		case 0: // a key that does not exist
		case 1:
			stay[key] = true
			a.put(key, []byte("stays"))
			continue
		default:
			a.put(key, []byte("old"))
			if a.rnd.IntN(4) == 0 {
				a.put(key, []byte("new"))
			}
		}
		id := oss.ObjectID{Key: key}
		if all := a.c.srv.Versions(a.bucket, key); len(all) > 0 && a.rnd.IntN(3) == 0 {
			id.VersionID = all[a.rnd.IntN(len(all))].VersionID
		}
		objects = append(objects, id)
	}
	if len(objects) == 0 {
		return
	}
	if a.rnd.IntN(3) == 0 {
		o := objects[0]
		err := a.call("DeleteObject", func(ctx context.Context) error {
			return a.c.client.DeleteObject(ctx, a.bucket, o.Key, &oss.DeleteOptions{VersionID: o.VersionID})
		})
		a.wantDeleted("DeleteObject", o, err)
	} else {
		var results []oss.DeletedObject
		err := a.call("DeleteObjects", func(ctx context.Context) (err error) {
			results, err = a.c.client.DeleteObjects(ctx, a.bucket, objects, &oss.DeleteObjectsOptions{
				Markers: a.rnd.IntN(2) == 0, Concurrency: a.rnd.IntN(3),
			})
			return err
		})
		failed := false
		for i, r := range results {
			if r.ObjectID != objects[i] {
				a.bad("DeleteObjects has the result of %+v for %+v", r.ObjectID, objects[i])
			}
			failed = failed || r.Err != nil
			a.wantDeleted("DeleteObjects", r.ObjectID, r.Err)
		}
		if len(results) != len(objects) || failed != (err != nil) {
			a.bad("DeleteObjects of %d objects has %d results, and fails (%t) with: %v", len(objects), len(results),
				failed, err)
		}
	}
	for key := range stay {
		a.wantContent("a deletion of other keys", key, nil, []byte("stays"))
	}
}

// wantDeleted checks that an object or a version is gone if err is nil, and that nothing else is.
func (a *actor) wantDeleted(op string, id oss.ObjectID, err error) {
	all := a.c.srv.Versions(a.bucket, id.Key)
	if id.VersionID == "" {
		if gone := len(all) == 0 || all[0].DeleteMarker; err == nil && !gone {
			a.bad("%s %q succeeded, and the object is there", op, id.Key)
		}
		for _, v := range all {
			if v.DeleteMarker && a.bucket != "versioned" {
				a.bad("%s %q made a delete marker in a bucket without versions", op, id.Key)
			}
		}
		return
	}
	is := func(v osstest.Object) bool { return v.VersionID == id.VersionID }
	if err == nil && slices.ContainsFunc(all, is) {
		a.bad("%s %+v succeeded, and the version is there", op, id)
	}
	if slices.ContainsFunc(all, func(v osstest.Object) bool { return v.DeleteMarker }) {
		a.bad("%s %+v made a delete marker", op, id)
	}
}

// edit changes and reads what belongs to an object besides its content.
func (a *actor) edit() {
	key, data := a.newKey(), a.bytes(500)
	a.put(key, data)
	state := func() osstest.Object {
		o, _ := a.c.srv.Stat(a.bucket, key)
		return o
	}
	tags := func() string { return state().Header.Get("x-oss-tagging") }
	// changes makes a call that changes a value, of which get returns the text.
	changes := func(op string, get func() string, want string, f func(context.Context) error) {
		before := get()
		err := a.call(op, f)
		if now := get(); now != want && (err == nil || now != before) {
			a.bad("%s of %q = %v, and the value is %q, which was %q and was to become %q", op,
				key, err, now, before, want)
		}
		a.wantContent(op, key, err, data)
	}
	// reads makes a call that reads the text of a value.
	reads := func(op, want string, f func(context.Context) (string, error)) {
		var got string
		err := a.call(op, func(ctx context.Context) (err error) {
			got, err = f(ctx)
			return err
		})
		if err == nil && got != want {
			a.bad("%s of %q is %q, want %q", op, key, got, want)
		}
	}
	for range 3 {
		n := fmt.Sprint(a.rnd.IntN(100))
		switch a.rnd.IntN(7) {
		case 0:
			changes("PutObjectTagging", tags, "n="+n, func(ctx context.Context) error {
				return a.c.client.PutObjectTagging(ctx, a.bucket, key, map[string]string{"n": n}, nil)
			})
		case 1:
			changes("DeleteObjectTagging", tags, "", func(ctx context.Context) error {
				return a.c.client.DeleteObjectTagging(ctx, a.bucket, key, nil)
			})
		case 2:
			reads("GetObjectTagging", tags(), func(ctx context.Context) (string, error) {
				all, err := a.c.client.GetObjectTagging(ctx, a.bucket, key, nil)
				q := make(url.Values)
				for name, value := range all {
					q.Set(name, value)
				}
				return q.Encode(), err
			})
		case 3:
			acl := []oss.ACL{oss.ACLPrivate, oss.ACLPublicRead}[a.rnd.IntN(2)]
			now := func() string { return string(state().ACL) }
			changes("PutObjectACL", now, string(acl), func(ctx context.Context) error {
				return a.c.client.PutObjectACL(ctx, a.bucket, key, acl, nil)
			})
		case 4:
			want := state().ACL
			if want == "" {
				want = oss.ACLDefault
			}
			reads("GetObjectACL", string(want), func(ctx context.Context) (string, error) {
				acl, err := a.c.client.GetObjectACL(ctx, a.bucket, key, nil)
				if err != nil {
					return "", err
				}
				return string(acl.ACL), nil
			})
		case 5:
			tagged, acl := tags(), state().ACL
			meta := func() string { return state().Header.Get("x-oss-meta-n") }
			changes("SetObjectMeta", meta, n, func(ctx context.Context) error {
				_, err := a.c.client.SetObjectMeta(ctx, a.bucket, key, func(o *oss.ObjectOptions) {
					if o.Metadata == nil {
						o.Metadata = make(map[string]string)
					}
					o.Metadata["n"] = n
				}, nil)
				return err
			})
			now := state().ACL
			if tags() != tagged || now != acl && (acl != "" || now != oss.ACLDefault) {
				a.bad("SetObjectMeta of %q left the tags %q and the ACL %q, which were %q and %q", key, tags(), now,
					tagged, acl)
			}
		default:
			there := a.rnd.IntN(2) == 0
			name := key
			if !there {
				name += "-absent"
			}
			reads("Exists", fmt.Sprint(there), func(ctx context.Context) (string, error) {
				exists, err := a.c.client.Exists(ctx, a.bucket, name, nil)
				return fmt.Sprint(exists), err
			})
		}
	}
}

// own creates, configures and deletes a bucket.
func (a *actor) own() {
	bucket := "chaos-" + strings.Trim(a.prefix, "/")
	exists := func() bool {
		return slices.ContainsFunc(a.c.srv.Buckets(), func(b osstest.Bucket) bool { return b.Name == bucket })
	}
	err := a.call("PutBucket", func(ctx context.Context) error { return a.c.client.PutBucket(ctx, bucket, nil) })
	if err == nil && !exists() {
		a.bad("PutBucket succeeded, and there is no bucket")
	}
	if !exists() {
		return
	}
	there := false
	if err := a.call("BucketExists", func(ctx context.Context) (err error) {
		there, err = a.c.client.BucketExists(ctx, bucket, nil)
		return err
	}); err == nil && !there {
		a.bad("BucketExists is false")
	}
	put := a.call("PutBucketLifecycle", func(ctx context.Context) error {
		return a.c.client.PutBucketLifecycle(ctx, bucket,
			[]oss.LifecycleRule{{ID: "r", AbortUploads: oss.Age{Days: 3}}}, nil)
	})
	var rules []oss.LifecycleRule
	got := a.call("GetBucketLifecycle", func(ctx context.Context) (err error) {
		rules, err = a.c.client.GetBucketLifecycle(ctx, bucket, nil)
		return err
	}, oss.ErrNoSuchLifecycle)
	if got == nil && (len(rules) != 1 || rules[0].ID != "r" || rules[0].AbortUploads.Days != 3) ||
		put == nil && errors.Is(got, oss.ErrNoSuchLifecycle) {
		a.bad("PutBucketLifecycle = %v, and GetBucketLifecycle = %+v, %v", put, rules, got)
	}
	put = a.call("PutBucketVersioning", func(ctx context.Context) error {
		return a.c.client.PutBucketVersioning(ctx, bucket, oss.VersioningSuspended, nil)
	})
	var state oss.Versioning
	got = a.call("GetBucketVersioning", func(ctx context.Context) (err error) {
		state, err = a.c.client.GetBucketVersioning(ctx, bucket, nil)
		return err
	})
	if got == nil && put == nil && state != oss.VersioningSuspended {
		a.bad("PutBucketVersioning succeeded, and GetBucketVersioning = %q", state)
	}
	if a.rnd.IntN(4) == 0 {
		a.c.srv.PutObject(bucket, "k", nil)
	}
	full := len(a.c.srv.Objects(bucket)) > 0 // perhaps since an earlier round
	allowed := []error{}
	if full {
		allowed = append(allowed, oss.ErrBucketNotEmpty)
	}
	err = a.call("DeleteBucket", func(ctx context.Context) error {
		return a.c.client.DeleteBucket(ctx, bucket, nil)
	}, allowed...)
	if err == nil && exists() {
		a.bad("DeleteBucket succeeded, and the bucket is there")
	}
	if full && !exists() {
		a.bad("DeleteBucket = %v deleted a bucket with an object", err)
	}
}
