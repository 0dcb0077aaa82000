package oss_test

import (
	"context"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// sized is a Body of which nothing may be read.
func sized(n int64) oss.Body {
	return bodyFunc{size: n,
		read: func([]byte, int64) (int, error) { panic("read of a body that is refused for its size") }}
}

func TestBadArgumentIsNamedBeforeAnyRequest(t *testing.T) {
	type call func(ctx context.Context, c *oss.Client) error
	put := func(bucket, key string, body oss.Body, opts *oss.ObjectOptions) call {
		return func(ctx context.Context, c *oss.Client) error {
			_, err := c.PutObject(ctx, bucket, key, body, opts)
			return err
		}
	}
	putWith := func(opts oss.ObjectOptions) call { return put("bucket", "key", strings.NewReader("x"), &opts) }
	part := func(up oss.Upload, number int, body oss.Body, opts *oss.PartOptions) call {
		return func(ctx context.Context, c *oss.Client) error {
			_, err := c.UploadPart(ctx, up, number, body, opts)
			return err
		}
	}
	copyPart := func(number int, src oss.CopySource, opts *oss.CopyPartOptions) call {
		return func(ctx context.Context, c *oss.Client) error {
			_, err := c.UploadPartCopy(ctx, upload, number, src, opts)
			return err
		}
	}
	get := func(opts oss.GetOptions) call {
		return func(ctx context.Context, c *oss.Client) error {
			_, err := c.GetObject(ctx, "bucket", "key", &opts)
			return err
		}
	}
	complete := func(parts []oss.Part, opts *oss.CompleteOptions) call {
		return func(ctx context.Context, c *oss.Client) error {
			_, err := c.CompleteMultipartUpload(ctx, upload, parts, opts)
			return err
		}
	}
	listParts := func(o oss.ListPartsOptions) call {
		return func(ctx context.Context, c *oss.Client) error {
			_, err := c.ListParts(ctx, upload, &o)
			return err
		}
	}
	do := func(r oss.Request) call {
		return func(ctx context.Context, c *oss.Client) error {
			_, err := c.Do(ctx, &r)
			return err
		}
	}
	presign := func(number int, ttl time.Duration) call {
		return func(ctx context.Context, c *oss.Client) error {
			_, err := c.PresignPart(ctx, upload, number, ttl)
			return err
		}
	}
	var (
		x         = strings.NewReader("x")
		src       = oss.CopySource{Bucket: "bucket", Key: "key"}
		noID      = oss.Upload{Bucket: "bucket", Key: "key"}
		manyTags  = make(map[string]string)
		longNames = strings.Repeat("k", 1024)
	)
	for _, c := range "abcdefghijk" {
		manyTags[string(c)] = ""
	}

	for _, tt := range []struct {
		name string
		call call
		want []string // in the error
	}{
		{"empty bucket", put("", "key", x, nil), []string{"bucket name is empty"}},
		{"bucket in capitals", put("Bucket", "key", x, nil), []string{`"Bucket"`, "a-z"}},
		{"bucket with a hyphen behind", put("bucket-", "key", x, nil), []string{`"bucket-"`}},
		{"bucket with a dot", put("a.b", "key", x, nil), []string{`"a.b"`}},
		{"bucket with a slash", put("a/b", "key", x, nil), []string{`"a/b"`}},
		{"long bucket", put(strings.Repeat("b", 64), "key", x, nil), []string{"64", "63"}},
		{"empty key", put("bucket", "", x, nil), []string{"key is empty"}},
		{"long key", put("bucket", longNames, x, nil), []string{`"kkkk`, "1024", "1023"}},
		{"key that is not UTF-8", put("bucket", "a\xff", x, nil), []string{`"a\xff"`, "UTF-8"}},
		{"key that begins with a slash", put("bucket", "/key", x, nil), []string{`"/key"`, "slash"}},
		{"key that begins with a backslash", put("bucket", `\key`, x, nil), []string{`"\\key"`, "slash"}},
		{"copy of a key that begins with a slash", copyPart(1, oss.CopySource{Bucket: "bucket", Key: "/key"}, nil),
			[]string{"copy source", `"/key"`}},
		{"nil body", put("bucket", "key", nil, nil), []string{"body of oss://bucket/key is nil"}},
		{"body over 5 GiB", put("bucket", "key", sized(5<<30+1), nil), []string{"5368709121", "5368709120"}},
		{"negative body", put("bucket", "key", sized(-1), nil), []string{"size -1"}},
		{"checksum", putWith(oss.ObjectOptions{Checksum: 9}), []string{"checksum 9"}},
		{"header name", putWith(oss.ObjectOptions{Header: http.Header{"a b": {"c"}}}), []string{`"a b"`}},
		{"header value", putWith(oss.ObjectOptions{Header: http.Header{"x-a": {"ok", "c\nd"}}}),
			[]string{"X-A", "control"}},
		{"content type", putWith(oss.ObjectOptions{ContentType: "a/b\r\nx: y"}), []string{"Content-Type", "control"}},
		{"metadata name", putWith(oss.ObjectOptions{Metadata: map[string]string{"a:b": "c"}}), []string{`"a:b"`}},
		{"empty metadata name", putWith(oss.ObjectOptions{Metadata: map[string]string{"": "c"}}), []string{`""`}},
		{"metadata name twice",
			putWith(oss.ObjectOptions{Metadata: map[string]string{"Color": "red", "color": "blue"}}),
			[]string{`"color"`, "case"}},
		{"metadata value", putWith(oss.ObjectOptions{Metadata: map[string]string{"a": "c\x00"}}),
			[]string{"X-Oss-Meta-A", "control"}},
		{"metadata over 8 KiB", putWith(oss.ObjectOptions{Metadata: map[string]string{"a": strings.Repeat("v", 8192)}}),
			[]string{"8193", "8192"}},
		{"11 tags", putWith(oss.ObjectOptions{Tags: manyTags}), []string{"11", "10"}},
		{"empty tag key", putWith(oss.ObjectOptions{Tags: map[string]string{"": "v"}}), []string{`""`, "128"}},
		{"long tag key", putWith(oss.ObjectOptions{Tags: map[string]string{strings.Repeat("k", 129): "v"}}),
			[]string{"129", "128"}},
		{"long tag value", putWith(oss.ObjectOptions{Tags: map[string]string{"k": strings.Repeat("v", 257)}}),
			[]string{`"k"`, "257", "256"}},

		{"no upload ID", part(noID, 1, x, nil), []string{"oss://bucket/key", "upload ID"}},
		{"part 0", part(upload, 0, x, nil), []string{"part number 0 ", "1 and 10000"}},
		{"part 10,001", part(upload, 10001, x, nil), []string{"part number 10001 ", "1 and 10000"}},
		{"nil part", part(upload, 7, nil, nil), []string{"part 7", "nil"}},
		{"part over 5 GiB", part(upload, 7, sized(5<<30+1), nil), []string{"part 7", "5368709121", "5368709120"}},
		{"MD5", part(upload, 1, x, &oss.PartOptions{MD5: []byte{1, 2, 3}}), []string{"3 bytes", "16"}},
		{"part checksum", part(upload, 1, x, &oss.PartOptions{Checksum: -1}), []string{"checksum -1"}},
		{"low traffic limit", part(upload, 1, x, &oss.PartOptions{TrafficLimit: 819199}),
			[]string{"819199", "819200", "838860800"}},
		{"high traffic limit", part(upload, 1, x, &oss.PartOptions{TrafficLimit: 838860801}),
			[]string{"838860801", "838860800"}},

		{"copied part 0", copyPart(0, src, nil), []string{"part number 0 "}},
		{"copy of no bucket", copyPart(1, oss.CopySource{Key: "key"}, nil),
			[]string{"copy source", "bucket name is empty"}},
		{"copy of no key", copyPart(1, oss.CopySource{Bucket: "bucket"}, nil), []string{"copy source", "key is empty"}},
		{"copy at a negative offset", copyPart(1, oss.CopySource{Bucket: "bucket", Key: "key", Offset: -3}, nil),
			[]string{"-3"}},
		{"copy beyond all ends",
			copyPart(1, oss.CopySource{Bucket: "bucket", Key: "key", Offset: math.MaxInt64, Length: 2}, nil),
			[]string{"9223372036854775807"}},
		{"copy over 5 GiB", copyPart(1, oss.CopySource{Bucket: "bucket", Key: "key", Length: 5<<30 + 1}, nil),
			[]string{"5368709121", "5368709120"}},
		{"copy's traffic limit", copyPart(1, src, &oss.CopyPartOptions{TrafficLimit: 1}), []string{"traffic limit 1 "}},

		{"no parts", complete(nil, nil), []string{"no parts"}},
		{"part listed twice",
			complete([]oss.Part{{Number: 3, ETag: "a"}, {Number: 4, ETag: "a"}, {Number: 3, ETag: "b"}}, nil),
			[]string{"part 3 is listed twice"}},
		{"part without ETag", complete([]oss.Part{{Number: 3}}, nil), []string{"part 3 has no ETag"}},
		{"part of a bad number", complete([]oss.Part{{Number: 10001, ETag: "a"}}, nil), []string{"part number 10001 "}},
		{"all parts and some", complete([]oss.Part{{Number: 1, ETag: "a"}}, &oss.CompleteOptions{AllParts: true}),
			[]string{"AllParts", "1 parts"}},
		{"ACL of an upload", func(ctx context.Context, c *oss.Client) error {
			_, err := c.InitiateMultipartUpload(ctx, "bucket", "key", &oss.ObjectOptions{ACL: "private"})
			return err
		}, []string{`"private"`, "CompleteMultipartUpload"}},
		{"abort without ID",
			func(ctx context.Context, c *oss.Client) error { return c.AbortMultipartUpload(ctx, noID) },
			[]string{"upload ID"}},

		{"page of -1 parts", listParts(oss.ListPartsOptions{PageSize: -1}), []string{"page size -1 ", "1000"}},
		{"page of 1,001 parts", listParts(oss.ListPartsOptions{PageSize: 1001}), []string{"page size 1001 ", "1000"}},
		{"parts after -1", listParts(oss.ListPartsOptions{After: -1}), []string{"After -1"}},
		{"page of 1,001 uploads", func(ctx context.Context, c *oss.Client) error {
			_, err := c.ListMultipartUploads(ctx, "bucket", &oss.ListUploadsOptions{PageSize: 1001})
			return err
		}, []string{"page size 1001 ", "1000"}},
		{"uploads of no bucket", func(ctx context.Context, c *oss.Client) error {
			_, err := c.ListMultipartUploads(ctx, "", nil)
			return err
		}, []string{"bucket name is empty"}},

		{"negative offset", get(oss.GetOptions{Offset: -1}), []string{"-1"}},
		{"negative length", get(oss.GetOptions{Length: -5}), []string{"-5"}},
		{"range beyond all ends", get(oss.GetOptions{Offset: 2, Length: math.MaxInt64}),
			[]string{"9223372036854775807"}},
		{"head of no key", func(ctx context.Context, c *oss.Client) error {
			_, err := c.HeadObject(ctx, "bucket", "", nil)
			return err
		}, []string{"key is empty"}},
		{"delete of no key", func(ctx context.Context, c *oss.Client) error {
			return c.DeleteObject(ctx, "bucket", "", nil)
		}, []string{"key is empty"}},

		{"method", do(oss.Request{Method: "GET /"}), []string{`"GET /"`}},
		{"key without bucket", do(oss.Request{Key: "key"}), []string{"bucket name is empty"}},
		{"header of a request", do(oss.Request{Header: http.Header{"": {"x"}}}), []string{`""`}},
		{"presigned part 0", presign(0, time.Hour), []string{"part number 0 "}},
		{"presigned for no time", presign(1, 0), []string{"0s"}},
		{"presigned for too long", presign(1, 8*24*time.Hour), []string{"192h0m0s", "168h0m0s"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := play(says(http.StatusOK, ""))
			err := tt.call(t.Context(), s.client(t, oss.Config{}))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q, want it to say %q", err, want)
				}
			}
			if strings.ContainsAny(err.Error(), "\r\n") || len(err.Error()) > 300 {
				t.Errorf("error is not one readable line: %q", err)
			}
			if n := len(s.messages()); n != 0 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}
}

func TestLargestArgumentsAreSent(t *testing.T) {
	tags := make(map[string]string)
	for _, c := range "abcdefghij" {
		tags[strings.Repeat(string(c), 128)] = strings.Repeat("v", 256)
	}
	s := play(stores)
	c := s.client(t, oss.Config{})
	if _, err := c.PutObject(t.Context(), strings.Repeat("b", 63), strings.Repeat("k", 1023), strings.NewReader(""),
		&oss.ObjectOptions{
			Tags: tags, Metadata: map[string]string{"a": strings.Repeat("v", 8191)},
		}); err != nil {
		t.Error(err)
	}
	if _, err := c.UploadPart(t.Context(), upload, 10000, strings.NewReader("x"),
		&oss.PartOptions{TrafficLimit: 838860800}); err != nil {
		t.Error(err)
	}
}
