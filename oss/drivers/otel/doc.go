// Package ossotel makes OpenTelemetry traces and metrics of go-oss: of the operations of an oss.Client, and of the
// uploads and downloads of package multipart.
//
//	tel, err := ossotel.New(&ossotel.Options{TracerProvider: traces, MeterProvider: meters})
//	client, err := oss.NewClient(oss.Config{Region: "cn-hangzhou", Hooks: tel.ClientHooks()})
//	up := multipart.NewUploader(client, &multipart.Options{Hooks: tel.UploadHooks()})
//	down := multipart.NewDownloader(client, &multipart.DownloadOptions{Hooks: tel.DownloadHooks()})
//
// # Spans
//
// There are three levels, each the parent of the next:
//
//   - "upload" or "download", for each as a whole; see multipart.Hooks for what that is. Its events "waiting" and
//     "continuing" tell when OSS throttled or could not be reached.
//   - The operation, with the name of the OSS action, for example "UploadPart": one for each part, and a second one
//     for a part that was sent twice because the first request was slow. That of GetObject ends when the header of the
//     reply is there, since the caller reads the body.
//   - The attempt, with the HTTP method as its name: one for each request that was sent. It is made when the attempt
//     has ended, with the time at which it began.
//
// An operation that is called outside of a transfer has the span of its context as the parent. While OSS cannot be
// reached, one of the operations that wait asks for it, with a HeadObject that is a child of that operation.
//
// Names of attributes are those of the OpenTelemetry semantic conventions where these have one: rpc.* for operations,
// http.*, server.* and url.full for attempts, error.type and cloud.provider. The conventions name the bucket, the key,
// the part and the upload ID of object stores only as aws.s3.*, which this package uses, so that programs which know S3
// understand these spans too. The value of rpc.system.name is "alibabacloud.oss". What the conventions do not name
// begins with "oss.". The URL has no parameters, and no attribute has a secret.
//
// # Metrics
//
// README.md lists the metrics with the names that Prometheus gives them. Their labels have no bucket, key, upload ID or
// host. Those with values from outside, the name of an operation and the type of an error, have at most 100 values each
// besides "_OTHER". Metrics of operations, attempts and transfers are recorded in the context of their span, so that
// the SDK adds exemplars.
package ossotel
