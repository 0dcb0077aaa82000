package oss_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func init() {
	operations["PutObjectACL"] = func(ctx context.Context, c *oss.Client) error {
		return c.PutObjectACL(ctx, "bucket", "key", oss.ACLPrivate, nil)
	}
	operations["GetObjectACL"] = func(ctx context.Context, c *oss.Client) error {
		acl, err := c.GetObjectACL(ctx, "bucket", "key", nil)
		if err == nil && acl.ACL == "" {
			return impossible("GetObjectACL = %+v", acl)
		}
		return err
	}
	operations["PutObjectTagging"] = func(ctx context.Context, c *oss.Client) error {
		return c.PutObjectTagging(ctx, "bucket", "key", map[string]string{"a": "b"}, nil)
	}
	operations["GetObjectTagging"] = func(ctx context.Context, c *oss.Client) error {
		tags, err := c.GetObjectTagging(ctx, "bucket", "key", nil)
		if err == nil && (tags == nil || len(tags) > 100) {
			return impossible("GetObjectTagging = %v", tags)
		}
		return err
	}
	operations["DeleteObjectTagging"] = func(ctx context.Context, c *oss.Client) error {
		return c.DeleteObjectTagging(ctx, "bucket", "key", nil)
	}
	operations["PutSymlink"] = func(ctx context.Context, c *oss.Client) error {
		_, err := c.PutSymlink(ctx, "bucket", "key", "target", nil)
		return err
	}
	operations["GetSymlink"] = func(ctx context.Context, c *oss.Client) error {
		link, err := c.GetSymlink(ctx, "bucket", "key", nil)
		if err == nil && oss.CheckObjectName("bucket", link.Target) != nil {
			return impossible("GetSymlink = %+v", link)
		}
		return err
	}
	operations["RestoreObject"] = func(ctx context.Context, c *oss.Client) error {
		return c.RestoreObject(ctx, "bucket", "key", &oss.RestoreOptions{Days: 2, Tier: oss.RestoreBulk})
	}
	operations["Exists"] = func(ctx context.Context, c *oss.Client) error {
		exists, err := c.Exists(ctx, "bucket", "key", nil)
		if exists && err != nil {
			return impossible("Exists = true, %v", err)
		}
		return err
	}
	operations["SetObjectMeta"] = func(ctx context.Context, c *oss.Client) error {
		res, err := c.SetObjectMeta(ctx, "bucket", "key", func(o *oss.ObjectOptions) { o.CacheControl = "no-cache" },
			nil)
		if err == nil && res.ETag == "" {
			return impossible("SetObjectMeta = %+v", res)
		}
		return err
	}
}

func TestACLOfAnObject(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	srv.PutObject("bucket", "key", nil)
	get := func() oss.ACL {
		t.Helper()
		acl, err := c.GetObjectACL(t.Context(), "bucket", "key", nil)
		if err != nil || acl.Owner.ID == "" {
			t.Fatalf("GetObjectACL = %+v, %v", acl, err)
		}
		return acl.ACL
	}
	if got := get(); got != oss.ACLDefault {
		t.Errorf("ACL of a new object is %q", got)
	}
	for _, acl := range []oss.ACL{oss.ACLPublicRead, oss.ACLPrivate, oss.ACLPublicReadWrite, oss.ACLDefault} {
		if err := c.PutObjectACL(t.Context(), "bucket", "key", acl, nil); err != nil || get() != acl {
			t.Errorf("PutObjectACL(%q): %v, and it is %q", acl, err, get())
		}
	}
	if _, err := c.GetObjectACL(t.Context(), "bucket", "none", nil); !errors.Is(err, oss.ErrNoSuchKey) {
		t.Errorf("GetObjectACL of none: %v", err)
	}
}

