package multipart_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// Measure each upload as a whole. A tracer starts its span in OnStart, and returns the context that has it.
func ExampleHooks() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	up := multipart.NewUploader(srv.Client(), &multipart.Options{Hooks: multipart.Hooks{
		OnStart: func(ctx context.Context, p multipart.Progress) context.Context {
			fmt.Printf("%s begins, %d bytes\n", p.Key, p.Total)
			return ctx
		},
		OnEnd: func(_ context.Context, p multipart.Progress, s multipart.Stats, err error) {
			fmt.Printf("%s ends: %d bytes in %d parts, %d retries, %v\n", p.Key, s.Bytes, s.Parts, s.Retries, err)
		},
	}})
	body := bytes.NewReader(make([]byte, 20<<20))
	if _, err := up.Upload(context.Background(), "backups", "today.tar", body, nil); err != nil {
		log.Fatal(err)
	}
	// Output:
	// today.tar begins, 20971520 bytes
	// today.tar ends: 20971520 bytes in 3 parts, 0 retries, <nil>
}

// Measure each download as a whole.
func ExampleHooks_download() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.PutObject("backups", "today.tar", make([]byte, 20<<20))
	down := multipart.NewDownloader(srv.Client(), &multipart.DownloadOptions{Hooks: multipart.Hooks{
		OnEnd: func(_ context.Context, p multipart.Progress, s multipart.Stats, err error) {
			fmt.Printf("%s: %d bytes in %d ranges, %d retries, %v\n", p.Key, s.Bytes, s.Parts, s.Retries, err)
		},
	}})
	r, err := down.NewReader(context.Background(), "backups", "today.tar", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	if _, err := io.Copy(io.Discard, r); err != nil {
		log.Fatal(err)
	}
	// Output:
	// today.tar: 20971520 bytes in 20 ranges, 0 retries, <nil>
}
