// Package oss calls Alibaba Cloud Object Storage Service (OSS). It has one method for each REST
// operation that multipart uploads are made of, and those on single objects beside them; Do sends
// any other. Package multipart, built on this one, uploads files and streams of any size.
//
//	client, err := oss.NewClient(oss.Config{Region: "cn-hangzhou"}) // keys from the environment
//	if err != nil {
//		return err
//	}
//	up, err := client.InitiateMultipartUpload(ctx, "bucket", "key", nil)
//	part, err := client.UploadPart(ctx, up, 1, bytes.NewReader(data), nil)
//	res, err := client.CompleteMultipartUpload(ctx, up, []oss.Part{part}, nil)
//
// # Signatures
//
// A Config with a Region, or with an Endpoint that names one such as oss-cn-hangzhou.aliyuncs.com, signs with V4. Any
// other Endpoint, such as that of a private installation, signs with V1, the "OSS AccessKeyID:Signature" header, which
// OSS is withdrawing: it is closed to accounts registered since 1 March 2025 and to buckets created since 1 September
// 2025, in phases. A refusal for that reason says so in the error. Config.Signer overrides the choice. Every attempt is
// signed anew, with the credentials and the date of its moment; a clock that is off is corrected by the reply in which
// OSS complains of it.
//
// # Bodies and checksums
//
// What is sent is a Body, content of known size that can be read again, so that an attempt can be
// repeated. UploadPart and PutObject send its Content-MD5, with which OSS refuses damaged bytes
// before it stores them, and compare the ETag and the CRC-64 of the reply. GetObject compares the
// CRC-64 of a whole object at its end.
//
// # Retries
//
// An operation is tried Config.Retry.Attempts times when the connection fails, when OSS answers 429 or 5xx, when the body
// did not reach it in time, and when bytes were damaged, with a jittered backoff or the time OSS asks for in Retry-After.
// All operations of a Client share a budget of 100 retries, which successes refill: see Retry. There is no limit to how
// long an attempt may take, only to how long it may stall; a Timeout of Config.HTTPClient would be one, of which NewClient
// warns. CompleteMultipartUpload alone is not safe to repeat: see there. Do repeats by the method, or as Request.Repeat
// says.
//
// # Errors
//
// A refusal is a *ServiceError, to be told apart by its Code:
//
//	if errors.Is(err, oss.ErrNoSuchUpload) { ... }
//
// The errors of package fs match too where they mean the same: fs.ErrNotExist for an object, a bucket, a version or an
// upload that does not exist. A file that a body or a provider of keys could not open is not a *ServiceError and
// matches fs.ErrNotExist as well, and errors.As finds its *fs.PathError. Damaged bytes are a *ChecksumError. A
// cancelled call matches the error of its context. An argument that OSS would refuse for its form is an error before
// any request. No error, log line or hook shows a secret, a token or a signature.
//
// # Concurrency
//
// A Client is safe for concurrent use and needs no Close; make one and share it. Unless Config.HTTPClient says
// otherwise it has connections of its own, of which it keeps up to 256 a host idle, with their goroutines, for 50
// seconds. A connection holds up to 256 KiB of buffers while it sends a body, with TLS up to 264 KiB, and none of
// them while it is idle; as many connections send at once as calls do.
package oss