func TestTagsOfAnObject(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	srv.PutObject("bucket", "key", nil)
	for _, tags := range []map[string]string{{"a": "1", "b +/:=": ""}, {}, {"c": strings.Repeat("v", 256)}} {
		if err := c.PutObjectTagging(t.Context(), "bucket", "key", tags, nil); err != nil {
			t.Fatal(err)
		}
		got, err := c.GetObjectTagging(t.Context(), "bucket", "key", nil)
		if diff := cmp.Diff(tags, got); diff != "" || err != nil {
			t.Errorf("%v, tags (-want +got):\n%s", err, diff)
		}
	}
	for range 2 {
		if err := c.DeleteObjectTagging(t.Context(), "bucket", "key", nil); err != nil {
			t.Error(err)
		}
	}
	if got, err := c.GetObjectTagging(t.Context(), "bucket", "key", nil); len(got) != 0 || err != nil {
		t.Errorf("after deleting the tags are %v, %v", got, err)
	}
}

func TestAttributesOfAVersion(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	srv.SetVersioning("bucket", true)
	srv.PutObject("bucket", "key", []byte("old"))
	old := &oss.VersionOptions{VersionID: srv.Versions("bucket", "key")[0].VersionID}
	srv.PutObject("bucket", "key", []byte("new"))
	if err := c.PutObjectTagging(t.Context(), "bucket", "key", map[string]string{"a": "b"}, old); err != nil {
		t.Fatal(err)
	}
	if err := c.PutObjectACL(t.Context(), "bucket", "key", oss.ACLPublicRead, old); err != nil {
		t.Fatal(err)
	}
	tags, _ := c.GetObjectTagging(t.Context(), "bucket", "key", old)
	acl, err := c.GetObjectACL(t.Context(), "bucket", "key", old)
	if len(tags) != 1 || err != nil || acl.ACL != oss.ACLPublicRead {
		t.Errorf("the version has %v and %+v, %v", tags, acl, err)
	}
	tags, _ = c.GetObjectTagging(t.Context(), "bucket", "key", nil)
	acl, err = c.GetObjectACL(t.Context(), "bucket", "key", nil)
	if len(tags) != 0 || err != nil || acl.ACL != oss.ACLDefault {
		t.Errorf("the current version has %v and %+v, %v", tags, acl, err)
	}
}

func TestSymlinksLeadToTheirTarget(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	for _, target := range []string{"dir/target", "a b+c%20d\x0c", "\u4e2d"} {
		srv.PutObject("bucket", target, []byte("content of "+target))
		res, err := c.PutSymlink(t.Context(), "bucket", "link", target,
			&oss.ObjectOptions{Metadata: map[string]string{"a": "b"}})
		if err != nil || res.ETag == "" {
			t.Fatalf("PutSymlink = %+v, %v", res, err)
		}
		link, err := c.GetSymlink(t.Context(), "bucket", "link", nil)
		if err != nil || link.Target != target || link.LastModified.IsZero() {
			t.Errorf("GetSymlink = %+v, %v, want %q", link, err, target)
		}
		obj, err := c.GetObject(t.Context(), "bucket", "link", nil)
		if err != nil {
			t.Fatal(err)
		}
		if obj.Body.Close(); obj.ETag != etag("content of "+target) || obj.Metadata["a"] != "b" {
			t.Errorf("reading the link gives %+v", obj.ObjectInfo)
		}
	}
	if _, err := c.GetSymlink(t.Context(), "bucket", "dir/target", nil); !errors.Is(err, oss.ErrNotSymlink) {
		t.Errorf("GetSymlink of an object: %v", err)
	}
	if _, err := c.PutSymlink(t.Context(), "bucket", "link", "other",
		&oss.ObjectOptions{ForbidOverwrite: true}); !errors.Is(err, oss.ErrAlreadyExists) {
		t.Errorf("PutSymlink that forbids to overwrite: %v", err)
	}
}

func TestAnArchivedObjectIsRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(nil)
		defer srv.Close()
		c := srv.Client()
		for class, opts := range map[oss.StorageClass]*oss.RestoreOptions{
			oss.StorageArchive: nil, oss.StorageColdArchive: {Days: 3, Tier: oss.RestoreExpedited},
			oss.StorageDeepColdArchive: {Tier: oss.RestoreStandard},
		} {
			key := string(class)
			if _, err := c.PutObject(t.Context(), "bucket", key, strings.NewReader("x"),
				&oss.ObjectOptions{StorageClass: class}); err != nil {
				t.Fatal(err)
			}
			if _, err := c.GetObject(t.Context(), "bucket", key, nil); !errors.Is(err, oss.ErrInvalidState) {
				t.Errorf("%s: reading before: %v", class, err)
			}
			lost := srv.Inject(osstest.Fault{Op: "RestoreObject", Times: 1, Effect: osstest.LoseReply()})
			if err := c.RestoreObject(t.Context(), "bucket", key, opts); err != nil || lost.Fired() != 1 {
				t.Errorf("%s: RestoreObject whose reply was lost: %v", class, err)
			}
			if err := c.RestoreObject(t.Context(), "bucket", key, opts); !errors.Is(err, oss.ErrRestoreInProgress) {
				t.Errorf("%s: RestoreObject again: %v", class, err)
			}
			time.Sleep(49 * time.Hour / 2)
			if class != oss.StorageDeepColdArchive && class != oss.StorageArchive {
				obj, err := c.GetObject(t.Context(), "bucket", key, nil)
				if err != nil {
					t.Errorf("%s: reading after: %v", class, err)
					continue
				}
				obj.Body.Close()
			}
		}
		srv.PutObject("bucket", "key", nil)
		if err := c.RestoreObject(t.Context(), "bucket", "key", nil); err == nil {
			t.Error("an object that is not archived is restored")
		}
	})
}

func TestUnknownKindsAreRefusedBeforeAnyRequest(t *testing.T) {
	c := play(func(*http.Request, string) (*http.Response, error) { panic("a request is sent") }).client(t,
		oss.Config{})
	ctx := t.Context()
	put := func(o oss.ObjectOptions) error {
		_, err := c.PutObject(ctx, "bucket", "key", strings.NewReader(""), &o)
		return err
	}
	link := func(target string, o *oss.ObjectOptions) error {
		_, err := c.PutSymlink(ctx, "bucket", "key", target, o)
		return err
	}
	_, completeErr := c.CompleteMultipartUpload(ctx, upload, nil, &oss.CompleteOptions{AllParts: true, ACL: "public"})
	for _, tt := range []struct {
		name, want string
		err        error
	}{
		{"ACL", `ACL "public"`, put(oss.ObjectOptions{ACL: "public"})},
		{"ACL of a completed object", `ACL "public"`, completeErr},
		{"class", `StorageClass "standard"`, put(oss.ObjectOptions{StorageClass: "standard"})},
		{"algorithm", `Encryption.Algorithm "AES"`,
			put(oss.ObjectOptions{Encryption: oss.Encryption{Algorithm: "AES"}})},
		{"data algorithm", `Encryption.DataAlgorithm "DES"`,
			put(oss.ObjectOptions{Encryption: oss.Encryption{Algorithm: oss.EncryptKMS, DataAlgorithm: "DES"}})},
		{"empty ACL", "is empty", c.PutObjectACL(ctx, "bucket", "key", "", nil)},
		{"unknown ACL", `ACL "all"`, c.PutObjectACL(ctx, "bucket", "key", "all", nil)},
		{"11 tags", "11 tags", c.PutObjectTagging(ctx, "bucket", "key", tagsNumbered(11), nil)},
		{"empty target", "key is empty", link("", nil)},
		{"encrypted link", "X-Oss-Server-Side-Encryption",
			link("target", &oss.ObjectOptions{Encryption: oss.Encryption{Algorithm: oss.EncryptSM4}})},
		{"days", "Days 366", c.RestoreObject(ctx, "bucket", "key", &oss.RestoreOptions{Days: 366})},
		{"tier", `RestoreOptions.Tier "fast"`,
			c.RestoreObject(ctx, "bucket", "key", &oss.RestoreOptions{Tier: "fast"})},
	} {
		if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error with %q", tt.name, tt.err, tt.want)
		}
	}
}

func tagsNumbered(n int) map[string]string {
	tags := make(map[string]string)
	for i := range n {
		tags[fmt.Sprint(i)] = ""
	}
	return tags
}
