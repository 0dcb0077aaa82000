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

// Limits of names. A bucket has at least 3 bytes in OSS itself; shorter ones are left to the service
// to refuse, since private installations and test servers have them.
const (
	maxBucketName = 63
	maxKeyBytes   = 1023
)

var (
	regionForm    = regexp.MustCompile(`^[a-z]+-[a-z0-9]+(-[a-z0-9]+)*$`)
	bucketForm    = regexp.MustCompile(`^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$`)
	newBucketForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
)

// checkRegion wants the general form, "cn-hangzhou". Regions come and go, so none is looked up in a list.
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

// checkBucket refuses names that cannot be a label of a host. Buckets of the first years have underscores. The alias of
// an access point is the name of a bucket in every respect.
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

// checkNewBucket refuses to create what OSS does not create any more.
func (r *Request) checkNewBucket() error {
	creates := r.Method == http.MethodPut && r.Bucket != "" && r.Key == "" && len(r.Query) == 0
	if creates && !newBucketForm.MatchString(r.Bucket) {
		return fmt.Errorf("oss: bucket name %q of a new bucket is not made of a-z, 0-9 and inner hyphens only", r.Bucket)
	}
	return nil
}

// checkKey refuses keys that OSS cannot hold.
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

// CheckObjectName refuses a bucket or a key that no object can have, as every method does before its first request: a
// bucket is 1 to 63 of a-z, 0-9 and inner hyphens and underscores, a key 1 to 1,023 bytes of UTF-8 that do not begin
// with a slash or a backslash. The bucket may be the alias of an access point. OSS creates buckets with an underscore
// no longer.
func CheckObjectName(bucket, key string) error { return cmp.Or(checkBucket(bucket), checkKey(key)) }
