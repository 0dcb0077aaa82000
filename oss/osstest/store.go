package osstest

import (
	"encoding/hex"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss"
)

// A store is what a Server knows. Its lock is held for bookkeeping only, never while bytes move.
//
// Objects, parts and bodies never change, so they can be read without the lock; buckets and uploads
// are guarded by it. What an operation needs:
//
//   - bucket and changeBucket look at a bucket and change it,
//   - open looks an object up and retains its content, to be released by the caller; current
//     does not retain, and is for those who only want to know,
//   - versions returns all there is in a bucket, in the order of ListObjectVersions, and objects
//     those of them that a list of objects shows,
//   - put adds a version, or replaces the object where the bucket has no versions,
//   - change puts something else in the place of one version: other tags, another ACL, more bytes,
//   - remove deletes as DeleteObject does: by a marker, or for good,
//   - begin, setPart, abort and join, in unfinished.go, make uploads grow and end.
//
// All that changes something makes it a change and commits it: so it is on disk, if the Server is
// to persist, before it is seen. What is added to an object, an upload or a part must be added to
// record.go too; a test sees to that.
type store struct {
	bodies  storage
	journal *journal // nil if nothing is to persist
	ids     *ids

	mu      sync.Mutex
	buckets map[string]bucketState // those of which there is something to tell
	history map[name][]*object
	uploads map[string]*upload // by ID
}

func (s *store) init(ids *ids) {
	s.ids = ids
	s.buckets, s.history, s.uploads = make(map[string]bucketState), make(map[name][]*object), make(map[string]*upload)
}

// A name is where an object is.
type name struct{ bucket, key string }

// A bucketState is what is known of a bucket, besides its objects. Its exported fields persist.
type bucketState struct {
	Name         string
	Versioning   string    `json:",omitempty"` // "", and never again, versioningEnabled or versioningSuspended
	Made         time.Time `json:",omitzero"`  // by PutBucket; zero if Options alone say that it exists
	Gone         bool      `json:",omitempty"` // by DeleteBucket, whatever Options say
	ACL          oss.ACL   `json:",omitempty"` // "" is private
	StorageClass string    `json:",omitempty"` // "" is that of Options
	Redundancy   string    `json:",omitempty"` // "" is LRS

	CORS       *ossxml.CORSConfiguration      `json:",omitempty"` // nil if there are no rules
	Encryption *ossxml.EncryptionRule         `json:",omitempty"` // of new objects; nil if there is none
	Lifecycle  *ossxml.LifecycleConfiguration `json:",omitempty"` // nil if there are no rules
	Tags       []ossxml.Tag                   `json:",omitempty"`
}

// States of a bucket that has or had versions.
const (
	versioningEnabled   = "Enabled"
	versioningSuspended = "Suspended"
)

// nullVersion is the ID of what was stored while the bucket had no versions, or had them suspended.
const nullVersion = "null"

// An object is a version of an object, or a delete marker. It never changes; a new one takes its place.
type object struct {
	name
	version  string // its ID
	marker   bool   // it says that the object was deleted; it has no content
	kind     string // as in x-oss-object-type
	content  content
	size     int64
	etag     string
	md5      []byte // of the content; nil if nobody computed it
	crc      uint64
	header   http.Header // as sent when it was created
	acl      oss.ACL
	parts    []oss.Part
	modified time.Time

	thawed, frozen time.Time // from when, and until when, an archived object that was restored can be read
}

// normalObject returns an object that was sent in one piece. It takes over the references of s.
func normalObject(n name, s *stored, header http.Header, now time.Time) *object {
	return &object{
		name: n, kind: "Normal", content: s.content, size: s.size,
		etag: s.etag(), md5: s.md5, crc: s.crc,
		header: header, acl: oss.ACL(header.Get("x-oss-object-acl")), modified: now,
	}
}

func (o *object) export() Object {
	return Object{
		Size: o.size, ETag: o.etag, CRC64: o.crc, Header: o.header.Clone(), ACL: o.acl,
		Parts: slices.Clone(o.parts), Time: o.modified, VersionID: o.version, DeleteMarker: o.marker,
	}
}

// A change is one step of a store. All of it happens, or nothing.
type change struct {
	bucket  *bucketState
	put     *object // is the newest version, in place of one of the same ID
	inPlace bool    // instead it does not become newer than it was
	drop    *object
	begin   *upload
	part    *arrival
	end     string // the ID of an upload that is no more
}

// commit makes c happen. The caller holds the lock, and releases what is returned without it. If c
// cannot be written down, nothing has happened.
func (s *store) commit(c change) (freed garbage, err error) {
	if s.journal != nil {
		if err := s.journal.append(c, s.snapshot); err != nil {
			return nil, err
		}
	}
	return s.apply(c), nil
}

// apply makes c happen in memory.
func (s *store) apply(c change) (freed garbage) {
	if c.bucket != nil {
		s.buckets[c.bucket.Name] = *c.bucket
	}
	if c.put != nil {
		all := s.history[c.put.name]
		i := indexOf(all, c.put.version)
		switch {
		case i < 0:
			all = append(all, c.put)
		case c.inPlace:
			freed = append(freed, all[i].content)
			all[i] = c.put
		default:
			freed = append(freed, all[i].content)
			all = append(slices.Delete(all, i, i+1), c.put)
		}
		s.history[c.put.name] = all
	}
	if c.drop != nil {
		all := s.history[c.drop.name]
		if i := indexOf(all, c.drop.version); i >= 0 {
			freed = append(freed, all[i].content)
			all = slices.Delete(all, i, i+1)
		}
		if s.history[c.drop.name] = all; len(all) == 0 {
			delete(s.history, c.drop.name)
		}
	}
	return append(freed, s.applyUploads(c)...)
}

