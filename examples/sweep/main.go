// Command sweep aborts the unfinished uploads of a bucket that are older than a week, or with -dry-run lists them. OSS
// keeps and bills them forever.
//
//	go run ./examples/sweep [-older 168h] [-prefix backups/] [-dry-run]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/ossmultipart/go-oss/examples/internal/bucket"
	"github.com/ossmultipart/go-oss/multipart"
)

func main() {
	var opts multipart.SweepOptions
	flag.DurationVar(&opts.OlderThan, "older", multipart.DefaultSweepAge,
		"how long ago an upload was begun and last got a part")
	flag.StringVar(&opts.Prefix, "prefix", "", "only of keys that begin like this")
	flag.BoolVar(&opts.DryRun, "dry-run", false, "look, and end nothing")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // the first interrupt cancels, the second kills
	if err := run(ctx, os.Getenv, opts, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sweep:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, getenv func(string) string, opts multipart.SweepOptions, out io.Writer) error {
	b, err := bucket.Open(getenv, bucket.Flags{}, out)
	if err != nil {
		return err
	}
	defer b.Close()
	up := multipart.NewUploader(b.Client, nil)
	if b.Local { // a new server has no unfinished uploads
		if _, err := up.Begin(ctx, b.Name, "left/behind.bin", 1<<30, nil); err != nil {
			return err
		}
		fmt.Fprintln(out, "The bucket holds one upload, begun just now: -older 1ns ends it.")
	}

	var uploads, parts int
	var size int64
	var failed error
	for swept, err := range up.Sweep(ctx, b.Name, &opts) {
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		uploads, parts, size = uploads+1, parts+swept.Parts, size+swept.Size
		fmt.Fprintf(out, "%s  %d parts, %d bytes, begun %s\n",
			swept.Upload, swept.Parts, swept.Size, swept.Initiated.Format(time.RFC3339))
	}
	verb := "ended"
	if opts.DryRun {
		verb = "found"
	}
	fmt.Fprintf(out, "%s %d uploads with %d parts of %d bytes\n", verb, uploads, parts, size)
	return failed
}
