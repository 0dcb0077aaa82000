// Package multipart uploads files and streams of any size to OSS, in parts that are sent side by
// side, and proves what was stored.
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
// UploadFile takes a path. Upload takes any io.Reader. It reads a regular *os.File, a *bytes.Reader, a
// *strings.Reader and an *io.SectionReader in place, by all workers, from the current offset, without
// buffers. Any other reader, such as a pipe, a network connection, a compressor or a type that embeds one
// of these, is read into buffers. UploadBody reads any other oss.Body in place. Anything that fits in one
// part, 8 MiB by default, is sent with a single PutObject. NewWriter is for code that writes rather
// than is read from. Copy makes an object of one that is in OSS already, without moving its bytes.
//
// # Parts
//
// A part has DefaultPartSize, 8 MiB, unless Options say otherwise. For a known length the default grows until 10,000
// parts suffice, which is the most OSS takes; a size that you chose is kept, and too long a source is refused before
// the first request. The parts of a stream of unknown length begin with that size, or with DefaultStreamPartSize, 2
// MiB, and grow. Sized tells the length of a stream; Upload also asks readers that have a Len or a Size method. OSS
// takes parts of 100 KiB to 5 GiB, and objects of 48.8 TiB.
//
// # Limits are the Uploader's
//
// Concurrency, the parts in flight, and MemoryLimit, the bytes of the buffers of streams, hold over all uploads of an
// Uploader together: forty files at once still have no more parts in flight. Those who wait are served in turn.
// Streams take memory as their bytes arrive, 256 KiB at a time, so a source that gives nothing delays no other; when
// memory is short, streams send smaller parts. By default buffers take 40 MiB at most; hashing takes up to 2 MiB more
// for each group of parts that is hashed: one of each file at work, more where the processors have nothing else to
// do, and no more than Concurrency. A program needs one Uploader.
//
// Unless you choose it, the Uploader finds the Concurrency: it begins with four parts and doubles them while the
// link carries clearly more, up to 64; where four fill the link it stays with four. It goes on trying now and then,
// and so follows a link that changes.
//
// A part that is far slower than the others is sent a second time beside the first, on another connection, and the
// first success counts: a connection that is stuck does not hold up an upload. At most a twentieth of the bytes is
// sent in vain that way.
//
// # What is checked
//
// Every part is sent with its MD5, without which OSS would store damage. That costs little: where the
// processor has AVX-512, AVX2 or NEON, parts are hashed side by side, a group at a time, while those before
// are sent; and so are small objects that are uploaded at the same time. A file is read twice, but from the disk once:
// no more of it is hashed ahead than the memory of the machine or container can cache until it is sent, and 512 MiB at
// most. Where that memory does not suffice for the parts in flight, they are read once, into buffers that count against
// MemoryLimit; parts larger than that are read twice.
// A part's ETag and its CRC-64 must agree with what was sent. The CRC-64 of the finished object must be
// the combination of those of its parts. A file must have the size, the time of modification and,
// on Unix, the change time that it had in the beginning before the object is made. Options.Checksum chooses less.
//
// # When it fails
//
// The first failure cancels the other parts, the upload is aborted until OSS holds nothing of it,
// also when the context is cancelled, and the error is an *UploadError with that first cause:
//
//	var ue *multipart.UploadError
//	if errors.As(err, &ue) && !ue.Aborted && ue.Plan.Upload.ID != "" {
//		log.Printf("left in OSS: %v", ue.Plan.Upload)
//	}
//
// FAILURES.md, beside this file, lists what can go wrong, what then happens, and the test that holds it.
// If the last reply is lost, OSS is asked what became of the upload. Only if that proves neither
// success nor failure the error matches ErrOutcomeUnknown.
//
// # Resuming
//
// With Options.Store an UploadFile that failed, or whose process was killed, goes on when it is called
// again: the Store remembers where, OSS remembers the parts, and their bytes decide what is kept. Without
// any record, Unfinished finds what OSS holds of a key, and Resume takes it from there.
//
// The steps that every upload is made of are there too: Begin, UploadParts and Finish, on one machine or
// on several, with a Plan that travels as JSON. Sweep ends what nobody will resume.
//
// # Concurrency
//
// An Uploader is safe for concurrent use. Progress is called from one goroutine for each upload.
package multipart
