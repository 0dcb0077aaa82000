package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

// maxDeliveries is the number of deliveries of one task after which an error is that of the job. Before that another
// machine may succeed, as one that has mounted the file system.
const maxDeliveries = 10

// A worker does one task at a time.
type worker struct {
	*node
	name string
	up   *multipart.Uploader

	mu      sync.Mutex
	msg     jetstream.Msg // of the task; nil between tasks
	event   event
	before  int64     // bytes of finished tasks
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
		Progress:      func(p multipart.Progress) { w.progress(p.Done) },
		SkipIdentical: true, // for files of a batch that is delivered again
	})
	return w
}

// work does tasks until ctx ends.
func (w *worker) work(ctx context.Context) {
	for ctx.Err() == nil {
		err := w.next(ctx)
		if err != nil && !errors.Is(err, jetstream.ErrNoMessages) && !errors.Is(err, context.Canceled) {
			w.say("%s: %v", w.name, err)
			sleep(ctx, w.lease/8)
		}
	}
}

// next fetches a task and does it. The task is acknowledged once everything is stored, and delivered to another worker
// when this one is silent for the length of a lease.
func (w *worker) next(ctx context.Context) error {
	consumer, err := w.queue.Consumer(ctx, consumer)
	if err != nil {
		return err
	}
	fetch, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	batch, err := consumer.Fetch(1, jetstream.FetchContext(fetch))
	if err != nil {
		return err
	}
	for msg := range batch.Messages() {
		w.do(ctx, msg)
	}
	if err := batch.Error(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

func (w *worker) do(ctx context.Context, msg jetstream.Msg) {
	var t task
	if err := json.Unmarshal(msg.Data(), &t); err != nil {
		msg.TermWithReason(err.Error())
		return
	}
	w.mu.Lock()
	w.msg, w.event.Share, w.touched = msg, t.Share, time.Now()
	w.mu.Unlock()
	err := w.run(ctx, t)
	w.mu.Lock()
	w.msg, w.before = nil, w.event.Bytes
	w.mu.Unlock()

	meta, _ := msg.Metadata()
	switch {
	case err == nil || errors.Is(err, oss.ErrNoSuchUpload):
		// Without the upload there is nothing to do. What became of it is a question for the coordinator.
	case ctx.Err() != nil:
		msg.Nak()
		return
	case errors.Is(err, multipart.ErrSourceChanged), meta == nil, meta.NumDelivered >= maxDeliveries:
		// The error ends the job.
		if err := w.change(ctx, t.Job, func(j *job) { j.Error = err.Error() }); err != nil {
			w.say("%s: %v", w.name, err)
			return
		}
	default:
		w.show(err.Error())
		msg.NakWithDelay(min(time.Duration(meta.NumDelivered)*w.lease/8, time.Minute))
		return
	}
	w.show("done")
	if err := msg.DoubleAck(ctx); err != nil {
		w.say("%s: acknowledge: %v", w.name, err) // the task is delivered again, and finds everything stored
	}
	w.nc.Publish(doneSubject+t.Job, nil)
}

// run does a task.
func (w *worker) run(ctx context.Context, t task) error {
	j, _, err := w.load(ctx, t.Job)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return nil
	case err != nil || j.Ended || j.Error != "" || len(j.Done) > 0:
		return err
	case j.Batch:
		return w.batch(ctx, t.Job, j)
	case j.Plan == nil || t.Share >= j.shares(): // of an earlier upload
		return nil
	}
	w.mu.Lock()
	w.event.Key = j.Files[0].Key
	w.mu.Unlock()
	err = w.share(ctx, j, t.Share)
	if j, _, e := w.load(ctx, t.Job); e == nil && j.Error != "" {
		return errors.Join(err, w.sweep(ctx, j)) // a part may have arrived after the coordinator's abort
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

// batch uploads small files, and records their objects.
func (w *worker) batch(ctx context.Context, id string, j *job) error {
	done := make([]stored, 0, len(j.Files))
	for _, f := range j.Files {
		w.mu.Lock()
		w.event.Key, w.before = f.Key, w.event.Bytes
		w.mu.Unlock()
		res, err := w.small(ctx, j.Bucket, f)
		if err != nil {
			return err
		}
		done = append(done, stored{Key: f.Key, Size: res.Size, ETag: res.ETag, CRC64: res.CRC64, Parts: res.Parts})
	}
	return w.change(ctx, id, func(j *job) { j.Done = done })
}

func (w *worker) small(ctx context.Context, bucket string, f file) (*multipart.Result, error) {
	src, err := w.open(ctx, f.source, 0, f.Size, func() { w.progress(0) })
	if err != nil {
		return nil, err
	}
	defer src.Close()
	res, err := w.up.UploadFile(ctx, bucket, f.Key, src.Name(), nil)
	if err != nil {
		return nil, err
	}
	return res, src.unchanged()
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
		w.nc.Publish(events, text)
	}
}
