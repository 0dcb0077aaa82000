package osstest

import (
	"slices"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// A Bucket is the configuration of a bucket and a summary of its content.
type Bucket struct {
	Name         string
	Created      time.Time        // by PutBucket, or when the Server was started
	StorageClass oss.StorageClass // default of its objects
	ACL          oss.ACL
	Versioning   string // "", "Enabled" or "Suspended"
	Objects      int    // number of versions, without delete markers
	Size         int64  // bytes of these versions
	Uploads      int    // number of unfinished uploads
}

// Buckets returns the buckets that ListBuckets lists, and those of Options.RequesterPays, sorted by name.
func (s *Server) Buckets() []Bucket {
	names := slices.Concat(s.opts.Buckets, s.opts.PublicBuckets, s.opts.RequesterPays, s.objects.BucketNames())
	slices.Sort(names)
	var all []Bucket
	for _, name := range slices.Compact(names) {
		state := s.bucketWithDefaults(name)
		if !s.exists(state) {
			continue
		}
		b := Bucket{
			Name: name, Created: state.Created, StorageClass: oss.StorageClass(state.StorageClass),
			ACL: state.ACL, Versioning: state.Versioning,
		}
		if b.Created.IsZero() {
			b.Created = s.startTime
		}
		for _, o := range s.objects.Versions(name) {
			if !o.DeleteMarker {
				b.Objects++
				b.Size += o.Size
			}
		}
		b.Uploads = len(s.objects.Uploads(name))
		all = append(all, b)
	}
	return all
}
