package multipart_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func everySourceOfEverySizeArrivesWhole(t *testing.T) {
	const part = 100
	sources := map[string]func(t *testing.T, b []byte) io.Reader{
		"bytes.Reader": func(t *testing.T, b []byte) io.Reader { return bytes.NewReader(b) },
		"section": func(t *testing.T, b []byte) io.Reader {
			return io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b)))
		},
		"file":           func(t *testing.T, b []byte) io.Reader { return tempFile(t, b) },
		"plain reader":   func(t *testing.T, b []byte) io.Reader { return plainReader{bytes.NewReader(b)} },
		"one byte reads": func(t *testing.T, b []byte) io.Reader { return iotest.OneByteReader(bytes.NewReader(b)) },
		"half reads":     func(t *testing.T, b []byte) io.Reader { return iotest.HalfReader(bytes.NewReader(b)) },
		"data with EOF":  func(t *testing.T, b []byte) io.Reader { return iotest.DataErrReader(bytes.NewReader(b)) },
		"empty reads":    func(t *testing.T, b []byte) io.Reader { return &emptyReads{r: bytes.NewReader(b)} },
	}
	for name, source := range sources {
		for _, size := range []int{0, 1, part - 1, part, part + 1, 2 * part, 2*part + 1, 10 * part, 999} {
			t.Run(fmt.Sprintf("%s/%d", name, size), func(t *testing.T) {
				inBubble(t, func(t *testing.T, srv *osstest.Server) {
					want := data(size)
					res, err := multipart.NewUploader(srv.Client(), settings(part)).Upload(t.Context(),
						bucket, key, source(t, want), nil)
					wantObject(t, srv, want, res, err)
					if parts := (size + part - 1) / part; size > part && res.Parts != parts {
						t.Errorf("%d bytes made %d parts, want %d", size, res.Parts, parts)
					} else if size <= part && len(srv.Requests()) != 1 {
						t.Errorf("%d bytes took %d requests, want one PutObject", size, len(srv.Requests()))
					}
				})
			})
		}
	}
}

// emptyReads returns 0, nil before every byte.
type emptyReads struct {
	r    io.Reader
	turn int
}

func (e *emptyReads) Read(p []byte) (int, error) {
	if e.turn++; e.turn%2 == 1 || len(p) == 0 {
		return 0, nil
	}
	return e.r.Read(p[:1])
}

func tempFile(t *testing.T, b []byte) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "source")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func onlyWhatIsLeftIsUploadedAndTheOffsetStays(t *testing.T) {
	all := data(1000)
	for name, source := range map[string]io.ReadSeeker{
		"file": tempFile(t, all), "bytes.Reader": bytes.NewReader(all),
	} {
		for _, offset := range []int64{1, 500, 950, 1000, 2000} {
			t.Run(fmt.Sprintf("%s/%d", name, offset), func(t *testing.T) {
				inBubble(t, func(t *testing.T, srv *osstest.Server) {
					if _, err := source.Seek(offset, io.SeekStart); err != nil {
						t.Fatal(err)
					}
					res, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key,
						source, nil)
					wantObject(t, srv, all[min(offset, 1000):], res, err)
					if now, err := source.Seek(0, io.SeekCurrent); now != offset || err != nil {
						t.Errorf("offset is %d, %v, want %d as before", now, err, offset)
					}
				})
			})
		}
	}
}

func aReaderThatFailsIsTheCauseAndMakesNoObject(t *testing.T) {
	broken := errors.New("the tape tore")
	for _, at := range []int{0, 50, 100, 150, 200, 950} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				src := io.MultiReader(bytes.NewReader(data(at)), iotest.ErrReader(broken))
				_, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key, src, nil)
				ue := wantNothing(t, srv, err, broken)
				if want := fmt.Sprintf("at byte %d", at); !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
				if ue.Plan.Size != -1 || len(ue.Failed) != 0 {
					t.Errorf("UploadError of a stream is %+v", ue)
				}
			})
		})
	}
}

// An error may come with the last bytes, and only then.
func anErrorThatAReaderTellsOnceIsNotLost(t *testing.T) {
	for _, size := range []int{1, 100, 101, 150, 201} { // 101: with the byte that tells whether one request is enough
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			rest := data(size)
			src := readerFunc(func(p []byte) (n int, err error) {
				if n = copy(p, rest); n == len(rest) && n > 0 {
					err = errBroken
				} else if n == 0 {
					err = io.EOF
				}
				rest = rest[n:]
				return n, err
			})
			_, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key, src, nil)
			wantNothing(t, srv, err, errBroken)
		})
	}
}

func aReaderThatNeverAdvancesIsAnError(t *testing.T) {
	for _, at := range []int{0, 50, 100, 150} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			src := io.MultiReader(bytes.NewReader(data(at)), readerFunc(func([]byte) (int, error) { return 0, nil }))
			_, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key, src, nil)
			wantNothing(t, srv, err, io.ErrNoProgress)
		})
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func aFileThatChangesUnderWayMakesNoObject(t *testing.T) {
	changes := map[string]func(f *os.File) error{
		"grows":   func(f *os.File) error { _, err := f.WriteAt([]byte("more"), 1000); return err },
		"shrinks": func(f *os.File) error { return f.Truncate(500) },
		"is rewritten": func(f *os.File) error {
			_, err := f.WriteAt([]byte("x"), 0)
			return errors.Join(err, os.Chtimes(f.Name(), time.Time{}, time.Unix(1e9, 0)))
		},
	}
	if !multipart.ChangeTime(stat(t, tempFile(t, nil))).IsZero() {
		changes["is rewritten in secret"] = rewriteInSecret
	}
	for name, change := range changes {
		for _, size := range []int{1000, 80} {
			t.Run(fmt.Sprintf("%s/%d", name, size), func(t *testing.T) {
				inBubble(t, func(t *testing.T, srv *osstest.Server) {
					f := tempFile(t, data(size))
					c := client(t, srv, func(cfg *oss.Config) {
						cfg.Hooks.OnStart = onFirst("UploadPart PutObject", func() {
							if err := change(f); err != nil {
								t.Error(err)
							}
						})
					})
					_, err := multipart.NewUploader(c, settings(100)).UploadFile(t.Context(), bucket, key, f.Name(),
						nil)
					wantNothing(t, srv, err, multipart.ErrSourceChanged)
				})
			})
		}
	}
}

