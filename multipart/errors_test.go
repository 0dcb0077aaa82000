package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// An errorCase is a condition and the error that it comes to.
type errorCase struct {
	name   string
	faults []osstest.Fault
	opts   multipart.Options // of the Uploader; a PartSize of 0 means 100
	run    func(ctx context.Context, t *testing.T, srv *osstest.Server, u *multipart.Uploader) error
	is     []error
	not    []error
	as     []any
	want   string // the text; * stands for what differs from run to run, such as IDs
}

func uploading(size int, opts *oss.ObjectOptions) func(context.Context, *testing.T, *osstest.Server,
	*multipart.Uploader) error {
	return func(ctx context.Context, _ *testing.T, _ *osstest.Server, u *multipart.Uploader) error {
		_, err := u.Upload(ctx, bucket, key, bytes.NewReader(data(size)), opts)
		return err
	}
}

func uploadError() any  { return new(*multipart.UploadError) }
func serviceError() any { return new(*oss.ServiceError) }

const denied = ": 403 AccessDenied: *, request ID *"

// Every error that a user of this package can meet says in one line what failed, why and what is left, and can be
// tested for.
func TestEveryErrorSaysWhatFailedAndWhy(t *testing.T) {
	refuse := func(op string, part int) osstest.Fault {
		return osstest.Fault{Op: op, PartNumber: part, Effect: osstest.Fail(403, oss.ErrAccessDenied)}
	}
	const object = "oss://bucket/dir/key.bin"
	for _, tt := range []errorCase{
		{name: "no client", want: "multipart: client is nil",
			run: func(ctx context.Context, t *testing.T, srv *osstest.Server, _ *multipart.Uploader) error {
				return uploading(1, nil)(ctx, t, srv, multipart.NewUploader(nil, nil))
			}, not: []error{fs.ErrNotExist}},
		{name: "a bad option", opts: multipart.Options{Concurrency: -1}, run: uploading(1, nil),
			want: "multipart: concurrency -1 is negative"},
		{name: "a bad key", want: "oss: *key*empty",
			run: func(ctx context.Context, _ *testing.T, _ *osstest.Server, u *multipart.Uploader) error {
				_, err := u.Upload(ctx, bucket, "", bytes.NewReader(nil), nil)
				return err
			}},
		{name: "no source", want: "multipart: source is nil (*os.File)",
			run: func(ctx context.Context, _ *testing.T, _ *osstest.Server, u *multipart.Uploader) error {
				_, err := u.Upload(ctx, bucket, key, (*os.File)(nil), nil)
				return err
			}},
		{name: "a missing file", is: []error{fs.ErrNotExist}, not: []error{oss.ErrNoSuchBucket},
			as:   []any{new(*fs.PathError)},
			want: "multipart: open *: no such file or directory",
			run: func(ctx context.Context, t *testing.T, _ *osstest.Server, u *multipart.Uploader) error {
				_, err := u.UploadFile(ctx, bucket, key, t.TempDir()+"/missing", nil)
				return err
			}},
		{name: "a directory", want: "multipart: * is a directory",
			run: func(ctx context.Context, t *testing.T, _ *osstest.Server, u *multipart.Uploader) error {
				_, err := u.UploadFile(ctx, bucket, key, t.TempDir(), nil)
				return err
			}},
		{name: "an option of another call", run: uploading(1, &oss.ObjectOptions{Checksum: oss.ChecksumNone}),
			want: "multipart: ObjectOptions.Checksum applies to PutObject only; set Options.Checksum of the Uploader"},
		{name: "too many parts", want: "multipart: 1000001 bytes in parts of 100 are 10001 parts, more than 10000: " +
			"the part size must be at least 101",
			run: func(ctx context.Context, t *testing.T, _ *osstest.Server, u *multipart.Uploader) error {
				_, err := u.UploadFile(ctx, bucket, key, sparseFile(t, 1000001), nil)
				return err
			}},
		{name: "no bucket",
			faults: []osstest.Fault{{Op: "InitiateMultipartUpload", Effect: osstest.Fail(404, oss.ErrNoSuchBucket)}},
			run:    uploading(250, nil), is: []error{oss.ErrNoSuchBucket, fs.ErrNotExist},
			as: []any{uploadError(), serviceError()},
			want: "multipart: upload to " + object + ": oss: InitiateMultipartUpload " + object +
				": 404 NoSuchBucket*"},
		{name: "a small object is refused", faults: []osstest.Fault{refuse("PutObject", 0)}, run: uploading(50, nil),
			is: []error{oss.ErrAccessDenied, fs.ErrPermission}, not: []error{multipart.ErrOutcomeUnknown},
			as:   []any{uploadError(), serviceError()},
			want: "multipart: upload to " + object + ": oss: PutObject " + object + denied},
		{name: "a part is refused", faults: []osstest.Fault{refuse("UploadPart", 2)}, run: uploading(250, nil),
			is: []error{oss.ErrAccessDenied}, as: []any{uploadError(), serviceError()},
			want: "multipart: upload to " + object + ": oss: UploadPart " + object + " part 2" + denied +
				"; part 2 failed; upload aborted, nothing left"},
		{name: "a part is refused and kept", faults: []osstest.Fault{refuse("UploadPart", 2)}, run: uploading(250, nil),
			opts: multipart.Options{KeepParts: true, Concurrency: 1},
			is:   []error{oss.ErrAccessDenied}, as: []any{uploadError()},
			want: "multipart: upload to " + object + ": oss: UploadPart " + object + " part 2" + denied +
				"; part 2 failed; 100 bytes kept under upload ID *, which Resume continues"},
		{name: "the abort is refused",
			faults: []osstest.Fault{refuse("UploadPart", 2), refuse("AbortMultipartUpload", 0)},
			run:    uploading(250, nil),
			is:     []error{oss.ErrAccessDenied}, as: []any{uploadError()},
			want: "multipart: upload to *part 2" + denied + "; part 2 failed; upload ID * may be left behind: oss: " +
				"AbortMultipartUpload " + object + denied},
		{name: "a part that is damaged",
			faults: []osstest.Fault{{Op: "UploadPart", PartNumber: 2, Effect: osstest.Corrupt()}},
			run:    uploading(250, nil),
			is:     []error{oss.ErrInvalidDigest}, as: []any{uploadError(), new(*oss.ChecksumError), serviceError()},
			want: "multipart: upload to " + object + ": oss: UploadPart " + object + " part 2: corrupted in transit: " +
				"*InvalidDigest*; part 2 failed; upload aborted, nothing left"},
		{name: "an object that is damaged",
			faults: []osstest.Fault{{Op: "CompleteMultipartUpload", Effect: osstest.Corrupt()}},
			run:    uploading(250, nil),
			not:    []error{multipart.ErrOutcomeUnknown}, as: []any{uploadError(), new(*oss.ChecksumError)},
			want: "multipart: upload to " + object + ": oss: CompleteMultipartUpload " + object +
				": the object exists and is wrong: CRC-64 is * here and * in OSS*"},
		{name: "unknown outcome", faults: []osstest.Fault{{Op: "CompleteMultipartUpload", Effect: osstest.LoseReply()},
			refuse("HeadObject", 0)}, run: uploading(250, nil),
			is: []error{multipart.ErrOutcomeUnknown, oss.ErrAccessDenied}, as: []any{uploadError()},
			want: "multipart: upload to " + object + ": multipart: it is unknown whether the upload completed: oss: " +
				"CompleteMultipartUpload *; asking OSS: oss: HeadObject " + object + denied + "; upload ID *"},
		{name: "the key exists", is: []error{oss.ErrAlreadyExists, fs.ErrExist},
			as: []any{uploadError(), serviceError()},
			want: "multipart: upload to " + object + ": oss: InitiateMultipartUpload " + object +
				": 409 FileAlreadyExists*",
			run: func(ctx context.Context, t *testing.T, srv *osstest.Server, u *multipart.Uploader) error {
				srv.PutObject(bucket, key, nil)
				return uploading(250, &oss.ObjectOptions{ForbidOverwrite: true})(ctx, t, srv, u)
			}},
		{name: "the source breaks", is: []error{errBroken}, as: []any{uploadError()},
			want: "multipart: upload to " + object + ": reading the source at byte 350: the source broke; " +
				"upload aborted, nothing left",
			run: func(ctx context.Context, _ *testing.T, _ *osstest.Server, u *multipart.Uploader) error {
				_, err := u.Upload(ctx, bucket, key,
					io.MultiReader(bytes.NewReader(data(350)), iotest.ErrReader(errBroken)), nil)
				return err
			}},
		{name: "the source changes", is: []error{multipart.ErrSourceChanged}, as: []any{uploadError()},
			want: "multipart: upload to " + object + ": *multipart: source changed while it " +
				"was uploaded: it ended at " +
				"byte 250*; part 3 failed; upload aborted, nothing left",
			run: func(ctx context.Context, _ *testing.T, _ *osstest.Server, u *multipart.Uploader) error {
				_, err := u.UploadBody(ctx, bucket, key, shorter{bytes.NewReader(data(250))}, nil)
				return err
			}},
		{name: "cancelled with a cause", faults: []osstest.Fault{{Op: "UploadPart", Effect: osstest.Hang()}},
			is: []error{context.Canceled, errDiscarded}, as: []any{uploadError()},
			want: "multipart: upload to " + object + ": oss: UploadPart " + object +
				" part *: context canceled*: the " +
				"writer was aborted by its user; upload aborted, nothing left",
			run: func(ctx context.Context, t *testing.T, srv *osstest.Server, u *multipart.Uploader) error {
				ctx, cancel := context.WithCancelCause(ctx)
				time.AfterFunc(time.Second, func() { cancel(errDiscarded) })
				return uploading(250, nil)(ctx, t, srv, u)
			}},
		{name: "a deadline", faults: []osstest.Fault{{Op: "PutObject", Effect: osstest.Hang()}},
			is: []error{context.DeadlineExceeded}, as: []any{uploadError()},
			want: "multipart: upload to " + object + ": *context deadline exceeded*",
			run: func(ctx context.Context, t *testing.T, srv *osstest.Server, u *multipart.Uploader) error {
				ctx, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				return uploading(50, nil)(ctx, t, srv, u)
			}},
		{name: "a key that breaks lines (bug 10)", faults: []osstest.Fault{refuse("PutObject", 0)},
			as: []any{uploadError()},
			want: `multipart: upload to oss://bucket/a\nERROR forged\u2028\x1b[31m: oss: PutObject ` +
				`oss://bucket/*: 403 AccessDenied*`,
			run: func(ctx context.Context, _ *testing.T, _ *osstest.Server, u *multipart.Uploader) error {
				_, err := u.Upload(ctx, bucket, "a\nERROR forged\u2028\x1b[31m", bytes.NewReader(nil), nil)
				return err
			}},
		{name: "a record that cannot be saved", opts: multipart.Options{Store: multipart.DirStore("/dev/null/records")},
			as: []any{uploadError(), new(*fs.PathError)},
			want: "multipart: upload to " + object + ": locking the record of the upload: multipart: mkdir " +
				"/dev/null: not a directory",
			run: func(ctx context.Context, t *testing.T, _ *osstest.Server, u *multipart.Uploader) error {
				_, err := u.UploadFile(ctx, bucket, key, tempFile(t, data(250)).Name(), nil)
				return err
			}},
		{name: "a plan without an upload", want: "multipart: plan has no upload ID",
			run: func(ctx context.Context, _ *testing.T, _ *osstest.Server, u *multipart.Uploader) error {
				_, err := u.Finish(ctx,
					multipart.Plan{Upload: oss.Upload{Bucket: bucket, Key: key}, Size: 1, PartSize: 1}, nil)
				return err
			}},
		{name: "parts are missing", as: []any{uploadError()},
			want: "multipart: upload to " + object + ": 3 of 3 parts are missing or have another size, the first is " +
				"part 1; upload ID * is kept",
			run: func(ctx context.Context, t *testing.T, srv *osstest.Server, _ *multipart.Uploader) error {
				u, p := begun(t, srv, data(250))
				_, err := u.Finish(ctx, p, nil)
				return err
			}},
		{name: "an upload that is gone", is: []error{oss.ErrNoSuchUpload, fs.ErrNotExist},
			as: []any{uploadError(), serviceError()},
			want: "multipart: upload to " + object + ": oss: ListParts " + object +
				": 404 NoSuchUpload*; upload ID * is gone",
			run: func(ctx context.Context, t *testing.T, srv *osstest.Server, _ *multipart.Uploader) error {
				u, p := begun(t, srv, data(250))
				srv.Client().AbortMultipartUpload(ctx, p.Upload)
				_, err := u.Resume(ctx, p, bytes.NewReader(data(250)))
				return err
			}},
		{name: "a source of another size", is: []error{multipart.ErrSourceChanged}, as: []any{uploadError()},
			want: "multipart: upload to " + object + ": multipart: source changed while it " +
				"was uploaded: the plan has " +
				"250 bytes and the source 251; upload ID * is kept",
			run: func(ctx context.Context, t *testing.T, srv *osstest.Server, _ *multipart.Uploader) error {
				u, p := begun(t, srv, data(250))
				_, err := u.Resume(ctx, p, bytes.NewReader(data(251)))
				return err
			}},
		{name: "a copy of nothing", is: []error{oss.ErrNoSuchKey, fs.ErrNotExist},
			as: []any{uploadError(), serviceError()},
			want: "multipart: upload to " + object + ": reading the properties of the source: oss: HeadObject " +
				"oss://bucket/missing: 404 NoSuchKey*",
			run: func(ctx context.Context, _ *testing.T, _ *osstest.Server, u *multipart.Uploader) error {
				_, err := u.Copy(ctx, bucket, key, oss.CopySource{Bucket: bucket, Key: "missing"}, nil)
				return err
			}},
		{name: "a negative age", want: "multipart: SweepOptions.OlderThan -1s is negative",
			run: func(ctx context.Context, _ *testing.T, _ *osstest.Server, u *multipart.Uploader) (err error) {
				for _, err = range u.Sweep(ctx, bucket, &multipart.SweepOptions{OlderThan: -time.Second}) {
				}
				return err
			}},
		{name: "a header of a body", run: uploading(1, &oss.ObjectOptions{Header: http.Header{"content-md5": {"x"}}}),
			want: "multipart: header Content-Md5 describes one request body; an Uploader computes it"},
		{name: "a closed writer", want: "multipart: writer is closed",
			run: func(ctx context.Context, t *testing.T, _ *osstest.Server, u *multipart.Uploader) error {
				w := u.NewWriter(ctx, bucket, key, nil)
				if err := w.Close(); err != nil {
					t.Error(err)
				}
				_, err := w.Write(nil)
				return err
			}},
		{name: "an aborted writer", want: "multipart: writer was aborted",
			run: func(ctx context.Context, t *testing.T, _ *osstest.Server, u *multipart.Uploader) error {
				w := u.NewWriter(ctx, bucket, key, nil)
				if err := w.Abort(); err != nil {
					t.Error(err)
				}
				return w.Close()
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
				defer srv.Close()
				for _, f := range tt.faults {
					srv.Inject(f)
				}
				if tt.opts.PartSize == 0 {
					tt.opts.PartSize = 100
				}
				err := tt.run(t.Context(), t, srv, multipart.NewUploader(srv.Client(), &tt.opts))
				if err == nil {
					t.Fatal("there is no error")
				}
				pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(tt.want), `\*`, ".*") + "$"
				if tt.name == "no source" {
					pattern = "^" + regexp.QuoteMeta(tt.want) + "$"
				}
				if !regexp.MustCompile(pattern).MatchString(err.Error()) {
					t.Errorf("it says  %s\nand not %s", err, tt.want)
				}
				for _, is := range tt.is {
					if !errors.Is(err, is) {
						t.Errorf("%v does not match %v", err, is)
					}
				}
				for _, not := range tt.not {
					if errors.Is(err, not) {
						t.Errorf("%v matches %v", err, not)
					}
				}
				for _, as := range tt.as {
					if !errors.As(err, as) {
						t.Errorf("%v is no %T", err, as)
					}
				}
			})
		})
	}
}

// shorter says that it has ten bytes more than it has.
type shorter struct{ *bytes.Reader }

func (s shorter) Size() int64 { return s.Reader.Size() + 10 }
