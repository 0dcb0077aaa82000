package pagecache

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestWhatWasDroppedIsNotResident(t *testing.T) {
	const size = 8 << 20
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil { // pages that are not on the disk yet cannot be dropped
		t.Fatal(err)
	}
	if resident, ok := Resident(f, 0, size); !ok {
		t.Skip("the system or this file system does not tell")
	} else if !resident {
		t.Error("what was just written is not resident")
	}
	Drop(f, 0, 0)
	StartWriteback(f, 0, 0)
	if resident, _ := Resident(f, 0, size); !resident {
		t.Error("no byte was to be dropped")
	}
	Drop(f, 0, size)
	if resident, _ := Resident(f, 0, size); resident {
		t.Skip("this file system keeps its pages")
	}
	for at := int64(0); at < size; at += 4096 {
		if resident, _ := Resident(f, at, 1); resident {
			t.Fatalf("byte %d is in the cache, by looking for those before it", at) // as preadv2 would bring it there
		}
	}
	if _, err := f.ReadAt(make([]byte, 4096), size/2); err != nil {
		t.Fatal(err)
	}
	if resident, ok := Resident(f, size/2, 4096); !resident || !ok {
		t.Error("what was just read is not resident")
	}
}

func TestAFileIsReopened(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("some text"); err != nil {
		t.Fatal(err)
	}
	again, err := Reopen(f)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if text, err := io.ReadAll(again); string(text) != "some text" || err != nil {
		t.Errorf("the file opened again has %q, %v", text, err)
	}
}

func TestAClosedFileIsNotResident(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	Drop(f, 0, 10)
	StartWriteback(f, 0, 10)
	if again, err := Reopen(f); err == nil {
		again.Close()
		t.Error("a closed file was opened again")
	}
	if resident, ok := Resident(f, 0, 10); resident || ok {
		t.Errorf("Resident = %v, %v", resident, ok)
	}
}
