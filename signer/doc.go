// Package signer computes the signatures that Alibaba Cloud OSS asks of every request that
// is not anonymous. It needs nothing but the standard library, and it touches no network.
//
// OSS and its client share a secret. The client writes the facts of a request (method, bucket,
// key, query, some headers, the time) into one text, the string to sign, and sends an HMAC of
// it. OSS writes the same text from what arrived and compares. Signing is therefore the last
// thing done to a request: what is changed afterwards is refused with SignatureDoesNotMatch.
//
//	req, _ := http.NewRequest("GET", "https://photos.oss-cn-hangzhou.aliyuncs.com/cat.jpg", nil)
//	err := signer.V4{}.Sign(req, signer.Params{
//		Bucket: "photos", Key: "cat.jpg", Region: "cn-hangzhou", Time: time.Now(),
//		Credentials: signer.Credentials{AccessKeyID: id, AccessKeySecret: secret},
//	})
//
// # Which scheme
//
// [V4] is the one to use. It needs the region of the bucket, covers the whole query, and its
// presigned URLs live up to seven days. [V1] needs no region, covers only the query parameters
// OSS knows as subresources, and is being withdrawn: new accounts and new buckets refuse it.
// Neither covers the body; that is what Content-MD5 is for, which both do cover.
//
// Both come in two forms. Sign puts the signature into the Authorization header, for a request
// that is sent now. Presign puts it into the query, for a URL that is handed to someone without
// keys. Whoever uses the URL must send the Content-Type, Content-MD5 and x-oss-* headers that
// the request had when it was presigned, with the same values.
//
// # Retries
//
// A request may be signed again, by either scheme, in either form: the new signature replaces
// the old one and everything that came with it, a security token included.
//
// # When OSS says SignatureDoesNotMatch
//
// The reply holds the string to sign, and for V4 the canonical request, as OSS saw them.
// [V1.StringToSign], [V4.StringToSign] and [V4.CanonicalRequest] give ours, for a request as it
// stands after signing. The first line that differs is the cause. If none does, the secret is
// wrong. One known trap of V4 has another look: third parties report that OSS computes a
// different text for a header such as x-oss-meta-note that is sent with an empty value.
//
// # Servers
//
// A server that checks signatures fills Params from what it received and what it knows, calls
// [V1.Signature] or [V4.Signature], and compares in constant time with what was sent. Time is
// then read off the request, not Params. Expiry, clock skew and the well-formedness of the
// Authorization header are the server's own business.
//
// # Secrets and concurrency
//
// [Credentials] mask themselves in fmt and log/slog, and no error holds a secret. Signers have
// no state and are safe for concurrent use; the request being signed belongs to the caller.
//
// See https://help.aliyun.com/en/oss/developer-reference/recommend-to-use-signature-version-4
package signer
