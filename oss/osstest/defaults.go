package osstest

import (
	"cmp"
	"net/http"

	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// bucketWithDefaults returns the configuration of a bucket with the defaults of Options and OSS for empty fields.
func (s *Server) bucketWithDefaults(name string) store.Bucket {
	b := s.objects.Bucket(name)
	b.StorageClass = cmp.Or(b.StorageClass, s.opts.StorageClass)
	return withDefaults(b)
}

// newHeader returns the header of a new object: that of the request, and the storage class and the encryption of its
// bucket unless the request sets them.
func (x *exchange) newHeader() http.Header { return x.addBucketDefaults(x.r.Header.Clone()) }

// addBucketDefaults adds the storage class and the encryption of the bucket to the header of a new object. The class
// Standard needs no header.
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
