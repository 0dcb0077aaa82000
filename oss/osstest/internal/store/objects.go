package store

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// A Name is the bucket and the key of an object.
type Name struct{ Bucket, Key string }

// An Object is a version of an object, or a delete marker. It never changes once it is stored.
type Object struct {
	Name
	VersionID    string // set by the Store
	DeleteMarker bool   // the version says that the object was deleted, and has no content
	Type         string // x-oss-object-type
	Content      Content
	Size         int64 // bytes of Content
	ETag         string
	MD5          []byte // of Content; nil if unknown
	CRC64        uint64 // of Content
	Header       http.Header
	ACL          oss.ACL    // "" is the default
	Parts        []oss.Part // of a completed upload
	Modified     time.Time

	// When the content of an archived object can be read, if it was ever restored.
	ReadableFrom, ReadableUntil time.Time
}

// NullVersion is the ID of a version that is stored while the bucket has no versions, or has them suspended.
const NullVersion = "null"

// ErrExists says that an object exists and must not be overwritten.
var ErrExists = errors.New("object exists")

// Open returns the version with an ID, or the newest version without one, which can be a delete marker. Its content is
// retained; the caller releases it.
func (s *Store) Open(n Name, version string) (*Object, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.find(n, version)
	if ok {
		o.Content.Retain()
	}
	return o, ok
}

// Current returns the newest version of an object, unless that is a delete marker. Its content is not retained and must
// not be read.
func (s *Store) Current(n Name) (*Object, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.currentLocked(n)
}

func (s *Store) currentLocked(n Name) (*Object, bool) {
	o, ok := s.find(n, "")
	return o, ok && !o.DeleteMarker
}

// find returns the version with an ID, or the newest version without one. The caller holds the lock.
func (s *Store) find(n Name, version string) (*Object, bool) {
	all := s.objects.get(n)
	i := len(all) - 1
	if version != "" {
		i = indexOf(all, version)
	}
	if i < 0 {
		return nil, false
	}
	return all[i], true
}

// indexOf returns the index of a version, or -1.
func indexOf(all []*Object, version string) int {
	return slices.IndexFunc(all, func(o *Object) bool { return o.VersionID == version })
}

// Protects reports whether a request that forbids to overwrite must not write to n. A bucket with versions protects
// nothing, because there a write adds a version.
func (s *Store) Protects(n Name) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.protectsLocked(n)
}

func (s *Store) protectsLocked(n Name) bool {
	_, exists := s.currentLocked(n)
	return exists && s.buckets[n.Bucket].Versioning == ""
}

// Put stores o as the newest version, and sets its VersionID. With forbid it fails with ErrExists if Protects is true.
// It takes over the references to o.Content, and releases them if it fails.
func (s *Store) Put(o *Object, forbid bool) error {
	err := s.update(func() (change, error) {
		if forbid && s.protectsLocked(o.Name) {
			return change{}, ErrExists
		}
		o.VersionID = s.nextVersion(o.Name, o.Modified)
		return change{put: o}, nil
	})
	if err != nil {
		o.Content.Release()
	}
	return err
}

// nextVersion returns the ID of a new version. The caller holds the lock.
func (s *Store) nextVersion(n Name, now time.Time) string {
	if s.buckets[n.Bucket].Versioning != VersioningEnabled {
		return NullVersion
	}
	var newest uint64
	for _, o := range slices.Backward(s.objects.get(n)) {
		if newest = VersionStamp(o.VersionID); newest != 0 {
			break
		}
	}
	return s.IDs.versionID(now, newest)
}

// Change lets f replace the version with an ID, or the newest version without one. It calls f with the lock held and
// with nil if there is no such version. An object that f returns without a VersionID becomes a new version; otherwise
// it must have the VersionID of old, and takes its place. Change takes over the references of the new object to its
// content, and releases them if it fails.
func (s *Store) Change(n Name, version string, f func(old *Object) (*Object, error)) error {
	var o *Object
	err := s.update(func() (change, error) {
		old, _ := s.find(n, version)
		var err error
		if o, err = f(old); err != nil {
			o = nil
			return change{}, err
		}
		if o.VersionID != "" {
			return change{put: o, inPlace: true}, nil
		}
		o.VersionID = s.nextVersion(n, o.Modified)
		return change{put: o}, nil
	})
	if err != nil && o != nil {
		o.Content.Release()
	}
	return err
}

// Remove removes the version with an ID. Without one it removes the object, or adds a delete marker in a bucket with
// versions. It returns the version that was removed or added, nil if there was nothing to remove.
func (s *Store) Remove(n Name, version string, now time.Time) (o *Object, err error) {
	err = s.update(func() (change, error) {
		if version == "" && s.buckets[n.Bucket].Versioning != "" {
			o = &Object{Name: n, VersionID: s.nextVersion(n, now), DeleteMarker: true, Modified: now}
			return change{put: o}, nil
		}
		o, _ = s.find(n, version)
		return change{drop: o}, nil
	})
	return o, err
}

// applyObjects is the part of apply that concerns objects.
func (s *Store) applyObjects(c change) (freed freedContents) {
	if c.put != nil {
		all := s.objects.get(c.put.Name)
		i := indexOf(all, c.put.VersionID)
		switch {
		case i < 0:
			all = append(all, c.put)
		case c.inPlace:
			freed = append(freed, all[i].Content)
			all[i] = c.put
		default:
			freed = append(freed, all[i].Content)
			all = append(slices.Delete(all, i, i+1), c.put)
		}
		s.objects.set(c.put.Name, all)
	}
	if c.drop != nil {
		all := s.objects.get(c.drop.Name)
		if i := indexOf(all, c.drop.VersionID); i >= 0 {
			freed = append(freed, all[i].Content)
			all = slices.Delete(all, i, i+1)
		}
		s.objects.set(c.drop.Name, all)
	}
	return freed
}

// History returns the versions of an object, delete markers included, the newest first.
func (s *Store) History(n Name) []*Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.Clone(s.objects.get(n))
	slices.Reverse(all)
	return all
}

// Versions returns all versions and delete markers in a bucket, in the order of ListVersions.
func (s *Store) Versions(bucket string) []*Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*Object
	for _, versions := range s.objects.bucket(bucket).all {
		for _, o := range slices.Backward(versions) {
			all = append(all, o)
		}
	}
	return all
}

// Objects returns the Current version of every object in a bucket, by key.
func (s *Store) Objects(bucket string) []*Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*Object
	for _, versions := range s.objects.bucket(bucket).all {
		if o := versions[len(versions)-1]; !o.DeleteMarker {
			all = append(all, o)
		}
	}
	return all
}
