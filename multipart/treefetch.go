package multipart

import (
	"context"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/ossmultipart/go-oss/internal/crc64"
)

// fetchWhole downloads an object of about size bytes with one request to a temporary file, which then takes the name of
// the target. there is the file that it replaces, or nil.
func (j *download) fetchWhole(
	ctx context.Context, dir *os.Root, name string, there fs.FileInfo, size int64,
) (res *DownloadResult, err error) {
	ctx, end := j.begin(ctx)
	defer func() { end(res, err) }()
	temp, err := j.receiveTemp(ctx, dir, there, size)
	if err == nil {
		err = dir.Chtimes(temp, time.Time{}, j.info.LastModified)
	}
	if err == nil {
		err = dir.Rename(temp, name)
	}
	if err != nil {
		if temp != "" {
			dir.Remove(temp)
		}
		return nil, j.failed(&transferResult{}, err)
	}
	j.meter.whole(j.plan.Size)
	return j.result(j.info.CRC64, 1), nil
}

// receiveTemp fetches the object into a new temporary file, whose name it returns also with an error, if there is one.
func (j *download) receiveTemp(ctx context.Context, dir *os.Root, there fs.FileInfo, size int64) (string, error) {
	perm := fs.FileMode(0o666)
	if there != nil {
		perm = there.Mode().Perm()
	}
	temp := tempName()
	file, err := dir.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return "", err
	}
	if there != nil {
		err = file.Chmod(perm) // the umask may have removed bits
	}
	if err == nil {
		err = j.receiveWhole(ctx, file, size)
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return temp, err
}

// receiveWhole fetches the whole object into a file, once more if it arrives corrupted. It sets j.info.
func (j *download) receiveWhole(ctx context.Context, file *os.File, size int64) error {
	permit, err := j.d.governor.Acquire(ctx, j.meter.waits)
	if err != nil {
		return err
	}
	defer permit.Release()
	for again := true; ; again = false {
		err := permit.Do(ctx, size, func(ctx context.Context) error { return j.receiveOnce(ctx, file) })
		if err == nil || !again || !wrongContent(err) || ctx.Err() != nil {
			return err
		}
		if err := file.Truncate(0); err != nil {
			return err
		}
		j.meter.restart()
	}
}

// receiveOnce sends the request of receiveWhole, and writes the reply to the file.
func (j *download) receiveOnce(ctx context.Context, file *os.File) error {
	obj, err := j.d.client.GetObject(ctx, j.bucket, j.key, nil)
	if err != nil {
		return err
	}
	defer obj.Body.Close()
	j.info, j.known = &obj.ObjectInfo, obj.Verified
	b := steps.Get().(*step)
	defer steps.Put(b)
	done, crc := int64(0), uint64(0)
	for err == nil {
		n := 0
		for n < len(b) && err == nil {
			var m int
			m, err = obj.Body.Read(b[n:])
			n += m
		}
		crc = crc64.Update(crc, b[:n])
		if err := j.pace(ctx, n); err != nil {
			return err
		}
		if err := writeAt(file, b[:n], done); err != nil {
			return err
		}
		done += int64(n)
		j.meter.sent(int64(n))
	}
	if err == io.EOF && obj.Size >= 0 && done != obj.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != io.EOF {
		return err
	}
	j.info.Size, j.info.CRC64 = done, crc
	j.plan = Plan{Size: done}
	return nil
}

// pace waits until the Limiter permits n bytes.
func (j *download) pace(ctx context.Context, n int) error {
	if j.d.opts.Limiter == nil {
		return nil
	}
	for p := (pacer{j.d.opts.Limiter, &j.guard}); n > 0; {
		allowed, err := p.wait(ctx, n)
		if err != nil {
			return err
		}
		n -= allowed
	}
	return nil
}
