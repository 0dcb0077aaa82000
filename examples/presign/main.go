// Command presign uploads a file in parts that a sender without keys sends with net/http alone: a browser, a phone, a
// build machine. The owner of the keys begins the upload, signs a URL for each part, and completes the upload with the
// parts that OSS lists.
//
//	go run ./examples/presign FILE
package main

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/ossmultipart/go-oss/examples/internal/bucket"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: presign FILE")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // the first interrupt cancels, the second kills
	if err := run(ctx, os.Getenv, os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "presign:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, getenv func(string) string, path string, out io.Writer) error {
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

	up := multipart.NewUploader(b.Client, &multipart.Options{PartSize: 1 << 20})
	plan, err := up.Begin(ctx, b.Name, filepath.Base(path), info.Size(), nil)
	if err != nil {
		return err
	}
	if err = sendAll(ctx, b, plan, file, out); err == nil {
		var res *multipart.Result
		if res, err = up.Finish(ctx, plan, nil); err == nil {
			fmt.Fprintf(out, "object   %d bytes in %d parts, ETag %s, CRC-64 %d\n", res.Size,
				res.Parts, res.ETag, res.CRC64)
			return nil
		}
	}
	return errors.Join(err, b.Client.AbortMultipartUpload(context.WithoutCancel(ctx), plan.Upload))
}

// sendAll signs a URL for each part and sends it.
func sendAll(ctx context.Context, b *bucket.Bucket, plan multipart.Plan, file io.ReaderAt, out io.Writer) error {
	for s := range plan.Sections() {
		signed, err := b.Client.PresignPart(ctx, plan.Upload, s.Number, 10*time.Minute)
		if err != nil {
			return err
		}
		if err := send(ctx, b.HTTPClient(), signed, io.NewSectionReader(file, s.Offset, s.Size)); err != nil {
			return fmt.Errorf("part %d: %w", s.Number, err)
		}
		fmt.Fprintf(out, "part %3d %d bytes, by a URL valid until %s\n",
			s.Number, s.Size, signed.Expires.UTC().Format(time.RFC3339))
	}
	return nil
}

// send is the code of the sender without keys. The ETag of a part is the MD5 of the bytes that OSS has stored.
func send(ctx context.Context, client *http.Client, signed *oss.Presigned, body *io.SectionReader) error {
	sum := md5.New()
	req, err := http.NewRequestWithContext(ctx, signed.Method, signed.URL, io.TeeReader(body, sum))
	if err != nil {
		return err
	}
	req.ContentLength = body.Size()
	for name, values := range signed.Header {
		req.Header[name] = values
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	if got, want := resp.Header.Get("ETag"), fmt.Sprintf("\"%X\"", sum.Sum(nil)); got != want {
		return fmt.Errorf("damaged on the way: OSS has %s, want %s", got, want)
	}
	return nil
}
