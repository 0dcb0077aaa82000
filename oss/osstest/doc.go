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
// knows thirteen operations: those of multipart uploads, PutObject, CopyObject, GetObject,
// HeadObject, GetObjectMeta and DeleteObject. Every other request is answered with NotImplemented
// and never with a success that means nothing. Buckets have no versions, callbacks are not made,
// and encryption and traffic limits are checked and echoed but not carried out.
//
// Three things are lenient, on purpose: buckets need not be created (see Options.Buckets), their
// names may have one or two letters, and Options.MinPartSize lets a test have many parts of few bytes.
//
// # Faults
//
// What OSS does on a bad day is made to happen with Inject: errors, cut connections, replies that
// get lost after the work is done, damaged, truncated and slow bytes.
//
//	srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Times: 1, Effect: osstest.LoseReply()})
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
// # Time
//
// In a testing/synctest bubble, backoffs, delays and slow lines take no time at all. Make the Server
// inside the bubble, and Close it there. Elsewhere Options.Now sets its clock alone, to see what a
// client makes of expired tokens and skewed clocks.
//
// # Memory and concurrency
//
// Bodies are kept in memory, or in files with Options.Dir: then they pass through in small pieces,
// and a Server can hold objects larger than memory. Completing links parts and copies nothing. A
// Server is safe for concurrent use and has no state outside itself; each test can have its own, in
// parallel. Close ends all its goroutines.
package osstest
