package oss

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Limits of names in bytes. OSS itself requires at least 3 bytes for a bucket. Shorter names are sent, since private
// installations and test servers have them.
const (
	maxBucketName = 63
	maxKeyBytes   = 1023
)

var (
	regionForm    = regexp.MustCompile(`^[a-z]+-[a-z0-9]+(-[a-z0-9]+)*$`)
	bucketForm    = regexp.MustCompile(`^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$`)
	newBucketForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
)

// checkRegion checks the form of a region, for example "cn-hangzhou". It does not compare the region with a list,
// because OSS adds regions.
func checkRegion(region string) error {
	if general, ok := strings.CutSuffix(region, "-internal"); ok {
		return fmt.Errorf("oss: region %q is the name of an endpoint; the region is %q: "+
			"set Config.EndpointKind to InternalEndpoint", region, general)
	}
	if !regionForm.MatchString(region) {
		return fmt.Errorf("oss: region %q does not look like \"cn-hangzhou\"", region)
	}
	return nil
}

// checkBucket refuses names that cannot be part of a host name. Old buckets have underscores. The alias of an access
// point is a valid bucket name.
//
// See https://help.aliyun.com/en/oss/user-guide/bucket-naming-conventions
func checkBucket(bucket string) error {
	switch {
	case bucket == "":
		return errors.New("oss: bucket name is empty")
	case strings.HasPrefix(bucket, "acs:") || strings.HasPrefix(bucket, "arn:"):
		return fmt.Errorf("oss: bucket name %.120q is an ARN, which OSS does not take: "+
			"use the alias of the access point, or the bucket", bucket)
	case len(bucket) > maxBucketName:
		return fmt.Errorf("oss: bucket name %.80q has %d bytes, more than %d", bucket, len(bucket), maxBucketName)
	case !bucketForm.MatchString(bucket):
		return fmt.Errorf("oss: bucket name %q is not made of a-z, 0-9 and inner hyphens and underscores only", bucket)
	}
	return nil
}

// checkNewBucket refuses to create a bucket with a name that OSS accepts only for existing ones.
func (r *Request) checkNewBucket() error {
	creates := r.Method == http.MethodPut && r.Bucket != "" && r.Key == "" && len(r.Query) == 0
	if creates && !newBucketForm.MatchString(r.Bucket) {
		return fmt.Errorf("oss: bucket name %q of a new bucket is not made of a-z, 0-9 and inner hyphens only",
			r.Bucket)
	}
	return nil
}

// checkKey refuses keys that OSS does not accept.
//
// See https://help.aliyun.com/en/oss/user-guide/object-naming-conventions
func checkKey(key string) error {
	switch {
	case key == "":
		return errors.New("oss: key is empty")
	case len(key) > maxKeyBytes:
		return fmt.Errorf("oss: key %.40q... has %d bytes, more than %d", key, len(key), maxKeyBytes)
	case !utf8.ValidString(key):
		return fmt.Errorf("oss: key %q is not valid UTF-8", key)
	case key[0] == '/', key[0] == '\\':
		return fmt.Errorf("oss: key %.40q begins with a slash", key)
	}
	return nil
}

// CheckObjectName returns an error for an invalid bucket name or key. Every method of a Client calls it before its
// first request. A bucket name has 1 to 63 characters of a-z, 0-9 and inner hyphens and underscores; OSS creates no new
// buckets with underscores. The alias of an access point is valid too. A key has 1 to 1,023 bytes of UTF-8 and does not
// start with a slash or a backslash.
func CheckObjectName(bucket, key string) error { return cmp.Or(checkBucket(bucket), checkKey(key)) }
