package oss_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// Unfinished uploads are billed until they are completed or aborted. Uploads lists those of a bucket, by key.
func ExampleClient_Uploads() {
	ctx, client, done := example()
	defer done()
	for _, key := range []string{"videos/b.mp4", "photos/cat.jpg", "videos/a.mp4"} {
		if _, err := client.InitiateMultipartUpload(ctx, "bucket", key, nil); err != nil {
			log.Fatal(err)
		}
	}

	for up, err := range client.Uploads(ctx, "bucket", &oss.ListUploadsOptions{Prefix: "videos/"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(up.Key, "has an upload ID:", up.ID != "")
	}
	// Output:
	// videos/a.mp4 has an upload ID: true
	// videos/b.mp4 has an upload ID: true
}

// Parts iterates over all parts. ListParts fetches one page, for example to show it, and Next leads to the following
// page.
func ExampleClient_ListParts() {
	ctx, client, done := example()
	defer done()
	up, err := client.InitiateMultipartUpload(ctx, "bucket", "key", nil)
	if err != nil {
		log.Fatal(err)
	}
	for number := 1; number <= 3; number++ {
		if _, err := client.UploadPart(ctx, up, number, strings.NewReader("data"), nil); err != nil {
			log.Fatal(err)
		}
	}

	opts := &oss.ListPartsOptions{PageSize: 2}
	for {
		page, err := client.ListParts(ctx, up, opts)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("parts:", len(page.Parts))
		if page.Next == 0 {
			break
		}
		opts.After = page.Next
	}
	// Output:
	// parts: 2
	// parts: 1
}

// A part can come from an object that exists, so that appending to it moves only the new bytes.
func ExampleClient_UploadPartCopy() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	ctx, client := context.Background(), srv.Client()
	srv.PutObject("logs", "app.log", []byte(strings.Repeat("old\n", 25<<10)))

	up, err := client.InitiateMultipartUpload(ctx, "logs", "app.log", nil)
	if err != nil {
		log.Fatal(err)
	}
	one, err := client.UploadPartCopy(ctx, up, 1, oss.CopySource{Bucket: "logs", Key: "app.log"}, nil)
	if err != nil {
		log.Fatal(err)
	}
	two, err := client.UploadPart(ctx, up, 2, strings.NewReader("new\n"), nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.CompleteMultipartUpload(ctx, up, []oss.Part{one, two}, nil); err != nil {
		log.Fatal(err)
	}
	info, err := client.HeadObject(ctx, "logs", "app.log", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Size, "bytes")
	// Output: 102404 bytes
}
