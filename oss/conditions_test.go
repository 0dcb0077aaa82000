package oss_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/signer"
)

// TestErrorsSayWhatFailedAndWhatToDo lists what a user of this package can meet: which errors.Is and errors.As match,
// and the text. Arguments that are refused before a request are listed by TestBadArgumentIsNamedBeforeAnyRequest and
// TestOptionsWithoutEffectAreRefusedByName.
func TestErrorsSayWhatFailedAndWhatToDo(t *testing.T) {
	const (
		id   = "5C3D9175B6FC201293AD4890"
		page = `<html>who are you?</html>`
	)
	withEC := func(status int, code, ec string, extra string) answer {
		return says(status,
			"<Error><Code>"+code+"</Code><Message>no.</Message><RequestId>"+id+"</RequestId>"+extra+"<EC>"+ec+
				"</EC></Error>", "x-oss-request-id", id)
	}
	bare := func(status int) answer { return says(status, "", "x-oss-request-id", id) }
	type kinds = []error
	var (
		head   = operations["HeadObject"]
		read   = operations["GetObject"]
		put    = operations["PutObject"]
		part   = operations["UploadPart"]
		list   = operations["ListParts"]
		finish = operations["Complete"]
		both   = operations["CopyObject"]
		post   = func(ctx context.Context, c *oss.Client) error {
			_, err := c.Do(ctx, &oss.Request{Op: "AppendObject", Method: "POST", Bucket: "bucket", Key: "key"})
			return err
		}
		// unreadable gives its body up at the second byte.
		unreadable = func(ctx context.Context, c *oss.Client) error {
			_, err := c.PutObject(ctx, "bucket", "key",
				bodyFunc{4, func(p []byte, off int64) (int, error) { return 1, fs.ErrClosed }}, nil)
			return err
		}
		short = func(ctx context.Context, c *oss.Client) error {
			_, err := c.PutObject(ctx, "bucket", "key",
				bodyFunc{4, func(p []byte, off int64) (int, error) { return 1, io.EOF }}, nil)
			return err
		}
	)
	for _, tt := range []struct {
		name   string
		op     operation
		reply  answer
		cfg    oss.Config
		is     kinds
		as     any // a pointer for errors.As; nil where the type tells nothing
		status int // of a ServiceError
		want   string
	}{
		// OSS refuses.
		{"missing object", read, refuses(404, "NoSuchKey"), oss.Config{}, kinds{oss.ErrNoSuchKey, fs.ErrNotExist},
			new(*oss.ServiceError), 404,
			"oss: GetObject oss://bucket/key: 404 NoSuchKey: no., request ID " + id},
		{"BR10: missing object of an old installation", head, bare(404), oss.Config{},
			kinds{oss.ErrNoSuchKey, fs.ErrNotExist}, new(*oss.ServiceError), 404,
			"oss: HeadObject oss://bucket/key: 404 NoSuchKey, request ID " + id},
		{"forbidden object of an old installation", head, bare(403), oss.Config{},
			kinds{oss.ErrAccessDenied, fs.ErrPermission}, new(*oss.ServiceError), 403,
			"oss: HeadObject oss://bucket/key: 403 AccessDenied, request ID " + id},
		{"missing object, by an unknown server", head, says(404, ""), oss.Config{}, kinds{fs.ErrNotExist},
			new(*oss.ServiceError), 404,
			"oss: HeadObject oss://bucket/key: 404 Not Found"},
		{"missing bucket", list, refuses(404, "NoSuchBucket"), oss.Config{}, kinds{oss.ErrNoSuchBucket, fs.ErrNotExist},
			new(*oss.ServiceError), 404,
			"oss: ListParts oss://bucket/dir/key: 404 NoSuchBucket: no., request ID " + id},
		{"ended upload", part, refuses(404, "NoSuchUpload"), oss.Config{}, kinds{oss.ErrNoSuchUpload, fs.ErrNotExist},
			new(*oss.ServiceError), 404,
			"oss: UploadPart oss://bucket/dir/key part 7: 404 NoSuchUpload: no., request ID " + id},
		{"no permission", put, refuses(403, "AccessDenied"), oss.Config{}, kinds{oss.ErrAccessDenied, fs.ErrPermission},
			new(*oss.ServiceError), 403,
			"oss: PutObject oss://bucket/key: 403 AccessDenied: no., request ID " + id},
		{"object that exists", put, refuses(409, "FileAlreadyExists"), oss.Config{},
			kinds{oss.ErrAlreadyExists, fs.ErrExist}, new(*oss.ServiceError), 409,
			"oss: PutObject oss://bucket/key: 409 FileAlreadyExists: no., request ID " + id},
		{"bad part", finish, refuses(400, "InvalidPart"), oss.Config{}, kinds{oss.ErrInvalidPart},
			new(*oss.ServiceError), 400,
			"oss: CompleteMultipartUpload oss://bucket/dir/key: 400 InvalidPart: no., request ID " + id},
		{"wrong secret", read, withEC(403, "SignatureDoesNotMatch", "0002-00000201", ""), oss.Config{},
			kinds{oss.ErrSignatureMismatch}, new(*oss.ServiceError), 403,
			"oss: GetObject oss://bucket/key: 403 SignatureDoesNotMatch: no., request ID " + id + ", EC 0002-00000201"},
		{"expired token", read, refuses(403, "SecurityTokenExpired"), oss.Config{},
			kinds{oss.Code("SecurityTokenExpired")}, new(*oss.ServiceError), 403,
			"oss: GetObject oss://bucket/key: 403 SecurityTokenExpired: no., request ID " + id},
		{"wrong clock", read, refuses(403, "RequestTimeTooSkewed"), oss.Config{},
			kinds{oss.Code("RequestTimeTooSkewed")}, new(*oss.ServiceError), 403,
			"oss: GetObject oss://bucket/key: 403 RequestTimeTooSkewed: no.; set the clock of this machine, " +
				"request ID " + id},
		{"K6: bucket that refuses V1", read, withEC(403, "AccessDenied", "0002-00000080", ""),
			oss.Config{Signer: signer.V1{}}, kinds{oss.ErrAccessDenied}, new(*oss.ServiceError), 403,
			"oss: GetObject oss://bucket/key: 403 AccessDenied: no.; this bucket refuses signature V1: set " +
				"Config.Region, which selects V4, request ID " + id + ", EC 0002-00000080"},
		{"BR03: installation that knows V1 only", read,
			says(400, "<Error><Code>InvalidArgument</Code><Message>no.</Message><RequestId>"+id+"</RequestId></Error>"),
			oss.Config{}, kinds{oss.Code("InvalidArgument")}, new(*oss.ServiceError), 400,
			"oss: GetObject oss://bucket/key: 400 InvalidArgument: no.; if this installation does not know " +
				"signature V4, set Config.Signer to signer.V1{}, request ID " + id},
		{"bad argument", read, withEC(400, "InvalidArgument", "0017-00000001", ""), oss.Config{},
			kinds{oss.Code("InvalidArgument")}, new(*oss.ServiceError), 400,
			"oss: GetObject oss://bucket/key: 400 InvalidArgument: no., request ID " + id + ", EC 0017-00000001"},
		{"bad argument signed with V1", read, refuses(400, "InvalidArgument"), oss.Config{Signer: signer.V1{}},
			kinds{oss.Code("InvalidArgument")}, new(*oss.ServiceError), 400,
			"oss: GetObject oss://bucket/key: 400 InvalidArgument: no., request ID " + id},
		{"wrong region", read, withEC(400, "InvalidArgument", "0002-00000228", ""), oss.Config{},
			kinds{oss.Code("InvalidArgument")}, new(*oss.ServiceError), 400,
			"oss: GetObject oss://bucket/key: 400 InvalidArgument: no.; set Config.Region to the region of the " +
				"bucket, request ID " + id + ", EC 0002-00000228"},
		{"wrong endpoint", read, withEC(403, "AccessDenied", "0003-00001403",
			"<Endpoint>oss-cn-beijing.aliyuncs.com</Endpoint>"), oss.Config{}, kinds{oss.ErrAccessDenied},
			new(*oss.ServiceError), 403,
			"oss: GetObject oss://bucket/key: 403 AccessDenied: no.; the bucket is at oss-cn-beijing.aliyuncs.com: " +
				"set Config.Region, and Config.Endpoint if there is one, to match, " +
				"request ID " + id + ", EC 0003-00001403"},
		{"bucket in the path", read, refuses(403, "SecondLevelDomainForbidden"), oss.Config{},
			kinds{oss.Code("SecondLevelDomainForbidden")}, new(*oss.ServiceError), 403,
			"oss: GetObject oss://bucket/key: 403 SecondLevelDomainForbidden: no.; this endpoint takes no bucket " +
				"in the path: set Config.Addressing to VirtualHosted, request ID " + id},
		{"requester pays", read, withEC(403, "AccessDenied", "0003-00000703", ""), oss.Config{},
			kinds{oss.ErrAccessDenied}, new(*oss.ServiceError), 403,
			`oss: GetObject oss://bucket/key: 403 AccessDenied: no.; the requester pays for this bucket: set ` +
				`x-oss-request-payer to "requester" in Config.Header, request ID ` + id + ", EC 0003-00000703"},
		{"copy above 1 GiB", both, refuses(400, "EntityTooLarge"), oss.Config{}, kinds{oss.Code("EntityTooLarge")},
			new(*oss.ServiceError), 400,
			"oss: CopyObject oss://bucket/key: 400 EntityTooLarge: no.; copy more than 1073741824 bytes with " +
				"UploadPartCopy, or with Uploader.Copy of package multipart, request ID " + id},
		{"failed callback", put, refuses(203, "CallbackFailed"), oss.Config{}, kinds{oss.ErrCallbackFailed},
			new(*oss.ServiceError), 203,
			"oss: PutObject oss://bucket/key: 203 CallbackFailed: no.; the object has been stored, only its " +
				"callback failed, request ID " + id},
		{"throttled", read, refuses(503, "QpsLimitExceeded"), oss.Config{}, kinds{oss.Code("QpsLimitExceeded")},
			new(*oss.ServiceError), 503,
			"oss: GetObject oss://bucket/key: 503 QpsLimitExceeded: no., request ID " + id + ", after 4 attempts"},
		{"not modified", read, says(304, ""), oss.Config{}, kinds{oss.Code("NotModified")}, new(*oss.ServiceError), 304,
			"oss: GetObject oss://bucket/key: 304 NotModified"},
		{"text of several lines", read,
			says(400, "<Error><Code>A\nB</Code><Message>one\r\ntwo\u202e</Message><RequestId>I\tD</RequestId></Error>"),
			oss.Config{}, nil, new(*oss.ServiceError), 400,
			`oss: GetObject oss://bucket/key: 400 A\nB: one\ntwo\u202e, request ID I\tD`},
		{"long text", read, says(400, "<Error><Code>A</Code><Message>"+strings.Repeat("x", 5000)+"</Message></Error>"),
			oss.Config{}, nil, new(*oss.ServiceError), 400,
			"oss: GetObject oss://bucket/key: 400 A: " + strings.Repeat("x", 1000) + "..."},

		// A server that is not OSS answers.
		{"proxy", read, says(502, page), oss.Config{}, nil, new(*oss.ServiceError), 502,
			`oss: GetObject oss://bucket/key: 502 Bad Gateway: reply is not from OSS: "<html>who are you?</html>", ` +
				`after 4 attempts`},
		{"portal", read, says(302, page, "Location", "https://portal.example.com/login\n"), oss.Config{}, nil,
			new(*oss.ServiceError), 302,
			`oss: GetObject oss://bucket/key: 302 Found: reply is not from OSS: it redirects to ` +
				`"https://portal.example.com/login\n"`},
		{"page as a success", list, says(200, page), oss.Config{}, nil, nil, 0,
			`oss: ListParts oss://bucket/dir/key: after 4 attempts: status 200 with an unreadable document: ` +
				`expected element type <ListPartsResult> but have <html>: "<html>who are you?</html>"`},
		{"success without an ETag", put, says(200, page), oss.Config{}, nil, nil, 0,
			"oss: PutObject oss://bucket/key: after 4 attempts: status 200 without an ETag: reply is not from OSS"},
		{"document that cannot be", list, says(200, "<ListPartsResult><Part/></ListPartsResult>"), oss.Config{}, nil,
			nil, 0,
			"oss: ListParts oss://bucket/dir/key: after 4 attempts: status 200 with a document that is not from " +
				"OSS: part number 0 after 2"},
		{"result that is none", finish, says(200, page), oss.Config{}, nil, nil, 0,
			`oss: CompleteMultipartUpload oss://bucket/dir/key: reply is no result: status 200 with an unreadable ` +
				`document: expected element type <CompleteMultipartUploadResult> but have <html>: "<html>who are ` +
				`you?</html>"`},

		// Bytes are damaged.
		{"other CRC-64", put, says(200, "", "ETag", etag("body"), "x-oss-hash-crc64ecma", "1"), oss.Config{}, nil,
			new(*oss.ChecksumError), 0,
			"oss: PutObject oss://bucket/key: CRC-64 is CD8F1D7B938B3A31 here and 0000000000000001 in OSS"},
		{"refused MD5", put, refuses(400, "InvalidDigest"), oss.Config{}, kinds{oss.ErrInvalidDigest},
			new(*oss.ChecksumError), 400,
			"oss: PutObject oss://bucket/key: corrupted in transit: oss: PutObject oss://bucket/key: 400 " +
				"InvalidDigest: no., request ID " + id + ", after 4 attempts"},

		// The source fails.
		{"body that cannot be read", unreadable, says(200, ""), oss.Config{}, kinds{fs.ErrClosed}, nil, 0,
			"oss: PutObject oss://bucket/key: reading the body at byte 1 of 4: file already closed"},
		{"body that is short", short, says(200, ""), oss.Config{}, kinds{io.ErrUnexpectedEOF}, nil, 0,
			"oss: PutObject oss://bucket/key: body ended after 1 of 4 bytes"},

		// The connection or the caller gives up.
		{"broken connection", read, breaks(io.ErrUnexpectedEOF), oss.Config{}, kinds{io.ErrUnexpectedEOF}, nil, 0,
			"oss: GetObject oss://bucket/key: after 4 attempts: unexpected EOF"},
		{"broken connection of a POST", post, breaks(io.ErrUnexpectedEOF), oss.Config{}, kinds{io.ErrUnexpectedEOF},
			nil, 0,
			"oss: AppendObject oss://bucket/key: unexpected EOF; not repeated, since OSS may have done the work"},
		{"no keys", read, says(200, ""),
			oss.Config{Credentials: oss.CredentialsFunc(func(context.Context) (oss.Credentials, error) {
				return oss.Credentials{}, fs.ErrNotExist
			})}, kinds{fs.ErrNotExist}, nil, 0,
			"oss: GetObject oss://bucket/key: no credentials: file does not exist"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.Retry = oss.Retry{MinWait: time.Nanosecond, MaxWait: time.Nanosecond}
			err := tt.op(t.Context(), play(tt.reply).client(t, tt.cfg))
			if err == nil {
				t.Fatal("no error")
			}
			if attempts := regexp.MustCompile(
				`after \d+ attempts[^:,;]*: |, after \d+ attempts[^:,;]*`); attempts.ReplaceAllString(err.Error(),
				"") != attempts.ReplaceAllString(tt.want, "") {
				t.Errorf("error\n%s\nwant\n%s", err, tt.want)
			}
			for _, kind := range tt.is {
				if !errors.Is(err, kind) {
					t.Errorf("%v is not %v", err, kind)
				}
			}
			if tt.as != nil && !errors.As(err, tt.as) {
				t.Errorf("%v is no %T", err, tt.as)
			}
			var refused *oss.ServiceError
			if errors.As(err, &refused); tt.status != 0 && (refused == nil || refused.StatusCode != tt.status) {
				t.Errorf("%v has not status %d", err, tt.status)
			}
		})
	}
}
