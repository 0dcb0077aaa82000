package interop

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestObjectsComeBackAsTheyWere(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) {
		for key, data := range map[string][]byte{"empty": {}, "one": {0}, oddKey: random(1, 300<<10)} {
			if err := c.put(key, data, extras{color: "red"}); err != nil {
				t.Fatalf("put %s: %v", key, err)
			}
			if got, err := c.get(key); err != nil || !bytes.Equal(got, data) {
				t.Errorf("get %s = %d bytes, %v, want the %d that were put", key, len(got), err, len(data))
			}
			if got, err := c.head(key); err != nil || got.size != int64(len(data)) || got.color != "red" {
				t.Errorf("head %s = %+v, %v", key, got, err)
			}
		}
	})
}

func TestCopyHasTheBytesAndTheMetadata(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) {
		data := random(1, 1000)
		if err := c.put(oddKey, data, extras{kind: "text/x-odd", color: "red"}); err != nil {
			t.Fatal(err)
		}
		if err := c.copy(oddKey, "copy of "+oddKey); err != nil {
			t.Fatal(err)
		}
		if got, err := c.get("copy of " + oddKey); err != nil || !bytes.Equal(got, data) {
			t.Errorf("get = %d bytes, %v, want the %d of the source", len(got), err, len(data))
		}
		if got, err := c.head("copy of " + oddKey); err != nil || got.kind != "text/x-odd" || got.color != "red" {
			t.Errorf("head = %+v, %v", got, err)
		}
	})
}

func TestObjectsAreListedInPages(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) {
		want := []string{"in/a", "in/b", "in/" + oddKey, "in/z+", "in/z%20"}
		for _, key := range append(slices.Clone(want), "out") {
			srv.PutObject(bucket, key, []byte(key))
		}
		slices.SortFunc(want, strings.Compare)
		for _, v2 := range []bool{false, true} {
			before := len(srv.Requests())
			got, err := c.list("in/", 2, v2)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("V2 %v: %v, or keys differ (-put +listed):\n%s", v2, err, diff)
			}
			if n := len(srv.Requests()) - before; n != 3 {
				t.Errorf("V2 %v: %d pages, want 3", v2, n)
			}
		}
	})
}

func TestAppendsGrowTheObject(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) {
		one, two := random(1, 1000), random(2, 2000)
		next := int64(0)
		for _, data := range [][]byte{one, two} {
			after, err := c.append(oddKey, next, data)
			if err != nil || after != next+int64(len(data)) {
				t.Fatalf("append at %d = %d, %v", next, after, err)
			}
			next = after
		}
		if got, err := c.get(oddKey); err != nil || !bytes.Equal(got, slices.Concat(one, two)) {
			t.Errorf("get = %d bytes, %v, want the %d that were appended", len(got), err, next)
		}
		_, err := c.append(oddKey, 1, one)
		checkRefusal(t, srv, c, mistake{
			name: "append elsewhere", want: refusal{Status: 409, Code: "PositionNotEqualToLength", EC: "0026-00000016"},
		}, err)
	})
}
