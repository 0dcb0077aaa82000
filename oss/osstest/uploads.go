package osstest

import (
	"errors"
	"hash"
	"net/http"
	"strconv"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// initiate is InitiateMultipartUpload.
//
// See https://help.aliyun.com/en/oss/developer-reference/initiatemultipartupload
func (x *exchange) initiate() (*reply, error) {
	if err := x.checkNewObject(); err != nil {
		return nil, err
	}
	forbid, err := x.forbidOverwrite()
	if err != nil {
		return nil, err
	}
	if forbid && x.objects.Protects(x.name()) {
		return nil, alreadyExists("0026-00000002")
	}
	if _, _, err := clientEncryptionOf(x.r.Header); err != nil {
		return nil, err
	}
	u := &store.Upload{
		Name: x.name(), ID: x.objects.IDs.UploadID(), Header: x.newHeader(), Initiated: x.now(),
		Sequential: x.query.Has("sequential"),
	}
	if err := x.objects.Begin(u); err != nil {
		return nil, err
	}
	rep := xmlReply(http.StatusOK, ossxml.Initiated{
		EncodingType: x.encoding(), Bucket: x.bucket, Key: x.encode(x.key), UploadID: u.ID,
	})
	setEncryption(rep.header, u.Header)
	return rep, nil
}

// uploadPart is UploadPart.
//
// See https://help.aliyun.com/en/oss/developer-reference/uploadpart
func (x *exchange) uploadPart() (*reply, error) {
	const ec = "0042-00000104"
	number, err := x.partNumber()
	if err != nil {
		return nil, err
	}
	if err := x.checkNoEncryption(); err != nil {
		return nil, err
	}
	u, running, err := x.upload(ec, number)
	if err != nil {
		return nil, err
	}
	d := newDigest()
	d.running = running
	s, err := x.receive(d)
	if err != nil {
		return nil, err
	}
	if err := x.storePart(u, number, s, d.running, ec); err != nil {
		return nil, err
	}
	rep := newReply(http.StatusOK)
	setSums(rep.header, s)
	setEncryption(rep.header, u.Header)
	return rep, nil
}

// uploadPartCopy is UploadPartCopy.
//
// See https://help.aliyun.com/en/oss/developer-reference/uploadpartcopy
func (x *exchange) uploadPartCopy() (*reply, error) {
	const ec = "0042-00000311"
	number, err := x.partNumber()
	if err != nil {
		return nil, err
	}
	u, _, err := x.upload(ec, number)
	if err != nil {
		return nil, err
	}
	if u.Sequential {
		return nil, notImplemented("sequential")
	}
	src, unchanged, err := x.openSource()
	if err != nil {
		return nil, err
	}
	defer src.Content.Release()
	if unchanged {
		return newReply(http.StatusNotModified), nil
	}
	if src.Type == symlink {
		return nil, refuse(http.StatusBadRequest, "OperationNotSupported", "0016-00000702",
			"The operation is not supported for this resource")
	}
	if err := x.checkReadable(src, ecFrozenSource); err != nil {
		return nil, err
	}
	run, partial, _ := parseRange(x.r.Header.Get("x-oss-copy-source-range"), src.Size, false)
	if run.size > oss.MaxPartSize {
		return nil, entityTooLarge(run.size)
	}
	s, err := x.link(src.Content, run.offset, run.size)
	if err != nil {
		return nil, err
	}
	if err := x.storePart(u, number, s, nil, ec); err != nil {
		return nil, err
	}
	rep := xmlReply(http.StatusOK, ossxml.CopiedPart{LastModified: ossxml.Time{Time: x.now()}, ETag: etagOf(s.MD5)})
	rep.header.Set("ETag", etagOf(s.MD5))
	x.setSourceVersion(rep.header, src)
	if partial {
		rep.header.Set("Content-Range", run.contentRange(src.Size))
	}
	setEncryption(rep.header, u.Header)
	return rep, nil
}

// upload returns the upload that a part is sent to, before its body is read. For a sequential upload it also returns
// the MD5 of the parts so far, to be continued.
func (x *exchange) upload(ec string, number int) (*store.Upload, hash.Hash, error) {
	id := x.query.Get("uploadId")
	u, running, err := x.objects.Expect(x.name(), id, number)
	return u, running, partRefusal(err, id, ec)
}

// storePart stores s as part number of u. It takes over the references of s.
func (x *exchange) storePart(u *store.Upload, number int, s *store.Data, running hash.Hash, ec string) error {
	if err := checkClientPart(u, number, s.Size); err != nil {
		s.Content.Release()
		return err
	}
	p := &store.Part{Data: s, Number: number, ETag: etagOf(s.MD5), Modified: x.now()}
	return partRefusal(x.objects.SetPart(x.name(), u.ID, p, running), u.ID, ec)
}

// partRefusal returns the error reply for an error of the store; ec is that of an upload that does not exist.
//
// See https://help.aliyun.com/en/oss/user-guide/0042-00000108
func partRefusal(err error, id, ec string) error {
	switch {
	case errors.Is(err, store.ErrNoUpload):
		return noSuchUpload(id, ec)
	case errors.Is(err, store.ErrPartExists):
		return refuse(http.StatusConflict, "PartAlreadyExist", "0042-00000108",
			"For sequential multipart upload, you can't overwrite uploaded parts.")
	case errors.Is(err, store.ErrPartGap):
		return refuse(http.StatusBadRequest, "PartNotSequential", "",
			"For sequential multipart upload, you must upload or complete parts with sequential part numbers.")
	}
	return err
}

// partNumber returns the parameter partNumber.
func (x *exchange) partNumber() (int, error) {
	if !x.query.Has("partNumber") {
		return 0, invalidArgument("0017-00000219", "Part number must be specified.", "PartNumber", "")
	}
	if !x.query.Has("uploadId") {
		return 0, invalidArgument("", "Upload id must be specified.", "uploadId", "")
	}
	value := x.query.Get("partNumber")
	number, err := strconv.Atoi(value)
	if err != nil || number < 1 || number > oss.MaxPartNumber {
		return 0, invalidArgument("0017-00000220", "Part number must be an integer between 1 and 10000, inclusive.",
			"PartNumber", value)
	}
	return number, nil
}

// abort is AbortMultipartUpload.
//
// See https://help.aliyun.com/en/oss/developer-reference/abortmultipartupload
func (x *exchange) abort() (*reply, error) {
	id := x.query.Get("uploadId")
	err := x.objects.Abort(x.name(), id)
	if errors.Is(err, store.ErrNoUpload) {
		return nil, noSuchUpload(id, "0042-00000002")
	}
	if err != nil {
		return nil, err
	}
	return newReply(http.StatusNoContent), nil
}
