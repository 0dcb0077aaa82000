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

func TestExistsTellsAMissingObjectFromAFailure(t *testing.T) {
	srv := newServer(t, &osstest.Options{Buckets: []string{"bucket"}})
	c := srv.Client()
	srv.PutObject("bucket", "key", nil)
	for _, tt := range []struct {
		bucket, key string
		want, fails bool
	}{{"bucket", "key", true, false}, {"bucket", "none", false, false}, {"none", "key", false, true},
		{"bucket", "", false, true}} {
		if got, err := c.Exists(t.Context(), tt.bucket, tt.key, nil); got != tt.want || (err != nil) != tt.fails {
			t.Errorf("Exists(%q, %q) = %t, %v", tt.bucket, tt.key, got, err)
		}
	}
	srv.Inject(osstest.Fault{Op: "HeadObject", Effect: osstest.Fail(403, "AccessDenied")})
	if got, err := c.Exists(t.Context(), "bucket", "none", nil); got || !errors.Is(err, oss.ErrAccessDenied) {
		t.Errorf("Exists without permission = %t, %v", got, err)
	}
}

func TestSetObjectMetaLeavesTheRestAsItIs(t *testing.T) {
	expires := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	stored := oss.ObjectOptions{
		ContentType: "text/css", ContentEncoding: "br", ContentDisposition: "inline",
		ContentLanguage: "de", CacheControl: "no-store",
		Expires: expires, Metadata: map[string]string{"one": "1", "two": "2"}, Tags: map[string]string{"t": "v"},
		ACL: oss.ACLPublicRead, StorageClass: oss.StorageIA, Encryption: oss.Encryption{Algorithm: oss.EncryptAES256},
	}
	for _, tt := range []struct {
		name   string
		change func(*oss.ObjectOptions)
		want   func(*oss.ObjectOptions)
	}{
		{"nothing", func(*oss.ObjectOptions) {}, func(*oss.ObjectOptions) {}},
		{"a header", func(o *oss.ObjectOptions) {
			o.CacheControl = "no-cache"
		}, func(o *oss.ObjectOptions) { o.CacheControl = "no-cache" }},
		{"metadata", func(o *oss.ObjectOptions) { o.Metadata["two"] = "3"; delete(o.Metadata, "one") },
			func(o *oss.ObjectOptions) { o.Metadata = map[string]string{"two": "3"} }},
		{"the ACL", func(o *oss.ObjectOptions) {
			o.ACL = oss.ACLPrivate
		}, func(o *oss.ObjectOptions) { o.ACL = oss.ACLPrivate }},
		{"the tags", func(o *oss.ObjectOptions) {
			o.Tags = map[string]string{"u": "w"}
		}, func(o *oss.ObjectOptions) { o.Tags = map[string]string{"u": "w"} }},
		{"the class", func(o *oss.ObjectOptions) {
			o.StorageClass = oss.StorageStandard
		}, func(o *oss.ObjectOptions) { o.StorageClass = oss.StorageStandard }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t, nil)
			c := srv.Client()
			if _, err := c.PutObject(t.Context(), "bucket", "key", strings.NewReader("data"), &stored); err != nil {
				t.Fatal(err)
			}
			if res, err := c.SetObjectMeta(t.Context(), "bucket", "key", tt.change, nil); err != nil ||
				res.ETag != etag("data") {
				t.Fatalf("SetObjectMeta = %+v, %v", res, err)
			}
			info, err := c.HeadObject(t.Context(), "bucket", "key", nil)
			if err != nil {
				t.Fatal(err)
			}
			acl, err := c.GetObjectACL(t.Context(), "bucket", "key", nil)
			if err != nil {
				t.Fatal(err)
			}
			tags, err := c.GetObjectTagging(t.Context(), "bucket", "key", nil)
			if err != nil {
				t.Fatal(err)
			}
			h := info.Header
			got := oss.ObjectOptions{
				ContentType: info.ContentType, ContentEncoding: h.Get("Content-Encoding"),
				ContentDisposition: h.Get("Content-Disposition"),
				ContentLanguage:    h.Get("Content-Language"), CacheControl: h.Get("Cache-Control"),
				Metadata: info.Metadata, Tags: tags, ACL: acl.ACL,
				StorageClass: oss.StorageClass(h.Get("x-oss-storage-class")),
				Encryption:   oss.Encryption{Algorithm: h.Get("x-oss-server-side-encryption")},
			}
			got.Expires, _ = http.ParseTime(h.Get("Expires"))
			want := stored
			tt.want(&want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("object (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSetObjectMetaRefusesWhatACopyWouldSpoil(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	change := func(o *oss.ObjectOptions) { o.CacheControl = "no-cache" }
	if _, err := c.AppendObject(t.Context(), "bucket", "log", 0, strings.NewReader("x"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutSymlink(t.Context(), "bucket", "link", "log", nil); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"log": "Appendable", "link": "PutSymlink", "none": "NoSuchKey"} {
		if _, err := c.SetObjectMeta(t.Context(), "bucket", key, change, nil); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", key, err, want)
		}
	}
	if _, err := c.SetObjectMeta(t.Context(), "bucket", "log", nil, nil); err == nil {
		t.Error("no change is taken for one")
	}
	large := play(func(r *http.Request, body string) (*http.Response, error) {
		resp, err := says(200, "")(r, body)
		resp.ContentLength = oss.MaxCopySize + 1
		return resp, err
	})
	if _, err := large.client(t, oss.Config{}).SetObjectMeta(t.Context(), "bucket", "key", change, nil); err == nil ||
		!strings.Contains(err.Error(), "Uploader.Copy") {
		t.Errorf("a large object: %v", err)
	}
}

func TestSetObjectMetaOfAnObjectThatIsReplacedMeanwhile(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	srv.PutObject("bucket", "key", []byte("old"))
	_, err := c.SetObjectMeta(t.Context(), "bucket", "key", func(o *oss.ObjectOptions) {
		srv.PutObject("bucket", "key", []byte("new"))
		o.CacheControl = "no-cache"
	}, nil)
	var changed *oss.ChangedError
	if !errors.As(err, &changed) || changed.ETag != etag("old") {
		t.Errorf("SetObjectMeta: %v, want a ChangedError", err)
	}
	if got, _ := srv.Object("bucket", "key"); string(got.Data) != "new" || got.Header.Get("Cache-Control") != "" {
		t.Errorf("the object is %q, %v", got.Data, got.Header)
	}
}

// The copy of an object that was made in parts has the ETag of one that was not, so the request that repeats a lost one
// is refused for the ETag.
func TestSetObjectMetaWhoseReplyIsLost(t *testing.T) {
	for _, tt := range []struct {
		name, now string // Cache-Control when it is looked for
		ok        bool
	}{{"done", "no-cache", true}, {"not done", "", false}} {
		synctest.Test(t, func(t *testing.T) {
			head := func(cache string) answer {
				return says(200, "", "ETag", `"A-2"`, "x-oss-hash-crc64ecma", "7", "Content-Type",
					"text/css", "Cache-Control", cache)
			}
			s := play(head(""),
				says(200,
					"<AccessControlPolicy><AccessControlList><Grant>private</Grant>"+
						"</AccessControlList></AccessControlPolicy>"),
				breaks(errors.New("broken")), refuses(412, "PreconditionFailed"), head(tt.now))
			res, err := s.client(t, oss.Config{}).SetObjectMeta(t.Context(), "bucket",
				"key", func(o *oss.ObjectOptions) { o.CacheControl = "no-cache" }, nil)
			if (err == nil) != tt.ok || tt.ok && res.CRC64 != 7 {
				t.Errorf("%s: SetObjectMeta = %+v, %v", tt.name, res, err)
			}
		})
	}
}

func ExampleClient_SetObjectMeta() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	ctx, client := context.Background(), srv.Client()
	srv.PutObject("bucket", "style.css", []byte("body {}"))

	_, err := client.SetObjectMeta(ctx, "bucket", "style.css", func(o *oss.ObjectOptions) {
		o.ContentType = "text/css"
		o.CacheControl = "max-age=3600"
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	info, err := client.HeadObject(ctx, "bucket", "style.css", nil)
	fmt.Println(info.ContentType, info.Header.Get("Cache-Control"), err)
	// Output: text/css max-age=3600 <nil>
}
