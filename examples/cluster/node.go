package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

// Names in JetStream.
const (
	jobsBucket  = "oss-jobs" // records of jobs, by ID
	stream      = "oss-tasks"
	jobSubject  = "oss.job."  // tasks of coordinators; followed by the job
	workSubject = "oss.work." // tasks of workers; followed by the job and the share
	doneSubject = "oss.done." // followed by the job: a task has ended; not kept
	eventTopic  = "oss.event" // for the tables; not kept

	coordinators, workers = "coordinators", "workers" // consumers
)

// maxDeliveries is the number of deliveries of a task after which an error is that of its job. Before that another
// machine may succeed, as one that has mounted the file system.
const maxDeliveries = 10

// A job is the record of what is to be uploaded: one object in parts, or a batch of small ones.
type job struct {
	Bucket   string
	Files    []file // one, unless Batch
	Batch    bool
	PartSize int64
	Parts    int // in a share

	Begins int             // uploads that coordinators have begun, or were about to
	Since  time.Time       // before the first
	Plan   *multipart.Plan // nil until the upload is begun

	Done  []stored // the objects of a job that has succeeded
	Error string   // why the job fails
	Ended bool     // the job has succeeded, or failed and left nothing
}

// A file is a source and the key of its object.
type file struct {
	source
	Key string
}

// stored describes an object of a job.
type stored struct {
	Key   string
	Size  int64
	ETag  string
	CRC64 uint64
	Parts int
}

// shares returns the number of shares of an upload that is begun.
func (j *job) shares() int {
	return (j.Plan.NumParts() + j.Parts - 1) / j.Parts
}

// id returns the name of the job in the cluster. The same sources for the same keys are the same job.
func (j *job) id() string {
	text, _ := json.Marshal(struct {
		Bucket string
		Files  []file
	}{j.Bucket, j.Files})
	return fmt.Sprintf("%x", sha256.Sum256(text))[:20]
}

// A task is a message of the queue: to coordinate a job, or to upload a share of an object or a batch.
type task struct {
	Job   string
	Share int // of Plan.Share
}

// A node is this process in the cluster.
type node struct {
	name   string
	lease  time.Duration // after which the tasks of a process that is silent go to others
	client *oss.Client
	say    func(format string, args ...any)

	nc    *nats.Conn
	js    jetstream.JetStream
	jobs  jetstream.KeyValue
	queue jetstream.Stream
}

// join creates what the cluster needs in JetStream, unless it is there.
func (n *node) join(ctx context.Context, nc *nats.Conn) (err error) {
	n.nc = nc
	if n.js, err = jetstream.New(nc); err != nil {
		return err
	}
	if n.jobs, err = n.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: jobsBucket}); err != nil {
		return fmt.Errorf("JetStream: %w", err)
	}
	n.queue, err = n.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: stream, Subjects: []string{jobSubject + "*", workSubject + ">"}, Retention: jetstream.WorkQueuePolicy,
	})
	for name, subjects := range map[string]string{coordinators: jobSubject + "*", workers: workSubject + ">"} {
		if err == nil {
			_, err = n.queue.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
				Durable: name, FilterSubject: subjects, AckWait: n.lease, MaxDeliver: -1,
			})
		}
	}
	return err
}

// publish queues a task, which may be in the queue already, to be done once more.
func (n *node) publish(ctx context.Context, subject string, t task, opts ...jetstream.PublishOpt) error {
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	_, err = n.js.Publish(ctx, subject, text, opts...)
	return err
}

// publishOnce queues a task unless it is in the queue already.
func (n *node) publishOnce(ctx context.Context, subject string, t task) error {
	err := n.publish(ctx, subject, t, jetstream.WithExpectLastSequencePerSubject(0))
	var refused *jetstream.APIError
	if errors.As(err, &refused) && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return nil
	}
	return err
}

