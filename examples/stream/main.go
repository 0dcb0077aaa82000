// Command stream uploads standard input, whose length need not be known:
//
//	tar c DIRECTORY | go run ./examples/stream KEY
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/ossmultipart/go-oss/examples/internal/bucket"
	"github.com/ossmultipart/go-oss/multipart"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: stream KEY")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // the first interrupt cancels, the second kills
	if err := run(ctx, os.Getenv, os.Args[1], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "stream:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, getenv func(string) string, key string, in io.Reader, out io.Writer) error {
	b, err := bucket.Open(getenv, bucket.Flags{}, out)
	if err != nil {
		return err
	}
	defer b.Close()

	// Memory holds at most two parts in flight and a third that is being read.
	uploader := multipart.NewUploader(b.Client, &multipart.Options{PartSize: 4 << 20, Concurrency: 2})
	res, err := uploader.Upload(ctx, b.Name, key, in, nil)
	if failed := (*multipart.UploadError)(nil); errors.As(err, &failed) && !failed.Aborted &&
		failed.Plan.Upload.ID != "" {
		fmt.Fprintln(out, "left behind:", failed.Plan.Upload)
	}
	if err != nil {
		return err
	}
	how := "one request"
	if res.Parts > 0 {
		how = fmt.Sprintf("%d parts", res.Parts)
	}
	fmt.Fprintf(out, "oss://%s/%s: %d bytes in %s, ETag %s, CRC-64 %d\n", b.Name, key,
		res.Size, how, res.ETag, res.CRC64)
	return nil
}
