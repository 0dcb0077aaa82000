package multipart

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"

	"github.com/ossmultipart/go-oss/oss"
)

// This file has what uploads and downloads of trees have in common.

// A Skip says which files of a tree are not transferred, because the other side has them already.
type Skip int

const (
	// SkipNothing transfers all files.
	SkipNothing Skip = iota
	// SkipIdentical leaves out files whose size and bytes are those of the object. Files of the same size are read once
	// and compared with the ETag of the listing if that is an MD5, and otherwise with the CRC-64 of a HeadObject.
	SkipIdentical
	// SkipUnchanged leaves out files whose size is that of the object and whose modification time says that they have
	// not changed since. It reads no file. It also leaves out a file that was changed to the same size and to a time in
	// the past, and one that was changed while the clock of the machine was behind that of OSS.
	SkipUnchanged
)

func (s Skip) check() error {
	if s < SkipNothing || s > SkipUnchanged {
		return fmt.Errorf("multipart: Skip %d is none of SkipNothing, SkipIdentical and SkipUnchanged", s)
	}
	return nil
}

// treePrefix checks the names of a tree in a bucket, and returns what the keys of its objects begin with: nothing, or
// a prefix that ends with a slash.
func treePrefix(bucket, prefix string) (string, error) {
	if prefix == "" {
		return "", oss.CheckObjectName(bucket, "any")
	}
	if err := oss.CheckObjectName(bucket, prefix); err != nil {
		return "", err
	}
	return strings.TrimSuffix(prefix, "/") + "/", nil
}

// A treeTask transfers one file. It returns a T that names the file even if it returns an error.
type treeTask[T any] func(ctx context.Context) (T, error)

// runTree iterates over the results of the tasks that walk begins, in the order in which they end. The tasks run in up
// to twice as many goroutines as limit returns, so that some can wait for a permit of the Governor while others send.
// walk also runs in a goroutine. begin returns true once a goroutine has the task, or false if the iteration is over.
//
// An error of walk is the last pair, after the results of all tasks. When the loop ends early, the context of the tasks
// ends, and the iterator returns when all of them have ended. A panic of a task or of walk becomes a panic of the
// iterator.
func runTree[T any](
	ctx context.Context, limit func() int64, walk func(ctx context.Context, begin func(treeTask[T]) bool) error,
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		p := &treePool[T]{limit: limit, cancel: cancel}
		p.tasks, p.results = make(chan treeTask[T]), make(chan treeResult[T])
		defer p.guard.rethrow()
		defer func() {
			cancel()
			for range p.results { // until no goroutine is left
			}
		}()
		var err error
		go func() {
			defer close(p.results)
			err = p.walk(ctx, walk)
		}()
		for r := range p.results {
			if !yield(r.file, r.err) {
				return
			}
		}
		if err != nil && err != errPanicked {
			var none T
			yield(none, err)
		}
	}
}

// A treePool runs the tasks of one tree.
type treePool[T any] struct {
	limit   func() int64
	tasks   chan treeTask[T] // to an idle worker
	results chan treeResult[T]
	cancel  context.CancelFunc
	guard   guard

	wg      sync.WaitGroup
	workers int64
}

type treeResult[T any] struct {
	file T
	err  error
}

// walk runs walk, and returns when all workers are gone.
func (p *treePool[T]) walk(ctx context.Context, walk func(context.Context, func(treeTask[T]) bool) error) error {
	defer p.wg.Wait()
	defer close(p.tasks)
	err := p.guard.do(func() error { return walk(ctx, func(task treeTask[T]) bool { return p.begin(ctx, task) }) })
	if err == errPanicked {
		p.cancel()
	}
	return err
}

func (p *treePool[T]) begin(ctx context.Context, task treeTask[T]) bool {
	if ctx.Err() != nil {
		return false
	}
	select {
	case p.tasks <- task:
		return true
	default:
	}
	if p.workers < 2*p.limit() {
		p.workers++
		p.wg.Go(func() {
			for more := true; more; task, more = <-p.tasks {
				p.run(ctx, task)
			}
		})
		return true
	}
	select {
	case p.tasks <- task:
		return true
	case <-ctx.Done():
		return false
	}
}

func (p *treePool[T]) run(ctx context.Context, task treeTask[T]) {
	var r treeResult[T]
	r.err = p.guard.do(func() (err error) { r.file, err = task(ctx); return err })
	if errors.Is(r.err, errPanicked) {
		p.cancel()
		return
	}
	p.results <- r // the iterator receives until all workers are gone
}
