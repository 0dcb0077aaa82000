package ossdistribution_test

import (
	"context"
	"fmt"
	"log"

	ossdistribution "github.com/ossmultipart/go-oss/oss/drivers/distribution"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A registry suspends an upload after each request, and continues it in the next one. The client of the example is one
// of a test server.
func ExampleNew() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	driver, err := ossdistribution.New(srv.Client(), "images", &ossdistribution.Options{RootDirectory: "registry"})
	if err != nil {
		log.Fatal(err)
	}
	for _, chunk := range []string{"one layer ", "in two requests"} {
		w, err := driver.Writer(ctx, "/upload/data", chunk != "one layer ")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("at byte", w.Size())
		if _, err := w.Write([]byte(chunk)); err != nil {
			log.Fatal(err)
		}
		if err := w.Close(); err != nil {
			log.Fatal(err)
		}
	}
	w, err := driver.Writer(ctx, "/upload/data", true)
	if err != nil {
		log.Fatal(err)
	}
	if err := w.Commit(ctx); err != nil {
		log.Fatal(err)
	}
	if err := driver.Move(ctx, "/upload/data", "/blobs/layer"); err != nil {
		log.Fatal(err)
	}
	content, err := driver.GetContent(ctx, "/blobs/layer")
	fmt.Printf("%s %v\n", content, err)
	// Output:
	// at byte 0
	// at byte 10
	// one layer in two requests <nil>
}
