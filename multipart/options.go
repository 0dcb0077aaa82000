package multipart

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// Options tune an Uploader. Nil and the zero value both mean the defaults.
type Options struct {
	// PartSize is the size of the parts in bytes. 0 means DefaultPartSize, or larger parts where 10,000 of them would
	// not hold the object. For a stream it is the size of the first parts, and 0 means DefaultStreamPartSize.
	PartSize int64

	// Concurrency is the number of parts in flight over all uploads of the Uploader. 0 means adaptive: see
	// MaxConcurrency.
	Concurrency int

	// Checksum says how parts and objects are verified. The default is oss.ChecksumMD5.
	Checksum oss.Checksum

	// SkipIdentical skips an upload if the key holds an identical object, and sets Result.Skipped. The comparison costs
	// one HeadObject and, if the sizes are equal, one read of the source. Objects are identical if their size, their
	// CRC-64 and every property that the options request are equal: HTTP headers, metadata, storage class and
	// encryption. Other properties of the object stay as they are. Nothing is skipped if the options have Tags, an ACL,
	// ForbidOverwrite or a callback, nor if the source is a stream, which can be read only once. The comparison does
	// not notice an object that is replaced or deleted after it. HeadObject needs the permission oss:GetObject.
	SkipIdentical bool

	// Store remembers unfinished UploadFile calls, so that the next call continues them. Nil means none.
	Store Store

	// KeepParts leaves the parts of a failed upload in OSS, for Resume. A Store implies it for UploadFile.
	KeepParts bool

	// Sidecar saves the Checkpoint of a suspended Writer in an object beside the target, SidecarKey, so that OpenWriter
	// continues it with nothing but bucket, key and upload ID. The sidecar is deleted when the upload ends.
	Sidecar bool

	// Recover makes a Writer that continues an upload keep what a Writer stored after its Checkpoint was saved and
	// before its process was killed. It continues after all parts that OSS lists without a gap; Size tells where that
	// is. Without Recover these bytes are discarded. As for OpenWriter, only the ETags and CRC-64s that OSS lists prove
	// the content of these parts, and Result.Unproved includes them. The program must ensure, for example by a lock,
	// that one Writer at a time writes to an upload.
	Recover bool

	// Progress is called for each upload: serially, with no locks held, and with values that never decrease. Nil means
	// none.
	Progress func(Progress)

	// Hooks observe uploads as a whole, for traces and metrics; oss.Hooks observe their requests.
	Hooks Hooks

	// PartList makes Result.PartList list the parts of each object.
	PartList bool

	// Limiter paces the bytes of all uploads, for example a *rate.Limiter. Nil means none.
	Limiter Limiter

	// ExclusiveKeys promises that no other program, and no other upload of this one, uploads to a key while this
	// Uploader does. A lost reply to InitiateMultipartUpload may have begun an upload whose ID is unknown. With
	// ExclusiveKeys the candidates are aborted: uploads of the same key that began since then and have no parts.
	// Without it they are only reported, in Result.Orphans and UploadError.Orphans. With a Store the same is done for a
	// process that was killed, by the next UploadFile of its file.
	ExclusiveKeys bool

	// MemoryLimit limits the buffers of all streams and Writers, and of files of up to 1 MiB that are hashed together.
	// It counts bytes that have been read and bytes that are being sent. It must be at least one part. 0 means
	// Concurrency+1 times PartSize, or 40 MiB with their defaults. This default rises to two and a half times as much
	// while there is a stream of more than 3,000 parts, which hold 13 GiB by default, or one whose known length needs
	// larger parts.
	//
	// Every stream has an allowance of 256 KiB, or of one part if that is smaller, which no other stream can take. It
	// uses the allowance once it has given 4 KiB. Allowances in use count toward MemoryLimit, but take at most half of
	// it, so more than 80 streams that give bytes at the same time use more than 40 MiB. When memory is short, streams
	// send parts before they are full. After 3,000 parts a stream waits for the memory of a whole part instead.
	//
	// Not included are the 64 KiB of each Writer, the memory for hashing, 2 MiB for each group of parts that are hashed
	// together, and the buffers of connections, see package oss.
	MemoryLimit int64 // bytes

	// Patience limits how long one request, for example that of a part, waits in total while OSS throttles or cannot be
	// reached. 0 means DefaultPatience. Waiting uses up none of the Retry.Attempts of the Client, which count all other
	// failures. Negative means that Retry.Attempts count these failures as well. Patience begins once OSS has answered
	// the Client. Before that, a wrong endpoint fails after Retry.Attempts.
	Patience time.Duration

	// CleanupTimeout bounds what an upload does after it has failed or its context has ended: to abort it, or to find
	// out whether the object exists. 0 means DefaultCleanupTimeout.
	CleanupTimeout time.Duration
}

// A Limiter paces bytes. *golang.org/x/time/rate.Limiter is one, and can be changed while uploads run.
type Limiter interface {
	WaitN(ctx context.Context, n int) error
}

// Defaults of Options.
const (
	DefaultPartSize       int64 = 8 << 20 // bytes
	DefaultStreamPartSize int64 = 2 << 20 // bytes; of a source of unknown length, at first
	DefaultConcurrency          = 4       // parts

	DefaultPatience       = 5 * time.Minute
	DefaultCleanupTimeout = 30 * time.Second
)

// MaxConcurrency limits the parts in flight if Options.Concurrency is 0. The Uploader then begins with
// DefaultConcurrency and doubles the number while that clearly raises the throughput. It periodically tests whether
// more or fewer parts would be faster. Streams have no more parts in flight than MemoryLimit has room for. Parts with
// an x-oss-traffic-limit are not measured, because more of them would only evade that limit.
const MaxConcurrency = 64

// check returns an error for a value that is invalid or that OSS does not accept. least is the minimum part size.
func (o *Options) check(least int64) error {
	switch {
	case o.PartSize != 0 && o.PartSize < least:
		return fmt.Errorf("multipart: part size %d is less than %d bytes", o.PartSize, least)
	case o.PartSize > oss.MaxPartSize:
		return fmt.Errorf("multipart: part size %d is more than %d bytes", o.PartSize, oss.MaxPartSize)
	case o.Concurrency < 0:
		return fmt.Errorf("multipart: concurrency %d is negative", o.Concurrency)
	case o.CleanupTimeout < 0:
		return fmt.Errorf("multipart: clean-up timeout %v is negative", o.CleanupTimeout)
	case o.MemoryLimit < 0:
		return fmt.Errorf("multipart: memory limit %d is negative", o.MemoryLimit)
	case o.MemoryLimit != 0 && o.MemoryLimit < cmp.Or(o.PartSize, DefaultPartSize):
		return fmt.Errorf("multipart: memory limit %d is less than one part, %d bytes",
			o.MemoryLimit, cmp.Or(o.PartSize, DefaultPartSize))
	case o.Checksum < oss.ChecksumMD5 || o.Checksum > oss.ChecksumNone:
		return fmt.Errorf("multipart: checksum %d is none of ChecksumMD5, ChecksumCRC64 and ChecksumNone", o.Checksum)
	case o.Limiter != nil && isNil(o.Limiter):
		return fmt.Errorf("multipart: Options.Limiter is a nil %T", o.Limiter)
	case o.Store != nil && isNil(o.Store):
		return fmt.Errorf("multipart: Options.Store is a nil %T", o.Store)
	case o.Store == DirStore(""):
		return errors.New("multipart: Options.Store is a DirStore without a directory")
	}
	return nil
}
