package osstest_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// persist returns a Server that persists in dir. The caller may close it early.
func persist(t testing.TB, dir string) *osstest.Server {
	t.Helper()
	return start(t, &osstest.Options{Dir: dir, Persist: true, MinPartSize: 1})
}

// state is all that can be seen of a Server.
func state(t testing.TB, srv *osstest.Server) any {
	t.Helper()
	type whole struct {
		osstest.Object
		Body string
	}
	all := make(map[string][]whole)
	for _, key := range []string{"key", "gone", "copy", "put"} {
		for _, v := range srv.Versions("bucket", key) {
			w := whole{Object: v}
			w.Header.Del("Authorization") // is not kept
			if !v.DeleteMarker {
				got := send(t, srv, call{method: "GET", key: key, query: "versionId=" + v.VersionID})
				w.Body = got.body
			}
			all[key] = append(all[key], w)
		}
	}
	uploads := srv.Uploads()
	for _, u := range uploads {
		u.Header.Del("Authorization")
	}
	return []any{all, uploads, send(t, srv, call{method: "GET", query: "versioning"}).body}
}

func TestARestartLosesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "when needed")
	srv := persist(t, dir)
	srv.SetVersioning("bucket", true)
	tagged := map[string]string{"x-oss-meta-a": "\xfc\x80", "x-oss-tagging": "k=v", "Content-Type": "text/plain",
		"x-oss-object-acl": "private"}
	send(t, srv, call{method: "PUT", key: "put", body: "first", header: tagged})
	send(t, srv, call{method: "PUT", key: "put", body: "second"})
	send(t, srv, call{method: "PUT", key: "gone", body: "deleted"})
	send(t, srv, call{method: "DELETE", key: "gone"})
	send(t, srv, call{method: "PUT", key: "copy", header: map[string]string{"x-oss-copy-source": "/bucket/put"}})
	id := initiate(t, srv, tagged)
	a, b := put(t, srv, id, 1, "a"), put(t, srv, id, 2, "b")
	complete(t, srv, id, nil, 1, a, 2, b)
	open := initiate(t, srv, tagged)
	put(t, srv, open, 7, "replaced")
	put(t, srv, open, 7, "part seven")
	aborted := initiate(t, srv, nil)
	put(t, srv, aborted, 1, "x")
	send(t, srv, call{method: "DELETE", key: "key", query: "uploadId=" + aborted})
	want := state(t, srv)
	held := files(t, dir)
	srv.Close()

	for range 2 { // also after a restart from what a restart wrote
		srv = persist(t, dir)
		if diff := cmp.Diff(want, state(t, srv)); diff != "" {
			t.Fatalf("after a restart (-want +got):\n%s", diff)
		}
		if got := files(t, dir); got != held {
			t.Errorf("%d files, want %d", got, held)
		}
		srv.Close()
	}
	srv = persist(t, dir)
	etag := put(t, srv, open, 8, "part eight")
	if done := complete(t, srv, open, nil, 7, srv.Uploads()[0].Parts[0].ETag, 8, etag); done.status != 200 {
		t.Fatalf("complete of an upload from before: %v", done)
	}
	if o, _ := srv.Object("bucket", "key"); string(o.Data) != "part sevenpart eight" ||
		o.Header.Get("x-oss-meta-a") != "\xfc\x80" {
		t.Errorf("object = %q, %v", o.Data, o.Header)
	}
}

func TestASequentialUploadGoesOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	srv := persist(t, dir)
	begun := send(t, srv, call{method: "POST", key: "key", query: "uploads&sequential"})
	id := begun.body[strings.Index(begun.body, "<UploadId>")+len("<UploadId>"):][:32]
	a := put(t, srv, id, 1, "a")
	b := put(t, srv, id, 2, "b")
	srv.Close()
	srv = persist(t, dir)
	if got := send(t, srv, call{method: "PUT", key: "key", query: "partNumber=4&uploadId=" + id,
		body: "d"}); got.String() != "400 PartNotSequential" {
		t.Errorf("part 4: %v", got)
	}
	c := put(t, srv, id, 3, "c")
	complete(t, srv, id, nil, 1, a, 2, b, 3, c)
	got := send(t, srv, call{method: "HEAD", key: "key"})
	if want := "kAFQmDzST7DWlj99KOF/cg=="; got.header.Get("Content-MD5") != want { // of abc
		t.Errorf("Content-MD5 = %q, want %q", got.header.Get("Content-MD5"), want)
	}
}

