package multipart_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/internal/faults"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A directory of many small files goes there and back with the fewest requests that are possible: one for each file,
// and one for each 1,000 of a listing or a deletion. When nothing has changed, the listing alone says so.
func TestTreesOfManyFilesCostTheFewestRequests(t *testing.T) {
	n := effort.Of(400, 3000, 10000)
	files := make(fstest.MapFS)
	for i := range n {
		files[fmt.Sprintf("%03d/%05d", i/100, i)] = &fstest.MapFile{Data: data(100 + i%50)}
	}
	srv := osstest.NewServer(nil)
	defer srv.Close()
	u, d := multipart.NewUploader(srv.Client(), nil), multipart.NewDownloader(srv.Client(), nil)
	dir := t.TempDir()
	step := func(name, requests string, failed func() error) {
		t.Helper()
		before := len(srv.Requests())
		if err := failed(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := count(srv, before); got != requests {
			t.Errorf("%s took %s, want %s", name, got, requests)
		}
	}
	pages := (n + 999) / 1000
	step("the upload", fmt.Sprintf("map[PutObject:%d]", n), func() error {
		return errors.Join(uploaded(t, u.UploadFS(t.Context(), bucket, "p", files, nil)).errors()...)
	})
	step("the download", fmt.Sprintf("map[GetObject:%d ListObjectsV2:%d]", n, pages), func() error {
		return errors.Join(downloaded(t, d.DownloadTree(t.Context(), bucket, "p", dir, nil)).errors()...)
	})
	step("uploading what is there", fmt.Sprintf("map[ListObjectsV2:%d]", pages), func() error {
		opts := &multipart.UploadTreeOptions{Skip: multipart.SkipIdentical}
		got := uploaded(t, u.UploadFS(t.Context(), bucket, "p", os.DirFS(dir), opts))
		return wantSkipped(got, n)
	})
	step("downloading what is there", fmt.Sprintf("map[ListObjectsV2:%d]", pages), func() error {
		opts := &multipart.DownloadTreeOptions{Skip: multipart.SkipIdentical}
		return wantSkipped(downloaded(t, d.DownloadTree(t.Context(), bucket, "p", dir, opts)), n)
	})
	step("deleting", fmt.Sprintf("map[DeleteMultipleObjects:%d ListObjectsV2:%d]", pages, pages), func() error {
		var keys []oss.ObjectID
		for e, err := range srv.Client().Objects(t.Context(), bucket, &oss.ListObjectsOptions{Prefix: "p/"}) {
			if err != nil {
				return err
			}
			keys = append(keys, oss.ObjectID{Key: e.Key})
		}
		_, err := srv.Client().DeleteObjects(t.Context(), bucket, keys, nil)
		return err
	})
}

func wantSkipped(got outcomes, n int) error {
	for path, err := range got {
		if !errors.Is(err, errSkipped) {
			return fmt.Errorf("%q: %w", path, err)
		}
	}
	if len(got) != n {
		return fmt.Errorf("%d results, want %d", len(got), n)
	}
	return nil
}

// Law: whatever goes wrong, a file of a tree without an error is true: the object, or the file, holds the bytes. One
// with an error is as it was before, or holds the bytes too. All files have a result unless the last pair says why not,
// no slot, file or goroutine gets away, and when nothing goes wrong any more the next call completes the tree.
func TestNoFaultScheduleMakesATreeLie(t *testing.T) {
	seeds := make([]uint64, cmp.Or(*schedules, effort.Of(25, 200, 1500)))
	for i := range seeds {
		seeds[i] = uint64(i + 1)
	}
	if *schedule != 0 {
		seeds = []uint64{*schedule}
	}
	results := make(map[string]int)
	for _, seed := range seeds {
		before := openFiles(t)
		synctest.Test(t, func(t *testing.T) {
			c := newTreeChaos(t, seed, results)
			defer c.srv.Close()
			c.run()
		})
		if after := openFiles(t); after != before {
			t.Errorf("%d files are open, and %d were before", after, before)
		}
		if t.Failed() {
			t.Fatalf("schedule %d; to run it again: go test -run '^%s$' ./multipart -schedule %[1]d", seed, t.Name())
		}
	}
	t.Log(results)
	for _, outcome := range []string{"upload true", "upload failed", "upload skipped", "upload ended",
		"download true", "download failed", "download skipped", "download ended"} {
		if len(seeds) >= 40 && results[outcome] == 0 {
			t.Errorf("no result was: %s", outcome)
		}
	}
}

// A treeChaos is one schedule.
type treeChaos struct {
	t       *testing.T
	rnd     *rand.Rand
	srv     *osstest.Server
	results map[string]int
	faults  []string
	files   map[string][]byte // of the tree, by path
	from    string            // directory that has them
	to      string            // directory they are downloaded to
	skip    multipart.Skip
}

func newTreeChaos(t *testing.T, seed uint64, results map[string]int) *treeChaos {
	c := &treeChaos{t: t, rnd: rand.New(rand.NewPCG(seed, 0)), results: results, files: make(map[string][]byte)}
	c.srv = osstest.NewServer(&osstest.Options{MinPartSize: 1})
	c.from, c.to, c.skip = t.TempDir(), t.TempDir(), multipart.Skip(c.rnd.IntN(2))
	for i := range 1 + c.rnd.IntN(12) {
		name := fmt.Sprintf("%d/%d", i%3, i)
		c.files[name] = c.bytes()
		c.write(c.from, name, c.files[name])
		switch c.rnd.IntN(4) { // what is there before
		case 0:
			c.srv.PutObject(bucket, "p/"+name, c.files[name])
			c.write(c.to, name, c.files[name])
		case 1:
			c.srv.PutObject(bucket, "p/"+name, c.bytes())
			c.write(c.to, name, c.bytes())
		}
	}
	return c
}

// bytes returns the content of a file, of up to four parts.
func (c *treeChaos) bytes() []byte {
	b := make([]byte, c.rnd.IntN(2)*c.rnd.IntN(350)+c.rnd.IntN(100))
	for i := range b {
		b[i] = byte(c.rnd.Uint32())
	}
	return b
}

func (c *treeChaos) write(dir, name string, text []byte) {
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o666); err != nil {
		c.t.Fatal(err)
	}
}

