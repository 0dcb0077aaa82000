package osstest

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"errors"
	"fmt"
	stdcrc64 "hash/crc64"
	"io"
	"net/http"
	"slices"
	"strconv"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// complete is CompleteMultipartUpload.
//
// See https://help.aliyun.com/en/oss/developer-reference/completemultipartupload
func (x *exchange) complete() (*reply, error) {
	id := x.query.Get("uploadId")
	if err := x.checkACL(); err != nil {
		return nil, err
	}
	forbid, err := x.forbidOverwrite()
	if err != nil {
		return nil, err
	}
	list, listErr := x.readPartList()

	o, err := x.objects.Complete(x.name(), id, forbid, func(u *store.Upload, all []*store.Part,
		sum []byte) (*store.Object, error) {
		if listErr != nil {
			return nil, listErr
		}
		return x.assemble(u, all, sum, list)
	})
	switch {
	case errors.Is(err, store.ErrNoUpload):
		return nil, noSuchUpload(id, "0042-00000203")
	case errors.Is(err, store.ErrExists):
		return nil, alreadyExists("0042-00000214")
	case err != nil:
		return nil, err
	}
	return x.completeReply(o), nil
}

// completeReply returns the reply to a CompleteMultipartUpload.
func (x *exchange) completeReply(o *store.Object) *reply {
	rep := xmlReply(http.StatusOK, ossxml.Completed{
		EncodingType: x.encoding(),
		Location:     x.address(),
		Bucket:       x.bucket, Key: x.encode(x.key), ETag: o.ETag,
	})
	rep.object = o
	rep.header.Set("ETag", o.ETag)
	rep.header.Set("x-oss-hash-crc64ecma", strconv.FormatUint(o.CRC64, 10))
	x.setVersion(rep.header, o)
	setEncryption(rep.header, o.Header)
	return rep
}

// readPartList returns the part list of the request, nil with x-oss-complete-all.
func (x *exchange) readPartList() ([]ossxml.CompletePart, error) {
	body, err := x.readBody(10 << 20) // ten thousand parts need about a tenth
	if err != nil {
		return nil, err
	}
	switch all := x.r.Header.Get("x-oss-complete-all"); {
	case all != "" && all != "yes":
		return nil, invalidArgument("", "The x-oss-complete-all header must be yes.", "x-oss-complete-all", all)
	case all != "" && body.Len() > 0:
		return nil, invalidArgument("0042-00000216", "Should not speficy both complete all header and http body.",
			"x-oss-complete-all", all)
	case all != "":
		return nil, nil
	}
	var doc ossxml.Complete
	if err := ossxml.DecodeControl(body.Bytes(), &doc); err != nil {
		return nil, malformedXML()
	}
	return append([]ossxml.CompletePart{}, doc.Parts...), nil // not nil, even if it is empty
}

// readBody reads the body of a request with a document, up to limit bytes, and checks its checksums.
func (x *exchange) readBody(limit int64) (*bytes.Buffer, error) {
	d := newDigest()
	var body bytes.Buffer
	if _, err := io.Copy(io.MultiWriter(&body, d), io.LimitReader(x.body, limit)); err != nil {
		return nil, refuse(http.StatusBadRequest, "IncompleteBody", "", "The body of your request is not complete.")
	}
	return &body, x.checkDigests(d)
}

// assemble returns the object that the listed parts make, or all parts without a list. md5 is that of all parts, or
// nil.
func (x *exchange) assemble(u *store.Upload, all []*store.Part, md5sum []byte,
	list []ossxml.CompletePart) (*store.Object, error) {
	parts, err := x.selectParts(u.ID, all, list)
	if err != nil {
		return nil, err
	}
	if err := checkClientList(u, len(parts)); err != nil {
		return nil, err
	}
	o := &store.Object{
		Name: u.Name, Type: "Multipart", Header: u.Header,
		ACL: oss.ACL(x.r.Header.Get("x-oss-object-acl")), Modified: x.now(),
	}
	etags := md5.New() // of the ETags as text, unlike S3
	for _, p := range parts {
		io.WriteString(etags, unquote(p.ETag))
		o.Content = append(o.Content, p.Content...)
		o.CRC64 = crc64.Combine(o.CRC64, p.CRC64, p.Size)
		o.Size += p.Size
		o.Parts = append(o.Parts, exportPart(p))
	}
	o.ETag = quote(fmt.Sprintf("%X-%d", etags.Sum(nil), len(parts)))
	if len(parts) == len(all) {
		o.MD5 = md5sum
	}
	if !x.flipBit {
		o.Content.Retain()
		return o, nil
	}
	if o.Content, err = x.objects.Flip(o.Content); err != nil {
		return nil, err
	}
	if o.Size > 0 {
		o.CRC64 ^= flipSum(o.Size)
	}
	return o, nil
}

// flipSum returns the XOR of the CRC-64 of size bytes and the CRC-64 of the same bytes with the lowest bit of the first
// one inverted. A CRC is linear, so the result does not depend on the bytes.
func flipSum(size int64) uint64 {
	return crc64.Combine(stdcrc64.MakeTable(stdcrc64.ECMA)[1], 0, size-1)
}

// selectParts returns the parts that list names, or all parts if list is nil. It makes its checks in the order that OSS
// is believed to use: numbers, existence and ETags, sizes.
func (x *exchange) selectParts(id string, all []*store.Part, list []ossxml.CompletePart) ([]*store.Part, error) {
	parts := all
	if list != nil {
		if err := checkOrder(list); err != nil {
			return nil, err
		}
		parts = nil
		for _, want := range list {
			i, found := slices.BinarySearchFunc(all,
				want.Number, func(p *store.Part, n int) int { return cmp.Compare(p.Number, n) })
			if !found || !sameETag(want.ETag, all[i].ETag) {
				return nil, refuse(http.StatusBadRequest, oss.ErrInvalidPart, "0042-00000212",
					"One or more of the specified parts could not be found or the specified entity tag might not have "+
						"matched the part's entity tag.",
					"ETag", want.ETag, "PartNumber", strconv.Itoa(want.Number), "UploadId", id)
			}
			parts = append(parts, all[i])
		}
	}
	if list == nil && len(parts) == 0 {
		return nil, malformedXML() // x-oss-complete-all without parts; the reply of OSS is not known
	}
	for _, p := range parts[:max(0, len(parts)-1)] { // the last one may be small
		if p.Size < x.opts.MinPartSize {
			return nil, refuse(http.StatusBadRequest, "EntityTooSmall", "0042-00000213",
				"Your proposed upload smaller than the minimum allowed size.",
				"MinSizeAllowed", strconv.FormatInt(x.opts.MinPartSize, 10), "ProposedSize",
				strconv.FormatInt(p.Size, 10), "PartNumber", strconv.Itoa(p.Number))
		}
	}
	return parts, nil
}

// checkOrder checks that the numbers are valid and ascending.
func checkOrder(list []ossxml.CompletePart) error {
	for i := 1; i < len(list); i++ {
		if list[i].Number <= list[i-1].Number {
			return refuse(http.StatusBadRequest, "InvalidPartOrder", "0042-00000209",
				"The list of parts was not in ascending order. Parts list must specified in order by part number.")
		}
	}
	for _, p := range list {
		if p.Number < 1 || p.Number > oss.MaxPartNumber {
			return invalidArgument("", "Part number must be an integer between 1 and 10000, inclusive.",
				"PartNumber", strconv.Itoa(p.Number))
		}
	}
	return nil
}
