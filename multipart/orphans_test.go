package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// With ExclusiveKeys an upload that a lost reply has begun is aborted. Those that it cannot be stay: one that is older,
// one that has a part, one of another key.
func exclusiveKeysLeaveNothingOfALostReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
		defer srv.Close()
		begin := func(key string) oss.Upload {
			up, err := srv.Client().InitiateMultipartUpload(t.Context(), bucket, key, nil)
			if err != nil {
				t.Fatal(err)
			}
			return up
		}
		stay := map[oss.Upload]bool{begin(key): true}
		time.Sleep(time.Minute) // in the bubble
		stay[begin(key+"x")] = true
		withPart := begin(key)
		if _, err := srv.Client().UploadPart(t.Context(), withPart, 1, bytes.NewReader(data(1)), nil); err != nil {
			t.Fatal(err)
		}
		stay[withPart] = true
		lost := srv.Inject(osstest.Fault{Op: "InitiateMultipartUpload", Times: 2, Effect: osstest.LoseReply()})
		up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 100, ExclusiveKeys: true})
		res, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(250)), nil)
		wantObject(t, srv, data(250), res, err)
		if len(res.Orphans) != 0 || lost.Fired() != 2 {
			t.Errorf("%d replies were lost, orphans are %v", lost.Fired(), res.Orphans)
		}
		for _, left := range srv.Uploads() {
			if !stay[left.Upload] {
				t.Errorf("left behind: %v", left.Upload)
			}
			delete(stay, left.Upload)
		}
		if len(stay) > 0 {
			t.Errorf("aborted: %v", stay)
		}
	})
}

// An upload that a killed process has begun and not recorded is found by the next run, and ended if no other program
// uploads to the key.
func theNextRunFindsWhatAKilledProcessHasBegun(t *testing.T) {
	for _, tt := range []struct {
		size      int // of the file in the next run
		exclusive bool
	}{{950, true}, {950, false}, {50, true}, {0, true}} {
		t.Run(fmt.Sprintf("%d bytes, exclusive %v", tt.size, tt.exclusive), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
				defer srv.Close()
				s := newSession(t, srv, data(950))
				// what the killed one has begun
				orphan, err := srv.Client().InitiateMultipartUpload(t.Context(), bucket, key, nil)
				if err != nil {
					t.Fatal(err)
				}
				id := "oss://" + bucket + "/" + key + " from " + s.path
				intent := multipart.Plan{Upload: oss.Upload{Bucket: bucket, Key: key}, Size: 950,
					PartSize: 100, Begun: time.Now().UTC()}
				if err := multipart.DirStore(s.dir).Save(t.Context(), id, intent); err != nil {
					t.Fatal(err)
				}
				time.Sleep(48 * time.Hour) // in the bubble
				s.write(t, data(tt.size))
				opts := multipart.Options{PartSize: 100, Store: multipart.DirStore(s.dir), ExclusiveKeys: tt.exclusive}
				res, err := multipart.NewUploader(srv.Client(), &opts).UploadFile(t.Context(), bucket, key, s.path, nil)
				wantObject(t, srv, data(tt.size), res, err)
				left := srv.Uploads()
				if tt.exclusive && len(left)+len(res.Orphans) > 0 ||
					!tt.exclusive && (len(left) != 1 || len(res.Orphans) != 1 || res.Orphans[0] != orphan) {
					t.Errorf("left are %v, orphans %v", left, res.Orphans)
				}
				if n := s.records(t); n != 0 {
					t.Errorf("%d records are left", n)
				}
			})
		})
	}
}

// A record says what is about to be begun before the first request, and nothing is left of it if nothing was begun.
func anIntentIsRecordedBeforeInitiate(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		s := newSession(t, srv, data(950))
		srv.Inject(osstest.Fault{Op: "InitiateMultipartUpload", Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		c := client(t, srv, func(cfg *oss.Config) {
			cfg.Hooks.OnStart = onFirst("InitiateMultipartUpload", func() {
				p, err := multipart.DirStore(s.dir).Load(context.Background(), "oss://"+bucket+"/"+key+" from "+s.path)
				if err != nil || p.Upload.ID != "" || p.Upload.Key != key || p.Begun.IsZero() {
					t.Errorf("the record is %+v, %v", p, err)
				}
			})
		})
		_, err := multipart.NewUploader(c,
			&multipart.Options{PartSize: 100, Store: multipart.DirStore(s.dir)}).UploadFile(t.Context(), bucket, key,
			s.path, nil)
		wantNothing(t, srv, err, oss.ErrAccessDenied)
		if n := s.records(t); n != 0 {
			t.Errorf("%d records are left", n)
		}
	})
}

