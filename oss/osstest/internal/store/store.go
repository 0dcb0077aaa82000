// Package store is the storage of an osstest.Server: buckets, versions of objects, and unfinished uploads with their
// parts. It knows neither requests nor replies.
//
//	st, err := store.Open(store.Options{})
//	w, err := st.NewBody(size)  // an io.Writer
//	content, err := w.Keep()
//	err = st.Put(&store.Object{Name: store.Name{Bucket: "b", Key: "k"}, Content: content, ...}, false)
//
// # Bodies and references
//
// The bytes of a request are a body: in memory, in a temporary file or in a file of Options.Dir. A Content is a list of
// runs of bodies, so copies and completed uploads link bodies instead of copying bytes. References to bodies are
// counted: each Content that is stored, or that a caller reads, holds one to each of its bodies, and a body is removed
// after the last Release. A method that stores a Content takes over the caller's references, also when it fails.
//
// # Changes
//
// Every method that modifies a Store makes one change, which happens as a whole or not at all. With Options.Persist the
// change is appended to a journal before it is visible: see datadir.go, journal.go, and record.go for the format. A new
// field of Object, Upload or Part must be added to record.go too; a test fails otherwise.
//
// A Store is safe for concurrent use. Its lock is held for bookkeeping only, never while bytes move.
package store

import (
	"errors"
	"sync"
	"time"
)

// A Store holds buckets, objects and uploads. Objects and parts never change, so they are read without the lock.
type Store struct {
	IDs     IDs // the source of identifiers, which requests use too
	bodies  bodyStore
	dataDir *dataDir // nil without Options.Persist

	mu      sync.Mutex // guards the maps, the values of buckets, and the unexported fields of uploads
	buckets map[string]Bucket
	objects listsByKey[*Object] // the versions of each object, the newest last
	uploads map[string]*Upload  // by ID

	uploadsByKey listsByKey[*Upload] // the same uploads, those of a key by ID
}

// Options shape a Store.
type Options struct {
	Dir       string // directory of the bodies; "" keeps them in memory and in temporary files
	Persist   bool   // Dir holds the whole state, which the next Store continues with
	Sync      bool   // with Persist: a change is on the disk when the method that makes it returns
	SpillSize int64  // bytes; without Dir, larger bodies go to temporary files; 0 is 8 MiB, negative is no limit

	Time time.Time // seeds the IDs
}

// Open returns a Store. With Options.Persist it has the state that an earlier Store left in Options.Dir; the error is
// then also one of a directory that is in use, incomplete or damaged.
func Open(o Options) (*Store, error) {
	s := &Store{
		buckets: make(map[string]Bucket), objects: make(listsByKey[*Object]), uploads: make(map[string]*Upload),
		uploadsByKey: make(listsByKey[*Upload]),
	}
	var err error
	if !o.Persist {
		s.IDs.seed(o.Time, 0)
		s.bodies, err = openBodies(o)
		return s, err
	}
	if o.Dir == "" {
		return nil, errors.New("Options.Persist needs a Dir")
	}
	if s.dataDir, err = s.openDataDir(o.Dir, o.Sync); err != nil {
		return nil, err
	}
	s.bodies = s.dataDir.bodies
	s.IDs.seed(o.Time, s.dataDir.generation)
	return s, nil
}

// Close removes all bodies or, with Options.Persist, lets another Store use Options.Dir. Nothing can be stored
// afterwards. Close may be called again.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.bodies.clear()
	if s.dataDir != nil && !s.dataDir.closed {
		s.dataDir.closed = true
		err = errors.Join(err, s.dataDir.close())
	}
	return err
}

// A change is one step of a Store. Its fields may be combined; the zero change changes nothing.
type change struct {
	bucket  *Bucket
	put     *Object // replaces the version with the same ID, and becomes the newest version
	inPlace bool    // put keeps the place of the version that it replaces
	drop    *Object
	begin   *Upload
	part    *storedPart
	end     string // ID of an upload that was aborted or completed
}

// update makes the change that f returns. It calls f with the lock held.
func (s *Store) update(f func() (change, error)) error {
	s.mu.Lock()
	c, err := f()
	var freed freedContents
	if err == nil && c != (change{}) {
		freed, err = s.commit(c)
	}
	s.mu.Unlock()
	freed.release() // may remove files, so without the lock
	return err
}

// commit writes c to the journal and applies it. The caller holds the lock, and releases the freed contents without it.
// If c cannot be written, nothing has happened.
func (s *Store) commit(c change) (freedContents, error) {
	if s.dataDir != nil {
		if err := s.dataDir.journal.append(c, s.snapshot); err != nil {
			return nil, err
		}
	}
	return s.apply(c), nil
}

// apply makes c in memory. It returns the contents that became unreachable.
func (s *Store) apply(c change) freedContents {
	if c.bucket != nil {
		s.buckets[c.bucket.Name] = *c.bucket
	}
	return append(s.applyObjects(c), s.applyUploads(c)...)
}

// freedContents are contents that the Store no longer refers to.
type freedContents []Content

func (f freedContents) release() {
	for _, c := range f {
		c.Release()
	}
}
