package multipart_test

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// Row D2: what is deleted does not exist, and nothing of it is left.
func aDownloadOfADeletedObjectIsErrNotExist(t *testing.T) {
	for _, way := range ways {
		onServer(t, data(1000), func(t *testing.T, srv *osstest.Server) {
			f := &failing{at: make(map[string]func(*http.Request) (*http.Response, error))}
			c := failingClient(t, srv, f)
			f.at["500"] = func(req *http.Request) (*http.Response, error) {
				err := srv.Client().DeleteObject(req.Context(), bucket, key, nil)
				if err != nil {
					return nil, err
				}
				return f.RoundTripper.RoundTrip(req)
			}
			_, _, err := way.get(t.Context(), t,
				multipart.NewDownloader(c, &multipart.DownloadOptions{PartSize: 100, Concurrency: 1}))
			var de *multipart.DownloadError
			if !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &de) || de.Partial != "" {
				t.Errorf("%s: the error is %v", way.name, err)
			}
		})
	}
}

// Row D3: the second request of a range begins where the reply of the first one ended.
func aRangeContinuesAfterALostConnection(t *testing.T) {
	for _, way := range ways {
		for _, tt := range []struct {
			name, again string // the range that is requested again
			effect      osstest.Effect
		}{
			{"in the reply", "bytes=260-299", osstest.Truncate(60)},
			{"at the last byte", "bytes=299-299", osstest.Truncate(99)},
			{"before the reply", "bytes=200-299", osstest.Drop()},
			{"without a sign", "bytes=200-299", osstest.Hang()},
		} {
			t.Run(way.name+" "+tt.name, func(t *testing.T) {
				want := data(1000)
				onServer(t, want, func(t *testing.T, srv *osstest.Server) {
					srv.Inject(osstest.Fault{Op: "GetObject", Skip: 2, Times: 1, Effect: tt.effect})
					got, res, err := way.get(t.Context(), t, multipart.NewDownloader(srv.Client(),
						&multipart.DownloadOptions{PartSize: 100, Concurrency: 1}))
					if err != nil || !bytes.Equal(got, want) || !res.Verified {
						t.Fatalf("got %d bytes, %+v, %v", len(got), res, err)
					}
					var ranges []string
					for _, r := range srv.Requests("GetObject") {
						ranges = append(ranges, r.Header.Get("Range"))
					}
					if len(ranges) != 11 || !slices.Contains(ranges[3:], tt.again) {
						t.Errorf("the requests are of %q, want 10 and %q", ranges, tt.again)
					}
				})
			})
		}
	}
}

// Row D4: an outage in the middle of a download. Ranges take half a second each, four at a time.
func aDownloadContinuesAfterAnOutage(t *testing.T) {
	const part, parts, rate = 64 << 10, 40, 128 << 10
	for _, way := range ways {
		for name := range dialErrors {
			t.Run(way.name+" "+name, func(t *testing.T) {
				want := data(part * parts)
				onServer(t, want, func(t *testing.T, srv *osstest.Server) {
					srv.Inject(osstest.Fault{Op: "GetObject", Effect: osstest.Slow(rate)})
					cable, c := newCable(t, srv, nil)
					const down = time.Minute
					go func() {
						time.Sleep(2 * time.Second) // in the bubble
						cable.interrupt(name, down)
					}()
					var mu sync.Mutex
					waited := false
					began := time.Now()
					report := func(p multipart.Progress) {
						mu.Lock()
						defer mu.Unlock()
						waited = waited || !p.WaitingSince.IsZero()
					}
					got, res, err := way.get(t.Context(), t, multipart.NewDownloader(c,
						&multipart.DownloadOptions{PartSize: part, Concurrency: 4, Progress: report}))
					if err != nil || !bytes.Equal(got, want) || !res.Verified {
						t.Fatalf("got %d bytes, %+v, %v", len(got), res, err)
					}
					const alone = parts / 4 * 500 * time.Millisecond
					longest := 6 * time.Second
					if name == "silent" {
						longest += 30 * time.Second // until the stall is noticed
					}
					if took := time.Since(began); took < down || took > alone+down+longest {
						t.Errorf("it took %v, want at most %v without the outage of %v", took, alone, down)
					}
					mu.Lock()
					defer mu.Unlock()
					if !waited {
						t.Error("the progress did not tell of the outage")
					}
				})
			})
		}
	}
}

// Row D4: a DownloadFile that has lost its patience keeps its ranges for the next one.
func anOutageLongerThanPatienceKeepsTheRanges(t *testing.T) {
	const part, parts, rate = 64 << 10, 40, 128 << 10
	want := data(part * parts)
	onServer(t, want, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "GetObject", Effect: osstest.Slow(rate)})
		cable, c := newCable(t, srv, nil)
		go func() {
			time.Sleep(2 * time.Second) // in the bubble
			cable.interrupt("refused", 10*time.Minute)
		}()
		d := multipart.NewDownloader(c,
			&multipart.DownloadOptions{PartSize: part, Concurrency: 4, Patience: time.Minute})
		dir := t.TempDir()
		target := filepath.Join(dir, "target")
		_, err := d.DownloadFile(t.Context(), bucket, key, target, nil)
		var de *multipart.DownloadError
		if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, syscall.ECONNRESET) || !errors.As(err, &de) ||
			!strings.Contains(err.Error(), "gave up after waiting 1m0s") {
			t.Fatalf("the error is %v", err)
		}
		if de.Partial == "" || de.Stored < 8*part {
			t.Errorf("%d bytes are kept in %q", de.Stored, de.Partial)
		}
		time.Sleep(10 * time.Minute) // in the bubble
		res, err := d.DownloadFile(t.Context(), bucket, key, target, nil)
		if err != nil || int64(res.Reused) != de.Stored/part {
			t.Fatalf("the second call returned %+v, %v, want %d ranges reused", res, err, de.Stored/part)
		}
		if got, _ := os.ReadFile(target); !bytes.Equal(got, want) {
			t.Error("the target is wrong")
		}
		wantFiles(t, dir, "target")
	})
}

