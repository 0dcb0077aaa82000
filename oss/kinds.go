package oss

import (
	"fmt"
	"slices"
)

// The access settings. ACLDefault is for objects, which then have that of their bucket.
//
// See https://help.aliyun.com/en/oss/user-guide/overview-54
const (
	ACLDefault         ACL = "default"
	ACLPrivate         ACL = "private"
	ACLPublicRead      ACL = "public-read"
	ACLPublicReadWrite ACL = "public-read-write"
)

// check refuses an ACL that OSS does not know; empty leaves it to the bucket.
func (a ACL) check() error {
	return checkKind("ACL", a, ACLDefault, ACLPrivate, ACLPublicRead, ACLPublicReadWrite)
}

// The storage classes. Objects of the last three have to be restored before they can be read.
//
// See https://help.aliyun.com/en/oss/user-guide/overview-53
const (
	StorageStandard        StorageClass = "Standard"
	StorageIA              StorageClass = "IA" // infrequent access
	StorageArchive         StorageClass = "Archive"
	StorageColdArchive     StorageClass = "ColdArchive"
	StorageDeepColdArchive StorageClass = "DeepColdArchive"
)

// check refuses a class that OSS does not know; empty leaves it to the bucket.
func (s StorageClass) check() error {
	return checkKind("StorageClass", s,
		StorageStandard, StorageIA, StorageArchive, StorageColdArchive, StorageDeepColdArchive)
}

// Values of Encryption.Algorithm.
//
// See https://help.aliyun.com/en/oss/user-guide/server-side-encryption-8
const (
	EncryptAES256 = "AES256" // with keys of OSS
	EncryptKMS    = "KMS"    // with keys of Key Management Service
	EncryptSM4    = "SM4"    // with keys of OSS
)

// check refuses what OSS does not know.
func (e Encryption) check() error {
	if err := checkKind("Encryption.Algorithm", e.Algorithm, EncryptAES256, EncryptKMS, EncryptSM4); err != nil {
		return err
	}
	if err := checkKind("Encryption.DataAlgorithm", e.DataAlgorithm, EncryptAES256, EncryptSM4); err != nil {
		return err
	}
	if e.Algorithm != EncryptKMS && (e.KeyID != "" || e.DataAlgorithm != "") {
		return fmt.Errorf("oss: Encryption.KeyID and DataAlgorithm are for the Algorithm \"KMS\", not %q", e.Algorithm)
	}
	return nil
}

// checkKind refuses a value that is neither empty nor one of those known. A value that OSS has introduced since can be
// given as a header.
func checkKind[T ~string](field string, value T, known ...T) error {
	if value == "" || slices.Contains(known, value) {
		return nil
	}
	return fmt.Errorf("oss: %s %.80q is none of %q", field, value, known)
}
