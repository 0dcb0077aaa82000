package osstest

import (
	"crypto/md5"
	"net/http"
	"net/url"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// symlink is the x-oss-object-type of a symbolic link.
const symlink = "Symlink"

// linkTarget is the canonical name of the header with the target of a symbolic link.
const linkTarget = "X-Oss-Symlink-Target"

// putSymlink is PutSymlink. The target need not exist.
//
// See https://help.aliyun.com/en/oss/developer-reference/putsymlink
func (x *exchange) putSymlink() (*reply, error) {
	if err := x.checkNewObject(); err != nil {
		return nil, err
	}
	forbid, err := x.forbidOverwrite()
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
	o := &store.Object{
		Name: x.name(), Type: symlink, ETag: etagOf(sum[:]), Header: x.newHeader(),
		ACL: oss.ACL(x.r.Header.Get("x-oss-object-acl")), Modified: x.now(),
	}
	if err := x.put(o, forbid); err != nil {
		return nil, err
	}
	rep := newReply(http.StatusOK)
	rep.header.Set("ETag", o.ETag)
	x.setVersion(rep.header, o)
	return rep, nil
}

// getSymlink is GetSymlink, which returns the target as it was sent.
//
// See https://help.aliyun.com/en/oss/developer-reference/getsymlink
func (x *exchange) getSymlink() (*reply, error) {
	o, err := x.openObject()
	if err != nil {
		return nil, err
	}
	defer o.Content.Release()
	if o.Type != symlink { // see https://help.aliyun.com/en/oss/user-guide/0043-00000101
		return nil, refuse(http.StatusBadRequest, "NotSymlink", "0043-00000101", "The object is not symlink.")
	}
	rep := newReply(http.StatusOK)
	rep.header.Set("ETag", o.ETag)
	rep.header.Set("Last-Modified", o.Modified.Format(http.TimeFormat))
	rep.header.Set("x-oss-symlink-target", o.Header.Get(linkTarget))
	x.setVersion(rep.header, o)
	return rep, nil
}

// follow returns o, or if o is a symbolic link, an object with the content of its target and the metadata of the link.
// The caller releases the content of the result; a link has none.
//
// See https://help.aliyun.com/en/oss/developer-reference/getobject
func (x *exchange) follow(o *store.Object) (*store.Object, error) {
	if o.Type != symlink {
		return o, nil
	}
	t, ok := x.objects.Open(targetOf(o), "")
	if ok && t.DeleteMarker {
		t.Content.Release()
		ok = false
	}
	if !ok { // see https://help.aliyun.com/en/oss/user-guide/0026-00000012
		return nil, refuse(http.StatusNotFound, "SymlinkTargetNotExist", "0026-00000012",
			"The symlink target object does not exist",
			"Key", targetOf(o).Key)
	}
	if t.Type == symlink {
		t.Content.Release()
		return nil, refuse(http.StatusBadRequest, "InvalidTargetType", "",
			"The symbolic's target file type is invalid.")
	}
	if x.op.body == contentReply {
		if err := x.checkReadable(t, ecFrozen); err != nil {
			t.Content.Release()
			return nil, err
		}
	}
	v := *o
	v.Content, v.Size, v.ETag, v.MD5, v.CRC64 = t.Content, t.Size, t.ETag, t.MD5, t.CRC64
	if t.Modified.After(v.Modified) {
		v.Modified = t.Modified
	}
	return &v, nil
}

// targetOf returns the target of a symbolic link.
func targetOf(o *store.Object) store.Name {
	key, _ := url.QueryUnescape(o.Header.Get(linkTarget)) // checked by putSymlink
	return store.Name{Bucket: o.Bucket, Key: key}
}

// copyLink is CopyObject of a symbolic link, which copies the link.
func (x *exchange) copyLink(src *store.Object, header http.Header, forbid bool) (*reply, error) {
	header.Set(linkTarget, src.Header.Get(linkTarget))
	o := &store.Object{
		Name: x.name(), Type: symlink, ETag: src.ETag, Header: header,
		ACL: oss.ACL(header.Get("x-oss-object-acl")), Modified: x.now(),
	}
	if err := x.put(o, forbid); err != nil {
		return nil, err
	}
	rep := xmlReply(http.StatusOK, ossxml.CopiedObject{ETag: o.ETag, LastModified: ossxml.Time{Time: o.Modified}})
	rep.header.Set("ETag", o.ETag)
	x.setVersion(rep.header, o)
	x.setSourceVersion(rep.header, src)
	return rep, nil
}
