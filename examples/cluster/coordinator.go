package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

// maxBegins is the number of uploads that are begun for one object before the job fails.
const maxBegins = 3

// coordinate does the task of a coordinator: it takes steps until the job has ended, and extends its lease meanwhile.
// Each step begins with what the record and OSS say, so a step can be repeated, and another coordinator can go on.
func (n *node) coordinate(ctx context.Context, t task, msg jetstream.Msg) error {
	n.say("%s coordinates job %s", n.name, t.Job)
	ctx, cancel := context.WithCancel(ctx)
	var lease sync.WaitGroup
	defer lease.Wait()
	defer cancel()
	lease.Go(func() {
		for sleep(ctx, n.lease/4) {
			msg.InProgress()
		}
	})
	for {
		ended, err := n.step(ctx, t.Job)
		if ended || err != nil && !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			return err
		}
	}
}

// step does what the job needs next.
func (n *node) step(ctx context.Context, id string) (ended bool, err error) {
	j, rev, err := n.load(ctx, id)
	switch {
	case err != nil || j.Ended:
		return err == nil, err
	case j.Error != "":
		return false, n.abandon(ctx, id, j, rev)
	case j.Plan == nil:
		return false, n.begin(ctx, id, j, rev)
	}
	var held []oss.Part
	for part, err := range n.client.Parts(ctx, j.Plan.Upload, nil) {
		if errors.Is(err, oss.ErrNoSuchUpload) {
			return false, n.settle(ctx, id, j, rev)
		}
		if err != nil {
			return false, err
		}
		held = append(held, part)
	}
	if missing := j.Plan.Missing(held); len(missing) > 0 {
		return false, n.distribute(ctx, id, j, missing)
	}
	// Finish compares the CRC-64 of the object with those of the parts.
	res, err := multipart.NewUploader(n.client, nil).Finish(ctx, *j.Plan, held)
	if errors.Is(err, oss.ErrNoSuchUpload) {
		return false, nil // another coordinator was faster
	}
	if err != nil {
		return false, err
	}
	return false, n.succeed(ctx, id, j, rev, res)
}

// begin begins the upload of a job. It saves the record before the request, with the number of uploads begun, and after
// the request, with the upload ID. If a coordinator dies between the two, no record has the ID of that upload: succeed
// or abandon aborts it.
func (n *node) begin(ctx context.Context, id string, j *job, rev uint64) error {
	if j.Begins == maxBegins {
		return n.change(ctx, id, func(j *job) { j.Error = fmt.Sprintf("%d uploads have disappeared", maxBegins) })
	}
	if j.Begins++; j.Begins == 1 {
		j.Since = n.client.Now()
	}
	if err := n.save(ctx, id, j, rev); err != nil {
		return err
	}
	j, rev, err := n.load(ctx, id)
	if err != nil {
		return err
	}
	up := multipart.NewUploader(n.client, &multipart.Options{PartSize: j.PartSize})
	plan, err := up.Begin(ctx, j.Bucket, j.Files[0].Key, j.Files[0].Size, nil)
	if err != nil {
		return err
	}
	j.Plan = &plan
	err = n.save(ctx, id, j, rev)
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) { // another coordinator was faster
		return errors.Join(err, n.client.AbortMultipartUpload(context.WithoutCancel(ctx), plan.Upload))
	}
	return err
}

// distribute queues the shares that have missing parts, and waits until no share of the job is left in the queue.
func (n *node) distribute(ctx context.Context, id string, j *job, missing []int) error {
	done := make(chan struct{}, 1)
	sub, err := n.nc.Subscribe(doneSubject+id, func(*nats.Msg) {
		select {
		case done <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return err
	}
	defer sub.Unsubscribe()
	for i := range j.shares() {
		lacks := func(number int) bool {
			_, found := slices.BinarySearch(missing, number)
			return found
		}
		if slices.ContainsFunc(j.Plan.Share(i, j.shares()), lacks) {
			subject := fmt.Sprintf("%s%s.%d", workSubject, id, i)
			if err := n.publishOnce(ctx, subject, task{Job: id, Share: i}); err != nil {
				return err
			}
		}
	}
	for {
		info, err := n.queue.Info(ctx, jetstream.WithSubjectFilter(workSubject+id+".>"))
		if err != nil || len(info.State.Subjects) == 0 {
			return err
		}
		tick := time.NewTimer(n.lease / 4) // for a message that is lost
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-done:
		case <-tick.C:
		}
		tick.Stop()
	}
}

// settle finds out what became of an upload that OSS does not know: an earlier coordinator has completed it, or another
// program has aborted it. Resume returns the object if that has the bytes of the source, which it reads. Otherwise the
// upload begins again.
func (n *node) settle(ctx context.Context, id string, j *job, rev uint64) error {
	src, err := n.open(ctx, j.Files[0].source, 0, j.Plan.Size, func() {})
	if err != nil {
		return err
	}
	defer src.Close()
	res, err := multipart.NewUploader(n.client, nil).Resume(ctx, *j.Plan, src.File)
	if errors.Is(err, oss.ErrNoSuchUpload) {
		n.say("job %s: the upload is gone, and no object has come of it", id)
		j.Plan = nil
		return n.save(ctx, id, j, rev)
	}
	if err != nil {
		return err
	}
	return n.succeed(ctx, id, j, rev, res)
}

// succeed records the object of a job. If several uploads have been begun, it aborts the others before.
func (n *node) succeed(ctx context.Context, id string, j *job, rev uint64, res *multipart.Result) error {
	if j.Begins > 1 {
		if err := n.sweep(ctx, j); err != nil {
			return err
		}
	}
	key := j.Files[0].Key
	j.Done = []stored{{Key: key, Size: res.Size, ETag: res.ETag, CRC64: res.CRC64, Parts: res.Parts}}
	j.Ended = true
	return n.save(ctx, id, j, rev)
}

// abandon removes everything of a job that has failed, except its record. A worker whose part arrives after that
// sweeps again.
func (n *node) abandon(ctx context.Context, id string, j *job, rev uint64) error {
	if err := n.queue.Purge(ctx, jetstream.WithPurgeSubject(workSubject+id+".>")); err != nil {
		return err
	}
	if err := n.sweep(ctx, j); err != nil {
		return err
	}
	j.Ended = true
	return n.save(ctx, id, j, rev)
}

// sweep aborts every upload of the job, and nothing that was begun before the job. While there is a job for a key, no
// other program may upload to it.
func (n *node) sweep(ctx context.Context, j *job) error {
	if j.Since.IsZero() {
		return nil
	}
	key, since := j.Files[0].Key, j.Since.Add(-2*time.Second) // OSS tells whole seconds
	var errs []error
	for _, err := range multipart.NewUploader(n.client, nil).Sweep(ctx, j.Bucket, &multipart.SweepOptions{
		Prefix: key, OlderThan: time.Nanosecond,
		Select: func(u oss.UploadInfo) bool { return u.Key == key && !u.Initiated.Before(since) },
	}) {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return nil
}
