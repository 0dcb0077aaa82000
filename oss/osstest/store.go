package osstest

import (
	"encoding/hex"
	"hash"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// A store is what a Server knows. Its lock is held for bookkeeping only, never while bytes move.
type store struct {
	bodies storage

	mu      sync.Mutex
	objects map[name]*object
	uploads map[string]*upload // by ID
}

func (s *store) init(bodies storage) {
	s.bodies = bodies
	s.objects, s.uploads = make(map[name]*object), make(map[string]*upload)
}

// A name is where an object is.
type name struct{ bucket, key string }

// An object is a stored object. It never changes; a new one takes its place.
type object struct {
	name
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
		Parts: slices.Clone(o.parts), Time: o.modified,
	}
}

// open returns an object whose content is retained for the caller to read and release.
func (s *store) open(n name) (*object, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[n]
	if ok {
		o.content.retain()
	}
	return o, ok
}

// exists reports whether there is an object.
func (s *store) exists(n name) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.objects[n]
	return ok
}

// put makes o the object of its name. It fails, and o is given up, if there is one already and
// must not be overwritten.
func (s *store) put(o *object, keepOld bool) bool {
	s.mu.Lock()
	old, exists := s.objects[o.name]
	if exists && keepOld {
		s.mu.Unlock()
		o.content.release()
		return false
	}
	s.objects[o.name] = o
	s.mu.Unlock()
	if exists {
		old.content.release()
	}
	return true
}

// remove forgets an object, if there is one.
func (s *store) remove(n name) {
	s.mu.Lock()
	old, exists := s.objects[n]
	delete(s.objects, n)
	s.mu.Unlock()
	if exists {
		old.content.release()
	}
}

// An upload is an unfinished upload. The store's lock guards its parts.
type upload struct {
	name
	id         string
	header     http.Header
	initiated  time.Time
	parts      map[int]*part
	sequential bool
	md5        hash.Hash // of the parts so far, if they come in sequence
}

// A part is a stored part. It never changes; a new one takes its place.
type part struct {
	*stored
	number   int
	etag     string
	modified time.Time
}

func (p *part) export() oss.Part {
	return oss.Part{Number: p.number, ETag: p.etag, Size: p.size, CRC64: p.crc, LastModified: p.modified}
}

// sorted returns the parts by number.
func (u *upload) sorted() []*part {
	parts := make([]*part, 0, len(u.parts))
	for _, number := range slices.Sorted(maps.Keys(u.parts)) {
		parts = append(parts, u.parts[number])
	}
	return parts
}

// storageClass is that of the object to be.
func (u *upload) storageClass() string { return storageClass(u.header) }

// find returns the upload of that ID, if it is one to n. The caller holds the lock.
func (s *store) find(n name, id string) (*upload, bool) {
	u, ok := s.uploads[id]
	return u, ok && u.name == n
}

// begin adds an upload.
func (s *store) begin(u *upload) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uploads[u.id] = u
}

// setPart stores p in an upload that is still there, in place of any part of that number. Between
// the arrival of the first byte and of the last the upload may have been completed or aborted: then
// p is given up. So Complete and Abort see each part whole or not at all. Of a sequential upload,
// running is the MD5 up to and with p.
func (s *store) setPart(u *upload, p *part, running hash.Hash) outcome {
	s.mu.Lock()
	_, there := s.find(u.name, u.id)
	if !there || !u.expects(p.number) {
		s.mu.Unlock()
		p.content.release()
		if !there {
			return gone
		}
		return outOfSequence
	}
	old := u.parts[p.number]
	u.parts[p.number] = p
	if u.sequential {
		u.md5 = running
	}
	s.mu.Unlock()
	if old != nil {
		old.content.release()
	}
	return done
}

// An outcome is what became of a part.
type outcome int

const (
	done          outcome = iota // it is stored
	gone                         // the upload is no more
	outOfSequence                // another part came first
)

// expects reports whether part number may come now: in a sequential upload only the next.
func (u *upload) expects(number int) bool { return !u.sequential || number == len(u.parts)+1 }

// abort removes an upload and frees its parts.
func (s *store) abort(n name, id string) bool {
	s.mu.Lock()
	u, ok := s.find(n, id)
	if ok {
		delete(s.uploads, id)
	}
	s.mu.Unlock()
	if !ok {
		return false
	}
	for _, p := range u.parts { // nobody else can reach them any more
		p.content.release()
	}
	return true
}

// hexUpper is how OSS writes an MD5 in an ETag.
func hexUpper(sum []byte) string { return strings.ToUpper(hex.EncodeToString(sum)) }
