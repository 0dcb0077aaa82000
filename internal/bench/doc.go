// Command bench runs uploads by this SDK and by others side by side, and prints what they cost.
//
//	go -C internal/bench run . [-size 1GiB] [-runs 5] [-only file,stream] [-clients ours,v2]
//		[-cgroup dir] [-profile dir] [-verify]
//
// Every upload is a process of its own, so that its CPU seconds (user and system), its peak of resident memory and
// its garbage are those of one client and of nothing else; all of them are this program again, with the same SDKs
// linked in. They send to a sink in another process over a loopback connection. The runs are interleaved: in
// each round every client has its turn, beginning with another one, and the medians over the rounds are printed,
// as a Markdown table. Ratios within one table hold; absolutes move with the neighbours of the machine.
//
// # Clients
//
//   - ours: packages oss and multipart of this checkout, with their default checks: MD5 and CRC-64
//   - ours-crc64: the same with ChecksumCRC64: the check that v2 makes, so that equal checks are compared
//   - ours-purego: the same without the vector kernels of internal/crc64 and internal/md5lanes, with the files that the
//     build tag purego gives them; the standard library keeps its assembly, as on any machine without such vectors
//   - v2-prefetch: the reader of v2 that fetches ranges ahead and verifies nothing, for the streams that are downloaded
//   - v2, v1: the official Go SDKs, with theirs: CRC-64
//   - minio: minio-go with Content-MD5, its parts concurrent also where it would send them one by one
//   - aws: the transfer manager of the AWS SDK, with its default checksums; its PutObject for small objects
//   - floor: net/http alone, no checksum and no signature; what the wire costs
//
// The second official SDK is the one the others are held against ("x v2"); both were given the same part size and
// parallelism in all but the defaults. Each keeps the HTTP client that it makes itself. A client that cannot run a
// scenario is left out of it.
//
// # Scenarios
//
//   - file-8x3, file-16x8: a file in parts of 8 MiB, 3 in flight, and of 16 MiB, 8 in flight; tls- before it is HTTPS
//
//   - file-defaults: a file, nothing set: part size and parallelism are what each client chooses, and not the same
//
//   - stream-8x3, stream-8x8, stream-2x8, stream-defaults: the same bytes from a reader of unknown length
//
//   - small-8, small-32: at most 4,096 objects of 256 KiB, so many in flight
//
//   - parts-10000: a file in 10,000 parts of 1 KiB: what planning, a request and bookkeeping cost; read CPU us/part
//
//   - slow-8x1, -8x3, -8x8, -8x16: so many connections with 20 ms before each reply and 25 MiB/s each, four parts
//     on each connection; read MiB/s. In slow-defaults each client chooses how many there are
//
//   - many-files: at most 2,000 files of 10 KiB to 20 MiB through one uploader, eight at the same time, nothing set
//
//   - tree: at most 10,000 files of 4 KiB are uploaded, listed, downloaded and deleted, eight at the same time; v2 has
//     no call for a tree, so that it is a loop. The server is one of package osstest, which keeps the objects. Creating
//     files can take most of the time: choose the file system with TMPDIR
//
//   - cold: a file that is not in the page cache, in parts of 8 MiB, 4 in flight; read disk MiB
//
//   - container-100, -256, -512, -1024: the same in a memory cgroup of so many MiB, whose limit includes the page cache
//
//   - sparse-100g: a file of 100 GiB that is one hole, in parts of 16 MiB, 8 in flight, whatever -size says. It runs
//     only if it is named, and takes some minutes for each client and run
//
//   - arm64: no upload, but the instructions per byte of the arm64 kernels and of crypto/md5, counted in their machine
//     code: a count is not a time
//
//   - download-8x3, download-defaults: the source is fetched to a file; the CRC-64 is compared by all but the floor.
//     Only ours syncs the file to disk before it takes its name, and its seconds include that; v2 and the floor leave
//     the file in the page cache. To compare the rest, set TMPDIR to a file system in memory, such as /dev/shm
//
//   - download-stream-2x8, download-stream-defaults: the same as a stream. Of v2 it is GetObject with its CRC-64
//
//   - download-tls-...: the same over HTTPS; download-slow-...: over the slow line
//
// The container scenarios need -cgroup with the directory of a memory cgroup that is empty and may be written:
//
//	mkdir /sys/fs/cgroup/memory/bench  # version 1, as root
//	mkdir /sys/fs/cgroup/bench         # version 2, as root
//
// # The sink
//
// The sink speaks as much OSS and S3 as these clients need. What it answers, ETag and CRC-64, is the truth about
// the source, from a table made before the first run: hashing while a client runs would take its cores away. What
// arrives must have the length the table says, and a Content-MD5 must be the table's. With -verify the sink hashes
// what it receives as well; seconds are worth nothing then. After every run the number of objects, parts and bytes
// must be right, and no upload may be unfinished. Where clients choose the part size there is no such table: the sink
// computes the CRC-64 of each part while it reads, believes its Content-MD5, and holds the whole object against the
// source.
//
// The clients trust the sink's certificate by SSL_CERT_FILE and SSL_CERT_DIR, which Go heeds on Unix other than macOS.
package main
