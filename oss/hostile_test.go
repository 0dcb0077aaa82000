package oss_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/oss"
)

// An operation calls one method of a Client, with arguments that OSS would take.
type operation func(ctx context.Context, c *oss.Client) error

// operations are all that a Client sends.
var operations = map[string]operation{
	"Initiate": func(ctx context.Context, c *oss.Client) error {
		up, err := c.InitiateMultipartUpload(ctx, "bucket", "key", nil)
		if err == nil && (up.Bucket != "bucket" || up.Key != "key" || up.ID == "" || len(up.ID) > 1<<10) {
			return impossible("Initiate = %+v", up)
		}
		return err
	},
	"UploadPart": func(ctx context.Context, c *oss.Client) error {
		p, err := c.UploadPart(ctx, upload, 7, strings.NewReader("body"), nil)
		if err == nil && (p.Number != 7 || p.Size != 4 || p.ETag == "") {
			return impossible("UploadPart = %+v", p)
		}
		return err
	},
	"UploadPartCopy": func(ctx context.Context, c *oss.Client) error {
		p, err := c.UploadPartCopy(ctx, upload, 7, oss.CopySource{Bucket: "bucket", Key: "key", Offset: 3}, nil)
		if err == nil && (p.Number != 7 || p.ETag == "" || p.Size < 1 || p.Size > oss.MaxPartSize) {
			return impossible("UploadPartCopy = %+v", p)
		}
		return err
	},
	"UploadPartCopy of a range in Header": func(ctx context.Context, c *oss.Client) error {
		p, err := c.UploadPartCopy(ctx, upload, 7, oss.CopySource{Bucket: "bucket", Key: "key"},
			&oss.CopyPartOptions{Header: http.Header{"x-oss-copy-source-range": {"bytes=0-"}}})
		if err == nil && (p.ETag == "" || p.Size < 1 || p.Size > oss.MaxPartSize) {
			return impossible("UploadPartCopy = %+v", p)
		}
		return err
	},
	"Complete": func(ctx context.Context, c *oss.Client) error {
		res, err := c.CompleteMultipartUpload(ctx, upload, []oss.Part{{Number: 1, ETag: `"A"`}}, nil)
		if err == nil && res.ETag == "" {
			return impossible("Complete = %+v", res)
		}
		return err
	},
	"Complete with a callback": func(ctx context.Context, c *oss.Client) error {
		res, err := c.CompleteMultipartUpload(ctx, upload, []oss.Part{{Number: 1, ETag: `"A"`}},
			&oss.CompleteOptions{Header: http.Header{"x-oss-callback": {"e30="}}})
		if err == nil && len(res.Callback) > 4<<20 {
			return impossible("Complete with %d bytes of a callback", len(res.Callback))
		}
		return err
	},
	"Abort": func(ctx context.Context, c *oss.Client) error { return c.AbortMultipartUpload(ctx, upload) },
	"ListParts": func(ctx context.Context, c *oss.Client) error {
		page, err := c.ListParts(ctx, upload, &oss.ListPartsOptions{After: 2})
		if err != nil {
			return err
		}
		last := 2
		for _, p := range page.Parts {
			if p.Number <= last || p.Number > oss.MaxPartNumber || p.Size < 0 || p.Size > oss.MaxPartSize ||
				p.ETag == "" {
				return impossible("ListParts = %+v", p)
			}
			last = p.Number
		}
		if page.Next != 0 && (page.Next < last || page.Next <= 2 || page.Next > oss.MaxPartNumber) {
			return impossible("ListParts continues at %d", page.Next)
		}
		return nil
	},
	"ListMultipartUploads": func(ctx context.Context, c *oss.Client) error {
		after := oss.Upload{Key: "a", ID: "1"}
		page, err := c.ListMultipartUploads(ctx, "bucket", &oss.ListUploadsOptions{After: after})
		if err != nil {
			return err
		}
		for _, u := range page.Uploads {
			if oss.CheckObjectName(u.Bucket, u.Key) != nil || u.ID == "" {
				return impossible("ListMultipartUploads = %+v", u)
			}
		}
		if n := page.Next; n != (oss.Upload{}) && (n.Key < after.Key || n.Key == after.Key && n.ID <= after.ID) {
			return impossible("ListMultipartUploads continues at %v", n)
		}
		return nil
	},
	"PutObject": func(ctx context.Context, c *oss.Client) error {
		_, err := c.PutObject(ctx, "bucket", "key", strings.NewReader("body"), nil)
		return err
	},
	"PutObject with a callback": func(ctx context.Context, c *oss.Client) error {
		res, err := c.PutObject(ctx, "bucket", "key", strings.NewReader("body"),
			&oss.ObjectOptions{Header: http.Header{"x-oss-callback": {"e30="}}})
		if err == nil && len(res.Callback) > 4<<20 {
			return impossible("PutObject with %d bytes of a callback", len(res.Callback))
		}
		return err
	},
	"CopyObject": func(ctx context.Context, c *oss.Client) error {
		res, err := c.CopyObject(ctx, "bucket", "key", oss.CopySource{Bucket: "bucket", Key: "source"}, nil)
		if err == nil && res.ETag == "" {
			return impossible("CopyObject = %+v", res)
		}
		return err
	},
	"GetObject": func(ctx context.Context, c *oss.Client) error { return get(ctx, c, nil) },
	"GetObject of a range": func(ctx context.Context, c *oss.Client) error {
		return get(ctx, c, &oss.GetOptions{Offset: 3, Length: 5})
	},
	"GetObject of the last bytes": func(ctx context.Context, c *oss.Client) error {
		return get(ctx, c, &oss.GetOptions{Suffix: 5})
	},
	"OpenObject": func(ctx context.Context, c *oss.Client) error {
		r, err := c.OpenObject(ctx, "bucket", "key", nil)
		if err != nil {
			return err
		}
		defer r.Close()
		if r.Size() < 0 || r.Info().ETag == "" {
			return impossible("OpenObject = %+v", r.Info())
		}
		n, err := r.ReadAt(make([]byte, 10), 3)
		if n > 10 || n < 10 && err == nil || int64(n) > max(r.Size()-3, 0) {
			return impossible("ReadAt = %d, %v of %d bytes", n, err, r.Size())
		}
		return err
	},
	"HeadObject": func(ctx context.Context, c *oss.Client) error {
		info, err := c.HeadObject(ctx, "bucket", "key", nil)
		if err == nil && (info.Size < 0 || info.ETag == "") {
			return impossible("HeadObject = %+v", info)
		}
		return err
	},
	"DeleteObject": func(ctx context.Context, c *oss.Client) error { return c.DeleteObject(ctx, "bucket", "key", nil) },
	"Do": func(ctx context.Context, c *oss.Client) error {
		resp, err := c.Do(ctx, &oss.Request{Bucket: "bucket", Query: map[string][]string{"acl": {""}}})
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		return err
	},
}