// consume does tasks, one at a time, until ctx ends. A task is acknowledged, and leaves the queue, when do returns nil.
// It is delivered again, to any process, if do fails, or extends the lease of msg too late.
func (n *node) consume(ctx context.Context, name string, do func(context.Context, task, jetstream.Msg) error) {
	for ctx.Err() == nil {
		msg, err := n.next(ctx, name)
		var t task
		switch {
		case errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded), ctx.Err() != nil:
			continue
		case err == nil:
			err = json.Unmarshal(msg.Data(), &t)
		}
		if err != nil {
			n.say("%s: %v", name, err)
			sleep(ctx, n.lease/8)
			continue
		}
		err = do(ctx, t, msg)
		if err == nil || errors.Is(err, jetstream.ErrKeyNotFound) { // the record was deleted
			if err := n.acknowledge(ctx, msg); err != nil {
				n.say("%s: %s %s is done again: %v", n.name, name, t.Job, err)
			}
			n.nc.Publish(doneSubject+t.Job, nil)
			continue
		}
		meta, bad := msg.Metadata()
		if ctx.Err() != nil || bad != nil {
			msg.Nak()
			continue
		}
		n.say("%s: %s %s: %v", n.name, name, t.Job, err)
		if errors.Is(err, multipart.ErrSourceChanged) || meta.NumDelivered >= maxDeliveries {
			n.change(ctx, t.Job, func(j *job) { j.Error, j.Ended = cmp.Or(j.Error, err.Error()), j.Batch })
		}
		msg.NakWithDelay(min(time.Duration(meta.NumDelivered)*n.lease/8, time.Minute))
	}
}

// acknowledge removes a task from the queue, also while this process ends.
func (n *node) acknowledge(ctx context.Context, msg jetstream.Msg) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.lease/2)
	defer cancel()
	return msg.DoubleAck(ctx)
}

func (n *node) next(ctx context.Context, name string) (jetstream.Msg, error) {
	consumer, err := n.queue.Consumer(ctx, name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return consumer.Next(jetstream.FetchContext(ctx))
}

// load returns the record of a job and its revision.
func (n *node) load(ctx context.Context, id string) (*job, uint64, error) {
	e, err := n.jobs.Get(ctx, id)
	if err != nil {
		return nil, 0, fmt.Errorf("job %s: %w", id, err)
	}
	j := new(job)
	if err := json.Unmarshal(e.Value(), j); err != nil {
		return nil, 0, fmt.Errorf("job %s: %w", id, err)
	}
	return j, e.Revision(), nil
}

// save replaces revision rev of a record, and fails with ErrKeyRevisionMismatch if another node has done so.
func (n *node) save(ctx context.Context, id string, j *job, rev uint64) error {
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	_, err = n.jobs.Update(ctx, id, text, rev)
	return err
}

// change applies f to the record of a job that has not ended.
func (n *node) change(ctx context.Context, id string, f func(*job)) error {
	for {
		j, rev, err := n.load(ctx, id)
		if err != nil || j.Ended {
			return err
		}
		f(j)
		if err := n.save(ctx, id, j, rev); !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			return err
		}
	}
}

// submit adds a job. One that is under way is joined, one that has ended is done again.
func (n *node) submit(ctx context.Context, j *job) error {
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	id := j.id()
	subject := jobSubject + id
	if j.Batch {
		subject = workSubject + id + ".0"
	}
	if _, err = n.jobs.Create(ctx, id, text); errors.Is(err, jetstream.ErrKeyExists) {
		old, rev, e := n.load(ctx, id)
		if e == nil && !old.Ended {
			return n.publishOnce(ctx, subject, task{Job: id}) // the process that submitted it may have died
		}
		if err = e; err == nil {
			err = n.save(ctx, id, j, rev)
		}
	}
	if err != nil {
		return err
	}
	return n.publish(ctx, subject, task{Job: id}) // the task of an earlier end may not be acknowledged yet
}

// wait calls ended for each of the jobs when it has ended.
func (n *node) wait(ctx context.Context, ids map[string]bool, ended func(*job)) error {
	w, err := n.jobs.WatchAll(ctx)
	if err != nil {
		return err
	}
	defer w.Stop()
	for len(ids) > 0 {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case e, ok := <-w.Updates():
			if !ok {
				return errors.New("connection to NATS is closed")
			}
			var j job
			if e == nil || !ids[e.Key()] || json.Unmarshal(e.Value(), &j) != nil || !j.Ended {
				continue
			}
			delete(ids, e.Key())
			ended(&j)
		}
	}
	return nil
}

// embed starts a NATS server in this process, which listens at a free port of host, or nowhere if that is empty.
func embed(dir, host string) (*server.Server, error) {
	srv, err := server.NewServer(&server.Options{JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true,
		Host: host, Port: server.RANDOM_PORT, DontListen: host == ""})
	if err != nil {
		return nil, err
	}
	srv.Start()
	if !srv.ReadyForConnections(10 * time.Second) {
		srv.Shutdown()
		return nil, errors.New("embedded NATS server did not start")
	}
	return srv, nil
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
