package store

import (
	"crypto/md5"
	"errors"
	"hash"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// An Upload is an unfinished upload. Its exported fields never change.
type Upload struct {
	Name
	ID         string
	Header     http.Header // of the request that began it
	Initiated  time.Time
	Sequential bool // parts are accepted in order only

	parts map[int]*Part
	md5   hash.Hash // of all parts so far, if Sequential
}

// A Part is a stored part. It never changes; a later part with the same Number replaces it.
type Part struct {
	*Data
	Number   int
	ETag     string
	Modified time.Time
}

// Errors about uploads and parts.
var (
	// ErrNoUpload says that there is no such upload, or no longer.
	ErrNoUpload = errors.New("no such upload")
	// ErrPartExists says that a part of a sequential upload exists and cannot be replaced.
	ErrPartExists = errors.New("the part of a sequential upload exists")
	// ErrPartGap says that a part of a sequential upload is not the next one.
	ErrPartGap = errors.New("the part of a sequential upload is not the next one")
)

// Begin adds u, which has no parts yet.
func (s *Store) Begin(u *Upload) error {
	return s.update(func() (change, error) { return beginning(u), nil })
}

func beginning(u *Upload) change {
	u.parts = make(map[int]*Part)
	if u.Sequential {
		u.md5 = md5.New()
	}
	return change{begin: u}
}

// Upload returns an upload and its parts, by number. It fails with ErrNoUpload.
func (s *Store) Upload(n Name, id string) (*Upload, []*Part, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.lookUp(n, id)
	if err != nil {
		return nil, nil, err
	}
	return u, u.sorted(), nil
}

// lookUp returns an upload, or ErrNoUpload. The caller holds the lock.
func (s *Store) lookUp(n Name, id string) (*Upload, error) {
	if u, ok := s.uploads[id]; ok && u.Name == n {
		return u, nil
	}
	return nil, ErrNoUpload
}

// sorted returns the parts by number.
func (u *Upload) sorted() []*Part {
	parts := make([]*Part, 0, len(u.parts))
	for _, number := range slices.Sorted(maps.Keys(u.parts)) {
		parts = append(parts, u.parts[number])
	}
	return parts
}

// AllUploads returns all uploads, by bucket, key and ID.
func (s *Store) AllUploads() []*Upload {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*Upload
	for _, bucket := range slices.Sorted(maps.Keys(s.uploadsByKey)) {
		all = append(all, s.uploadsLocked(bucket)...)
	}
	return all
}

// Uploads returns the uploads of a bucket, by key and ID.
func (s *Store) Uploads(bucket string) []*Upload {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.uploadsLocked(bucket)
}

func (s *Store) uploadsLocked(bucket string) (all []*Upload) {
	for _, uploads := range s.uploadsByKey.bucket(bucket).all {
		all = append(all, uploads...)
	}
	return all
}

// Parts returns the parts of u, by number.
func (s *Store) Parts(u *Upload) []*Part {
	s.mu.Lock()
	defer s.mu.Unlock()
	return u.sorted()
}

// OpenPart returns an upload and one of its parts. The content of the part is retained; the caller releases it.
func (s *Store) OpenPart(n Name, id string, number int) (*Upload, *Part, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.lookUp(n, id)
	if err != nil || u.parts[number] == nil {
		return nil, nil, false
	}
	p := u.parts[number]
	p.Content.Retain()
	return u, p, true
}

// Expect returns the upload to which a part is about to be sent. For a sequential upload it also returns the MD5 of the
// parts so far, for the caller to continue. It fails with ErrNoUpload, ErrPartExists or ErrPartGap.
func (s *Store) Expect(n Name, id string, number int) (*Upload, hash.Hash, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.lookUp(n, id)
	if err != nil {
		return nil, nil, err
	}
	if err := u.accepts(number); err != nil || !u.Sequential {
		return u, nil, err
	}
	running, err := u.md5.(hash.Cloner).Clone()
	return u, running, err
}

// accepts returns nil if part number may be stored now. The caller holds the lock.
func (u *Upload) accepts(number int) error {
	switch {
	case !u.Sequential || number == len(u.parts)+1:
		return nil
	case u.parts[number] != nil:
		return ErrPartExists
	}
	return ErrPartGap
}

// SetPart stores p in place of any part with its number. For a sequential upload, running is the MD5 of the parts up to
// and including p. SetPart fails as Expect does: while p arrived, the upload may have been completed or aborted, so
// those see each part as a whole or not at all. It takes over the references to p.Content, and releases them if it
// fails.
func (s *Store) SetPart(n Name, id string, p *Part, running hash.Hash) error {
	err := s.update(func() (change, error) { return s.setting(n, id, p, running) })
	if err != nil {
		p.Content.Release()
	}
	return err
}

// setting returns the change that stores p. The caller holds the lock.
func (s *Store) setting(n Name, id string, p *Part, running hash.Hash) (change, error) {
	u, err := s.lookUp(n, id)
	if err != nil {
		return change{}, err
	}
	if err := u.accepts(p.Number); err != nil {
		return change{}, err
	}
	return change{part: &storedPart{u.ID, p, running}}, nil
}

// Redeliver stores p, a part of u, once more. If u no longer exists and revive is set, it begins again, with p as its
// only part; without revive nothing happens. These are two changes. Redeliver takes over the references to p.Content.
func (s *Store) Redeliver(u *Upload, p *Part, revive bool) error {
	err := s.update(func() (change, error) {
		if _, err := s.lookUp(u.Name, u.ID); err != nil && revive {
			again := *u
			if _, err := s.commit(beginning(&again)); err != nil { // frees nothing
				return change{}, err
			}
		}
		return s.setting(u.Name, u.ID, p, nil)
	})
	if err != nil {
		p.Content.Release()
	}
	if errors.Is(err, ErrNoUpload) {
		return nil
	}
	return err
}

// Abort removes an upload and its parts. It fails with ErrNoUpload.
func (s *Store) Abort(n Name, id string) error {
	return s.update(func() (change, error) {
		_, err := s.lookUp(n, id)
		return change{end: id}, err
	})
}

// Complete replaces an upload by the object that assemble returns, in one change. It calls assemble with the lock held,
// so that the object has each part as a whole or not at all. all are the parts by number, and sum is their MD5 if the
// upload is sequential. Complete fails with ErrNoUpload, with an error of assemble, and with ErrExists if forbid is set
// and Protects is true. It takes over the references of the object to its content, and releases them if it fails.
func (s *Store) Complete(n Name, id string, forbid bool,
	assemble func(u *Upload, all []*Part, sum []byte) (*Object, error)) (o *Object, err error) {

	err = s.update(func() (change, error) {
		u, err := s.lookUp(n, id)
		if err != nil {
			return change{}, err
		}
		var sum []byte
		if u.Sequential {
			sum = u.md5.Sum(nil)
		}
		assembled, err := assemble(u, u.sorted(), sum)
		if err != nil {
			return change{}, err
		}
		o = assembled
		if forbid && s.protectsLocked(n) {
			return change{}, ErrExists
		}
		o.VersionID = s.nextVersion(n, o.Modified)
		return change{put: o, end: id}, nil
	})
	if err != nil && o != nil {
		o.Content.Release()
	}
	return o, err
}

func (u *Upload) compareID(id string) int { return strings.Compare(u.ID, id) }

// A storedPart is a part on its way into an upload.
type storedPart struct {
	upload string // its ID
	part   *Part
	md5    hash.Hash // of the parts up to and including this one, if the upload is sequential
}

// applyUploads is the part of apply that concerns uploads.
func (s *Store) applyUploads(c change) (freed freedContents) {
	if c.begin != nil {
		s.uploads[c.begin.ID] = c.begin
		all := s.uploadsByKey.get(c.begin.Name)
		i, _ := slices.BinarySearchFunc(all, c.begin.ID, (*Upload).compareID)
		s.uploadsByKey.set(c.begin.Name, slices.Insert(all, i, c.begin))
	}
	if c.part != nil {
		u := s.uploads[c.part.upload]
		if old := u.parts[c.part.part.Number]; old != nil {
			freed = append(freed, old.Content)
		}
		u.parts[c.part.part.Number] = c.part.part
		if u.Sequential {
			u.md5 = c.part.md5
		}
	}
	if u := s.uploads[c.end]; u != nil {
		delete(s.uploads, c.end)
		all := s.uploadsByKey.get(u.Name)
		i, _ := slices.BinarySearchFunc(all, u.ID, (*Upload).compareID)
		s.uploadsByKey.set(u.Name, slices.Delete(all, i, i+1))
		for _, p := range u.parts {
			freed = append(freed, p.Content)
		}
	}
	return freed
}
