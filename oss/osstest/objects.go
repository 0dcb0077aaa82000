package osstest

import (
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// name returns the name of the addressed object.
func (x *exchange) name() store.Name { return store.Name{Bucket: x.bucket, Key: x.key} }

// now returns the time in whole seconds, as OSS stores it.
func (s *Server) now() time.Time { return s.opts.Now().UTC().Truncate(time.Second) }

// normalObject returns an object whose content was sent in one request. It takes over the references of s.
func normalObject(n store.Name, s *store.Data, header http.Header, now time.Time) *store.Object {
	return &store.Object{
		Name: n, Type: "Normal", Content: s.Content, Size: s.Size,
		ETag: etagOf(s.MD5), MD5: s.MD5, CRC64: s.CRC64,
		Header: header, ACL: oss.ACL(header.Get("x-oss-object-acl")), Modified: now,
	}
}

// putObject is PutObject.
//
// See https://help.aliyun.com/en/oss/developer-reference/putobject
func (x *exchange) putObject() (*reply, error) {
	if err := x.checkNewObject(); err != nil {
		return nil, err
	}
	forbid, err := x.forbidOverwrite()
	if err != nil {
		return nil, err
	}
	if forbid && x.objects.Protects(x.name()) {
		return nil, alreadyExists(ecExists)
	}
	s, err := x.receive(newDigest())
	if err != nil {
		return nil, err
	}
	o := normalObject(x.name(), s, x.newHeader(), x.now())
	if err := x.put(o, forbid); err != nil {
		return nil, err // another request may have created the object while the body arrived
	}
	rep := newReply(http.StatusOK)
	rep.object = o
	setSums(rep.header, s)
	x.setVersion(rep.header, o)
	setEncryption(rep.header, o.Header)
	return rep, nil
}

// getObject is GetObject.
//
// See https://help.aliyun.com/en/oss/developer-reference/getobject
func (x *exchange) getObject() (*reply, error) {
	o, err := x.openContent()
	if err != nil {
		return nil, err
	}
	rep, err := x.readObject(o)
	if err != nil || rep.body == nil {
		o.Content.Release()
	}
	return rep, err
}

// readObject returns the reply with the content of o, or with the requested range of it.
func (x *exchange) readObject(o *store.Object) (*reply, error) {
	if err := x.checkReadable(o, ecFrozen); err != nil {
		return nil, err
	}
	if unchanged, err := checkConditions(x.r.Header, "", o); err != nil || unchanged {
		return notModified(o), err
	}
	span, partial, err := parseRange(x.r.Header.Get("Range"), o.Size,
		x.r.Header.Get("x-oss-range-behavior") == "standard")
	if err != nil {
		return nil, err
	}
	rep := newReply(http.StatusOK)
	setObject(rep.header, o)
	x.setVersion(rep.header, o)
	x.setRestore(rep.header, o)
	if partial {
		rep.status = http.StatusPartialContent
		rep.header.Set("Content-Range", span.contentRange(o.Size))
		rep.header.Del("Content-MD5") // that of the whole object
	}
	x.overrideHeaders(rep.header)
	rep.size = span.size
	r := o.Content.Slice(span.offset, span.size).Reader()
	rep.body = &releasingBody{r, o.Content}
	return rep, nil
}

// A releasingBody is the body of a reply that releases its content when it is closed.
type releasingBody struct {
	io.ReadCloser
	content store.Content
}

func (r *releasingBody) Close() error {
	defer r.content.Release()
	return r.ReadCloser.Close()
}

// headObject is HeadObject.
//
// See https://help.aliyun.com/en/oss/developer-reference/headobject
func (x *exchange) headObject() (*reply, error) {
	o, err := x.openContent()
	if err != nil {
		return nil, err
	}
	defer o.Content.Release()
	if unchanged, err := checkConditions(x.r.Header, "", o); err != nil || unchanged {
		return notModified(o), err
	}
	rep := newReply(http.StatusOK)
	setObject(rep.header, o)
	x.setVersion(rep.header, o)
	x.setRestore(rep.header, o)
	rep.header.Set("Content-Length", strconv.FormatInt(o.Size, 10))
	return rep, nil
}

// objectMeta is GetObjectMeta, which is HEAD with fewer headers.
//
// See https://help.aliyun.com/en/oss/developer-reference/getobjectmeta
func (x *exchange) objectMeta() (*reply, error) {
	o, err := x.openObject()
	if err != nil {
		return nil, err
	}
	defer o.Content.Release()
	rep := newReply(http.StatusOK)
	setMeta(rep.header, o)
	x.setVersion(rep.header, o)
	rep.header.Set("Content-Length", strconv.FormatInt(o.Size, 10))
	return rep, nil
}

// deleteObject is DeleteObject, which succeeds without an object.
//
// See https://help.aliyun.com/en/oss/developer-reference/deleteobject
func (x *exchange) deleteObject() (*reply, error) {
	version, err := x.version()
	if err != nil {
		return nil, err
	}
	o, err := x.objects.Remove(x.name(), version, x.now())
	if err != nil {
		return nil, err
	}
	rep := newReply(http.StatusNoContent)
	switch {
	case o != nil && o.DeleteMarker: // it was added or removed
		x.setDeleteMarker(rep.header, o)
	case version != "":
		rep.header.Set("x-oss-version-id", version)
	}
	return rep, nil
}

// copyObject is CopyObject.
//
// See https://help.aliyun.com/en/oss/developer-reference/copyobject
func (x *exchange) copyObject() (*reply, error) {
	if err := x.checkNewObject(); err != nil {
		return nil, err
	}
	forbid, err := x.forbidOverwrite()
	if err != nil {
		return nil, err
	}
	src, unchanged, err := x.openSource()
	if err != nil {
		return nil, err
	}
	defer src.Content.Release()
	if unchanged {
		return notModified(src), nil
	}
	if err := x.checkReadable(src, ecFrozenSource); err != nil {
		return nil, err
	}
	if err := checkCopySize(src.Size); err != nil {
		return nil, err
	}
	header, err := x.copiedHeader(src)
	if err != nil {
		return nil, err
	}
	header = x.addBucketDefaults(header)
	if src.Type == symlink {
		return x.copyLink(src, header, forbid)
	}
	s, err := x.link(src.Content, 0, src.Size)
	if err != nil {
		return nil, err
	}
	o := normalObject(x.name(), s, header, x.now())
	if err := x.put(o, forbid); err != nil {
		return nil, err
	}
	rep := xmlReply(http.StatusOK, ossxml.CopiedObject{ETag: o.ETag, LastModified: ossxml.Time{Time: o.Modified}})
	rep.header.Set("ETag", o.ETag)
	rep.header.Set("x-oss-hash-crc64ecma", strconv.FormatUint(o.CRC64, 10))
	rep.header.Set("x-oss-copied-size", strconv.FormatInt(o.Size, 10))
	rep.header.Set("x-oss-ia-retrieve-flow-type", "0")
	x.setVersion(rep.header, o)
	x.setSourceVersion(rep.header, src)
	setEncryption(rep.header, header)
	return rep, nil
}

// copiedHeader returns the header of the copy of src. With the directive COPY, the default, the metadata is that of
// src; with REPLACE it is that of the request. An object that is copied to itself gets the metadata of the request, if
// there is any, with either directive.
func (x *exchange) copiedHeader(src *store.Object) (http.Header, error) {
	header := x.r.Header.Clone()
	onto := src.Name == x.name() && slices.ContainsFunc(slices.Collect(maps.Keys(header)), isMetadata)
	take := func(directive string, describes func(name string) bool) error {
		switch value := header.Get(directive); strings.ToUpper(value) {
		case "REPLACE":
			return nil
		case "", "COPY":
			if onto && directive == "X-Oss-Metadata-Directive" {
				return nil
			}
		default:
			return invalidArgument("", "The "+directive+" you specified is invalid.", directive, value)
		}
		for name := range header {
			if describes(name) {
				header.Del(name)
			}
		}
		for name, values := range src.Header {
			if describes(name) {
				header[name] = slices.Clone(values)
			}
		}
		return nil
	}
	if err := take("X-Oss-Metadata-Directive", isMetadata); err != nil {
		return nil, err
	}
	isTagging := func(name string) bool { return name == "X-Oss-Tagging" }
	return header, take("X-Oss-Tagging-Directive", isTagging)
}

// openObject returns the addressed version of the object. The caller releases its content.
func (x *exchange) openObject() (*store.Object, error) {
	version, err := x.version()
	if err != nil {
		return nil, err
	}
	return x.openVersion(x.name(), version)
}

// openContent is like openObject, and follows a symbolic link.
func (x *exchange) openContent() (*store.Object, error) {
	o, err := x.openObject()
	if err != nil {
		return nil, err
	}
	return x.follow(o)
}

// ecExists is the EC of PutObject and CopyObject for an object that must not be overwritten.
const ecExists = "0026-00000002"

// put stores o.
func (x *exchange) put(o *store.Object, forbid bool) error {
	err := x.objects.Put(o, forbid)
	if errors.Is(err, store.ErrExists) {
		return alreadyExists(ecExists)
	}
	return err
}

// setMeta sets the headers of every reply about an object.
func setMeta(h http.Header, o *store.Object) {
	h.Set("ETag", o.ETag)
	h.Set("x-oss-hash-crc64ecma", strconv.FormatUint(o.CRC64, 10))
	h.Set("Last-Modified", o.Modified.Format(http.TimeFormat))
	h.Set("x-oss-object-type", o.Type)
}

// setObject sets the headers of GetObject and HeadObject.
func setObject(h http.Header, o *store.Object) {
	setMeta(h, o)
	setPosition(h, o)
	h.Set("Accept-Ranges", "bytes")
	h.Set("x-oss-storage-class", storageClass(o.Header))
	h.Set("Content-Type", "application/octet-stream")
	for name, values := range o.Header {
		if isMetadata(name) && values[0] != "" {
			h[name] = slices.Clone(values)
		}
	}
	if o.MD5 != nil {
		h.Set("Content-MD5", base64.StdEncoding.EncodeToString(o.MD5))
	}
	if n := len(parseTags(o.Header.Get("x-oss-tagging"))); n > 0 {
		h.Set("x-oss-tagging-count", strconv.Itoa(n))
	}
	if isCompressible(h.Get("Content-Type")) {
		h.Set("Vary", "Accept-Encoding")
	}
	setEncryption(h, o.Header)
}

// isMetadata reports whether a header is metadata of an object. name is in canonical form.
func isMetadata(name string) bool {
	switch name {
	case "Content-Type", "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires":
		return true
	}
	return strings.HasPrefix(name, metaPrefix)
}

// isCompressible reports whether OSS compresses content of this type for clients that accept it.
func isCompressible(contentType string) bool {
	kind, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	switch strings.TrimSpace(kind) {
	case "text/plain", "text/html", "text/css", "text/xml", "text/javascript",
		"application/javascript", "application/x-javascript", "application/json", "application/xml":
		return true
	}
	return false
}

// defaultKey is the ID of the KMS key of a request that names none. OSS has one for each account.
const defaultKey = "9468da86-3509-4f8d-a61e-6eab1eac0001"

// setEncryption sets the headers that echo the encryption of an object.
func setEncryption(h, from http.Header) {
	for _, name := range encryptionHeaders {
		if value := from.Get(name); value != "" {
			h.Set(name, value)
		}
	}
	if from.Get(encryptionHeaders[0]) == "KMS" && from.Get(encryptionHeaders[1]) == "" {
		h.Set(encryptionHeaders[1], defaultKey)
	}
}

// storageClass returns the storage class of an object with this header.
func storageClass(h http.Header) string {
	if class := h.Get("x-oss-storage-class"); class != "" {
		return class
	}
	return "Standard"
}

// notModified returns the reply 304, which has no body.
func notModified(o *store.Object) *reply {
	rep := newReply(http.StatusNotModified)
	rep.header.Set("ETag", o.ETag)
	rep.header.Set("Last-Modified", o.Modified.Format(http.TimeFormat))
	return rep
}

// overrideHeaders sets the headers that the response-* parameters of a GET ask for.
func (x *exchange) overrideHeaders(h http.Header) {
	for _, name := range []string{
		"Content-Type", "Content-Language", "Expires", "Cache-Control", "Content-Disposition", "Content-Encoding",
	} {
		if value := x.query.Get("response-" + strings.ToLower(name)); value != "" {
			h.Set(name, value)
		}
	}
}
