package ossblob_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/ossmultipart/go-oss/oss"
	ossblob "github.com/ossmultipart/go-oss/oss/drivers/blob"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// The client of the example is one of a test server. A program creates it with
//
//	client, err := oss.NewClient(oss.Config{Region: "cn-hangzhou"})
//
// or opens the bucket by a URL.
func ExampleOpenBucket() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()

	bucket, err := ossblob.OpenBucket(srv.Client(), "notes", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer bucket.Close()
	if err := bucket.WriteAll(ctx, "2026/today.txt", []byte("buy milk"), nil); err != nil {
		log.Fatal(err)
	}
	for list := bucket.List(nil); ; {
		object, err := list.Next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(object.Key, object.Size)
	}

	_, err = bucket.ReadAll(ctx, "2026/tomorrow.txt")
	var refused *oss.ServiceError
	fmt.Println(gcerrors.Code(err), errors.As(err, &refused) && refused.Code == oss.ErrNoSuchKey)
	// Output:
	// 2026/today.txt 8
	// NotFound true
}

// Importing the package registers the scheme oss.
func ExampleURLOpener() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()

	// A program calls blob.OpenBucket, whose keys are those of credentials.Default.
	mux := new(blob.URLMux)
	mux.RegisterBucket(ossblob.Scheme, &ossblob.URLOpener{Config: srv.Config()})
	bucket, err := mux.OpenBucket(ctx, "oss://notes?region=cn-hangzhou&prefix=2026/")
	if err != nil {
		log.Fatal(err)
	}
	defer bucket.Close()
	fmt.Println(bucket.WriteAll(ctx, "today.txt", []byte("buy milk"), nil))
	_, stored := srv.Object("notes", "2026/today.txt")
	fmt.Println(stored)
	// Output:
	// <nil>
	// true
}
