package osstest

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// allowsAnonymous reports whether the request is permitted without a signature, by the ACL of the object, or by that of
// the bucket if the object has none.
//
// See https://help.aliyun.com/en/oss/user-guide/overview-of-bucket-acl
func (x *exchange) allowsAnonymous() bool {
	acl := x.objects.Bucket(x.bucket).ACL
	if slices.Contains(x.opts.PublicBuckets, x.bucket) {
		acl = cmp.Or(acl, "public-read-write")
	}
	if x.key != "" {
		o, ok := x.objects.Current(x.name())
		if ok && o.Type == symlink && x.op.name != "GetSymlink" && x.op.access == readAccess { // link and target count
			if target, ok := x.objects.Current(targetOf(o)); ok && !grants(x.op.access, effectiveACL(target, acl)) {
				return false
			}
		}
		if ok {
			acl = effectiveACL(o, acl)
		}
	}
	return grants(x.op.access, acl)
}

// effectiveACL returns the ACL of o, or that of its bucket if it has none of its own.
func effectiveACL(o *store.Object, bucket oss.ACL) oss.ACL {
	if o.ACL == "default" {
		return bucket
	}
	return cmp.Or(o.ACL, bucket)
}

// grants reports whether an ACL grants access to anonymous requests.
func grants(want access, acl oss.ACL) bool {
	switch want {
	case readAccess:
		return acl == "public-read" || acl == "public-read-write"
	case writeAccess:
		return acl == "public-read-write"
	}
	return false
}

// putBucketACL is PutBucketAcl.
//
// See https://help.aliyun.com/en/oss/developer-reference/putbucketacl
func (x *exchange) putBucketACL() (*reply, error) {
	acl, err := x.newBucketACL()
	if err != nil {
		return nil, err
	}
	if acl == "" {
		return nil, invalidArgument("0015-00000204", "no such bucket access control exists", "x-oss-acl", "")
	}
	err = x.objects.ChangeBucket(x.bucket, func(b *store.Bucket) error {
		b.ACL = acl
		return nil
	})
	return newReply(http.StatusOK), err
}

// bucketACL is GetBucketAcl.
//
// See https://help.aliyun.com/en/oss/developer-reference/getbucketacl
func (x *exchange) bucketACL() (*reply, error) {
	b := x.bucketWithDefaults(x.bucket)
	return xmlReply(http.StatusOK, ossxml.AccessControl{Owner: *owner(), Grant: string(b.ACL)}), nil
}

// putObjectACL is PutObjectACL.
//
// See https://help.aliyun.com/en/oss/developer-reference/putobjectacl
func (x *exchange) putObjectACL() (*reply, error) {
	acl := x.r.Header.Get("x-oss-object-acl")
	if acl == "" {
		return nil, missingArgument("x-oss-object-acl")
	}
	if err := x.checkACL(); err != nil {
		return nil, err
	}
	return x.changeObject(http.StatusOK, func(o *store.Object) error {
		o.ACL = oss.ACL(acl)
		return nil
	})
}

// objectACL is GetObjectACL.
//
// See https://help.aliyun.com/en/oss/developer-reference/getobjectacl
func (x *exchange) objectACL() (*reply, error) {
	o, err := x.openObject()
	if err != nil {
		return nil, err
	}
	defer o.Content.Release()
	rep := xmlReply(http.StatusOK, ossxml.AccessControl{Owner: *owner(), Grant: string(cmp.Or(o.ACL, "default"))})
	x.setVersion(rep.header, o)
	return rep, nil
}

// changeObject lets f change properties of the addressed version of the object. Its content and its modification time
// stay.
func (x *exchange) changeObject(status int, f func(*store.Object) error) (*reply, error) {
	seen, err := x.openObject() // for its refusals
	if err != nil {
		return nil, err
	}
	defer seen.Content.Release()
	err = x.objects.Change(x.name(), seen.VersionID, func(old *store.Object) (*store.Object, error) {
		if old == nil {
			return nil, noSuchKey(x.key) // deleted in the meantime
		}
		o := *old
		if err := f(&o); err != nil {
			return nil, err
		}
		o.Content.Retain()
		return &o, nil
	})
	if err != nil {
		return nil, err
	}
	rep := newReply(status)
	x.setVersion(rep.header, seen)
	return rep, nil
}
