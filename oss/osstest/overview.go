package osstest

import (
	"slices"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// A Bucket is a bucket and what is in it.
type Bucket struct {
	Name         string
	Created      time.Time        // by PutBucket; otherwise when the Server started
	StorageClass oss.StorageClass // of objects that say nothing else
	ACL          oss.ACL
	Versioning   string // "", "Enabled" or "Suspended"
	Objects      int    // all versions, without delete markers
	Size         int64  // bytes of these
	Uploads      int    // unfinished
}

// Buckets returns the buckets that ListBuckets lists and those of Options.RequesterPays, sorted by name.
func (s *Server) Buckets() []Bucket {
	names := slices.Concat(s.opts.Buckets, s.opts.PublicBuckets, s.opts.RequesterPays, s.objects.named())
	slices.Sort(names)
	var all []Bucket
	for _, name := range slices.Compact(names) {
		state := s.described(name)
		if !s.exists(state) {
			continue
		}
		b := Bucket{
			Name: name, Created: state.Made, StorageClass: oss.StorageClass(state.StorageClass),
			ACL: state.ACL, Versioning: state.Versioning,
		}
		if b.Created.IsZero() {
			b.Created = s.born
		}
		for _, o := range s.objects.versions(name) {
			if !o.marker {
				b.Objects++
				b.Size += o.size
			}
		}
		b.Uploads = s.objects.countUploads(name)
		all = append(all, b)
	}
	return all
}

// countUploads returns how many unfinished uploads a bucket has.
func (s *store) countUploads(bucket string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, n := s.countLocked(bucket)
	return n
}
