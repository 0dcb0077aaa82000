package osstest_test

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// files returns how many files are below dir.
func files(t *testing.T, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDirHoldsOneFileForEachBodyInUse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "when needed")
	srv := start(t, &osstest.Options{Dir: dir, MinPartSize: 1})
	want := func(n int, when string) {
		t.Helper()
		if got := files(t, dir); got != n {
			t.Errorf("%s: %d files, want %d", when, got, n)
		}
	}
	want(0, "at the start")
	send(t, srv, call{method: "PUT", key: "put", body: "0123456789"})
	want(1, "one object")
	send(t, srv, call{method: "PUT", key: "put", body: "0123456789"})
	want(1, "an object replaced")
	srv.PutObject("bucket", "put", []byte("9876543210"))
	want(1, "replaced again, without a request")
	send(t, srv, call{method: "PUT", key: "put", body: "x", header: map[string]string{"Content-MD5": "wrong"}})
	want(1, "a damaged body")
	send(t, srv, call{method: "PUT", key: "copy", header: map[string]string{"x-oss-copy-source": "/bucket/put"}})
	want(1, "a copy")

	id := initiate(t, srv, nil)
	put(t, srv, id, 1, "first try")
	a := put(t, srv, id, 1, "a")
	b := put(t, srv, id, 2, "b")
	put(t, srv, id, 3, "not listed")
	want(4, "an object and three parts")
	send(t, srv, call{method: "PUT", key: "key", query: "partNumber=4&uploadId=" + id,
		header: map[string]string{"x-oss-copy-source": "/bucket/put", "x-oss-copy-source-range": "bytes=2-5"}})
	c := srv.Uploads()[0].Parts[3].ETag
	want(4, "a part by copy")
	complete(t, srv, id, nil, 1, a, 2, b, 4, c)
	want(3, "completed, one part not listed")
	send(t, srv, call{method: "DELETE", key: "put"})
	send(t, srv, call{method: "DELETE", key: "copy"})
	want(3, "the source of a part is gone, its bytes are not")
	if o, _ := srv.Object("bucket", "key"); string(o.Data) != "ab7654" {
		t.Errorf("object = %q", o.Data)
	}
	if got := send(t, srv, call{method: "GET", key: "key",
		header: map[string]string{"Range": "bytes=1-4"}}); got.body != "b765" {
		t.Errorf("range over parts = %q", got.body)
	}
	send(t, srv, call{method: "DELETE", key: "key"})
	want(0, "all is deleted")

	id = initiate(t, srv, nil)
	put(t, srv, id, 1, "a")
	send(t, srv, call{method: "DELETE", key: "key", query: "uploadId=" + id})
	want(0, "aborted")
	srv.PutObject("bucket", "left", []byte("x"))
	srv.Close()
	want(0, "closed")
	if o, ok := srv.Object("bucket", "left"); !ok || o.Data != nil {
		t.Errorf("object after Close = %+v, %t", o, ok)
	}
}

func TestReadingOutlivesTheObject(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		srv := start(t, &osstest.Options{Dir: dir})
		body := strings.Repeat("0123456789", 1<<18)
		srv.PutObject("bucket", "key", []byte(body))
		resp, err := srv.HTTPClient().Do(call{method: "GET", key: "key"}.request(t))
		if err != nil {
			t.Fatal(err)
		}
		send(t, srv, call{method: "DELETE", key: "key"})
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(got) != body || err != nil {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
	}
}

func TestLargeBodiesPassThroughADirInPieces(t *testing.T) {
	srv := start(t, &osstest.Options{Dir: t.TempDir()})
	const size = 128 << 20
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	id := initiate(t, srv, nil)
	got := send(t, srv, call{method: "PUT", key: "key", query: "partNumber=1&uploadId=" + id,
		reader: io.LimitReader(zeros{}, size)})
	if done := complete(t, srv, id, nil, 1, got.header.Get("ETag")); done.status != 200 {
		t.Fatalf("complete: %v", done)
	}
	resp, err := srv.HTTPClient().Do(call{method: "GET", key: "key"}.request(t))
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	runtime.ReadMemStats(&after)
	if n != size || err != nil {
		t.Errorf("read %d bytes, %v", n, err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
		t.Errorf("%d bytes were allocated for a body of %d", used, int64(size))
	}
}

func TestNewServerPanicsWithoutItsDir(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	osstest.NewServer(&osstest.Options{Dir: file})
}

func TestFullDiskIsAnInternalError(t *testing.T) {
	dir := t.TempDir()
	srv := start(t, &osstest.Options{Dir: dir})
	srv.PutObject("bucket", "key", []byte("x"))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if got := send(t, srv, call{method: "PUT", key: "other", body: "x"}); got.String() != "500 InternalError" {
		t.Errorf("PUT: %v", got)
	}
	if _, err := trySend(t, srv, call{method: "GET", key: "key"}); err == nil {
		t.Error("GET of a body that is lost has an end")
	}
}

func TestManyPartsAreJoinedWithoutCopying(t *testing.T) {
	srv := start(t, &osstest.Options{MinPartSize: 1})
	id := initiate(t, srv, nil)
	body := strings.Repeat("x", 16<<10)
	sent := send(t, srv, call{method: "PUT", key: "key", query: "partNumber=1&uploadId=" + id, body: body})
	srv.PutObject("bucket", "source", []byte(body))
	var list []any
	for number := 1; number <= 2_000; number++ {
		if number > 1 { // by copy, which is quicker
			send(t, srv, call{method: "PUT", key: "key", query: fmt.Sprintf("partNumber=%d&uploadId=%s", number, id),
				header: map[string]string{"x-oss-copy-source": "/bucket/source"}})
		}
		list = append(list, number, sent.header.Get("ETag"))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := complete(t, srv, id, nil, list...)
	runtime.ReadMemStats(&after)
	if o, _ := srv.Stat("bucket", "key"); got.status != 200 || o.Size != 2_000*16<<10 || len(o.Parts) != 2_000 {
		t.Errorf("complete = %v, size %d", got, o.Size)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
		t.Errorf("%d bytes were allocated to join 32 MB", used)
	}
}
