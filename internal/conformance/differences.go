package conformance

// A Difference is something in which the fake is known not to be like the service, or cannot be
// known to be.
type Difference struct {
	Ops  []string // operations it shows in; none means all
	What string   // what the fake does, as a sentence
	Why  string   // and why
}

// Differences returns all that are known.
func Differences() []Difference {
	return []Difference{
		{nil, "Everything that is not listed here is answered with 400 NotImplemented: websites, logging and image processing, for example.",
			"a refusal can be seen, a success that means nothing cannot"},
		{nil, "All keys belong to one account, which owns every bucket but those of Options.RequesterPays; policies do not exist.", "nothing here is about accounts"},
		{nil, "Encryption is checked, kept and reported, and changes nothing.", "the bytes are what a test looks at"},
		{[]string{"RestoreObject"}, "Restoring takes one minute for Archive, and as long as the documentation allows for the others, by the Server's clock.", "the service promises no more"},
		{[]string{"PutBucketLifecycle"}, "Rules are kept and told; Server.ExpireUploads ends unfinished uploads, and nothing else is done.", "objects that go by themselves would surprise a test"},
		{[]string{"PutBucketLifecycle"}, "An element that the documentation does not name is dropped.", "the service does so too, or refuses it: that is not known"},
		{[]string{"OptionObject", "PutBucketCors"}, "Access-Control-Allow-Origin is always the origin that asked.", "the documentation says so; the service may say an asterisk for an asterisk"},
		{[]string{"PostObject"}, "A form signed by V4 whose policy lacks a condition on one of its three fields is 400 InvalidPolicyDocument.", "they are required; the answer is not documented"},
		{[]string{"PostObject"}, "A redirect is 303.", "the documentation names no status"},
		{nil, "What is written is seen at once, and no limit on requests, bandwidth or the number of buckets is ever reached, " +
			"x-oss-traffic-limit apart.", "faults are injected by tests, not by chance"},
		{[]string{"CopyObject", "UploadPartCopy"}, "x-oss-traffic-limit is checked and not kept.",
			"bytes that are copied are linked here and do not move"},
		{[]string{"PutBucket", "DeleteBucket", "ListBuckets"}, "Without Options.Buckets every name exists until it is deleted; those are listed that were made or hold something.",
			"a test of uploads should not have to make a bucket"},
		{[]string{"PutBucket", "DeleteBucket"}, "A body that is still arriving when its bucket is deleted is stored, and is there again if the bucket is made anew.", "what the service does is not known"},
		{[]string{"GetBucketInfo"}, "The elements that are optional, such as ResourceGroupId, are left out; the order of the others is that of ListBuckets.", "no reply of the service has been recorded"},
		{[]string{"GetBucketStat"}, "It counts at once.", "the service is up to an hour behind"},
		{[]string{"ListObjects", "ListObjectsV2", "ListObjectVersions"}, "EncodingType is the first element.", "it is in all replies that were recorded; none of these was, with it"},
		{[]string{"DeleteMultipleObjects"}, "A missing Content-MD5 is 400 MissingArgument, and a key that is impossible refuses the whole list.", "the documentation says that it is required, not what happens without it"},
		{[]string{"CopyObject"}, "A source above 1 GiB is 400 EntityTooLarge.", "the limit is documented, the code is not"},
		{[]string{"CopyObject", "UploadPartCopy"}, "An appendable source is 400 OperationNotSupported.", "older pages say so, and newer ones leave it out"},
		{[]string{"AppendObject"}, "The ETag is sixteen random digits and the size.", "the service's is opaque too"},
		{[]string{"PutObject", "CompleteMultipartUpload"}, "A callback goes to loopback only, and to nobody without Options.Callbacks; it is not signed, and knows nothing of images.",
			"tests call nobody, and only the service has its key"},
		{[]string{"PutObject", "CompleteMultipartUpload"}, "The answer to a callback may have 1 MiB.", "one page of the documentation says that, another 3 MB"},
		{[]string{"GetObject", "HeadObject"}, "A bucket may be public, though newer buckets of the service block that at first.", "Options.PublicBuckets asks for it"},
		{nil, "Package net/http answers for itself, without a document and headers of OSS: 400 to a request line, a header or an " +
			"escape in a path that is malformed, 417 to an Expect it does not know, 431 to a head of more than 1 MiB.",
			"a Server sees only requests that could be read"},
		{nil, "The values url2 and base64 of encoding-type are 400 NotImplemented.", "no page says how keys are written then"},
		{[]string{"GetObject"}, "A text is never compressed, whatever Accept-Encoding says, though Vary is sent.",
			"a test compares lengths and checksums of what was stored"},
	}
}
