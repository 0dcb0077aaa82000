package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// bytesAt is a WriterAt.
type bytesAt []byte

func (b bytesAt) WriteAt(p []byte, off int64) (int, error) { return copy(b[off:], p), nil }

// Issue 18.2: traces and metrics of downloads as a whole.
func TestHooksTellEveryKindOfDownloadAsAWhole(t *testing.T) {
	want := data(950)
	read := func(r *multipart.Reader, err error) (*multipart.DownloadResult, error) {
		if err != nil {
			return nil, err
		}
		defer r.Close()
		_, err = io.Copy(io.Discard, r)
		return r.Result(), err
	}
	for name, c := range map[string]struct {
		download func(t *testing.T, d *multipart.Downloader) (*multipart.DownloadResult, error)
		parts    int
		requests int64
	}{
		"WriterAt": {func(t *testing.T, d *multipart.Downloader) (*multipart.DownloadResult, error) {
			return d.Download(t.Context(), bucket, key, make(bytesAt, 950), nil)
		}, 10, 11},
		"file": {func(t *testing.T, d *multipart.Downloader) (*multipart.DownloadResult, error) {
			return d.DownloadFile(t.Context(), bucket, key, filepath.Join(t.TempDir(), "f"), nil)
		}, 10, 11},
		"Reader": {func(t *testing.T, d *multipart.Downloader) (*multipart.DownloadResult, error) {
			return read(d.NewReader(t.Context(), bucket, key, nil))
		}, 10, 11},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				srv.PutObject(bucket, key, want)
				var log hookLog
				cl := client(t, srv, func(cfg *oss.Config) { cfg.Hooks.OnStart = log.request })
				d := multipart.NewDownloader(cl, &multipart.DownloadOptions{PartSize: 100, Hooks: log.hooks()})
				res, err := c.download(t, d)
				if err != nil || len(log.starts) != 1 || len(log.ends) != 1 {
					t.Fatalf("%v, %d starts, %d ends", err, len(log.starts), len(log.ends))
				}
				s := res.Stats
				wantStats := multipart.Stats{Bytes: 950, Parts: c.parts, Requests: c.requests, Complete: true}
				if s.Duration = 0; s != wantStats || log.spans != int(c.requests) {
					t.Errorf("Stats = %+v, want %+v; %d requests in the context", s, wantStats, log.spans)
				}
				if got := log.stats[0]; got != res.Stats || log.errs[0] != nil {
					t.Errorf("OnEnd got %+v, %v, and the result %+v", got, log.errs[0], res.Stats)
				}
				if p := log.ends[0]; p.Bucket != bucket || p.Key != key || p.Done != 950 || log.starts[0].Total != -1 {
					t.Errorf("OnStart got %+v, OnEnd %+v", log.starts[0], p)
				}
			})
		})
	}
}

func TestHooksTellTheFilesOfATree(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.PutObject(bucket, "tree/small", data(90))
		srv.PutObject(bucket, "tree/large", data(950))
		var log hookLog
		d := multipart.NewDownloader(srv.Client(), &multipart.DownloadOptions{PartSize: 100, Hooks: log.hooks()})
		dir := t.TempDir()
		for range 2 { // the second leaves out both
			for _, err := range d.DownloadTree(t.Context(), bucket, "tree", dir,
				&multipart.DownloadTreeOptions{Skip: multipart.SkipUnchanged}) {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		got := make(map[string]multipart.Stats)
		for i, p := range log.ends {
			log.stats[i].Duration = 0
			got[p.Key] = log.stats[i]
		}
		small := multipart.Stats{Bytes: 90, Requests: 1, Complete: true}
		large := multipart.Stats{Bytes: 950, Parts: 10, Requests: 11, Complete: true}
		if len(log.ends) != 2 || got["tree/small"] != small || got["tree/large"] != large {
			t.Errorf("OnEnd got %+v", got)
		}
	})
}

