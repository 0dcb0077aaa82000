package osstest

// An operation is something a Server can do.
type operation struct {
	name  string
	moves traffic
	needs access
	run   func(*exchange) (*reply, error)
}

// traffic is where the bytes of an operation go: what an Effect may damage, cut or slow.
type traffic int

const (
	nothing   traffic = iota // no body either way
	documents                // the reply is a document
	joined                   // so it is, and content that OSS holds becomes new content
	received                 // the request brings content
	sent                     // the reply brings content
)

// access is what one must be allowed to do a thing. An ACL grants reading and writing to everybody;
// what remains is the owner's.
type access int

const (
	owning access = iota
	reading
	writing
)

// operations are all there are. Other requests are refused as not implemented.
var operations = []*operation{
	{"ListBuckets", documents, owning, (*exchange).listBuckets},
	{"PutBucket", nothing, owning, (*exchange).putBucket},
	{"DeleteBucket", nothing, owning, (*exchange).deleteBucket},
	{"HeadBucket", nothing, reading, (*exchange).headBucket},
	{"GetBucketInfo", documents, owning, (*exchange).bucketInfo},
	{"GetBucketLocation", documents, owning, (*exchange).bucketLocation},
	{"GetBucketStat", documents, owning, (*exchange).bucketStat},
	{"PutBucketAcl", nothing, owning, (*exchange).putBucketACL},
	{"GetBucketAcl", documents, owning, (*exchange).bucketACL},
	{"ListObjects", documents, reading, (*exchange).listObjects},
	{"ListObjectsV2", documents, reading, (*exchange).listObjectsV2},
	{"DeleteMultipleObjects", documents, writing, (*exchange).deleteObjects},
	{"InitiateMultipartUpload", documents, writing, (*exchange).initiate},
	{"UploadPart", received, writing, (*exchange).uploadPart},
	{"UploadPartCopy", joined, writing, (*exchange).uploadPartCopy},
	{"CompleteMultipartUpload", joined, writing, calledBack((*exchange).complete)},
	{"AbortMultipartUpload", nothing, writing, (*exchange).abort},
	{"ListParts", documents, writing, (*exchange).listParts},
	{"ListLiveChannel", documents, owning, (*exchange).listLiveChannels},
	{"ListMultipartUploads", documents, writing, (*exchange).listUploads},
	{"PutObject", received, writing, calledBack((*exchange).putObject)},
	{"AppendObject", received, writing, (*exchange).appendObject},
	{"CopyObject", joined, writing, (*exchange).copyObject},
	{"GetObject", sent, reading, (*exchange).getObject},
	{"HeadObject", nothing, reading, (*exchange).headObject},
	{"GetObjectMeta", nothing, reading, (*exchange).objectMeta},
	{"DeleteObject", nothing, writing, (*exchange).deleteObject},
	{"PutObjectACL", nothing, owning, (*exchange).putObjectACL},
	{"GetObjectACL", documents, owning, (*exchange).objectACL},
	{"PutObjectTagging", nothing, owning, (*exchange).putTagging},
	{"GetObjectTagging", documents, owning, (*exchange).tagging},
	{"DeleteObjectTagging", nothing, owning, (*exchange).deleteTagging},
	{"PutBucketVersioning", nothing, owning, (*exchange).putVersioning},
	{"GetBucketVersioning", documents, owning, (*exchange).getVersioning},
	{"ListObjectVersions", documents, reading, (*exchange).listVersions},

	{"PutSymlink", nothing, writing, (*exchange).putSymlink},
	{"GetSymlink", nothing, reading, (*exchange).getSymlink},
	{"RestoreObject", nothing, owning, (*exchange).restoreObject},
	{"PutBucketEncryption", nothing, owning, (*exchange).putEncryption},
	{"GetBucketEncryption", documents, owning, (*exchange).getEncryption},
	{"DeleteBucketEncryption", nothing, owning, (*exchange).deleteEncryption},
	{"PutBucketTags", nothing, owning, (*exchange).putBucketTags},
	{"GetBucketTags", documents, owning, (*exchange).getBucketTags},
	{"DeleteBucketTags", nothing, owning, (*exchange).deleteBucketTags},
	{"PutBucketLifecycle", nothing, owning, (*exchange).putLifecycle},
	{"GetBucketLifecycle", documents, owning, (*exchange).getLifecycle},
	{"DeleteBucketLifecycle", nothing, owning, (*exchange).deleteLifecycle},
	{"PutBucketCors", nothing, owning, (*exchange).putCORS},
	{"GetBucketCors", documents, owning, (*exchange).getCORS},
	{"DeleteBucketCors", nothing, owning, (*exchange).deleteCORS},
	{"OptionObject", nothing, owning, (*exchange).preflight},
	{"PostObject", received, writing, (*exchange).postObject},
}

// unknownOperation is every other request.
var unknownOperation = &operation{"", nothing, owning, (*exchange).refuseUnknown}

// Operations returns the names of all operations that a Server knows, as Fault.Op and Request.Op
// have them.
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
