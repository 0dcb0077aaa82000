package conformance_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// listed returns the keys that the Client lists, without the check's own prefix.
func (e *env) listed(t *testing.T, opts oss.ListObjectsOptions) string {
	t.Helper()
	var names []string
	opts.Prefix = e.key(opts.Prefix)
	for o, err := range e.client.Objects(t.Context(), e.bucket, &opts) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, strings.TrimPrefix(o.Key, e.key("")))
	}
	return strings.Join(names, " ")
}

// append appends data to the object with that key, and returns the result.
func (e *env) append(t *testing.T, key string, position int64, data string, opts *oss.AppendOptions) *oss.AppendResult {
	t.Helper()
	res, err := e.client.AppendObject(t.Context(), e.bucket, e.own(t, key), position, strings.NewReader(data), opts)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// readingAssumptions are about what package oss makes of lists, reads and the operations beside them.
func readingAssumptions() []assumption {
	const ofOwnBucket = "it changes the whole bucket"
	fill := func(t *testing.T, e *env, names ...string) {
		t.Helper()
		for _, name := range names {
			e.put(t, e.key(name), []byte("x"))
		}
	}
	return []assumption{
		{
			ID: "A560", Source: liveTest, Where: "aliyun/alibabacloud-oss-go-sdk-v2 oss/client_integration_test.go",
			Ops: []string{"ListObjectsV2"},
			Claim: "Pages of ListObjectsV2 are in the order of bytes, common prefixes among the keys, " +
				"and keys come back exactly.",
			check: func(t *testing.T, e *env) {
				fill(t, e, "a", "b/1", "b/2", "b0", "c\x0c", "c+%20d", "\u4e2d")
				equal(t, "keys", e.listed(t, oss.ListObjectsOptions{PageSize: 2}), "a b/1 b/2 b0 c\x0c c+%20d \u4e2d")
				equal(t, "entries", e.listed(t, oss.ListObjectsOptions{PageSize: 2, Delimiter: "/"}),
					"a b/ b0 c\x0c c+%20d \u4e2d")
			},
		},
		{
			ID: "A561", Source: inferred,
			Where: "start-after is compared with keys and common prefixes in the order of bytes",
			Ops:   []string{"ListObjectsV2"},
			Claim: "A listing that starts after a key or a common prefix goes on with the next one.",
			check: func(t *testing.T, e *env) {
				fill(t, e, "a", "b/1", "b/2", "c")
				equal(t, "after a", e.listed(t, oss.ListObjectsOptions{Delimiter: "/", After: e.key("a")}), "b/ c")
				equal(t, "after b/", e.listed(t, oss.ListObjectsOptions{Delimiter: "/", After: e.key("b/")}), "c")
				equal(t, "after b/1", e.listed(t, oss.ListObjectsOptions{After: e.key("b/1")}), "b/2 c")
			},
		},
		{
			ID: "A562", Source: documented, Where: "docs: ListObjectVersions", Ops: []string{"ListObjectVersions"},
			Claim:    "A bucket that never had versioning has one version of each object, with the ID null.",
			FakeOnly: "the bucket may have had versioning",
			check: func(t *testing.T, e *env) {
				fill(t, e, "a", "b")
				for v, err := range e.client.ObjectVersions(t.Context(), e.bucket,
					&oss.ListVersionsOptions{Prefix: e.key(""), PageSize: 1}) {
					if err != nil {
						t.Fatal(err)
					}
					if v.VersionID != "null" || !v.IsLatest || v.Size != 1 {
						t.Errorf("version is %+v", v)
					}
				}
			},
		},
		{
			ID: "A563", Source: recorded, Where: recordings + "*: DeleteMultipleObjects with Quiet",
			Ops: []string{"DeleteMultipleObjects"},
			Claim: "DeleteMultipleObjects in the quiet form is answered with nothing, and otherwise names each " +
				"object, whether it existed or not.",
			check: func(t *testing.T, e *env) {
				for _, markers := range []bool{false, true} {
					fill(t, e, "a", "c\x0c")
					var objects []oss.ObjectID
					for _, name := range []string{"a", "none", "c\x0c"} {
						objects = append(objects, oss.ObjectID{Key: e.own(t, e.key(name))})
					}
					done, err := e.client.DeleteObjects(t.Context(), e.bucket, objects,
						&oss.DeleteObjectsOptions{Markers: markers})
					if err != nil || slices.ContainsFunc(done, func(d oss.DeletedObject) bool { return d.Err != nil }) {
						t.Errorf("DeleteObjects = %+v, %v", done, err)
					}
					equal(t, "left", e.listed(t, oss.ListObjectsOptions{}), "")
				}
			},
		},
		{
			ID: "A564", Source: documented, Where: "docs: GetObject, If-Match and Range", Ops: []string{"GetObject"},
			Claim: "A range with If-Match is of the object with that ETag, or 412 PreconditionFailed; its CRC-64 " +
				"is that of the whole object.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, []byte("0123456789"))
				r, err := e.client.OpenObject(t.Context(), e.bucket, e.own(t, key), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				got := make([]byte, 4)
				if _, err := r.ReadAt(got, 3); err != nil || string(got) != "3456" {
					t.Errorf("ReadAt = %q, %v", got, err)
				}
				obj, err := e.client.GetObject(t.Context(), e.bucket, key,
					&oss.GetOptions{Offset: 3, Length: 4, IfMatch: r.Info().ETag})
				if err != nil {
					t.Fatal(err)
				}
				obj.Body.Close()
				equal(t, "CRC-64", fmt.Sprint(obj.CRC64), fmt.Sprint(r.Info().CRC64))
				e.put(t, key, []byte("abcdefghij"))
				var changed *oss.ChangedError
				if _, err := r.ReadAt(got, 3); !errors.As(err, &changed) ||
					!errors.Is(err, oss.Code("PreconditionFailed")) {
					t.Errorf("ReadAt of a replaced object: %v", err)
				}
			},
		},
		{
			ID: "A565", Source: documented, Where: "docs: GetObject, x-oss-range-behavior; RFC 9110, 14.1.2",
			Ops:   []string{"GetObject"},
			Claim: "With the standard behavior, a suffix that is longer than the object is the whole object.",
			check: func(t *testing.T, e *env) {
				e.put(t, e.key("object"), []byte("0123456789"))
				for suffix, want := range map[int64]string{3: "789", 10: "0123456789", 99: "0123456789"} {
					obj, err := e.client.GetObject(t.Context(), e.bucket, e.own(t, e.key("object")),
						&oss.GetOptions{Suffix: suffix})
					if err != nil {
						t.Fatal(err)
					}
					got, err := io.ReadAll(obj.Body)
					obj.Body.Close()
					if string(got) != want || err != nil {
						t.Errorf("the last %d bytes are %q, %v, want %q", suffix, got, err, want)
					}
				}
			},
		},
		{
			ID: "A566", Source: documented, Where: "docs: AppendObject", Ops: []string{"AppendObject", "HeadObject"},
			Claim: "Size, CRC-64 and type of an object show whether bytes were appended; sent again at the same " +
				"position they are 409 PositionNotEqualToLength.",
			check: func(t *testing.T, e *env) {
				key := e.key("log")
				first := e.append(t, key, 0, "one\n", nil)
				second := e.append(t, key, first.NextPosition, "two\n", &oss.AppendOptions{CRC64: &first.CRC64})
				info, err := e.client.HeadObject(t.Context(), e.bucket, key, nil)
				if err != nil {
					t.Fatal(err)
				}
				equal(t, "type", info.Header.Get("x-oss-object-type"), "Appendable")
				equal(t, "size", fmt.Sprint(info.Size), fmt.Sprint(second.NextPosition))
				equal(t, "CRC-64", fmt.Sprint(info.CRC64), fmt.Sprint(second.CRC64))
				_, err = e.client.AppendObject(t.Context(), e.bucket, key, 4, strings.NewReader("two\n"), nil)
				if !errors.Is(err, oss.ErrPosition) {
					t.Errorf("append at the same position: %v", err)
				}
			},
		},
		{
			ID: "A567", Source: documented, Where: "docs: PutSymlink, GetSymlink",
			Ops:   []string{"PutSymlink", "GetSymlink"},
			Claim: "The target of a symbolic link comes back exactly, percent-encoded on the wire.",
			check: func(t *testing.T, e *env) {
				target := e.key("a b+c/\u4e2d")
				if _, err := e.client.PutSymlink(t.Context(), e.bucket,
					e.own(t, e.key("link")), target, nil); err != nil {
					t.Fatal(err)
				}
				link, err := e.client.GetSymlink(t.Context(), e.bucket, e.key("link"), nil)
				if err != nil {
					t.Fatal(err)
				}
				equal(t, "target", link.Target, target)
			},
		},
		{
			ID: "A568", Source: documented, Where: "docs: PutObjectTagging, GetObjectTagging, DeleteObjectTagging",
			Ops:   []string{"PutObjectTagging", "GetObjectTagging", "DeleteObjectTagging"},
			Claim: "Tags are replaced all at once, and come back exactly.",
			check: func(t *testing.T, e *env) {
				key := e.own(t, e.key("object"))
				e.put(t, key, []byte("x"))
				for _, tags := range []map[string]string{{"a": "1", "b/+ :": "2"}, {"c": ""}} {
					if err := e.client.PutObjectTagging(t.Context(), e.bucket, key, tags, nil); err != nil {
						t.Fatal(err)
					}
					got, err := e.client.GetObjectTagging(t.Context(), e.bucket, key, nil)
					if diff := cmp.Diff(tags, got); diff != "" || err != nil {
						t.Errorf("%v, tags (-put +got):\n%s", err, diff)
					}
				}
				if err := e.client.DeleteObjectTagging(t.Context(), e.bucket, key, nil); err != nil {
					t.Error(err)
				}
			},
		},
		{
			ID: "A569", Source: documented, Where: "docs: PutObjectACL, GetObjectACL, CopyObject",
			Ops: []string{"PutObjectACL", "GetObjectACL", "CopyObject"},
			Claim: "A copy onto itself that names headers, metadata and ACL replaces them, and " +
				"leaves the bytes and the tags.",
			check: func(t *testing.T, e *env) {
				key := e.own(t, e.key("object"))
				e.put(t, key, []byte("x"), "x-oss-meta-a", "1", "Cache-Control", "no-store", "x-oss-tagging", "t=v")
				if err := e.client.PutObjectACL(t.Context(), e.bucket, key, oss.ACLPrivate, nil); err != nil {
					t.Fatal(err)
				}
				_, err := e.client.SetObjectMeta(t.Context(), e.bucket,
					key, func(o *oss.ObjectOptions) { o.Metadata["b"] = "2" }, nil)
				if err != nil {
					t.Fatal(err)
				}
				info, err := e.client.HeadObject(t.Context(), e.bucket, key, nil)
				if err != nil {
					t.Fatal(err)
				}
				equal(t, "metadata", info.Metadata["a"]+info.Metadata["b"]+info.Header.Get("Cache-Control")+info.ETag,
					"12no-store"+etagOf([]byte("x")))
				acl, err := e.client.GetObjectACL(t.Context(), e.bucket, key, nil)
				if err != nil {
					t.Fatal(err)
				}
				equal(t, "ACL", string(acl.ACL), string(oss.ACLPrivate))
				tags, err := e.client.GetObjectTagging(t.Context(), e.bucket, key, nil)
				if err != nil || tags["t"] != "v" {
					t.Errorf("tags are %v, %v", tags, err)
				}
			},
		},
		{
			ID: "A570", Source: documented, Where: "docs: HeadObject", Ops: []string{"HeadObject"},
			Claim: "HEAD tells a missing object from a missing bucket.",
			check: func(t *testing.T, e *env) {
				if exists, err := e.client.Exists(t.Context(), e.bucket, e.own(t, e.key("none")), nil); exists ||
					err != nil {
					t.Errorf("Exists = %t, %v", exists, err)
				}
				if _, err := e.client.Exists(t.Context(), e.missingBucket(), "none",
					nil); !errors.Is(err, oss.ErrNoSuchBucket) {
					t.Errorf("Exists in a missing bucket: %v", err)
				}
			},
		},
		{
			ID: "A571", Source: documented, Where: "docs: GetBucketInfo, GetBucketLocation, ListBuckets",
			Ops: []string{"GetBucketInfo", "GetBucketLocation", "ListBuckets"},
			Claim: "The location of a bucket is its region with oss- before it, and ListBuckets, GetBucketInfo and " +
				"GetBucketLocation agree on it.",
			check: func(t *testing.T, e *env) {
				region, err := e.client.GetBucketLocation(t.Context(), e.bucket, nil)
				if err != nil {
					t.Fatal(err)
				}
				info, err := e.client.GetBucketInfo(t.Context(), e.bucket, nil)
				if err != nil {
					t.Fatal(err)
				}
				equal(t, "region", info.Region, region)
				for b, err := range e.client.Buckets(t.Context(), &oss.ListBucketsOptions{Prefix: e.bucket}) {
					if err != nil {
						t.Fatal(err)
					}
					if b.Name == e.bucket {
						equal(t, "region", b.Region, region)
						return
					}
				}
				t.Errorf("%s is not listed", e.bucket)
			},
		},
		{
			ID: "A572", Source: documented,
			Where:    "docs: PutBucket, DeleteBucket, PutBucketVersioning, PutBucketLifecycle, PutBucketCors",
			FakeOnly: ofOwnBucket,
			Ops: []string{"PutBucket", "DeleteBucket", "PutBucketVersioning", "GetBucketVersioning",
				"PutBucketLifecycle", "GetBucketLifecycle", "DeleteBucketLifecycle", "PutBucketCors",
				"GetBucketCors", "DeleteBucketCors"},
			Claim: "A new bucket has no configuration, and each comes back as it was put.",
			check: func(t *testing.T, e *env) {
				e = &env{system: fakeSystemWith(t, osstest.Options{}), id: e.id}
				c, ctx, bucket := e.client, t.Context(), "configured"
				if err := c.PutBucket(ctx, bucket, nil); err != nil {
					t.Fatal(err)
				}
				state, err := c.GetBucketVersioning(ctx, bucket, nil)
				_, corsErr := c.GetBucketCORS(ctx, bucket, nil)
				_, rulesErr := c.GetBucketLifecycle(ctx, bucket, nil)
				if state != "" || err != nil || !errors.Is(corsErr, oss.ErrNoSuchCORS) ||
					!errors.Is(rulesErr, oss.ErrNoSuchLifecycle) {
					t.Errorf("a new bucket has %q, %v, %v, %v", state, err, corsErr, rulesErr)
				}
				rules := []oss.LifecycleRule{{ID: "uploads", AbortUploads: oss.Age{Days: 7}}}
				cors := oss.BucketCORS{Rules: []oss.CORSRule{
					{Origins: []string{"*"}, Methods: []string{http.MethodGet}, MaxAge: time.Minute},
				}}
				if err := errors.Join(c.PutBucketVersioning(ctx, bucket, oss.VersioningEnabled, nil),
					c.PutBucketLifecycle(ctx, bucket, rules, nil),
					c.PutBucketCORS(ctx, bucket, cors, nil)); err != nil {
					t.Fatal(err)
				}
				gotState, _ := c.GetBucketVersioning(ctx, bucket, nil)
				gotRules, _ := c.GetBucketLifecycle(ctx, bucket, nil)
				gotCORS, err := c.GetBucketCORS(ctx, bucket, nil)
				if err != nil {
					t.Fatal(err)
				}
				equal(t, "versioning", string(gotState), string(oss.VersioningEnabled))
				if diff := cmp.Diff(rules, gotRules) + cmp.Diff(cors, *gotCORS); diff != "" {
					t.Errorf("configuration (-put +got):\n%s", diff)
				}
				if err := errors.Join(c.DeleteBucketCORS(ctx, bucket, nil), c.DeleteBucketLifecycle(ctx, bucket, nil),
					c.DeleteBucket(ctx, bucket, nil)); err != nil {
					t.Error(err)
				}
			},
		},
	}
}