func TestHooksTellDownloadsThatFailContinueOrAreNotRead(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.PutObject(bucket, key, data(950))
		var log hookLog
		d := multipart.NewDownloader(srv.Client(),
			&multipart.DownloadOptions{PartSize: 100, Concurrency: 1, Hooks: log.hooks()})
		path := filepath.Join(t.TempDir(), "f")
		denied := srv.Inject(osstest.Fault{Op: "GetObject", Skip: 4, Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		_, err := d.DownloadFile(t.Context(), bucket, key, path, nil)
		if s := log.stats[0]; !errors.Is(err, oss.ErrAccessDenied) || log.errs[0] != err || s.Complete ||
			s.Bytes != 400 {
			t.Errorf("a failure: %+v, %v, %v", s, log.errs[0], err)
		}
		denied.Remove()
		res, err := d.DownloadFile(t.Context(), bucket, key, path, nil)
		if err != nil || res.Stats.Reused != 4 || res.Stats.Parts != 6 || res.Stats.Bytes != 550 {
			t.Errorf("a download that continues: %+v, %v", res, err)
		}
		r, err := d.NewReader(t.Context(), bucket, key, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		r.Close()
		r.Close()
		if s := log.stats[2]; s.Complete || log.errs[2] != nil || len(log.ends) != 3 {
			t.Errorf("a Reader that is closed early: %+v, %v", s, log.errs[2:])
		}
		srv.Inject(osstest.Fault{Op: "GetObject", Skip: 2, Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		if r, err = d.NewReader(t.Context(), bucket, key, nil); err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, r)
		r.Close()
		if !errors.Is(err, oss.ErrAccessDenied) || log.errs[3] != err || log.stats[3].Complete {
			t.Errorf("a Reader that fails: %v, OnEnd got %v", err, log.errs[3])
		}
		if _, err = d.NewReader(t.Context(), bucket, "none", nil); err == nil || log.errs[4] != err {
			t.Errorf("a Reader of no object: %v, OnEnd got %v", err, log.errs[4])
		}
		if _, err = d.NewReader(t.Context(), bucket, "", nil); err == nil || len(log.starts) != 5 {
			t.Errorf("a refused call: %v, %d starts", err, len(log.starts))
		}
	})
}

func TestDownloadsTellThatTheyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
		defer srv.Close()
		srv.PutObject(bucket, key, data(950))
		srv.Inject(osstest.Fault{After: 5 * time.Second, For: 20 * time.Second, Effect: osstest.Drop()})
		srv.Inject(osstest.Fault{Op: "GetObject", Effect: osstest.Delay(time.Second)})
		var log hookLog
		d := multipart.NewDownloader(srv.Client(),
			&multipart.DownloadOptions{PartSize: 100, Concurrency: 1, Hooks: log.hooks()})
		res, err := d.Download(t.Context(), bucket, key, make(bytesAt, 950), nil)
		if err != nil || res.Stats.Waited < 15*time.Second || res.Stats.Retries == 0 {
			t.Errorf("%+v, %v", res, err)
		}
		n := len(log.waits)
		if n < 2 || n%2 != 0 || log.waits[0].WaitingFor == nil || !log.waits[n-1].WaitingSince.IsZero() {
			t.Errorf("OnWait got %+v", log.waits)
		}
	})
}

// A span that OnStart begins must end, also if code of the caller panics.
func TestOnEndRunsBeforeAPanicOfTheCallersCode(t *testing.T) {
	for name, transfer := range map[string]func(ctx context.Context, c *oss.Client, h multipart.Hooks){
		"reader": func(ctx context.Context, c *oss.Client, h multipart.Hooks) {
			multipart.NewUploader(c, &multipart.Options{PartSize: 100, Hooks: h}).
				Upload(ctx, bucket, "new", &panicsLater{}, nil)
		},
		"Progress of an upload": func(ctx context.Context, c *oss.Client, h multipart.Hooks) {
			multipart.NewUploader(c, &multipart.Options{PartSize: 100, Hooks: h,
				Progress: func(multipart.Progress) { panic(errPanic) },
			}).Upload(ctx, bucket, "new", bytes.NewReader(data(950)), nil)
		},
		"Progress of a download": func(ctx context.Context, c *oss.Client, h multipart.Hooks) {
			multipart.NewDownloader(c, &multipart.DownloadOptions{PartSize: 100, Hooks: h,
				Progress: func(multipart.Progress) { panic(errPanic) },
			}).Download(ctx, bucket, key, make(bytesAt, 950), nil)
		},
		"Limiter": func(ctx context.Context, c *oss.Client, h multipart.Hooks) {
			multipart.NewDownloader(c, &multipart.DownloadOptions{PartSize: 100, Hooks: h,
				Limiter: newPanicking(2, nil),
			}).Download(ctx, bucket, key, make(bytesAt, 950), nil)
		},
		"OnWait": func(ctx context.Context, c *oss.Client, h multipart.Hooks) {
			h.OnWait = func(context.Context, multipart.Progress) { panic(errPanic) }
			c.HeadObject(ctx, bucket, key, nil) // a service that has never answered is not waited for
			multipart.NewUploader(c, &multipart.Options{PartSize: 100, Hooks: h}).
				Upload(ctx, bucket, "waits", bytes.NewReader(data(950)), nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				srv.PutObject(bucket, key, data(950))
				srv.Inject(osstest.Fault{Key: "waits", For: 20 * time.Second, Effect: osstest.Drop()})
				var log hookLog
				func() {
					defer func() {
						if v := recover(); v != any(errPanic) {
							t.Errorf("recovered %v", v)
						}
					}()
					transfer(t.Context(), srv.Client(), log.hooks())
				}()
				if len(log.ends) != 1 || log.errs[0] == nil {
					t.Errorf("OnEnd ran %d times, with %v", len(log.ends), log.errs)
				}
			})
		})
	}
}
