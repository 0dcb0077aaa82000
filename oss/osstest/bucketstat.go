package osstest

import (
	"net/http"

	"github.com/ossmultipart/go-oss/internal/ossxml"
)

// bucketStat is GetBucketStat. OSS updates it once an hour, a Server at once. It counts all versions, and the parts of
// unfinished uploads, in total and by storage class.
//
// See https://help.aliyun.com/en/oss/developer-reference/getbucketstat
func (x *exchange) bucketStat() (*reply, error) {
	doc := ossxml.BucketStat{LastModifiedTime: x.now().Unix()}
	for _, o := range x.objects.Versions(x.bucket) {
		if o.DeleteMarker {
			doc.DeleteMarkerCount++
			continue
		}
		doc.ObjectCount++
		doc.Storage += o.Size
		count(&doc, storageClass(o.Header), o.Size)
	}
	for _, u := range x.objects.Uploads(x.bucket) {
		doc.MultipartUploadCount++
		for _, p := range x.objects.Parts(u) {
			doc.MultipartPartCount++
			doc.Storage += p.Size
			addStorage(&doc, storageClass(u.Header), p.Size)
		}
	}
	return xmlReply(http.StatusOK, doc), nil
}

// minBilled is the minimum billed size of an object in a storage class other than Standard, in bytes.
const minBilled = 64 << 10

// count adds an object to the totals of its storage class.
func count(doc *ossxml.BucketStat, class string, size int64) {
	addStorage(doc, class, size)
	switch class {
	case "IA":
		doc.InfrequentAccessObjectCount++
	case "Archive":
		doc.ArchiveObjectCount++
	case "ColdArchive":
		doc.ColdArchiveObjectCount++
	case "DeepColdArchive":
		doc.DeepColdArchiveObjectCount++
	default:
		doc.StandardObjectCount++
	}
}

// addStorage adds bytes to the actual and billed totals of a storage class.
func addStorage(doc *ossxml.BucketStat, class string, size int64) {
	billed, real := &doc.StandardStorage, new(int64)
	switch class {
	case "IA":
		billed, real = &doc.InfrequentAccessStorage, &doc.InfrequentAccessRealStorage
	case "Archive":
		billed, real = &doc.ArchiveStorage, &doc.ArchiveRealStorage
	case "ColdArchive":
		billed, real = &doc.ColdArchiveStorage, &doc.ColdArchiveRealStorage
	case "DeepColdArchive":
		billed, real = &doc.DeepColdArchiveStorage, &doc.DeepColdArchiveRealStorage
	default:
		*billed += size
		return
	}
	*billed += max(size, minBilled)
	*real += size
}
