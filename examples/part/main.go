// Command part uploads a file in the three requests that every multipart upload is made of:
// initiate, one upload for each part, complete. It is what package multipart does, without its
// parallel parts, its memory of interrupted uploads and its proof of the whole.
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
		// Parts left behind are billed, so abort also when ctx is what ended the upload.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if abortErr := b.Client.AbortMultipartUpload(ctx, up); abortErr != nil {
			err = fmt.Errorf("%w; its parts are still there: %v", err, abortErr)
		}
	}()

	var parts []oss.Part
	for offset := int64(0); offset < info.Size() || len(parts) == 0; offset += partSize { // an empty file is one empty part
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