// Row 77: of two that begin the same file at once the second joins the upload of the first.
func twoThatBeginAtOnceShareOneUpload(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		s := newSession(t, srv, data(950))
		srv.Inject(osstest.Fault{Op: "InitiateMultipartUpload", Effect: osstest.Delay(time.Second)})
		srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Delay(time.Second)})
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				res, err := s.upload(t.Context(), 100)
				if err != nil || res.Size != 950 {
					t.Errorf("%+v, %v", res, err)
				}
			})
		}
		wg.Wait()
		if n := len(srv.Requests("InitiateMultipartUpload")); n != 1 || s.records(t) != 0 {
			t.Errorf("%d uploads were begun, %d records are left", n, s.records(t))
		}
	})
}

// unlocked is a Store without any of the optional methods.
type unlocked struct{ multipart.Store }

// Row 77: without a lock an upload that fails, and that the record does not name because another process has begun one,
// is aborted, since no later call would find it.
func anUploadThatNoRecordNamesIsNotKept(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		s := newSession(t, srv, data(950))
		_, other := begun(t, srv, data(950), 1)
		id := "oss://" + bucket + "/" + key + " from " + s.path
		store := unlocked{multipart.DirStore(s.dir)}
		c := client(t, srv, func(cfg *oss.Config) {
			cfg.Hooks.OnStart = onFirst("UploadPart", func() {
				if err := store.Save(context.Background(), id, other); err != nil {
					t.Error(err)
				}
			})
		})
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 4, Times: 1,
			Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		_, err := multipart.NewUploader(c, &multipart.Options{PartSize: 100, Concurrency: 1, Store: store}).UploadFile(
			t.Context(), bucket, key, s.path, nil)
		ue := wantNothing(t, srv, err, oss.ErrAccessDenied)
		if left := srv.Uploads(); !ue.Aborted || len(left) != 1 || left[0].Upload != other.Upload {
			t.Errorf("error %v, left are %v", err, left)
		}
		s.wantResumed(t, data(950), 100, []int{2, 3, 4, 5, 6, 7, 8, 9, 10}) // of the other
	})
}

// Row 77: a request for a part that got no answer may arrive after the abort and revive the upload. The upload that no
// record names is therefore aborted and looked for a second time, as every other upload with such a request.
func TestAnUploadThatNoRecordNamesIsAbortedAgainAfterACutRequest(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cut    bool
		aborts int
	}{{"every request got an answer", false, 1}, {"one got none", true, 2}} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				s := newSession(t, srv, data(950))
				_, other := begun(t, srv, data(950), 1)
				store := unlocked{multipart.DirStore(s.dir)}
				c := client(t, srv, func(cfg *oss.Config) {
					cfg.Hooks.OnStart = onFirst("UploadPart", func() {
						if err := store.Save(context.Background(),
							"oss://"+bucket+"/"+key+" from "+s.path, other); err != nil {
							t.Error(err)
						}
					})
				})
				if tt.cut {
					srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 3, Times: 1, Effect: osstest.LoseReply()})
				}
				srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 4, Times: 1,
					Effect: osstest.Fail(403, oss.ErrAccessDenied)})
				opts := multipart.Options{PartSize: 100, Concurrency: 1, Store: store}
				_, err := multipart.NewUploader(c, &opts).UploadFile(t.Context(), bucket, key, s.path, nil)
				ue := wantNothing(t, srv, err, oss.ErrAccessDenied)
				if n := len(srv.Requests("AbortMultipartUpload")); !ue.Aborted || n != tt.aborts {
					t.Errorf("error %v after %d aborts, want %d", err, n, tt.aborts)
				}
				if err := srv.Client().AbortMultipartUpload(t.Context(), other.Upload); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Bug 14: comparing and deleting a record is one step.
