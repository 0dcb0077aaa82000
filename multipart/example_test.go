package multipart_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// The examples run against a server of package osstest. A program calls
// oss.NewClient(oss.Config{Region: "cn-hangzhou"}) instead of srv.Client().

// Upload a file in parallel parts. The object is verified before the call returns.
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
	fmt.Printf("%d bytes, ETag %s, CRC-64 %d\n", res.Size, res.ETag, res.CRC64)
	// Output: 20971520 bytes, ETag "AAE9660D5CEC00A4A796D1191C5BD7BE-3", CRC-64 3840994472669231136
}

// Upload anything that can be read, here the output of a compressor.
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
	fmt.Println("fits in one part:", res.Parts == 0)
	// Output: fits in one part: true
}

// Resume an upload that failed, or whose process was killed: call UploadFile again.
func ExampleDirStore() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	path := exampleFile(40 << 20)
	defer os.Remove(path)
	dir, err := os.MkdirTemp("", "records-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	fault := srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 4, Effect: osstest.Fail(403, oss.ErrAccessDenied)})

	up := multipart.NewUploader(srv.Client(), &multipart.Options{Concurrency: 1, Store: multipart.DirStore(dir)})
	_, err = up.UploadFile(context.Background(), "backups", "today.tar", path, nil)
	fmt.Println("first try refused:", errors.Is(err, oss.ErrAccessDenied))

	fault.Remove()
	res, err := up.UploadFile(context.Background(), "backups", "today.tar", path, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("second try: %d parts, %d of them reused\n", res.Parts, res.Reused)
	// Output:
	// first try refused: true
	// second try: 5 parts, 3 of them reused
}

// Resume without a Store: OSS lists its unfinished uploads.
func ExampleUploader_Unfinished() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	up := multipart.NewUploader(srv.Client(), nil)
	src := strings.NewReader(strings.Repeat("x", 20<<20))
	begun, err := up.Begin(ctx, "backups", "today.tar", src.Size(), nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := up.UploadParts(ctx, begun, src, []int{2}); err != nil {
		log.Fatal(err)
	}

	for plan, err := range up.Unfinished(ctx, "backups", "today.tar") {
		if err != nil {
			log.Fatal(err)
		}
		res, err := up.Resume(ctx, plan, src)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d parts, %d of them reused\n", res.Parts, res.Reused)
		break // the newest is enough
	}
	// Output: 3 parts, 1 of them reused
}

// Write an object like a file. Close creates it, and Abort before Close discards it.
func ExampleUploader_NewWriter() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	save := func(ctx context.Context, v any) error {
		w := multipart.NewUploader(srv.Client(), nil).NewWriter(ctx, "reports", "today.json", nil)
		defer w.Abort() // does nothing after Close
		if err := json.NewEncoder(w).Encode(v); err != nil {
			return err
		}
		return w.Close() // creates the object
	}
	if err := save(context.Background(), map[string]int{"sold": 3}); err != nil {
		log.Fatal(err)
	}
	obj, _ := srv.Object("reports", "today.json")
	fmt.Printf("%s", obj.Data)
	// Output: {"sold":3}
}

// Copy an object inside OSS, without downloading its bytes.
func ExampleUploader_Copy() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.PutObject("photos", "cat.jpg", []byte("meow"))

	up := multipart.NewUploader(srv.Client(), nil)
	src := oss.CopySource{Bucket: "photos", Key: "cat.jpg"}
	res, err := up.Copy(context.Background(), "archive", "2026/cat.jpg", src, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Size, "bytes")
	// Output: 4 bytes
}

// Upload one object from several machines, which exchange a Plan as JSON.
func ExampleUploader_Begin() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	src := strings.NewReader(strings.Repeat("x", 30<<20)) // readable by all machines

	coordinator := multipart.NewUploader(srv.Client(), nil)
	plan, err := coordinator.Begin(ctx, "videos", "film.mp4", src.Size(), nil)
	if err != nil {
		log.Fatal(err)
	}
	message, err := json.Marshal(plan)
	if err != nil {
		log.Fatal(err)
	}
	for machine := range 2 { // each in a process of its own
		var p multipart.Plan
		if err := json.Unmarshal(message, &p); err != nil {
			log.Fatal(err)
		}
		worker := multipart.NewUploader(srv.Client(), nil)
		if _, err := worker.UploadParts(ctx, p, src, p.Share(machine, 2)); err != nil {
			log.Fatal(err)
		}
	}
	res, err := coordinator.Finish(ctx, plan, nil) // OSS lists the parts
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Parts, "parts")
	// Output: 4 parts
}

// Abort abandoned uploads, or with DryRun only list them.
func ExampleUploader_Sweep() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	up := multipart.NewUploader(srv.Client(), nil)
	if _, err := up.Begin(ctx, "videos", "film.mp4", 30<<20, nil); err != nil {
		log.Fatal(err)
	}

	for swept, err := range up.Sweep(ctx, "videos", &multipart.SweepOptions{OlderThan: time.Nanosecond, DryRun: true}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %d parts of %d bytes\n", swept.Key, swept.Parts, swept.Size)
	}
	// Output: film.mp4: 0 parts of 0 bytes
}

// An UploadError tells why an upload failed and what it left in OSS.
func ExampleUploadError() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2, Effect: osstest.Fail(403, oss.ErrAccessDenied)})

	up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 1 << 20, Concurrency: 1})
	_, err := up.Upload(context.Background(), "backups", "today.tar", strings.NewReader(strings.Repeat("x", 3<<20)),
		nil)

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

// Observe an upload. Calls of the function never overlap.
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

// A Plan says which bytes belong to which part.
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
