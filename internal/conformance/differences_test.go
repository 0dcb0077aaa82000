package conformance_test

// A difference is a behavior of the fake that differs from that of the service, or may differ.
type difference struct {
	Ops  []string // operations that it is about; none means all
	What string   // what the fake does, as a sentence
	Why  string   // the reason
}

// differences returns all known differences.
func differences() []difference {
	return []difference{
		{nil, "Everything that is not listed here is refused with 400 NotImplemented: websites, logging and " +
			"image processing, for example.",
			"a test notices a refusal, and not a success without an effect"},
		{nil, "All keys belong to one account, which owns every bucket except those of Options.RequesterPays; " +
			"policies do not exist.", "tests of uploads need one account"},
		{nil, "Encryption is checked, stored and reported, but nothing is encrypted.", "tests compare the bytes"},
		{[]string{"RestoreObject"},
			"Restoring takes one minute for Archive, and as long as the documentation allows for the others, by the " +
				"Server's clock.", "the service makes no other promise"},
		{[]string{"PutBucketLifecycle"},
			"Rules are stored and reported; Server.ExpireUploads aborts unfinished uploads, and nothing else is done.",
			"a test does not expect objects to disappear"},
		{[]string{"PutBucketLifecycle"}, "An element that the documentation does not name is dropped.",
			"it is not known whether the service drops or refuses it"},
		{[]string{"OptionObject", "PutBucketCors"}, "Access-Control-Allow-Origin is always the origin of the request.",
			"the documentation says so; the service may send an asterisk where the rule has one"},
		{[]string{"PostObject"}, "A form signed by V4 whose policy lacks a condition on one of its three fields is " +
			"400 InvalidPolicyDocument.", "they are required; the reply is not documented"},
		{[]string{"PostObject"}, "A redirect is 303.", "the documentation names no status"},
		{nil, "Writes are visible at once, and there is no limit on requests, bandwidth or the number of buckets, " +
			"except x-oss-traffic-limit.", "faults are injected by tests, not by chance"},
		{[]string{"CopyObject", "UploadPartCopy"}, "x-oss-traffic-limit is checked and has no effect.",
			"copies link stored bytes, so nothing is transferred"},
		{[]string{"PutBucket", "DeleteBucket", "ListBuckets"},
			"Without Options.Buckets every bucket exists until it is deleted; ListBuckets lists those that were " +
				"created or are not empty.", "a test of uploads should not need to create a bucket"},
		{[]string{"PutBucket", "DeleteBucket"},
			"A body that is still arriving when its bucket is deleted is stored, and exists if the bucket is " +
				"created again.", "the behavior of the service is not known"},
		{[]string{"GetBucketInfo"},
			"The elements that are optional, such as ResourceGroupId, are left out; the order of the others is that " +
				"of ListBuckets.", "no reply of the service has been recorded"},
		{[]string{"GetBucketStat"}, "It is up to date.", "the service is up to an hour behind"},
		{[]string{"ListObjects", "ListObjectsV2", "ListObjectVersions"}, "EncodingType is the first element.",
			"it is the first in all recorded replies of other lists; none of these lists was recorded with it"},
		{[]string{"DeleteMultipleObjects"},
			"A missing Content-MD5 is 400 MissingArgument, and an invalid key refuses the whole list.",
			"the documentation says that it is required, not what happens without it"},
		{[]string{"CopyObject"}, "A source above 1 GiB is 400 EntityTooLarge.",
			"the limit is documented, the code is not"},
		{[]string{"CopyObject", "UploadPartCopy"}, "An appendable source is 400 OperationNotSupported.",
			"older pages say so, newer ones do not mention it"},
		{[]string{"AppendObject"}, "The ETag is sixteen random digits and the size.",
			"that of the service is opaque too"},
		{[]string{"PutObject", "CompleteMultipartUpload"},
			"A callback is sent to loopback addresses only, and only with Options.Callbacks; it is not signed, and " +
				"has no image variables.", "tests must not request other servers, and only the service has its key"},
		{[]string{"PutObject", "CompleteMultipartUpload"}, "The response to a callback may have 1 MiB.",
			"one page of the documentation says that, another 3 MB"},
		{[]string{"GetObject", "HeadObject"},
			"A bucket may be public, although new buckets of the service block public access at first.",
			"Options.PublicBuckets asks for it"},
		{nil, "Package net/http replies without a document and headers of OSS: 400 to a " +
			"malformed request line, header or " +
			"path, 417 to an unknown Expect, 431 to headers of more than 1 MiB.",
			"a Server gets only requests that net/http can parse"},
		{nil, "The values url2 and base64 of encoding-type are 400 NotImplemented.",
			"no page says how keys are encoded then"},
		{[]string{"GetObject"}, "Text is never compressed, whatever Accept-Encoding says, although Vary is sent.",
			"tests compare lengths and checksums of the stored bytes"},
	}
}
