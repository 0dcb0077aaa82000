package interop

import (
	"bytes"
	"cmp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

func TestObjectsComeBackAsTheyWere(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) {
		x := able(c, extras{color: "red"})
		for key, data := range map[string][]byte{"empty": {}, "one": {0}, odd(c): random(1, 300<<10)} {
			if err := c.put(key, data, x); err != nil {
				t.Fatalf("put %s: %v", key, err)
			}
			if got, err := c.get(key); err != nil || !bytes.Equal(got, data) {
				t.Errorf("get %s = %d bytes, %v, want the %d that were put", key, len(got), err, len(data))
			}
			if got, err := c.head(key); err != nil || got.size != int64(len(data)) || got.color != x.color {
				t.Errorf("head %s = %+v, %v", key, got, err)
			}
		}
	})
}

func TestCopyHasTheBytesAndTheMetadata(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) {
		data, x := random(1, 1000), able(c, extras{kind: "text/x-odd", color: "red"})
		if err := c.put(odd(c), data, x); err != nil {
			t.Fatal(err)
		}
		if err := c.copy(odd(c), "copy-of-"+odd(c)); err != nil {
			t.Fatal(err)
		}
		if got, err := c.get("copy-of-" + odd(c)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("get = %d bytes, %v, want the %d of the source", len(got), err, len(data))
		}
		kind := cmp.Or(x.kind, "application/octet-stream")
		if got, err := c.head("copy-of-" + odd(c)); err != nil || got.kind != kind || got.color != x.color {
			t.Errorf("head = %+v, %v, want kind %q and color %q", got, err, kind, x.color)
		}
	})
}

func TestObjectsAreListedInPages(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) { checkList(t, srv, c, false) })
}

func TestObjectsAreListedInPagesByV2(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) { checkList(t, srv, c, true) })
}

// checkList fails t unless c lists five objects in three pages.
func checkList(t *testing.T, srv *server, c client, v2 bool) {
	t.Helper()
	want := []string{"in/a", "in/b", "in/" + odd(c), "in/z+", "in/z%20"}
	if c.trait().plain { // markers are keys
		want = []string{"in/a", "in/b", "in/" + odd(c), "in/y", "in/z"}
	}
	for _, key := range append(slices.Clone(want), "out") {
		srv.PutObject(bucket, key, []byte(key))
	}
	slices.Sort(want)
	got, err := c.list("in/", 2, v2)
	if diff := gocmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("list: %v, or keys differ (-put +listed):\n%s", err, diff)
	}
	if n := len(srv.Requests("ListObjects", "ListObjectsV2")); n != 3 {
		t.Errorf("%d pages, want 3", n)
	}
}

func TestAppendsGrowTheObject(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) {
		one, two := random(1, 1000), random(2, 2000)
		next := int64(0)
		for _, data := range [][]byte{one, two} {
			after, err := c.append(odd(c), next, data)
			if err != nil || after != next+int64(len(data)) {
				t.Fatalf("append at %d = %d, %v", next, after, err)
			}
			next = after
		}
		if got, err := c.get(odd(c)); err != nil || !bytes.Equal(got, slices.Concat(one, two)) {
			t.Errorf("get = %d bytes, %v, want the %d that were appended", len(got), err, next)
		}
		_, err := c.append(odd(c), 1, one)
		checkRefusal(t, srv, c, mistake{
			name: "append elsewhere", want: refusal{Status: 409, Code: "PositionNotEqualToLength", EC: "0026-00000016"},
		}, err)
	})
}