// get reads an object to its end.
func get(ctx context.Context, c *oss.Client, opts *oss.GetOptions) error {
	obj, err := c.GetObject(ctx, "bucket", "key", opts)
	if err != nil {
		return err
	}
	defer obj.Body.Close()
	if obj.Size < -1 || obj.ETag == "" && obj.Header.Get("x-oss-request-id") == "" {
		return impossible("GetObject = %+v", obj.ObjectInfo)
	}
	_, err = io.Copy(io.Discard, obj.Body)
	return err
}

// An impossibleResult is a success that no reply of OSS can have meant.
type impossibleResult struct{ error }

func impossible(format string, args ...any) error {
	return impossibleResult{fmt.Errorf(format, args...)}
}

// TestRepliesThatOSSCannotHaveSentAreRefused is bug 6: a list without a PartNumber made callers panic, who compute with
// what they are told.
func TestRepliesThatOSSCannotHaveSentAreRefused(t *testing.T) {
	part := func(number, size, etag string) answer {
		return says(200,
			"<ListPartsResult><Part><PartNumber>"+number+"</PartNumber><Size>"+size+"</Size><ETag>"+etag+
				"</ETag></Part></ListPartsResult>")
	}
	uploads := func(entries string) answer {
		return says(200, "<ListMultipartUploadsResult>"+entries+"</ListMultipartUploadsResult>")
	}
	initiated := func(id string) answer {
		return says(200, "<InitiateMultipartUploadResult><UploadId>"+id+"</UploadId></InitiateMultipartUploadResult>")
	}
	const copied = "<CopyPartResult><ETag>e</ETag></CopyPartResult>"
	for _, tt := range []struct {
		name, op string
		reply    answer
		want     string // in the error
	}{
		{"no part number", "ListParts", says(200, "<ListPartsResult><Part><ETag>e</ETag></Part></ListPartsResult>"),
			"part number 0 after 2"},
		{"negative part number", "ListParts", part("-1", "1", "e"), "part number -1 after 2"},
		{"part number that was not asked for", "ListParts", part("2", "1", "e"), "part number 2 after 2"},
		{"part number above 10,000", "ListParts", part("10001", "1", "e"), "part number 10001 "},
		{"part number that is none", "ListParts", part("99999999999999999999", "1", "e"), "out of range"},
		{"negative size", "ListParts", part("3", "-1", "e"), "part 3 of -1 bytes"},
		{"size above 5 GiB", "ListParts", part("3", "9223372036854775807", "e"), "part 3 of 9223372036854775807 bytes"},
		{"no ETag", "ListParts", part("3", "1", ""), "part 3 without an ETag"},
		{"parts twice", "ListParts",
			says(200, "<ListPartsResult>"+strings.Repeat("<Part><PartNumber>3</PartNumber><ETag>e</ETag></Part>",
				2)+"</ListPartsResult>"), "part number 3 after 3"},
		{"upload without a key", "ListMultipartUploads", uploads("<Upload><UploadId>1</UploadId></Upload>"),
			"key is empty"},
		{"upload without an ID", "ListMultipartUploads", uploads("<Upload><Key>k</Key></Upload>"), "no upload ID"},
		{"upload of an impossible key", "ListMultipartUploads",
			uploads("<Upload><Key>/k</Key><UploadId>1</UploadId></Upload>"), "begins with a slash"},
		{"uploads without end", "ListMultipartUploads",
			uploads(strings.Repeat("<Upload><Key>k</Key><UploadId>1</UploadId></Upload>", 2001)), "2001 uploads"},
		{"no upload ID", "Initiate", initiated(""), "no upload ID"},
		{"long upload ID", "Initiate", initiated(strings.Repeat("F", 1025)), "1025 bytes"},
		{"part without an ETag", "UploadPart", says(200, ""), "not from OSS"},
		{"copied part without an ETag", "UploadPartCopy",
			says(200, "<CopyPartResult/>", "Content-Range", "bytes 3-9/10"), "no ETag"},
		{"copied range of another place", "UploadPartCopy", says(200, copied, "Content-Range", "bytes 0-9/10"),
			"not honoured"},
		{"copied range above 5 GiB", "UploadPartCopy",
			says(200, copied, "Content-Range", "bytes 3-9223372036854775807/*"), "not honoured"},
		{"copied range of 2^63 bytes", "UploadPartCopy of a range in Header",
			says(200, copied, "Content-Range", "bytes 0-9223372036854775807/*"), "not honoured"},
		{"completed without an ETag", "Complete", says(200, "<CompleteMultipartUploadResult/>"), "without an ETag"},
		{"copied without an ETag", "CopyObject", says(200, "<CopyObjectResult/>"), "no ETag"},
		{"object without a length", "HeadObject", func(r *http.Request, body string) (*http.Response, error) {
			resp, err := says(200, "")(r, body)
			resp.ContentLength = -1
			return resp, err
		}, "without a Content-Length"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := play(tt.reply)
			err := operations[tt.op](t.Context(), s.client(t, oss.Config{Retry: oss.Retry{Attempts: 1}}))
			if _, bad := err.(impossibleResult); bad || err == nil || !strings.Contains(err.Error(), tt.want) ||
				strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v, want one line with %q", tt.op, err, tt.want)
			}
		})
	}
}

