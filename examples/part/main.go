// Command part uploads a file with the three requests of every multipart upload: initiate, one upload for each part,
// complete. Package multipart does the same, and adds parallel parts, resuming and a check of the whole object.
//
//	go run ./examples/part FILE
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/ossmultipart/go-oss/examples/internal/bucket"
	"github.com/ossmultipart/go-oss/oss"
)

const partSize = 1 << 20 // bytes in every part but the last

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: part FILE")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // the first interrupt cancels, the second kills
	if err := run(ctx, os.Getenv, os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "part:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, getenv func(string) string, path string, out io.Writer) (err error) {
	b, err := bucket.Open(getenv, bucket.Flags{}, out)
	if err != nil {
		return err
	}
	defer b.Close()
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}

	up, err := b.Client.InitiateMultipartUpload(ctx, b.Name, filepath.Base(path), nil)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "began   ", up)
	defer func() {
		if err == nil {
			return
		}
		// Abandoned parts are billed, so the upload is aborted also if ctx has ended.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if abortErr := b.Client.AbortMultipartUpload(ctx, up); abortErr != nil {
			err = fmt.Errorf("%w; its parts are still there: %v", err, abortErr)
		}
	}()

	var parts []oss.Part
	// An empty file is one empty part.
	for offset := int64(0); offset < info.Size() || len(parts) == 0; offset += partSize {
		body := io.NewSectionReader(file, offset, min(partSize, info.Size()-offset))
		part, err := b.Client.UploadPart(ctx, up, len(parts)+1, body, nil)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "part %3d %d bytes, ETag %s, CRC-64 %d\n", part.Number, part.Size, part.ETag, part.CRC64)
		parts = append(parts, part)
	}
	res, err := b.Client.CompleteMultipartUpload(ctx, up, parts, nil)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "object   ETag %s, CRC-64 %d\n", res.ETag, res.CRC64)
	return nil
}
