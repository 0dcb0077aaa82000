// Package signer computes the signatures that Alibaba Cloud OSS requires of every request that is not anonymous. It
// depends on the standard library only and does not touch the network.
//
// OSS and its client share a secret. The client writes the facts of a request (method, bucket, key, query, some
// headers, the time) into one text, the string to sign, and sends an HMAC of it. OSS writes the same text from the
// request it received, and compares. Signing must therefore be the last change to a request: OSS refuses any later
// change with SignatureDoesNotMatch.
//
//	req, _ := http.NewRequest("GET", "https://photos.oss-cn-hangzhou.aliyuncs.com/cat.jpg", nil)
//	err := signer.V4{}.Sign(req, signer.Params{
//		Bucket: "photos", Key: "cat.jpg", Region: "cn-hangzhou", Time: time.Now(),
//		Credentials: signer.Credentials{AccessKeyID: id, AccessKeySecret: secret},
//	})
//
// # Which scheme
//
// Use [V4]. It needs the region of the bucket and covers the whole query. A presigned V4 URL is valid for at most seven
// days. [V1] needs no region and covers only the query parameters that OSS calls subresources. OSS is withdrawing it:
// new accounts and new buckets refuse it. Neither scheme covers the body. Both cover the header Content-MD5, which
// does.
//
// Both schemes have two forms. Sign sets the Authorization header, for a request that is sent now. Presign adds the
// signature to the query, for a URL that a client without keys can use. That client must send the Content-Type,
// Content-MD5 and x-oss-* headers that the request had when it was presigned, with the same values.
//
// # Retries
//
// A request may be signed again, by either scheme and in either form. The new signature replaces the old one and all of
// its headers and parameters, including a security token.
//
// # SignatureDoesNotMatch
//
// The reply contains the string to sign, and for V4 the canonical request, as OSS computed them. [V1.StringToSign],
// [V4.StringToSign] and [V4.CanonicalRequest] return those of this package for a signed request. The first line that
// differs is the cause. If none differs, the secret is wrong. One pitfall of V4 looks different: third parties report
// that OSS computes another text for a header such as x-oss-meta-note that is sent with an empty value.
//
// # Servers
//
// A server that checks signatures fills Params from the request and its own configuration, calls [V1.Signature] or
// [V4.Signature], and compares the result with the received signature in constant time. The time is then read from the
// request, not from Params. The server itself must check expiry, clock skew and the form of the Authorization header.
//
// # Secrets and concurrency
//
// [Credentials] mask themselves in fmt and log/slog, and no error contains a secret. Signers have no state and are safe
// for concurrent use. The caller owns the request that is being signed.
//
// See https://help.aliyun.com/en/oss/developer-reference/recommend-to-use-signature-version-4
package signer