func TestADirStoreDeletesOnlyTheRecordThatWasMeant(t *testing.T) {
	store := multipart.DirStore(t.TempDir())
	other := savedPlan
	other.Upload.ID = "another"
	for id, tt := range map[string]struct {
		saved *multipart.Plan
		stays bool
	}{"mine": {&savedPlan, false}, "another's": {&other, true}, "none": {nil, false}} {
		if tt.saved != nil {
			if err := store.Save(t.Context(), id, *tt.saved); err != nil {
				t.Fatal(err)
			}
		}
		if err := store.(multipart.RecordDeleter).DeleteIf(t.Context(), id, savedPlan.Upload); err != nil {
			t.Errorf("%s: %v", id, err)
		}
		if _, err := store.Load(t.Context(), id); (err == nil) != tt.stays {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// Bug 14: a DirStore that is locked by another process waits, until its own context ends.
func TestALockedRecordIsWaitedFor(t *testing.T) {
	dir := t.TempDir()
	one, two := multipart.DirStore(dir).(multipart.RecordLocker), multipart.DirStore(dir).(multipart.RecordLocker)
	unlock, err := one.Lock(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	if files, _ := os.ReadDir(dir); len(files) == 0 {
		unlock()
		t.Skip("this system has no lock between processes")
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := two.Lock(ctx, "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a second lock: %v", err)
		}
		free, err := two.Lock(t.Context(), "y")
		if err != nil {
			t.Fatalf("the lock of another record: %v", err)
		}
		free()
	})
	unlock()
	again, err := two.Lock(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	again()
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("%v is left", files)
	}
}

// Locks exclude each other while their files are opened and removed.
func TestLocksExcludeEachOther(t *testing.T) {
	store := multipart.DirStore(t.TempDir()).(multipart.RecordLocker)
	unlock, err := store.Lock(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	if files, _ := os.ReadDir(fmt.Sprint(store)); len(files) == 0 {
		unlock()
		t.Skip("this system has no lock between processes")
	}
	unlock()
	synctest.Test(t, func(t *testing.T) {
		var inside, entered atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 25 {
					unlock, err := store.Lock(t.Context(), "x")
					if err != nil {
						t.Error(err)
						return
					}
					if n := inside.Add(1); n != 1 {
						t.Errorf("%d hold the lock", n)
					}
					runtime.Gosched()
					inside.Add(-1)
					entered.Add(1)
					unlock()
				}
			})
		}
		wg.Wait()
		if n := entered.Load(); n != 200 {
			t.Errorf("the lock was taken %d times", n)
		}
	})
}

// Sweep deletes the records of uploads that are gone, and no others.
func TestSweepTidiesRecords(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		store := multipart.DirStore(t.TempDir())
		old, young := time.Now().UTC(), time.Now().UTC().Add(9*24*time.Hour)
		time.Sleep(10 * 24 * time.Hour) // in the bubble
		live, err := srv.Client().InitiateMultipartUpload(t.Context(), bucket, "pre/live", nil)
		if err != nil {
			t.Fatal(err)
		}
		at := func(bucket, key, id string, begun time.Time) multipart.Plan {
			return multipart.Plan{Upload: oss.Upload{Bucket: bucket, Key: key, ID: id},
				Size: 1, PartSize: 1, Begun: begun}
		}
		want := map[string]bool{"live": true, "young": true, "of another prefix": true, "of another bucket": true}
		for id, p := range map[string]multipart.Plan{
			"gone": at(bucket, "pre/a", "X", old), "of unknown age": at(bucket, "pre/b", "X", time.Time{}),
			"never begun": at(bucket, "pre/c", "", old),
			"live":        at(bucket, live.Key, live.ID, old), "young": at(bucket, "pre/d", "X", young),
			"of another prefix": at(bucket, "a", "X", old), "of another bucket": at("bucket2", "pre/a", "X", old),
		} {
			if err := store.Save(t.Context(), id, p); err != nil {
				t.Fatal(err)
			}
		}
		up := multipart.NewUploader(srv.Client(), &multipart.Options{Store: store})
		for _, dry := range []bool{true, false} {
			for _, err := range up.Sweep(t.Context(), bucket, &multipart.SweepOptions{Prefix: "pre/", DryRun: dry}) {
				if err != nil {
					t.Error(err)
				}
			}
			n := 0
			for r, err := range store.(multipart.RecordLister).List(t.Context()) {
				if n++; err != nil || !dry && !want[r.ID] {
					t.Errorf("record %q is left, %v", r.ID, err)
				}
			}
			if dry && n != 7 || !dry && n != len(want) {
				t.Errorf("dry run %v: %d records are left", dry, n)
			}
		}
		srv.Client().AbortMultipartUpload(t.Context(), live)
	})
}

// A Store that is nothing, or a directory without a name, is an error before any request.
func TestAStoreOrLimiterThatIsNothingIsRefused(t *testing.T) {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	for want, opts := range map[string]multipart.Options{
		"multipart: Options.Store is a nil *multipart_test.memoryStore": {Store: (*memoryStore)(nil)},
		"multipart: Options.Limiter is a nil *multipart_test.limiter":   {Limiter: (*limiter)(nil)},
		"multipart: Options.Store is a DirStore without a directory":    {Store: multipart.DirStore("")},
	} {
		if _, err := multipart.NewUploader(srv.Client(), &opts).Upload(t.Context(), bucket, key, bytes.NewReader(nil),
			nil); err == nil || err.Error() != want {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}
