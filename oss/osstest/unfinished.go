package osstest

import (
	"hash"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

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

// expects reports whether part number may come now: in a sequential upload only the next.
func (u *upload) expects(number int) bool { return !u.sequential || number == len(u.parts)+1 }

// An arrival is a part that joins an upload. Of a sequential upload, md5 is that of the parts up to
// and with this one.
type arrival struct {
	upload string // its ID
	part   *part
	md5    hash.Hash
}

// applyUploads is the part of apply that is about uploads.
func (s *store) applyUploads(c change) (freed garbage) {
	if c.begin != nil {
		s.uploads[c.begin.id] = c.begin
	}
	if c.part != nil {
		u := s.uploads[c.part.upload]
		if old := u.parts[c.part.part.number]; old != nil {
			freed = append(freed, old.content)
		}
		u.parts[c.part.part.number] = c.part.part
		if u.sequential {
			u.md5 = c.part.md5
		}
	}
	if u := s.uploads[c.end]; u != nil {
		delete(s.uploads, c.end)
		for _, p := range u.parts { // nobody else can reach them any more
			freed = append(freed, p.content)
		}
	}
	return freed
}

// upload returns the upload of that ID, if it is one to n. The caller holds the lock.
func (s *store) upload(n name, id string) (*upload, bool) {
	u, ok := s.uploads[id]
	return u, ok && u.name == n
}

// begin adds an upload.
func (s *store) begin(u *upload) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.commit(change{begin: u})
	return err
}

// An outcome is what became of a part.
type outcome int

const (
	done          outcome = iota // it is stored
	gone                         // the upload is no more
	outOfSequence                // another part came first
)

// setPart stores p in an upload that is still there, in place of any part of that number. Between
// the arrival of the first byte and of the last the upload may have been completed or aborted: then
// p is given up. So Complete and Abort see each part whole or not at all. Of a sequential upload,
// running is the MD5 up to and with p.
func (s *store) setPart(u *upload, p *part, running hash.Hash) (outcome, error) {
	s.mu.Lock()
	var freed garbage
	var err error
	_, there := s.upload(u.name, u.id)
	fits := there && u.expects(p.number)
	if fits {
		freed, err = s.commit(change{part: &arrival{u.id, p, running}})
	}
	s.mu.Unlock()
	freed.release()
	if err != nil || !fits {
		p.content.release()
	}
	switch {
	case !there:
		return gone, nil
	case !fits:
		return outOfSequence, nil
	}
	return done, err
}

// abort removes an upload and frees its parts.
func (s *store) abort(n name, id string) (found bool, err error) {
	s.mu.Lock()
	_, found = s.upload(n, id)
	var freed garbage
	if found {
		freed, err = s.commit(change{end: id})
	}
	s.mu.Unlock()
	freed.release()
	return found, err
}

// join makes an object of an upload, which is then no more. The object is what f returns, which is
// called with the lock held, so a part is in it as a whole or not at all, and only once; it has
// references of its own to its content.
func (s *store) join(n name, id string, f func(*upload) (*object, error)) (_ *object, found bool, err error) {
	s.mu.Lock()
	u, found := s.upload(n, id)
	if !found {
		s.mu.Unlock()
		return nil, false, nil
	}
	o, err := f(u)
	if err != nil {
		s.mu.Unlock()
		return nil, true, err
	}
	o.version = s.nextVersion(n, o.modified)
	freed, err := s.commit(change{put: o, end: id})
	s.mu.Unlock()
	freed.release() // parts that were not listed are gone with this
	if err != nil {
		o.content.release()
	}
	return o, true, err
}
