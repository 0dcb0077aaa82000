package osstest

import (
	"crypto/md5"
	"encoding"
	"hash"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
	"unsafe"

	"github.com/ossmultipart/go-oss/oss"
)

// fill sets everything in v, unexported fields too, to something that is not zero.
func fill(t *testing.T, v reflect.Value, dir string) {
	t.Helper()
	v = reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = time.Date(2026, 6, 17, 20, 30, 0, 0, time.UTC)
		return
	case *http.Header:
		*x = http.Header{"X-Oss-Meta-A": {"\xff\x00b", "c"}, "Content-Type": {""}}
		return
	case *content:
		*x = content{{&body{blob: fileBlob(filepath.Join(dir, "body-1"))}, 2, 3}, {&body{blob: fileBlob(filepath.Join(dir, "body-2"))}, 4, 5}}
		return
	case *map[int]*part: // an upload begins without
		*x = make(map[int]*part)
		return
	case *hash.Hash:
		*x = md5.New()
		return
	case *[]oss.Part:
		*x = []oss.Part{{Number: 1, ETag: `"E"`, Size: 2, CRC64: 1 << 63, LastModified: time.Date(2026, 6, 17, 20, 30, 0, 0, time.UTC)}}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), dir)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), dir)
	case reflect.String:
		v.SetString("v\u00e4lue")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint64:
		v.SetUint(1<<64 - 1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(t, v.Index(i), dir)
		}
	case reflect.Uint8:
		v.SetUint(200)
	default:
		t.Fatalf("no value for a %s: teach this test, and record.go", v.Type())
	}
}

// TestARecordLeavesNothingOut fails when a field is added to what a Server stores, and forgotten in
// what it writes down.
func TestARecordLeavesNothingOut(t *testing.T) {
	dir := t.TempDir()
	var c change
	fill(t, reflect.ValueOf(&c).Elem(), dir)
	c.drop = &object{name: c.drop.name, version: c.drop.version} // the rest does not matter
	line, err := encodeChange(c)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeChange(line, &bodyFiles{path: dir, all: make(map[string]*body)})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, c) {
		t.Errorf("decoded %s\n%+v\n%+v", line, got.put, c.put)
	}
	again, err := encodeChange(got)
	if err != nil || string(again) != string(line) {
		t.Errorf("encoded again: %s, %v", again, err)
	}
}

func TestARunningMD5IsRecorded(t *testing.T) {
	running := md5.New()
	running.Write([]byte("some bytes"))
	line, err := encodeChange(change{part: &arrival{"id", &part{stored: &stored{}}, running}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeChange(line, nil)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := running.(encoding.BinaryMarshaler).MarshalBinary()
	have, _ := got.part.md5.(encoding.BinaryMarshaler).MarshalBinary()
	if string(have) != string(want) {
		t.Errorf("state %x, want %x", have, want)
	}
}

func TestAKeyThatIsNoTextCannotBeRecorded(t *testing.T) {
	if line, err := encodeChange(change{put: &object{name: name{"b", "\xff"}}}); err == nil {
		t.Errorf("recorded as %s", line)
	}
}

// persisted returns a Server that persists in a directory of the test.
func persisted(t *testing.T) *Server {
	t.Helper()
	s := NewServer(&Options{Dir: t.TempDir(), Persist: true})
	t.Cleanup(s.Close)
	return s
}

func TestAJournalThatGrowsIsReplaced(t *testing.T) {
	s := persisted(t)
	s.objects.journal.slack = 4 << 10
	longest := int64(0)
	for range 500 {
		s.PutObject("bucket", "key", []byte("x"))
		longest = max(longest, s.objects.journal.size)
	}
	s.PutObject("bucket", "other", []byte("other"))
	if info, err := os.Stat(s.objects.journal.path); err != nil || info.Size() != s.objects.journal.size || longest > 6<<10 {
		t.Errorf("the journal has grown to %d bytes, now %d, %v", longest, s.objects.journal.size, err)
	}
	generation := s.home.generation
	s.Close()
	s = NewServer(&Options{Dir: s.opts.Dir, Persist: true})
	defer s.Close()
	if keys := s.Objects("bucket"); !reflect.DeepEqual(keys, []string{"key", "other"}) || s.home.generation != generation+1 {
		t.Errorf("objects = %q in generation %d, want key and other in %d", keys, s.home.generation, generation+1)
	}
}

func TestWhatIsNotWrittenDownHasNotHappened(t *testing.T) {
	s := persisted(t)
	s.PutObject("bucket", "key", []byte("old"))
	begun := &upload{name: name{"bucket", "key"}, id: "id", parts: make(map[int]*part)}
	if err := s.objects.begin(begun); err != nil {
		t.Fatal(err)
	}
	intact := s.objects.journal.file
	readOnly, err := os.Open(s.objects.journal.path)
	if err != nil {
		t.Fatal(err)
	}
	s.objects.journal.file = readOnly // as good as a full disk
	n := name{"bucket", "key"}
	fresh := func() *object {
		return normalObject(n, &stored{content: content{}, md5: make([]byte, 16)}, http.Header{}, time.Time{})
	}
	p := &part{stored: &stored{}, number: 1}
	for what, do := range map[string]func() error{
		"put":    func() error { return s.objects.put(fresh(), false) },
		"remove": func() error { _, err := s.objects.remove(n, "", time.Time{}); return err },
		"change": func() error {
			return s.objects.change(n, "", func(*object) (*object, error) { return fresh(), nil })
		},
		"bucket": func() error {
			return s.objects.changeBucket("bucket", func(b *bucketState) error { b.Versioning = "Enabled"; return nil })
		},
		"begin": func() error { return s.objects.begin(&upload{id: "another"}) },
		"part":  func() error { _, err := s.objects.setPart(begun, p, nil); return err },
		"abort": func() error { _, err := s.objects.abort(n, "id"); return err },
		"join": func() error {
			_, _, err := s.objects.join(n, "id", func(*upload) (*object, error) { return fresh(), nil })
			return err
		},
	} {
		if do() == nil {
			t.Errorf("%s: no error", what)
		}
		s.objects.journal.err = nil // a full disk can be emptied
	}
	readOnly.Close()
	s.objects.journal.file = intact
	o, _ := s.Object("bucket", "key")
	if u := s.Uploads(); string(o.Data) != "old" || len(u) != 1 || len(u[0].Parts) != 0 || s.objects.bucket("bucket").Versioning != "" {
		t.Errorf("object %q, uploads %+v", o.Data, u)
	}
	s.PutObject("bucket", "key", []byte("new"))
	s.Close()
	s = NewServer(&Options{Dir: s.opts.Dir, Persist: true})
	defer s.Close()
	if o, _ := s.Object("bucket", "key"); string(o.Data) != "new" {
		t.Errorf("object after a restart = %q", o.Data)
	}
}
