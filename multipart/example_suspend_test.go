package multipart_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// Upload a stream in several requests to a server, each of which another process may receive. Between two requests
// there is only the Checkpoint, as JSON.
func ExampleWriter_Suspend() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()

	var saved []byte // in a database, for example
	for i, chunk := range []string{strings.Repeat("a", 300<<10), strings.Repeat("b", 50<<10), "c"} {
		up := multipart.NewUploader(srv.Client(), nil)
		w := up.NewWriter(ctx, "videos", "holiday.mp4", nil)
		if i > 0 {
			var cp multipart.Checkpoint
			err := json.Unmarshal(saved, &cp)
			if err == nil {
				w, err = up.ContinueWriter(ctx, &cp, nil)
			}
			if err != nil {
				log.Fatal(err)
			}
		}
		fmt.Println("continue at byte", w.Size())
		if _, err := strings.NewReader(chunk).WriteTo(w); err != nil {
			log.Fatal(err)
		}
		cp, err := w.Suspend(ctx)
		if err == nil {
			saved, err = json.Marshal(cp)
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d bytes: %d in parts, %d in the checkpoint\n", cp.Size, cp.Size-int64(len(cp.Tail)), len(cp.Tail))
	}
	// Output:
	// continue at byte 0
	// 307200 bytes: 307200 in parts, 0 in the checkpoint
	// continue at byte 307200
	// 358400 bytes: 307200 in parts, 51200 in the checkpoint
	// continue at byte 358400
	// 358401 bytes: 307200 in parts, 51201 in the checkpoint
}

// Complete a suspended upload. The CRC-64 of the object is compared with that of the bytes of both processes.
func ExampleUploader_ContinueWriter() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()

	w := multipart.NewUploader(srv.Client(), nil).NewWriter(ctx, "logs", "app.log", nil)
	fmt.Fprint(w, strings.Repeat("a line\n", 100000))
	cp, err := w.Suspend(ctx)
	if err != nil {
		log.Fatal(err)
	}

	w, err = multipart.NewUploader(srv.Client(), nil).ContinueWriter(ctx, cp, nil)
	if errors.Is(err, oss.ErrNoSuchUpload) || errors.Is(err, multipart.ErrStaleCheckpoint) {
		log.Fatal("begin again: ", err)
	} else if err != nil {
		log.Fatal(err)
	}
	defer w.Abort()
	fmt.Fprint(w, "the last line\n")
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d bytes in %d parts, %d of them from the first process\n",
		w.Result().Size, w.Result().Parts, w.Result().Reused)
	// Output: 700014 bytes in 2 parts, 1 of them from the first process
}

// Continue an upload of which only bucket, key and upload ID are known. Its state is in a sidecar, beside the object.
func ExampleUploader_OpenWriter() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	up := multipart.NewUploader(srv.Client(), &multipart.Options{Sidecar: true})

	w := up.NewWriter(ctx, "registry", "uploads/42/data", nil)
	fmt.Fprint(w, strings.Repeat("layer", 50000))
	if _, err := w.Suspend(ctx); err != nil {
		log.Fatal(err)
	}

	for p, err := range up.Unfinished(ctx, "registry", "uploads/42/data") {
		if err != nil {
			log.Fatal(err)
		}
		w, err := up.OpenWriter(ctx, p.Upload, nil)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("continue at byte", w.Size())
		if err := w.Close(); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(srv.Objects("registry"))
	// Output:
	// continue at byte 250000
	// [uploads/42/data]
}

// Forget what came after a checkpoint of the caller's own. Only the beginning, the end of a part and the bytes after
// the last part are possible.
func ExampleWriter_Truncate() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	w := multipart.NewUploader(srv.Client(), nil).NewWriter(context.Background(), "ingest", "blob", nil)
	defer w.Abort()
	fmt.Fprint(w, strings.Repeat("x", 3<<20))

	err := w.Truncate(1 << 20)
	fmt.Println(errors.Is(err, multipart.ErrInsidePart))
	fmt.Println(w.Truncate(2<<20), w.Size())
	// Output:
	// true
	// <nil> 2097152
}

// Continue an upload by a name of the caller's, on any machine: the records are in OSS too.
func ExampleUploader_NamedWriter() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()

	for i := range 3 { // each time in another process
		store, err := multipart.NewObjectStore(srv.Client(), "state", "uploads/")
		if err != nil {
			log.Fatal(err)
		}
		up := multipart.NewUploader(srv.Client(), &multipart.Options{Store: store})
		w, err := up.NamedWriter(ctx, "upload 42", "videos", "holiday.mp4", nil)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("continue at byte", w.Size())
		fmt.Fprint(w, strings.Repeat("x", 200000))
		if i == 2 {
			err = w.Close()
		} else {
			_, err = w.Suspend(ctx)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
	obj, _ := srv.Stat("videos", "holiday.mp4")
	fmt.Println(obj.Size, "bytes;", len(srv.Objects("state")), "records left")
	// Output:
	// continue at byte 0
	// continue at byte 200000
	// continue at byte 400000
	// 600000 bytes; 0 records left
}

// Keep the records of unfinished uploads in OSS, for machines without disks.
func ExampleNewObjectStore() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	store, err := multipart.NewObjectStore(srv.Client(), "state", ".uploads/")
	if err != nil {
		log.Fatal(err)
	}
	up := multipart.NewUploader(srv.Client(), &multipart.Options{Store: store})
	w, err := up.NamedWriter(context.Background(), "a name", "videos", "a.mp4", nil)
	if err == nil {
		fmt.Fprint(w, "the first bytes")
		_, err = w.Suspend(context.Background())
	}
	if err != nil {
		log.Fatal(err)
	}
	for r, err := range store.List(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %d bytes of %s\n", r.ID, r.Plan.Checkpoint.Size, r.Plan.Upload.Key)
	}
	// Output: a name: 15 bytes of a.mp4
}
