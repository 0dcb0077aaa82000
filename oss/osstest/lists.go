package osstest

import (
	"cmp"
	"net/http"
	"strconv"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// maxPage is the maximum length of a page of any list, and the default of most.
const maxPage = 1000

// listParts is ListParts.
//
// See https://help.aliyun.com/en/oss/developer-reference/listparts
func (x *exchange) listParts() (*reply, error) {
	size, err := x.number("max-parts", maxPage, 1, maxPage)
	if err != nil {
		return nil, err
	}
	marker, err := x.number("part-number-marker", 0, 0, 1<<31-1)
	if err != nil {
		return nil, err
	}
	id := x.query.Get("uploadId")
	doc := ossxml.PartList{
		EncodingType: x.encoding(), Bucket: x.bucket, Key: x.encode(x.key), UploadID: id,
		PartNumberMarker: strconv.Itoa(marker), MaxParts: size,
	}
	u, parts, err := x.objects.Upload(x.name(), id)
	if err != nil {
		return nil, noSuchUpload(id, "0042-00000002")
	}
	doc.StorageClass = storageClass(u.Header)
	describeClientEncryption(&doc, u)
	for _, p := range parts {
		if p.Number <= marker {
			continue
		}
		if len(doc.Parts) == size {
			doc.IsTruncated = true
			break
		}
		doc.Parts = append(doc.Parts, ossxml.Part{
			Number: p.Number, LastModified: ossxml.Time{Time: p.Modified}, ETag: p.ETag, CRC64: p.CRC64, Size: p.Size,
		})
		doc.NextPartNumberMarker = strconv.Itoa(p.Number) // also on the last page
	}
	return xmlReply(http.StatusOK, doc), nil
}

// listUploads is ListMultipartUploads.
//
// See https://help.aliyun.com/en/oss/developer-reference/listmultipartuploads
func (x *exchange) listUploads() (*reply, error) {
	size, err := x.number("max-uploads", maxPage, 1, maxPage)
	if err != nil {
		return nil, err
	}
	if err := x.checkLengths("prefix", "delimiter", "key-marker"); err != nil {
		return nil, err
	}
	prefix, delimiter := x.query.Get("prefix"), x.query.Get("delimiter")
	after, afterID := x.query.Get("key-marker"), x.query.Get("upload-id-marker")
	doc := ossxml.UploadList{
		EncodingType: x.encoding(), Bucket: x.bucket, KeyMarker: x.encode(after), UploadIDMarker: afterID,
		Delimiter: x.encode(delimiter), Prefix: x.encode(prefix), MaxUploads: size,
	}
	p := x.objects.ListUploads(store.Query{Bucket: x.bucket, Prefix: prefix, Delimiter: delimiter, Size: size}, after,
		afterID)
	for _, e := range p.Entries {
		if e.Prefix != "" {
			doc.CommonPrefixes = append(doc.CommonPrefixes, ossxml.CommonPrefix{Prefix: x.encode(e.Prefix)})
			continue
		}
		u := e.Value
		doc.Uploads = append(doc.Uploads, ossxml.Upload{
			Key: x.encode(u.Key), UploadID: u.ID, StorageClass: storageClass(u.Header),
			Initiated: ossxml.Time{Time: u.Initiated},
		})
	}
	if doc.IsTruncated = p.Truncated; len(p.Entries) > 0 {
		// The markers are those of the last upload of the page, even if it is within a common prefix, so that the next
		// page does not list the prefix again.
		doc.NextKeyMarker, doc.NextUploadIDMarker = x.encode(p.Last.Key), p.Last.ID
	}
	return xmlReply(http.StatusOK, doc), nil
}

// number returns an integer parameter between least and most, or missing if it has no value.
func (x *exchange) number(name string, missing, least, most int) (int, error) {
	value := x.query.Get(name)
	if value == "" {
		return missing, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		return 0, invalidArgument("", "Argument "+name+" must be an integer between "+strconv.Itoa(least)+
			" and "+strconv.Itoa(most)+".", name, value)
	}
	return n, nil
}

// encoding returns the encoding-type of the request. DeleteMultipleObjects accepts it in a header too.
//
// See https://help.aliyun.com/en/oss/developer-reference/deletemultipleobjects
func (x *exchange) encoding() string {
	encoding := x.query.Get("encoding-type")
	if x.op.name == "DeleteMultipleObjects" {
		encoding = cmp.Or(encoding, x.r.Header.Get("encoding-type"))
	}
	return encoding
}

// encode encodes a key as the request asks for. A slash is encoded too, and a space as %20.
func (x *exchange) encode(s string) string { return ossxml.Escape(x.encoding(), s) }
