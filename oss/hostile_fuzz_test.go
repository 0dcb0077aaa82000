package oss_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// lists are the operations of more than one request.
var lists = map[string]operation{
	"Parts": func(ctx context.Context, c *oss.Client) error {
		last := 0
		for p, err := range c.Parts(ctx, upload, nil) {
			if err != nil {
				return err
			}
			if p.Number <= last || p.Number > oss.MaxPartNumber || p.Size < 0 {
				return impossible("Parts gives %+v after %d", p, last)
			}
			last = p.Number
		}
		return nil
	},
	"Uploads": func(ctx context.Context, c *oss.Client) error {
		for u, err := range c.Uploads(ctx, "bucket", nil) {
			if err != nil {
				return err
			}
			if oss.CheckObjectName(u.Bucket, u.Key) != nil || u.ID == "" {
				return impossible("Uploads gives %+v", u)
			}
		}
		return nil
	},
}

// raw answers with the bytes of a reply. {etag} and {crc} stand for the sums of the body that was sent.
func raw(reply string) answer {
	return func(r *http.Request, body string) (*http.Response, error) {
		reply := strings.NewReplacer("{etag}", etag(body), "{crc}", crc(body)).Replace(reply)
		return http.ReadResponse(bufio.NewReader(strings.NewReader(reply)), r)
	}
}

// FuzzAnyReply states that no reply of a server makes an operation panic, take more than 32 MiB, return what OSS cannot
// have meant, or fail with an error that is not one line of reasonable length.
func FuzzAnyReply(f *testing.F) {
	all := maps.Clone(operations)
	maps.Copy(all, lists)
	names := slices.Sorted(maps.Keys(all))
	const (
		id   = "x-oss-request-id: 5C3D9175B6FC201293AD4890"
		sums = id + "\r\nETag: {etag}\r\nx-oss-hash-crc64ecma: {crc}"
	)
	for i := range names {
		for _, seed := range []struct {
			status        int
			headers, body string
		}{
			{200, sums, ""},
			{204, id, ""},
			{206, sums + "\r\nContent-Range: bytes 3-7/10", "34567"},
			{200, sums + "\r\nContent-Range: bytes 3-9223372036854775807/*",
				"<CopyPartResult><LastModified>2015-12-12T00:36:26.000Z</LastModified><ETag>e</ETag></CopyPartResult>"},
			{200, sums, "<CopyObjectResult><ETag>e</ETag></CopyObjectResult>"},
			{200, id,
				"<InitiateMultipartUploadResult><UploadId>2FDB397151204CD19BDA61A70809207E</UploadId>" +
					"</InitiateMultipartUploadResult>"},
			{200, id, "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>"},
			{200, id,
				"<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>3</NextPartNumberMarker>" +
					"<Part><PartNumber>3</PartNumber><Size>1</Size><ETag>e</ETag></Part></ListPartsResult>"},
			{200, id,
				"<ListMultipartUploadsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>" +
					"<NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>2</NextUploadIdMarker><Upload><Key>k%2F" +
					"</Key><UploadId>2</UploadId></Upload><CommonPrefixes><Prefix>p</Prefix></CommonPrefixes>" +
					"</ListMultipartUploadsResult>"},
			{200, id,
				"<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>" +
					"<NextContinuationToken>t</NextContinuationToken><Contents><Key>b%2F1</Key><Size>1</Size>" +
					"<Owner><ID>1</ID></Owner></Contents><CommonPrefixes><Prefix>c%2F</Prefix></CommonPrefixes>" +
					"</ListBucketResult>"},
			{200, id,
				"<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>b</NextKeyMarker>" +
					"<NextVersionIdMarker>v</NextVersionIdMarker><Version><Key>b</Key><VersionId>v</VersionId>" +
					"<Size>1</Size></Version><DeleteMarker><Key>c</Key><VersionId>v</VersionId></DeleteMarker>" +
					"</ListVersionsResult>"},
			{200, id,
				"<DeleteResult><Deleted><Key>a</Key><DeleteMarker>true</DeleteMarker></Deleted><Deleted><Key>b" +
					"</Key><VersionId>v</VersionId></Deleted></DeleteResult>"},
			{200, id, "<AccessControlPolicy><Owner><ID>1</ID></Owner><AccessControlList><Grant>private</Grant>" +
				"</AccessControlList></AccessControlPolicy>"},
			{200, id, "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"},
			{200, sums + "\r\nx-oss-symlink-target: a%2Fb\r\nx-oss-next-append-position: 7\r\n" +
				"x-oss-object-type: Appendable", ""},
			{200, id, "<ListAllMyBucketsResult><IsTruncated>true</IsTruncated><NextMarker>b</NextMarker><Buckets>" +
				"<Bucket><Name>b</Name><Location>oss-cn-hangzhou</Location></Bucket></Buckets>" +
				"</ListAllMyBucketsResult>"},
			{200, id,
				"<BucketInfo><Bucket><Name>bucket</Name><Location>oss-cn-hangzhou</Location></Bucket></BucketInfo>"},
			{200, id, "<LocationConstraint>oss-cn-hangzhou</LocationConstraint>"},
			{200, id, "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"},
			{200, id, "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><MaxAgeSeconds>5</MaxAgeSeconds>" +
				"</CORSRule></CORSConfiguration>"},
			{200, id,
				"<LifecycleConfiguration><Rule><ID>i</ID><Expiration>" +
					"<CreatedBeforeDate>2030-01-01T00:00:00.000Z</CreatedBeforeDate></Expiration></Rule>" +
					"</LifecycleConfiguration>"},
			{203, id, "<Error><Code>CallbackFailed</Code></Error>"},
			{403, "Date: Sun, 01 Mar 2026 12:00:00 GMT",
				"<Error><Code>RequestTimeTooSkewed</Code><Message>a\nb</Message></Error>"},
			{404, id, ""},
			{403, "x-oss-err: PEVycm9yPjxDb2RlPkE8L0NvZGU+PC9FcnJvcj4=", ""},
			{302, "Location: https://portal.example.com/", "<html>"},
			{503, "Retry-After: 99999999999", ""},
			{200, "Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"},
			{200, "Content-Length: 99", "short"},
			{101, "Upgrade: x", ""},
		} {
			f.Add(uint8(i), seed.status, seed.headers, seed.body)
		}
	}
	f.Fuzz(func(t *testing.T, op uint8, status int, headers, body string) {
		name := names[int(op)%len(names)]
		s := play(raw(fmt.Sprintf("HTTP/1.1 %03d X\r\n%s\r\n\r\n%s", status, headers, body)))
		c := s.client(t, oss.Config{Retry: oss.Retry{Attempts: 1}})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		err := all[name](t.Context(), c)
		runtime.ReadMemStats(&after)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s took %v", name, took)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 32<<20 {
			t.Errorf("%s allocated %d bytes", name, n)
		}
		if err == nil || err == io.ErrUnexpectedEOF {
			return
		}
		if _, bad := err.(impossibleResult); bad {
			t.Error(err)
		}
		if text := err.Error(); strings.ContainsAny(text, "\r\n\x00") || len(text) > 16<<10 {
			t.Errorf("%s: error is no readable line: %.1000q", name, text)
		}
	})
}
