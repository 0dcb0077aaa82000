package osstest

import (
	"crypto/md5"
	"hash"
	"net/http"
	"strconv"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss"
)

// initiate is InitiateMultipartUpload.
//
// See https://help.aliyun.com/en/oss/developer-reference/initiatemultipartupload
func (x *exchange) initiate() (*reply, error) {
	if err := x.checkNewObject(); err != nil {
		return nil, err
	}
	forbid, err := x.forbidsOverwrite()
	if err != nil {
		return nil, err
	}
	if forbid && x.objects.protects(x.name()) {
		return nil, alreadyExists("0026-00000002")
	}
	if _, _, err := clientEncryptionOf(x.r.Header); err != nil {
		return nil, err
	}
	u := &upload{
		name: x.name(), id: x.ids.upload(), header: x.newHeader(), initiated: x.now(),
		parts: make(map[int]*part), sequential: x.query.Has("sequential"),
	}
	if u.sequential {
		u.md5 = md5.New()
	}
	if err := x.objects.begin(u); err != nil {
		return nil, err
	}
	rep := xmlReply(http.StatusOK, ossxml.Initiated{
		EncodingType: x.encoding(), Bucket: x.bucket, Key: x.encode(x.key), UploadID: u.id,
	})
	setEncryption(rep.header, u.header)
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
	d.also = running
	s, err := x.receive(d)
	if err != nil {
		return nil, err
	}
	if err := x.storePart(u, number, s, d.also, ec); err != nil {
		return nil, err
	}
	rep := newReply(http.StatusOK)
	s.setSums(rep.header)
	setEncryption(rep.header, u.header)
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
	if u.sequential {
		return nil, notImplemented("sequential")
	}
	src, unchanged, err := x.openSource()
	if err != nil {
		return nil, err
	}
	defer src.content.release()
	if unchanged {
		return newReply(http.StatusNotModified), nil
	}
	if src.kind == symlink {
		return nil, refuse(http.StatusBadRequest, "OperationNotSupported", "0016-00000702",
			"The operation is not supported for this resource")
	}
	if err := x.checkReadable(src, ecFrozenSource); err != nil {
		return nil, err
	}
	run, partial, _ := parseRange(x.r.Header.Get("x-oss-copy-source-range"), src.size, false)
	if run.size > oss.MaxPartSize {
		return nil, entityTooLarge(run.size)
	}
	s, err := x.link(src.content, run.offset, run.size)
	if err != nil {
		return nil, err
	}
	if err := x.storePart(u, number, s, nil, ec); err != nil {
		return nil, err
	}
	rep := xmlReply(http.StatusOK, ossxml.CopiedPart{LastModified: ossxml.Time{Time: x.now()}, ETag: s.etag()})
	rep.header.Set("ETag", s.etag())
	x.setSource(rep.header, src)
	if partial {
		rep.header.Set("Content-Range", run.contentRange(src.size))
	}
	setEncryption(rep.header, u.header)
	return rep, nil
}

// upload returns the upload that the request is about, before the body of its part is read. Of a
// sequential upload it also returns the MD5 so far, to be continued.
func (x *exchange) upload(ec string, number int) (*upload, hash.Hash, error) {
	id := x.query.Get("uploadId")
	x.objects.mu.Lock()
	defer x.objects.mu.Unlock()
	u, ok := x.objects.upload(x.name(), id)
	if !ok {
		return nil, nil, noSuchUpload(id, ec)
	}
	if !u.expects(number) {
		return nil, nil, u.unexpected(number)
	}
	if !u.sequential {
		return u, nil, nil
	}
	running, err := u.md5.(hash.Cloner).Clone()
	return u, running, err
}

// storePart makes s part number of u, if u is still there.
func (x *exchange) storePart(u *upload, number int, s *stored, running hash.Hash, ec string) error {
	if err := u.checkClientPart(number, s.size); err != nil {
		s.content.release()
		return err
	}
	p := &part{stored: s, number: number, etag: s.etag(), modified: x.now()}
	outcome, err := x.objects.setPart(u, p, running)
	switch outcome {
	case gone:
		return noSuchUpload(u.id, ec)
	case outOfSequence:
		x.objects.mu.Lock()
		defer x.objects.mu.Unlock()
		return u.unexpected(number)
	}
	return err
}

// unexpected refuses a part that is not the next of a sequential upload: one that is there, or one behind a gap.
// The caller holds the store's lock.
//
// See https://help.aliyun.com/en/oss/user-guide/0042-00000108
func (u *upload) unexpected(number int) *refusal {
	if u.parts[number] != nil {
		return refuse(http.StatusConflict, "PartAlreadyExist", "0042-00000108",
			"For sequential multipart upload, you can't overwrite uploaded parts.")
	}
	return refuse(http.StatusBadRequest, "PartNotSequential", "",
		"For sequential multipart upload, you must upload or complete parts with sequential part numbers.")
}

// partNumber reads the parameter of that name.
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
	found, err := x.objects.abort(x.name(), id)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, noSuchUpload(id, "0042-00000002")
	}
	return newReply(http.StatusNoContent), nil
}
