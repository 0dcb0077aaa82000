package contract

import (
	"context"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/ossfs"
	"github.com/ossmultipart/go-oss/oss/osstest"
	"github.com/ossmultipart/go-oss/signer"
)

// The interfaces below list methods as their callers know them.

type ctx = context.Context

type client interface {
	Do(ctx, *oss.Request) (*http.Response, error)
	InitiateMultipartUpload(c ctx, bucket, key string, opts *oss.ObjectOptions) (oss.Upload, error)
	UploadPart(c ctx, up oss.Upload, number int, body oss.Body, opts *oss.PartOptions) (oss.Part, error)
	UploadPartCopy(c ctx, up oss.Upload, number int, src oss.CopySource, opts *oss.CopyPartOptions) (oss.Part, error)
	CompleteMultipartUpload(c ctx, up oss.Upload, parts []oss.Part, opts *oss.CompleteOptions) (*oss.PutResult, error)
	AbortMultipartUpload(c ctx, up oss.Upload) error
	PutObject(c ctx, bucket, key string, body oss.Body, opts *oss.ObjectOptions) (*oss.PutResult, error)
	GetObject(c ctx, bucket, key string, opts *oss.GetOptions) (*oss.Object, error)
	HeadObject(c ctx, bucket, key string, opts *oss.HeadOptions) (*oss.ObjectInfo, error)
	DeleteObject(c ctx, bucket, key string, opts *oss.DeleteOptions) error
	Parts(c ctx, up oss.Upload, opts *oss.ListPartsOptions) iter.Seq2[oss.Part, error]
	Uploads(c ctx, bucket string, opts *oss.ListUploadsOptions) iter.Seq2[oss.UploadInfo, error]
	ListParts(c ctx, up oss.Upload, opts *oss.ListPartsOptions) (*oss.PartsPage, error)
	ListMultipartUploads(c ctx, bucket string, opts *oss.ListUploadsOptions) (*oss.UploadsPage, error)
	ListObjects(c ctx, bucket string, opts *oss.ListObjectsOptions) (*oss.ObjectsPage, error)
	Objects(c ctx, bucket string, opts *oss.ListObjectsOptions) iter.Seq2[oss.ObjectEntry, error]
	ListObjectVersions(c ctx, bucket string, opts *oss.ListVersionsOptions) (*oss.VersionsPage, error)
	ObjectVersions(c ctx, bucket string, opts *oss.ListVersionsOptions) iter.Seq2[oss.ObjectVersion, error]
	DeleteObjects(c ctx, bucket string, objects []oss.ObjectID, opts *oss.DeleteObjectsOptions) (
		[]oss.DeletedObject, error)
	OpenObject(c ctx, bucket, key string, opts *oss.OpenOptions) (*oss.ObjectReader, error)
	AppendObject(c ctx, bucket, key string, position int64, body oss.Body, opts *oss.AppendOptions) (
		*oss.AppendResult, error)
	Exists(c ctx, bucket, key string, opts *oss.HeadOptions) (bool, error)
	SetObjectMeta(c ctx, bucket, key string, change func(*oss.ObjectOptions), opts *oss.SetMetaOptions) (
		*oss.PutResult, error)
	PutSymlink(c ctx, bucket, key, target string, opts *oss.ObjectOptions) (*oss.PutResult, error)
	GetSymlink(c ctx, bucket, key string, opts *oss.VersionOptions) (*oss.Symlink, error)
	RestoreObject(c ctx, bucket, key string, opts *oss.RestoreOptions) error
	PutObjectACL(c ctx, bucket, key string, acl oss.ACL, opts *oss.VersionOptions) error
	GetObjectACL(c ctx, bucket, key string, opts *oss.VersionOptions) (*oss.ObjectACL, error)
	PutObjectTagging(c ctx, bucket, key string, tags map[string]string, opts *oss.VersionOptions) error
	GetObjectTagging(c ctx, bucket, key string, opts *oss.VersionOptions) (map[string]string, error)
	DeleteObjectTagging(c ctx, bucket, key string, opts *oss.VersionOptions) error
	PutBucket(c ctx, bucket string, opts *oss.PutBucketOptions) error
	DeleteBucket(c ctx, bucket string, opts *oss.BucketOptions) error
	BucketExists(c ctx, bucket string, opts *oss.BucketOptions) (bool, error)
	GetBucketInfo(c ctx, bucket string, opts *oss.BucketOptions) (*oss.BucketInfo, error)
	GetBucketLocation(c ctx, bucket string, opts *oss.BucketOptions) (string, error)
	ListBuckets(c ctx, opts *oss.ListBucketsOptions) (*oss.BucketsPage, error)
	Buckets(c ctx, opts *oss.ListBucketsOptions) iter.Seq2[oss.BucketEntry, error]
	PutBucketVersioning(c ctx, bucket string, state oss.Versioning, opts *oss.BucketOptions) error
	GetBucketVersioning(c ctx, bucket string, opts *oss.BucketOptions) (oss.Versioning, error)
	PutBucketLifecycle(c ctx, bucket string, rules []oss.LifecycleRule, opts *oss.BucketOptions) error
	GetBucketLifecycle(c ctx, bucket string, opts *oss.BucketOptions) ([]oss.LifecycleRule, error)
	DeleteBucketLifecycle(c ctx, bucket string, opts *oss.BucketOptions) error
	PutBucketCORS(c ctx, bucket string, cors oss.BucketCORS, opts *oss.BucketOptions) error
	GetBucketCORS(c ctx, bucket string, opts *oss.BucketOptions) (*oss.BucketCORS, error)
	DeleteBucketCORS(c ctx, bucket string, opts *oss.BucketOptions) error
	Presign(c ctx, r *oss.Request, ttl time.Duration) (*oss.Presigned, error)
	PresignHead(c ctx, bucket, key string, ttl time.Duration, opts *oss.HeadOptions) (*oss.Presigned, error)
	PresignDelete(c ctx, bucket, key string, ttl time.Duration, opts *oss.DeleteOptions) (*oss.Presigned, error)
	PresignList(c ctx, bucket string, ttl time.Duration, opts *oss.ListObjectsOptions) (*oss.Presigned, error)
	PresignGet(c ctx, bucket, key string, ttl time.Duration, opts *oss.GetOptions) (*oss.Presigned, error)
	PresignPut(c ctx, bucket, key string, ttl time.Duration, opts *oss.ObjectOptions) (*oss.Presigned, error)
	PresignPart(c ctx, up oss.Upload, number int, ttl time.Duration) (*oss.Presigned, error)
	CloseIdleConnections()
}
type uploader interface {
	UploadFile(c ctx, bucket, key, path string, opts *oss.ObjectOptions) (*multipart.Result, error)
	Upload(c ctx, bucket, key string, src io.Reader, opts *oss.ObjectOptions) (*multipart.Result, error)
	NewWriter(c ctx, bucket, key string, opts *oss.ObjectOptions) *multipart.Writer
	ContinueWriter(c ctx, cp *multipart.Checkpoint, opts *oss.ObjectOptions) (*multipart.Writer, error)
	OpenWriter(c ctx, up oss.Upload, opts *oss.ObjectOptions) (*multipart.Writer, error)
	NamedWriter(c ctx, name, bucket, key string, opts *oss.ObjectOptions) (*multipart.Writer, error)
	DiscardWriter(c ctx, cp *multipart.Checkpoint) error
	DiscardNamed(c ctx, name string) error
	Copy(c ctx, bucket, key string, src oss.CopySource, opts *oss.ObjectOptions) (*multipart.Result, error)
	Concat(c ctx, bucket, key string, sources []oss.CopySource, opts *oss.ObjectOptions) (*multipart.Result, error)
	Begin(c ctx, bucket, key string, size int64, opts *oss.ObjectOptions) (multipart.Plan, error)
	UploadParts(c ctx, p multipart.Plan, src io.ReaderAt, numbers []int) ([]oss.Part, error)
	Finish(c ctx, p multipart.Plan, parts []oss.Part) (*multipart.Result, error)
	Resume(c ctx, p multipart.Plan, src io.ReaderAt) (*multipart.Result, error)
	Unfinished(c ctx, bucket, key string) iter.Seq2[multipart.Plan, error]
	Sweep(c ctx, bucket string, opts *multipart.SweepOptions) iter.Seq2[multipart.Swept, error]
	UploadFS(
		c ctx, bucket, prefix string, fsys fs.FS, opts *multipart.UploadTreeOptions,
	) iter.Seq2[multipart.UploadedFile, error]
}
type downloader interface {
	DownloadTree(
		c ctx, bucket, prefix, dir string, opts *multipart.DownloadTreeOptions,
	) iter.Seq2[multipart.DownloadedFile, error]
	DownloadFile(c ctx, bucket, key, path string, opts *oss.OpenOptions) (*multipart.DownloadResult, error)
	Download(c ctx, bucket, key string, w io.WriterAt, opts *oss.OpenOptions) (*multipart.DownloadResult, error)
	NewReader(c ctx, bucket, key string, opts *oss.OpenOptions) (*multipart.Reader, error)
}
type reader interface {
	io.ReadCloser
	io.WriterTo
	Info() oss.ObjectInfo
	Size() int64
	Result() *multipart.DownloadResult
}
type writer interface {
	io.WriteCloser
	io.ReaderFrom
	Abort() error
	Result() *multipart.Result
}
type plan interface {
	NumParts() int
	Section(int) multipart.Section
	Sections() iter.Seq[multipart.Section]
	Share(i, n int) []int
	Missing([]oss.Part) []int
}
type server interface {
	http.Handler
	Close()
	Client() *oss.Client
	Config() oss.Config
	HTTPClient() *http.Client
	Object(b, k string) (osstest.Object, bool)
	PutObject(b, k string, d []byte)
	Uploads() []osstest.Upload
	Requests(ops ...string) []osstest.Request
	Inject(osstest.Fault) *osstest.Injection
}

