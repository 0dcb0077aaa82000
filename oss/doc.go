// Package oss is a client for Alibaba Cloud Object Storage Service (OSS). It has a method for each REST operation of
// multipart uploads, for those that list, read, write and delete objects, and for the common ones on buckets; Do sends
// any other request. Package multipart, built on this one, uploads files and streams of any size.
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
// other Endpoint, such as that of a private installation, signs with V1, the header "OSS AccessKeyID:Signature". OSS is
// withdrawing V1 in phases: it is closed to accounts registered since 1 March 2025 and to buckets created since 1
// September 2025. The error of a refusal for that reason says so. Config.Signer overrides the choice.
//
// Every attempt is signed anew, with current credentials and the current time. If OSS refuses a request because the
// local clock is wrong, the Client corrects its clock by that reply and repeats the request.
//
// # Bodies and checksums
//
// A request body is a Body: content of known size that can be read again, so that an attempt can be repeated.
// UploadPart and PutObject send its Content-MD5, with which OSS refuses corrupted bytes before it stores them, and
// compare the ETag and the CRC-64 of the reply. GetObject compares the CRC-64 of a whole object when it has been read.
//
// # Retries
//
// An attempt is repeated if the connection fails, if OSS answers 429 or 5xx, if the body did not reach OSS in time, and
// if bytes were corrupted. The wait is a jittered backoff, or the time that OSS asks for in Retry-After. An operation
// makes at most Config.Retry.Attempts attempts, and all operations of a Client share a budget of 100 retries; see
// Retry.
//
// An attempt may take any time, but is abandoned if no byte moves for Config.Retry.Stall. A Timeout of
// Config.HTTPClient limits the whole attempt, even while bytes move; NewClient logs a warning about it.
//
// CompleteMultipartUpload is the only method that is not safe to repeat; see there. AppendObject finds out whether an
// append took effect whose response was lost. The Body of GetObject continues with another request if its connection
// breaks. Do repeats requests by their method, or as Request.Repeat says.
//
// # Connections
//
// Without Config.HTTPClient, a Client has its own connections: proxies come from the environment, connections are
// spread over the addresses of a host and follow its DNS, and bodies are sent without a copy. NewTransport changes
// proxy, certificates, addresses and limits, and says what other transports cost.
//
// # Errors
//
// If OSS refuses an operation, the error is a *ServiceError, whose Code tells the reason:
//
//	if errors.Is(err, oss.ErrNoSuchUpload) { ... }
//
// Errors of package fs match as well: fs.ErrNotExist for an object, bucket, version or upload that does not exist, and
// fs.ErrExist and fs.ErrPermission. If a Body or a credentials provider cannot open a file, the error matches
// fs.ErrNotExist too, but it is not a *ServiceError; errors.As finds its *fs.PathError. Corrupted bytes are a
// *ChecksumError. The error of a call or a read that is cancelled matches that of its context, and its cause. Invalid
// arguments are an error before any request.
//
// No error, log record or hook contains a secret, a token or a signature.
//
// # Concurrency
//
// A Client is safe for concurrent use and needs no Close; create one and share it. It keeps up to 256 idle connections
// for each host, with their goroutines, for 50 seconds or until CloseIdleConnections. A connection has up to 256 KiB of
// buffers while it sends a body, with TLS up to 264 KiB, and none while it is idle. There are as many sending
// connections as concurrent calls.
package oss
