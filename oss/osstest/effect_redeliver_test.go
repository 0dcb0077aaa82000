package osstest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A part that is delivered twice crosses an abort, and the upload is back.
func TestLatePartsReviveAnAbortedUpload(t *testing.T) {
	for name, effect := range map[string]osstest.Effect{
		"acknowledged":     osstest.Redeliver(time.Minute),
		"not acknowledged": osstest.Together(osstest.LoseReply(), osstest.Redeliver(time.Minute)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := osstest.NewServer(nil)
				defer srv.Close()
				srv.Inject(osstest.Fault{PartNumber: 2, Effect: effect})
				id := initiate(t, srv, map[string]string{"x-oss-meta-a": "b"})
				put(t, srv, id, 1, "one")
				second := call{method: "PUT", key: "key", query: "partNumber=2&uploadId=" + id, body: "two"}
				if _, err := trySend(t, srv, second); (err != nil) != (name == "not acknowledged") {
					t.Fatal(err)
				}
				abort := call{method: "DELETE", key: "key", query: "uploadId=" + id}
				if got := send(t, srv, abort); got.status != 204 {
					t.Fatal(got)
				}
				time.Sleep(time.Minute - time.Nanosecond)
				if left := srv.Uploads(); len(left) > 0 {
					t.Errorf("left too early: %v", left)
				}
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				left := srv.Uploads()
				if len(left) != 1 || left[0].ID != id || len(left[0].Parts) != 1 ||
					left[0].Header.Get("x-oss-meta-a") != "b" ||
					left[0].Parts[0].Number != 2 || left[0].Parts[0].Size != 3 ||
					fmt.Sprint(left[0].Parts[0].CRC64) != crcOf("two") {
					t.Fatalf("left: %+v", left)
				}
				if got := send(t, srv, abort); got.status != 204 {
					t.Errorf("second abort: %v", got)
				}
				if got := send(t, srv, abort); got.status != 404 {
					t.Errorf("third abort: %v", got)
				}
			})
		})
	}
}

func TestLatePartsReplaceAndNeverReviveWhatWasCompleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		srv := osstest.NewServer(&osstest.Options{MinPartSize: 1, Dir: dir})
		defer srv.Close()
		again := srv.Inject(osstest.Fault{Times: 1, Effect: osstest.Redeliver(time.Minute)})
		id := initiate(t, srv, nil)
		put(t, srv, id, 1, "old")
		put(t, srv, id, 1, "newer")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if parts := srv.Uploads()[0].Parts; len(parts) != 1 || parts[0].Size != 3 {
			t.Errorf("parts = %+v, want the older one delivered again", parts)
		}
		again.Remove()
		srv.Inject(osstest.Fault{Effect: osstest.Redeliver(time.Minute)})
		etag := put(t, srv, id, 1, "final")
		if got := complete(t, srv, id, nil, 1, etag); got.status != 200 {
			t.Fatal(got)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if o, _ := srv.Object("bucket", "key"); len(srv.Uploads()) > 0 || string(o.Data) != "final" {
			t.Errorf("uploads %v, object %q", srv.Uploads(), o.Data)
		}
		if bodies, _ := filepath.Glob(filepath.Join(dir, "*", "body-*")); len(bodies) != 1 {
			t.Errorf("%d bodies are kept, want that of the object: %v", len(bodies), bodies)
		}
	})
}

// What is refused is not delivered, and neither is a part that must not come twice.
func TestOnlyStoredPartsComeLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
		defer srv.Close()
		srv.PutObject("bucket", "source", []byte("content"))
		srv.Inject(osstest.Fault{Effect: osstest.Redeliver(time.Second)})
		refused := call{method: "PUT", key: "key", query: "partNumber=1&uploadId=" + initiate(t, srv, nil), body: "x",
			header: map[string]string{"Content-MD5": "wrong"}}
		if got := send(t, srv, refused); got.status != 400 {
			t.Fatal(got)
		}
		a := send(t, srv, call{method: "POST", key: "sequence", query: "uploads&sequential"})
		if a.status != 200 {
			t.Fatal(a)
		}
		copied := initiate(t, srv, nil)
		send(t, srv, call{method: "PUT", key: "key", query: "partNumber=1&uploadId=" + copied,
			header: map[string]string{"x-oss-copy-source": "/bucket/source"}})
		for _, up := range srv.Uploads() {
			if up.Key == "sequence" {
				if got := send(t, srv, call{method: "PUT", key: "sequence", query: "partNumber=1&uploadId=" + up.ID,
					body: "x"}); got.status != 200 {
					t.Fatal(got)
				}
			}
			send(t, srv, call{method: "DELETE", key: up.Key, query: "uploadId=" + up.ID})
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if left := srv.Uploads(); len(left) != 1 || left[0].ID != copied || left[0].Parts[0].Size != 7 {
			t.Errorf("left: %+v, want the copied part alone", left)
		}
	})
}

func TestCloseDropsLateParts(t *testing.T) {
	before := runtime.NumGoroutine()
	dir := t.TempDir()
	srv := osstest.NewServer(&osstest.Options{Dir: dir})
	srv.Inject(osstest.Fault{Effect: osstest.Redeliver(time.Hour)})
	id := initiate(t, srv, nil)
	put(t, srv, id, 1, "content")
	send(t, srv, call{method: "DELETE", key: "key", query: "uploadId=" + id})
	srv.Close()
	wantGoroutines(t, before)
	if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
		t.Errorf("files left: %v, %v", left, err)
	}
}