func TestIDsOfBeforeAreNotGivenAgain(t *testing.T) {
	dir, now := t.TempDir(), time.Now() // the clock stands still
	seen := make(map[string]bool)
	for range 3 {
		srv := start(t, &osstest.Options{Dir: dir, Persist: true, Now: func() time.Time { return now }})
		if id := initiate(t, srv, nil); seen[id] {
			t.Errorf("upload ID %s twice", id)
		} else {
			seen[id] = true
		}
		srv.Close()
	}
}

func TestTwoServersCannotPersistInOneDir(t *testing.T) {
	dir := t.TempDir()
	opts := &osstest.Options{Dir: dir, Persist: true}
	srv := start(t, opts)
	if second, err := osstest.Open(opts); err == nil {
		second.Close()
		t.Fatal("a second Server opened")
	} else if want := "osstest: " + dir + ": in use by another Server"; err.Error() != want {
		t.Errorf("error = %q, want %q", err, want)
	}
	srv.PutObject("bucket", "key", []byte("x")) // the first is not disturbed
	srv.Close()
	srv.Close()
	second, err := osstest.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if _, ok := second.Object("bucket", "key"); !ok {
		t.Error("the object of the first is not there")
	}
}

func TestPersistNeedsADir(t *testing.T) {
	if srv, err := osstest.Open(&osstest.Options{Persist: true}); err == nil {
		srv.Close()
		t.Error("a Server persists nowhere")
	}
}

func TestNothingIsStoredThatCannotBeWrittenDown(t *testing.T) {
	srv := persist(t, t.TempDir())
	srv.Close()
	defer func() {
		if recover() == nil {
			t.Error("PutObject after Close did not panic")
		}
		if _, ok := srv.Object("bucket", "key"); ok {
			t.Error("the object is there")
		}
	}()
	srv.PutObject("bucket", "key", []byte("x"))
}

func TestBodiesThatBelongToNothingAreRemoved(t *testing.T) {
	dir := t.TempDir()
	srv := persist(t, dir)
	srv.PutObject("bucket", "key", []byte("x"))
	srv.Close()
	for _, name := range []string{"body-999", "body-7x", "journal.new"} {
		path := filepath.Join(dir, "bodies", name)
		if strings.HasPrefix(name, "journal") {
			path = filepath.Join(dir, name)
		}
		if err := os.WriteFile(path, []byte("half a bo"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	srv = persist(t, dir)
	if got := files(t, dir); got != 3 { // a lock, a journal, a body
		t.Errorf("%d files, want 3", got)
	}
	send(t, srv, call{method: "PUT", key: "new", body: "new"})
	if o, _ := srv.Object("bucket", "key"); string(o.Data) != "x" {
		t.Errorf("object = %q", o.Data)
	}
}

func TestADirThatWasTamperedWithIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		spoil      func(t *testing.T, dir string)
	}{
		{"body gone", "is missing or has been cut short", func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "bodies", "body-1")); err != nil {
				t.Fatal(err)
			}
		}},
		{"body cut", "is missing or has been cut short", func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, "bodies", "body-1"), 2); err != nil {
				t.Fatal(err)
			}
		}},
		{"line damaged", "journal, line 2: ", func(t *testing.T, dir string) { rewrite(t, dir, `{"Put"`, `{"Pot"`) }},
		{"other format", "journal, line 1: format is ", func(t *testing.T, dir string) {
			rewrite(t, dir, "journal 1", "journal 2")
		}},
		{"part of nothing", "which is not there", func(t *testing.T, dir string) {
			rewrite(t, dir, `"Upload":"`, `"Upload":"0`)
		}},
		{"body elsewhere", "is not the name of a body", func(t *testing.T, dir string) {
			rewrite(t, dir, `"Body":"`, `"Body":"../`)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			srv := persist(t, dir)
			srv.PutObject("bucket", "key", []byte("0123"))
			id := initiate(t, srv, nil)
			put(t, srv, id, 1, "x")
			srv.Close()
			tt.spoil(t, dir)
			for range 2 { // and not repaired by trying
				srv, err := osstest.Open(&osstest.Options{Dir: dir, Persist: true})
				if err == nil {
					srv.Close()
					t.Fatal("opened")
				}
				if !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error = %q, want %q in it", err, tt.want)
				}
			}
		})
	}
}

