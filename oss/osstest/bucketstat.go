package osstest

import (
	"net/http"

	"github.com/ossmultipart/go-oss/internal/ossxml"
)

// bucketStat is GetBucketStat. OSS counts once an hour, a Server at once. What each class has is
// counted too; all versions take up room, as do parts of unfinished uploads.
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

// minBilled is the least that an object of another class than Standard is taken for.
const minBilled = 64 << 10

// count adds an object to those of its class.
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

// addStorage adds bytes to those of a class, as they are and as they are billed.
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
