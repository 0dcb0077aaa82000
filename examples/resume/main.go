// Command resume uploads a file, and a later run continues an interrupted one: after Ctrl-C, a lost connection, a kill
// or a power cut.
//
//	go run ./examples/resume FILE
//
// The server inside the process keeps nothing between runs. With it, the program interrupts its first upload half-way
// and makes a second one.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/ossmultipart/go-oss/examples/internal/bucket"
	"github.com/ossmultipart/go-oss/multipart"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: resume FILE")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // the first interrupt cancels, the second kills
	records, err := os.UserCacheDir()
	if err == nil {
		err = run(ctx, os.Getenv, filepath.Join(records, "go-oss-resume"), os.Args[1], os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "resume:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, getenv func(string) string, records, path string, out io.Writer) error {
	b, err := bucket.Open(getenv, bucket.Flags{}, out)
	if err != nil {
		return err
	}
	defer b.Close()

	if b.Local {
		half, interrupt := context.WithCancel(ctx)
		defer interrupt()
		err := upload(half, b, records, path, out, func(p multipart.Progress) {
			if p.Done >= p.Total/2 {
				interrupt()
			}
		})
		fmt.Fprintln(out, "first try: ", err)
	}
	return upload(ctx, b, records, path, out, nil)
}

// upload shows all that resuming needs: a Store.
func upload(
	ctx context.Context, b *bucket.Bucket, records, path string, out io.Writer, progress func(multipart.Progress),
) error {
	up := multipart.NewUploader(b.Client, &multipart.Options{
		PartSize: 1 << 20,
		Store:    multipart.DirStore(records),
		Progress: progress,
	})
	res, err := up.UploadFile(ctx, b.Name, filepath.Base(path), path, nil)
	var failed *multipart.UploadError
	if errors.As(err, &failed) && failed.Plan.Upload.ID != "" && !failed.Aborted {
		return fmt.Errorf("%w (run it again to go on)", err)
	}
	if err != nil {
		return err
	}
	how := "one request"
	if res.Parts > 0 {
		how = fmt.Sprintf("%d parts, %d of them from an earlier try", res.Parts, res.Reused)
	}
	fmt.Fprintf(out, "oss://%s/%s: %d bytes in %s, ETag %s\n", b.Name, filepath.Base(path), res.Size, how, res.ETag)
	return nil
}
