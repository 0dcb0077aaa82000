package osstest

import (
	"cmp"
	"net/http"

	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// bucketWithDefaults returns what is known of a bucket, with every default spelled out.
func (s *Server) bucketWithDefaults(name string) store.Bucket {
	b := s.objects.Bucket(name)
	b.StorageClass = cmp.Or(b.StorageClass, s.opts.StorageClass)
	return withDefaults(b)
}

// newHeader returns the headers of a new object: those of the request, and the storage class and the
// encryption of its bucket where the request has none of its own.
func (x *exchange) newHeader() http.Header { return x.addBucketDefaults(x.r.Header.Clone()) }

// addBucketDefaults adds to the headers of a new object what its bucket says of new objects. A Standard object
// in a Standard bucket needs no header.
func (x *exchange) addBucketDefaults(h http.Header) http.Header {
	b := x.bucketWithDefaults(x.bucket)
	if h.Get("x-oss-storage-class") == "" && b.StorageClass != "Standard" {
		h.Set("x-oss-storage-class", b.StorageClass)
	}
	if h.Get(encryptionHeaders[0]) == "" && b.Encryption != nil {
		rule := b.Encryption.Default
		for i, value := range []string{rule.SSEAlgorithm, rule.KMSMasterKeyID, rule.KMSDataEncryption} {
			if value != "" {
				h.Set(encryptionHeaders[i], value)
			}
		}
	}
	return h
}
