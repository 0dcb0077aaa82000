package ossobjstore_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/thanos-io/objstore"

	ossobjstore "github.com/ossmultipart/go-oss/oss/drivers/objstore"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// The client of the example is one of a test server. A program creates it with
//
//	client, err := oss.NewClient(oss.Config{Region: "cn-hangzhou"})
//
// which reads the keys from the environment.
func ExampleNew() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	client, ctx := srv.Client(), context.Background()

	var bucket objstore.Bucket
	bucket, err := ossobjstore.New(client, "metrics", nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := bucket.Upload(ctx, "block/meta.json", strings.NewReader(`{"version":1}`)); err != nil {
		log.Fatal(err)
	}
	err = bucket.Iter(ctx, "", func(name string) error {
		fmt.Println(name)
		return nil
	}, objstore.WithRecursiveIter())
	if err != nil {
		log.Fatal(err)
	}
	r, err := bucket.GetRange(ctx, "block/meta.json", 2, 7)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	part, err := io.ReadAll(r)
	fmt.Printf("%s %v\n", part, err)
	// Output:
	// block/meta.json
	// version <nil>
}
