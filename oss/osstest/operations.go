package osstest

// An operation is an operation of OSS that a Server implements.
type operation struct {
	name   string
	body   bodyKind
	access access
	run    func(*exchange) (*reply, error)
}

// A bodyKind says which bytes an operation transfers, and so what effects apply to it.
type bodyKind int

const (
	noBody         bodyKind = iota // neither the request nor the reply has a body
	documentReply                  // the reply has a document
	linkedContent                  // likewise, and the operation links stored content
	contentRequest                 // the request has content
	contentReply                   // the reply has content
)

// access is the permission that an operation needs. An ACL can grant readAccess and writeAccess to anonymous requests.
type access int

const (
	ownerAccess access = iota
	readAccess
	writeAccess
)

// operations are all operations. Every other request is refused with NotImplemented.
var operations = []*operation{
	{"ListBuckets", documentReply, ownerAccess, (*exchange).listBuckets},
	{"PutBucket", noBody, ownerAccess, (*exchange).putBucket},
	{"DeleteBucket", noBody, ownerAccess, (*exchange).deleteBucket},
	{"HeadBucket", noBody, readAccess, (*exchange).headBucket},
	{"GetBucketInfo", documentReply, ownerAccess, (*exchange).bucketInfo},
	{"GetBucketLocation", documentReply, ownerAccess, (*exchange).bucketLocation},
	{"GetBucketStat", documentReply, ownerAccess, (*exchange).bucketStat},
	{"PutBucketAcl", noBody, ownerAccess, (*exchange).putBucketACL},
	{"GetBucketAcl", documentReply, ownerAccess, (*exchange).bucketACL},
	{"ListObjects", documentReply, readAccess, (*exchange).listObjects},
	{"ListObjectsV2", documentReply, readAccess, (*exchange).listObjectsV2},
	{"DeleteMultipleObjects", documentReply, writeAccess, (*exchange).deleteObjects},
	{"InitiateMultipartUpload", documentReply, writeAccess, (*exchange).initiate},
	{"UploadPart", contentRequest, writeAccess, (*exchange).uploadPart},
	{"UploadPartCopy", linkedContent, writeAccess, (*exchange).uploadPartCopy},
	{"CompleteMultipartUpload", linkedContent, writeAccess, withCallback((*exchange).complete)},
	{"AbortMultipartUpload", noBody, writeAccess, (*exchange).abort},
	{"ListParts", documentReply, writeAccess, (*exchange).listParts},
	{"ListLiveChannel", documentReply, ownerAccess, (*exchange).listLiveChannels},
	{"ListMultipartUploads", documentReply, writeAccess, (*exchange).listUploads},
	{"PutObject", contentRequest, writeAccess, withCallback((*exchange).putObject)},
	{"AppendObject", contentRequest, writeAccess, (*exchange).appendObject},
	{"CopyObject", linkedContent, writeAccess, (*exchange).copyObject},
	{"GetObject", contentReply, readAccess, (*exchange).getObject},
	{"HeadObject", noBody, readAccess, (*exchange).headObject},
	{"GetObjectMeta", noBody, readAccess, (*exchange).objectMeta},
	{"DeleteObject", noBody, writeAccess, (*exchange).deleteObject},
	{"PutObjectACL", noBody, ownerAccess, (*exchange).putObjectACL},
	{"GetObjectACL", documentReply, ownerAccess, (*exchange).objectACL},
	{"PutObjectTagging", noBody, ownerAccess, (*exchange).putTagging},
	{"GetObjectTagging", documentReply, ownerAccess, (*exchange).tagging},
	{"DeleteObjectTagging", noBody, ownerAccess, (*exchange).deleteTagging},
	{"PutBucketVersioning", noBody, ownerAccess, (*exchange).putVersioning},
	{"GetBucketVersioning", documentReply, ownerAccess, (*exchange).getVersioning},
	{"ListObjectVersions", documentReply, readAccess, (*exchange).listVersions},

	{"PutSymlink", noBody, writeAccess, (*exchange).putSymlink},
	{"GetSymlink", noBody, readAccess, (*exchange).getSymlink},
	{"RestoreObject", noBody, ownerAccess, (*exchange).restoreObject},
	{"PutBucketEncryption", noBody, ownerAccess, (*exchange).putEncryption},
	{"GetBucketEncryption", documentReply, ownerAccess, (*exchange).getEncryption},
	{"DeleteBucketEncryption", noBody, ownerAccess, (*exchange).deleteEncryption},
	{"PutBucketTags", noBody, ownerAccess, (*exchange).putBucketTags},
	{"GetBucketTags", documentReply, ownerAccess, (*exchange).getBucketTags},
	{"DeleteBucketTags", noBody, ownerAccess, (*exchange).deleteBucketTags},
	{"PutBucketLifecycle", noBody, ownerAccess, (*exchange).putLifecycle},
	{"GetBucketLifecycle", documentReply, ownerAccess, (*exchange).getLifecycle},
	{"DeleteBucketLifecycle", noBody, ownerAccess, (*exchange).deleteLifecycle},
	{"PutBucketCors", noBody, ownerAccess, (*exchange).putCORS},
	{"GetBucketCors", documentReply, ownerAccess, (*exchange).getCORS},
	{"DeleteBucketCors", noBody, ownerAccess, (*exchange).deleteCORS},
	{"OptionObject", noBody, ownerAccess, (*exchange).preflight},
	{"PostObject", contentRequest, writeAccess, (*exchange).postObject},
}

// unknownOperation is the operation of every other request.
var unknownOperation = &operation{"", noBody, ownerAccess, (*exchange).refuseUnknown}

// Operations returns the names of all operations that a Server implements. They are the values of Fault.Op and
// Request.Op.
func Operations() []string {
	var names []string
	for _, op := range operations {
		names = append(names, op.name)
	}
	return names
}

// operationNamed returns the operation of that name, or unknownOperation.
func operationNamed(name string) *operation {
	for _, op := range operations {
		if op.name == name {
			return op
		}
	}
	return unknownOperation
}
