package osstest

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss"
)

// isOpen reports whether an anonymous request may do what it asks for. An object that has an ACL of
// its own goes by that, otherwise the bucket's decides.
//
// See https://help.aliyun.com/en/oss/user-guide/overview-of-bucket-acl
func (x *exchange) isOpen() bool {
	acl := x.objects.bucket(x.bucket).ACL
	if slices.Contains(x.opts.PublicBuckets, x.bucket) {
		acl = cmp.Or(acl, "public-read-write")
	}
	if x.key != "" {
		o, ok := x.objects.current(x.name())
		if ok && o.kind == symlink && x.op.name != "GetSymlink" && x.op.needs == reading { // who reads through a link needs both
			if target, ok := x.objects.current(o.target()); ok && !grants(x.op.needs, target.ownACL(acl)) {
				return false
			}
		}
		if ok {
			acl = o.ownACL(acl)
		}
	}
	return grants(x.op.needs, acl)
}

// ownACL returns the ACL of o, or that of its bucket if it has none of its own.
func (o *object) ownACL(bucket oss.ACL) oss.ACL {
	if o.acl == "default" {
		return bucket
	}
	return cmp.Or(o.acl, bucket)
}

// grants reports whether an ACL lets everybody do something.
func grants(needs access, acl oss.ACL) bool {
	switch needs {
	case reading:
		return acl == "public-read" || acl == "public-read-write"
	case writing:
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
	err = x.objects.changeBucket(x.bucket, func(b *bucketState) error {
		b.ACL = acl
		return nil
	})
	return newReply(http.StatusOK), err
}

// bucketACL is GetBucketAcl.
//
// See https://help.aliyun.com/en/oss/developer-reference/getbucketacl
func (x *exchange) bucketACL() (*reply, error) {
	b := x.described(x.bucket)
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
	return x.changeObject(http.StatusOK, func(o *object) error {
		o.acl = oss.ACL(acl)
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
	defer o.content.release()
	rep := xmlReply(http.StatusOK, ossxml.AccessControl{Owner: *owner(), Grant: string(cmp.Or(o.acl, "default"))})
	x.setVersion(rep.header, o)
	return rep, nil
}

// changeObject lets f change what is said of the object that is asked for, or of a version of it.
// Its content and the time it was last modified stay.
func (x *exchange) changeObject(status int, f func(*object) error) (*reply, error) {
	seen, err := x.openObject() // for the refusals, which are those of reading
	if err != nil {
		return nil, err
	}
	defer seen.content.release()
	err = x.objects.change(x.name(), seen.version, func(old *object) (*object, error) {
		if old == nil {
			return nil, noSuchKey(x.key) // deleted meanwhile
		}
		o := *old
		if err := f(&o); err != nil {
			return nil, err
		}
		o.content.retain()
		return &o, nil
	})
	if err != nil {
		return nil, err
	}
	rep := newReply(status)
	x.setVersion(rep.header, seen)
	return rep, nil
}
