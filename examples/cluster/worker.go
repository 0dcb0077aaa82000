package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

// batchFilesAtOnce is the number of files of a batch that a worker uploads at a time.
const batchFilesAtOnce = 8

// A worker does one task at a time.
type worker struct {
	*node
	name string
	up   *multipart.Uploader // of shares

	mu      sync.Mutex
	msg     jetstream.Msg // of the task; nil between tasks
	event   event
	before  int64     // bytes of earlier tasks
	touched time.Time // when the lease was extended
	shown   time.Time
}

// An event is what a worker tells the tables.
type event struct {
	Worker, Key string
	Share       int
	Bytes       int64  // that OSS has confirmed to the worker
	State       string // "sends", "done" or an error
}

func newWorker(n *node, i int) *worker {
	w := &worker{node: n, name: fmt.Sprintf("%s-%d", n.name, i+1)}
	w.up = multipart.NewUploader(n.client, &multipart.Options{
		Progress: func(p multipart.Progress) { w.progress(p.Done) },
	})
	return w
}

// do does a task. The progress of uploads extends its lease.
func (w *worker) do(ctx context.Context, t task, msg jetstream.Msg) error {
	w.mu.Lock()
	w.msg, w.event.Share, w.before, w.touched = msg, t.Share, w.event.Bytes, time.Now()
	w.mu.Unlock()
	state := "done"
	meta, err := msg.Metadata()
	if err == nil {
		err = w.upload(ctx, t, meta.NumDelivered > 1)
	}
	if err != nil {
		state = err.Error()
	}
	w.mu.Lock()
	w.msg = nil
	w.mu.Unlock()
	w.show(state)
	return err
}

func (w *worker) upload(ctx context.Context, t task, again bool) error {
	j, _, err := w.load(ctx, t.Job)
	switch {
	case err != nil || j.Ended || j.Error != "":
		return err
	case !j.Batch && (j.Plan == nil || t.Share >= j.shares()): // of an earlier upload
		return nil
	}
	w.mu.Lock()
	w.event.Key = j.Files[0].Key
	w.mu.Unlock()
	if j.Batch {
		return w.batch(ctx, t.Job, j, again)
	}
	err = w.share(ctx, j, t.Share)
	if j, _, e := w.load(ctx, t.Job); e == nil && j.Error != "" {
		err = errors.Join(err, w.sweep(ctx, j)) // a part may have arrived after the coordinator's abort
	}
	if errors.Is(err, oss.ErrNoSuchUpload) {
		return nil // what became of the upload is a question for the coordinator
	}
	return err
}

// share uploads the parts of a share that OSS does not list. An earlier worker may have stored some of them.
func (w *worker) share(ctx context.Context, j *job, i int) error {
	plan := *j.Plan
	numbers := plan.Share(i, j.shares())
	page, err := w.client.ListParts(ctx, plan.Upload,
		&oss.ListPartsOptions{After: numbers[0] - 1, PageSize: len(numbers)})
	if err != nil {
		return err
	}
	missing := plan.Missing(page.Parts)
	numbers = slices.DeleteFunc(numbers, func(n int) bool { return !slices.Contains(missing, n) })
	if len(numbers) == 0 {
		return nil
	}
	first, last := plan.Section(numbers[0]), plan.Section(numbers[len(numbers)-1])
	src, err := w.open(ctx, j.Files[0].source, first.Offset, last.Offset+last.Size, func() { w.progress(0) })
	if err != nil {
		return err
	}
	defer src.Close()
	if _, err = w.up.UploadParts(ctx, plan, src.File, numbers); err != nil {
		return err
	}
	return src.unchanged()
}

// batch uploads small files and records their objects. Again says that an earlier worker may have stored some.
func (w *worker) batch(ctx context.Context, id string, j *job, again bool) error {
	up := multipart.NewUploader(w.client, &multipart.Options{
		Progress: func(multipart.Progress) { w.progress(0) }, SkipIdentical: again,
	})
	done := make([]stored, len(j.Files))
	var size atomic.Int64
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(batchFilesAtOnce)
	for i, f := range j.Files {
		group.Go(func() error {
			src, err := w.open(each, f.source, 0, f.Size, func() { w.progress(0) })
			if err != nil {
				return err
			}
			defer src.Close()
			res, err := up.UploadFile(each, j.Bucket, f.Key, src.Name(), nil)
			if err != nil {
				return err
			}
			done[i] = stored{Key: f.Key, Size: res.Size, ETag: res.ETag, CRC64: res.CRC64, Parts: res.Parts}
			w.progress(size.Add(f.Size))
			return src.unchanged()
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return w.change(ctx, id, func(j *job) { j.Done, j.Ended = done, true })
}

// progress extends the lease of the task, because it makes progress: done bytes of it are stored.
func (w *worker) progress(done int64) {
	w.mu.Lock()
	w.event.Bytes = max(w.event.Bytes, w.before+done)
	msg := w.msg
	touch, show := time.Since(w.touched) > w.lease/4, time.Since(w.shown) > tableTick
	if touch {
		w.touched = time.Now()
	}
	w.mu.Unlock()
	if touch && msg != nil {
		msg.InProgress()
	}
	if show {
		w.show("sends")
	}
}

// show tells the tables what the worker does.
func (w *worker) show(state string) {
	w.mu.Lock()
	w.shown = time.Now()
	e := w.event
	w.mu.Unlock()
	e.Worker, e.State, e.Key = w.name, state, path.Base(e.Key)
	if text, err := json.Marshal(e); err == nil {
		w.nc.Publish(eventTopic, text)
	}
}