// Row D5: the requests of a download change nothing, so they are repeated.
func aLostReplyToADownloadIsRequestedAgain(t *testing.T) {
	for _, way := range ways {
		for op, requests := range map[string]int{"HeadObject": 1, "GetObject": 10} {
			t.Run(way.name+" "+op, func(t *testing.T) {
				want := data(1000)
				onServer(t, want, func(t *testing.T, srv *osstest.Server) {
					lost := srv.Inject(osstest.Fault{Op: op, Times: 2, Effect: osstest.LoseReply()})
					got, res, err := way.get(t.Context(), t, multipart.NewDownloader(srv.Client(),
						&multipart.DownloadOptions{PartSize: 100, Concurrency: 2}))
					if err != nil || !bytes.Equal(got, want) || !res.Verified {
						t.Fatalf("got %d bytes, %+v, %v", len(got), res, err)
					}
					if n := len(srv.Requests(op)); n != requests+2 || lost.Fired() != 2 {
						t.Errorf("%d requests, %d replies lost, want %d and 2", n, lost.Fired(), requests+2)
					}
				})
			})
		}
	}
}

// Row D6: a DownloadFile that has filled the disk keeps its ranges, and continues where there is room again.
func aFullDiskKeepsTheRangesOfADownloadFile(t *testing.T) {
	onSmallDisk(t, 1<<20, func(dir string, grow func(int64)) {
		const part = 128 << 10
		target := filepath.Join(dir, "target")
		if err := os.WriteFile(target, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		srv := osstest.NewServer(nil)
		defer srv.Close()
		want := data(3 << 20)
		srv.PutObject(bucket, key, want)
		d := multipart.NewDownloader(srv.Client(), &multipart.DownloadOptions{PartSize: part, Concurrency: 2})
		_, err := d.DownloadFile(t.Context(), bucket, key, target, nil)
		var de *multipart.DownloadError
		if !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &de) {
			t.Fatalf("the error is %v", err)
		}
		if de.Partial != filepath.Join(dir, partialName) || de.Stored < 4*part || de.Stored > 1<<20 {
			t.Errorf("%d bytes are kept in %q", de.Stored, de.Partial)
		}
		if old, _ := os.ReadFile(target); string(old) != "old" {
			t.Errorf("the target is %q after a call that failed", old)
		}
		wantFiles(t, dir, partialName, journalName, "target")
		grow(16 << 20)
		res, err := d.DownloadFile(t.Context(), bucket, key, target, nil)
		if err != nil || int64(res.Reused) != de.Stored/part {
			t.Fatalf("the second call returned %+v, %v, want %d ranges reused", res, err, de.Stored/part)
		}
		if got, _ := os.ReadFile(target); !bytes.Equal(got, want) {
			t.Error("the target is wrong")
		}
		wantFiles(t, dir, "target")
	})
}

// Row D7: a directory that may not be written is named by the error, and nothing is requested.
func aReadOnlyDirectoryIsRefusedBeforeAnyRequest(t *testing.T) {
	asNobody(t, func(dir string) {
		if err := os.WriteFile(filepath.Join(dir, "target"), []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(dir, 0o700)
		srv := osstest.NewServer(nil)
		defer srv.Close()
		srv.PutObject(bucket, key, data(1000))
		_, err := multipart.NewDownloader(srv.Client(), nil).DownloadFile(t.Context(), bucket, key,
			filepath.Join(dir, "target"), nil)
		if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), dir) {
			t.Errorf("the error is %v", err)
		}
		if n := len(srv.Requests()); n != 0 {
			t.Errorf("%d requests were sent", n)
		}
		wantFiles(t, dir, "target")
	})
}

// Row D7: a file that may not be written can be replaced, and its download continues after a failure.
func aReadOnlyTargetIsReplacedAndStaysReadOnly(t *testing.T) {
	for _, mode := range []fs.FileMode{0o400, 0o440, 0} {
		asNobody(t, func(dir string) {
			target := filepath.Join(dir, "target")
			if err := os.WriteFile(target, []byte("old"), mode); err != nil {
				t.Fatal(err)
			}
			srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
			defer srv.Close()
			want := data(1000)
			srv.PutObject(bucket, key, want)
			f := &failing{at: map[string]func(*http.Request) (*http.Response, error){"700": refuse}}
			d := multipart.NewDownloader(failingClient(t, srv, f),
				&multipart.DownloadOptions{PartSize: 100, Concurrency: 1})
			_, err := d.DownloadFile(t.Context(), bucket, key, target, nil)
			if !errors.Is(err, oss.ErrAccessDenied) {
				t.Fatalf("the first call returned %v", err)
			}
			f.at = nil
			res, err := d.DownloadFile(t.Context(), bucket, key, target, nil)
			if err != nil || res.Reused != 7 {
				t.Fatalf("the second call returned %+v, %v", res, err)
			}
			info, err := os.Stat(target)
			if err != nil || info.Mode().Perm() != mode {
				t.Fatalf("the target is %v, %v, want mode %v", info, err, mode)
			}
			if got, err := os.ReadFile(target); mode != 0 && (err != nil || !bytes.Equal(got, want)) {
				t.Errorf("the target has %d bytes, %v", len(got), err)
			}
			wantFiles(t, dir, "target")
		})
	}
}
