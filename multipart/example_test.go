package multipart_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// The examples run against an OSS in this process. A program would say
// oss.NewClient(oss.Config{Region: "cn-hangzhou"}) instead of srv.Client().

// Upload a file: parts in parallel, proved before the call returns.
func ExampleUploader_UploadFile() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	path := exampleFile(20 << 20)
	defer os.Remove(path)

	up := multipart.NewUploader(srv.Client(), nil)
	res, err := up.UploadFile(context.Background(), "backups", "today.tar", path, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d bytes in %d parts, ETag %s, CRC-64 %d\n", res.Size, res.Parts, res.ETag, res.CRC64)
	// Output: 20971520 bytes in 3 parts, ETag "AAE9660D5CEC00A4A796D1191C5BD7BE-3", CRC-64 3840994472669231136
}

// Upload anything that can be read, here what a compressor writes.
func ExampleUploader_Upload() {
	srv := osstest.NewServer(nil)
	defer srv.Close()

	r, w := io.Pipe()
	go func() {
		z := gzip.NewWriter(w)
		_, err := io.WriteString(z, strings.Repeat("a line of a log\n", 1<<16))
		w.CloseWithError(errors.Join(err, z.Close()))
	}()
	up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 1 << 20})
	res, err := up.Upload(context.Background(), "logs", "app.log.gz", r, &oss.ObjectOptions{
		ContentType: "application/gzip",
		Metadata:    map[string]string{"host": "web-1"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("fitted into one part:", res.Parts == 0)
	// Output: fitted into one part: true
}

// Every failure says what it was and what is left in OSS.
func ExampleUploadError() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2, Effect: osstest.Fail(403, oss.ErrAccessDenied)})

	up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 1 << 20, Concurrency: 1})
	_, err := up.Upload(context.Background(), "backups", "today.tar", strings.NewReader(strings.Repeat("x", 3<<20)), nil)

	var ue *multipart.UploadError
	if errors.As(err, &ue) {
		fmt.Println("first cause is AccessDenied:", errors.Is(err, oss.ErrAccessDenied))
		fmt.Println("failed part:", ue.Failed[0].Number)
		fmt.Println("nothing left behind:", ue.Aborted)
	}
	// Output:
	// first cause is AccessDenied: true
	// failed part: 2
	// nothing left behind: true
}

// Watch an upload. The function is called from one goroutine.
func ExampleOptions_progress() {
	srv := osstest.NewServer(nil)
	defer srv.Close()

	up := multipart.NewUploader(srv.Client(), &multipart.Options{
		Progress: func(p multipart.Progress) {
			if p.Done == p.Total { // only once the object exists
				fmt.Printf("%s: all %d bytes\n", p.Key, p.Done)
			}
		},
	})
	if _, err := up.Upload(context.Background(), "videos", "cat.mp4", strings.NewReader("meow"), nil); err != nil {
		log.Fatal(err)
	}
	// Output: cat.mp4: all 4 bytes
}

// A Plan tells which bytes belong to which part.
func ExamplePlan_Sections() {
	p := multipart.Plan{Size: 250 << 10, PartSize: 100 << 10}
	for s := range p.Sections() {
		fmt.Printf("part %d: %d bytes at %d\n", s.Number, s.Size, s.Offset)
	}
	fmt.Println("second of two machines:", p.Share(1, 2))
	// Output:
	// part 1: 102400 bytes at 0
	// part 2: 102400 bytes at 102400
	// part 3: 51200 bytes at 204800
	// second of two machines: [2 3]
}

// exampleFile makes a file of n zero bytes.
func exampleFile(n int64) string {
	f, err := os.CreateTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	if err := errors.Join(f.Truncate(n), f.Close()); err != nil {
		log.Fatal(err)
	}
	return f.Name()
}
