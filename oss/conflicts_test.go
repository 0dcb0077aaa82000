package oss_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/signer"
)

// TestOptionsWithoutEffectAreRefusedByName is row 117: options that contradicted each other, or that a request could
// not carry, were dropped silently.
func TestOptionsWithoutEffectAreRefusedByName(t *testing.T) {
	type call = func(ctx context.Context, c *oss.Client) error
	var (
		crc   uint64
		x     = strings.NewReader("x")
		src   = oss.CopySource{Bucket: "bucket", Key: "source"}
		parts = []oss.Part{{Number: 1, ETag: `"A"`}}
	)
	part := func(o oss.PartOptions) call {
		return func(ctx context.Context, c *oss.Client) error {
			_, err := c.UploadPart(ctx, upload, 1, x, &o)
			return err
		}
	}
	copyPart := func(o oss.CopyPartOptions) call {
		return func(ctx context.Context, c *oss.Client) error {
			_, err := c.UploadPartCopy(ctx, upload, 1, src, &o)
			return err
		}
	}
	put := func(o oss.ObjectOptions) call {
		return func(ctx context.Context, c *oss.Client) error {
			_, err := c.PutObject(ctx, "bucket", "key", x, &o)
			return err
		}
	}
	initiate := func(o oss.ObjectOptions) call {
		return func(ctx context.Context, c *oss.Client) error {
			_, err := c.InitiateMultipartUpload(ctx, "bucket", "key", &o)
			return err
		}
	}
	complete := func(o oss.CompleteOptions) call {
		return func(ctx context.Context, c *oss.Client) error {
			list := parts
			if o.AllParts {
				list = nil
			}
			_, err := c.CompleteMultipartUpload(ctx, upload, list, &o)
			return err
		}
	}
	copyObject := func(o oss.CopyOptions) call {
		return func(ctx context.Context, c *oss.Client) error {
			_, err := c.CopyObject(ctx, "bucket", "key", src, &o)
			return err
		}
	}
	get := func(o oss.GetOptions) call {
		return func(ctx context.Context, c *oss.Client) error {
			_, err := c.GetObject(ctx, "bucket", "key", &o)
			return err
		}
	}
	do := func(header, value string) call {
		return func(ctx context.Context, c *oss.Client) error {
			_, err := c.Do(ctx, &oss.Request{Bucket: "bucket", Header: http.Header{header: {value}}})
			return err
		}
	}
	presign := func(r oss.Request) call {
		return func(ctx context.Context, c *oss.Client) error {
			r.Bucket, r.Key = "bucket", "key"
			_, err := c.Presign(ctx, &r, time.Hour)
			return err
		}
	}
	presignPut := func(o oss.ObjectOptions) call {
		return func(ctx context.Context, c *oss.Client) error {
			_, err := c.PresignPut(ctx, "bucket", "key", time.Hour, &o)
			return err
		}
	}
	header := func(name, value string) http.Header { return http.Header{name: {value}} }
	for _, tt := range []struct {
		name string
		call call
		want []string // in the error
	}{
		{"MD5 with CRC-64", part(oss.PartOptions{Checksum: oss.ChecksumCRC64, MD5: make([]byte, 16)}),
			[]string{"PartOptions.MD5", "ChecksumMD5"}},
		{"MD5 with nothing", part(oss.PartOptions{Checksum: oss.ChecksumNone, MD5: make([]byte, 16)}),
			[]string{"PartOptions.MD5"}},
		{"CRC-64 with nothing", part(oss.PartOptions{Checksum: oss.ChecksumNone, CRC64: &crc}),
			[]string{"PartOptions.CRC64", "ChecksumNone"}},
		{"two MD5s",
			part(oss.PartOptions{MD5: make([]byte, 16), Header: header("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")}),
			[]string{"MD5", "Content-MD5 in Header"}},
		{"checksum of an upload", initiate(oss.ObjectOptions{Checksum: oss.ChecksumCRC64}),
			[]string{"ObjectOptions.Checksum", "InitiateMultipartUpload"}},
		{"checksum of a copy", copyObject(oss.CopyOptions{Object: &oss.ObjectOptions{Checksum: oss.ChecksumNone}}),
			[]string{"ObjectOptions.Checksum", "CopyObject"}},
		{"checksum of a URL", presignPut(oss.ObjectOptions{Checksum: oss.ChecksumNone}),
			[]string{"ObjectOptions.Checksum", "presigned"}},
		{"SendMD5 of a URL", presign(oss.Request{Method: "PUT", Body: x, SendMD5: true}),
			[]string{"Request.SendMD5", "Do"}},
		{"CheckCRC64 of a URL", presign(oss.Request{Method: "PUT", Body: x, CheckCRC64: &crc}),
			[]string{"CheckCRC64", "Do"}},
		{"key ID without KMS", put(oss.ObjectOptions{Encryption: oss.Encryption{KeyID: "id"}}),
			[]string{"Encryption.KeyID", "KMS"}},
		{"key ID of AES256", put(oss.ObjectOptions{Encryption: oss.Encryption{Algorithm: "AES256", KeyID: "id"}}),
			[]string{"Encryption.KeyID", `"AES256"`}},
		{"data algorithm without KMS", put(oss.ObjectOptions{Encryption: oss.Encryption{DataAlgorithm: "SM4"}}),
			[]string{"DataAlgorithm", "KMS"}},
		{"upload ID without a key", func(ctx context.Context, c *oss.Client) error {
			_, err := c.ListMultipartUploads(ctx, "bucket", &oss.ListUploadsOptions{After: oss.Upload{ID: "F"}})
			return err
		}, []string{"After", "Key"}},

		{"Host", do("host", "evil.example.com"), []string{"header Host", "Config.Endpoint"}},
		{"Content-Length", do("content-length", "5"), []string{"header Content-Length", "body"}},
		{"Transfer-Encoding", do("Transfer-Encoding", "chunked"), []string{"header Transfer-Encoding"}},
		{"Trailer", do("Trailer", "X-A"), []string{"header Trailer"}},
		{"User-Agent", do("User-Agent", "mine"), []string{"header User-Agent", "Config.UserAgent"}},
		{"Authorization", do("Authorization", "OSS a:b"), []string{"header Authorization", "signature"}},
		{"Date", do("Date", "today"), []string{"header Date", "signature"}},
		{"x-oss-date", do("x-oss-date", "20260617T120000Z"), []string{"header X-Oss-Date", "signature"}},
		{"token", do("x-oss-security-token", "t"), []string{"header X-Oss-Security-Token", "signature"}},
		{"hash", do("x-oss-content-sha256", "UNSIGNED-PAYLOAD"), []string{"header X-Oss-Content-Sha256", "signature"}},
		{"Host of a URL", presign(oss.Request{Header: header("Host", "evil.example.com")}), []string{"header Host"}},
		{"Authorization of a URL", presign(oss.Request{Header: header("Authorization", "x")}),
			[]string{"header Authorization"}},
		{"x-oss-date of a URL", presign(oss.Request{Header: header("x-oss-date", "20260617T120000Z")}),
			[]string{"header X-Oss-Date"}},
		{"Host of a part", part(oss.PartOptions{Header: header("Host", "h")}), []string{"header Host"}},
		{"Host of a list", func(ctx context.Context, c *oss.Client) error {
			_, err := c.ListParts(ctx, upload, &oss.ListPartsOptions{Header: header("Host", "h")})
			return err
		}, []string{"header Host"}},

		{"content type twice", put(oss.ObjectOptions{ContentType: "a/b", Header: header("content-type", "c/d")}),
			[]string{"ContentType", "a/b", "c/d"}},
		{"metadata twice",
			put(oss.ObjectOptions{Metadata: map[string]string{"a": "b"}, Header: header("x-oss-meta-a", "c")}),
			[]string{"Metadata", "X-Oss-Meta-A"}},
		{"tags twice",
			put(oss.ObjectOptions{Tags: map[string]string{"a": "b"}, Header: header("x-oss-tagging", "c=d")}),
			[]string{"Tags", "X-Oss-Tagging"}},
		{"overwriting forbidden and allowed",
			put(oss.ObjectOptions{ForbidOverwrite: true, Header: header("x-oss-forbid-overwrite", "false")}),
			[]string{"ForbidOverwrite"}},
		{"limit twice", part(oss.PartOptions{TrafficLimit: 819200, Header: header("x-oss-traffic-limit", "819201")}),
			[]string{"TrafficLimit", "819201"}},
		{"limit of a copied part twice",
			copyPart(oss.CopyPartOptions{TrafficLimit: 819200, Header: header("x-oss-traffic-limit", "819201")}),
			[]string{"TrafficLimit"}},
		{"source twice", copyPart(oss.CopyPartOptions{Header: header("x-oss-copy-source", "/a/b")}),
			[]string{"CopySource", "/a/b"}},
		{"source of a copy twice", copyObject(oss.CopyOptions{Header: header("x-oss-copy-source", "/a/b")}),
			[]string{"CopySource", "/a/b"}},
		{"condition twice",
			copyObject(oss.CopyOptions{IfMatch: "a", Header: header("x-oss-copy-source-if-match", "b")}),
			[]string{"IfMatch"}},
		{"directive twice",
			copyObject(oss.CopyOptions{Object: &oss.ObjectOptions{},
				Header: header("x-oss-metadata-directive", "COPY")}), []string{"CopyOptions.Object", "COPY"}},
		{"headers of a copy twice",
			copyObject(oss.CopyOptions{Object: &oss.ObjectOptions{Header: header("x-a", "1")},
				Header: header("X-A", "2")}), []string{"CopyOptions.Object.Header", "X-A"}},
		{"ACL twice", complete(oss.CompleteOptions{ACL: "private", Header: header("x-oss-object-acl", "public-read")}),
			[]string{"ACL", "public-read"}},
		{"all parts and not", complete(oss.CompleteOptions{AllParts: true, Header: header("x-oss-complete-all", "no")}),
			[]string{"AllParts"}},
		{"type of the list of parts", complete(oss.CompleteOptions{Header: header("Content-Type", "text/html")}),
			[]string{"Content-Type", "text/html"}},
		{"range twice", get(oss.GetOptions{Offset: 3, Header: header("range", "bytes=0-1")}),
			[]string{"Offset", "bytes=0-1"}},
		{"ETag twice", get(oss.GetOptions{IfMatch: "a", Header: header("If-Match", "b")}), []string{"IfMatch"}},

		{"callback of an upload", initiate(oss.ObjectOptions{Header: header("x-oss-callback", "e30=")}),
			[]string{"X-Oss-Callback", "CompleteMultipartUpload"}},
		{"callback of a copy", copyObject(oss.CopyOptions{Header: header("x-oss-callback", "e30=")}),
			[]string{"X-Oss-Callback", "CopyObject"}},
		{"callback variables of a part", part(oss.PartOptions{Header: header("x-oss-callback-var", "e30=")}),
			[]string{"X-Oss-Callback-Var", "UploadPart"}},
		{"ACL of an upload", initiate(oss.ObjectOptions{Header: header("x-oss-object-acl", "private")}),
			[]string{"X-Oss-Object-Acl", "CompleteMultipartUpload"}},
		{"limit of an upload", initiate(oss.ObjectOptions{Header: header("x-oss-traffic-limit", "819200")}),
			[]string{"X-Oss-Traffic-Limit", "UploadPart"}},
		{"metadata at the end", complete(oss.CompleteOptions{Header: header("x-oss-meta-a", "b")}),
			[]string{"X-Oss-Meta-A", "InitiateMultipartUpload"}},
		{"class of a part", part(oss.PartOptions{Header: header("x-oss-storage-class", "IA")}),
			[]string{"X-Oss-Storage-Class", "InitiateMultipartUpload"}},
		{"encryption of a part", part(oss.PartOptions{Header: header("x-oss-server-side-encryption", "KMS")}),
			[]string{"X-Oss-Server-Side-Encryption"}},
		{"MD5 of a copied part", copyPart(oss.CopyPartOptions{Header: header("Content-MD5", "x")}),
			[]string{"Content-Md5"}},
		{"callback of a URL for reading", func(ctx context.Context, c *oss.Client) error {
			_, err := c.PresignGet(ctx, "bucket", "key", time.Hour,
				&oss.GetOptions{Header: header("x-oss-callback", "e30=")})
			return err
		}, []string{"X-Oss-Callback"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := play(says(200, ""))
			err := tt.call(t.Context(), s.client(t, oss.Config{}))
			if err == nil || len(s.messages()) > 0 || strings.Contains(err.Error(), "\n") {
				t.Fatalf("%v after %d requests, want one line before any", err, len(s.messages()))
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q, want it to say %q", err, want)
				}
			}
		})
	}
}

