package osstest_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestAppendedObjectGrows(t *testing.T) {
	srv := start(t, nil)
	etags := make(map[string]bool)
	whole := ""
	for i, piece := range []string{"one", "", "two", "three"} {
		what := fmt.Sprintf("POST bucket/key?append&position=%d", len(whole))
		_, h, err := ask(t, srv, what, "body", piece, "Content-Type", fmt.Sprintf("text/x-%d", i),
			"x-oss-meta-n", fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		whole += piece
		if got := h.Get("x-oss-next-append-position"); got != fmt.Sprint(len(whole)) {
			t.Errorf("%s: next position %s, want %d", what, got, len(whole))
		}
		if got := h.Get("x-oss-hash-crc64ecma"); got != crcOf(whole) {
			t.Errorf("%s: CRC-64 %s, want %s", what, got, crcOf(whole))
		}
		etags[h.Get("ETag")] = true
	}
	if len(etags) != 4 {
		t.Errorf("ETags are %v, want four that differ", etags)
	}
	o, _ := srv.Object("bucket", "key")
	if string(o.Data) != whole || !etags[o.ETag] {
		t.Errorf("object is %q with ETag %s, want %q", o.Data, o.ETag, whole)
	}
	for _, method := range []string{"GET", "HEAD"} {
		_, h, err := ask(t, srv, method+" bucket/key")
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(h.Get("x-oss-object-type"), " ", h.Get("x-oss-next-append-position"), " ",
			h.Get("Content-Type"), " ", h.Get("x-oss-meta-n"), h.Get("Content-MD5"))
		if want := fmt.Sprintf("Appendable %d text/x-0 0", len(whole)); got != want {
			t.Errorf("%s: %s, want %s", method, got, want)
		}
	}
}

func TestAppendMustBeginWhereTheObjectEnds(t *testing.T) {
	srv := start(t, nil)
	srv.PutObject("bucket", "normal", []byte("x"))
	wants(t, srv, "POST bucket/key?append&position=0", "ok", "body", "abc")
	for what, want := range map[string]string{
		"POST bucket/key?append&position=0":                    "409 PositionNotEqualToLength 0026-00000016",
		"POST bucket/key?append&position=4":                    "409 PositionNotEqualToLength 0026-00000016",
		"POST bucket/new?append&position=1":                    "409 PositionNotEqualToLength 0026-00000016",
		"POST bucket/normal?append&position=1":                 "409 ObjectNotAppendable 0026-00000017",
		"POST bucket/key?append":                               "400 InvalidArgument 0016-00000501",
		"POST bucket/key?position=3":                           "400 InvalidArgument 0016-00000501",
		"POST bucket/key?append&position=-1":                   "400 InvalidArgument 0016-00000502",
		"POST bucket/key?append&position=99999999999999999999": "400 InvalidArgument 0016-00000502",
		"POST bucket/key?append&position=x":                    "400 InvalidArgument 0016-00000502",
	} {
		wants(t, srv, what, want, "body", "y")
	}
	wants(t, srv, "POST bucket/key?append&position=3", "400 InvalidDigest 0017-00000503", "body", "y",
		"Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==")
	got := send(t, srv, call{method: "POST", key: "key", query: "append&position=9", body: "y"})
	if next := got.header.Get("x-oss-next-append-position"); next != "3" {
		t.Errorf("refusal says position %q, want 3", next)
	}
	if o, _ := srv.Object("bucket", "key"); string(o.Data) != "abc" {
		t.Errorf("object is %q", o.Data)
	}
}

func TestOfAppendsAtOnePositionOneWins(t *testing.T) {
	srv := start(t, nil)
	var wg sync.WaitGroup
	var mu sync.Mutex
	outcomes := make(map[string]int)
	for i := range 8 {
		wg.Go(func() {
			_, _, err := ask(t, srv, "POST bucket/key?append&position=0", "body", fmt.Sprint(i))
			mu.Lock()
			defer mu.Unlock()
			outcomes[outcome(err)]++
		})
	}
	wg.Wait()
	if outcomes["ok"] != 1 || outcomes["409 PositionNotEqualToLength 0026-00000016"] != 7 {
		t.Errorf("outcomes are %v", outcomes)
	}
	if o, _ := srv.Object("bucket", "key"); o.Size != 1 {
		t.Errorf("object has %d bytes, want 1", o.Size)
	}
}

func TestAppendStaysWithinAVersion(t *testing.T) {
	srv := start(t, nil)
	wants(t, srv, "PUT bucket?versioning", "ok", "body",
		"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
	var versions []string
	add := func(position int) {
		_, h, err := ask(t, srv, fmt.Sprintf("POST bucket/key?append&position=%d", position), "body", "x")
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, h.Get("x-oss-version-id"))
	}
	add(0)
	add(1)
	wants(t, srv, "DELETE bucket/key", "ok")
	add(0)
	if versions[0] == "" || versions[0] != versions[1] || versions[2] == versions[0] {
		t.Errorf("versions are %q, want the first twice and then another", versions)
	}
	body, _, err := ask(t, srv, "GET bucket/key?versionId="+versions[0])
	if body != "xx" || err != nil {
		t.Errorf("old version is %q, %v", body, err)
	}
}

func TestAppendedObjectsCannotBeCopied(t *testing.T) {
	srv := start(t, nil)
	wants(t, srv, "POST bucket/log?append&position=0", "ok", "body", "abc")
	id := initiate(t, srv, nil)
	for _, what := range []string{"PUT bucket/copy", "PUT bucket/key?partNumber=1&uploadId=" + id} {
		wants(t, srv, what, "400 OperationNotSupported 0037-00000001", "x-oss-copy-source", "/bucket/log")
	}
}

func TestCorruptDamagesWhatIsAppended(t *testing.T) {
	srv := start(t, nil)
	srv.Inject(osstest.Fault{Op: "AppendObject", Times: 1, Effect: osstest.Corrupt()})
	wants(t, srv, "POST bucket/key?append&position=0", "ok", "body", "abc", "Content-MD5", "kAFQmDzST7DWlj99KOF/cg==")
	if r := srv.Requests("AppendObject"); len(r) != 2 || r[0].Code != oss.ErrInvalidDigest || r[1].Code != "" {
		t.Errorf("requests are %+v, want a refused one and a good one", r)
	}
}
