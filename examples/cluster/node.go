package main

import (
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
	jobsBucket  = "oss-jobs"  // records of jobs, by ID
	leaseBucket = "oss-lease" // who coordinates; entries expire
	leaseKey    = "coordinator"
	workStream  = "oss-work"  // tasks that are not acknowledged yet
	workSubject = "oss.work." // followed by the job and the number of the task
	consumer    = "workers"
	doneSubject = "oss.done." // followed by the job: a task has ended
	events      = "oss.event" // for the table
)

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

	Done  []stored // the objects, once the job has succeeded
	Error string   // why the job fails
	Ended bool
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

// shares returns the number of tasks of j.
func (j *job) shares() int {
	if j.Batch {
		return 1
	}
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

// A task is a message of the work queue.
type task struct {
	Job   string
	Share int // of Plan.Share
}

func (t task) subject() string { return fmt.Sprintf("%s%s.%d", workSubject, t.Job, t.Share) }

// A node is this process in the cluster.
type node struct {
	name   string
	lease  time.Duration // after which the work of a process that is silent goes to others
	client *oss.Client
	say    func(format string, args ...any)

	nc     *nats.Conn
	js     jetstream.JetStream
	jobs   jetstream.KeyValue
	leases jetstream.KeyValue
	queue  jetstream.Stream
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
	n.leases, err = n.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: leaseBucket, TTL: n.lease})
	if err != nil {
		return err
	}
	n.queue, err = n.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: workStream, Subjects: []string{workSubject + ">"}, Retention: jetstream.WorkQueuePolicy,
	})
	if err != nil {
		return err
	}
	_, err = n.queue.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: consumer, AckPolicy: jetstream.AckExplicitPolicy, AckWait: n.lease, MaxDeliver: -1,
	})
	return err
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
	for {
		_, err := n.jobs.Create(ctx, id, text)
		if !errors.Is(err, jetstream.ErrKeyExists) {
			return err
		}
		old, rev, err := n.load(ctx, id)
		if err != nil || !old.Ended {
			return err
		}
		if err := n.save(ctx, id, j, rev); !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			return err
		}
	}
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

// embed starts a NATS server in this process. It listens at addr, or nowhere if that is empty.
func embed(dir, host string, port int) (*server.Server, error) {
	srv, err := server.NewServer(&server.Options{
		JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true,
		Host: host, Port: port, DontListen: host == "",
	})
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
