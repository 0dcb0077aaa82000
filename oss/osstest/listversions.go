package osstest

import (
	"encoding/xml"
	"net/http"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// putVersioning is PutBucketVersioning. Versions can be suspended, and not removed again.
//
// See https://help.aliyun.com/en/oss/developer-reference/putbucketversioning, and
// https://help.aliyun.com/en/oss/user-guide/0012-00000004 with its neighbours for the refusals.
func (x *exchange) putVersioning() (*reply, error) {
	var doc ossxml.VersioningConfiguration
	if err := x.readDocument(&doc); err != nil {
		return nil, err
	}
	switch doc.Status {
	case store.VersioningEnabled, store.VersioningSuspended:
	case "":
		return nil, malformedVersioning("0012-00000003")
	default:
		return nil, malformedVersioning("0012-00000004")
	}
	err := x.objects.ChangeBucket(x.bucket, func(b *store.Bucket) error {
		b.Versioning = doc.Status
		return nil
	})
	if err != nil {
		return nil, err
	}
	return newReply(http.StatusOK), nil
}

// readDocument decodes the body of the request and checks its checksums.
func (x *exchange) readDocument(doc any) error {
	body, err := x.readBody(1 << 20)
	if err != nil {
		return err
	}
	if ossxml.DecodeControl(body.Bytes(), doc) != nil {
		return malformedVersioning("0012-00000002")
	}
	return nil
}

func malformedVersioning(ec string) *refusal {
	refused := malformedXML()
	refused.ec = ec
	return refused
}

// getVersioning is GetBucketVersioning. The status is omitted for a bucket that never had versions.
//
// See https://help.aliyun.com/en/oss/developer-reference/getbucketversioning
func (x *exchange) getVersioning() (*reply, error) {
	return xmlReply(http.StatusOK, ossxml.VersioningConfiguration{Status: x.objects.Bucket(x.bucket).Versioning}), nil
}

// ownerID is the account that owns the buckets.
const ownerID = "1000000000000000"

// listVersions is ListObjectVersions. In a bucket without versions each object has one.
//
// See https://help.aliyun.com/en/oss/developer-reference/listobjectversions
func (x *exchange) listVersions() (*reply, error) {
	size, err := x.number("max-keys", 100, 1, maxPage)
	if err != nil {
		return nil, err
	}
	if err := x.checkLengths("prefix", "delimiter", "key-marker"); err != nil {
		return nil, err
	}
	prefix, delimiter := x.query.Get("prefix"), x.query.Get("delimiter")
	after, afterID := x.query.Get("key-marker"), x.query.Get("version-id-marker")
	if after == "" && afterID != "" {
		return nil, invalidArgument("", "A version-id-marker cannot be specified without a key-marker.",
			"version-id-marker", afterID)
	}
	if err := checkVersion(afterID); err != nil {
		return nil, err
	}
	doc := ossxml.VersionList{
		EncodingType: x.encoding(), Name: x.bucket, Prefix: x.encode(prefix), Delimiter: x.encode(delimiter),
		KeyMarker: x.encode(after), VersionIDMarker: afterID, MaxKeys: size,
	}
	p := x.objects.ListVersions(store.Query{Bucket: x.bucket, Prefix: prefix, Delimiter: delimiter, Size: size}, after,
		afterID)
	for _, e := range p.Entries {
		if e.Prefix != "" {
			doc.CommonPrefixes = append(doc.CommonPrefixes, ossxml.CommonPrefix{Prefix: x.encode(e.Prefix)})
		} else {
			doc.Versions = append(doc.Versions, x.versionEntry(e.Value))
		}
	}
	if p.Truncated { // versions within a common prefix count too
		doc.IsTruncated, doc.NextKeyMarker, doc.NextVersionIDMarker = true, x.encode(p.Last.Key), p.Last.VersionID
	}
	return xmlReply(http.StatusOK, doc), nil
}

// versionEntry returns the entry of o in a list.
func (x *exchange) versionEntry(o store.Version) ossxml.Version {
	v := ossxml.Version{
		XMLName: xml.Name{Local: "Version"}, Key: x.encode(o.Key), VersionID: o.VersionID, IsLatest: o.Newest,
		LastModified: ossxml.Time{Time: o.Modified}, Owner: owner(),
	}
	if o.DeleteMarker {
		v.XMLName.Local = "DeleteMarker"
		return v
	}
	v.ETag, v.Type, v.Size, v.StorageClass = o.ETag, o.Type, &o.Size, storageClass(o.Header)
	return v
}