// rewrite changes the journal in dir.
func rewrite(t *testing.T, dir, old, new string) {
	t.Helper()
	path := filepath.Join(dir, "journal")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte(old)) {
		t.Fatalf("no %s in %s", old, text)
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(text, []byte(old), []byte(new)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestNoSecretIsWrittenDown(t *testing.T) {
	dir := t.TempDir()
	keys := oss.Credentials{AccessKeyID: "id-of-key", AccessKeySecret: "very-secret", SecurityToken: "token-of-key"}
	srv := start(t, &osstest.Options{Dir: dir, Persist: true, Credentials: []oss.Credentials{keys}})
	if got := send(t, srv, call{method: "PUT", key: "key", body: "x", keys: keys}); got.status != 200 {
		t.Fatal(got)
	}
	if got := send(t, srv, call{method: "POST", key: "key", query: "uploads", keys: keys}); got.status != 200 {
		t.Fatal(got)
	}
	text, err := os.ReadFile(filepath.Join(dir, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"very-secret", "token-of-key", "id-of-key", "Signature="} {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("%q is in the journal", secret)
		}
	}
}

// copyDir copies the files of a Server's directory.
func copyDir(t testing.TB, from string) (to string) {
	t.Helper()
	to = t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestAJournalMayEndAnywhere(t *testing.T) {
	dir := t.TempDir()
	srv := persist(t, dir)
	path := filepath.Join(dir, "journal")
	var ends []int64 // of the journal after each object
	for i := range 3 {
		send(t, srv, call{method: "PUT", key: "key", body: strings.Repeat("x", i+1)})
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, info.Size())
	}
	// The bodies of replaced objects are there again, as after a crash that came before their removal.
	backup := copyDir(t, dir)
	srv.Close()
	for i := range 2 {
		err := os.WriteFile(filepath.Join(backup, "bodies", "body-"+string(rune('1'+i))),
			[]byte(strings.Repeat("x", i+1)), 0o600)
		if err != nil {
			t.Fatal(err)
		}
	}
	for end := ends[0]; end <= ends[2]; end += 7 {
		cut := copyDir(t, backup)
		if err := os.Truncate(filepath.Join(cut, "journal"), end); err != nil {
			t.Fatal(err)
		}
		want := int64(1)
		for want < 3 && end >= ends[want] {
			want++
		}
		srv := persist(t, cut)
		got := send(t, srv, call{method: "GET", key: "key"})
		if got.status != 200 || int64(len(got.body)) != want {
			t.Errorf("cut at %d: %v with %d bytes, want %d", end, got, len(got.body), want)
		}
		if n := files(t, cut); n != 3 {
			t.Errorf("cut at %d: %d files, want 3", end, n)
		}
		srv.Close()
	}
}

func TestReadingGoesOnWhileAServerCloses(t *testing.T) {
	dir := t.TempDir()
	srv := persist(t, dir)
	srv.PutObject("bucket", "key", []byte("x"))
	srv.Close()
	if o, ok := srv.Object("bucket", "key"); !ok || string(o.Data) != "x" {
		t.Errorf("object after Close = %q, %t", o.Data, ok)
	}
	if _, err := srv.HTTPClient().Do(call{method: "GET", key: "key"}.request(t)); err == nil {
		t.Error("a closed Server answers")
	}
}

func TestDirsThatDoNotPersistMayBeShared(t *testing.T) {
	dir := t.TempDir()
	one, two := start(t, &osstest.Options{Dir: dir}), start(t, &osstest.Options{Dir: dir})
	one.PutObject("bucket", "key", []byte("one"))
	two.PutObject("bucket", "key", []byte("two"))
	one.Close()
	if o, _ := two.Object("bucket", "key"); string(o.Data) != "two" {
		t.Errorf("object = %q", o.Data)
	}
	two.Close()
	if n := files(t, dir); n != 0 {
		t.Errorf("%d files are left", n)
	}
}
