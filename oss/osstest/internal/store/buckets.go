package store

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss"
)

// A Bucket is the configuration of a bucket. It is written to the journal as JSON.
type Bucket struct {
	Name         string
	Versioning   string    `json:",omitempty"`     // "", VersioningEnabled or VersioningSuspended; never "" again
	Created      time.Time `json:"Made,omitzero"`  // zero for a bucket that no request created
	Deleted      bool      `json:"Gone,omitempty"` // by a request
	ACL          oss.ACL   `json:",omitempty"`     // "" is the default, as in the fields below
	StorageClass string    `json:",omitempty"`
	Redundancy   string    `json:",omitempty"`

	CORS       *ossxml.CORSConfiguration      `json:",omitempty"` // nil if there are no rules
	Encryption *ossxml.EncryptionRule         `json:",omitempty"` // of new objects; nil if there is none
	Lifecycle  *ossxml.LifecycleConfiguration `json:",omitempty"` // nil if there are no rules
	Tags       []ossxml.Tag                   `json:",omitempty"`
}

// Values of Bucket.Versioning.
const (
	VersioningEnabled   = "Enabled"
	VersioningSuspended = "Suspended"
)

// Bucket returns the configuration of a bucket: the zero value, with its Name, if there is none. A Store does not know
// which buckets exist.
func (s *Store) Bucket(name string) Bucket {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bucketLocked(name)
}

func (s *Store) bucketLocked(name string) Bucket {
	b := s.buckets[name]
	b.Name = name
	return b
}

// ChangeBucket lets f change the configuration of a bucket. It calls f with the lock held; an error of f changes
// nothing, and is returned.
func (s *Store) ChangeBucket(name string, f func(*Bucket) error) error {
	return s.update(func() (change, error) {
		b := s.bucketLocked(name)
		if err := f(&b); err != nil {
			return change{}, err
		}
		return change{bucket: &b}, nil
	})
}

// Errors of DeleteBucket.
var (
	// ErrHasObjects says that the bucket has objects, old versions or delete markers.
	ErrHasObjects = errors.New("bucket has objects")
	// ErrHasUploads says that the bucket has unfinished uploads.
	ErrHasUploads = errors.New("bucket has unfinished uploads")
)

// DeleteBucket resets the configuration of an empty bucket, and sets Deleted.
func (s *Store) DeleteBucket(name string) error {
	return s.ChangeBucket(name, func(b *Bucket) error {
		if s.objects[name] != nil {
			return ErrHasObjects
		}
		if s.uploadsByKey[name] != nil {
			return ErrHasUploads
		}
		*b = Bucket{Name: name, Deleted: true}
		return nil
	})
}

// BucketNames returns the names of all buckets that were configured and not deleted, or that have objects or uploads.
// They are in no order, and a name can occur more than once.
func (s *Store) BucketNames() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name, b := range s.buckets {
		if !b.Deleted {
			names = append(names, name)
		}
	}
	names = slices.AppendSeq(names, maps.Keys(s.objects))
	names = slices.AppendSeq(names, maps.Keys(s.uploadsByKey))
	return names
}
