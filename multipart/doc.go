// Package multipart uploads and downloads files, streams and directories of any size, in parts that are sent in
// parallel, and verifies what is stored.
//
//	up := multipart.NewUploader(client, nil)
//	res, err := up.UploadFile(ctx, "bucket", "backup.tar", "/var/backups/today.tar", nil)
//	if err != nil {
//		return err // nothing is left behind, or err says what
//	}
//	fmt.Println(res.ETag, res.CRC64, res.Parts)
//
// # Choosing a source
//
// UploadFile takes a path. Upload takes any io.Reader. It reads a regular *os.File, a *bytes.Reader, a *strings.Reader
// and an *io.SectionReader in place, by all workers, from the current offset, without buffers. Any other reader, such
// as a pipe, a network connection, a compressor or a type that embeds one of these, is read into buffers. UploadBody
// reads any other oss.Body in place. Anything that fits in one part, 8 MiB by default, is sent with a single PutObject.
// NewWriter is for code that writes to an io.Writer. Copy creates an object from one that OSS holds, without
// transferring its bytes.
//
// # Parts
//
// A part has DefaultPartSize, 8 MiB, unless Options say otherwise. For a known length the default grows until 10,000
// parts suffice, the maximum of OSS. A size that you choose is kept, and a source that is too long for it is refused
// before the first request. The parts of a stream of unknown length begin with that size, or with
// DefaultStreamPartSize, 2 MiB, and grow. Sized declares the length of a stream; Upload also asks readers that have a
// Len or a Size method. OSS accepts parts of 100 KiB to 5 GiB, and objects of 48.8 TiB.
//
// # Limits of an Uploader
//
// Concurrency, the parts in flight, and MemoryLimit, the bytes of the buffers of streams, apply to all uploads of an
// Uploader together: forty concurrent files have no more parts in flight than one. Waiting parts are served in order.
// Streams take memory as their bytes arrive, 256 KiB at a time, so a source that delivers nothing delays no other. When
// memory is short, streams send smaller parts. By default buffers take at most 40 MiB. Hashing takes up to 2 MiB more
// for each group of parts: one group for each file, more if processors are idle, and at most Concurrency groups. A
// program needs one Uploader.
//
// Concurrency is adaptive by default: it starts at 4 parts and doubles while that clearly raises the throughput, up to
// 64. It periodically tests other numbers, and so follows a network that changes.
//
// A part that is far slower than the others is sent a second time in parallel, on another connection, and the first
// success counts: a connection that is stuck does not delay an upload. At most 5 % of the bytes are sent twice.
//
// # Verification
//
// Every part is sent with its MD5, because otherwise OSS would store corrupted data. This is cheap: if the processor
// has AVX-512, AVX2 or NEON, a group of parts is hashed side by side while earlier parts are sent. Small objects that
// are uploaded at the same time are hashed in the same way. A file is read twice, but only once from the disk: the part
// of it that is hashed and not yet sent is limited to the available cache of the machine or container, and to 512 MiB.
// If that is too little for the parts in flight, they are read once, into buffers that count against MemoryLimit. Parts
// larger than MemoryLimit are read twice.
//
// The ETag and the CRC-64 of a part must match the bytes sent. The CRC-64 of the finished object must be the
// combination of those of its parts. Before the object is created, a file must still have its initial size,
// modification time and, on Unix, change time. Options.Checksum can reduce these checks.
//
// # Failures
//
// The first failure cancels the other parts. The upload is aborted until OSS holds no part of it, even if the context
// is cancelled. The error is an *UploadError with the first cause:
//
//	var ue *multipart.UploadError
//	if errors.As(err, &ue) && !ue.Aborted && ue.Plan.Upload.ID != "" {
//		log.Printf("left in OSS: %v", ue.Plan.Upload)
//	}
//
// FAILURES.md in the directory of this package lists the failures, what happens, and the test that verifies it. If the
// last reply is lost, the Uploader asks OSS for the outcome of the upload. If the answer proves neither success nor
// failure, the error matches ErrOutcomeUnknown.
//
// # Trees
//
// UploadFS uploads the files of a directory, or of any fs.FS, and DownloadTree downloads the objects below a prefix to
// a directory. Both yield a result for each file, continue after a failure, and can leave out what the other side has:
//
//	for f, err := range up.UploadFS(ctx, "bucket", "site", os.DirFS("public"), nil) {
//		if err != nil {
//			log.Printf("%s: %v", f.Path, err)
//		}
//	}
//
// Keys are not trusted as paths: DownloadTree creates nothing outside the directory.
//
// # Resuming
//
// With Options.Store an UploadFile that failed, or whose process was killed, continues when it is called again. The
// Store records the upload, OSS holds the parts, and a part is kept if its bytes equal those of the file. Without a
// record, Unfinished finds the uploads of a key in OSS, and Resume continues one of them. DirStore keeps records in a
// directory, NewObjectStore in OSS.
//
// Writer.Suspend ends a stream before its object exists, and returns a Checkpoint. ContinueWriter continues at the next
// byte, in any process. NamedWriter and OpenWriter find the Checkpoint by themselves.
//
// Begin, UploadParts and Finish are the single steps of an upload, for one machine or several, with a Plan that can be
// exchanged as JSON. Sweep aborts abandoned uploads.
//
// # Downloads
//
// A Downloader fetches objects in ranges, with the same engine: adaptive concurrency, a second request for a range that
// is far slower than others, Limiter, Progress and Patience.
//
//	d := multipart.NewDownloader(client, nil)
//	res, err := d.DownloadFile(ctx, "bucket", "backup.tar", "/var/backups/today.tar", nil)
//
// DownloadFile writes to a temporary file beside the target. That file takes the name of the target when it is on the
// disk and its CRC-64 is that of the object. A download that failed or was killed continues when it is called again.
// Download writes to an io.WriterAt, and NewReader returns the bytes in order.
//
// # Suspending
//
// Writer.Suspend ends a Writer without creating the object, and returns a Checkpoint: plain data, with the last bytes
// if they are too few for a part. ContinueWriter continues at the next byte, in this process or another one. With
// Options.Sidecar the Checkpoint is kept in an object beside the target, so that OpenWriter needs only bucket, key and
// upload ID; a NamedWriter keeps it in Options.Store, which may itself be in OSS: see NewObjectStore. The bytes of an
// unfinished upload cannot be read: OSS shows them only once Close has created the object.
//
// # Concurrency
//
// An Uploader and a Downloader are safe for concurrent use. Progress is called from one goroutine for each upload or
// download.
package multipart