// garbage is what nobody can reach any more.
type garbage []content

func (g garbage) release() {
	for _, c := range g {
		c.release()
	}
}

// indexOf returns where a version is among those of one key, or -1.
func indexOf(all []*object, version string) int {
	return slices.IndexFunc(all, func(o *object) bool { return o.version == version })
}

// bucket returns what is known of a bucket. It does not say whether the bucket exists.
func (s *store) bucket(name string) bucketState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bucketLocked(name)
}

func (s *store) bucketLocked(name string) bucketState {
	b := s.buckets[name]
	b.Name = name
	return b
}

// changeBucket lets f change what is known of a bucket. f is called with the lock held.
func (s *store) changeBucket(name string, f func(*bucketState) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.bucketLocked(name)
	if err := f(&b); err != nil {
		return err
	}
	_, err := s.commit(change{bucket: &b})
	return err
}

// find returns a version, or without an ID the newest, which may be a delete marker. The caller
// holds the lock.
func (s *store) find(n name, version string) (*object, bool) {
	all := s.history[n]
	i := len(all) - 1
	if version != "" {
		i = indexOf(all, version)
	}
	if i < 0 {
		return nil, false
	}
	return all[i], true
}

// open returns what find returns, and its content is retained for the caller to read and release.
func (s *store) open(n name, version string) (*object, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.find(n, version)
	if ok {
		o.content.retain()
	}
	return o, ok
}

// current returns the object as one sees it who asks for no version: a deleted one is none.
func (s *store) current(n name) (*object, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.currentLocked(n)
}

func (s *store) currentLocked(n name) (*object, bool) {
	o, ok := s.find(n, "")
	return o, ok && !o.marker
}

// errExists says that an object must not be overwritten.
var errExists = errors.New("object exists")

// protects reports whether n must not be written to by one who forbids to overwrite. Where there
// are versions nothing is overwritten, and nothing forbidden.
func (s *store) protects(n name) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.protectsLocked(n)
}

func (s *store) protectsLocked(n name) bool {
	_, exists := s.currentLocked(n)
	return exists && s.buckets[n.bucket].Versioning == ""
}

// put stores o, whose version it sets. It fails with errExists if overwriting is forbidden and
// would happen. Whenever it fails, o is given up.
func (s *store) put(o *object, forbid bool) error {
	s.mu.Lock()
	var freed garbage
	err := errExists
	if !forbid || !s.protectsLocked(o.name) {
		o.version = s.nextVersion(o.name, o.modified)
		freed, err = s.commit(change{put: o})
	}
	s.mu.Unlock()
	freed.release()
	if err != nil {
		o.content.release()
	}
	return err
}

// nextVersion returns the ID of a version to be added. The caller holds the lock.
func (s *store) nextVersion(n name, now time.Time) string {
	if s.buckets[n.bucket].Versioning != versioningEnabled {
		return nullVersion
	}
	var newest uint64
	for _, o := range slices.Backward(s.history[n]) {
		if newest = stampOf(o.version); newest != 0 {
			break
		}
	}
	return s.ids.version(now, newest)
}

// change lets f replace a version, or without an ID the newest: f is called with the lock held, gets
// nil if there is none, and returns what is to be stored. If that has no version, it becomes a new
// one; else it must have the version f was given, and stays in its place. It has references of its
// own to its content, which are released if it cannot be stored.
func (s *store) change(n name, version string, f func(old *object) (*object, error)) error {
	s.mu.Lock()
	old, _ := s.find(n, version)
	o, err := f(old)
	if err != nil {
		s.mu.Unlock()
		return err
	}
	c := change{put: o, inPlace: o.version != ""}
	if o.version == "" {
		o.version = s.nextVersion(n, o.modified)
	}
	freed, err := s.commit(c)
	s.mu.Unlock()
	freed.release()
	if err != nil {
		o.content.release()
	}
	return err
}

// remove deletes a version for good. Without an ID it removes the object where there are no
// versions, and elsewhere hides it behind a delete marker. It returns what was removed or added,
// nil if there was nothing to do.
func (s *store) remove(n name, version string, now time.Time) (*object, error) {
	s.mu.Lock()
	var c change
	state := s.buckets[n.bucket].Versioning
	o, exists := s.find(n, version)
	switch {
	case version != "" || state == "":
		c.drop = o
	default:
		o = &object{name: n, version: s.nextVersion(n, now), marker: true, modified: now}
		c.put, exists = o, true
	}
	if !exists {
		s.mu.Unlock()
		return nil, nil
	}
	freed, err := s.commit(c)
	s.mu.Unlock()
	freed.release()
	return o, err
}

// versions returns all versions and delete markers in a bucket: keys ascend, and of one key the
// newest comes first.
func (s *store) versions(bucket string) []*object {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*object
	for _, n := range s.names(bucket) {
		for _, o := range slices.Backward(s.history[n]) {
			all = append(all, o)
		}
	}
	return all
}

// objects returns the objects in a bucket by key: of each the newest version, if it is no marker.
func (s *store) objects(bucket string) []*object {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*object
	for _, n := range s.names(bucket) {
		if o, ok := s.currentLocked(n); ok {
			all = append(all, o)
		}
	}
	return all
}

// names returns the names in a bucket by key. The caller holds the lock.
func (s *store) names(bucket string) []name {
	names := slices.Collect(maps.Keys(s.history))
	names = slices.DeleteFunc(names, func(n name) bool { return n.bucket != bucket })
	slices.SortFunc(names, func(a, b name) int { return strings.Compare(a.key, b.key) })
	return names
}

// hexUpper is how OSS writes an MD5 in an ETag.
func hexUpper(sum []byte) string { return strings.ToUpper(hex.EncodeToString(sum)) }
