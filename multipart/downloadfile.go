package multipart

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/ossmultipart/go-oss/oss"
)

// DownloadFile downloads an object to the file at path. The bytes go to a temporary file in the same directory. That
// file takes the name of the target once it has all ranges, their CRC-64 is that of the object if OSS told it, and the
// file has been synced to disk. So at any time, also after a power failure, the target is the old file or the new one.
//
// A call that fails, or whose process is killed, leaves the temporary file and a journal of its ranges beside the
// target. The names of both are that of the target with a leading dot and a suffix. The next call for the same object
// and path reads those ranges again, keeps the ones that have the CRC-64 in the journal, and fetches the others. If the
// object has changed since, or is another one, that call starts from the beginning. Nothing is left with
// DownloadOptions.RemovePartial, if no range was complete, or if the object has changed or its CRC-64 was wrong.
//
// An object that changes during the call, or whose CRC-64 is not that of the bytes received, is downloaded once more
// from the beginning. If it changes again, the error is a *oss.ChangedError; see Download. Calls for the same path at
// the same time run one after another on Linux, macOS and the BSDs, which have flock. On other systems the caller must
// not make such calls.
//
// The directory must exist. A file that is replaced keeps its permissions. A symbolic link at path is itself replaced.
// Anything else that is not a regular file is refused before the first request.
func (d *Downloader) DownloadFile(
	ctx context.Context, bucket, key, path string, opts *oss.OpenOptions,
) (*DownloadResult, error) {
	if d.err != nil {
		return nil, d.err
	}
	if path == "" || os.IsPathSeparator(path[len(path)-1]) || filepath.Base(path) == ".." {
		return nil, fmt.Errorf("multipart: target %q names no file", path)
	}
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("multipart: %w", err)
	}
	defer dir.Close()
	return d.downloadTo(ctx, bucket, key, dir, filepath.Base(path), opts)
}

// downloadTo is DownloadFile to a file in a directory, or in one below it.
func (d *Downloader) downloadTo(
	ctx context.Context, bucket, key string, dir *os.Root, name string, opts *oss.OpenOptions,
) (res *DownloadResult, err error) {
	j, err := d.newDownload(ctx, bucket, key, opts)
	if err != nil {
		return nil, err
	}
	j.path = filepath.Join(dir.Name(), name)
	target, err := newPartialFile(dir, name)
	if err != nil {
		return nil, fmt.Errorf("multipart: %w", err)
	}
	unlock, err := lockFile(ctx, filepath.Join(dir.Name(), target.lock))
	if err != nil {
		return nil, j.failed(&transferResult{}, err)
	}
	defer unlock()
	defer target.close()

	ctx, end := j.begin(ctx)
	defer func() { end(res, err) }()
	for again := true; ; again = false {
		got, reused, err := j.fetchFile(ctx, target)
		if err == nil {
			err = target.commit()
		}
		if err == nil {
			res := j.result(combine(got.parts), len(got.parts))
			res.Reused = reused
			return res, nil
		}
		failed, wrong := j.failed(got, err), wrongContent(err)
		failed.Partial = target.leave(!wrong && !d.opts.RemovePartial)
		if !wrong || !again || ctx.Err() != nil {
			return nil, failed
		}
		j.log(slog.LevelWarn, "a download begins anew", err)
		j.meter.restart()
	}
}

// fetchFile fetches what the temporary file lacks. It returns how many ranges that file had.
func (j *download) fetchFile(ctx context.Context, target *partialFile) (*transferResult, int, error) {
	none := &transferResult{}
	err := j.find(ctx)
	if err == nil {
		err = j.cutFor(j.d.opts.PartSize)
	}
	if err != nil {
		return none, 0, err
	}
	about := journalHead{Bucket: j.bucket, Key: j.key, ETag: j.info.ETag, VersionID: j.info.VersionID,
		Size: j.plan.Size, CRC64: j.info.CRC64, PartSize: j.plan.PartSize}
	noted, err := target.open(&about)
	if err != nil {
		return none, 0, err
	}
	if about.PartSize != j.plan.PartSize && j.cutFor(about.PartSize) != nil { // not a journal that this package wrote
		noted, about.PartSize = nil, j.plan.PartSize
	}
	have, err := j.reread(ctx, target.file, noted)
	if err != nil {
		return none, 0, err
	}
	if err := target.begin(about, have); err != nil {
		return none, 0, err
	}
	got, err := j.fetchAll(ctx, have, func(Section) sink { return target }, target.note)
	if err == nil {
		err = j.verify(combine(got.parts))
	}
	return got, len(have), err
}

// reread returns the ranges of the file that have the CRC-64 that the journal says.
func (j *download) reread(ctx context.Context, f *os.File, noted map[int]uint64) ([]oss.Part, error) {
	var all []oss.Part
	for n := range j.plan.NumParts() {
		if crc, ok := noted[n+1]; ok {
			all = append(all, oss.Part{Number: n + 1, Size: j.plan.Section(n + 1).Size, CRC64: crc})
		}
	}
	right := make([]bool, len(all))
	indexes := make([]int, len(all))
	for i := range indexes {
		indexes[i] = i
	}
	err := inParallel(ctx, rereaders, indexes, func(ctx context.Context, i int) error {
		crc, err := fileCRC(ctx, f, j.plan.Section(all[i].Number))
		right[i] = err == nil && crc == all[i].CRC64
		return ctx.Err()
	})
	var have []oss.Part
	for i, part := range all {
		if right[i] {
			have = append(have, part)
		}
	}
	return have, err
}

// rereaders is how many ranges of a temporary file are read at a time.
const rereaders = 4

// wrongContent reports whether the bytes fetched are useless, because the object has changed or they are corrupted.
func wrongContent(err error) bool {
	var changed *oss.ChangedError
	var damaged *oss.ChecksumError
	return errors.As(err, &changed) || errors.As(err, &damaged)
}
