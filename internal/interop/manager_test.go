package interop

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBucketsComeAndGo(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) {
		const name = "interop-new"
		if err := c.makeBucket(name); err != nil {
			t.Fatal(err)
		}
		names, err := c.buckets()
		if want := []string{bucket, name, other}; err != nil || !slices.Equal(names, want) {
			t.Errorf("buckets = %v, %v, want %v", names, err, want)
		}
		srv.PutObject(name, "k", []byte("x"))
		checkRefusal(t, srv, c, mistake{
			name: "drop a bucket with an object",
			want: refusal{Status: 409, Code: "BucketNotEmpty", EC: "0015-00000301"},
		}, c.dropBucket(name))
		if err := c.dropBucket(other); err != nil {
			t.Fatal(err)
		}
		names, err = c.buckets()
		if want := []string{bucket, name}; err != nil || !slices.Equal(names, want) {
			t.Errorf("buckets = %v, %v, want %v", names, err, want)
		}
	})
}

func TestManyObjectsAreRemovedAtOnce(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) {
		keys := []string{"a", odd(c), odd(c) + "b & <c>"}
		for _, key := range append(keys, "stays") {
			srv.PutObject(bucket, key, []byte(key))
		}
		removed, err := c.removeAll(keys)
		slices.Sort(keys)
		slices.Sort(removed)
		if diff := cmp.Diff(keys, removed); err != nil || diff != "" {
			t.Errorf("removeAll: %v, or keys differ (-asked +removed):\n%s", err, diff)
		}
		if left := srv.Objects(bucket); !slices.Equal(left, []string{"stays"}) {
			t.Errorf("left: %q", left)
		}
	})
}

func TestTagsCanBeChanged(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) {
		srv.PutObject(bucket, odd(c), []byte("x"))
		want := map[string]string{"color": "dark blue", "a+b": "1/2"}
		if err := c.setTags(odd(c), want); err != nil {
			t.Fatal(err)
		}
		got, err := c.tags(odd(c))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("tags: %v, or they differ (-set +got):\n%s", err, diff)
		}
	})
}

func TestACLCanBeChanged(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) {
		srv.PutObject(bucket, odd(c), []byte("x"))
		if err := c.setACL(odd(c), "public-read"); err != nil {
			t.Fatal(err)
		}
		if acl, err := c.acl(odd(c)); err != nil || acl != "public-read" {
			t.Errorf("acl = %q, %v", acl, err)
		}
	})
}

func TestOldVersionsAreKept(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) {
		if err := c.keepVersions(); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"old", "new"} {
			if err := c.put("in/"+odd(c), []byte(text), extras{}); err != nil {
				t.Fatal(err)
			}
		}
		id, parts := begin(t, c, "in/"+odd(c), []byte("newest"))
		if err := c.complete("in/"+odd(c), id, parts, extras{}); err != nil {
			t.Fatal(err)
		}
		if err := c.remove("in/" + odd(c)); err != nil {
			t.Fatal(err)
		}
		all, err := c.versions("in/", 2)
		if err != nil || len(all) != 4 || !all[3].Marker {
			t.Fatalf("versions = %v, %v, want three and a marker", all, err)
		}
		for i, want := range []string{"newest", "new", "old"} {
			if got, err := c.getVersion(all[i].Key, all[i].ID); err != nil || string(got) != want {
				t.Errorf("version %d = %q, %v, want %q", i, got, err, want)
			}
		}
		_, err = c.get("in/" + odd(c))
		if r, ok := c.refusal(err); !ok || r.Code != "NoSuchKey" {
			t.Errorf("get of what was removed: %v, want NoSuchKey", err)
		}
	})
}
