package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

const (
	coordinated = 16 // jobs at a time
	maxBegins   = 3  // uploads of one object, before the job fails
	maxFailures = 5  // of a job in a row, before it fails
)

// coordinate competes for the lease until ctx ends, and coordinates all jobs while this node holds it.
func (n *node) coordinate(ctx context.Context) {
	for ctx.Err() == nil {
		rev, err := n.leases.Create(ctx, leaseKey, []byte(n.name))
		if err == nil {
			n.say("%s coordinates", n.name)
			n.lead(ctx, rev)
		}
		sleep(ctx, n.lease/4)
	}
}

// lead coordinates all jobs while the lease, which is at revision rev, can be renewed.
func (n *node) lead(ctx context.Context, rev uint64) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		defer cancel()
		rev = n.renew(ctx, rev)
	})
	if err := n.eachJob(ctx, &running); err != nil && ctx.Err() == nil {
		n.say("coordinator %s: %v", n.name, err)
	}
	cancel()
	running.Wait()
	free, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	n.leases.Delete(free, leaseKey, jetstream.LastRevision(rev)) // otherwise it expires
}

// renew keeps the lease until it is lost or ctx ends, and returns its last revision.
func (n *node) renew(ctx context.Context, rev uint64) uint64 {
	for last := time.Now(); sleep(ctx, n.lease/4); {
		try, cancel := context.WithTimeout(ctx, n.lease/4)
		next, err := n.leases.Update(try, leaseKey, []byte(n.name), rev)
		cancel()
		switch {
		case err == nil:
			rev, last = next, time.Now()
		case errors.Is(err, jetstream.ErrKeyRevisionMismatch) || time.Since(last) > n.lease/2:
			return rev
		}
	}
	return rev
}

// eachJob drives every job that has not ended.
func (n *node) eachJob(ctx context.Context, running *sync.WaitGroup) error {
	w, err := n.jobs.WatchAll(ctx)
	if err != nil {
		return err
	}
	defer w.Stop()
	var mu sync.Mutex
	driven := make(map[string]bool)
	slots := make(chan struct{}, coordinated)
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-w.Updates():
			if !ok {
				return nil
			}
			var j job
			if e == nil || json.Unmarshal(e.Value(), &j) != nil || j.Ended {
				continue
			}
			id := e.Key()
			mu.Lock()
			known := driven[id]
			driven[id] = true
			mu.Unlock()
			if known {
				continue
			}
			running.Go(func() {
				select {
				case slots <- struct{}{}:
					n.drive(ctx, id)
					<-slots
				case <-ctx.Done():
				}
				mu.Lock()
				delete(driven, id)
				mu.Unlock()
			})
		}
	}
}

// drive takes steps until the job has ended. A step that fails is repeated, because it begins with what the record and
// OSS say.
func (n *node) drive(ctx context.Context, id string) {
	for failures := 0; ctx.Err() == nil; {
		ended, err := n.step(ctx, id)
		switch {
		case ended:
			return
		case err == nil:
			failures = 0
		case ctx.Err() == nil:
			n.say("job %s: %v", id, err)
			if failures++; failures == maxFailures {
				n.change(ctx, id, func(j *job) { j.Error = err.Error() })
			}
			sleep(ctx, time.Duration(failures)*n.lease/8)
		}
	}
}

// step does what the job needs next.
func (n *node) step(ctx context.Context, id string) (ended bool, err error) {
	j, rev, err := n.load(ctx, id)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return true, nil
	case err != nil || j.Ended:
		return err == nil, err
	case j.Error != "":
		return false, n.abandon(ctx, id, j, rev)
	case j.Batch && len(j.Done) == 0:
		return false, n.distribute(ctx, id, []int{0})
	case j.Batch:
		j.Ended = true
		return false, n.save(ctx, id, j, rev)
	case j.Plan == nil:
		return false, n.begin(ctx, id, j, rev)
	}
	held, err := n.held(ctx, j.Plan)
	if errors.Is(err, oss.ErrNoSuchUpload) {
		return false, n.settle(ctx, id, j, rev)
	}
	if err != nil {
		return false, err
	}
	missing := j.Plan.Missing(held)
	if len(missing) == 0 {
		return false, n.finish(ctx, id, j, rev, held)
	}
	return false, n.distribute(ctx, id, sharesOf(j, missing))
}

// begin begins the upload of a job. The record says so before and after, and a coordinator that finds only the first
// aborts what its predecessor may have begun.
func (n *node) begin(ctx context.Context, id string, j *job, rev uint64) error {
	if j.Begins > 0 {
		if err := n.sweep(ctx, j); err != nil {
			return err
		}
	}
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

// held returns the parts that OSS lists.
func (n *node) held(ctx context.Context, p *multipart.Plan) (parts []oss.Part, err error) {
	for part, err := range n.client.Parts(ctx, p.Upload, nil) {
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// sharesOf returns the shares that have a missing part.
func sharesOf(j *job, missing []int) (shares []int) {
	want := make(map[int]bool)
	for _, number := range missing {
		want[number] = true
	}
	for i := range j.shares() {
		for _, number := range j.Plan.Share(i, j.shares()) {
			if want[number] {
				shares = append(shares, i)
				break
			}
		}
	}
	return shares
}

// distribute queues those shares that are not in the queue, and waits until no task of the job is left in it.
func (n *node) distribute(ctx context.Context, id string, shares []int) error {
	done := make(chan *nats.Msg, 1)
	sub, err := n.nc.ChanSubscribe(doneSubject+id, done)
	if err != nil {
		return err
	}
	defer sub.Unsubscribe()
	for _, i := range shares {
		t := task{Job: id, Share: i}
		text, err := json.Marshal(t)
		if err != nil {
			return err
		}
		_, err = n.js.Publish(ctx, t.subject(), text, jetstream.WithExpectLastSequencePerSubject(0))
		var refused *jetstream.APIError
		if errors.As(err, &refused) && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
			continue // an earlier coordinator has queued it, and it is not acknowledged yet
		}
		if err != nil {
			return err
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

// finish completes the upload, whose parts are all stored. The library compares the CRC-64 of the object with those of
// the parts.
func (n *node) finish(ctx context.Context, id string, j *job, rev uint64, parts []oss.Part) error {
	res, err := multipart.NewUploader(n.client, nil).Finish(ctx, *j.Plan, parts)
	if err != nil {
		return err
	}
	return n.succeed(ctx, id, j, rev, res)
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

// succeed records the object of a job. If several uploads have been begun, none is left.
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

// sleep waits for d. It returns false if ctx has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// abandonAll removes what is left of all jobs that have not ended. No coordinator and no worker may be running.
func (n *node) abandonAll(ctx context.Context) error {
	ids, err := n.jobs.Keys(ctx)
	if err != nil {
		if errors.Is(err, jetstream.ErrNoKeysFound) {
			return nil
		}
		return err
	}
	var errs []error
	for _, id := range ids {
		j, rev, err := n.load(ctx, id)
		if err == nil && !j.Ended {
			j.Error = "interrupted"
			err = n.abandon(ctx, id, j, rev)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
