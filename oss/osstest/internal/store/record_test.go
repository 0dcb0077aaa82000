package store

import (
	"crypto/md5"
	"encoding"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/ossmultipart/go-oss/oss"
)

// fill sets every field in v, unexported ones included, to a value that is not zero.
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
	case *Content:
		file := func(name string) *body { return &body{blob: fileBlob(filepath.Join(dir, name))} }
		*x = Content{{file("body-1"), 2, 3}, {file("body-2"), 4, 5}}
		return
	case *map[int]*Part: // a new upload has none
		*x = make(map[int]*Part)
		return
	case *hash.Hash:
		*x = md5.New()
		return
	case *[]oss.Part:
		modified := time.Date(2026, 6, 17, 20, 30, 0, 0, time.UTC)
		*x = []oss.Part{{Number: 1, ETag: `"E"`, Size: 2, CRC64: 1 << 63, LastModified: modified}}
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
		t.Fatalf("no value for a %s: add one here, and the field to record.go", v.Type())
	}
}

// TestRecordsHaveEveryField fails when a field is added to Object, Upload or Part and not to record.go.
func TestRecordsHaveEveryField(t *testing.T) {
	dir := t.TempDir()
	var c change
	fill(t, reflect.ValueOf(&c).Elem(), dir)
	c.drop = &Object{Name: c.drop.Name, VersionID: c.drop.VersionID} // the rest does not matter
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

func TestTheMD5OfASequentialUploadIsRecorded(t *testing.T) {
	running := md5.New()
	running.Write([]byte("some bytes"))
	line, err := encodeChange(change{part: &storedPart{"id", &Part{Data: &Data{}}, running}})
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

func TestAKeyMustBeUTF8ToBeRecorded(t *testing.T) {
	if line, err := encodeChange(change{put: &Object{Name: Name{"b", "\xff"}}}); err == nil {
		t.Errorf("recorded as %s", line)
	}
}

// persisted returns a store that persists in dir.
func persisted(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir, Persist: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// sumless returns an object without checksums, which a Store does not check.
func sumless(n Name, c Content) *Object {
	return &Object{Name: n, Type: "Normal", Content: c, Size: c.Size()}
}

func putText(t *testing.T, s *Store, n Name, text string) {
	t.Helper()
	w, err := s.NewBody(-1)
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte(text))
	c, err := w.Keep()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Put(sumless(n, c), false); err != nil {
		t.Fatal(err)
	}
}

func textOf(t *testing.T, s *Store, n Name) string {
	t.Helper()
	o, ok := s.Open(n, "")
	if !ok {
		return ""
	}
	defer o.Content.Release()
	r := o.Content.Reader()
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAGrowingJournalIsCompacted(t *testing.T) {
	dir := t.TempDir()
	s := persisted(t, dir)
	j := s.dataDir.journal
	j.slack = 4 << 10
	longest := int64(0)
	for range 500 {
		putText(t, s, Name{"bucket", "key"}, "x")
		longest = max(longest, j.size)
	}
	putText(t, s, Name{"bucket", "other"}, "other")
	if info, err := os.Stat(j.path); err != nil || info.Size() != j.size || longest > 6<<10 {
		t.Errorf("the journal has grown to %d bytes, now %d, %v", longest, j.size, err)
	}
	generation := s.dataDir.generation
	s.Close()
	s = persisted(t, dir)
	if all := s.Objects("bucket"); len(all) != 2 || all[0].Key != "key" || all[1].Key != "other" {
		t.Errorf("objects = %v, want key and other", all)
	}
	if s.dataDir.generation != generation+1 {
		t.Errorf("generation %d, want %d", s.dataDir.generation, generation+1)
	}
}

func TestAChangeThatCannotBeWrittenIsNotMade(t *testing.T) {
	dir := t.TempDir()
	s := persisted(t, dir)
	n := Name{"bucket", "key"}
	putText(t, s, n, "old")
	begun := &Upload{Name: n, ID: "id"}
	if err := s.Begin(begun); err != nil {
		t.Fatal(err)
	}
	j := s.dataDir.journal
	intact := j.file
	readOnly, err := os.Open(j.path)
	if err != nil {
		t.Fatal(err)
	}
	j.file = readOnly // as good as a full disk
	p := &Part{Data: &Data{}, Number: 1}
	for what, do := range map[string]func() error{
		"put":    func() error { return s.Put(sumless(n, nil), false) },
		"remove": func() error { _, err := s.Remove(n, "", time.Time{}); return err },
		"change": func() error {
			return s.Change(n, "", func(*Object) (*Object, error) { return sumless(n, nil), nil })
		},
		"bucket": func() error {
			return s.ChangeBucket("bucket", func(b *Bucket) error { b.Versioning = "Enabled"; return nil })
		},
		"begin":     func() error { return s.Begin(&Upload{ID: "another"}) },
		"part":      func() error { return s.SetPart(n, "id", p, nil) },
		"redeliver": func() error { return s.Redeliver(begun, p, true) },
		"revive":    func() error { return s.Redeliver(&Upload{Name: n, ID: "gone"}, p, true) },
		"abort":     func() error { return s.Abort(n, "id") },
		"join": func() error {
			_, err := s.Complete(n, "id",
				false, func(*Upload, []*Part, []byte) (*Object, error) { return sumless(n, nil), nil })
			return err
		},
	} {
		if do() == nil {
			t.Errorf("%s: no error", what)
		}
		j.err = nil // a full disk can be emptied
	}
	readOnly.Close()
	j.file = intact
	if text := textOf(t, s, n); text != "old" || s.Bucket("bucket").Versioning != "" {
		t.Errorf("object %q, bucket %+v", text, s.Bucket("bucket"))
	}
	if all := s.AllUploads(); len(all) != 1 || len(s.Parts(all[0])) != 0 {
		t.Errorf("uploads %+v", all)
	}
	putText(t, s, n, "new")
	s.Close()
	if text := textOf(t, persisted(t, dir), n); text != "new" {
		t.Errorf("object after a restart = %q", text)
	}
}

// TestRedeliveredPartsReviveAnUploadTogether redelivers parts of an aborted upload at the same time: the upload begins
// again once, with all of them.
func TestRedeliveredPartsReviveAnUploadTogether(t *testing.T) {
	n := Name{"bucket", "key"}
	for range 200 {
		s, err := Open(Options{})
		if err != nil {
			t.Fatal(err)
		}
		u := &Upload{Name: n, ID: "id"}
		var wg sync.WaitGroup
		for number := range 4 {
			wg.Go(func() {
				if err := s.Redeliver(u, &Part{Data: &Data{}, Number: number + 1}, true); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if _, parts, err := s.Upload(n, "id"); err != nil || len(parts) != 4 {
			t.Fatalf("%d parts, %v, want 4", len(parts), err)
		}
		s.Close()
	}
}
