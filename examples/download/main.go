// Command download downloads an object to a file, and continues an earlier download of it that was interrupted.
//
//	go run ./examples/download KEY FILE
//
// The keys and the bucket come from OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET, OSS_SESSION_TOKEN, OSS_REGION,
// OSS_ENDPOINT and OSS_BUCKET. If none of them is set, the object is made in a server inside the process, and the
// program interrupts its first download half-way and makes a second one.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/ossmultipart/go-oss/examples/internal/bucket"
	"github.com/ossmultipart/go-oss/multipart"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: download KEY FILE")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // the first interrupt cancels, the second kills
	if err := run(ctx, os.Getenv, os.Args[1], os.Args[2], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "download:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, getenv func(string) string, key, path string, out io.Writer) error {
	b, err := bucket.Open(getenv, bucket.Flags{}, out)
	if err != nil {
		return err
	}
	defer b.Close()

	if b.Local {
		object := bytes.Repeat([]byte("a line of an object\n"), 1<<20)
		if _, err := b.Client.PutObject(ctx, b.Name, key, bytes.NewReader(object), nil); err != nil {
			return err
		}
		half, interrupt := context.WithCancel(ctx)
		defer interrupt()
		err := download(half, b, key, path, out, func(p multipart.Progress) {
			if p.Total > 0 && p.Done >= p.Total/2 {
				interrupt()
			}
		})
		fmt.Fprintln(out, "first try: ", err)
	}
	return download(ctx, b, key, path, out, nil)
}

// download needs nothing to continue: the ranges that are there lie beside the file.
func download(
	ctx context.Context, b *bucket.Bucket, key, path string, out io.Writer, progress func(multipart.Progress),
) error {
	began := time.Now()
	d := multipart.NewDownloader(b.Client, &multipart.DownloadOptions{
		PartSize: 1 << 20, Concurrency: 2, Progress: progress,
	})
	res, err := d.DownloadFile(ctx, b.Name, key, path, nil)
	var failed *multipart.DownloadError
	if errors.As(err, &failed) && failed.Partial != "" {
		return fmt.Errorf("%w (run it again to go on)", err)
	}
	if err != nil {
		return err
	}
	proof := "its CRC-64 is proved"
	if !res.Verified {
		proof = "OSS told no CRC-64 to prove it by"
	}
	fmt.Fprintf(out, "%s: %d bytes in %v; %d ranges, %d of them from an earlier try; %s\n",
		path, res.Size, time.Since(began).Round(time.Millisecond), res.Parts, res.Reused, proof)
	return nil
}