// An endlessBody repeats a text for ever.
type endlessBody struct {
	text string
	at   int
}

func (b *endlessBody) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = b.text[b.at]
		b.at = (b.at + 1) % len(b.text)
	}
	return len(p), nil
}

func (*endlessBody) Close() error { return nil }

// TestRepliesWithoutEndTakeLittleMemory is bug 7, for every operation that reads a reply whole.
func TestRepliesWithoutEndTakeLittleMemory(t *testing.T) {
	const limit = 32 << 20
	for name, op := range operations {
		if strings.HasPrefix(name, "GetObject") || name == "Do" {
			continue // their body is the caller's to read
		}
		for i, text := range []string{"x", "<Part/>", "<ListPartsResult>", "<Upload>"} {
			for _, status := range []int{200, 500} {
				if testing.Short() && (i%2 == 0) == (status == 200) {
					continue
				}
				s := play(func(r *http.Request, body string) (*http.Response, error) {
					resp, err := says(status, "", "ETag", etag(body), "x-oss-request-id", "ID")(r, "")
					resp.Body, resp.ContentLength = &endlessBody{text: text}, 0
					return resp, err
				})
				c := s.client(t, oss.Config{Retry: oss.Retry{Attempts: 1}})
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				err := op(t.Context(), c)
				runtime.ReadMemStats(&after)
				if _, bad := err.(impossibleResult); bad {
					t.Errorf("%s answered by %d %q: %v", name, status, text, err)
				}
				if n := after.TotalAlloc - before.TotalAlloc; n > limit {
					t.Errorf("%s answered by %d %q allocated %d bytes, more than %d: %v", name, status, text, n, limit,
						err)
				}
			}
		}
	}
}