// inject makes requests of some operations fail until the function it returns is called.
func (c *treeChaos) inject(ops ...string) (remove func()) {
	var all []*osstest.Injection
	for range c.rnd.IntN(4) {
		f := osstest.Fault{Op: ops[c.rnd.IntN(len(ops))]}
		effects := append(faults.Anywhere(c.rnd), osstest.Corrupt(), osstest.WrongCRC64(),
			osstest.CutReply(c.rnd.Int64N(80)), osstest.Fail(404, oss.ErrNoSuchKey))
		for f.Effect == nil || f.Validate() != nil { // some effects are of some operations only
			f.Effect = effects[c.rnd.IntN(len(effects))]
		}
		if faults.Narrow(c.rnd, &f); f.Times == 0 && f.Share == 0 {
			f.Times = 1 + c.rnd.IntN(20)
		}
		c.faults = append(c.faults, fmt.Sprintf("%+v", f))
		all = append(all, c.srv.Inject(f))
	}
	return func() {
		for _, i := range all {
			i.Remove()
		}
	}
}

// context returns one that ends early in some schedules.
func (c *treeChaos) context() (context.Context, context.CancelFunc) {
	if c.rnd.IntN(4) > 0 {
		return context.WithTimeout(c.t.Context(), time.Hour)
	}
	return context.WithTimeout(c.t.Context(), time.Duration(c.rnd.IntN(3000))*time.Millisecond)
}

func (c *treeChaos) run() {
	opts := multipart.Options{PartSize: 100, Concurrency: c.rnd.IntN(5), Checksum: oss.Checksum(c.rnd.IntN(2))}
	u := multipart.NewUploader(c.srv.Client(), &opts)
	d := multipart.NewDownloader(c.srv.Client(),
		&multipart.DownloadOptions{PartSize: 100, Concurrency: opts.Concurrency})

	remove := c.inject("PutObject", "UploadPart", "CompleteMultipartUpload", "HeadObject", "ListObjectsV2", "")
	ctx, cancel := c.context()
	c.upload(ctx, u)
	cancel()
	remove()
	time.Sleep(time.Hour) // in the bubble: no request is on its way any more
	c.upload(c.t.Context(), u)
	c.complete("upload", c.objects())

	remove = c.inject("GetObject", "GetObject", "HeadObject", "ListObjectsV2", "")
	ctx, cancel = c.context()
	c.download(ctx, d)
	cancel()
	remove()
	time.Sleep(time.Hour)
	c.download(c.t.Context(), d)
	c.complete("download", c.onDisk())
	if slots, bytes := u.InUse(); slots != 0 || bytes != 0 {
		c.bad("%d slots and %d bytes are in use", slots, bytes)
	}
}

func (c *treeChaos) bad(format string, args ...any) {
	c.t.Helper()
	c.t.Errorf("%s\nfaults: %s", fmt.Sprintf(format, args...), strings.Join(c.faults, "\n"))
}

// complete checks that everything is there.
func (c *treeChaos) complete(what string, got map[string][]byte) {
	if !maps.EqualFunc(got, c.files, bytes.Equal) {
		c.bad("after the %s without faults there is %.300q, want %.300q", what, got, c.files)
	}
}

