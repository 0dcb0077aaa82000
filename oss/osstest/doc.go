// Package osstest is an Alibaba Cloud OSS that runs inside a test: no account, no port, no
// network, no waiting. Code that uploads to OSS can be tested against it as it is.
//
//	srv := osstest.NewServer(nil)
//	defer srv.Close()
//	save(srv.Client()) // the code under test, given an *oss.Client
//	got, ok := srv.Object("photos", "cat.jpg")
//
// Other SDKs work with it too: give them srv.HTTPClient(), which reaches the Server whatever host a
// URL names, or give the Server to httptest.NewServer for a real port.
//
// # Strict
//
// A Server refuses what OSS refuses, with the status, the code and the document that OSS sends. It
// checks signatures (V1 and V4, in the header and in the URL), dates, tokens, part numbers and
// sizes, the order and ETags of a part list, Content-MD5 and CRC-64, names, metadata and tags. It
// knows multipart uploads and all that reads, writes, copies, appends to, lists and deletes objects,
// their versions, ACLs and tags, symbolic links, forms (PostObject), and the buckets themselves with their CORS and
// lifecycle rules, tags and encryption. Every other request is answered with NotImplemented and never with a success
// that means nothing. Encryption is checked and echoed but not carried out.
//
// Three things are lenient, on purpose: buckets need not be created (see Options.Buckets), their
// names may have one or two letters, and Options.MinPartSize lets a test have many parts of few bytes.
//
// # Faults
//
// What OSS does on a bad day is made to happen with Inject: errors, throttling, cut connections, replies
// that get lost after the work is done or come from a proxy, damaged, truncated and slow bytes, wrong
// clocks, tokens that expire, parts that arrive again after an abort.
//
//	srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Times: 1, Effect: osstest.LoseReply()})
//
// Chaos draws what happens to each request from a seed, and says afterwards what it was:
//
//	chaos := srv.Inject(osstest.Fault{Effect: osstest.Chaos(seed)})
//	defer func() { t.Log(chaos.Strikes()) }()
//
// # Looking
//
// Object, Stat and Objects show what is stored, Uploads what is unfinished, Requests everything that
// arrived, refused requests included. A test of uploads does well to end with
//
//	if left := srv.Uploads(); len(left) > 0 {
//		t.Errorf("left behind: %v", left)
//	}
//
// # Buckets
//
// Without Options.Buckets every name is a bucket, as most tests like it: PutBucket may set its storage
// class and ACL all the same, ListBuckets has those that were made or hold something, and one that
// DeleteBucket removed is missing until PutBucket makes it again. With Options.Buckets only those
// exist, and what PutBucket makes. Options.RequesterPays are buckets of somebody else, who wants
// x-oss-request-payer.
//
// New objects have the storage class and the encryption that their bucket says. Archived objects must be restored
// before they can be read, which takes a minute or more by the Server's clock. CORS rules answer preflights and
// add their headers to replies; Options.CORS gives rules to every bucket. Lifecycle rules are kept, and ExpireUploads
// carries out what they say of unfinished uploads.
//
// # Callbacks
//
// With Options.Callbacks the Server calls the address in x-oss-callback after PutObject, PostObject and
// CompleteMultipartUpload, fills in the variables, and passes the answer on; if there is none within five
// seconds, or a bad one, the reply is 203 CallbackFailed and the object is there. Only loopback is
// called. Callbacks are not signed. Without Options.Callbacks a request for one is NotImplemented.
//
// # Versions
//
// A bucket keeps versions after PutBucketVersioning, or SetVersioning, which does the same without a
// request. Then overwriting adds a version, deleting adds a delete marker, and versionId reads or
// removes one of them for good. Versions shows them all.
//
// # Time
//
// In a testing/synctest bubble, backoffs, delays and slow lines take no time at all. Make the Server
// inside the bubble, and Close it there. Elsewhere Options.Now sets its clock alone, to see what a
// client makes of expired tokens and skewed clocks.
//
// # Memory and files
//
// Small bodies are kept in memory. One of more than Options.SpillSize bytes, 8 MiB if nothing else
// is said, goes to a temporary file, and so do small ones when those in memory come to 32 times as
// much. With Options.Dir all bodies are files there. In files they pass through in small pieces, so
// a Server can hold objects larger than memory. Completing links parts and copies nothing. Close
// removes all these files.
//
// Unless Options.Persist is set: then Dir keeps everything that is stored, which is objects with
// their versions, buckets with their state, and unfinished uploads with their parts. The next Server
// with that Dir goes on with it. Each change is on file before the request is answered, as a whole or
// not at all, so it does not matter how the process of the Server ends, even if it is killed; a
// loss of power can matter without Options.Sync. Options, faults and the log of requests do not persist, nor do the
// Authorization and the token among the headers of an object. Only one Server at a time can have
// such a Dir: NewServer panics, and Open returns an error, if it is in use.
//
// # Concurrency
//
// A Server is safe for concurrent use and has no state but its own; each test can have one, in
// parallel. Close ends all its goroutines.
package osstest
