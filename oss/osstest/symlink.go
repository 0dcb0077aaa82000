package osstest

import (
	"crypto/md5"
	"net/http"
	"net/url"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss"
)

// symlink is the type of an object that leads to another.
const symlink = "Symlink"

// linkTarget is the header that says where a symbolic link leads, in canonical form.
const linkTarget = "X-Oss-Symlink-Target"

// putSymlink is PutSymlink. Whether there is anything at the target does not matter yet.
//
// See https://help.aliyun.com/en/oss/developer-reference/putsymlink
func (x *exchange) putSymlink() (*reply, error) {
	if err := x.checkNewObject(); err != nil {
		return nil, err
	}
	forbid, err := x.forbidsOverwrite()
	if err != nil {
		return nil, err
	}
	target := x.r.Header.Get(linkTarget)
	key, err := url.QueryUnescape(target)
	switch {
	case target == "": // see https://help.aliyun.com/en/oss/user-guide/0043-00000001
		return nil, invalidArgument("0043-00000001", "The x-oss-symlink-target header must be specified.",
			"x-oss-symlink-target", "")
	case err != nil:
		return nil, invalidArgument("", "The x-oss-symlink-target header must be URL-encoded.", "x-oss-symlink-target",
			target)
	}
	if err := checkKey(key); err != nil {
		return nil, err
	}
	sum := md5.Sum([]byte(target))
	o := &object{
		name: x.name(), kind: symlink, etag: quote(hexUpper(sum[:])), header: x.newHeader(),
		acl: oss.ACL(x.r.Header.Get("x-oss-object-acl")), modified: x.now(),
	}
	if err := x.store(o, forbid); err != nil {
		return nil, err
	}
	rep := newReply(http.StatusOK)
	rep.header.Set("ETag", o.etag)
	x.setVersion(rep.header, o)
	return rep, nil
}

// getSymlink is GetSymlink: the target is told as it was put.
//
// See https://help.aliyun.com/en/oss/developer-reference/getsymlink
func (x *exchange) getSymlink() (*reply, error) {
	o, err := x.openObject()
	if err != nil {
		return nil, err
	}
	defer o.content.release()
	if o.kind != symlink { // see https://help.aliyun.com/en/oss/user-guide/0043-00000101
		return nil, refuse(http.StatusBadRequest, "NotSymlink", "0043-00000101", "The object is not symlink.")
	}
	rep := newReply(http.StatusOK)
	rep.header.Set("ETag", o.etag)
	rep.header.Set("Last-Modified", o.modified.Format(http.TimeFormat))
	rep.header.Set("x-oss-symlink-target", o.header.Get(linkTarget))
	x.setVersion(rep.header, o)
	return rep, nil
}

// follow returns the object to read in the place of o, retained: o itself, or if that is a symbolic link
// the bytes of its target with the metadata of the link. A link itself has no content to be released.
//
// See https://help.aliyun.com/en/oss/developer-reference/getobject
func (x *exchange) follow(o *object) (*object, error) {
	if o.kind != symlink {
		return o, nil
	}
	t, ok := x.objects.open(o.target(), "")
	if ok && t.marker {
		t.content.release()
		ok = false
	}
	if !ok { // see https://help.aliyun.com/en/oss/user-guide/0026-00000012
		return nil, refuse(http.StatusNotFound, "SymlinkTargetNotExist", "0026-00000012",
			"The symlink target object does not exist",
			"Key", o.target().key)
	}
	if t.kind == symlink {
		t.content.release()
		return nil, refuse(http.StatusBadRequest, "InvalidTargetType", "", "The symbolic's target file type is invalid.")
	}
	if x.op.moves == sent {
		if err := x.checkReadable(t, ecFrozen); err != nil {
			t.content.release()
			return nil, err
		}
	}
	v := *o
	v.content, v.size, v.etag, v.md5, v.crc = t.content, t.size, t.etag, t.md5, t.crc
	if t.modified.After(v.modified) {
		v.modified = t.modified
	}
	return &v, nil
}

// target returns where a symbolic link leads.
func (o *object) target() name {
	key, _ := url.QueryUnescape(o.header.Get(linkTarget)) // which was looked at when it was put
	return name{o.bucket, key}
}

// copyLink answers a CopyObject whose source is a symbolic link: it is the link that is copied.
func (x *exchange) copyLink(src *object, header http.Header, forbid bool) (*reply, error) {
	header.Set(linkTarget, src.header.Get(linkTarget))
	o := &object{
		name: x.name(), kind: symlink, etag: src.etag, header: header,
		acl: oss.ACL(header.Get("x-oss-object-acl")), modified: x.now(),
	}
	if err := x.store(o, forbid); err != nil {
		return nil, err
	}
	rep := xmlReply(http.StatusOK, ossxml.CopiedObject{ETag: o.etag, LastModified: ossxml.Time{Time: o.modified}})
	rep.header.Set("ETag", o.etag)
	x.setVersion(rep.header, o)
	x.setSource(rep.header, src)
	return rep, nil
}