func (c *treeChaos) objects() map[string][]byte {
	all := make(map[string][]byte)
	for _, key := range c.srv.Objects(bucket) {
		obj, _ := c.srv.Object(bucket, key)
		all[strings.TrimPrefix(key, "p/")] = obj.Data
	}
	return all
}

func (c *treeChaos) onDisk() map[string][]byte {
	all := make(map[string][]byte)
	err := filepath.WalkDir(c.to, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			name, _ := filepath.Rel(c.to, path)
			all[filepath.ToSlash(name)], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		c.bad("%v", err)
	}
	return all
}

// upload runs UploadFS and checks each of its results.
func (c *treeChaos) upload(ctx context.Context, u *multipart.Uploader) {
	before, seen := c.objects(), make([]string, 0, len(c.files))
	opts := &multipart.UploadTreeOptions{Skip: c.skip}
	for f, err := range u.UploadFS(ctx, bucket, "p", os.DirFS(c.from), opts) {
		if f.Path == "" {
			c.ended("upload", ctx, err, &seen)
			break
		}
		seen = append(seen, f.Path)
		obj, ok := c.srv.Object(bucket, f.Key)
		same := ok && bytes.Equal(obj.Data, c.files[f.Path])
		c.check("upload", f.Path, err, f.Skipped, same, bytes.Equal(obj.Data, before[f.Path]))
		if err == nil && (f.Size != int64(len(obj.Data)) || f.CRC64 != obj.CRC64 || f.ETag != obj.ETag) {
			c.bad("%+v does not describe the object of %d bytes", f, len(obj.Data))
		}
	}
	c.checkAll("upload", seen)
}

// download runs DownloadTree and checks each of its results.
func (c *treeChaos) download(ctx context.Context, d *multipart.Downloader) {
	before, seen := c.onDisk(), make([]string, 0, len(c.files))
	opts := &multipart.DownloadTreeOptions{Skip: c.skip}
	for f, err := range d.DownloadTree(ctx, bucket, "p", c.to, opts) {
		if f.Key == "" {
			c.ended("download", ctx, err, &seen)
			break
		}
		seen = append(seen, f.Path)
		text, readErr := os.ReadFile(filepath.Join(c.to, filepath.FromSlash(f.Path)))
		same := readErr == nil && bytes.Equal(text, c.files[f.Path])
		c.check("download", f.Path, err, f.Skipped, same, bytes.Equal(text, before[f.Path]))
		if err == nil && (f.Size != int64(len(text)) || !f.Verified) {
			c.bad("%+v does not describe the file of %d bytes", f, len(text))
		}
	}
	c.checkAll("download", seen)
	for name := range c.onDisk() {
		if _, ours := c.files[name]; !ours && (ctx == c.t.Context() || !c.isPartOfLarge(name)) {
			c.bad("%s is left in the directory", name)
		}
	}
}

// isPartOfLarge reports whether a name is that of the temporary file of an object of several parts.
func (c *treeChaos) isPartOfLarge(name string) bool {
	dir, base := filepath.Split(name)
	target, _, ok := strings.Cut(strings.TrimPrefix(base, "."), ".oss-part")
	return ok && len(c.files[dir+target]) > 100
}

func (c *treeChaos) check(what, path string, err error, skipped, same, unchanged bool) {
	switch {
	case err == nil && !same:
		c.bad("%s of %s: no error, skipped %v, and other bytes", what, path, skipped)
	case err != nil && !same && !unchanged && !saysWrong(err):
		c.bad("%s of %s: neither the bytes before nor those of the source: %v", what, path, err)
	case skipped && err == nil:
		c.results[what+" skipped"]++
	case err == nil:
		c.results[what+" true"]++
	default:
		if what == "download" && !same && !unchanged { // also if an error says that the bytes are wrong
			c.bad("download of %s has replaced the file: %v", path, err)
		}
		c.results[what+" failed"]++
	}
}

// saysWrong reports whether an error says that the object exists and is damaged.
func saysWrong(err error) bool {
	var damaged *oss.ChecksumError
	return errors.As(err, &damaged) && damaged.PartNumber == 0
}

// ended takes note of the last pair, after which files need have no result.
func (c *treeChaos) ended(what string, ctx context.Context, err error, seen *[]string) {
	if err == nil || ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		c.bad("the last pair of the %s is %v", what, err)
	}
	*seen = nil
	c.results[what+" ended"]++
}

// checkAll checks that each file has one result, unless seen is nil.
func (c *treeChaos) checkAll(what string, seen []string) {
	slices.Sort(seen)
	if seen != nil && !slices.Equal(seen, slices.Sorted(maps.Keys(c.files))) {
		c.bad("the %s had results for %v", what, seen)
	}
}
