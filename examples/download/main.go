// Command download downloads an object to a file, and continues an earlier download of it that was interrupted.
//
//	go run ./examples/download KEY FILE
//
// FILE may be "-" for standard output, to which the bytes go in order; messages then go to standard error. The keys and
// the bucket come from OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET, OSS_SESSION_TOKEN, OSS_REGION, OSS_ENDPOINT and
// OSS_BUCKET. If none of them is set, the object is made in a server inside the process, and the program interrupts its
// first download to a file half-way and makes a second one.
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
	if err := run(ctx, os.Getenv, os.Args[1], os.Args[2], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "download:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, getenv func(string) string, key, path string, stdout, stderr io.Writer) error {
	out := stdout
	if path == "-" {
		out = stderr
	}
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
	}
	if path == "-" {
		return read(ctx, b, key, stdout, stderr)
	}
	var opts multipart.DownloadOptions
	if b.Local {
		opts.PartSize, opts.Concurrency = 1<<20, 2 // so that half of the small object is some ranges
		half, interrupt := context.WithCancel(ctx)
		defer interrupt()
		first := opts
		first.Progress = func(p multipart.Progress) {
			if p.Total > 0 && p.Done >= p.Total/2 {
				interrupt()
			}
		}
		err := download(half, b, key, path, out, &first)
		fmt.Fprintln(out, "first try: ", err)
	}
	return download(ctx, b, key, path, out, &opts)
}

// download needs nothing to continue: the ranges that are there lie beside the file.
func download(
	ctx context.Context, b *bucket.Bucket, key, path string, out io.Writer, opts *multipart.DownloadOptions,
) error {
	began := time.Now()
	res, err := multipart.NewDownloader(b.Client, opts).DownloadFile(ctx, b.Name, key, path, nil)
	var failed *multipart.DownloadError
	if errors.As(err, &failed) && failed.Partial != "" {
		return fmt.Errorf("%w (run it again to go on)", err)
	}
	if err != nil {
		return err
	}
	report(out, path, began, res)
	return nil
}

// read writes the object to stdout while it is fetched. An error may come after its last byte.
func read(ctx context.Context, b *bucket.Bucket, key string, stdout, stderr io.Writer) error {
	began := time.Now()
	r, err := multipart.NewDownloader(b.Client, nil).NewReader(ctx, b.Name, key, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	if _, err := io.Copy(stdout, r); err != nil {
		return err
	}
	report(stderr, "standard output", began, r.Result())
	return nil
}

func report(out io.Writer, target string, began time.Time, res *multipart.DownloadResult) {
	proof := "its CRC-64 is proved"
	if !res.Verified {
		proof = "OSS told no CRC-64 to prove it by"
	}
	fmt.Fprintf(out, "%s: %d bytes in %v; %d ranges, %d of them from an earlier try; %s\n",
		target, res.Size, time.Since(began).Round(time.Millisecond), res.Parts, res.Reused, proof)
}
