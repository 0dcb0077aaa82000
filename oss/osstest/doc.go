// Package osstest provides a server that behaves like Alibaba Cloud OSS, for tests: in the process of the test, without
// an account, a port or a network. Code that uploads to OSS can be tested unchanged.
//
//	srv := osstest.NewServer(nil)
//	defer srv.Close()
//	save(srv.Client()) // the code under test takes an *oss.Client
//	got, ok := srv.Object("photos", "cat.jpg")
//
// Other SDKs can use it too: through Server.HTTPClient, which reaches the Server whatever host a URL names, or on a
// real port, because a Server is an http.Handler for httptest.NewServer.
//
// # What is checked
//
// A Server refuses what OSS refuses, with the same status, code and document. It checks signatures (V1 and V4, in the
// header and in the URL), dates, tokens, part numbers and sizes, the order and ETags of part lists, Content-MD5 and
// CRC-64, names, metadata and tags.
//
// It implements multipart uploads; reading, writing, copying, appending to, listing and deleting objects; their
// versions, ACLs and tags; symbolic links; forms (PostObject); and buckets with their CORS and lifecycle rules, tags
// and encryption. Every other request is refused with NotImplemented. Encryption is checked and echoed, but nothing is
// encrypted.
//
// Three checks are lenient: buckets need not be created (see Options.Buckets), their names may have one or two letters,
// and Options.MinPartSize allows small parts.
//
// # Faults
//
// Inject makes requests fail: errors, throttling, closed connections, lost replies, replies of proxies, damaged,
// truncated and slow bodies, wrong clocks, expiring tokens, and parts that arrive again after an abort.
//
//	srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Times: 1, Effect: osstest.LoseReply()})
//
// Chaos draws an effect for each request from a seed, and reports what it drew:
//
//	chaos := srv.Inject(osstest.Fault{Effect: osstest.Chaos(seed)})
//	defer func() { t.Log(chaos.Strikes()) }()
//
// # Inspection
//
// Object, Stat and Objects return what is stored, Uploads the unfinished uploads, and Requests every request that
// arrived, including refused ones. A test of uploads can end with
//
//	if left := srv.Uploads(); len(left) > 0 {
//		t.Errorf("unfinished uploads: %v", left)
//	}
//
// # Buckets
//
// Without Options.Buckets every name is a bucket. PutBucket sets the storage class and the ACL of one, ListBuckets
// lists those that were created or are not empty, and a deleted bucket does not exist until PutBucket creates it again.
// With Options.Buckets only those exist, and those that PutBucket creates. The buckets in Options.RequesterPays belong
// to another account; requests for them need x-oss-request-payer.
//
// New objects get the storage class and the encryption of their bucket. Archived objects must be restored before they
// can be read, which takes a minute or more by the clock of the Server. CORS rules answer preflight requests and add
// headers to replies; Options.CORS sets rules for all buckets. Lifecycle rules are stored; ExpireUploads applies those
// for unfinished uploads.
//
// # Callbacks
//
// With Options.Callbacks the Server requests the URL in x-oss-callback after PutObject, PostObject and
// CompleteMultipartUpload, with the variables filled in, and replies with the response. Without a valid response within
// five seconds the reply is 203 CallbackFailed, and the object is stored. Only loopback addresses are requested, and
// callbacks are not signed. Without Options.Callbacks a request for a callback is refused with NotImplemented.
//
// # Versions
//
// A bucket keeps versions after PutBucketVersioning or SetVersioning. Then overwriting adds a version, deleting adds a
// delete marker, and requests with a versionId read or remove one version. Versions returns all of them.
//
// # Time
//
// In a testing/synctest bubble, backoffs, delays and slow bodies take no time. Make and close the Server inside the
// bubble. Options.Now sets the clock of the Server alone, for tests of expired tokens and clock skew.
//
// # Memory and files
//
// Bodies of up to Options.SpillSize bytes, by default 8 MiB, are kept in memory until they total 32 times as much;
// other bodies are in temporary files. With Options.Dir all bodies are files in that directory. Bodies are copied to
// files through small buffers, so objects can be larger than memory. CompleteMultipartUpload links parts and copies
// nothing. Close removes all files.
//
// With Options.Persist, Dir keeps the state of the Server for the next Server with the same Dir: objects and their
// versions, buckets, and unfinished uploads with their parts. Each change is written to a file as a whole before its
// request is answered, so nothing acknowledged is lost when the process ends in any way, including a kill. A loss of
// power can lose changes unless Options.Sync is set. Options, faults, the log of requests, and the Authorization and
// security token of stored objects do not persist. One Server at a time can use such a Dir: otherwise NewServer panics,
// and Open returns an error.
//
// # Concurrency
//
// A Server is safe for concurrent use and shares no state with other Servers, so parallel tests can each have one.
// Close ends all its goroutines.
package osstest