func TestOptionsThatAgreeAreSent(t *testing.T) {
	s := play(stores)
	c := s.client(t, oss.Config{})
	if _, err := c.PutObject(t.Context(), "bucket", "key", strings.NewReader("x"), &oss.ObjectOptions{
		ContentType: "a/b", ForbidOverwrite: true, Encryption: oss.Encryption{Algorithm: "KMS", KeyID: "id"},
		Header: http.Header{"content-type": {"a/b"}, "x-oss-forbid-overwrite": {"true"}, "x-oss-callback": {""}},
	}); err != nil {
		t.Error(err)
	}
	// of "x"
	md5 := []byte{0x9d, 0xd4, 0xe4, 0x61, 0x26, 0x8c, 0x80, 0x34, 0xf5, 0xc8, 0x56, 0x4e, 0x15, 0x5c, 0x67, 0xa6}
	if _, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader("x"),
		&oss.PartOptions{MD5: md5, Header: http.Header{"Content-MD5": {md5of("x")}}}); err != nil {
		t.Error(err)
	}
	v1 := s.client(t, oss.Config{Signer: signer.V1{}})
	if err := do(t, v1, &oss.Request{Bucket: "bucket",
		Header: http.Header{"x-oss-date": {"Sun, 01 Mar 2026 12:00:00 GMT"}}}); err != nil {
		t.Error(err)
	}
	unsigned := s.client(t, oss.Config{Credentials: oss.AnonymousCredentials()})
	if err := do(t, unsigned, &oss.Request{Bucket: "bucket",
		Header: http.Header{"Authorization": {"Bearer x"}}}); err != nil {
		t.Error(err)
	}
	sent := s.messages()
	if len(sent) != 4 || sent[2].Header.Get("x-oss-date") != "Sun, 01 Mar 2026 12:00:00 GMT" ||
		sent[3].Header.Get("Authorization") != "Bearer x" {
		t.Errorf("sent %+v", sent)
	}
}
