package conformance_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ossmultipart/go-oss/oss"
)

// own fails t if key is not the check's to touch, before a Client touches it.
func (e *env) own(t *testing.T, key string) string {
	t.Helper()
	if err := e.allow(http.MethodPut, e.bucket, key); err != nil {
		t.Fatal(err)
	}
	return key
}

// clientAssumptions are about what package oss makes of all this.
func clientAssumptions() []assumption {
	one, two, three := block('1', minPart), block('2', minPart), []byte("3")
	begin := func(t *testing.T, e *env) (up oss.Upload, parts []oss.Part) {
		t.Helper()
		ctx := t.Context()
		up, err := e.client.InitiateMultipartUpload(ctx, e.bucket, e.own(t, e.key("a b/\u4e2d")), nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, data := range [][]byte{one, two, three} {
			p, err := e.client.UploadPart(ctx, up, i+1, bytes.NewReader(data), nil)
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, p)
		}
		return up, parts
	}
	return []assumption{
		{
			ID: "A230", Source: recorded, Where: "aliblobstoreit_testmultipartupload_*.json",
			Ops:   []string{"UploadPart", "ListParts"},
			Claim: "ListParts reports the parts as UploadPart did: number, ETag, size and CRC-64.",
			check: func(t *testing.T, e *env) {
				up, want := begin(t, e)
				var got []oss.Part
				for p, err := range e.client.Parts(t.Context(), up, &oss.ListPartsOptions{PageSize: 2}) {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, p)
				}
				if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(oss.Part{}, "LastModified")); diff != "" {
					t.Errorf("parts (-uploaded +listed):\n%s", diff)
				}
			},
		},
		{
			ID: "A231", Source: thirdParty, Where: "ali-sdk/ali-oss issue 1194",
			Ops: []string{"CompleteMultipartUpload", "HeadObject"},
			Claim: "After a Complete whose reply was lost, NoSuchUpload and a HEAD with the expected ETag, CRC-64, " +
				"size and type prove that it was done.",
			check: func(t *testing.T, e *env) {
				up, parts := begin(t, e)
				ctx := t.Context()
				done, err := e.client.CompleteMultipartUpload(ctx, up, parts, nil)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := e.client.CompleteMultipartUpload(ctx, up, parts,
					nil); !errors.Is(err, oss.ErrNoSuchUpload) {
					t.Errorf("second Complete: %v, want NoSuchUpload", err)
				}
				info, err := e.client.HeadObject(ctx, up.Bucket, up.Key, nil)
				if err != nil {
					t.Fatal(err)
				}
				equal(t, "ETag", info.ETag, done.ETag)
				equal(t, "ETag", info.ETag, joinedETag(one, two, three))
				equal(t, "x-oss-object-type", info.Header.Get("x-oss-object-type"), "Multipart")
				if want := int64(2*minPart + 1); info.CRC64 != done.CRC64 || info.Size != want {
					t.Errorf("CRC-64 %d and size %d, want %d and %d", info.CRC64, info.Size, done.CRC64, want)
				}
			},
		},
		{
			ID: "A232", Source: inferred, Where: "parts are independent until Complete",
			Ops:   []string{"UploadPart", "CompleteMultipartUpload", "GetObject"},
			Claim: "Parts may be sent at the same time and in any order.",
			check: func(t *testing.T, e *env) {
				ctx := t.Context()
				up, err := e.client.InitiateMultipartUpload(ctx, e.bucket, e.own(t, e.key("object")), nil)
				if err != nil {
					t.Fatal(err)
				}
				var want []byte
				var parts []oss.Part
				var mu sync.Mutex
				var wg sync.WaitGroup
				for i := range 8 {
					data := block(byte('a'+i), minPart)
					want = append(want, data...)
					wg.Go(func() {
						p, err := e.client.UploadPart(ctx, up, i+1, bytes.NewReader(data), nil)
						if err != nil {
							t.Error(err)
						}
						mu.Lock()
						defer mu.Unlock()
						parts = append(parts, p)
					})
				}
				wg.Wait()
				if _, err := e.client.CompleteMultipartUpload(ctx, up, parts, nil); err != nil {
					t.Fatal(err)
				}
				obj, err := e.client.GetObject(ctx, up.Bucket, up.Key, nil)
				if err != nil {
					t.Fatal(err)
				}
				defer obj.Body.Close()
				if got, err := io.ReadAll(obj.Body); err != nil || !bytes.Equal(got, want) {
					t.Errorf("read %d bytes, %v; want the %d that were sent", len(got), err, len(want))
				}
			},
		},
		{
			ID: "A233", Source: recorded, Where: "aliblobstoreit_testmultipartupload_completeanabortedupload-*.json",
			Ops: []string{"AbortMultipartUpload", "ListMultipartUploads", "ListParts"},
			Claim: "An aborted upload is gone at once: from ListMultipartUploads, and for ListParts, which says " +
				"NoSuchUpload. A second Abort changes nothing.",
			check: func(t *testing.T, e *env) {
				up, _ := begin(t, e)
				ctx := t.Context()
				for range 2 {
					if err := e.client.AbortMultipartUpload(ctx, up); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := e.client.ListParts(ctx, up, nil); !errors.Is(err, oss.ErrNoSuchUpload) ||
					!errors.Is(err, fs.ErrNotExist) {
					t.Errorf("ListParts: %v, want NoSuchUpload", err)
				}
				for u, err := range e.client.Uploads(ctx, e.bucket, &oss.ListUploadsOptions{Prefix: e.key("")}) {
					t.Errorf("listed: %v, %v", u, err)
				}
			},
		},
		{
			ID: "A234", Source: documented, Where: "docs: Add V4 signature to the URL", Ops: []string{"UploadPart"},
			Claim: "A presigned URL is enough to send a part; no keys are needed.",
			check: func(t *testing.T, e *env) {
				up, _ := begin(t, e)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				signed, err := e.client.PresignPart(ctx, up, 3, time.Minute)
				if err != nil {
					t.Fatal(err)
				}
				req, err := http.NewRequestWithContext(ctx, signed.Method, signed.URL, bytes.NewReader(two))
				if err != nil {
					t.Fatal(err)
				}
				req.Header = signed.Header.Clone()
				resp, err := e.http.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				page, err := e.client.ListParts(ctx, up, &oss.ListPartsOptions{After: 2})
				if err != nil || len(page.Parts) != 1 {
					t.Fatalf("ListParts = %v, %v, want one part", page, err)
				}
				equal(t, "ETag", page.Parts[0].ETag, resp.Header.Get("ETag"))
				equal(t, "ETag", page.Parts[0].ETag, etagOf(two))
			},
		},
		{
			ID: "A235", Source: liveTest, Where: "aliyun/alibabacloud-oss-go-sdk-v2 oss/client_integration_test.go",
			Ops:   []string{"ListMultipartUploads"},
			Claim: "Keys come back from ListMultipartUploads byte for byte, control characters too.",
			check: func(t *testing.T, e *env) {
				names := []string{"a b", "a+b", "a%20b", "a\x0cb", "\u4e2d&<>", "z/../z"}
				for _, name := range names {
					if _, err := e.client.InitiateMultipartUpload(t.Context(), e.bucket,
						e.own(t, e.key(name)), nil); err != nil {
						t.Fatal(err)
					}
				}
				var got, want []string
				for u, err := range e.client.Uploads(t.Context(), e.bucket,
					&oss.ListUploadsOptions{Prefix: e.key(""), PageSize: 2}) {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, u.Key)
				}
				for _, name := range names {
					want = append(want, e.key(name))
				}
				sorted := cmpopts.SortSlices(func(a, b string) bool { return a < b })
				if diff := cmp.Diff(want, got, sorted); diff != "" {
					t.Errorf("keys (-begun +listed):\n%s", diff)
				}
			},
		},
	}
}
