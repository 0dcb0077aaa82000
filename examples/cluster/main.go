// Command cluster uploads objects that outgrow one machine: workers on several machines send shares of the parts, which
// they take from a work queue of NATS JetStream. README.md describes it.
//
//	go -C examples/cluster run . SOURCE...                    server, coordinator and three workers in this process
//	go -C examples/cluster run . -nats URL SOURCE...          the same on the server of a cluster
//	go -C examples/cluster run . -nats URL                    workers only, until interrupted
//
// A SOURCE is a file or a directory that every machine can read, an HTTP URL, or oss://BUCKET/KEY.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/ossmultipart/go-oss/examples/internal/bucket"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

const (
	coordinated = 4 // jobs at a time, by one process

	batchFiles = 100      // in a batch
	batchBytes = 64 << 20 // in a batch, unless one file is larger
)

// settings are the flags and arguments.
type settings struct {
	nats, name, prefix string
	workers            int
	partSize           int64
	parts              int // in a share
	lease              time.Duration
	sources            []string
}

func main() {
	var s settings
	host, _ := os.Hostname()
	flag.StringVar(&s.nats, "nats", "", "`URL` of a NATS server with JetStream; without it, one runs in this process")
	flag.StringVar(&s.name, "name", fmt.Sprintf("%s-%d", host, os.Getpid()), "`name` of this process")
	flag.StringVar(&s.prefix, "prefix", "", "`prefix` of the keys")
	flag.IntVar(&s.workers, "workers", 3, "`number` of shares in flight in this process")
	flag.Int64Var(&s.partSize, "part-size", 0, "`bytes` in a part; 0 means 8 MiB, and more for objects beyond 78 GiB")
	flag.IntVar(&s.parts, "parts", 4, "`number` of parts in a share")
	flag.DurationVar(&s.lease, "lease", 10*time.Second, "`time` of silence after which others get a process's tasks")
	flag.Parse()
	s.sources = flag.Args()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // the first interrupt cancels, the second kills
	if err := run(ctx, os.Getenv, s, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func (s settings) check() error {
	switch {
	case s.nats == "" && len(s.sources) == 0:
		return errors.New("neither a source nor the -nats of a cluster to work for")
	case s.workers < 0 || s.workers == 0 && s.nats == "":
		return fmt.Errorf("-workers %d: there is no worker to upload", s.workers)
	case s.partSize != 0 && s.partSize < oss.MinPartSize || s.partSize > oss.MaxPartSize:
		return fmt.Errorf("-part-size %d is not between %d and %d", s.partSize, oss.MinPartSize, oss.MaxPartSize)
	case s.parts < 1 || s.parts > 1000:
		return fmt.Errorf("-parts %d is not between 1 and 1000", s.parts)
	case s.lease < time.Second:
		return fmt.Errorf("-lease %v is less than a second", s.lease)
	}
	return nil
}

func run(ctx context.Context, getenv func(string) string, s settings, out io.Writer) (err error) {
	if err := s.check(); err != nil {
		return err
	}
	b, err := bucket.Open(getenv, bucket.Flags{}, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if b.Local && s.nats != "" {
		return errors.New("OSS_BUCKET and the other OSS_* variables are not set: a cluster needs a real bucket")
	}
	nc, closeNATS, err := s.connect()
	if err != nil {
		return err
	}
	defer closeNATS()
	t := newTable(out)
	n := &node{name: s.name, lease: s.lease, client: b.Client, say: t.printf}
	if err := n.join(ctx, nc); err != nil {
		return err
	}
	stopTable, err := t.follow(nc)
	if err != nil {
		return err
	}
	defer stopTable()

	running := new(sync.WaitGroup)
	defer running.Wait()
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	for range coordinated {
		running.Go(func() { n.consume(background, coordinators, n.coordinate) })
	}
	for i := range s.workers {
		running.Go(func() { n.consume(background, workers, newWorker(n, i).do) })
	}
	if len(s.sources) == 0 {
		<-ctx.Done()
		return nil
	}
	return s.upload(ctx, n, b.Name, t)
}

// connect connects to the cluster's NATS server, or to one in this process. The function that it returns ends both.
func (s settings) connect() (*nats.Conn, func(), error) {
	opts := []nats.Option{nats.Name(s.name), nats.MaxReconnects(-1), nats.ReconnectWait(s.lease / 8)}
	if s.nats != "" {
		nc, err := nats.Connect(s.nats, opts...)
		if err != nil {
			return nil, nil, fmt.Errorf("NATS server: %w", withoutURL(err))
		}
		return nc, nc.Close, nil
	}
	dir, err := os.MkdirTemp("", "go-oss-cluster-nats-")
	if err != nil {
		return nil, nil, err
	}
	srv, err := embed(dir, "")
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	end := func() {
		srv.Shutdown()
		srv.WaitForShutdown()
		os.RemoveAll(dir)
	}
	nc, err := nats.Connect("", append(opts, nats.InProcessServer(srv))...)
	if err != nil {
		end()
		return nil, nil, err
	}
	return nc, func() { nc.Close(); end() }, nil
}

// upload submits the sources, waits for their objects and prints them.
func (s settings) upload(ctx context.Context, n *node, bucket string, t *table) error {
	jobs, err := s.jobs(ctx, n.client, bucket)
	if err != nil {
		return err
	}
	began := time.Now()
	var errs []error
	var size int64
	ended := func(j *job) {
		if j.Error != "" {
			errs = append(errs, fmt.Errorf("%s: %s", j.Files[0].Key, j.Error))
			return
		}
		for _, o := range j.Done {
			size += o.Size
			t.printf("object    %s: %d bytes in %d parts, ETag %s, CRC-64 %d", o.Key, o.Size, o.Parts, o.ETag, o.CRC64)
		}
	}
	ids := make(map[string]bool)
	for _, j := range jobs {
		if err == nil {
			ids[j.id()] = true
			err = n.submit(ctx, j)
		}
	}
	if err == nil {
		err = n.wait(ctx, ids, ended)
	}
	switch {
	case err != nil && s.nats != "":
		err = fmt.Errorf("%w; the cluster goes on with %d jobs", err, len(ids))
	case err != nil: // the queue ends with this process
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		for id := range ids {
			if n.change(ctx, id, func(j *job) { j.Error, j.Ended = "interrupted", j.Batch }) != nil {
				delete(ids, id) // it was not submitted
			}
		}
		err = errors.Join(err, n.wait(ctx, ids, ended))
	}
	t.printf("total     %d bytes in %v", size, time.Since(began).Round(10*time.Millisecond))
	return errors.Join(append(errs, err)...)
}

// jobs returns a job for each object of several parts, and batches of the small files.
func (s settings) jobs(ctx context.Context, client *oss.Client, bucket string) ([]*job, error) {
	var jobs []*job
	names := make(map[string]string) // by key
	batch := &job{Bucket: bucket, Batch: true}
	var size int64
	add := func(key, name string) error {
		src, err := describe(ctx, client, name)
		if err != nil {
			return err
		}
		f := file{source: src, Key: s.prefix + key}
		if err := oss.CheckObjectName(bucket, f.Key); err != nil {
			return err
		}
		if other, ok := names[f.Key]; ok {
			return fmt.Errorf("%s and %s have the same key, %s", source{Name: other}.base(), src.base(), f.Key)
		}
		names[f.Key] = name
		if src.Size > cmp.Or(s.partSize, multipart.DefaultPartSize) {
			jobs = append(jobs, &job{Bucket: bucket, Files: []file{f}, PartSize: s.partSize, Parts: s.parts})
			return nil
		}
		if len(batch.Files) == batchFiles || len(batch.Files) > 0 && size+src.Size > batchBytes {
			jobs = append(jobs, batch)
			batch, size = &job{Bucket: bucket, Batch: true}, 0
		}
		batch.Files, size = append(batch.Files, f), size+src.Size
		return nil
	}
	for _, name := range s.sources {
		if info, err := os.Stat(name); err != nil || !info.IsDir() {
			if err := add(source{Name: name}.base(), name); err != nil {
				return nil, err
			}
			continue
		}
		err := fs.WalkDir(os.DirFS(name), ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			return add(path.Join(filepath.Base(name), p), filepath.Join(name, filepath.FromSlash(p)))
		})
		if err != nil {
			return nil, err
		}
	}
	if len(batch.Files) > 0 {
		jobs = append(jobs, batch)
	}
	return jobs, nil
}