type fileSystem interface {
	fs.ReadDirFS
	fs.StatFS
	fs.ReadFileFS
	fs.SubFS
	fs.GlobFS
	WithContext(ctx) *ossfs.FS
}

var (
	_ fileSystem    = (*ossfs.FS)(nil)
	_ client        = (*oss.Client)(nil)
	_ uploader      = (*multipart.Uploader)(nil)
	_ downloader    = (*multipart.Downloader)(nil)
	_ reader        = (*multipart.Reader)(nil)
	_ writer        = (*multipart.Writer)(nil)
	_ plan          = multipart.Plan{}
	_ server        = (*osstest.Server)(nil)
	_ signer.Signer = signer.V1{}
	_ signer.Signer = signer.V4{AdditionalHeaders: nil}
	_               = oss.Config{Region: "", Endpoint: "", Addressing: oss.VirtualHosted, Credentials: nil, Signer: nil,
		HTTPClient: nil, Retry: oss.Retry{Attempts: 1, MinWait: 1, MaxWait: 1, Stall: 1}, Logger: (*slog.Logger)(nil),
		Hooks: oss.Hooks{}, UserAgent: "", Now: time.Now}
	_ = oss.TransportOptions{Proxy: nil, TLS: nil, ConnectTimeout: 0, IPFamily: oss.AnyIP, LocalAddr: netip.Addr{},
		Lookup: nil, MaxConnsPerHost: 0, MaxIdleConnsPerHost: 0, MaxConnAge: 0}
	_ = []any{oss.NewTransport, oss.IPv4, oss.IPv6}
	_ = oss.Request{Op: "", Method: "", Bucket: "", Key: "", Query: url.Values{}, Header: http.Header{}, Body: nil}
	_ = oss.ServiceError{Op: "", Bucket: "", Key: "", StatusCode: 0, Code: "", Message: "", RequestID: "", HostID: "",
		EC: "", HelpURL: "", StringToSign: "", Attempts: 0, Body: nil}
	_ = oss.ChecksumError{Op: "", Bucket: "", Key: "", PartNumber: 0, Local: 0, Remote: 0}
	_ = oss.ObjectOptions{ContentType: "", ContentEncoding: "", ContentDisposition: "", ContentLanguage: "",
		CacheControl: "", Expires: time.Time{}, Metadata: nil, Tags: nil, ACL: "", StorageClass: "",
		Encryption: oss.Encryption{Algorithm: "", KeyID: "", DataAlgorithm: ""}, ForbidOverwrite: false, Header: nil}
	_ = multipart.Options{PartSize: 0, Concurrency: 0, MemoryLimit: 0, Checksum: oss.ChecksumNone,
		Store: multipart.DirStore(""), KeepParts: false, Recover: false, Progress: nil, Limiter: nil}
	_ = multipart.UploadError{Plan: multipart.Plan{}, Failed: []multipart.PartError{}, Stored: 0,
		Aborted: false, AbortErr: nil, Err: nil}
	_ = multipart.Progress{Bucket: "", Key: "", Done: 0, Total: 0, PartsDone: 0, Parts: 0}
	_ = osstest.Options{Region: "", Buckets: nil, MinPartSize: 0, Credentials: nil, RefuseV1: false,
		Dir: "", Now: nil, Logger: nil}
	_ = osstest.Fault{Op: "", Bucket: "", Key: "", PartNumber: 0, Skip: 0, Times: 0,
		Effect: osstest.Fail(500, "InternalError")}
	_ = []osstest.Effect{osstest.Delay(0), osstest.Hang(), osstest.Drop(), osstest.LoseReply(), osstest.Corrupt(),
		osstest.Truncate(0), osstest.Slow(1)}
	_ = []error{multipart.ErrOutcomeUnknown, oss.ErrNoSuchUpload, oss.ErrNoSuchKey, oss.ErrNoSuchBucket,
		oss.ErrAlreadyExists, oss.ErrAccessDenied, oss.ErrInvalidPart, oss.ErrSignatureMismatch}
	_ = []any{oss.EnvCredentials, oss.AnonymousCredentials, oss.CacheCredentials, ossfs.New, oss.CredentialsFunc(nil),
		oss.MinPartSize, oss.MaxPartSize, oss.MaxPartNumber, signer.MaxPresign, multipart.DefaultPartSize,
		multipart.DefaultStreamPartSize, multipart.DefaultConcurrency, multipart.MaxConcurrency,
		signer.V4{}.CanonicalRequest, signer.V1{}.StringToSign}
)
