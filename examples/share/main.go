// Command share uploads one file as several machines would: the first begins the upload, each sends its share of the
// parts, and the first finishes it. They exchange a Plan, which is one line of JSON.
//
//	go run ./examples/share FILE
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sync"

	"github.com/ossmultipart/go-oss/examples/internal/bucket"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

const machines = 3

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: share FILE")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // the first interrupt cancels, the second kills
	if err := run(ctx, os.Getenv, os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "share:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, getenv func(string) string, path string, out io.Writer) error {
	b, err := bucket.Open(getenv, bucket.Flags{}, out)
	if err != nil {
		return err
	}
	defer b.Close()
	info, err := os.Stat(path)
	if err != nil {
		return err
	}

	coordinator := multipart.NewUploader(b.Client, &multipart.Options{PartSize: 1 << 20})
	plan, err := coordinator.Begin(ctx, b.Name, filepath.Base(path), info.Size(), nil)
	if err != nil {
		return err
	}
	message, err := json.Marshal(plan)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "plan      %s\n", message)

	errs := make([]error, machines)
	sent := make([]int, machines)
	var wg sync.WaitGroup
	for i := range machines {
		wg.Go(func() { sent[i], errs[i] = work(ctx, b.Client, message, i, path) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		// UploadParts never aborts, because other machines may be sending parts.
		return errors.Join(err, b.Client.AbortMultipartUpload(context.WithoutCancel(ctx), plan.Upload))
	}
	for i, n := range sent {
		fmt.Fprintf(out, "machine %d sent %d parts\n", i, n)
	}
	res, err := coordinator.Finish(ctx, plan, nil)
	if err != nil {
		return errors.Join(err, b.Client.AbortMultipartUpload(context.WithoutCancel(ctx), plan.Upload))
	}
	fmt.Fprintf(out, "object    %d bytes in %d parts, ETag %s, CRC-64 %d\n", res.Size, res.Parts, res.ETag, res.CRC64)
	return nil
}

// work is the code of machine i, which receives the message.
func work(ctx context.Context, client *oss.Client, message []byte, i int, path string) (int, error) {
	var plan multipart.Plan
	if err := json.Unmarshal(message, &plan); err != nil {
		return 0, err
	}
	file, err := os.Open(path) // readable by all machines
	if err != nil {
		return 0, err
	}
	defer file.Close()
	parts, err := multipart.NewUploader(client, nil).UploadParts(ctx, plan, file, plan.Share(i, machines))
	return len(parts), err
}