// rewriteInSecret writes to f and restores its time of modification (row 27), as soon as the clock of the file system,
// which ticks every few milliseconds, has moved on since f was last changed.
func rewriteInSecret(f *os.File) error {
	was, err := f.Stat()
	if err != nil {
		return err
	}
	for {
		_, err := f.WriteAt([]byte("x"), 0)
		if err = errors.Join(err, os.Chtimes(f.Name(), time.Time{}, was.ModTime())); err != nil {
			return err
		}
		is, err := f.Stat()
		if err != nil || !multipart.ChangeTime(is).Equal(multipart.ChangeTime(was)) {
			return err
		}
	}
}

func stat(t *testing.T, f *os.File) fs.FileInfo {
	t.Helper()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func aFileThatChangesWhileItIsResumedMakesNoObject(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		f := tempFile(t, data(950))
		_, p := begun(t, srv, data(950), 1, 2, 3) // which are found equal, before the file is another
		c := client(t, srv, func(cfg *oss.Config) {
			cfg.Hooks.OnStart = onFirst("UploadPart", func() {
				_, err := f.WriteAt(make([]byte, 950), 0)
				if err := errors.Join(err, os.Chtimes(f.Name(), time.Time{}, time.Unix(1e9, 0))); err != nil {
					t.Error(err)
				}
			})
		})
		// no MD5 from before
		up := multipart.NewUploader(c, &multipart.Options{Concurrency: 1, Checksum: oss.ChecksumCRC64})
		_, err := up.Resume(t.Context(), p, f)
		wantNothing(t, srv, err, multipart.ErrSourceChanged)
		srv.Client().AbortMultipartUpload(t.Context(), p.Upload)
	})
}

func TestUploadFileRefusesWhatIsNoFileBeforeAnyRequest(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		up := multipart.NewUploader(srv.Client(), nil)
		if _, err := up.UploadFile(t.Context(), bucket, key, filepath.Join(t.TempDir(), "missing"),
			nil); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a missing file is %v, want fs.ErrNotExist", err)
		}
		dir := t.TempDir()
		if _, err := up.UploadFile(t.Context(), bucket, key, dir, nil); err == nil ||
			!strings.Contains(err.Error(), dir+" is a directory") {
			t.Errorf("a directory is %v", err)
		}
		if _, err := up.Upload(t.Context(), bucket, key, nil, nil); err == nil {
			t.Error("a nil source is no error")
		}
		if n := len(srv.Requests()); n != 0 {
			t.Errorf("%d requests were sent", n)
		}
	})
}

func TestAFileThatClaimsToBeEmptyIsReadToItsEnd(t *testing.T) {
	const path = "/proc/self/status" // a regular file of size 0, with content
	if runtime.GOOS != "linux" {
		t.Skipf("%s has no %s", runtime.GOOS, path)
	}
	srv := osstest.NewServer(nil)
	defer srv.Close()
	res, err := multipart.NewUploader(srv.Client(), nil).UploadFile(t.Context(), bucket, key, path, nil)
	obj, _ := srv.Object(bucket, key)
	if err != nil || res.Size == 0 || !bytes.HasPrefix(obj.Data, []byte("Name:")) {
		t.Errorf("UploadFile(%s) = %+v, %v with %.20q", path, res, err, obj.Data)
	}
}

func aStreamGrowsItsPartsAndStopsAtTenThousand(t *testing.T) {
	if testing.Short() {
		t.Skip("sends 10,000 parts")
	}
	const first, limit = 1, 3 // parts of 1, 2 and 3 bytes: 1, two and a half, 8, all within the limit
	const capacity = 3000 + 2*4500 + 3*2500
	for _, tt := range []struct {
		name string
		size int
		fits bool
	}{{"just fits", capacity, true}, {"a byte too long", capacity + 1, false}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				want := data(tt.size)
				up := multipart.NewUploader(srv.Client(),
					&multipart.Options{PartSize: first, MemoryLimit: limit, Checksum: oss.ChecksumCRC64})
				res, err := up.Upload(t.Context(), bucket, key, plainReader{bytes.NewReader(want)}, nil)
				if tt.fits {
					wantObject(t, srv, want, res, err)
					if res.Parts != oss.MaxPartNumber {
						t.Errorf("%d parts, want %d", res.Parts, oss.MaxPartNumber)
					}
				} else if err == nil ||
					!strings.Contains(err.Error(), "longer than the 19500 bytes that 10000 parts hold") {
					t.Errorf("error is %v", err)
				}
				for _, r := range srv.Requests("UploadPart") {
					if r.PartNumber > oss.MaxPartNumber {
						t.Fatalf("part %d was sent", r.PartNumber)
					}
				}
			})
		})
	}
}
